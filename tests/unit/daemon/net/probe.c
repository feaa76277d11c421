#include "tests/unit/daemon/net/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"

static struct probe *probe_of(struct sn_stream_user *user)
{
	struct probe *p = sn_container_of(user, struct probe, user);

	ck_assert_msg(!p->calling, "an event came from inside a call");
	ck_assert_uint_eq(p->frees, 0);
	return p;
}

static struct probe *living(struct sn_stream_user *user)
{
	struct probe *p = probe_of(user);

	ck_assert_uint_eq(p->ends, 0);
	return p;
}

static void probe_ready(struct sn_stream_user *user)
{
	living(user)->ready++;
}

static void probe_input(struct sn_stream_user *user)
{
	struct probe *p = living(user);
	struct sn_stream *s = user->stream;
	struct sn_str in = sn_stream_input(s);
	uint64_t turn = sn_loop_turns(s->loop);

	ck_assert_msg(p->inputs == 0 || p->input_turn != turn, "two on_input in one turn");
	ck_assert_uint_gt(p->ready, 0);
	ck_assert_uint_gt(in.n, 0);
	p->input_turn = turn;
	p->inputs++;
	if (p->hoards)
		in.n = 0;
	if (p->bite > 0 && in.n > p->bite)
		in.n = p->bite;
	sn_strbuf_add(&p->got, in);
	PROBE_CALL(p, sn_stream_consume(s, in.n));
	if (p->on_input != NULL)
		p->on_input(p);
}

static void probe_drained(struct sn_stream_user *user)
{
	living(user)->drained++;
}

static void probe_eof(struct sn_stream_user *user)
{
	struct probe *p = living(user);

	p->eofs++;
	if (!p->keeps_open)
		PROBE_CALL(p, sn_stream_close(user->stream));
}

static void probe_end(struct sn_stream_user *user, int code)
{
	struct probe *p = living(user);

	p->ends++;
	p->code = code;
	if (p->on_end != NULL)
		p->on_end(p);
}

static void probe_free(struct sn_stream_user *user)
{
	struct probe *p = probe_of(user);

	ck_assert_uint_eq(p->ends, 1);
	ck_assert_ptr_null(user->stream);
	p->frees++;
	if (p->on_free != NULL)
		p->on_free(p);
}

static const struct sn_stream_events probe_events = {
	.on_ready = probe_ready,
	.on_input = probe_input,
	.on_drained = probe_drained,
	.on_eof = probe_eof,
	.on_end = probe_end,
	.on_free = probe_free,
};

void probe_init(struct probe *p, struct sn_stream *s)
{
	*p = (struct probe){ .user = { .events = &probe_events } };
	sn_strbuf_init(&p->got, SIZE_MAX / 2);
	if (s != NULL)
		PROBE_CALL(p, sn_stream_set_user(s, &p->user));
}

void probe_fini(struct probe *p)
{
	sn_strbuf_fini(&p->got);
}

bool no_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

void turn_some(struct sn_loop *loop, unsigned turns)
{
	while (turns-- > 0)
		sn_loop_turn(loop, 0);
}

char *pattern_new(size_t n)
{
	char *p = sn_alloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i % 251);
	return p;
}

void tcp_pair(int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(listening, 0);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&addr, len), 0);
	fds[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	ck_assert_int_ge(fds[1], 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	close(listening);
}
