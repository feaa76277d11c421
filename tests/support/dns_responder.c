#include "tests/support/dns_responder.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/wire.h"

#define HEADER_SIZE 12
#define FLAG_QR 0x8000u
#define FLAG_TC 0x0200u
#define FLAG_RD_RA 0x0180u
#define TTL 60

struct held {
	struct sn_list link;
	struct sn_addr peer;
	size_t n;
	char reply[];
};

struct question {
	uint16_t id, type;
	char name[256];
	struct sn_str section; /* as it came, to be sent back */
};

/* --- messages -----------------------------------------------------------------------------------
 */

static bool read_question(struct sn_str packet, struct question *q)
{
	struct sn_reader r = sn_reader(packet);
	size_t at = 0;
	struct sn_str label;

	q->id = sn_read_u16(&r);
	sn_read_skip(&r, HEADER_SIZE - 2);
	while ((label = sn_read_str8(&r)).n > 0) {
		ck_assert_uint_lt(at + label.n + 1, sizeof(q->name));
		at += (size_t)snprintf(q->name + at, sizeof(q->name) - at, "%s%.*s",
			at > 0 ? "." : "", SN_STR_ARG(label));
	}
	q->name[at] = '\0';
	q->type = sn_read_u16(&r);
	sn_read_skip(&r, 2);
	q->section = sn_str_n(packet.p + HEADER_SIZE, r.pos - HEADER_SIZE);
	return r.err == SN_OK;
}

static void write_name(struct sn_writer *w, const char *name)
{
	struct sn_str rest = sn_str(name);

	while (rest.n > 0 && rest.p[0] != '.') {
		size_t n = sn_str_find(rest, '.');

		sn_write_str8(w, sn_str_n(rest.p, n));
		n += n < rest.n;
		rest = sn_str_n(rest.p + n, rest.n - n);
	}
	sn_write_u8(w, 0);
}

static void write_data(struct sn_writer *w, const struct sn_test_dns_record *record)
{
	unsigned priority, weight, port;
	char ip[16], target[256];

	switch (record->type) {
	case ns_t_a:
		ck_assert_int_eq(inet_pton(AF_INET, record->data, ip), 1);
		sn_write_bytes(w, sn_str_n(ip, 4));
		break;
	case ns_t_aaaa:
		ck_assert_int_eq(inet_pton(AF_INET6, record->data, ip), 1);
		sn_write_bytes(w, sn_str_n(ip, 16));
		break;
	case ns_t_srv:
		ck_assert_int_eq(
			sscanf(record->data, "%u %u %u %255s", &priority, &weight, &port, target),
			4);
		sn_write_u16(w, (uint16_t)priority);
		sn_write_u16(w, (uint16_t)weight);
		sn_write_u16(w, (uint16_t)port);
		write_name(w, target);
		break;
	default:
		write_name(w, record->data);
	}
}

static void write_record(struct sn_writer *w, const struct sn_test_dns_record *record)
{
	size_t length_at;

	sn_write_u16(w, 0xc000u | HEADER_SIZE); /* the name in the question */
	sn_write_u16(w, (uint16_t)record->type);
	sn_write_u16(w, ns_c_in);
	sn_write_u32(w, TTL);
	length_at = w->n;
	sn_write_u16(w, 0);
	write_data(w, record);
	sn_write_u16_at(w, length_at, (uint16_t)(w->n - length_at - 2));
}

static bool name_fits(const struct sn_test_dns_record *record, const struct question *q)
{
	return sn_str_eq_nocase(sn_str(record->name), sn_str(q->name));
}

static bool fits(const struct sn_test_dns_record *record, const struct question *q)
{
	return name_fits(record, q) && (record->type == q->type || record->type == ns_t_cname);
}

static const struct sn_test_dns_record *first_record(
	const struct sn_test_dns *dns, const struct question *q)
{
	for (const struct sn_test_dns_record *it = dns->records; it->name != NULL; it++)
		if (fits(it, q))
			return it;
	return NULL;
}

static bool name_exists(const struct sn_test_dns *dns, const struct question *q)
{
	for (const struct sn_test_dns_record *it = dns->records; it->name != NULL; it++)
		if (name_fits(it, q))
			return true;
	return false;
}

static unsigned response_code(
	const struct sn_test_dns *dns, const struct question *q, enum sn_test_dns_act act)
{
	if (act == SN_TEST_DNS_REFUSE)
		return ns_r_refused;
	if (act == SN_TEST_DNS_SERVFAIL)
		return ns_r_servfail;
	return name_exists(dns, q) ? ns_r_noerror : ns_r_nxdomain;
}

static void write_reply(const struct sn_test_dns *dns, const struct question *q,
	enum sn_test_dns_act act, struct sn_writer *w)
{
	unsigned code = response_code(dns, q, act);
	uint16_t count = 0;

	sn_write_u16(w, q->id);
	sn_write_u16(w,
		(uint16_t)(FLAG_QR | FLAG_RD_RA | code |
			(act == SN_TEST_DNS_TRUNCATE ? FLAG_TC : 0)));
	sn_write_u16(w, 1);
	sn_write_u16(w, 0);
	sn_write_u32(w, 0);
	sn_write_bytes(w, q->section);
	if (code != ns_r_noerror || act == SN_TEST_DNS_TRUNCATE)
		return;
	for (const struct sn_test_dns_record *it = dns->records; it->name != NULL; it++) {
		if (!fits(it, q))
			continue;
		write_record(w, it);
		count++;
	}
	sn_write_u16_at(w, 6, count);
	if (act == SN_TEST_DNS_GARBAGE)
		w->n -= 3;
}

