#include "tests/unit/daemon/auth/checker_matrix.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "tests/unit/daemon/auth/accounts_fixture.h"
#include "tests/unit/daemon/auth/broker_fixture.h"
#include "tests/unit/daemon/auth/sasl_client.h"
#include "tests/unit/daemon/net/tls_rig.h"

#define RECORD \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=" \
	":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define RECORD_1 \
	"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:" \
	"D+CSWLOshSulAsxiupA+qs2/fTE="

/* crypt(3) of "pencil", at a low cost. */
#define YESCRYPT "$y$j75$LKT6f56pyW4Q6KLi6VRO2/$kAs.snl36Fp9lu1sFotcCQuhETewqqqSwtcNnhxYavC"
#define BCRYPT "$2b$04$sPXzZWlMGBS0MJ3KMU2HyeeLebG.Ra/K3aX8JXEo1dxUtIK/YiT0m"
#define SHA512 \
	"$6$rounds=1000$bKzZe3Dai/gTq932$v8XhrsgtBIA9FXmD3Jxns6d4sdWYsh1WQMvStv15XTflznj8OBDYcmZH1XOswLWgBayTkH5Ay7N7siPqP95RB."

/* --- the checkers --------------------------------------------------------------------------- */

static struct sn_checker *open_memory(void)
{
	return open_checker("memory:%s:%s", MATRIX_ACCOUNT, MATRIX_PASSWORD);
}

static struct sn_checker *open_file_clear(void)
{
	return open_checker("file:%s", write_file("alice:pencil\n"));
}

static struct sn_checker *open_file_record(void)
{
	return open_checker("file:%s", write_file("alice:" RECORD "\nalice:" RECORD_1 "\n"));
}

static struct sn_checker *open_file_yescrypt(void)
{
	return open_checker("file:%s", write_file("alice:" YESCRYPT "\n"));
}

static struct sn_checker *open_file_bcrypt(void)
{
	return open_checker("file:%s", write_file("alice:" BCRYPT "\n"));
}

static struct sn_checker *open_file_sha512(void)
{
	return open_checker("file:%s", write_file("alice:" SHA512 "\n"));
}

static struct sn_checker *open_cert(void)
{
	return open_checker("cert:%s", matrix_ca_path);
}

static struct sn_checker *open_anonymous(void)
{
	return open_checker("anonymous");
}

static struct sn_checker *open_accounts(void)
{
	char ident[SN_ACCOUNT_IDENT_SIZE], hex[2 * sizeof(matrix_fingerprint) + 1];
	struct sn_strbuf b;

	accounts_open_store();
	add_account(MATRIX_ACCOUNT, MATRIX_PASSWORD);
	add_item(MATRIX_ACCOUNT, SN_ACCOUNT_KEY, MATRIX_KEY_TYPE " " MATRIX_KEY_BASE64);
	sn_strbuf_fixed(&b, hex, sizeof(hex));
	sn_hex_encode(&b, sn_str_n(matrix_fingerprint, sizeof(matrix_fingerprint)));
	add_item(MATRIX_ACCOUNT, SN_ACCOUNT_CERTIFICATE, hex);
	sn_account_token_ident(SN_STR(MATRIX_TOKEN), ident);
	add_item(MATRIX_ACCOUNT, SN_ACCOUNT_TOKEN, ident);
	return open_checker("accounts");
}

/* alice is whoever runs this, so that the socket's peer is her. */
static struct sn_checker *open_unix(void)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "alice:x:%u:%u::" ALICE_HOME ":/bin/sh\n",
		(unsigned)getuid(), (unsigned)getgid());
	machine_write("/etc/passwd", text, 0, 0644);
	broker_start(NULL);
	return open_checker("unix");
}

static struct sn_checker *open_sshkey(void)
{
	machine_write(ALICE_HOME "/.ssh/authorized_keys",
		MATRIX_KEY_TYPE " " MATRIX_KEY_BASE64 "\n", machine_alice(), 0600);
	broker_start(NULL);
	return open_checker("sshkey");
}

