#include "daemon/auth/authorized_keys.h"

#include <time.h>

#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/base/clock.h"
#include "daemon/base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- from --------------------------------------------------------------------------------------
 */

struct network {
	struct sn_addr addr;
	unsigned bits;
};

static struct sn_str address_bytes(const struct sn_addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return sn_str_n(&addr->in.sin_addr, sizeof(addr->in.sin_addr));
	return sn_str_n(&addr->in6.sin6_addr, sizeof(addr->in6.sin6_addr));
}

static bool same_prefix(struct sn_str a, struct sn_str b, unsigned bits)
{
	const size_t whole = bits / 8;
	const unsigned rest = bits % 8;

	if (a.n != b.n || memcmp(a.p, b.p, whole) != 0)
		return false;
	return rest == 0 ||
		(((unsigned char)a.p[whole] ^ (unsigned char)b.p[whole]) >> (8 - rest)) == 0;
}

static bool has_bits_beyond(struct sn_str bytes, unsigned bits)
{
	for (unsigned i = bits; i < bytes.n * 8; i++) {
		if (((unsigned char)bytes.p[i / 8] & (0x80u >> (i % 8))) != 0)
			return true;
	}
	return false;
}

/* SN_ENOTFOUND: no address, so perhaps a pattern. */
static int parse_network(struct sn_str text, struct network *network_r)
{
	const size_t slash = sn_str_find(text, '/');
	struct sn_str bytes;
	uint64_t bits;

	if (sn_addr_parse(sn_str_sub(text, 0, slash), 0, &network_r->addr) != SN_OK)
		return SN_ENOTFOUND;
	bytes = address_bytes(&network_r->addr);
	network_r->bits = (unsigned)bytes.n * 8;
	if (slash == text.n)
		return SN_OK;
	if (sn_parse_u64(sn_str_from(text, slash + 1), bytes.n * 8, &bits) != SN_OK)
		return SN_ENOTFOUND;
	network_r->bits = (unsigned)bits;
	return has_bits_beyond(bytes, network_r->bits) ? SN_ESYNTAX : SN_OK;
}

/* SN_OK, SN_EDENIED, SN_ESYNTAX. */
static int match_one(struct sn_str pattern, const struct sn_addr *addr, struct sn_str text)
{
	struct network network;
	const int code = parse_network(pattern, &network);

	if (code == SN_ESYNTAX)
		return code;
	if (code == SN_ENOTFOUND)
		return sn_str_glob(pattern, text) ? SN_OK : SN_EDENIED;
	return same_prefix(address_bytes(&network.addr), address_bytes(addr), network.bits)
		? SN_OK
		: SN_EDENIED;
}

static int match_list(struct sn_str patterns, const struct sn_addr *addr, struct sn_str text)
{
	int result = SN_EDENIED;
	struct sn_str pattern;

	while (sn_str_split(&patterns, ',', &pattern)) {
		const bool negated = sn_str_starts(pattern, SN_STR("!"));
		const int code = match_one(negated ? sn_str_from(pattern, 1) : pattern, addr, text);

		if (code == SN_ESYNTAX)
			return code;
		if (code == SN_OK && negated)
			return SN_EDENIED;
		if (code == SN_OK)
			result = SN_OK;
	}
	return result;
}

