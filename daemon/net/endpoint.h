/*
 * Endpoint strings: one text says where to listen or connect, for every service.
 *
 *   tcp:8080:interface=127.0.0.1     tls:/etc/certs:tcp:443     unix:/run/x.sock:mode=660
 *
 * Grammar (Twisted's, reference oracle in the tests): arguments separated by ':'; `key=value`
 * makes a named one; inside a value '=' is plain; a backslash takes the next character literally
 * anywhere. Wrapping types (tls:, haproxy:) take the rest as an inner endpoint: its arguments
 * follow unescaped. Differences, on purpose: the type word's case does not matter, a bare port
 * number means tcp, integers are checked for range here, and every error has its column.
 *
 * A parsed endpoint is a pure value in a pool: no file, no name look-up, no socket. It prints back
 * to a text that parses to the same value.
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
};

/* How a parameter's text is read. */
enum sn_param_kind {
	SN_PARAM_TEXT,
	SN_PARAM_INT,   /* Python's int(): blanks around, sign, '_' between digits; min..max */
	SN_PARAM_OCTAL, /* with optional 0o */
	SN_PARAM_BOOL,  /* any integer; 0 is false */
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
	const char *def; /* NULL: absent */
	const char *doc;
};

struct sn_endpoint;
struct sn_listen_plan;
struct sn_connect_plan;

/*
 * A type of endpoint: this is the interface that plugins will use. Rows are const and live as long
 * as the process. Parsing and checking need nothing but the rows; the plan functions (net/plan.h)
 * turn a value into what listener and connector do.
 */
struct sn_endpoint_type {
	size_t size;      /* of this struct as compiled: members beyond it are absent */
	const char *word; /* "tcp": lower case */
	enum sn_endpoint_side side;
	const struct sn_param *params; /* in positional order */
	size_t param_count;
	bool wraps;         /* the remaining text is an inner endpoint of the same side */
	bool ignores_args;  /* stdio: anything is accepted */
	const char *doc;
	const char *example;
	/* Relations between parameters. May be NULL. */
	int (*check)(const struct sn_endpoint *ep, struct sn_diag *diag);
	/* Server side; see net/plan.h. */
	int (*plan_listen)(const struct sn_endpoint *ep, struct sn_listen_plan *plan,
		struct sn_diag *diag);
	/* Client side. */
	int (*plan_connect)(const struct sn_endpoint *ep, struct sn_connect_plan *plan,
		struct sn_diag *diag);
	/* Turn raw arguments into the row's order where a type has rules of its own (client
	 * tcp's "one lone positional is the port if host= is given"). May be NULL. */
	int (*bind)(struct sn_endpoint *ep, struct sn_diag *diag);
};

struct sn_endpoint_value {
	bool given;        /* else the default */
	struct sn_str text;
	int64_t number;    /* INT, OCTAL, BOOL */
	size_t column;
};

struct sn_endpoint {
	const struct sn_endpoint_type *type;
	struct sn_str source; /* the whole text as given */
	size_t column;        /* where this (inner) endpoint begins in source */
	struct sn_endpoint_arg *args;
	size_t arg_count;     /* without the type word */
	struct sn_endpoint_value *values; /* one per type->params */
	struct sn_endpoint *inner;        /* wrapping types */
	struct sn_pool *pool;
};

/* Register a type; word+side must be new. The built-in ones are registered by sn_endpoints_init. */
int sn_endpoint_register(const struct sn_endpoint_type *type) SN_WARN_UNUSED;
void sn_endpoints_init(void); /* once, before threads; again: nothing happens */
const struct sn_endpoint_type *sn_endpoint_type_find(enum sn_endpoint_side side, struct sn_str word);
const struct sn_endpoint_type *sn_endpoint_type_at(size_t i); /* NULL at the end */

/*
 * Parse text into pool. Errors: SN_ESYNTAX, SN_EUNKNOWN (type or key), SN_EMISSING, SN_EDUPLICATE,
 * SN_ENUMBER, SN_ERANGE, each with text and column in *diag.
 */
int sn_endpoint_parse(struct sn_pool *pool, enum sn_endpoint_side side, struct sn_str text,
	struct sn_endpoint **ep_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Only the tokens, as Twisted's _parse: for tests and tools. */
int sn_endpoint_tokens(struct sn_pool *pool, struct sn_str text, struct sn_endpoint_arg **args_r,
	size_t *count_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* The value of a parameter by its name (asserted to exist). */
const struct sn_endpoint_value *sn_endpoint_get(const struct sn_endpoint *ep, const char *param);
/* Canonical text: positional where possible, escapes where needed. */
void sn_endpoint_format(const struct sn_endpoint *ep, struct sn_strbuf *out);
/* value with ':' and '\' (and a '=' where it would split) escaped. */
void sn_endpoint_quote(struct sn_str value, struct sn_strbuf *out);

#endif