static void hold(struct sn_test_dns *dns, const struct sn_addr *peer, struct sn_str reply)
{
	struct held *held = sn_alloc_zero(sizeof(*held) + reply.n);

	held->peer = *peer;
	held->n = reply.n;
	memcpy(held->reply, reply.p, reply.n);
	sn_list_append(&dns->held, &held->link);
}

static enum sn_test_dns_act take_question(
	struct sn_test_dns *dns, struct sn_str packet, struct question *q)
{
	const struct sn_test_dns_record *record;

	if (!read_question(packet, q))
		return SN_TEST_DNS_SILENT;
	dns->questions++;
	snprintf(dns->last_name, sizeof(dns->last_name), "%s", q->name);
	record = first_record(dns, q);
	return record != NULL ? record->act : SN_TEST_DNS_ANSWER;
}

/* --- UDP ----------------------------------------------------------------------------------------
 */

static size_t on_packet(struct sn_dgram *d, const struct sn_packet *packet, char *reply, size_t cap)
{
	struct sn_test_dns *dns = sn_container_of(d, struct sn_test_dns, udp);
	struct question q;
	enum sn_test_dns_act act = take_question(dns, packet->data, &q);
	struct sn_writer w = sn_writer(reply, cap);

	if (act == SN_TEST_DNS_SILENT)
		return 0;
	write_reply(dns, &q, act, &w);
	ck_assert_int_eq(w.err, SN_OK);
	if (act != SN_TEST_DNS_HOLD)
		return w.n;
	hold(dns, packet->peer, sn_writer_str(&w));
	return 0;
}

unsigned sn_test_dns_held(const struct sn_test_dns *dns)
{
	const struct sn_list *it;
	unsigned n = 0;

	sn_list_each (it, &dns->held)
		n++;
	return n;
}

static void drop_held(struct sn_test_dns *dns, bool send)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&dns->held)) != NULL) {
		struct held *held = sn_container_of(link, struct held, link);

		if (send)
			ck_assert_int_eq(sn_dgram_send(&dns->udp, &held->peer, NULL,
						 sn_str_n(held->reply, held->n)),
				SN_OK);
		sn_free(held);
	}
}

void sn_test_dns_release(struct sn_test_dns *dns)
{
	drop_held(dns, true);
}

/* --- TCP: one connection, each question in one piece
 * ---------------------------------------------- */

static void close_conn(struct sn_test_dns *dns)
{
	int fd = dns->conn.fd;

	if (dns->conn.loop == NULL)
		return;
	sn_watch_clear(&dns->conn);
	close(fd);
}

static void on_conn(struct sn_watch *watch, unsigned events)
{
	struct sn_test_dns *dns = sn_container_of(watch, struct sn_test_dns, conn);
	char in[600], out[1024];
	ssize_t n = recv(watch->fd, in, sizeof(in), 0);
	struct sn_writer w = sn_writer(out + 2, sizeof(out) - 2);
	struct question q;

	(void)events;
	if (n <= 2) {
		close_conn(dns);
		return;
	}
	take_question(dns, sn_str_n(in + 2, (size_t)n - 2), &q);
	dns->tcp_questions++;
	write_reply(dns, &q, SN_TEST_DNS_ANSWER, &w);
	out[0] = (char)(w.n >> 8);
	out[1] = (char)w.n;
	ck_assert_int_eq(send(watch->fd, out, w.n + 2, MSG_NOSIGNAL), (ssize_t)w.n + 2);
}

static void on_accept(struct sn_watch *watch, unsigned events)
{
	struct sn_test_dns *dns = sn_container_of(watch, struct sn_test_dns, listener);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	ck_assert_int_ge(fd, 0);
	close_conn(dns);
	ck_assert_int_eq(sn_watch_set(dns->loop, &dns->conn, fd, SN_READABLE, on_conn), SN_OK);
}

/* --- life ---------------------------------------------------------------------------------------
 */

/* Both sockets on one free port: -1 when the one UDP got is taken for TCP. */
static int open_listener(struct sn_addr *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (bind(fd, &addr->sa, addr->len) == 0 && listen(fd, 8) == 0)
		return fd;
	close(fd);
	return -1;
}

static int open_pair(int *udp_r, struct sn_addr *addr)
{
	int tcp = -1;

	while (tcp < 0) {
		ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 0, addr), SN_OK);
		*udp_r = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(*udp_r, &addr->sa, addr->len), 0);
		ck_assert_int_eq(getsockname(*udp_r, &addr->sa, &addr->len), 0);
		tcp = open_listener(addr);
		if (tcp < 0)
			close(*udp_r);
	}
	return tcp;
}

void sn_test_dns_start(
	struct sn_test_dns *dns, struct sn_loop *loop, const struct sn_test_dns_record *records)
{
	static const struct sn_dgram_ops ops = { .on_packet = on_packet };
	struct sn_addr addr;
	int udp, tcp = open_pair(&udp, &addr);

	*dns = (struct sn_test_dns){ .loop = loop, .records = records };
	sn_list_init(&dns->held);
	snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u", sn_addr_port(&addr));
	ck_assert_int_eq(sn_dgram_start(&dns->udp, loop, udp, NULL, &ops), SN_OK);
	ck_assert_int_eq(sn_watch_set(loop, &dns->listener, tcp, SN_READABLE, on_accept), SN_OK);
}

void sn_test_dns_stop(struct sn_test_dns *dns)
{
	int tcp = dns->listener.fd;

	drop_held(dns, false);
	close_conn(dns);
	sn_watch_clear(&dns->listener);
	close(tcp);
	sn_dgram_stop(&dns->udp);
}