int sn_authorized_from(struct sn_str patterns, const struct sn_addr *peer)
{
	char mem[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf text;
	struct sn_addr addr;

	if (peer == NULL || (peer->sa.sa_family != AF_INET && peer->sa.sa_family != AF_INET6) ||
		peer->len == 0)
		return SN_EDENIED;
	addr = *peer;
	sn_addr_unmap(&addr);
	sn_strbuf_fixed(&text, mem, sizeof(mem));
	sn_addr_format_host(&addr, &text);
	return match_list(patterns, &addr, sn_strbuf_str(&text));
}

/* --- expiry-time -------------------------------------------------------------------------------
 */

static bool take_field(struct sn_str *rest, size_t digits, int min, int max, int *field)
{
	const struct sn_str text = sn_str_sub(*rest, 0, digits);
	uint64_t value;

	if (text.n != digits || sn_parse_u64(text, (uint64_t)max, &value) != SN_OK ||
		(int)value < min)
		return false;
	*field = (int)value;
	*rest = sn_str_from(*rest, digits);
	return true;
}

int sn_authorized_expiry(struct sn_str text, int64_t *wall_ns_r)
{
	const bool utc = sn_str_ends(text, SN_STR("Z")) || sn_str_ends(text, SN_STR("z"));
	struct sn_str rest = sn_str_sub(text, 0, text.n - (utc ? 1 : 0));
	struct tm tm = { .tm_isdst = -1 };
	time_t seconds;

	if (rest.n != 8 && rest.n != 12 && rest.n != 14)
		return SN_ESYNTAX;
	if (!take_field(&rest, 4, 1970, 9999, &tm.tm_year) ||
		!take_field(&rest, 2, 1, 12, &tm.tm_mon) ||
		!take_field(&rest, 2, 1, 31, &tm.tm_mday) ||
		(rest.n > 0 && !take_field(&rest, 2, 0, 23, &tm.tm_hour)) ||
		(rest.n > 0 && !take_field(&rest, 2, 0, 59, &tm.tm_min)) ||
		(rest.n > 0 && !take_field(&rest, 2, 0, 60, &tm.tm_sec)))
		return SN_ESYNTAX;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = utc ? timegm(&tm) : mktime(&tm);
	if (seconds <= 0)
		return SN_ESYNTAX;
	/* Beyond what nanoseconds can say is never. */
	*wall_ns_r = seconds < INT64_MAX / SN_SEC(1) ? (int64_t)seconds * SN_SEC(1) : INT64_MAX;
	return SN_OK;
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool is_variable(struct sn_str value)
{
	const size_t n = sn_str_find(value, '=');

	for (size_t i = 0; i < n; i++) {
		if (!sn_ascii_alpha(value.p[i]) && !sn_ascii_digit(value.p[i]) && value.p[i] != '_')
			return false;
	}
	return n > 0 && n < value.n;
}

static bool is_port(struct sn_str text)
{
	uint64_t port;

	return sn_str_eq(text, SN_STR("*")) ||
		(sn_parse_u64(text, UINT16_MAX, &port) == SN_OK && port > 0);
}

/* host:port, [v6]:port. */
static bool is_host_and_port(struct sn_str value)
{
	size_t colon = sn_str_find(value, ':');

	if (sn_str_starts(value, SN_STR("["))) {
		colon = sn_str_find(value, ']') + 1;
		if (colon >= value.n || value.p[colon] != ':')
			return false;
	}
	return colon > 0 && colon < value.n && is_port(sn_str_from(value, colon + 1));
}

static bool is_listen_spec(struct sn_str value)
{
	return sn_str_find(value, ':') == value.n ? is_port(value) : is_host_and_port(value);
}

static bool is_tunnel(struct sn_str value)
{
	uint64_t unit;

	return sn_str_eq(value, SN_STR("any")) || sn_parse_u64(value, INT32_MAX, &unit) == SN_OK;
}

static bool is_anything(struct sn_str value)
{
	(void)value;
	return true;
}

/* --- options -----------------------------------------------------------------------------------
 */

enum row_kind {
	FLAG,       /* the session learns of it */
	VALUE,      /* likewise, with a value */
	FROM,       /* decided here */
	EXPIRY,     /* decided here */
	AUTHORITY,  /* voids the line */
	PRINCIPALS, /* of certificates: likewise */
};

static const struct row {
	const char *name;
	enum row_kind kind;
	bool once; /* a second one voids the line */
	bool (*is_valid)(struct sn_str value);
} rows[] = {
	{ "agent-forwarding", FLAG, false, NULL },
	{ "cert-authority", AUTHORITY, false, NULL },
	{ "command", VALUE, true, is_anything },
	{ "environment", VALUE, false, is_variable },
	{ "expiry-time", EXPIRY, false, is_anything },
	{ "from", FROM, true, is_anything },
	{ "no-agent-forwarding", FLAG, false, NULL },
	{ "no-port-forwarding", FLAG, false, NULL },
	{ "no-pty", FLAG, false, NULL },
	{ "no-touch-required", FLAG, false, NULL },
	{ "no-user-rc", FLAG, false, NULL },
	{ "no-verify-required", FLAG, false, NULL },
	{ "no-X11-forwarding", FLAG, false, NULL },
	{ "permitlisten", VALUE, false, is_listen_spec },
	{ "permitopen", VALUE, false, is_host_and_port },
	{ "port-forwarding", FLAG, false, NULL },
	{ "principals", PRINCIPALS, true, is_anything },
	{ "pty", FLAG, false, NULL },
	{ "restrict", FLAG, false, NULL },
	{ "touch-required", FLAG, false, NULL },
	{ "tunnel", VALUE, false, is_tunnel },
	{ "user-rc", FLAG, false, NULL },
	{ "verify-required", FLAG, false, NULL },
	{ "X11-forwarding", FLAG, false, NULL },
};

struct reading {
	const struct sn_addr *peer;
	int64_t wall;
	struct sn_strbuf *out;
	struct sn_diag *diag;
	uint32_t seen; /* bits of rows */
	int refusal;   /* once the whole line is known to be valid */
	struct sn_diag why;
};

static void refuse(struct reading *reading, int code, const char *why)
{
	if (reading->refusal == SN_OK)
		reading->refusal = sn_diag_set(&reading->why, code, 0, "%s", why);
}

static void pass_on(struct reading *reading, const struct row *row, struct sn_str value)
{
	struct sn_strbuf *out = reading->out;

	sn_strbuf_adds(out, out->n > 0 ? "," : "");
	sn_strbuf_adds(out, row->name);
	if (row->kind == VALUE) {
		sn_strbuf_adds(out, "=\"");
		sn_strbuf_add(out, value);
		sn_strbuf_addc(out, '"');
	}
}

static int read_from(struct reading *reading, struct sn_str value)
{
	const int code = sn_authorized_from(value, reading->peer);

	if (code == SN_ESYNTAX)
		return sn_diag_set(reading->diag, code, 0,
			"from=\"%.*s\": a network has bits set beyond its mask", SN_STR_ARG(value));
	if (code != SN_OK)
		refuse(reading, code, "the key is not accepted from this address (from=)");
	return SN_OK;
}

static int read_expiry(struct reading *reading, struct sn_str value)
{
	int64_t expires;

	if (sn_authorized_expiry(value, &expires) != SN_OK)
		return sn_diag_set(reading->diag, SN_ESYNTAX, 0,
			"expiry-time=\"%.*s\" is not YYYYMMDD[HHMM[SS]][Z]", SN_STR_ARG(value));
	if (reading->wall >= expires)
		refuse(reading, SN_EDENIED, "the key has expired (expiry-time=)");
	return SN_OK;
}

static int read_option(struct reading *reading, const struct row *row, struct sn_str value)
{
	switch (row->kind) {
	case FROM:
		return read_from(reading, value);
	case EXPIRY:
		return read_expiry(reading, value);
	case AUTHORITY:
		refuse(reading, SN_EUNSUPPORTED, "certificates are not supported (cert-authority)");
		return SN_OK;
	case PRINCIPALS:
		refuse(reading, SN_EUNSUPPORTED, "certificates are not supported (principals=)");
		return SN_OK;
	default:
		pass_on(reading, row, value);
		return SN_OK;
	}
}

static const struct row *find_row(struct sn_str name)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (sn_str_eq_nocase(name, sn_str(rows[i].name)))
			return &rows[i];
	}
	return NULL;
}

