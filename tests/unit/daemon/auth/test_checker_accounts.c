#include <stdio.h>

#include "daemon/auth/accounts_private.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "tests/unit/daemon/auth/accounts_fixture.h"

/* Of "secret". */
#define CRYPT_SECRET \
	"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc" \
	"1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"

static struct sn_checker *checker;

static void setup(void)
{
	struct sn_diag diag;

	accounts_setup();
	ck_assert_int_eq(sn_checker_open(&context, SN_STR("accounts"), &checker, &diag), SN_OK);
}

static void teardown(void)
{
	sn_checker_close(&checker);
	accounts_teardown();
}

struct outcome {
	struct sn_waiter waiter;
	struct sn_session *session;
	struct sn_scram_record scram;
	int code;
	bool done;
};

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct outcome *outcome = sn_container_of(waiter, struct outcome, waiter);

	outcome->code = code;
	outcome->done = true;
	if (code != SN_OK)
		return;
	outcome->session = sn_check_session(p);
	outcome->scram = *sn_check_scram(p);
}

/* The session lives until the next call. */
static const struct outcome *ask(const struct sn_creds *creds)
{
	static struct outcome outcome;
	struct sn_promise *promise = NULL;

	sn_session_unref(&outcome.session);
	outcome = (struct outcome){ 0 };
	outcome.code = checker->type->check(checker, creds, &outcome.session, &promise);
	if (outcome.code == SN_PENDING) {
		sn_promise_wait(promise, &outcome.waiter, on_answer);
		while (!outcome.done)
			sn_loop_turn(loop, -1);
	}
	return &outcome;
}

static void forget_outcome(void)
{
	const struct sn_creds nothing = { .kind = SN_CREDS_SCRAM };

	(void)ask(&nothing);
}

static int ask_password(const char *account, const char *password)
{
	const struct sn_creds creds = password_creds(account, password);
	const int code = ask(&creds)->code;

	forget_outcome();
	return code;
}

static void set_hash(const char *name, const char *hash)
{
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, sn_str(name), sn_str(hash), true)), SN_OK);
}

START_TEST(passwords)
{
	static const struct {
		const char *account, *password;
		int code;
	} rows[] = {
		{ "alice", "secret", SN_OK },
		{ "ALICE", "secret", SN_OK },
		{ "alice", "Secret", SN_EDENIED },
		{ "alice", "", SN_EDENIED },
		{ "alice", "bell\a", SN_EDENIED },
		{ "bob", "secret", SN_ENOTFOUND },
		{ "", "secret", SN_ENOTFOUND },
		{ "a b", "secret", SN_ENOTFOUND },
		{ "keyonly", "", SN_ENOTFOUND },
		{ "keyonly", "x", SN_ENOTFOUND },
		{ "disabled", "secret", SN_EDISABLED },
		{ "disabled", "wrong", SN_EDENIED },
	};

	add_account("alice", "secret");
	add_account("keyonly", NULL);
	add_account("disabled", "secret");
	ck_assert_int_eq(
		answer(sn_account_set_disabled(&context, SN_STR("disabled"), true)), SN_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(ask_password(rows[i].account, rows[i].password) == rows[i].code,
			"%s with \"%s\"", rows[i].account, rows[i].password);
}
END_TEST

START_TEST(sessions_have_name_and_roles)
{
	const struct sn_creds creds = password_creds("ALICE", "secret");
	const struct outcome *outcome;

	add_account("Alice", "secret");
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	add_item("alice", SN_ACCOUNT_ROLE, "admin");
	outcome = ask(&creds);
	ck_assert_int_eq(outcome->code, SN_OK);
	ck_assert_str_view(outcome->session->account, "Alice");
	ck_assert_str_eq(outcome->session->checker, "accounts");
	ck_assert_uint_eq(outcome->session->role_count, 2);
	ck_assert(sn_session_has_role(outcome->session, SN_STR("ops")));
	ck_assert(sn_session_has_role(outcome->session, SN_STR("admin")));
	ck_assert_int_eq(outcome->session->expires, 0);
	forget_outcome();
}
END_TEST

static void take_secret(void *where, struct sn_promise *p)
{
	sn_strbuf_add(where, sn_account_at(p, 0)->scram_sha_256);
}

static const char *stored_record(const char *name)
{
	static char text[200];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, sn_str(name), SN_STR_NULL, 1),
			take_secret, &out),
		SN_OK);
	return text;
}

