#include "tests/unit/daemon/auth/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
	int code;
	bool done;
};

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct waiting *waiting = sn_container_of(waiter, struct waiting, waiter);

	waiting->code = code;
	waiting->done = true;
	if (code == SN_OK)
		waiting->session = sn_check_session(p);
}

static int finish(int code, struct sn_session *session, struct sn_promise *promise,
	struct sn_session **session_r)
{
	struct waiting waiting = { .session = session, .code = code };

	if (code == SN_PENDING) {
		sn_promise_wait(promise, &waiting.waiter, on_answer);
		ck_assert(!waiting.done);
		while (!waiting.done)
			sn_loop_turn(loop, -1);
	}
	if (session_r != NULL)
		*session_r = waiting.session;
	else
		sn_session_unref(&waiting.session);
	return waiting.code;
}

int check_now(struct sn_checker *checker, const char *account, const char *password,
	struct sn_session **session_r)
{
	const struct sn_creds creds = password_creds(account, password);
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	const int code = checker->type->check(checker, &creds, &session, &promise);

	return finish(code, session, promise, session_r);
}

int login_now(struct sn_portal *portal, const char *account, const char *password,
	struct sn_session **session_r)
{
	const struct sn_creds creds = password_creds(account, password);
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	const int code = sn_portal_login(portal, &creds, &session, &promise);

	return finish(code, session, promise, session_r);
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
