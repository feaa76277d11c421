/* SCRAM records, SASLprep, networks of the limiter, and sessions as bytes. */
#include <stdint.h>

#include "daemon/auth/checker.h"
#include "daemon/auth/limiter.h"
#include "daemon/base/assert.h"
#include "daemon/base/text.h"
#include "daemon/base/wire.h"

#define TEXT_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written so that it is read the same. */
static void check_record(struct sn_str in)
{
	struct sn_scram_record record, again;
	struct sn_strbuf out;

	if (sn_scram_parse(in, &record) != SN_OK)
		return;
	sn_assert(sn_scram_is_record(in));
	sn_strbuf_init(&out, TEXT_MAX);
	sn_scram_format(&record, &out);
	sn_assert(sn_scram_parse(sn_strbuf_str(&out), &again) == SN_OK);
	sn_assert(memcmp(&record, &again, sizeof(record)) == 0);
	sn_strbuf_fini(&out);
}

static void check_prep(struct sn_str in)
{
	struct sn_strbuf out;

	if (in.n > TEXT_MAX / 100)
		return;
	sn_strbuf_init(&out, TEXT_MAX);
	if (sn_saslprep(in, &out) == SN_OK)
		sn_assert(out.n > 0 && sn_utf8_valid(sn_strbuf_str(&out)) && sn_utf8_valid(in));
	sn_strbuf_reset(&out);
	if (sn_saslprep_fold(in, &out) == SN_OK)
		sn_assert(out.n > 0 && sn_saslprep_same(in, in));
	sn_strbuf_fini(&out);
}

static void check_session(struct sn_str in)
{
	struct sn_reader reader = sn_reader(in);
	struct sn_session *session = sn_session_thaw(&reader), *again;
	struct sn_strbuf out;

	if (session == NULL)
		return;
	sn_strbuf_init(&out, TEXT_MAX);
	sn_session_freeze(session, &out);
	reader = sn_reader(sn_strbuf_str(&out));
	again = sn_session_thaw(&reader);
	sn_assert(again != NULL && sn_reader_left(&reader) == 0);
	sn_assert(sn_str_eq(session->account, again->account));
	sn_assert(session->role_count == again->role_count);
	sn_session_unref(&session);
	sn_session_unref(&again);
	sn_strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_str in = sn_str_n(data, size);
	struct sn_limiter_net net;

	sn_checkers_init();
	check_record(in);
	check_prep(in);
	check_session(in);
	if (sn_limiter_net_parse(in, &net) == SN_OK)
		sn_assert(net.bits <= 128);
	return 0;
}