static void flush_writes(void)
{
	struct sn_diag diag;

	sn_checker_close(&checker);
	ck_assert_int_eq(sn_checker_open(&context, SN_STR("accounts"), &checker, &diag), SN_OK);
}

START_TEST(crypt_hashes_become_records)
{
	add_account("alice", NULL);
	set_hash("alice", CRYPT_SECRET);
	ck_assert_int_eq(ask_password("alice", "wrong"), SN_EDENIED);
	flush_writes();
	ck_assert_str_eq(account_text("alice"), "alice crypt");
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	flush_writes();
	ck_assert_str_eq(account_text("alice"), "alice 256 1");
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	ck_assert_int_eq(ask_password("alice", "wrong"), SN_EDENIED);
}
END_TEST

START_TEST(weak_records_become_strong)
{
	struct sn_scram_record record;
	char text[200];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_scram_derive(SN_SCRAM_SHA_256, SN_STR("secret"), SN_SCRAM_ITERATIONS_MIN, &record);
	sn_scram_format(&record, &out);
	add_account("alice", NULL);
	set_hash("alice", text);
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	flush_writes();
	ck_assert_str_eq(account_text("alice"), "alice 256 1");
	ck_assert_str_ne(stored_record("alice"), text);
	sn_strbuf_truncate(&out, 0);
	sn_strbuf_adds(&out, stored_record("alice"));
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	flush_writes();
	ck_assert_str_eq(stored_record("alice"), text);
}
END_TEST

/* A password set while the login's hash was computed is not undone. */
START_TEST(an_upgrade_overwrites_nothing_newer)
{
	const struct sn_creds creds = password_creds("alice", "secret");
	struct outcome outcome = { 0 };
	struct sn_promise *promise = NULL;
	const char *newer;

	add_account("alice", NULL);
	set_hash("alice", CRYPT_SECRET);
	ck_assert_int_eq(
		checker->type->check(checker, &creds, &outcome.session, &promise), SN_PENDING);
	sn_promise_wait(promise, &outcome.waiter, on_answer);
	run_sql("UPDATE accounts SET scram_sha_256 = 'newer', crypt = ''");
	while (!outcome.done)
		sn_loop_turn(loop, -1);
	sn_session_unref(&outcome.session);
	flush_writes();
	newer = stored_record("alice");
	ck_assert_str_eq(newer, "newer");
}
END_TEST

START_TEST(scram_records)
{
	struct sn_creds creds = { .kind = SN_CREDS_SCRAM, .account = SN_STR("Alice") };
	const struct outcome *outcome;

	add_account("alice", "secret");
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	for (int hash = SN_SCRAM_SHA_1; hash <= SN_SCRAM_SHA_256; hash++) {
		creds.hash = (enum sn_scram_hash)hash;
		outcome = ask(&creds);
		ck_assert_int_eq(outcome->code, SN_OK);
		ck_assert_int_eq((int)outcome->scram.hash, hash);
		ck_assert_uint_eq(outcome->scram.iterations, SN_SCRAM_ITERATIONS);
		ck_assert(sn_scram_verify(&outcome->scram, SN_STR("secret")));
		ck_assert(sn_session_has_role(outcome->session, SN_STR("ops")));
	}
	creds.account = SN_STR("bob");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	creds.account = SN_STR("alice");
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), true)), SN_OK);
	ck_assert_int_eq(ask(&creds)->code, SN_EDISABLED);
	set_hash("alice", CRYPT_SECRET);
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), false)), SN_OK);
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
}
END_TEST

static void take_last_login(void *where, struct sn_promise *p)
{
	*(int64_t *)where = sn_account_at(p, 0)->last_login;
}

