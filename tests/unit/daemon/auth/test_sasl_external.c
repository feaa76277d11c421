#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/sasl_client.h"
#include "tests/unit/daemon/net/tls_rig.h"

static struct sn_portal *portal;
static struct talk talk;
static struct tls_rig rig;

static void set_up(void)
{
	auth_setup();
	portal = sn_portal_new(&context);
	talk = (struct talk){ .sasl.service = "test" };
	tls_rig_init(&rig, false);
}

static void tear_down(void)
{
	talk_end(&talk);
	tls_rig_fini(&rig);
	sn_portal_free(&portal);
	auth_teardown();
}

/* The client's certificate, signed by the CA that the checker trusts, or by itself. */
static void connect_with(const char *name, const char *alt, bool trusted)
{
	struct sn_test_cert ca, cert;
	const struct sn_test_cert *const cas[] = { &ca }, *const certs[] = { &cert };
	struct sn_test_pem ca_file, cert_file;

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &ca);
	sn_test_cert_make(
		&(struct sn_test_cert_options){
			.name = name, .alt = alt, .issuer = trusted ? &ca : NULL },
		&cert);
	ca_file = sn_test_pem_write(&rig.dir, "ca.pem", "c", cas);
	cert_file = sn_test_pem_write(&rig.dir, "client.pem", "ck", certs);
	sn_portal_add(portal, open_checker("cert:%s", ca_file.path));
	rig.server_options.client_auth = SN_TLS_CLIENT_AUTH_REQUEST;
	rig.client_options.certs = cert_file.path;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	talk.sasl.stream = rig.server.user.stream;
	sn_test_cert_fini(&ca);
	sn_test_cert_fini(&cert);
}

START_TEST(by_certificate)
{
	static const struct {
		const char *name, *alt, *wanted, *account;
		bool trusted;
		int code;
	} rows[] = {
		{ "alice", NULL, "", "alice", true, SN_OK },
		{ "alice", NULL, "alice", "alice", true, SN_OK },
		{ "alice", NULL, "ALICE", "alice", true, SN_OK },
		{ "al", "email:alice@example.org", "", "alice", true, SN_OK },
		{ "al", "email:alice@example.org", "al", "al", true, SN_OK },
		{ "alice", NULL, "bob", NULL, true, SN_EDENIED },
		{ "alice", NULL, "", NULL, false, SN_EDENIED },
		{ "alice", NULL, "\xff", NULL, true, SN_EPROTO },
	};
	const bool initial = _i % 2 == 0;
	const size_t row = (size_t)_i / 2;

	connect_with(rows[row].name, rows[row].alt, rows[row].trusted);
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_OK);
	if (!initial)
		ck_assert_int_eq(talk_step(&talk, SN_STR_NULL), SN_AGAIN);
	ck_assert_int_eq(talk_steps(&talk, rows[row].wanted), rows[row].code);
	ck_assert((talk.sasl.session != NULL) == (rows[row].code == SN_OK));
	if (rows[row].code == SN_OK)
		ck_assert_str_view(talk.sasl.session->account, rows[row].account);
}
END_TEST

START_TEST(needs_a_certificate)
{
	char long_name[257];

	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_EUNKNOWN);
	connect_with("alice", NULL, true);
	memset(long_name, 'x', sizeof(long_name));
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, sn_str_n(long_name, 256)), SN_EPROTO);
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, sn_str_n("alice\0", 6)), SN_EPROTO);
	talk.sasl.stream = NULL;
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_EUNKNOWN);
}
END_TEST

/* --- unix sockets: the kernel vouches --------------------------------------------------------- */

static int check_uid(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)promise_r;
	ck_assert_uint_eq(creds->kind, SN_CREDS_PEER);
	if (creds->uid != getuid())
		return SN_EDENIED;
	*session_r = sn_session_new(SN_STR("me"), checker->type->name);
	return SN_OK;
}

static void close_checker(struct sn_checker *checker)
{
	sn_free(checker);
}

static const struct sn_checker_type uid_type = {
	.size = sizeof(uid_type),
	.name = "uid",
	.kinds = SN_CREDS_PEER,
	.check = check_uid,
	.close = close_checker,
};

START_TEST(by_the_kernel)
{
	struct sn_checker *checker = sn_alloc_zero(sizeof(*checker));
	struct sn_stream *stream;
	int fds[2];

	checker->type = &uid_type;
	sn_portal_add(portal, checker);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(sn_stream_fd_new(loop, fds[0], fds[0], &stream), SN_OK);
	talk.sasl.stream = stream;
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, _i == 0 ? "" : "me"), SN_OK);
	ck_assert_str_view(talk.sasl.session->account, "me");
	ck_assert_int_eq(talk_start(&talk, portal, "EXTERNAL"), SN_OK);
	ck_assert_int_eq(talk_steps(&talk, "root"), SN_EDENIED);
	ck_assert_ptr_null(talk.sasl.session);
	sn_stream_abort(stream, SN_ECANCELED);
	for (int i = 0; i < 3; i++)
		sn_loop_turn(loop, 0);
	(void)close(fds[1]);
}
END_TEST

Suite *suite_sasl_external(void);
Suite *suite_sasl_external(void)
{
	Suite *suite = suite_create("sasl_external");
	TCase *tc = tcase_create("sasl_external");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, by_certificate, 0, 2 * 8);
	tcase_add_test(tc, needs_a_certificate);
	tcase_add_loop_test(tc, by_the_kernel, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