static const struct matrix_row rows[] = {
	{ "accounts", open_accounts,
		SN_CREDS_PASSWORD | SN_CREDS_SCRAM | SN_CREDS_PUBLICKEY | SN_CREDS_CERTIFICATE |
			SN_CREDS_TOKEN,
		"alice" },
	{ "memory", open_memory, SN_CREDS_PASSWORD | SN_CREDS_SCRAM, "alice" },
	{ "file, clear", open_file_clear, SN_CREDS_PASSWORD | SN_CREDS_SCRAM, "alice" },
	{ "file, records", open_file_record, SN_CREDS_PASSWORD | SN_CREDS_SCRAM, "alice" },
	{ "file, yescrypt", open_file_yescrypt, SN_CREDS_PASSWORD, "alice" },
	{ "file, bcrypt", open_file_bcrypt, SN_CREDS_PASSWORD, "alice" },
	{ "file, SHA-512", open_file_sha512, SN_CREDS_PASSWORD, "alice" },
	{ "cert", open_cert, SN_CREDS_CERTIFICATE, "alice" },
	{ "anonymous", open_anonymous, SN_CREDS_ANONYMOUS, "" },
	/* From here on with a machine and a broker. */
	{ "unix", open_unix, SN_CREDS_PASSWORD | SN_CREDS_PEER, "alice" },
	{ "sshkey", open_sshkey, SN_CREDS_PUBLICKEY, "alice" },
};
#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))
#define PLAIN_ROWS (ROWS - 2)

/* --- the credentials ------------------------------------------------------------------------ */

const char *matrix_ca_path;
struct sn_str matrix_certificate;
uint8_t matrix_fingerprint[32];

static struct tls_rig rig;
static struct sn_test_cert ca, cert;
static struct sn_test_pem ca_file;
static unsigned char *der;
static char key[64];
static size_t key_n;
static struct sn_portal *portal;
static struct talk talk;
static struct sn_stream *unix_stream;
static int unix_peer;

static void make_certificates(void)
{
	const struct sn_test_cert *const cas[] = { &ca }, *const certs[] = { &cert };
	static struct sn_test_pem cert_file;

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &ca);
	sn_test_cert_make(
		&(struct sn_test_cert_options){ .name = MATRIX_ACCOUNT, .issuer = &ca }, &cert);
	ca_file = sn_test_pem_write(&rig.dir, "ca.pem", "c", cas);
	cert_file = sn_test_pem_write(&rig.dir, "client.pem", "ck", certs);
	matrix_ca_path = ca_file.path;
	der = NULL;
	matrix_certificate = sn_str_n(NULL, (size_t)i2d_X509(cert.x509, &der));
	matrix_certificate.p = (const char *)der;
	sn_test_cert_fingerprint(&cert, matrix_fingerprint);
	rig.server_options.client_auth = SN_TLS_CLIENT_AUTH_REQUEST;
	rig.client_options.certs = cert_file.path;
}

static void make_unix_socket(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(sn_stream_fd_new(loop, fds[0], fds[0], &unix_stream), SN_OK);
	unix_peer = fds[1];
}

static void set_up(void)
{
	auth_setup();
	tls_rig_init(&rig, false);
	make_certificates();
	make_unix_socket();
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_int_eq(
		sn_base64_decode(SN_STR(MATRIX_KEY_BASE64), key, sizeof(key), &key_n), SN_OK);
	portal = sn_portal_new(&context);
	talk = (struct talk){ .sasl = { .service = "test", .secure = true } };
}

static void tear_down(void)
{
	talk_end(&talk);
	sn_stream_abort(unix_stream, SN_ECANCELED);
	for (int i = 0; i < 3; i++)
		sn_loop_turn(loop, 0);
	(void)close(unix_peer);
	OPENSSL_free(der);
	sn_test_cert_fini(&ca);
	sn_test_cert_fini(&cert);
	tls_rig_fini(&rig);
	sn_portal_free(&portal);
	auth_teardown();
}

static void set_up_on_machine(void)
{
	machine_setup();
	set_up();
}

static void tear_down_on_machine(void)
{
	broker_stop();
	tear_down();
}

/* right: as the checkers have it; else one thing is wrong. */
static struct sn_creds standard(enum sn_creds_kind kind, bool right)
{
	static uint8_t other_fingerprint[32];
	static char other_key[64];
	struct sn_creds creds = {
		.kind = kind, .account = SN_STR(MATRIX_ACCOUNT), .service = "test"
	};