static int64_t last_login(const char *name)
{
	int64_t at = -1;

	flush_writes();
	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, sn_str(name), SN_STR_NULL, 1),
			take_last_login, &at),
		SN_OK);
	return at;
}

/* A question about a record is none: anybody can ask. */
START_TEST(logins_are_dated)
{
	const struct sn_creds creds = {
		.kind = SN_CREDS_SCRAM,
		.account = SN_STR("alice"),
		.hash = SN_SCRAM_SHA_256,
	};

	add_account("alice", "secret");
	add_account("bob", "secret");
	ck_assert_int_eq(ask(&creds)->code, SN_OK);
	ck_assert_int_eq(ask_password("bob", "wrong"), SN_EDENIED);
	ck_assert_int_eq(last_login("alice"), 0);
	ck_assert_int_eq(last_login("bob"), 0);
	checker->type->proved(checker, ask(&creds)->session);
	ck_assert_int_eq(ask_password("bob", "secret"), SN_OK);
	ck_assert_int_gt(last_login("alice"), 0);
	ck_assert_int_gt(last_login("bob"), 0);
}
END_TEST

START_TEST(keys)
{
	uint8_t wire[64];
	struct sn_creds creds = {
		.kind = SN_CREDS_PUBLICKEY,
		.account = SN_STR("alice"),
		.key_type = SN_STR("ssh-ed25519"),
	};
	size_t n;
	const struct outcome *outcome;

	ck_assert_int_eq(sn_base64_decode(SN_STR(ED25519), wire, sizeof(wire), &n), SN_OK);
	creds.key = sn_str_n(wire, n);
	add_account("alice", "secret");
	add_account("bob", NULL);
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	add_item("alice", SN_ACCOUNT_KEY, "no-pty,command=\"date\" ssh-ed25519 " ED25519 " c");
	outcome = ask(&creds);
	ck_assert_int_eq(outcome->code, SN_OK);
	ck_assert_str_view(outcome->session->options, "no-pty,command=\"date\"");
	creds.account = SN_STR("bob");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	creds.account = SN_STR("");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	creds.account = SN_STR("alice");
	creds.key.n--;
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	creds.key.n++;
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), true)), SN_OK);
	ck_assert_int_eq(ask(&creds)->code, SN_EDISABLED);
}
END_TEST

/* Rows of (options, address, code). */
START_TEST(options_of_keys_decide)
{
	static const struct {
		const char *options, *peer;
		int code;
		const char *left;
	} rows[] = {
		{ "from=\"192.0.2.0/24\",no-pty ", "192.0.2.7", SN_OK, "no-pty" },
		{ "from=\"192.0.2.0/24\" ", "::ffff:192.0.2.7", SN_OK, "" },
		{ "from=\"192.0.2.0/24\" ", "198.51.100.1", SN_EDENIED, NULL },
		{ "from=\"192.0.2.0/24\" ", NULL, SN_EDENIED, NULL },
		{ "expiry-time=\"20200101Z\" ", "192.0.2.7", SN_EDENIED, NULL },
		{ "expiry-time=\"29990101Z\" ", "192.0.2.7", SN_OK, "" },
		{ "no-such-option ", "192.0.2.7", SN_EDENIED, NULL },
	};
	uint8_t wire[64];
	size_t n;

	ck_assert_int_eq(sn_base64_decode(SN_STR(ED25519), wire, sizeof(wire), &n), SN_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[16], line[256];
		struct sn_addr peer;
		const struct outcome *outcome;

		(void)snprintf(name, sizeof(name), "user%zu", i);
		(void)snprintf(line, sizeof(line), "%sssh-ed25519 " ED25519, rows[i].options);
		if (rows[i].peer != NULL)
			ck_assert_int_eq(sn_addr_parse(sn_str(rows[i].peer), 22, &peer), SN_OK);
		add_account(name, NULL);
		add_item(name, SN_ACCOUNT_KEY, line);
		outcome = ask(&(struct sn_creds){
			.kind = SN_CREDS_PUBLICKEY,
			.account = sn_str(name),
			.key_type = SN_STR("ssh-ed25519"),
			.key = sn_str_n(wire, n),
			.peer = rows[i].peer != NULL ? &peer : NULL,
		});
		ck_assert_msg(
			outcome->code == rows[i].code, "row %zu: %s", i, sn_errname(outcome->code));
		if (rows[i].left != NULL)
			ck_assert_str_view(outcome->session->options, rows[i].left);
	}
}
END_TEST

