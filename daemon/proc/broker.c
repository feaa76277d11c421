/*
 * Role @broker. It reads questions, checks who asks and what, and has each answered by a helper
 * (role @pam) of its own; what the helper says goes to the client as it is. Nothing here blocks,
 * looks up a name or runs a module. BIND alone is done at once: no name service but for the owner
 * of a unix socket.
 */
#include "daemon/proc/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/loop/child.h"
#include "daemon/loop/signal.h"
#include "daemon/loop/timer.h"
#include "daemon/proc/broker_wire.h"
#include "daemon/proc/privs.h"

#define EXIT_NOT_FOR_PEOPLE 64
#define DEFAULT_TIMEOUT SN_SEC(20)
#define DEFAULT_HELPERS 8
#define HELPER_GRACE SN_SEC(1) /* from SIGTERM to SIGKILL */
#define SIGNALS_MAX 64

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.broker");

/* Files that OPEN may open whatever the layout says. */
static const char *const key_files[] = {
	"%h/.ssh/authorized_keys",
	"%h/.ssh/authorized_keys2",
};

enum verb { VERIFY, OPEN, LOOKUP, SPAWN, VERBS };

struct broker {
	struct sn_loop *loop;
	struct sn_list clients;
	struct sn_list leaving;   /* requests dropped while they start a program */
	struct sn_layout *layout; /* NULL: nothing is allowed yet but the defaults */
	struct client *supervisor;
	unsigned helpers[VERBS]; /* at work; a running program's keeper does not count */
};

struct client {
	struct sn_ipc ipc;
	struct broker *broker;
	struct sn_list link;
	struct sn_list requests;
	struct sn_task task;
};

/* A question that a helper works on, or a program that it keeps. */
struct request {
	struct sn_list link; /* of its client, or of those that leave */
	struct client *client;
	struct broker *broker;
	struct sn_child helper;
	struct sn_watch channel;
	struct sn_timer timer; /* armed: an answer is due */
	struct sn_task task;
	enum verb verb;
	uint32_t serial;
	pid_t pid;           /* SPAWN: of the program, once it runs; else 0 */
	bool ended, leaving; /* the helper; nobody waits for its answer any more */
};

/* --- answers -----------------------------------------------------------------------------------
 */

static void answer(struct client *client, uint32_t serial, int code)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)code);
	sn_ipc_send(&client->ipc, SN_IPC_RESULT, serial, sn_writer_str(&w), NULL, 0);
}

static void send_exited(struct request *request, int status)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)request->pid);
	sn_write_u32(&w, (uint32_t)status);
	sn_ipc_send(
		&request->client->ipc, SN_IPC_EXITED, request->serial, sn_writer_str(&w), NULL, 0);
}

/* --- the end of a request -----------------------------------------------------------------------
 */

static void free_request(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct request, task));
}

static bool is_running(const struct request *request)
{
	return request->pid != 0;
}

static void close_channel(struct request *request)
{
	const int fd = request->channel.fd;

	sn_watch_clear(&request->channel);
	(void)close(fd);
}

static void forget(struct request *request)
{
	sn_list_remove(&request->link);
	request->task.fn = free_request;
	sn_loop_closing(request->broker->loop, &request->task);
}

static bool is_starting(const struct request *request)
{
	return request->verb == SPAWN && !is_running(request);
}

/*
 * The channel's end tells a keeper to end its program. One that has not come to starting it gives
 * up by itself, but it may take its time, in a module of PAM's, and counts until then: else a
 * client that asks and cancels has as many of them as it likes. Any other helper may hang anywhere,
 * and is told to end.
 */
static void drop(struct request *request)
{
	struct broker *broker = request->broker;

	close_channel(request);
	sn_timer_clear(&request->timer);
	if (is_starting(request) && !request->ended) {
		request->leaving = true;
		sn_list_remove(&request->link);
		sn_list_append(&broker->leaving, &request->link);
		return;
	}
	if (!is_running(request))
		broker->helpers[request->verb]--;
	if (request->verb == SPAWN)
		sn_child_detach(&request->helper);
	else
		sn_child_end(&request->helper, HELPER_GRACE);
	forget(request);
}

/* We end ourselves: it finds out. */
static void abandon(struct request *request)
{
	sn_child_detach(&request->helper);
	forget(request);
}

static void fail(struct request *request, int code)
{
	if (is_running(request))
		send_exited(request, SIGKILL);
	else
		answer(request->client, request->serial, code);
	drop(request);
}

static void on_late(struct sn_timer *timer)
{
	struct request *request = sn_container_of(timer, struct request, timer);

	sn_log(&log_ctx, SN_LOG_WARN, "helper-too-slow", sn_f_int("pid", request->helper.pid));
	fail(request, SN_ETIMEOUT);
}

