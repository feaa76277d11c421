/* One line of authorized_keys: what is accepted has options that can be walked to their end, and
 * means the same when put together again. */
#include <stdint.h>

#include "daemon/auth/authorized_keys.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/base/assert.h"
#include "daemon/base/strbuf.h"
#include "daemon/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct sn_authorized_key *key)
{
	static struct sn_authorized_key again;
	struct sn_strbuf line;

	sn_strbuf_init(&line, 1 << 20);
	sn_strbuf_add(&line, key->options);
	sn_strbuf_adds(&line, key->options.n > 0 ? " " : "");
	sn_strbuf_add(&line, key->type);
	sn_strbuf_addc(&line, ' ');
	sn_base64_encode(&line, sn_str_n(key->wire, key->wire_n));
	sn_strbuf_addc(&line, ' ');
	sn_strbuf_add(&line, key->comment);
	sn_assert(sn_authorized_key_parse(sn_strbuf_str(&line), &again, NULL) == SN_OK);
	sn_assert(sn_str_eq(again.options, key->options) && sn_str_eq(again.type, key->type));
	sn_assert(sn_str_eq(again.comment, key->comment) && again.wire_n == key->wire_n);
	sn_strbuf_fini(&line);
}

/* What a session is told is options of the same kind, which let in from anywhere at any time. */
static void check_meaning(struct sn_str options)
{
	char mem[2][8192];
	struct sn_strbuf out, again;
	struct sn_addr peer;

	sn_assert(sn_addr_parse(SN_STR("192.0.2.7"), 22, &peer) == SN_OK);
	sn_strbuf_fixed(&out, mem[0], sizeof(mem[0]));
	if (sn_authorized_options(options, &peer, INT64_C(1795132800000000000), &out, NULL) !=
		SN_OK)
		return;
	sn_strbuf_fixed(&again, mem[1], sizeof(mem[1]));
	sn_assert(sn_authorized_options(sn_strbuf_str(&out), NULL, 0, &again, NULL) == SN_OK);
	sn_assert(sn_str_eq(sn_strbuf_str(&out), sn_strbuf_str(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sn_authorized_key key;
	struct sn_str rest, name, value;

	check_meaning(sn_str_n(data, size));
	if (sn_authorized_key_parse(sn_str_n(data, size), &key, NULL) != SN_OK)
		return 0;
	rest = key.options;
	while (sn_authorized_key_option(&rest, &name, &value))
		sn_assert(name.n > 0);
	sn_assert(rest.n == 0);
	check_again(&key);
	return 0;
}