START_TEST(certificates)
{
	uint8_t fingerprint[32];
	struct sn_creds creds = { .kind = SN_CREDS_CERTIFICATE, .fingerprint = fingerprint };
	size_t n;

	ck_assert_int_eq(
		sn_hex_decode(SN_STR(ABC_SHA256), fingerprint, sizeof(fingerprint), &n), SN_OK);
	add_account("alice", NULL);
	add_account("bob", NULL);
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	add_item("bob", SN_ACCOUNT_CERTIFICATE, ABC_SHA256);
	ck_assert_int_eq(ask(&creds)->code, SN_OK);
	ck_assert_str_view(ask(&creds)->session->account, "bob");
	creds.account = SN_STR("alice");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	/* With the same certificate at two accounts, the client has to say which. */
	add_item("alice", SN_ACCOUNT_CERTIFICATE, ABC_SHA256);
	ck_assert_str_view(ask(&creds)->session->account, "alice");
	creds.account = SN_STR("");
	ck_assert_int_eq(ask(&creds)->code, SN_EDENIED);
	forget_outcome();
}
END_TEST

static void add_token(const char *account, const char *text, int64_t expires)
{
	char ident[SN_ACCOUNT_IDENT_SIZE];
	struct sn_account_item item = { .kind = SN_ACCOUNT_TOKEN, .expires = expires };

	sn_account_token_ident(sn_str(text), ident);
	item.value = sn_str(ident);
	ck_assert_int_eq(answer(sn_account_add_item(&context, sn_str(account), &item)), SN_OK);
}

START_TEST(tokens)
{
	struct sn_creds creds = { .kind = SN_CREDS_TOKEN, .token = SN_STR("sn_good") };
	const int64_t later = sn_loop_wall(loop) + SN_SEC(1000);

	add_account("alice", "secret");
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	add_account("bob", NULL);
	add_token("alice", "sn_good", later);
	add_token("alice", "sn_old", 1);
	ck_assert_int_eq(ask(&creds)->code, SN_OK);
	ck_assert_str_view(ask(&creds)->session->account, "alice");
	ck_assert(ask(&creds)->session->expires == later);
	ck_assert(sn_session_has_role(ask(&creds)->session, SN_STR("ops")));
	creds.account = SN_STR("Alice");
	ck_assert_int_eq(ask(&creds)->code, SN_OK);
	creds.account = SN_STR("bob");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
	creds.account = SN_STR("");
	creds.token = SN_STR("sn_old");
	ck_assert_int_eq(ask(&creds)->code, SN_EDENIED);
	creds.token = SN_STR("sn_none");
	ck_assert_int_eq(ask(&creds)->code, SN_ENOTFOUND);
}
END_TEST

START_TEST(tokens_as_passwords)
{
	add_account("alice", "secret");
	add_account("bob", NULL);
	add_token("alice", "sn_good", 0);
	add_token("alice", "sn_old", 1);
	add_token("bob", "sn_bob", 0);
	ck_assert_int_eq(ask_password("alice", "sn_good"), SN_OK);
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	ck_assert_int_eq(ask_password("alice", "sn_old"), SN_EDENIED);
	ck_assert_int_eq(ask_password("alice", "sn_bob"), SN_EDENIED);
	ck_assert_int_eq(ask_password("bob", "sn_bob"), SN_OK);
	ck_assert_int_eq(ask_password("bob", "sn_good"), SN_ENOTFOUND);
}
END_TEST

