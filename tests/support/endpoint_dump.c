/*
 * Says what the endpoint parser makes of texts, for tests in other languages.
 *
 * Input, one per line: "S HEX" or "C HEX", the side (server, client) and the text in hexadecimal.
 * Output, one JSON object per line: {"tokens": [[KEY or null, VALUE], ...] or null, "code": NAME},
 * and with code "OK" also {"endpoint": E, "text": CANONICAL}, otherwise {"column": N, "error":
 * TEXT}. E is {"type": WORD, "fields": {...}, "rest": [...], "inner": E or null}; a field is absent
 * when it is neither given nor has a default.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/net/endpoint.h"

#define OUTPUT_MAX (1 << 20)

static void put_string(struct sn_strbuf *out, struct sn_str s)
{
	sn_strbuf_addc(out, '"');
	sn_strbuf_add_json(out, s);
	sn_strbuf_addc(out, '"');
}

static void put_tokens(struct sn_strbuf *out, struct sn_pool *pool, struct sn_str text)
{
	struct sn_endpoint_arg *args;
	size_t count;

	if (sn_endpoint_tokens(pool, text, &args, &count, NULL) != SN_OK) {
		sn_strbuf_adds(out, "null");
		return;
	}
	sn_strbuf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		sn_strbuf_adds(out, i > 0 ? ",[" : "[");
		if (args[i].key.p == NULL)
			sn_strbuf_adds(out, "null");
		else
			put_string(out, args[i].key);
		sn_strbuf_addc(out, ',');
		put_string(out, args[i].value);
		sn_strbuf_addc(out, ']');
	}
	sn_strbuf_addc(out, ']');
}

static void put_fields(struct sn_strbuf *out, const struct sn_endpoint *ep)
{
	const char *separator = "";

	for (size_t i = 0; i < ep->type->param_count; i++) {
		const enum sn_param_kind kind = ep->type->params[i].kind;

		if (ep->values[i].text.p == NULL)
			continue;
		sn_strbuf_addf(out, "%s\"%s\":", separator, ep->type->params[i].name);
		if (kind == SN_PARAM_INT || kind == SN_PARAM_OCTAL || kind == SN_PARAM_BOOL)
			sn_strbuf_addf(out, "%lld", (long long)ep->values[i].number);
		else
			put_string(out, ep->values[i].text);
		separator = ",";
	}
}

static void put_endpoint(struct sn_strbuf *out, const struct sn_endpoint *ep)
{
	if (ep == NULL) {
		sn_strbuf_adds(out, "null");
		return;
	}
	sn_strbuf_addf(out, "{\"type\":\"%s\",\"fields\":{", ep->type->word);
	put_fields(out, ep);
	sn_strbuf_adds(out, "},\"rest\":[");
	for (size_t i = 0; i < ep->rest_count; i++) {
		sn_strbuf_adds(out, i > 0 ? "," : "");
		put_string(out, ep->rest[i]);
	}
	sn_strbuf_adds(out, "],\"inner\":");
	put_endpoint(out, ep->inner);
	sn_strbuf_addc(out, '}');
}

static void put_canonical(struct sn_strbuf *out, const struct sn_endpoint *ep)
{
	struct sn_strbuf text;

	sn_strbuf_init(&text, OUTPUT_MAX);
	sn_endpoint_format(ep, &text);
	put_string(out, sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
}

static void dump(struct sn_strbuf *out, enum sn_endpoint_side side, struct sn_str text)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	const int rc = sn_endpoint_parse(pool, side, text, &ep, &diag);

	sn_strbuf_adds(out, "{\"tokens\":");
	put_tokens(out, pool, text);
	sn_strbuf_addf(out, ",\"code\":\"%s\",", sn_errname(rc));
	if (rc == SN_OK) {
		sn_strbuf_adds(out, "\"endpoint\":");
		put_endpoint(out, ep);
		sn_strbuf_adds(out, ",\"text\":");
		put_canonical(out, ep);
	} else {
		sn_strbuf_addf(out, "\"column\":%zu,\"error\":", diag.column);
		put_string(out, sn_str(diag.text));
	}
	sn_strbuf_adds(out, "}\n");
	sn_pool_free(&pool);
}

static int answer(struct sn_str line)
{
	const enum sn_endpoint_side side = line.n > 0 && line.p[0] == 'S' ? SN_SERVER : SN_CLIENT;
	const struct sn_str hex = sn_str_from(line, 2);
	char *text = sn_alloc(hex.n / 2 + 1);
	struct sn_strbuf out;
	size_t n;
	int rc = sn_hex_decode(hex, text, hex.n / 2, &n);

	if (rc == SN_OK) {
		sn_strbuf_init(&out, OUTPUT_MAX);
		dump(&out, side, sn_str_n(text, n));
		fputs(sn_strbuf_cstr(&out), stdout);
		rc = out.err;
		sn_strbuf_fini(&out);
	}
	sn_free(text);
	return rc;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = SN_OK;

	sn_endpoints_init();
	while (rc == SN_OK && (n = getline(&line, &size, stdin)) > 0)
		rc = answer(sn_str_trim(sn_str_n(line, (size_t)n)));
	free(line);
	return rc == SN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
