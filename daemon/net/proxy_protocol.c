#include "daemon/net/proxy_protocol.h"

#include "daemon/base/text.h"
#include "daemon/base/wire.h"

#define V1_PREFIX SN_STR("PROXY ")
#define V2_SIGNATURE SN_STR("\r\n\r\n\0\r\nQUIT\n")
#define V2_FIXED_SIZE 16 /* signature, version and command, family, length */
#define V2_VERSION 2
#define UNIX_FIELD_SIZE 108

enum v2_command { COMMAND_LOCAL, COMMAND_PROXY };
enum v2_family { FAMILY_UNSPEC, FAMILY_INET, FAMILY_INET6, FAMILY_UNIX };
enum v2_transport { TRANSPORT_UNSPEC, TRANSPORT_STREAM, TRANSPORT_DGRAM };

/*
 * Version 1: "PROXY TCP4 SRC DST SPORT DPORT\r\n", "PROXY UNKNOWN[ anything]\r\n".
 */

/* "0", or digits that do not begin with one. */
static int parse_port(struct sn_str text, uint16_t *port_r)
{
	uint64_t port;

	if (text.n > 1 && text.p[0] == '0')
		return SN_EPROTO;
	if (sn_parse_u64(text, UINT16_MAX, &port) != SN_OK)
		return SN_EPROTO;
	*port_r = (uint16_t)port;
	return SN_OK;
}

static int parse_v1_addr(
	struct sn_str ip, struct sn_str port_text, int family, struct sn_addr *addr_r)
{
	uint16_t port;

	if (parse_port(port_text, &port) != SN_OK)
		return SN_EPROTO;
	if (sn_str_find(ip, '%') < ip.n || sn_addr_parse(ip, port, addr_r) != SN_OK)
		return SN_EPROTO;
	return addr_r->sa.sa_family == family ? SN_OK : SN_EPROTO;
}

static int parse_v1_tcp(struct sn_str rest, int family, struct sn_proxy_header *h_r)
{
	struct sn_str field[4];

	for (size_t i = 0; i < 4; i++) {
		if (!sn_str_split(&rest, ' ', &field[i]))
			return SN_EPROTO;
	}
	if (rest.p != NULL)
		return SN_EPROTO;
	h_r->socktype = SOCK_STREAM;
	if (parse_v1_addr(field[0], field[2], family, &h_r->src) != SN_OK)
		return SN_EPROTO;
	return parse_v1_addr(field[1], field[3], family, &h_r->dst);
}

/* line: between the prefix and CRLF. */
static int parse_v1_line(struct sn_str line, struct sn_proxy_header *h_r)
{
	struct sn_str rest = line, protocol;

	h_r->version = 1;
	sn_str_split(&rest, ' ', &protocol);
	if (sn_str_eq(protocol, SN_STR("TCP4")))
		return parse_v1_tcp(rest, AF_INET, h_r);
	if (sn_str_eq(protocol, SN_STR("TCP6")))
		return parse_v1_tcp(rest, AF_INET6, h_r);
	h_r->local = true;
	return sn_str_eq(protocol, SN_STR("UNKNOWN")) ? SN_OK : SN_EPROTO;
}

static int parse_v1(struct sn_str in, struct sn_proxy_header *h_r, size_t *used_r)
{
	const struct sn_str head = sn_str_sub(in, 0, SN_PROXY_V1_MAX - 1); /* where CR may be */
	const size_t cr = sn_str_find(head, '\r');

	if (sn_str_find(head, '\n') < cr)
		return SN_EPROTO;
	if (cr == SN_PROXY_V1_MAX - 1)
		return SN_ELIMIT;
	if (cr + 1 >= in.n)
		return SN_AGAIN;
	if (in.p[cr + 1] != '\n')
		return SN_EPROTO;
	*used_r = cr + 2;
	return parse_v1_line(sn_str_sub(head, V1_PREFIX.n, cr - V1_PREFIX.n), h_r);
}

/*
 * Version 2: binary.
 */

static size_t address_size(unsigned family)
{
	static const size_t sizes[] = {
		[FAMILY_INET] = 4, [FAMILY_INET6] = 16, [FAMILY_UNIX] = UNIX_FIELD_SIZE
	};

	return sizes[family];
}

/* A field of fixed size: a path up to its NUL, or an abstract name, NULs behind it are padding. */
static int parse_unix_field(struct sn_str field, struct sn_addr *addr_r)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	while (field.n > 0 && field.p[field.n - 1] == '\0')
		field.n--;
	memcpy(un.sun_path, field.p, field.n);
	return sn_addr_from_sockaddr((const struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + field.n), addr_r);
}

