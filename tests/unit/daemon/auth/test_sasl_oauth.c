#include "daemon/auth/check_job.h"
#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/sasl_client.h"

/* A checker of tokens: "good" is alice's. Late: it answers from the pool. */

static struct sn_portal *portal;
static struct talk talk;

static int work(struct sn_check_job *op)
{
	if (!sn_str_eq(op->creds->token, SN_STR("good")))
		return SN_EDENIED;
	op->name = sn_strdup("alice");
	return SN_OK;
}

static int check_late(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)session_r;
	return sn_check_job_run(checker, creds, work, promise_r);
}

static int check_at_once(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)promise_r;
	if (!sn_str_eq(creds->token, SN_STR("good")))
		return SN_EDENIED;
	*session_r = sn_session_new(SN_STR("alice"), checker->type->name);
	return SN_OK;
}

static void destroy(struct sn_job_checker *checker)
{
	sn_free(checker);
}

static const struct sn_checker_type types[2] = {
	{ .size = sizeof(types[0]),
		.name = "at-once",
		.kinds = SN_CREDS_TOKEN,
		.check = check_at_once,
		.close = sn_job_checker_close },
	{ .size = sizeof(types[0]),
		.name = "late",
		.kinds = SN_CREDS_TOKEN,
		.check = check_late,
		.close = sn_job_checker_close },
};

static void set_up_with(const struct sn_checker_type *type)
{
	struct sn_job_checker *checker = sn_alloc_zero(sizeof(*checker));

	auth_setup();
	checker->checker.type = type;
	checker->checker.context = &context;
	checker->destroy = destroy;
	portal = sn_portal_new(&context);
	sn_portal_add(portal, &checker->checker);
	talk = (struct talk){ .sasl = { .service = "test", .secure = true } };
}

static void tear_down(void)
{
	talk_end(&talk);
	sn_portal_free(&portal);
	auth_teardown();
}

static const struct {
	const char *message;
	int code; /* SN_AGAIN: refused with the reason first */
} rows[] = {
	/* RFC 7628 4.1 */
	{ "n,a=alice,\1host=server.example.com\1port=143\1auth=Bearer good\1\1", SN_OK },
	{ "n,,\1auth=Bearer good\1\1", SN_OK },
	{ "y,,\1auth=bearer good\1\1", SN_OK },
	{ "n,a=ALICE,\1auth=Bearer good\1\1", SN_OK },
	{ "n,a=bob,\1auth=Bearer good\1\1", SN_EDENIED },
	{ "n,,\1auth=Bearer bad\1\1", SN_AGAIN },
	{ "n,,\1\1", SN_AGAIN }, /* what is there? */
	{ "n,,\1host=x\1\1", SN_AGAIN },
	{ "n,,", SN_EPROTO },
	{ "n,,\1", SN_EPROTO },
	{ "", SN_EPROTO },
	{ "\1\1", SN_EPROTO },
	{ "p=tls-exporter,,\1auth=Bearer good\1\1", SN_EPROTO },
	{ "n,,\1auth=Bearer good\1", SN_EPROTO },
	{ "n,,\1auth=Bearer good", SN_EPROTO },
	{ "n,,auth=Bearer good\1\1", SN_EPROTO },
	{ "n,,\1auth=Bearer good\1\1more", SN_EPROTO },
	{ "n,,\1auth=Bearer good\1\1more=x\1\1", SN_EPROTO },
	{ "n,,\1auth=Bearer \1\1", SN_EPROTO },
	{ "n,,\1auth=Basic good\1\1", SN_EPROTO },
	{ "n,,\1auth=Bearer good\1auth=Bearer good\1\1", SN_EPROTO },
	{ "n,,\1au.th=x\1\1", SN_EPROTO },
	{ "n,,\1=x\1\1", SN_EPROTO },
	{ "n,,\1auth\1\1", SN_EPROTO },
	{ "n,,\1auth=Bearer go\xffod\1\1", SN_EPROTO },
	{ "n,a=al=XXice,\1auth=Bearer good\1\1", SN_EPROTO },
	{ "n,,\1a=\1b=\1c=\1d=\1e=\1f=\1g=\1h=\1i=\1j=\1k=\1l=\1m=\1n=\1o=\1p=\1q=\1\1",
		SN_EPROTO },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

START_TEST(bearer)
{
	const size_t row = (size_t)_i / 2;

	set_up_with(&types[_i % 2]);
	ck_assert_int_eq(talk_start(&talk, portal, "OAUTHBEARER"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, rows[row].message), rows[row].code);
	if (rows[row].code == SN_OK)
		ck_assert_str_view(talk.sasl.session->account, "alice");
	else
		ck_assert_ptr_null(talk.sasl.session);
	if (rows[row].code == SN_AGAIN) {
		ck_assert_str_eq(sn_strbuf_cstr(&talk.got),
			"{\"status\":\"invalid_token\",\"schemes\":\"bearer\"}");
		ck_assert_int_eq(talk_steps(&talk, "\1"), SN_EDENIED);
	}
	ck_assert_ptr_null(talk.sasl.mech);
	tear_down();
}
END_TEST

START_TEST(says_nothing_else_after_a_refusal)
{
	set_up_with(&types[_i]);
	ck_assert_int_eq(talk_start(&talk, portal, "OAUTHBEARER"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, "n,,\1auth=Bearer bad\1\1"), SN_AGAIN);
	ck_assert_int_eq(talk_steps(&talk, "n,,\1auth=Bearer good\1\1"), SN_EPROTO);
	ck_assert_ptr_null(talk.sasl.session);
	tear_down();
}
END_TEST

Suite *suite_sasl_oauth(void);
Suite *suite_sasl_oauth(void)
{
	Suite *suite = suite_create("sasl_oauth");
	TCase *tc = tcase_create("sasl_oauth");

	tcase_add_loop_test(tc, bearer, 0, 2 * (int)ROWS);
	tcase_add_loop_test(tc, says_nothing_else_after_a_refusal, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
