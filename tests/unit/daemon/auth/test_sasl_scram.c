#include "daemon/auth/sasl_mechs.h"
#include "tests/unit/daemon/auth/sasl_client.h"
#include "tests/unit/daemon/net/tls_rig.h"

static struct sn_portal *portal;
static struct talk talk;
static struct tls_rig rig;

static void set_up(void)
{
	auth_setup();
	portal = sn_portal_new(&context);
	sn_portal_add(
		portal, open_checker("memory:alice:secret:a,b=c:secret:\xc3\xa9va:gar\xc3\xa7on"));
	talk = (struct talk){ .sasl = { .service = "test", .secure = true } };
}

static void tear_down(void)
{
	talk_end(&talk);
	sn_portal_free(&portal);
	auth_teardown();
}

static struct scram_client client_of(enum sn_scram_hash hash)
{
	return (struct scram_client){
		.hash = hash,
		.gs2 = "n,,",
		.name = "alice",
		.password = "secret",
	};
}

static const char *const names[] = { "SCRAM-SHA-1", "SCRAM-SHA-256" };

START_TEST(lets_in)
{
	static const struct {
		const char *gs2, *name, *password, *account, *prefix, *extra, *final_extra;
		int code;
	} rows[] = {
		{ "n,,", "alice", "secret", "alice", NULL, NULL, NULL, SN_OK },
		{ "n,,", "ALICE", "secret", "alice", NULL, NULL, NULL, SN_OK },
		{ "y,,", "alice", "secret", "alice", NULL, NULL, NULL, SN_OK },
		{ "n,a=alice,", "alice", "secret", "alice", NULL, NULL, NULL, SN_OK },
		{ "n,,", "alice", "secret", "alice", NULL, ",x=optional", ",y=too", SN_OK },
		{ "n,,", "a=2Cb=3Dc", "secret", "a,b=c", NULL, NULL, NULL, SN_OK },
		{ "n,a=a=2Cb=3Dc,", "a=2Cb=3Dc", "secret", "a,b=c", NULL, NULL, NULL, SN_OK },
		/* e and a combining accent */
		{ "n,,", "e\xcc\x81va", "gar\xc3\xa7on", "\xc3\xa9va", NULL, NULL, NULL, SN_OK },
		{ "n,,", "alice", "wrong", NULL, NULL, NULL, NULL, SN_EDENIED },
		{ "n,,", "nobody", "secret", NULL, NULL, NULL, NULL, SN_EDENIED },
		{ "n,a=bob,", "alice", "secret", NULL, NULL, NULL, NULL, SN_EDENIED },
		{ "n,,", "al\xff", "secret", NULL, NULL, NULL, NULL, SN_EPROTO },
		{ "n,,", "al=2cice", "secret", NULL, NULL, NULL, NULL, SN_EPROTO },
		{ "n,,", "al=", "secret", NULL, NULL, NULL, NULL, SN_EPROTO },
		{ "n,,", "", "secret", NULL, NULL, NULL, NULL, SN_EPROTO },
		{ "n,,", "alice", "secret", NULL, "m=must,", NULL, NULL, SN_EPROTO },
		{ "n,,", "alice", "secret", NULL, NULL, ",xy", NULL, SN_EPROTO },
		{ "n,,", "alice", "secret", NULL, NULL, NULL, ",bad", SN_EPROTO },
		{ "p=tls-exporter,,", "alice", "secret", NULL, NULL, NULL, NULL, SN_EPROTO },
	};
	const enum sn_scram_hash hash = (enum sn_scram_hash)(_i % 2);
	struct scram_client client = client_of(hash);
	const size_t row = (size_t)_i / 2;

	client.gs2 = rows[row].gs2;
	client.name = rows[row].name;
	client.password = rows[row].password;
	client.bare_prefix = rows[row].prefix;
	client.extra = rows[row].extra;
	client.final_extra = rows[row].final_extra;
	ck_assert_int_eq(scram_client_run(&client, &talk, portal, names[hash]), rows[row].code);
	ck_assert_ptr_null(talk.sasl.mech);
	ck_assert((talk.sasl.session != NULL) == (rows[row].code == SN_OK));
	if (rows[row].code == SN_OK) {
		ck_assert(scram_client_trusts(&client, sn_strbuf_str(&talk.got)));
		ck_assert_str_view(talk.sasl.session->account, rows[row].account);
	} else {
		ck_assert(sn_str_starts(sn_strbuf_str(&talk.got), SN_STR("e=")));
	}
}
END_TEST