/* --- helpers ------------------------------------------------------------------------------------
 */

/* Its packets are read to their end first: the channel tells more than the exit code. */
static void on_helper_exit(struct sn_child *child, int status)
{
	struct request *request = sn_container_of(child, struct request, helper);

	(void)status;
	request->ended = true;
	if (!request->leaving)
		return;
	request->broker->helpers[request->verb]--;
	forget(request);
}

static void on_started(struct request *request, struct sn_reader *r)
{
	request->pid = (pid_t)sn_read_u32(r);
	sn_timer_clear(&request->timer);
	request->broker->helpers[SPAWN]--;
}

static void on_answer(struct request *request, struct sn_str body, const struct sn_packet *packet)
{
	struct sn_reader r = sn_reader(body);
	const int code = (int)sn_read_u32(&r);

	if (r.err != SN_OK || code > SN_OK || body.n > SN_IPC_BODY_MAX) {
		fail(request, SN_EUNAVAILABLE);
		return;
	}
	sn_ipc_send(&request->client->ipc, SN_IPC_RESULT, request->serial, body, packet->fds,
		packet->fd_count);
	if (code == SN_OK && request->verb == SPAWN)
		on_started(request, &r);
	else
		drop(request);
}

static void on_status(struct request *request, struct sn_str body)
{
	struct sn_reader r = sn_reader(body);

	send_exited(request, (int)sn_read_u32(&r));
	drop(request);
}

static void on_channel(struct sn_watch *watch, unsigned events)
{
	struct request *request = sn_container_of(watch, struct request, channel);
	char *mem = sn_loop_scratch(request->broker->loop, SN_SCRATCH_RAW);
	struct sn_packet packet;
	int code;

	(void)events;
	code = sn_packet_receive(watch->fd, mem, &packet);
	if (code == SN_AGAIN)
		return;
	if (code != SN_OK) {
		fail(request, SN_EUNAVAILABLE);
		return;
	}
	if (is_running(request))
		on_status(request, sn_str_n(mem, packet.size));
	else
		on_answer(request, sn_str_n(mem, packet.size), &packet);
	sn_packet_close_fds(&packet);
}

static int start_helper(struct broker *broker, struct request *request, int fd)
{
	char *argv[] = { (char[]){ "sennit" }, (char[]){ "@pam" }, NULL };
	const int fds[] = { -1, -1, STDERR_FILENO, fd };
	const struct sn_child_spec spec = {
		.path = "/proc/self/exe",
		.argv = argv,
		.fds = fds,
		.fd_count = 4,
		/* A keeper must outlive us, to end its program in order. */
		.die_with_parent = request->verb != SPAWN,
		.new_session = true,
	};

	return sn_child_start(broker->loop, &request->helper, &spec, on_helper_exit);
}

static int hand_over(struct broker *broker, int fd, enum sn_ipc_type type, struct sn_str body)
{
	const struct sn_str user = broker->layout != NULL ? broker->layout->user : SN_STR_NULL;
	char *mem = sn_alloc(SN_PACKET_MAX);
	struct sn_writer w = sn_writer(mem, SN_PACKET_MAX);
	int code;

	sn_write_u16(&w, (uint16_t)type);
	sn_write_str16(&w, user);
	sn_write_bytes(&w, body);
	code = w.err == SN_OK ? sn_packet_send(fd, sn_writer_str(&w), NULL, 0) : w.err;
	sn_wipe(mem, w.n);
	sn_free(mem);
	return code;
}

/* fds: ours and the helper's end. Ours is the request's now, or closed. */
static int start_with_channel(
	struct request *request, const int fds[2], enum sn_ipc_type type, struct sn_str body)
{
	struct broker *broker = request->broker;
	int code = hand_over(broker, fds[0], type, body);

