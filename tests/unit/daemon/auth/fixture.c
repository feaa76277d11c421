#include "tests/unit/daemon/auth/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/store/store.h"

struct sn_loop *loop;
struct sn_offload *pool;
struct sn_auth_context context;
static char path[64];

void auth_setup(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1 }, &pool), SN_OK);
	context = (struct sn_auth_context){
		.loop = loop,
		.pool = pool,
		.secret = SN_STR("a secret that tests know"),
		.store_missing = "tests keep none",
	};
	sn_checkers_init();
	path[0] = '\0';
}

void auth_teardown(void)
{
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	if (context.store != NULL)
		sn_store_close(&context.store);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
	if (path[0] != '\0')
		(void)unlink(path);
}

struct sn_creds password_creds(const char *account, const char *password)
{
	return (struct sn_creds){
		.kind = SN_CREDS_PASSWORD,
		.account = sn_str(account),
		.password = sn_str(password),
		.service = "test",
	};
}

struct waiting {
	struct sn_waiter waiter;
	struct sn_session *session;
	struct sn_scram_record scram;
	int code;
	bool done;
};

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct waiting *waiting = sn_container_of(waiter, struct waiting, waiter);

	waiting->code = code;
	waiting->done = true;
	if (code != SN_OK)
		return;
	waiting->scram = *sn_check_scram(p);
	waiting->session = sn_check_session(p);
}

static void finish(struct answer *answer, struct sn_promise *promise)
{
	struct waiting waiting = { .code = answer->code };

	if (answer->code != SN_PENDING)
		return;
	answer->waited = true;
	sn_promise_wait(promise, &waiting.waiter, on_answer);
	ck_assert(!waiting.done);
	while (!waiting.done)
		sn_loop_turn(loop, -1);
	answer->code = waiting.code;
	answer->session = waiting.session;
	answer->scram = waiting.scram;
}

struct answer check_creds(struct sn_checker *checker, const struct sn_creds *creds)
{
	struct answer answer = { .session = NULL };
	struct sn_promise *promise = NULL;

	answer.code = checker->type->check(checker, creds, &answer.session, &promise);
	finish(&answer, promise);
	return answer;
}

struct answer login_creds(struct sn_portal *portal, const struct sn_creds *creds)
{
	struct answer answer = { .session = NULL };
	struct sn_promise *promise = NULL;

	answer.code = sn_portal_login(portal, creds, &answer.session, &promise);
	finish(&answer, promise);
	return answer;
}

static int unpack(struct answer answer, struct sn_session **session_r)
{
	if (session_r != NULL)
		*session_r = answer.session;
	else
		sn_session_unref(&answer.session);
	return answer.code;
}

int check_now(struct sn_checker *checker, const char *account, const char *password,
	struct sn_session **session_r)
{
	const struct sn_creds creds = password_creds(account, password);

	return unpack(check_creds(checker, &creds), session_r);
}

int login_now(struct sn_portal *portal, const char *account, const char *password,
	struct sn_session **session_r)
{
	const struct sn_creds creds = password_creds(account, password);

	return unpack(login_creds(portal, &creds), session_r);
}

struct sn_checker *open_checker(const char *fmt, ...)
{
	char *spec;
	struct sn_strbuf text;
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };
	va_list args;
	int code;

	sn_strbuf_init(&text, 10000);
	va_start(args, fmt);
	sn_strbuf_addv(&text, fmt, args);
	va_end(args);
	spec = sn_strbuf_take(&text);
	code = sn_checker_open(&context, sn_str(spec), &checker, &diag);
	ck_assert_msg(code == SN_OK, "%s: %s", spec, diag.text);
	sn_free(spec);
	return checker;
}

/* Each version gets a time of its own, whatever the file system's grain. */
void rewrite_file(const char *text)
{
	static time_t seconds = 1000000000;
	const struct timespec now = { .tv_sec = ++seconds };
	const struct timespec times[2] = { now, now };
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

const char *write_file(const char *text)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/sennit-auth-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	rewrite_file(text);
	return path;
}
