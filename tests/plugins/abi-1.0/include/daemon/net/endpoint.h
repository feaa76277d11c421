/*
 * Endpoint strings: one text says where to listen or connect, for every service.
 *
 *   tcp:8080:interface=127.0.0.1     tls:/etc/certs:tcp:443     unix:/run/x.sock:mode=660
 *
 * Grammar (Twisted's, reference oracle in the tests): arguments separated by ':'; `key=value`
 * makes a named one; inside a value '=' is plain; a backslash takes the next character literally
 * anywhere. The first positional argument is the type word. Wrapping types (tls:, haproxy:) fill
 * their own positional parameters first; the next positional argument starts the inner endpoint,
 * whose arguments follow unescaped. Own named parameters stand before the inner endpoint; a name
 * that the wrapper does not know belongs to the inner one wherever it stands (Twisted's haproxy:).
 *
 * Differences from Twisted, on purpose: the type word's case does not matter; a server's type word
 * of digits only is a port and means tcp (`8080:interface=127.0.0.1`); integers are checked for
 * range here and have ASCII digits; a NUL byte is an error (abstract unix names begin with '@');
 * files are not read; no backlog given means the system's maximum, not 50; every error has its
 * column.
 *
 * A parsed endpoint is a pure value in a pool: no file, no name look-up, no socket. It prints back
 * to a text that parses to the same value. endpoint*.c stand on base alone: what opens sockets is
 * attached to the types by a later layer (struct sn_endpoint_ops).
 */
#ifndef SN_DAEMON_NET_ENDPOINT_H
#define SN_DAEMON_NET_ENDPOINT_H

#include "daemon/base/pool.h"
#include "daemon/base/strbuf.h"

enum sn_endpoint_side { SN_SERVER, SN_CLIENT };

/* One argument as written, escapes removed. */
struct sn_endpoint_arg {
	struct sn_str key; /* p == NULL: positional */
	struct sn_str value;
	size_t column;     /* of the value, 1-based, in the whole text */
	size_t key_column; /* of the argument's first byte */
};

/* How a parameter's text is read. */
enum sn_param_kind {
	SN_PARAM_TEXT,
	SN_PARAM_INT,      /* Python's int(): blanks around, sign, '_' between digits; min..max */
	SN_PARAM_OCTAL,    /* with optional 0o */
	SN_PARAM_BOOL,     /* any integer; 0 is false */
	SN_PARAM_CHOICE,   /* one of `choices`; number is its index */
	SN_PARAM_ENDPOINT, /* escaped text of an inner endpoint of the same side, at most one */
};

enum sn_param_flags {
	SN_PARAM_REQUIRED = 1,
	SN_PARAM_KEYWORD_ONLY = 2, /* not filled by position */
};

struct sn_param {
	const char *name;
	enum sn_param_kind kind;
	unsigned flags;
	int64_t min, max;
	const char *def;     /* NULL: absent */
	const char *choices; /* CHOICE: "none|request|require" */
	const char *doc;
};

struct sn_endpoint;
struct sn_listen_plan;
struct sn_connect_plan;

/* What a type does: turns a value into what listener and connector work from (net/plan.h). */
struct sn_endpoint_ops {
	size_t size; /* of this struct as compiled: members beyond it are absent */
	/* Server side. */
	int (*plan_listen)(
		const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag);
	/* Client side. */
	int (*plan_connect)(
		const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag);
};

/*
 * A type of endpoint: this is the interface that plugins will use. Rows are const and live as long
 * as the process. Parsing and checking need nothing but the rows.
 */
struct sn_endpoint_type {
	size_t size;      /* of this struct as compiled: members beyond it are absent */
	const char *word; /* "tcp": lower case */
	enum sn_endpoint_side side;
	const struct sn_param *params; /* in positional order */
	size_t param_count;
	bool wraps;        /* the rest is an inner endpoint; own positionals are REQUIRED then */
	bool ignores_args; /* stdio: anything is accepted */
	bool takes_rest;   /* exec: positionals after the last parameter go to sn_endpoint.rest */
	bool datagram;     /* udp: no stream, so nothing wraps it */
	const char *doc;
	const char *example;
	/* Relations between parameters. May be NULL. */
	int (*check)(const struct sn_endpoint *ep, struct sn_diag *diag);
	/* Turn ep->args into given, text and column of ep->values where a type has rules of its own
	 * (client tcp's "one lone positional is the port if host= is given"). May be NULL. */
	int (*bind)(struct sn_endpoint *ep, struct sn_diag *diag);
	/* NULL in the built-in rows: see sn_endpoint_attach. */
	const struct sn_endpoint_ops *ops;
};