	/* A keeper that is busy, with PAM's modules or a locked utmp, must not hold us up. */
	if (code == SN_OK && fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
		code = -errno;
	if (code == SN_OK)
		code = start_helper(broker, request, fds[1]);
	if (code == SN_OK) {
		code = sn_watch_set(
			broker->loop, &request->channel, fds[0], SN_READABLE, on_channel);
		if (code != SN_OK)
			sn_child_end(&request->helper, 0);
	}
	(void)close(fds[1]);
	if (code != SN_OK)
		(void)close(fds[0]);
	return code;
}

static int64_t timeout_of(const struct broker *broker)
{
	return broker->layout != NULL && broker->layout->auth_timeout > 0
		? broker->layout->auth_timeout
		: DEFAULT_TIMEOUT;
}

static unsigned helpers_max(const struct broker *broker)
{
	return broker->layout != NULL && broker->layout->auth_children > 0
		? broker->layout->auth_children
		: DEFAULT_HELPERS;
}

/* Each verb has its own limit: hanging passwords keep nobody's key from being looked at. */
static int begin(struct client *client, const struct sn_ipc_message *message, enum verb verb)
{
	struct broker *broker = client->broker;
	struct request *request;
	int fds[2], code;

	if (broker->helpers[verb] >= helpers_max(broker))
		return SN_EBUSY;
	code = sn_ipc_pair(fds);
	if (code != SN_OK)
		return code;
	request = sn_alloc_zero(sizeof(*request));
	request->client = client;
	request->broker = broker;
	request->verb = verb;
	request->serial = message->serial;
	code = start_with_channel(request, fds, message->type, message->body.data);
	if (code != SN_OK) {
		sn_free(request);
		return code;
	}
	broker->helpers[verb]++;
	sn_list_append(&client->requests, &request->link);
	sn_timer_set(broker->loop, &request->timer, timeout_of(broker), on_late);
	return SN_PENDING;
}

/* --- what may be asked --------------------------------------------------------------------------
 */

static int check_verify(struct client *client, struct sn_reader body)
{
	struct sn_ask_verify ask;

	(void)client;
	if (sn_ask_verify_read(&body, &ask) != SN_OK)
		return SN_EPROTO;
	return sn_broker_service_valid(ask.service) ? SN_OK : SN_EDENIED;
}

static int check_open(struct client *client, struct sn_reader body)
{
	const struct sn_layout *layout = client->broker->layout;
	struct sn_ask_open ask;

	if (sn_ask_open_read(&body, &ask) != SN_OK)
		return SN_EPROTO;
	for (size_t i = 0; i < sizeof(key_files) / sizeof(key_files[0]); i++) {
		if (sn_str_eq(ask.path, sn_str(key_files[i])))
			return SN_OK;
	}
	for (size_t i = 0; layout != NULL && i < layout->key_path_count; i++) {
		if (sn_str_eq(ask.path, layout->key_paths[i]))
			return SN_OK;
	}
	return SN_EDENIED;
}

static int check_lookup(struct client *client, struct sn_reader body)
{
	struct sn_ask_lookup ask;

	(void)client;
	return sn_ask_lookup_read(&body, &ask);
}

/* The supervisor may start programs as the daemon's own user. A worker may not: outside of its
 * sandbox such a program could do what the worker cannot. */
static bool is_own_program(const struct client *client, struct sn_str user)
{
	const struct sn_layout *layout = client->broker->layout;

	return client->ipc.peer == SN_IPC_SUPERVISOR &&
		(user.n == 0 || (layout != NULL && sn_str_eq(user, layout->user)));
}

static int check_spawn(struct client *client, struct sn_reader body)
{
	const struct sn_layout *layout = client->broker->layout;
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_ask_spawn ask;
	int code = sn_ask_spawn_read(&body, pool, &ask);

	if (code == SN_OK && ask.service.n > 0 && !sn_broker_service_valid(ask.service))
		code = SN_EDENIED;
	if (code == SN_OK && !is_own_program(client, ask.user) &&
		(layout == NULL || !layout->spawns_users))
		code = SN_EDENIED;
	sn_pool_free(&pool);
	return code;
}

static const struct row {
	enum sn_ipc_type type;
	enum verb verb;
	int (*check)(struct client *client, struct sn_reader body);
} rows[] = {
	{ SN_IPC_VERIFY, VERIFY, check_verify },
	{ SN_IPC_OPEN, OPEN, check_open },
	{ SN_IPC_LOOKUP, LOOKUP, check_lookup },
	{ SN_IPC_SPAWN, SPAWN, check_spawn },
};

static void on_question(
	struct client *client, const struct sn_ipc_message *message, const struct row *row)
{
	int code = row->check(client, message->body);

	if (code == SN_OK)
		code = begin(client, message, row->verb);
	if (code != SN_PENDING)
		answer(client, message->serial, code);
}

/* --- what the supervisor alone asks -------------------------------------------------------------
 */

static void send_bound(struct client *client, uint32_t serial, const struct sn_listen_socket *sock)
{
	const int fds[] = { sock->fd, sock->lock_fd };
	char mem[64];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, SN_OK);
	sn_write_u8(&w, sock->unlink_path != NULL);
	sn_ipc_send(&client->ipc, SN_IPC_RESULT, serial, sn_writer_str(&w), fds,
		sock->lock_fd >= 0 ? 2 : 1);
}