/* With the pool gone nothing can be hashed: what still lets in is the cache. */
START_TEST(a_reconnect_costs_no_hash)
{
	add_account("alice", "secret");
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	sn_offload_free(&pool);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1, .queue_max = 1 }, &pool),
		SN_OK);
	context.pool = pool;
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	ck_assert_uint_eq(sn_offload_waiting(pool), 0);
}
END_TEST

START_TEST(the_cache_hears_of_changes)
{
	add_account("alice", "secret");
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), true)), SN_OK);
	ck_assert_int_eq(ask_password("alice", "secret"), SN_EDISABLED);
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), false)), SN_OK);
	ck_assert_int_eq(ask_password("alice", "secret"), SN_OK);
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, SN_STR("alice"), SN_STR("other"), false)),
		SN_OK);
	ck_assert_int_eq(ask_password("alice", "secret"), SN_EDENIED);
	ck_assert_int_eq(answer(sn_account_remove(&context, SN_STR("alice"))), SN_OK);
	ck_assert_int_eq(ask_password("alice", "other"), SN_ENOTFOUND);
}
END_TEST

START_TEST(given_up_leaks_nothing)
{
	const struct sn_creds creds = password_creds("alice", "secret");

	add_account("alice", "secret");
	for (int i = 0; i < 40; i++) {
		struct sn_session *session = NULL;
		struct sn_promise *promise = NULL;
		struct outcome outcome = { 0 };

		ck_assert_int_eq(
			checker->type->check(checker, &creds, &session, &promise), SN_PENDING);
		sn_promise_wait(promise, &outcome.waiter, on_answer);
		for (int turn = 0; turn < i % 5 && !outcome.done; turn++)
			sn_loop_turn(loop, SN_MS(1));
		if (sn_waiter_waiting(&outcome.waiter))
			sn_waiter_cancel(&outcome.waiter);
		sn_loop_turn(loop, 0);
		sn_session_unref(&outcome.session);
	}
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
}
END_TEST

START_TEST(a_database_that_fails)
{
	add_account("alice", "secret");
	run_sql("ALTER TABLE account_items RENAME TO elsewhere");
	ck_assert_int_eq(ask_password("alice", "secret"), SN_EUNAVAILABLE);
}
END_TEST

START_TEST(opens_with_a_database_only)
{
	struct sn_checker *other = NULL;
	struct sn_diag diag = { 0 };
	struct sn_auth_context without = context;

	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("accounts:users.db"), &other, &diag), SN_ESYNTAX);
	ck_assert_ptr_nonnull(strstr(diag.text, "sennit user"));
	without.store = NULL;
	ck_assert_int_eq(
		sn_checker_open(&without, SN_STR("accounts"), &other, &diag), SN_EUNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(diag.text, "tests keep none"));
	ck_assert_ptr_null(other);
}
END_TEST

Suite *suite_checker_accounts(void);
Suite *suite_checker_accounts(void)
{
	Suite *suite = suite_create("checker_accounts");
	TCase *tc = tcase_create("checker_accounts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, passwords);
	tcase_add_test(tc, sessions_have_name_and_roles);
	tcase_add_test(tc, crypt_hashes_become_records);
	tcase_add_test(tc, weak_records_become_strong);
	tcase_add_test(tc, an_upgrade_overwrites_nothing_newer);
	tcase_add_test(tc, scram_records);
	tcase_add_test(tc, logins_are_dated);
	tcase_add_test(tc, keys);
	tcase_add_test(tc, options_of_keys_decide);
	tcase_add_test(tc, certificates);
	tcase_add_test(tc, tokens);
	tcase_add_test(tc, tokens_as_passwords);
	tcase_add_test(tc, a_reconnect_costs_no_hash);
	tcase_add_test(tc, the_cache_hears_of_changes);
	tcase_add_test(tc, given_up_leaks_nothing);
	tcase_add_test(tc, a_database_that_fails);
	tcase_add_test(tc, opens_with_a_database_only);
	suite_add_tcase(suite, tc);
	return suite;
}