START_TEST(refuses_malformed_beginnings)
{
	static const struct {
		const char *message, *error;
		int code;
	} rows[] = {
		{ "", "e=other-error", SN_EPROTO },
		{ "n", "e=other-error", SN_EPROTO },
		{ "n,", "e=other-error", SN_EPROTO },
		{ "n,,", "e=other-error", SN_EPROTO },
		{ "x,,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "nn,,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "p,,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "p=,,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "n,alice,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "n,a=,n=alice,r=abc", "e=other-error", SN_EPROTO },
		{ "n,,r=abc,n=alice", "e=other-error", SN_EPROTO },
		{ "n,,n=alice", "e=other-error", SN_EPROTO },
		{ "n,,n=alice,r=", "e=other-error", SN_EPROTO },
		{ "n,,n=alice,r=a b", "e=other-error", SN_EPROTO },
		{ "n,,n=alice,r=abc,", "e=other-error", SN_EPROTO },
		{ "n,,m=x,n=alice,r=abc", "e=extensions-not-supported", SN_EPROTO },
		{ "n,,n=a=20b,r=abc", "e=invalid-username-encoding", SN_EPROTO },
		{ "p=tls-exporter,,n=alice,r=abc", "e=channel-binding-not-supported", SN_EPROTO },
	};

	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, rows[_i].message), rows[_i].code);
	ck_assert_str_eq(sn_strbuf_cstr(&talk.got), rows[_i].error);
	ck_assert_ptr_null(talk.sasl.scram);
}
END_TEST

/* What goes wrong in the final message: one change to a good one. */
START_TEST(refuses_malformed_ends)
{
	static const struct {
		const char *from, *to, *error;
		int code;
	} rows[] = {
		{ "c=biws", "c=eSws", "e=channel-bindings-dont-match", SN_EDENIED },
		{ "c=biws", "c=biwsAA==", "e=channel-bindings-dont-match", SN_EDENIED },
		{ "c=biws", "c=!", "e=invalid-encoding", SN_EPROTO },
		{ "c=biws", "d=biws", "e=other-error", SN_EPROTO },
		{ "c=biws,", "", "e=other-error", SN_EPROTO },
		{ "r=clientnonce", "r=clientnoncf", "e=other-error", SN_EPROTO },
		{ "r=clientnonce", "r=clientnonc", "e=other-error", SN_EPROTO },
		{ ",p=", ",q=", "e=other-error", SN_EPROTO },
		{ ",p=", "", "e=other-error", SN_EPROTO },
		{ ",p=", ",p=AAAA", "e=invalid-encoding", SN_EPROTO },
		{ ",p=", ",x=y,p=", "e=invalid-proof", SN_EDENIED },
		{ ",p=", ",m=y,p=A,p=", "e=invalid-proof", SN_EDENIED },
	};
	struct scram_client client = client_of(SN_SCRAM_SHA_256);
	const char *good;
	char changed[4096];
	const char *at;

	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, scram_client_first(&client)), SN_AGAIN);
	good = scram_client_final(&client, sn_strbuf_str(&talk.got)).p;
	at = strstr(good, rows[_i].from);
	ck_assert_ptr_nonnull(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - good), good, rows[_i].to,
		at + strlen(rows[_i].from));
	ck_assert_int_eq(talk_steps(&talk, changed), rows[_i].code);
	ck_assert_str_eq(sn_strbuf_cstr(&talk.got), rows[_i].error);
	ck_assert_ptr_null(talk.sasl.session);
}
END_TEST

/* A proof is for one exchange. */
START_TEST(a_recorded_exchange_is_worth_nothing)
{
	struct scram_client client = client_of(SN_SCRAM_SHA_256);
	struct sn_session *session;

	ck_assert_int_eq(scram_client_run(&client, &talk, portal, "SCRAM-SHA-256"), SN_OK);
	session = sn_sasl_session(&talk.sasl);
	sn_session_unref(&session);
	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, client.first), SN_AGAIN);
	ck_assert_int_eq(talk_steps(&talk, client.final), SN_EPROTO);
	ck_assert_ptr_null(talk.sasl.session);
}
END_TEST

START_TEST(who_does_not_exist_looks_as_if)
{
	struct scram_client client = client_of(SN_SCRAM_SHA_256);
	char first[2][256];

	client.name = "nobody";
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
		ck_assert_int_eq(talk_step(&talk, scram_client_first(&client)), SN_AGAIN);
		snprintf(first[i], sizeof(first[i]), "%s", strchr(talk.got.p, ','));
		ck_assert_int_eq(
			talk_step(&talk, scram_client_final(&client, sn_strbuf_str(&talk.got))),
			SN_EDENIED);
		ck_assert_str_eq(sn_strbuf_cstr(&talk.got), "e=invalid-proof");
	}
	ck_assert_str_eq(first[0], first[1]);
}
END_TEST

START_TEST(parts_have_limits)
{
	char message[3000] = "n,,n=alice,r=";
	const size_t begin = strlen(message);

	for (size_t n = 256; n <= 257; n++) {
		memset(message + begin, 'x', n);
		message[begin + n] = '\0';
		ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
		ck_assert_int_eq(talk_steps(&talk, message), n == 256 ? SN_AGAIN : SN_EPROTO);
		sn_sasl_abort(&talk.sasl);
	}
	memset(message, 'x', sizeof(message));
	memcpy(message, "n,,n=", 5);
	memcpy(message + 5 + 256, ",r=abc", 7);
	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, message), SN_EPROTO);
}
END_TEST

/* --- channel bindings ------------------------------------------------------------------------- */