static void send_unbound(struct client *client, uint32_t serial, const struct sn_diag *diag)
{
	char mem[sizeof(diag->text) + 16];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)diag->code);
	sn_write_str16(&w, sn_str(diag->text));
	sn_ipc_send(&client->ipc, SN_IPC_RESULT, serial, sn_writer_str(&w), NULL, 0);
}

static const struct sn_layout_listener *find_listener(
	const struct sn_layout *layout, struct sn_str wanted)
{
	for (size_t i = 0; layout != NULL && i < layout->listener_count; i++) {
		char mem[1024];
		struct sn_writer w = sn_writer(mem, sizeof(mem));

		sn_broker_listener_write(&w, &layout->listeners[i]);
		if (w.err == SN_OK && sn_str_eq(sn_writer_str(&w), wanted))
			return &layout->listeners[i];
	}
	return NULL;
}

/* The socket is the client's: our copy goes, the file and the lock stay. */
static void forget_socket(struct sn_listen_socket *sock)
{
	sn_free(sock->unlink_path);
	(void)close(sock->fd);
	if (sock->lock_fd >= 0)
		(void)close(sock->lock_fd);
}

static void on_bind(struct client *client, const struct sn_ipc_message *message)
{
	const struct sn_layout_listener *listener =
		find_listener(client->broker->layout, message->body.data);
	struct sn_listen_socket sock;
	struct sn_listen_plan plan;
	struct sn_diag diag = { 0 };
	int code;

	if (listener == NULL || listener->kind != SN_LISTEN_ADDR) {
		diag.code = sn_diag_set(
			&diag, SN_EDENIED, 0, "the broker opens no socket that is not configured");
		send_unbound(client, message->serial, &diag);
		return;
	}
	sn_layout_listener_plan(listener, &plan);
	code = sn_listen_open(&plan, &sock, &diag);
	if (code != SN_OK) {
		diag.code = code;
		send_unbound(client, message->serial, &diag);
		return;
	}
	send_bound(client, message->serial, &sock);
	forget_socket(&sock);
}

static void on_limits(struct broker *broker, struct sn_ipc_message *message)
{
	const int fd = sn_ipc_take_fd(message, 0);
	struct sn_layout *layout = NULL;
	struct sn_strbuf text;
	int code;

	sn_strbuf_init(&text, SN_LAYOUT_SIZE_MAX);
	code = sn_ipc_read_memfd(fd, SN_LAYOUT_SIZE_MAX, &text);
	if (code == SN_OK)
		code = sn_layout_decode(sn_strbuf_str(&text), &layout);
	sn_strbuf_fini(&text);
	(void)close(fd);
	if (code != SN_OK) {
		sn_log(&log_ctx, SN_LOG_ERROR, "layout-unreadable", sn_f_err(code));
		return;
	}
	sn_layout_free(&broker->layout);
	broker->layout = layout;
}

static struct client *add_client(struct broker *broker, int fd, enum sn_ipc_role peer);

/* Whoever asks for a program or a password is a worker; nothing else is introduced. */
static void on_client(struct broker *broker, struct sn_ipc_message *message)
{
	const unsigned role = sn_read_u32(&message->body);
	const int fd = sn_ipc_take_fd(message, 0);

	if (message->body.err != SN_OK || (role != SN_IPC_WORKER && role != SN_IPC_SUPERVISOR)) {
		sn_log(&log_ctx, SN_LOG_ERROR, "client-refused", sn_f_uint("role", role));
		(void)close(fd);
		return;
	}
	(void)add_client(broker, fd, (enum sn_ipc_role)role);
}

/* --- requests under way -------------------------------------------------------------------------
 */

static struct request *find_request(struct client *client, uint32_t serial)
{
	struct sn_list *it;

	sn_list_each (it, &client->requests) {
		struct request *request = sn_container_of(it, struct request, link);

		if (request->serial == serial)
			return request;
	}
	return NULL;
}

static struct request *find_program(struct client *client, pid_t pid)
{
	struct sn_list *it;

	sn_list_each (it, &client->requests) {
		struct request *request = sn_container_of(it, struct request, link);

		if (pid > 0 && request->pid == pid)
			return request;
	}
	return NULL;
}

static void on_cancel(struct client *client, struct sn_ipc_message *message)
{
	struct request *request = find_request(client, sn_read_u32(&message->body));

	if (request != NULL)
		drop(request);
}

/* Only to programs of this very client; its keeper sends it, which cannot miss. One that does not
 * keep up loses signals. */
