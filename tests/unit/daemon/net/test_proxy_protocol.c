#include "tests/support/split.h"
#include "tests/support/unit.h"

#include "daemon/base/assert.h"
#include "daemon/net/proxy_protocol.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* "SRC DST SOCKTYPE", or "local". */
static const char *dump(const struct sn_proxy_header *h)
{
	static char text[2 * SN_ADDR_TEXT_SIZE + 20];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	if (h->local) {
		ck_assert_uint_eq(h->src.len, 0);
		ck_assert_uint_eq(h->dst.len, 0);
		ck_assert_int_eq(h->socktype, 0);
		sn_strbuf_adds(&out, "local");
		return text;
	}
	sn_addr_format(&h->src, &out);
	sn_strbuf_addc(&out, ' ');
	sn_addr_format(&h->dst, &out);
	sn_strbuf_adds(&out, h->socktype == SOCK_STREAM ? " stream" : " dgram");
	return text;
}

static const struct {
	struct sn_str in;
	int version;
	const char *header;
} accepted[] = {
	{ SN_STR("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), 1,
		"192.0.2.1:56324 198.51.100.2:443 stream" },
	{ SN_STR("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"), 1,
		"0.0.0.0:0 255.255.255.255:65535 stream" },
	{ SN_STR("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), 1, "[2001:db8::1]:1 [::1]:2 stream" },
	{ SN_STR("PROXY UNKNOWN\r\n"), 1, "local" },
	{ SN_STR("PROXY UNKNOWN what ever it \xff says\r\n"), 1, "local" },
	/* The longest line there may be. */
	{ SN_STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
		1, "local" },
	{ SN_STR(SIGNATURE "\x20\0\0\0"), 2, "local" },
	{ SN_STR(SIGNATURE "\x20\xff\0\3xyz"), 2, "local" },
	{ SN_STR(SIGNATURE "\x21\0\0\3xyz"), 2, "local" },
	{ SN_STR(SIGNATURE "\x21\x11\0\x0c\x0a\1\2\3\x0a\4\5\6\x12\x34\0\x50"), 2,
		"10.1.2.3:4660 10.4.5.6:80 stream" },
	{ SN_STR(SIGNATURE "\x21\x12\0\x0c\x0a\1\2\3\x0a\4\5\6\x12\x34\0\x50"), 2,
		"10.1.2.3:4660 10.4.5.6:80 dgram" },
	{ SN_STR(SIGNATURE "\x21\x21\0\x24"
			   "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2"),
		2, "[2001:db8::1]:1 [::1]:2 stream" },
};

static const struct {
	struct sn_str in;
	int rc;
} refused[] = {
	{ SN_STR("GET / HTTP/1.1\r\n"), SN_EPROTO },
	{ SN_STR("PROXYTCP4"), SN_EPROTO },
	{ SN_STR("proxy TCP4"), SN_EPROTO },
	{ SN_STR("\r\n\r\nX"), SN_EPROTO },
	{ SN_STR("\x16\x03\x01"), SN_EPROTO },
	{ SN_STR("PROXY \r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4\r\n"), SN_EPROTO },
	{ SN_STR("PROXY UNKNOWNX\r\n"), SN_EPROTO },
	{ SN_STR("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 ::1 ::1 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4 ::1 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP6 fe80::1%1 ::1 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"), SN_EPROTO },
	{ SN_STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
		SN_ELIMIT },
	/* An LF where the CR had to be at the latest. */
	{ SN_STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535x\n"),
		SN_ELIMIT },
	{ SN_STR(SIGNATURE "\x11"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x31"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x22"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x10"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x01"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x13"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x41"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x11\0\x0b\x0a\1\2\3\x0a\4\5\6\x12\x34\0"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x11\0\0"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x31\0\x04zzzz"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x11\0\x0e\x0a\1\2\3\x0a\4\5\6\x12\x34\0\x50\2\0"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x21\x11\0\x10\x0a\1\2\3\x0a\4\5\6\x12\x34\0\x50\2\0\2x"), SN_EPROTO },
	{ SN_STR(SIGNATURE "\x20\0\x0f\xf1"), SN_ELIMIT },
	{ SN_STR(SIGNATURE "\x21\x11\xff\xff"), SN_ELIMIT },
};

/* A receiver: its input as received so far, and how the parser found it. */
struct receiver {
	struct sn_split_feed feed;
	char in[SN_PROXY_HEADER_MAX + 64];
	size_t n;
	int rc;
	size_t used;
	struct sn_proxy_header header;
	/* What must come out. */
	int want_rc;
	size_t want_used;
	const char *want_header;
};

static void begin(struct sn_split_feed *feed)
{
	struct receiver *r = sn_container_of(feed, struct receiver, feed);

	r->n = 0;
	r->rc = SN_AGAIN;
}

static void piece(struct sn_split_feed *feed, struct sn_str s)
{
	struct receiver *r = sn_container_of(feed, struct receiver, feed);

	ck_assert_uint_le(r->n + s.n, sizeof(r->in));
	if (s.n > 0)
		memcpy(r->in + r->n, s.p, s.n);
	r->n += s.n;
	if (r->rc == SN_AGAIN)
		r->rc = sn_proxy_parse(sn_str_n(r->in, r->n), &r->header, &r->used);
}

static void end(struct sn_split_feed *feed, bool whole)
{
	struct receiver *r = sn_container_of(feed, struct receiver, feed);

	if (!whole) {
		ck_assert_int_eq(r->rc, SN_AGAIN);
		return;
	}
	ck_assert_int_eq(r->rc, r->want_rc);
	if (r->rc != SN_OK)
		return;
	ck_assert_uint_eq(r->used, r->want_used);
	ck_assert_str_eq(dump(&r->header), r->want_header);
}

static const struct sn_split_feed feed_ops = { .begin = begin, .piece = piece, .end = end };

START_TEST(accepts)
{
	const struct sn_str in = accepted[_i].in;
	struct receiver r = {
		.feed = feed_ops,
		.want_used = in.n,
		.want_header = accepted[_i].header,
	};
	char more[300];

	sn_test_every_split(&r.feed, in);
	ck_assert_int_eq(r.header.version, accepted[_i].version);
	sn_test_every_truncation(&r.feed, in);

	/* What follows the header is not looked at. */
	memcpy(more, in.p, in.n);
	memset(more + in.n, 'x', sizeof(more) - in.n);
	ck_assert_int_eq(sn_proxy_parse(sn_str_n(more, sizeof(more)), &r.header, &r.used), SN_OK);
	ck_assert_uint_eq(r.used, in.n);
}
END_TEST

START_TEST(refuses)
{
	struct receiver r = { .feed = feed_ops, .want_rc = refused[_i].rc };

	sn_test_every_split(&r.feed, refused[_i].in);
}
END_TEST

/* The longest header that is taken, and one byte more. */
START_TEST(header_limit)
{
	static char in[SN_PROXY_HEADER_MAX] = SIGNATURE "\x20\0\x0f\xf0";
	struct sn_proxy_header header;
	size_t used;

	ck_assert_int_eq(sn_proxy_parse(sn_str_n(in, sizeof(in)), &header, &used), SN_OK);
	ck_assert_uint_eq(used, sizeof(in));
	ck_assert_int_eq(sn_proxy_parse(sn_str_n(in, sizeof(in) - 1), &header, &used), SN_AGAIN);
	in[15] = '\xf1';
	ck_assert_int_eq(sn_proxy_parse(sn_str_n(in, sizeof(in)), &header, &used), SN_ELIMIT);
}
END_TEST

START_TEST(a_line_without_end)
{
	char in[SN_PROXY_V1_MAX + 1] = "PROXY UNKNOWN";
	struct sn_proxy_header header;
	size_t used;

	memset(in + 13, ' ', sizeof(in) - 13);
	ck_assert_int_eq(
		sn_proxy_parse(sn_str_n(in, SN_PROXY_V1_MAX - 2), &header, &used), SN_AGAIN);
	ck_assert_int_eq(sn_proxy_parse(sn_str_n(in, SN_PROXY_V1_MAX), &header, &used), SN_ELIMIT);
}
END_TEST

START_TEST(extensions)
{
	const struct sn_str in = SN_STR(SIGNATURE "\x21\x11\0\x1a\x0a\1\2\3\x0a\4\5\6\x12\x34\0\x50"
						  "\2\0\4host\1\0\0\x20\0\1!");
	struct sn_proxy_header header;
	struct sn_str tlvs, value;
	uint8_t type;
	size_t used;

	ck_assert_int_eq(sn_proxy_parse(in, &header, &used), SN_OK);
	tlvs = header.tlvs;
	ck_assert(sn_proxy_tlv_next(&tlvs, &type, &value));
	ck_assert_uint_eq(type, SN_PROXY_TLV_AUTHORITY);
	ck_assert_str_view(value, "host");
	ck_assert(sn_proxy_tlv_next(&tlvs, &type, &value));
	ck_assert_uint_eq(type, SN_PROXY_TLV_ALPN);
	ck_assert_uint_eq(value.n, 0);
	ck_assert(sn_proxy_tlv_next(&tlvs, &type, &value));
	ck_assert_uint_eq(type, SN_PROXY_TLV_SSL);
	ck_assert_str_view(value, "!");
	ck_assert(!sn_proxy_tlv_next(&tlvs, &type, &value));
}
END_TEST

static struct sn_proxy_header relayed(const char *src, const char *dst, int socktype)
{
	struct sn_proxy_header h = { .socktype = socktype };

	ck_assert_int_eq(sn_addr_parse(sn_str(src), 1000, &h.src), SN_OK);
	ck_assert_int_eq(sn_addr_parse(sn_str(dst), 2000, &h.dst), SN_OK);
	return h;
}

static const char *through_v1(const struct sn_proxy_header *h)
{
	char mem[SN_PROXY_V1_MAX + 1];
	struct sn_proxy_header back;
	const size_t n = sn_proxy_encode_v1(h, mem, sizeof(mem));
	size_t used;

	ck_assert_int_eq(sn_proxy_parse(sn_str_n(mem, n), &back, &used), SN_OK);
	ck_assert_uint_eq(used, n);
	for (size_t cap = 0; cap < n; cap++)
		ck_assert_uint_eq(sn_proxy_encode_v1(h, mem, cap), 0);
	return dump(&back);
}

static const char *through_v2(const struct sn_proxy_header *h)
{
	char mem[SN_PROXY_HEADER_MAX];
	struct sn_proxy_header back;
	const size_t n = sn_proxy_encode_v2(h, mem, sizeof(mem));
	size_t used;

	ck_assert_int_eq(sn_proxy_parse(sn_str_n(mem, n), &back, &used), SN_OK);
	ck_assert_uint_eq(used, n);
	if (!back.local)
		ck_assert(sn_str_eq(back.tlvs, h->tlvs));
	for (size_t cap = 0; cap < n; cap++)
		ck_assert_uint_eq(sn_proxy_encode_v2(h, mem, cap), 0);
	return dump(&back);
}

START_TEST(encodes_internet_addresses)
{
	struct sn_proxy_header h = relayed("10.0.0.1", "10.0.0.2", SOCK_STREAM);

	ck_assert_str_eq(through_v1(&h), "10.0.0.1:1000 10.0.0.2:2000 stream");
	ck_assert_str_eq(through_v2(&h), "10.0.0.1:1000 10.0.0.2:2000 stream");
	h.tlvs = SN_STR("\2\0\4host");
	ck_assert_str_eq(through_v2(&h), "10.0.0.1:1000 10.0.0.2:2000 stream");

	h = relayed("fe80::1%1", "::2", SOCK_STREAM);
	ck_assert_str_eq(through_v1(&h), "[fe80::1]:1000 [::2]:2000 stream");
	ck_assert_str_eq(through_v2(&h), "[fe80::1]:1000 [::2]:2000 stream");

	h = relayed("::1", "::2", SOCK_DGRAM);
	ck_assert_str_eq(through_v1(&h), "local");
	ck_assert_str_eq(through_v2(&h), "[::1]:1000 [::2]:2000 dgram");
}
END_TEST

START_TEST(encodes_what_has_no_address)
{
	struct sn_proxy_header h = relayed("10.0.0.1", "::2", SOCK_STREAM);

	ck_assert_str_eq(through_v1(&h), "local");
	ck_assert_str_eq(through_v2(&h), "local");
	h = relayed("10.0.0.1", "10.0.0.2", SOCK_STREAM);
	h.local = true;
	ck_assert_str_eq(through_v1(&h), "local");
	ck_assert_str_eq(through_v2(&h), "local");
	h.local = false;
	h.dst.len = 0;
	ck_assert_str_eq(through_v2(&h), "local");
}
END_TEST

START_TEST(encodes_unix_addresses)
{
	static const struct sockaddr unnamed = { .sa_family = AF_UNIX };
	struct sn_proxy_header h = { .socktype = SOCK_STREAM };

	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/a"), &h.src), SN_OK);
	ck_assert_int_eq(sn_addr_unix(SN_STR("@b"), &h.dst), SN_OK);
	ck_assert_str_eq(through_v1(&h), "local");
	ck_assert_str_eq(through_v2(&h), "unix:/run/a unix:@b stream");
	ck_assert_int_eq(sn_addr_from_sockaddr(&unnamed, sizeof(unnamed.sa_family), &h.src), SN_OK);
	ck_assert_str_eq(through_v2(&h), "unix: unix:@b stream");
}
END_TEST

/* On the wire '@' is no mark: a path may begin with it. */
START_TEST(unix_fields_are_taken_literally)
{
	char in[16 + 2 * 108] = SIGNATURE "\x21\x31\0\xd8";
	struct sn_proxy_header h;
	size_t used;

	memcpy(in + 16, "@x\0garbage", 10);
	memset(in + 16 + 108, 'y', 108);
	ck_assert_int_eq(sn_proxy_parse(sn_str_n(in, sizeof(in)), &h, &used), SN_OK);
	ck_assert_str_eq(h.src.un.sun_path, "@x");
	ck_assert_uint_eq(h.dst.len, sizeof(struct sockaddr_un));
	ck_assert_uint_eq(sn_proxy_encode_v2(&h, in, sizeof(in)), sizeof(in));
	ck_assert_mem_eq(in + 16, "@x\0\0\0", 5);
}
END_TEST

START_TEST(encodes_no_more_than_the_limit)
{
	static char mem[2 * SN_PROXY_HEADER_MAX], tlv[SN_PROXY_HEADER_MAX] = "\4\x0f\xe1";
	struct sn_proxy_header h = relayed("10.0.0.1", "10.0.0.2", SOCK_STREAM);

	h.tlvs = sn_str_n(tlv, SN_PROXY_HEADER_MAX - 28);
	ck_assert_uint_eq(sn_proxy_encode_v2(&h, mem, sizeof(mem)), SN_PROXY_HEADER_MAX);
	h.tlvs.n++;
	ck_assert_uint_eq(sn_proxy_encode_v2(&h, mem, sizeof(mem)), 0);
}
END_TEST

Suite *sn_suite_proxy_protocol(void);
Suite *sn_suite_proxy_protocol(void)
{
	Suite *suite = suite_create("proxy_protocol");
	TCase *tc = tcase_create("proxy_protocol");

	tcase_add_loop_test(tc, accepts, 0, sizeof(accepted) / sizeof(accepted[0]));
	tcase_add_loop_test(tc, refuses, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, header_limit);
	tcase_add_test(tc, a_line_without_end);
	tcase_add_test(tc, extensions);
	tcase_add_test(tc, encodes_internet_addresses);
	tcase_add_test(tc, encodes_what_has_no_address);
	tcase_add_test(tc, encodes_unix_addresses);
	tcase_add_test(tc, unix_fields_are_taken_literally);
	tcase_add_test(tc, encodes_no_more_than_the_limit);
	suite_add_tcase(suite, tc);
	return suite;
}