static int check_option(struct reading *reading, struct sn_str name, struct sn_str value)
{
	const struct row *row = find_row(name);
	uint32_t bit;

	if (row == NULL)
		return sn_diag_set(reading->diag, SN_ESYNTAX, 0,
			"\"%.*s\" is no option of authorized_keys", SN_STR_ARG(name));
	if ((row->is_valid != NULL) != (value.p != NULL))
		return sn_diag_set(reading->diag, SN_ESYNTAX, 0, "%s %s", row->name,
			row->is_valid != NULL ? "needs a value in double quotes"
					      : "takes no value");
	if (row->is_valid != NULL && !row->is_valid(value))
		return sn_diag_set(reading->diag, SN_ESYNTAX, 0, "%s=\"%.*s\" is malformed",
			row->name, SN_STR_ARG(value));
	bit = UINT32_C(1) << (row - rows);
	if (row->once && (reading->seen & bit) != 0)
		return sn_diag_set(
			reading->diag, SN_ESYNTAX, 0, "%s is given more than once", row->name);
	reading->seen |= bit;
	return read_option(reading, row, value);
}

int sn_authorized_options(struct sn_str options, const struct sn_addr *peer, int64_t wall_ns,
	struct sn_strbuf *session_options, struct sn_diag *diag)
{
	struct reading reading = {
		.peer = peer, .wall = wall_ns, .out = session_options, .diag = diag
	};
	struct sn_str name, value;
	int code = SN_OK;

	_Static_assert(COUNT(rows) <= 32, "a bit for each");
	while (code == SN_OK && sn_authorized_key_option(&options, &name, &value))
		code = check_option(&reading, name, value);
	if (code == SN_OK && options.n > 0)
		code = sn_diag_set(diag, SN_ESYNTAX, 0, "the options are malformed");
	if (code == SN_OK && reading.refusal != SN_OK)
		code = sn_diag_set(diag, reading.refusal, 0, "%s", reading.why.text);
	return code == SN_OK ? session_options->err : code;
}