static int parse_v2_addr(struct sn_str field, unsigned family, struct sn_addr *addr_r)
{
	switch (family) {
	case FAMILY_INET:
		sn_addr_any4(0, addr_r);
		memcpy(&addr_r->in.sin_addr, field.p, field.n);
		return SN_OK;
	case FAMILY_INET6:
		sn_addr_any6(0, addr_r);
		memcpy(&addr_r->in6.sin6_addr, field.p, field.n);
		return SN_OK;
	default:
		return parse_unix_field(field, addr_r) == SN_OK ? SN_OK : SN_EPROTO;
	}
}

static int parse_v2_addrs(struct sn_reader *r, unsigned family, struct sn_proxy_header *h_r)
{
	const struct sn_str src = sn_read_bytes(r, address_size(family));
	const struct sn_str dst = sn_read_bytes(r, address_size(family));

	if (r->err != SN_OK || parse_v2_addr(src, family, &h_r->src) != SN_OK ||
		parse_v2_addr(dst, family, &h_r->dst) != SN_OK)
		return SN_EPROTO;
	if (family != FAMILY_UNIX) {
		sn_addr_set_port(&h_r->src, sn_read_u16(r));
		sn_addr_set_port(&h_r->dst, sn_read_u16(r));
	}
	return r->err == SN_OK ? SN_OK : SN_EPROTO;
}

static bool read_tlv(struct sn_reader *r, uint8_t *type_r, struct sn_str *value_r)
{
	*type_r = sn_read_u8(r);
	*value_r = sn_read_str16(r);
	return r->err == SN_OK;
}

bool sn_proxy_tlv_next(struct sn_str *tlvs, uint8_t *type_r, struct sn_str *value_r)
{
	struct sn_reader r = sn_reader(*tlvs);

	if (!read_tlv(&r, type_r, value_r))
		return false;
	*tlvs = sn_str_from(*tlvs, r.pos);
	return true;
}

static bool tlvs_valid(struct sn_str tlvs)
{
	struct sn_reader r = sn_reader(tlvs);
	struct sn_str value;
	uint8_t type;

	while (sn_reader_left(&r) > 0) {
		if (!read_tlv(&r, &type, &value))
			return false;
	}
	return true;
}

/* Both known, or (UNSPEC) neither: what the specification assigns no meaning is refused. */
static bool family_valid(unsigned family, unsigned transport)
{
	return family <= FAMILY_UNIX && transport <= TRANSPORT_DGRAM &&
		(family == FAMILY_UNSPEC) == (transport == TRANSPORT_UNSPEC);
}

static int parse_v2_body(
	struct sn_str body, unsigned command, unsigned protocol, struct sn_proxy_header *h_r)
{
	const unsigned family = protocol >> 4;
	struct sn_reader r = sn_reader(body);

	h_r->version = 2;
	h_r->local = command == COMMAND_LOCAL || family == FAMILY_UNSPEC;
	if (h_r->local)
		return SN_OK;
	h_r->socktype = (protocol & 0xf) == TRANSPORT_STREAM ? SOCK_STREAM : SOCK_DGRAM;
	if (parse_v2_addrs(&r, family, h_r) != SN_OK)
		return SN_EPROTO;
	h_r->tlvs = sn_str_from(body, r.pos);
	return tlvs_valid(h_r->tlvs) ? SN_OK : SN_EPROTO;
}

static int parse_v2(struct sn_str in, struct sn_proxy_header *h_r, size_t *used_r)
{
	struct sn_reader r = sn_reader(in);
	unsigned command, protocol;
	size_t size;

	sn_read_skip(&r, V2_SIGNATURE.n);
	command = sn_read_u8(&r);
	if (r.err == SN_OK && (command >> 4 != V2_VERSION || (command & 0xf) > COMMAND_PROXY))
		return SN_EPROTO;
	command &= 0xf;
	protocol = sn_read_u8(&r);
	if (r.err == SN_OK && command == COMMAND_PROXY &&
		!family_valid(protocol >> 4, protocol & 0xf))
		return SN_EPROTO;
	size = sn_read_u16(&r);
	if (r.err != SN_OK)
		return SN_AGAIN;
	if (V2_FIXED_SIZE + size > SN_PROXY_HEADER_MAX)
		return SN_ELIMIT;
	if (sn_reader_left(&r) < size)
		return SN_AGAIN;
	*used_r = V2_FIXED_SIZE + size;
	return parse_v2_body(sn_read_bytes(&r, size), command, protocol, h_r);
}

/* What is there of in agrees with mark. */
static bool may_begin(struct sn_str in, struct sn_str mark)
{
	return sn_str_starts(mark, sn_str_sub(in, 0, mark.n));
}

