/* The face of auth/broker.h over a channel: questions with serials, each with its promise. */
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/proc/broker_wire.h"

struct remote {
	struct sn_broker broker; /* first member */
	struct sn_ipc ipc;
	struct sn_loop *loop;
	struct sn_list questions; /* asked, not answered */
	struct sn_list programs;  /* running */
	void (*on_lost)(struct sn_broker *broker, void *owner);
	void *owner;
	struct sn_task task;
};

/* A question and its answer. */
struct question {
	struct sn_broker_answer answer; /* first member */
	struct sn_list link;
	struct remote *remote; /* NULL: it is gone */
	enum sn_ipc_type type;
	uint32_t serial;
	struct sn_pool *pool;         /* of answer.passwd */
	struct sn_listen_socket sock; /* BIND, until taken */
	char *path;                   /* BIND: of a unix socket */
	struct sn_diag diag;          /* BIND */
};

/* A started program: the promise of its end. */
struct program {
	struct sn_broker_answer answer; /* first member */
	struct sn_list link;
	struct remote *remote; /* NULL: it is gone, or the program has ended */
	uint32_t serial;
};

static struct remote *remote_of(struct sn_broker *broker)
{
	return sn_container_of(broker, struct remote, broker);
}

/* --- programs -----------------------------------------------------------------------------------
 */

static void send_cancel(struct remote *remote, uint32_t serial)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	if (remote == NULL)
		return;
	sn_write_u32(&w, serial);
	sn_ipc_send(&remote->ipc, SN_IPC_CANCEL, 0, sn_writer_str(&w), NULL, 0);
}

static struct program *program_of(struct sn_promise *p)
{
	return sn_container_of(p, struct program, answer.promise);
}

static void cancel_program(struct sn_promise *p)
{
	struct program *program = program_of(p);

	sn_list_remove(&program->link);
	send_cancel(program->remote, program->serial);
}

static void free_program(struct sn_promise *p)
{
	sn_free(program_of(p));
}

static const struct sn_promise_ops program_ops = { .cancel = cancel_program, .free = free_program };

static struct sn_promise *new_program(struct question *question)
{
	struct program *program = sn_alloc_zero(sizeof(*program));

	sn_promise_init(question->remote->loop, &program->answer.promise, &program_ops);
	program->answer.fd = -1;
	program->remote = question->remote;
	program->serial = question->serial;
	sn_list_append(&question->remote->programs, &program->link);
	return &program->answer.promise;
}

static void resolve_program(struct program *program, int code, int status)
{
	sn_list_remove(&program->link);
	program->remote = NULL;
	program->answer.status = status;
	sn_promise_resolve(&program->answer.promise, code);
}

/* Nobody took it: nobody waits for its end either. */
static void end_program(struct sn_spawned *spawned)
{
	if (spawned->exit == NULL)
		return;
	if (spawned->exit->state == SN_PROMISE_PENDING)
		cancel_program(spawned->exit);
	free_program(spawned->exit);
	for (size_t i = 0; i < 3; i++) {
		if (spawned->fds[i] >= 0)
			(void)close(spawned->fds[i]);
	}
}

/* --- questions ----------------------------------------------------------------------------------
 */

static struct question *question_of(struct sn_promise *p)
{
	return sn_container_of(p, struct question, answer.promise);
}

static void cancel_question(struct sn_promise *p)
{
	struct question *question = question_of(p);

	sn_list_remove(&question->link);
	send_cancel(question->remote, question->serial);
}

static void free_question(struct sn_promise *p)
{
	struct question *question = question_of(p);

	if (question->answer.fd >= 0)
		(void)close(question->answer.fd);
	end_program(&question->answer.spawned);
	sn_listen_close(&question->sock);
	sn_pool_free(&question->pool);
	sn_free(question->path);
	sn_free(question);
}

static const struct sn_promise_ops question_ops = {
	.cancel = cancel_question,
	.free = free_question,
};

