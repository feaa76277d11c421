/*
 * First byte: the side (odd: client); then an endpoint text. What parses must print to a text that
 * parses to an equal value and prints the same again; what does not has its error inside the text.
 */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/net/endpoint.h"

#define TEXT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct sn_diag *diag, int rc, struct sn_str text)
{
	sn_assert(rc < 0 && diag->code == rc && diag->text[0] != '\0');
	sn_assert(diag->column >= 1 && diag->column <= text.n + 1);
}

static void check_printed(struct sn_pool *pool, const struct sn_endpoint *ep)
{
	struct sn_endpoint *again;
	struct sn_strbuf text, text_again;
	int rc;

	sn_strbuf_init(&text, 4 * TEXT_MAX);
	sn_strbuf_init(&text_again, 4 * TEXT_MAX);
	sn_endpoint_format(ep, &text);
	sn_assert(text.err == SN_OK);
	rc = sn_endpoint_parse(pool, ep->type->side, sn_strbuf_str(&text), &again, NULL);
	sn_assert(rc == SN_OK && sn_endpoint_eq(ep, again));
	sn_endpoint_format(again, &text_again);
	sn_assert(sn_str_eq(sn_strbuf_str(&text), sn_strbuf_str(&text_again)));
	sn_strbuf_fini(&text);
	sn_strbuf_fini(&text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	struct sn_pool *pool;
	struct sn_str text;
	int rc;

	if (size == 0 || size > TEXT_MAX)
		return 0;
	sn_endpoints_init();
	pool = sn_pool_new(0);
	text = sn_str_n(data + 1, size - 1);
	rc = sn_endpoint_parse(pool, data[0] & 1 ? SN_CLIENT : SN_SERVER, text, &ep, &diag);
	if (rc == SN_OK)
		check_printed(pool, ep);
	else
		check_error(&diag, rc, text);
	sn_pool_free(&pool);
	return 0;
}