struct sn_endpoint_value {
	bool given;         /* else the default */
	struct sn_str text; /* NUL-terminated; p == NULL: neither given nor a default */
	int64_t number;     /* INT, OCTAL; BOOL: 0 or 1; CHOICE: the index */
	size_t column;      /* 0: not given */
};

struct sn_endpoint {
	const struct sn_endpoint_type *type;
	struct sn_str source; /* the whole text as given */
	size_t column;        /* where this (inner) endpoint begins in source */
	struct sn_endpoint_arg *args;
	size_t arg_count;                 /* without the type word */
	struct sn_endpoint_value *values; /* one per type->params */
	struct sn_str *rest;              /* takes_rest */
	size_t rest_count;
	struct sn_endpoint *inner; /* wrapping types; of an ENDPOINT parameter */
	struct sn_pool *pool;
};

#define SN_ENDPOINT_TYPES_MAX 64 /* registered types, built-in ones included */
#define SN_ENDPOINT_DEPTH_MAX 16 /* endpoints inside one another */

/*
 * Register a type. SN_EDUPLICATE: word and side are taken; SN_EABI: row too short; SN_ESYNTAX: the
 * row contradicts itself; SN_ELIMIT: table full. Before threads, like all that changes the table.
 */
int sn_endpoint_register(const struct sn_endpoint_type *type) SN_WARN_UNUSED;
void sn_endpoints_init(void); /* register the built-in types; again: nothing happens */
/* Give a type that was registered without ops its ops; such a type must exist. */
void sn_endpoint_attach(
	enum sn_endpoint_side side, const char *word, const struct sn_endpoint_ops *ops);
/* NULL while there are none. */
const struct sn_endpoint_ops *sn_endpoint_type_ops(const struct sn_endpoint_type *type);
const struct sn_endpoint_type *sn_endpoint_type_find(
	enum sn_endpoint_side side, struct sn_str word);
const struct sn_endpoint_type *sn_endpoint_type_at(size_t i); /* NULL at the end */

/*
 * For a type's bind function. Keywords: each named argument to its parameter, the last of a name
 * wins, SN_EUNKNOWN with a text. Value: this argument to this parameter, whatever it had before.
 */
int sn_endpoint_bind_keywords(struct sn_endpoint *ep, struct sn_diag *diag) SN_WARN_UNUSED;
void sn_endpoint_bind_value(
	struct sn_endpoint *ep, const char *param, const struct sn_endpoint_arg *arg);

/*
 * Parse text into pool. Errors: SN_ESYNTAX, SN_EUNKNOWN (type or key), SN_EMISSING, SN_EDUPLICATE,
 * SN_ENUMBER, SN_ERANGE, SN_ELIMIT (nesting), each with text and column in *diag. What is missing
 * has the column where it would be written: the end.
 */
int sn_endpoint_parse(struct sn_pool *pool, enum sn_endpoint_side side, struct sn_str text,
	struct sn_endpoint **ep_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Only the tokens, type word included, as Twisted's _parse: for tests and tools. */
int sn_endpoint_tokens(struct sn_pool *pool, struct sn_str text, struct sn_endpoint_arg **args_r,
	size_t *count_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* The value of a parameter by its name (asserted to exist). */
const struct sn_endpoint_value *sn_endpoint_get(const struct sn_endpoint *ep, const char *param);
/* Same type and same values; what was only spelled differently is the same. */
bool sn_endpoint_eq(const struct sn_endpoint *a, const struct sn_endpoint *b);
/* Canonical text: positional where possible, escapes where needed. */
void sn_endpoint_format(const struct sn_endpoint *ep, struct sn_strbuf *out);
/* value with ':', '=' and '\' escaped: safe as any argument. */
void sn_endpoint_quote(struct sn_str value, struct sn_strbuf *out);

#endif
