/*
 * Bytes of a PROXY protocol header. Given one byte more at a time, the parser must answer as when
 * given all at once, and never change its mind; what it accepts must survive being encoded.
 */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/net/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoded(const struct sn_proxy_header *h)
{
	static char mem[SN_PROXY_HEADER_MAX];
	struct sn_proxy_header back;
	size_t used;
	const size_t n = sn_proxy_encode_v2(h, mem, sizeof(mem));

	sn_assert(n > 0);
	sn_assert(sn_proxy_parse(sn_str_n(mem, n), &back, &used) == SN_OK && used == n);
	sn_assert(back.local == h->local && back.socktype == h->socktype);
	sn_assert(sn_addr_eq(&back.src, &h->src) && sn_addr_eq(&back.dst, &h->dst));
	sn_assert(sn_str_eq(back.tlvs, h->tlvs));
}

static void walk_tlvs(struct sn_str tlvs)
{
	struct sn_str value;
	uint8_t type;
	size_t seen = 0;
	const size_t all = tlvs.n;

	while (sn_proxy_tlv_next(&tlvs, &type, &value))
		seen += 3 + value.n;
	sn_assert(seen == all && tlvs.n == 0);
}

/* The answer to the shortest prefix that is not SN_AGAIN is the answer to all longer ones. */
static int parse_growing(struct sn_str in, size_t *used_r)
{
	struct sn_proxy_header h;
	int rc = SN_AGAIN;

	for (size_t n = 0; n <= in.n && rc == SN_AGAIN; n++)
		rc = sn_proxy_parse(sn_str_sub(in, 0, n), &h, used_r);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_str in = sn_str_n(data, size);
	struct sn_proxy_header h;
	size_t used = 0, used_growing = 0;
	const int rc = sn_proxy_parse(in, &h, &used);

	sn_assert(parse_growing(in, &used_growing) == rc);
	sn_assert(rc == SN_OK || rc == SN_AGAIN || rc == SN_EPROTO || rc == SN_ELIMIT);
	sn_assert(rc != SN_AGAIN || size < SN_PROXY_HEADER_MAX);
	if (rc != SN_OK)
		return 0;
	sn_assert(used == used_growing && used <= size && used <= SN_PROXY_HEADER_MAX);
	walk_tlvs(h.tlvs);
	check_encoded(&h);
	return 0;
}