	memcpy(other_key, key, sizeof(key));
	other_key[key_n - 1] ^= 1;
	creds.password = right ? SN_STR(MATRIX_PASSWORD) : SN_STR("pencim");
	creds.token = right ? SN_STR(MATRIX_TOKEN) : SN_STR("sn_wrong");
	creds.fingerprint = right ? matrix_fingerprint : other_fingerprint;
	creds.certificate = matrix_certificate;
	if (!right) /* the server's own: nobody has signed it for clients */
		creds.certificate = SN_STR_NULL;
	creds.key_type = SN_STR(MATRIX_KEY_TYPE);
	creds.key = sn_str_n(right ? key : other_key, key_n);
	creds.uid = right ? getuid() : getuid() + 12345;
	creds.hash = SN_SCRAM_SHA_256;
	if (kind == SN_CREDS_CERTIFICATE || kind == SN_CREDS_TOKEN || kind == SN_CREDS_PEER ||
		kind == SN_CREDS_ANONYMOUS)
		creds.account = SN_STR("");
	return creds;
}

/* --- through the portal --------------------------------------------------------------------- */

static void check_session(struct answer *answer, const struct matrix_row *row)
{
	ck_assert_msg(answer->code == SN_OK, "%s: %s", row->name, sn_strerror(answer->code));
	ck_assert_ptr_nonnull(answer->session);
	ck_assert_str_view(answer->session->account, row->account);
	sn_session_unref(&answer->session);
}

static void try_scram(const struct matrix_row *row)
{
	struct sn_creds creds = standard(SN_CREDS_SCRAM, true);
	struct answer answer = login_creds(portal, &creds);

	ck_assert(sn_scram_verify(&answer.scram, SN_STR(MATRIX_PASSWORD)));
	check_session(&answer, row);
	creds.account = SN_STR("nobody");
	answer = login_creds(portal, &creds);
	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert_ptr_null(answer.session);
}

START_TEST(each_kind)
{
	const struct matrix_row *row = &rows[_i / SN_CREDS_KINDS];
	const enum sn_creds_kind kind = (enum sn_creds_kind)(1u << (_i % SN_CREDS_KINDS));
	const struct sn_creds right = standard(kind, true), wrong = standard(kind, false);
	struct answer answer;

	sn_portal_add(portal, row->open());
	ck_assert_uint_eq(sn_portal_kinds(portal), row->kinds);
	if ((row->kinds & kind) == 0) {
		ck_assert_int_eq(login_creds(portal, &right).code, SN_EDENIED);
		return;
	}
	if (kind == SN_CREDS_SCRAM) {
		try_scram(row);
		return;
	}
	answer = login_creds(portal, &right);
	check_session(&answer, row);
	if (kind == SN_CREDS_ANONYMOUS)
		return;
	answer = login_creds(portal, &wrong);
	ck_assert_int_eq(answer.code, SN_EDENIED);
	ck_assert_ptr_null(answer.session);
}
END_TEST

/* --- through the mechanisms ----------------------------------------------------------------- */

struct mechanism {
	const char *name;
	enum sn_creds_kind kind;
	bool over_unix; /* else over TLS */
	int (*run)(const struct mechanism *mechanism, bool right);
	enum sn_scram_hash hash;
	const char *gs2;
};

static int run_scram(const struct mechanism *mechanism, bool right)
{
	uint8_t binding[64];
	struct scram_client client = {
		.hash = mechanism->hash,
		.gs2 = mechanism->gs2,
		.name = MATRIX_ACCOUNT,
		.password = right ? MATRIX_PASSWORD : "pencim",
	};

	if (client.gs2[0] == 'p') {
		ck_assert_int_eq(sn_stream_tls_binding(rig.client.user.stream, "tls-exporter",
					 binding, sizeof(binding), &client.binding_n),
			SN_OK);
		client.binding = binding;
	}
	return scram_client_run(&client, &talk, portal, mechanism->name);
}

static int run_text(const struct mechanism *mechanism, struct sn_str response)
{
	const int code = talk_start(&talk, portal, mechanism->name);

	return code == SN_OK ? talk_step(&talk, response) : code;
}