static void connect_tls(enum sn_tls_versions versions)
{
	tls_rig_init(&rig, false);
	rig.server_options.versions = versions;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	talk.sasl.stream = rig.server.user.stream;
}

static void disconnect(void)
{
	talk_end(&talk);
	tls_rig_fini(&rig);
}

START_TEST(binds_to_the_channel)
{
	static const struct {
		const char *gs2, *type;
		enum sn_tls_versions versions;
		int code;
	} rows[] = {
		{ "p=tls-exporter,,", "tls-exporter", SN_TLS_1_3_ONLY, SN_OK },
		{ "p=tls-exporter,,", "tls-exporter", SN_TLS_1_2_ONLY, SN_OK },
		{ "p=tls-unique,,", "tls-unique", SN_TLS_1_2_ONLY, SN_OK },
		{ "p=tls-unique,,", "tls-exporter", SN_TLS_1_3_ONLY, SN_EPROTO },
		{ "p=tls-server-end-point,,", "tls-server-end-point", SN_TLS_1_3_ONLY, SN_OK },
		{ "p=tls-server-end-point,,", "tls-server-end-point", SN_TLS_1_2_ONLY, SN_OK },
		{ "p=tls-exporter,,", "tls-server-end-point", SN_TLS_1_3_ONLY, SN_EDENIED },
		{ "p=tls-secret,,", "tls-exporter", SN_TLS_1_3_ONLY, SN_EPROTO },
		{ "p=tls-exporter,,", NULL, SN_TLS_1_3_ONLY, SN_EDENIED },
		{ "n,,", NULL, SN_TLS_1_3_ONLY, SN_EPROTO },
		{ "y,,", NULL, SN_TLS_1_3_ONLY, SN_EPROTO },
	};
	const enum sn_scram_hash hash = (enum sn_scram_hash)(_i % 2);
	struct scram_client client = client_of(hash);
	const size_t row = (size_t)_i / 2;
	uint8_t binding[64];

	connect_tls(rows[row].versions);
	client.gs2 = rows[row].gs2;
	if (rows[row].type != NULL) {
		ck_assert_int_eq(sn_stream_tls_binding(rig.client.user.stream, rows[row].type,
					 binding, sizeof(binding), &client.binding_n),
			SN_OK);
		client.binding = binding;
	}
	ck_assert_int_eq(
		scram_client_run(&client, &talk, portal,
			hash == SN_SCRAM_SHA_1 ? "SCRAM-SHA-1-PLUS" : "SCRAM-SHA-256-PLUS"),
		rows[row].code);
	ck_assert((talk.sasl.session != NULL) == (rows[row].code == SN_OK));
	disconnect();
}
END_TEST

/* "You did not offer -PLUS" is a lie that only somebody in the middle can have told. */
START_TEST(notices_a_downgrade)
{
	struct scram_client client = client_of(SN_SCRAM_SHA_256);

	connect_tls(SN_TLS_1_3_ONLY);
	client.gs2 = "y,,";
	ck_assert_int_eq(scram_client_run(&client, &talk, portal, "SCRAM-SHA-256"), SN_EDENIED);
	ck_assert_str_eq(sn_strbuf_cstr(&talk.got), "e=server-does-support-channel-binding");
	client.gs2 = "n,,";
	ck_assert_int_eq(scram_client_run(&client, &talk, portal, "SCRAM-SHA-256"), SN_OK);
	disconnect();
}
END_TEST

START_TEST(offers_plus_where_there_is_a_binding)
{
	ck_assert_str_eq(sn_sasl_mech_at(&talk.sasl, portal, 0)->name, "SCRAM-SHA-256");
	ck_assert_int_eq(talk_start(&talk, portal, "SCRAM-SHA-256-PLUS"), SN_EUNKNOWN);
	connect_tls(SN_TLS_1_3_ONLY);
	ck_assert_str_eq(sn_sasl_mech_at(&talk.sasl, portal, 0)->name, "SCRAM-SHA-256-PLUS");
	ck_assert_str_eq(sn_sasl_mech_at(&talk.sasl, portal, 1)->name, "SCRAM-SHA-256");
	disconnect();
}
END_TEST

Suite *suite_sasl_scram(void);
Suite *suite_sasl_scram(void)
{
	Suite *suite = suite_create("sasl_scram");
	TCase *tc = tcase_create("sasl_scram");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lets_in, 0, 2 * 19);
	tcase_add_loop_test(tc, refuses_malformed_beginnings, 0, 18);
	tcase_add_loop_test(tc, refuses_malformed_ends, 0, 12);
	tcase_add_test(tc, a_recorded_exchange_is_worth_nothing);
	tcase_add_test(tc, who_does_not_exist_looks_as_if);
	tcase_add_test(tc, parts_have_limits);
	tcase_add_loop_test(tc, binds_to_the_channel, 0, 2 * 11);
	tcase_add_test(tc, notices_a_downgrade);
	tcase_add_test(tc, offers_plus_where_there_is_a_binding);
	suite_add_tcase(suite, tc);
	return suite;
}
