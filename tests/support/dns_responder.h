/*
 * A DNS server for tests, on the test's own loop: UDP and TCP on one port of 127.0.0.1. It answers
 * from a table of records, and misbehaves where a record says so.
 */
#ifndef SN_TESTS_SUPPORT_DNS_RESPONDER_H
#define SN_TESTS_SUPPORT_DNS_RESPONDER_H

#include <arpa/nameser.h>

#include "daemon/loop/timer.h"
#include "daemon/net/dgram.h"

enum sn_test_dns_act {
	SN_TEST_DNS_ANSWER,
	SN_TEST_DNS_SILENT,
	SN_TEST_DNS_HOLD,   /* answer when sn_test_dns_release is called */
	SN_TEST_DNS_REFUSE, /* REFUSED */
	SN_TEST_DNS_SERVFAIL,
	SN_TEST_DNS_TRUNCATE, /* over UDP: TC and no record; over TCP: the answer */
	SN_TEST_DNS_GARBAGE,  /* an answer to the question that breaks off inside a record */
};

/*
 * A question is answered by all rows of its name and type, and the first one says how. A name with
 * no row of this type: no data; a name without any row: NXDOMAIN. data by type: A and AAAA an
 * address, PTR and CNAME a name, SRV "priority weight port target"; "." is the root. A CNAME row
 * answers every type; its target's rows are not added.
 */
struct sn_test_dns_record {
	const char *name;
	int type; /* ns_t_a and so on */
	const char *data;
	enum sn_test_dns_act act;
};

struct sn_test_dns {
	struct sn_loop *loop;
	struct sn_dgram udp;
	struct sn_watch listener, conn;           /* TCP: one connection at a time */
	const struct sn_test_dns_record *records; /* ended by a row without name */
	struct sn_list held;
	unsigned questions, tcp_questions;
	char last_name[256]; /* of the last question */
	char servers[32];    /* for struct sn_resolver_options */
};

void sn_test_dns_start(
	struct sn_test_dns *dns, struct sn_loop *loop, const struct sn_test_dns_record *records);
void sn_test_dns_stop(struct sn_test_dns *dns);
unsigned sn_test_dns_held(const struct sn_test_dns *dns);
void sn_test_dns_release(struct sn_test_dns *dns);

#endif