static int run_plain(const struct mechanism *mechanism, bool right)
{
	return run_text(mechanism,
		right ? SN_STR("\0" MATRIX_ACCOUNT "\0" MATRIX_PASSWORD)
		      : SN_STR("\0" MATRIX_ACCOUNT "\0pencim"));
}

static int run_external(const struct mechanism *mechanism, bool right)
{
	return run_text(mechanism, right ? SN_STR("") : SN_STR("somebody-else"));
}

static int run_oauth(const struct mechanism *mechanism, bool right)
{
	const int code = run_text(mechanism,
		right ? SN_STR("n,,\1auth=Bearer " MATRIX_TOKEN "\1\1")
		      : SN_STR("n,,\1auth=Bearer sn_wrong\1\1"));

	return code == SN_AGAIN ? talk_steps(&talk, "\1") : code;
}

static int run_anonymous(const struct mechanism *mechanism, bool right)
{
	return right ? run_text(mechanism, SN_STR("trace")) : SN_EDENIED;
}

static const struct mechanism mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", SN_CREDS_SCRAM, false, run_scram, SN_SCRAM_SHA_256,
		"p=tls-exporter,," },
	{ "SCRAM-SHA-256", SN_CREDS_SCRAM, false, run_scram, SN_SCRAM_SHA_256, "n,," },
	{ "SCRAM-SHA-1-PLUS", SN_CREDS_SCRAM, false, run_scram, SN_SCRAM_SHA_1,
		"p=tls-exporter,," },
	{ "SCRAM-SHA-1", SN_CREDS_SCRAM, false, run_scram, SN_SCRAM_SHA_1, "n,," },
	{ "EXTERNAL", SN_CREDS_CERTIFICATE, false, run_external, 0, NULL },
	{ "EXTERNAL", SN_CREDS_PEER, true, run_external, 0, NULL },
	{ "OAUTHBEARER", SN_CREDS_TOKEN, false, run_oauth, 0, NULL },
	{ "PLAIN", SN_CREDS_PASSWORD, false, run_plain, 0, NULL },
	{ "ANONYMOUS", SN_CREDS_ANONYMOUS, false, run_anonymous, 0, NULL },
};
#define MECHANISMS ((int)(sizeof(mechanisms) / sizeof(mechanisms[0])))

START_TEST(each_mechanism)
{
	const struct matrix_row *row = &rows[_i / MECHANISMS];
	const struct mechanism *mechanism = &mechanisms[_i % MECHANISMS];

	sn_portal_add(portal, row->open());
	talk.sasl.stream = mechanism->over_unix ? unix_stream : rig.server.user.stream;
	if ((row->kinds & mechanism->kind) == 0) {
		ck_assert_int_eq(talk_start(&talk, portal, mechanism->name), SN_EUNKNOWN);
		return;
	}
	ck_assert_int_eq(mechanism->run(mechanism, true), SN_OK);
	ck_assert_str_view(talk.sasl.session->account, row->account);
	ck_assert_int_eq(mechanism->run(mechanism, false), SN_EDENIED);
	ck_assert(mechanism->kind == SN_CREDS_ANONYMOUS || talk.sasl.session == NULL);
}
END_TEST

Suite *suite_checker_matrix(void);
Suite *suite_checker_matrix(void)
{
	Suite *suite = suite_create("checker_matrix");
	TCase *tc = tcase_create("checker_matrix"), *machine = tcase_create("machine");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_kind, 0, PLAIN_ROWS * SN_CREDS_KINDS);
	tcase_add_loop_test(tc, each_mechanism, 0, PLAIN_ROWS * MECHANISMS);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(machine, set_up_on_machine, tear_down_on_machine);
	tcase_set_tags(machine, "no-valgrind");
	tcase_set_timeout(machine, 60);
	tcase_add_loop_test(machine, each_kind, PLAIN_ROWS * SN_CREDS_KINDS, ROWS * SN_CREDS_KINDS);
	tcase_add_loop_test(machine, each_mechanism, PLAIN_ROWS * MECHANISMS, ROWS * MECHANISMS);
	suite_add_tcase(suite, machine);
	return suite;
}
