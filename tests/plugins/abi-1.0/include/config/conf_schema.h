/*
 * Schema rows: the one description of every configuration key. A row gives key, type, place in a
 * C struct, default, limits, reload scope and documentation; parsing, `sennit check`, the manual
 * page sennit.toml(5), the effective view and command-line options all read the same rows.
 *
 * A module declares a struct for its settings and rows for its members:
 *
 *   static const struct sn_conf_item irc_items[] = {
 *           { "network", SN_CONF_STRING, offsetof(struct irc_conf, network), .def = "Sennit",
 *             .max = 32, .reload = SN_RELOAD_LIVE,
 *             .doc = "Name of the network, shown to clients." },
 *           ...
 *   };
 */
#ifndef SN_CONFIG_CONF_SCHEMA_H
#define SN_CONFIG_CONF_SCHEMA_H

#include "config/conf_toml.h"
#include "daemon/net/endpoint.h"

enum sn_conf_type {       /* TOML form                 member's C type */
	SN_CONF_STRING,   /* "text"                    struct sn_str, NUL-terminated */
	SN_CONF_BOOL,     /* true                      bool */
	SN_CONF_INT,      /* 5                         int64_t */
	SN_CONF_SIZE,     /* "16KiB" or 16384          uint64_t, bytes */
	SN_CONF_DURATION, /* "30s"                     int64_t, ns */
	SN_CONF_ENUM,     /* one of the choices        int, index into choices */
	SN_CONF_PATH,     /* "motd.txt"                struct sn_str, relative to the naming file */
	SN_CONF_SECRET,   /* "text", or KEY_file=PATH  struct sn_str; never shown, wiped on free */
	SN_CONF_STRINGS,  /* ["a", "b"] or "a"         struct sn_conf_strings */
	SN_CONF_LISTEN,   /* ["tcp:80"], "tcp:80", 80  struct sn_conf_endpoints, server side */
	SN_CONF_CONNECT,  /* the same, client side     struct sn_conf_endpoints */
};

/* What must happen for a changed value to take effect. */
enum sn_conf_reload {
	SN_RELOAD_LIVE,     /* the running service takes it at once */
	SN_RELOAD_LISTENER, /* listeners are reopened; connections stay */
	SN_RELOAD_SERVICE,  /* the service restarts */
	SN_RELOAD_PROCESS,  /* the whole daemon restarts */
};

enum sn_conf_item_flags {
	SN_CONF_REQUIRED = 1, /* no default: a missing key is an error */
	SN_CONF_PRIVATE = 2,  /* STRINGS that may hold secrets behind their first ':': the effective
				 view shows "***" there */
	SN_CONF_OR_NUMBER = 4, /* STRING that may be written as an integer, too */
};

struct sn_conf_item {
	const char *key;
	enum sn_conf_type type;
	size_t offset;
	const char *def;            /* default as TOML text without quotes for string-like types;
				       NULL: zero, empty, false */
	int64_t min, max;           /* INT, SIZE, DURATION: the value; strings: bytes; lists:
				       entries. max 0: type's own limit */
	const char *const *choices; /* ENUM: NULL-ended */
	unsigned flags;
	enum sn_conf_reload reload;
	const char *option; /* command-line option ("listen" for --listen), or NULL */
	const char *meta;   /* what the option takes in help: "EP", "FILE"; NULL: by type */
	const char *doc;    /* one or more sentences; required */
};

struct sn_conf_strings {
	struct sn_str *items;
	struct sn_conf_pos *positions; /* of each, for later errors */
	size_t count;
};

struct sn_conf_endpoint {
	struct sn_endpoint *endpoint;
	struct sn_conf_pos pos; /* of the string, for later errors (port taken, no such file) */
};

struct sn_conf_endpoints {
	struct sn_conf_endpoint *items;
	size_t count;
};

/* The rows of one kind of table and the struct they fill. */
struct sn_conf_section {
	const char *name; /* "irc": the value of `type`; or the table's own name */
	const struct sn_conf_item *items;
	size_t count;
	size_t size; /* of the struct */
	const char *doc;
	/* Relations between keys; reports into diags. May be NULL. pos: the table's header. */
	void (*check)(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags);
};

/*
 * A place in the file. Plain: [name] filled from `section`. Named: [name.NAME], any number; when
 * `typed`, each has a `type` key (default: NAME itself if such a type exists) that chooses its
 * rows through `find`, on top of the rows of `section` common to all (may be NULL).
 */
struct sn_conf_table {
	const char *name;
	bool named, typed;
	const struct sn_conf_section *section;
	const struct sn_conf_section *(*find)(struct sn_str type);
	/* Types known to `find`, for messages and the manual page: i = 0, 1, ... until NULL. */
	const struct sn_conf_section *(*at)(size_t i);
	const char *doc;
};

struct sn_conf_schema {
	const struct sn_conf_table *tables;
	size_t count;
};

/* Programmer errors in rows (no doc, default does not parse, offset outside size, two keys alike):
 * SN_OK or SN_ECONFIG with text; a unit test runs it over every registered section. */
int sn_conf_section_verify(
	const struct sn_conf_section *section, struct sn_diag *diag) SN_WARN_UNUSED;
/*
 * What differs between two filled structs of one section: bits 1 << enum sn_conf_reload of the rows
 * whose values are not the same; fn (may be NULL) hears of each. Endpoints differ when their texts
 * do.
 */
typedef void (*sn_conf_change_fn)(void *context, const struct sn_conf_item *item);
unsigned sn_conf_changes(const struct sn_conf_section *section, const void *a, const void *b,
	sn_conf_change_fn fn, void *context);
/* Text for a manual page: nothing in it is a request or an escape of groff's. */
void sn_conf_man_text(struct sn_strbuf *out, struct sn_str text);
/* sennit.toml(5) in man format, generated from the rows. */
void sn_conf_schema_man(const struct sn_conf_schema *schema, struct sn_strbuf *out);

#endif
