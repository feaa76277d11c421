/* One line of authorized_keys: what is accepted has options that can be walked to their end, and
 * means the same when put together again. */
#include <stdint.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sn_authorized_key key;
	struct sn_str rest, name, value;

	if (sn_authorized_key_parse(sn_str_n(data, size), &key, NULL) != SN_OK)
		return 0;
	rest = key.options;
	while (sn_authorized_key_option(&rest, &name, &value))
		sn_assert(name.n > 0);
	sn_assert(rest.n == 0);
	check_again(&key);
	return 0;
}
