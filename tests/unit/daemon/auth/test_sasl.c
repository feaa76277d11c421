#include "daemon/auth/sasl.h"

#include "tests/unit/daemon/auth/sasl_client.h"
#include "tests/unit/daemon/net/tls_rig.h"

static struct sn_portal *portal;
static struct talk talk;

static void set_up(void)
{
	auth_setup();
	portal = sn_portal_new(&context);
	talk = (struct talk){ .sasl = { .service = "test", .secure = true } };
}

static void tear_down(void)
{
	talk_end(&talk);
	sn_portal_free(&portal);
	auth_teardown();
}

static void compare_offer(const char *expected)
{
	const struct sn_sasl_mech *mech;
	struct sn_strbuf names;

	sn_strbuf_init(&names, 1000);
	for (size_t i = 0; (mech = sn_sasl_mech_at(&talk.sasl, portal, i)) != NULL; i++)
		sn_strbuf_addf(&names, "%s%s", i > 0 ? " " : "", mech->name);
	ck_assert_str_eq(sn_strbuf_cstr(&names), expected);
	sn_strbuf_fini(&names);
}

#define SCRAMS "SCRAM-SHA-256 SCRAM-SHA-1"
#define PLUSES "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1"

/* Strongest first, and only what the checkers take and the connection can carry. */
START_TEST(offers_what_fits)
{
	struct tls_rig rig;

	compare_offer("");
	sn_portal_add(portal, open_checker("anonymous"));
	compare_offer("ANONYMOUS");
	sn_portal_add(portal, open_checker("file:%s", write_file("a:$6$salt$hash\n")));
	compare_offer("PLAIN ANONYMOUS");
	sn_portal_add(portal, open_checker("memory:alice:secret"));
	compare_offer(SCRAMS " PLAIN ANONYMOUS");
	talk.sasl.secure = false;
	compare_offer("ANONYMOUS");
	talk.sasl.secure = true;
	tls_rig_init(&rig, false);
	sn_portal_add(portal, open_checker("cert:%s", rig.root_file.path));
	compare_offer(SCRAMS " PLAIN ANONYMOUS");
	rig.server_options.client_auth = SN_TLS_CLIENT_AUTH_REQUEST;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	talk.sasl.stream = rig.server.user.stream;
	compare_offer(PLUSES " PLAIN ANONYMOUS");
	tls_rig_close(&rig);
	tls_rig_drop_contexts(&rig);
	rig.client_options.certs = rig.cert_file.path;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	talk.sasl.stream = rig.server.user.stream;
	compare_offer(PLUSES " EXTERNAL PLAIN ANONYMOUS");
	talk.sasl.stream = NULL;
	tls_rig_fini(&rig);
}
END_TEST

START_TEST(starts_what_it_offers)
{
	sn_portal_add(portal, open_checker("memory:alice:secret"));
	ck_assert_int_eq(talk_start(&talk, portal, "scram-sha-256"), SN_OK);
	sn_sasl_abort(&talk.sasl);
	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256-PLUS"), SN_EUNKNOWN);
	ck_assert_int_eq(talk_start(&talk, portal, "PLAINX"), SN_EUNKNOWN);
	ck_assert_int_eq(talk_start(&talk, portal, ""), SN_EUNKNOWN);
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_EUNKNOWN);
}
END_TEST

/* A protocol whose success has no place for data: IRC. */
START_TEST(a_last_challenge_goes_before_success)
{
	struct scram_client client = {
		.hash = SN_SCRAM_SHA_256, .gs2 = "n,,", .name = "alice", .password = "secret"
	};

	sn_portal_add(portal, open_checker("memory:alice:secret"));
	talk.sasl.separate_success = true;
	ck_assert_int_eq(scram_client_run(&client, &talk, portal, "SCRAM-SHA-256"), SN_AGAIN);
	ck_assert(scram_client_trusts(&client, sn_strbuf_str(&talk.got)));
	ck_assert_int_eq(talk_steps(&talk, _i == 0 ? "" : "x"), _i == 0 ? SN_OK : SN_EPROTO);
	ck_assert_ptr_null(talk.sasl.mech);
	ck_assert((talk.sasl.session != NULL) == (_i == 0));
	ck_assert_int_eq(talk_start(&talk, portal, "PLAIN"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, sn_str_n("\0alice\0secret", 13)), SN_OK);
}
END_TEST

START_TEST(waits_for_a_slow_checker)
{
	static const struct {
		const char *response;
		size_t n;
		int code;
	} rows[] = {
		{ "\0bob\0hunter2", 12, SN_OK },
		{ "\0bob\0wrong", 10, SN_EDENIED },
		{ "\0nobody\0x", 9, SN_EDENIED },
	};

	sn_portal_add(portal, open_checker("file:%s", write_file("bob:hunter2\n")));
	ck_assert_int_eq(talk_start(&talk, portal, "PLAIN"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, sn_str_n(rows[_i].response, rows[_i].n)), rows[_i].code);
	ck_assert(talk.done);
	ck_assert((talk.sasl.session != NULL) == (rows[_i].code == SN_OK));
}
END_TEST

START_TEST(given_up_while_waiting)
{
	static const char *const mechs[] = { "PLAIN", "SCRAM-SHA-256" };
	static const char *const responses[] = { "\0bob\0hunter2", "n,,n=bob,r=abc" };
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1000);
	sn_portal_add(portal, open_checker("file:%s", write_file("bob:hunter2\n")));
	ck_assert_int_eq(talk_start(&talk, portal, mechs[_i]), SN_OK);
	ck_assert_int_eq(sn_sasl_step(&talk.sasl,
				 _i == 0 ? sn_str_n(responses[0], 12) : sn_str(responses[1]), &out),
		SN_PENDING);
	sn_sasl_abort(&talk.sasl);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(loop, 0);
	ck_assert(!talk.done);
	ck_assert_int_eq(talk_start(&talk, portal, mechs[_i]), SN_OK);
	sn_strbuf_fini(&out);
}
END_TEST

Suite *suite_sasl(void);
Suite *suite_sasl(void)
{
	Suite *suite = suite_create("sasl");
	TCase *tc = tcase_create("sasl");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, offers_what_fits);
	tcase_add_test(tc, starts_what_it_offers);
	tcase_add_loop_test(tc, a_last_challenge_goes_before_success, 0, 2);
	tcase_add_loop_test(tc, waits_for_a_slow_checker, 0, 3);
	tcase_add_loop_test(tc, given_up_while_waiting, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