int sn_proxy_parse(struct sn_str in, struct sn_proxy_header *h_r, size_t *used_r)
{
	memset(h_r, 0, sizeof(*h_r));
	if (sn_str_starts(in, V1_PREFIX))
		return parse_v1(in, h_r, used_r);
	if (sn_str_starts(in, V2_SIGNATURE))
		return parse_v2(in, h_r, used_r);
	return may_begin(in, V1_PREFIX) || may_begin(in, V2_SIGNATURE) ? SN_AGAIN : SN_EPROTO;
}

/*
 * Encoding.
 */

/* The family of both addresses, or AF_UNSPEC. */
static int common_family(const struct sn_proxy_header *h)
{
	if (h->local || h->src.len == 0 || h->dst.len == 0)
		return AF_UNSPEC;
	return h->src.sa.sa_family == h->dst.sa.sa_family ? h->src.sa.sa_family : AF_UNSPEC;
}

/* Without a scope: it means nothing on another host. */
static void format_v1_host(struct sn_addr addr, struct sn_strbuf *out)
{
	if (addr.sa.sa_family == AF_INET6)
		addr.in6.sin6_scope_id = 0;
	sn_addr_format_host(&addr, out);
}

size_t sn_proxy_encode_v1(const struct sn_proxy_header *h, char *mem, size_t cap)
{
	const int family = common_family(h);
	struct sn_strbuf out;

	if (cap == 0)
		return 0;
	sn_strbuf_fixed(&out, mem, cap);
	if (h->socktype != SOCK_STREAM || (family != AF_INET && family != AF_INET6)) {
		sn_strbuf_adds(&out, "PROXY UNKNOWN\r\n");
	} else {
		sn_strbuf_adds(&out, family == AF_INET ? "PROXY TCP4 " : "PROXY TCP6 ");
		format_v1_host(h->src, &out);
		sn_strbuf_addc(&out, ' ');
		format_v1_host(h->dst, &out);
		sn_strbuf_addf(&out, " %u %u\r\n", (unsigned)sn_addr_port(&h->src),
			(unsigned)sn_addr_port(&h->dst));
	}
	return out.err == SN_OK ? out.n : 0;
}

static void write_addr(struct sn_writer *w, const struct sn_addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET:
		sn_write_bytes(w, sn_str_n(&addr->in.sin_addr, sizeof(addr->in.sin_addr)));
		break;
	case AF_INET6:
		sn_write_bytes(w, sn_str_n(&addr->in6.sin6_addr, sizeof(addr->in6.sin6_addr)));
		break;
	default:
		/* The whole array: struct sn_addr is zeroed behind the name. */
		sn_write_bytes(w, sn_str_n(addr->un.sun_path, UNIX_FIELD_SIZE));
		break;
	}
}

static void write_v2_addrs(struct sn_writer *w, const struct sn_proxy_header *h)
{
	write_addr(w, &h->src);
	write_addr(w, &h->dst);
	if (h->src.sa.sa_family == AF_UNIX)
		return;
	sn_write_u16(w, sn_addr_port(&h->src));
	sn_write_u16(w, sn_addr_port(&h->dst));
}

static unsigned v2_protocol(int family, int socktype)
{
	const unsigned transport = socktype == SOCK_DGRAM ? TRANSPORT_DGRAM : TRANSPORT_STREAM;

	switch (family) {
	case AF_INET:
		return FAMILY_INET << 4 | transport;
	case AF_INET6:
		return FAMILY_INET6 << 4 | transport;
	case AF_UNIX:
		return FAMILY_UNIX << 4 | transport;
	default:
		return FAMILY_UNSPEC << 4 | TRANSPORT_UNSPEC;
	}
}

size_t sn_proxy_encode_v2(const struct sn_proxy_header *h, char *mem, size_t cap)
{
	const int family = common_family(h);
	struct sn_writer w = sn_writer(mem, cap < SN_PROXY_HEADER_MAX ? cap : SN_PROXY_HEADER_MAX);

	sn_write_bytes(&w, V2_SIGNATURE);
	sn_write_u8(&w, V2_VERSION << 4 | (h->local ? COMMAND_LOCAL : COMMAND_PROXY));
	sn_write_u8(&w, (uint8_t)v2_protocol(family, h->socktype));
	sn_write_u16(&w, 0);
	if (family != AF_UNSPEC) {
		write_v2_addrs(&w, h);
		sn_write_bytes(&w, h->tlvs);
	}
	if (w.err != SN_OK)
		return 0;
	sn_write_u16_at(&w, V2_FIXED_SIZE - 2, (uint16_t)(w.n - V2_FIXED_SIZE));
	return w.n;
}