static struct question *new_question(struct remote *remote, enum sn_ipc_type type)
{
	struct question *question = sn_alloc_zero(sizeof(*question));

	sn_promise_init(remote->loop, &question->answer.promise, &question_ops);
	question->type = type;
	question->answer.fd = -1;
	question->sock = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	return question;
}

/* Written with room for one byte too many: what does not fit a message is seen. */
static struct sn_promise *ask(struct remote *remote, struct question *question, struct sn_writer *w)
{
	struct sn_promise *p = &question->answer.promise;

	if (w->err != SN_OK || w->n > SN_IPC_BODY_MAX) {
		sn_promise_resolve(p, SN_ELIMIT);
	} else if (!sn_ipc_is_open(&remote->ipc)) {
		sn_promise_resolve(p, SN_EUNAVAILABLE);
	} else {
		question->remote = remote;
		question->serial = sn_ipc_serial(&remote->ipc);
		sn_list_append(&remote->questions, &question->link);
		sn_ipc_send(
			&remote->ipc, question->type, question->serial, sn_writer_str(w), NULL, 0);
	}
	sn_wipe(w->p, w->n);
	sn_free(w->p);
	return p;
}

static struct sn_writer body_writer(void)
{
	return sn_writer(sn_alloc(SN_IPC_BODY_MAX + 1), SN_IPC_BODY_MAX + 1);
}

static struct sn_promise *verify_password(struct sn_broker *broker, struct sn_str pam_service,
	struct sn_str user, struct sn_str password, const struct sn_addr *peer)
{
	char text[SN_ADDR_TEXT_SIZE] = "";
	struct sn_strbuf host;
	struct sn_writer w = body_writer();

	sn_strbuf_fixed(&host, text, sizeof(text));
	if (peer != NULL && peer->len > 0 && peer->sa.sa_family != AF_UNIX)
		sn_addr_format_host(peer, &host);
	sn_ask_verify_write(
		&w, &(struct sn_ask_verify){ pam_service, user, password, sn_strbuf_str(&host) });
	return ask(remote_of(broker), new_question(remote_of(broker), SN_IPC_VERIFY), &w);
}

static struct sn_promise *open_as_user(
	struct sn_broker *broker, struct sn_str user, struct sn_str path)
{
	struct sn_writer w = body_writer();

	sn_ask_open_write(&w, &(struct sn_ask_open){ user, path });
	return ask(remote_of(broker), new_question(remote_of(broker), SN_IPC_OPEN), &w);
}

static struct sn_promise *lookup(struct sn_broker *broker, struct sn_str name, uid_t uid)
{
	struct sn_writer w = body_writer();

	sn_ask_lookup_write(&w, &(struct sn_ask_lookup){ name, uid });
	return ask(remote_of(broker), new_question(remote_of(broker), SN_IPC_LOOKUP), &w);
}

static struct sn_promise *spawn(struct sn_broker *broker, const struct sn_spawn *spawn)
{
	struct sn_writer w = body_writer();

	sn_ask_spawn_write(&w,
		&(struct sn_ask_spawn){
			.user = spawn->user,
			.service = spawn->pam_service,
			.peer = spawn->peer,
			.dir = spawn->dir,
			.term = spawn->term,
			.argv = spawn->argv,
			.env = spawn->env,
			.pty = spawn->pty,
			.rows = spawn->rows,
			.columns = spawn->columns,
		});
	return ask(remote_of(broker), new_question(remote_of(broker), SN_IPC_SPAWN), &w);
}

static void send_signal(struct sn_broker *broker, pid_t pid, int signo)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)pid);
	sn_write_u32(&w, (uint32_t)signo);
	sn_ipc_send(&remote_of(broker)->ipc, SN_IPC_SIGNAL, 0, sn_writer_str(&w), NULL, 0);
}

struct sn_promise *sn_broker_bind(
	struct sn_broker *broker, const struct sn_layout_listener *listener)
{
	struct question *question = new_question(remote_of(broker), SN_IPC_BIND);
	struct sn_writer w = body_writer();