static void on_signal(struct client *client, struct sn_ipc_message *message)
{
	const pid_t pid = (pid_t)sn_read_u32(&message->body);
	const uint32_t signo = sn_read_u32(&message->body);
	struct request *request = find_program(client, pid);
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	if (message->body.err != SN_OK || request == NULL || signo == 0 || signo > SIGNALS_MAX)
		return;
	sn_write_u32(&w, signo);
	(void)!sn_packet_send(request->channel.fd, sn_writer_str(&w), NULL, 0);
}

/* --- clients ------------------------------------------------------------------------------------
 */

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct client *client = sn_container_of(ipc, struct client, ipc);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type == message->type) {
			on_question(client, message, &rows[i]);
			return;
		}
	}
	switch (message->type) {
	case SN_IPC_CANCEL:
		on_cancel(client, message);
		break;
	case SN_IPC_SIGNAL:
		on_signal(client, message);
		break;
	case SN_IPC_BIND:
		on_bind(client, message);
		break;
	case SN_IPC_LIMITS:
		on_limits(client->broker, message);
		break;
	case SN_IPC_CLIENT:
		on_client(client->broker, message);
		break;
	default: /* a row of another process's */
		break;
	}
}

static void free_client(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct client, task));
}

static void remove_client(struct client *client)
{
	struct sn_list *it, *next;

	sn_list_each_safe (it, next, &client->requests)
		drop(sn_container_of(it, struct request, link));
	sn_ipc_stop(&client->ipc);
	sn_list_remove(&client->link);
	client->task.fn = free_client;
	sn_loop_closing(client->broker->loop, &client->task);
}

/* Without the supervisor there is nobody to work for. */
static void on_closed(struct sn_ipc *ipc, int code)
{
	struct client *client = sn_container_of(ipc, struct client, ipc);
	struct broker *broker = client->broker;

	if (code != SN_CLOSE)
		sn_log(&log_ctx, SN_LOG_ERROR, "channel-failed", sn_f_err(code));
	if (client == broker->supervisor)
		sn_loop_stop(broker->loop, 0);
	else
		remove_client(client);
}

static const struct sn_ipc_ops client_ops = { .on_message = on_message, .on_closed = on_closed };

static struct client *add_client(struct broker *broker, int fd, enum sn_ipc_role peer)
{
	struct client *client = sn_alloc_zero(sizeof(*client));

	client->broker = broker;
	sn_list_init(&client->requests);
	if (sn_ipc_start(&client->ipc, broker->loop, fd, SN_IPC_BROKER, peer, &client_ops) !=
		SN_OK) {
		sn_free(client);
		return NULL;
	}
	sn_list_append(&broker->clients, &client->link);
	return client;
}

/* --- life ---------------------------------------------------------------------------------------
 */

/* What ends the daemon from a terminal or an outer manager is the supervisor's business. */
static void ignore_signals(void)
{
	static const int signos[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < sizeof(signos) / sizeof(signos[0]); i++)
		(void)signal(signos[i], SIG_IGN);
	sn_signal_ignore_pipe();
}

static int serve(struct broker *broker)
{
	struct sn_list *it, *next;
	int code;

	sn_list_init(&broker->clients);
	sn_list_init(&broker->leaving);
	broker->supervisor = add_client(broker, SN_IPC_FD, SN_IPC_SUPERVISOR);
	if (broker->supervisor == NULL)
		return 1;
	code = sn_loop_run(broker->loop);
	sn_list_each_safe (it, next, &broker->clients)
		remove_client(sn_container_of(it, struct client, link));
	sn_list_each_safe (it, next, &broker->leaving)
		abandon(sn_container_of(it, struct request, link));
	sn_loop_turn(broker->loop, 0);
	sn_layout_free(&broker->layout);
	return code;
}

static bool has_channel(void)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(SN_IPC_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		type == SOCK_SEQPACKET;
}

int sn_broker_main(int argc, char **argv)
{
	struct broker broker = { 0 };
	struct sn_diag diag = { 0 };
	int code;

	if (!has_channel()) {
		(void)fprintf(stderr, "sennit: %s is a part of sennit, and not for people\n",
			argc > 1 ? argv[1] : "@broker");
		return EXIT_NOT_FOR_PEOPLE;
	}
	if (sn_privs_hide() != SN_OK || sn_privs_keep_broker(&diag) != SN_OK) {
		sn_log(&log_ctx, SN_LOG_CRITICAL, "broker-failed", sn_f_cstr("reason", diag.text));
		return 1;
	}
	ignore_signals();
	if (sn_loop_new(NULL, &broker.loop) != SN_OK)
		return 1;
	code = serve(&broker);
	sn_loop_free(&broker.loop);
	return code;
}