	sn_broker_listener_write(&w, listener);
	if (listener->addr.sa.sa_family == AF_UNIX && listener->addr.un.sun_path[0] != '\0')
		question->path = sn_strdup(listener->addr.un.sun_path);
	return ask(remote_of(broker), question, &w);
}

void sn_broker_set_limits(struct sn_broker *broker, const struct sn_layout *layout)
{
	struct sn_strbuf text;
	int fd;

	sn_strbuf_init(&text, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(layout, &text);
	if (sn_ipc_memfd("limits", sn_strbuf_str(&text), &fd) == SN_OK) {
		sn_ipc_send(&remote_of(broker)->ipc, SN_IPC_LIMITS, 0, SN_STR_NULL, &fd, 1);
		(void)close(fd);
	}
	sn_strbuf_fini(&text);
}

static const struct sn_broker_ops ops = {
	.verify_password = verify_password,
	.open_as_user = open_as_user,
	.spawn = spawn,
	.signal = send_signal,
	.lookup = lookup,
};

int sn_broker_bound(struct sn_promise *p, struct sn_listen_socket *sock_r, struct sn_diag *diag)
{
	struct question *question = question_of(p);

	sn_assert(p->ops == &question_ops && question->type == SN_IPC_BIND);
	if (p->code != SN_OK)
		return sn_diag_set(diag, p->code, 0, "%s",
			question->diag.text[0] != '\0' ? question->diag.text
						       : sn_strerror(p->code));
	*sock_r = question->sock;
	question->sock = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	return SN_OK;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void read_passwd(struct question *question, struct sn_reader *r)
{
	struct sn_passwd *passwd = &question->answer.passwd;

	question->pool = sn_pool_new(0);
	passwd->uid = (uid_t)sn_read_u32(r);
	passwd->gid = (gid_t)sn_read_u32(r);
	passwd->name = sn_pool_str(question->pool, sn_read_str16(r));
	passwd->home = sn_pool_str(question->pool, sn_read_str16(r));
	passwd->shell = sn_pool_str(question->pool, sn_read_str16(r));
}

static void read_spawned(struct question *question, struct sn_ipc_message *message)
{
	struct sn_spawned *spawned = &question->answer.spawned;

	spawned->pid = (pid_t)sn_read_u32(&message->body);
	spawned->exit = new_program(question);
	for (size_t i = 0; i < 3; i++)
		spawned->fds[i] = sn_ipc_take_fd(message, i);
}

/* A file was made under the socket's name only if it says so. */
static void read_bound(struct question *question, struct sn_ipc_message *message)
{
	struct sn_listen_socket *sock = &question->sock;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	sock->fd = sn_ipc_take_fd(message, 0);
	sock->lock_fd = sn_ipc_take_fd(message, 1);
	if (sn_read_u8(&message->body) != 0) {
		sock->unlink_path = question->path;
		question->path = NULL;
	}
	if (getsockname(sock->fd, (struct sockaddr *)&ss, &len) != 0 ||
		sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &sock->local) != SN_OK)
		sock->local.len = 0;
}

static void read_value(struct question *question, struct sn_ipc_message *message)
{
	switch (question->type) {
	case SN_IPC_OPEN:
		question->answer.fd = sn_ipc_take_fd(message, 0);
		break;
	case SN_IPC_LOOKUP:
		read_passwd(question, &message->body);
		break;
	case SN_IPC_SPAWN:
		read_spawned(question, message);
		break;
	case SN_IPC_BIND:
		read_bound(question, message);
		break;
	default:
		break;
	}
}

static void read_diag(struct question *question, struct sn_reader *r, int code)
{
	struct sn_str text;

	if (question->type != SN_IPC_BIND || sn_reader_left(r) == 0)
		return;
	text = sn_read_str16(r);
	sn_diag_set(&question->diag, code, 0, "%.*s", SN_STR_ARG(text));
}

static struct question *find_question(struct remote *remote, uint32_t serial)
{
	struct sn_list *it;

	sn_list_each (it, &remote->questions) {
		struct question *question = sn_container_of(it, struct question, link);

		if (question->serial == serial)
			return question;
	}
	return NULL;
}

static void resolve_question(struct question *question, int code)
{
	sn_list_remove(&question->link);
	question->remote = NULL;
	sn_promise_resolve(&question->answer.promise, code);
}

/* No question: it was canceled while its answer was on the way, and the broker has heard so. */
static void on_result(struct remote *remote, struct sn_ipc_message *message)
{
	struct question *question = find_question(remote, message->serial);
	int code;

	if (question == NULL)
		return;
	code = (int)sn_read_u32(&message->body);
	if (code == SN_OK)
		read_value(question, message);
	else
		read_diag(question, &message->body, code);
	if (message->body.err != SN_OK || code > SN_OK)
		code = SN_EPROTO;
	resolve_question(question, code);
}

static void on_exited(struct remote *remote, struct sn_ipc_message *message)
{
	struct sn_list *it;

	(void)sn_read_u32(&message->body); /* pid */
	sn_list_each (it, &remote->programs) {
		struct program *program = sn_container_of(it, struct program, link);

		if (program->serial == message->serial) {
			resolve_program(program, SN_OK, (int)sn_read_u32(&message->body));
			return;
		}
	}
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct remote *remote = sn_container_of(ipc, struct remote, ipc);

	if (message->type == SN_IPC_RESULT)
		on_result(remote, message);
	else if (message->type == SN_IPC_EXITED)
		on_exited(remote, message);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void fail_all(struct remote *remote)
{
	struct sn_list *it, *next;

	sn_list_each_safe (it, next, &remote->questions)
		resolve_question(sn_container_of(it, struct question, link), SN_EUNAVAILABLE);
	sn_list_each_safe (it, next, &remote->programs)
		resolve_program(sn_container_of(it, struct program, link), SN_EUNAVAILABLE, 0);
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	struct remote *remote = sn_container_of(ipc, struct remote, ipc);

	(void)code;
	fail_all(remote);
	if (remote->on_lost != NULL)
		remote->on_lost(&remote->broker, remote->owner);
}

static const struct sn_ipc_ops channel_ops = { .on_message = on_message, .on_closed = on_closed };

int sn_broker_connect(
	struct sn_loop *loop, int fd, enum sn_ipc_role role, struct sn_broker **broker_r)
{
	struct remote *remote = sn_alloc_zero(sizeof(*remote));
	const int code = sn_ipc_start(&remote->ipc, loop, fd, role, SN_IPC_BROKER, &channel_ops);

	if (code != SN_OK) {
		sn_free(remote);
		return code;
	}
	remote->broker.ops = &ops;
	remote->loop = loop;
	sn_list_init(&remote->questions);
	sn_list_init(&remote->programs);
	*broker_r = &remote->broker;
	return SN_OK;
}

static void free_remote(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct remote, task));
}

void sn_broker_disconnect(struct sn_broker **broker_p)
{
	struct sn_broker *broker = *broker_p;
	struct remote *remote;

	*broker_p = NULL;
	if (broker == NULL)
		return;
	remote = remote_of(broker);
	sn_ipc_stop(&remote->ipc);
	fail_all(remote);
	remote->task.fn = free_remote;
	sn_loop_closing(remote->loop, &remote->task);
}

void sn_broker_on_lost(
	struct sn_broker *broker, void (*fn)(struct sn_broker *broker, void *owner), void *owner)
{
	remote_of(broker)->on_lost = fn;
	remote_of(broker)->owner = owner;
}

void sn_broker_introduce(struct sn_broker *broker, enum sn_ipc_role role, int fd)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)role);
	sn_ipc_send(&remote_of(broker)->ipc, SN_IPC_CLIENT, 0, sn_writer_str(&w), &fd, 1);
}

int sn_broker_channel(struct sn_broker *broker)
{
	return remote_of(broker)->ipc.fd;
}
