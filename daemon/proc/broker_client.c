/* The face of auth/broker.h over a channel: questions with serials, each with its promise. */
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/proc/broker_wire.h"

struct sn_broker {
	struct sn_ipc ipc;
	struct sn_loop *loop;
	struct sn_list questions; /* asked, not answered */
	struct sn_list programs;  /* running */
	void (*on_lost)(struct sn_broker *broker, void *owner);
	void *owner;
	struct sn_task task;
};

struct program;

/* A question and its answer. */
struct question {
	struct sn_promise promise;
	struct sn_list link;
	struct sn_broker *broker; /* NULL: it is gone */
	enum sn_ipc_type type;
	uint32_t serial;
	int fds[3]; /* OPEN: [0]; SPAWN; BIND: socket, lock */
	struct sn_passwd passwd;
	struct sn_pool *pool;    /* of passwd */
	struct program *program; /* SPAWN, until taken */
	char *path;              /* BIND: to unlink */
	struct sn_diag diag;     /* BIND */
};

/* A started program, as the promise of its end. */
struct program {
	struct sn_promise promise;
	struct sn_list link;
	struct sn_broker *broker;
	uint32_t serial;
	pid_t pid;
	int status;
};

/* --- programs -----------------------------------------------------------------------------------
 */

static void send_cancel(struct sn_broker *broker, uint32_t serial)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	if (broker == NULL)
		return;
	sn_write_u32(&w, serial);
	sn_ipc_send(&broker->ipc, SN_IPC_CANCEL, 0, sn_writer_str(&w), NULL, 0);
}

static void cancel_program(struct sn_promise *p)
{
	struct program *program = sn_container_of(p, struct program, promise);

	sn_list_remove(&program->link);
	send_cancel(program->broker, program->serial);
}

static void free_program(struct sn_promise *p)
{
	sn_free(sn_container_of(p, struct program, promise));
}

static const struct sn_promise_ops program_ops = { .cancel = cancel_program, .free = free_program };

static struct program *new_program(struct question *question, pid_t pid)
{
	struct program *program = sn_alloc_zero(sizeof(*program));

	sn_promise_init(question->broker->loop, &program->promise, &program_ops);
	program->broker = question->broker;
	program->serial = question->serial;
	program->pid = pid;
	sn_list_append(&question->broker->programs, &program->link);
	return program;
}

/* Nobody took it: nobody has its promise either. */
static void end_program(struct program *program)
{
	if (program->promise.state == SN_PROMISE_PENDING)
		cancel_program(&program->promise);
	sn_free(program);
}

static void resolve_program(struct program *program, int code, int status)
{
	sn_list_remove(&program->link);
	program->broker = NULL;
	program->status = status;
	sn_promise_resolve(&program->promise, code);
}

int sn_broker_exit_status(struct sn_promise *exit)
{
	sn_assert(exit->ops == &program_ops);
	return sn_container_of(exit, struct program, promise)->status;
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void cancel_question(struct sn_promise *p)
{
	struct question *question = sn_container_of(p, struct question, promise);

	sn_list_remove(&question->link);
	send_cancel(question->broker, question->serial);
}

static void free_question(struct sn_promise *p)
{
	struct question *question = sn_container_of(p, struct question, promise);

	for (size_t i = 0; i < 3; i++) {
		if (question->fds[i] >= 0)
			(void)close(question->fds[i]);
	}
	if (question->program != NULL)
		end_program(question->program);
	sn_pool_free(&question->pool);
	sn_free(question->path);
	sn_free(question);
}

static const struct sn_promise_ops question_ops = {
	.cancel = cancel_question,
	.free = free_question,
};

static struct question *question_of(struct sn_promise *p, enum sn_ipc_type type)
{
	struct question *question = sn_container_of(p, struct question, promise);

	sn_assert(p->ops == &question_ops && question->type == type);
	return question;
}

static struct question *new_question(struct sn_broker *broker, enum sn_ipc_type type)
{
	struct question *question = sn_alloc_zero(sizeof(*question));

	sn_promise_init(broker->loop, &question->promise, &question_ops);
	question->type = type;
	for (size_t i = 0; i < 3; i++)
		question->fds[i] = -1;
	return question;
}

/* Written with room for one byte too many: what does not fit a message is seen. */
static struct sn_promise *ask(
	struct sn_broker *broker, struct question *question, struct sn_writer *w)
{
	if (w->err != SN_OK || w->n > SN_IPC_BODY_MAX) {
		sn_promise_resolve(&question->promise, SN_ELIMIT);
	} else if (!sn_ipc_is_open(&broker->ipc)) {
		sn_promise_resolve(&question->promise, SN_EUNAVAILABLE);
	} else {
		question->broker = broker;
		question->serial = sn_ipc_serial(&broker->ipc);
		sn_list_append(&broker->questions, &question->link);
		sn_ipc_send(
			&broker->ipc, question->type, question->serial, sn_writer_str(w), NULL, 0);
	}
	sn_wipe(w->p, w->n);
	sn_free(w->p);
	return &question->promise;
}

static struct sn_writer body_writer(void)
{
	return sn_writer(sn_alloc(SN_IPC_BODY_MAX + 1), SN_IPC_BODY_MAX + 1);
}

struct sn_promise *sn_broker_verify_password(struct sn_broker *broker, struct sn_str pam_service,
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
	return ask(broker, new_question(broker, SN_IPC_VERIFY), &w);
}

struct sn_promise *sn_broker_open_as_user(
	struct sn_broker *broker, struct sn_str user, struct sn_str path)
{
	struct sn_writer w = body_writer();

	sn_ask_open_write(&w, &(struct sn_ask_open){ user, path });
	return ask(broker, new_question(broker, SN_IPC_OPEN), &w);
}

struct sn_promise *sn_broker_lookup(struct sn_broker *broker, struct sn_str name, uid_t uid)
{
	struct sn_writer w = body_writer();

	sn_ask_lookup_write(&w, &(struct sn_ask_lookup){ name, uid });
	return ask(broker, new_question(broker, SN_IPC_LOOKUP), &w);
}

struct sn_promise *sn_broker_spawn(struct sn_broker *broker, const struct sn_spawn *spawn)
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
	return ask(broker, new_question(broker, SN_IPC_SPAWN), &w);
}

void sn_broker_signal(struct sn_broker *broker, pid_t pid, int signo)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)pid);
	sn_write_u32(&w, (uint32_t)signo);
	sn_ipc_send(&broker->ipc, SN_IPC_SIGNAL, 0, sn_writer_str(&w), NULL, 0);
}

struct sn_promise *sn_broker_bind(
	struct sn_broker *broker, const struct sn_layout_listener *listener)
{
	struct question *question = new_question(broker, SN_IPC_BIND);
	struct sn_writer w = body_writer();

	sn_broker_listener_write(&w, listener);
	if (listener->addr.sa.sa_family == AF_UNIX && listener->addr.un.sun_path[0] != '\0')
		question->path = sn_strdup(listener->addr.un.sun_path);
	return ask(broker, question, &w);
}

void sn_broker_set_limits(struct sn_broker *broker, const struct sn_layout *layout)
{
	struct sn_strbuf text;
	int fd;

	sn_strbuf_init(&text, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(layout, &text);
	if (sn_ipc_memfd("limits", sn_strbuf_str(&text), &fd) == SN_OK) {
		sn_ipc_send(&broker->ipc, SN_IPC_LIMITS, 0, SN_STR_NULL, &fd, 1);
		(void)close(fd);
	}
	sn_strbuf_fini(&text);
}

/* --- values -------------------------------------------------------------------------------------
 */

int sn_broker_taken_fd(struct sn_promise *p)
{
	struct question *question = question_of(p, SN_IPC_OPEN);
	const int fd = question->fds[0];

	question->fds[0] = -1;
	return fd;
}

const struct sn_passwd *sn_broker_passwd(struct sn_promise *p)
{
	return &question_of(p, SN_IPC_LOOKUP)->passwd;
}

void sn_broker_take_spawned(struct sn_promise *p, struct sn_spawned *spawned_r)
{
	struct question *question = question_of(p, SN_IPC_SPAWN);

	sn_assert(question->program != NULL);
	spawned_r->pid = question->program->pid;
	spawned_r->exit = &question->program->promise;
	for (size_t i = 0; i < 3; i++) {
		spawned_r->fds[i] = question->fds[i];
		question->fds[i] = -1;
	}
	question->program = NULL;
}

static void note_local(struct sn_listen_socket *sock)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(sock->fd, (struct sockaddr *)&ss, &len) != 0 ||
		sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &sock->local) != SN_OK)
		sock->local.len = 0;
}

int sn_broker_bound(struct sn_promise *p, struct sn_listen_socket *sock_r, struct sn_diag *diag)
{
	struct question *question = question_of(p, SN_IPC_BIND);

	if (p->code != SN_OK)
		return sn_diag_set(diag, p->code, 0, "%s",
			question->diag.text[0] != '\0' ? question->diag.text
						       : sn_strerror(p->code));
	*sock_r = (struct sn_listen_socket){
		.fd = question->fds[0],
		.wfd = -1,
		.lock_fd = question->fds[1],
		.unlink_path = question->path,
	};
	note_local(sock_r);
	question->fds[0] = question->fds[1] = -1;
	question->path = NULL;
	return SN_OK;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void read_passwd(struct question *question, struct sn_reader *r)
{
	struct sn_passwd *passwd = &question->passwd;

	question->pool = sn_pool_new(0);
	passwd->uid = (uid_t)sn_read_u32(r);
	passwd->gid = (gid_t)sn_read_u32(r);
	passwd->name = sn_pool_str(question->pool, sn_read_str16(r));
	passwd->home = sn_pool_str(question->pool, sn_read_str16(r));
	passwd->shell = sn_pool_str(question->pool, sn_read_str16(r));
}

/* The file was made under this name only if the socket has one. */
static void read_bound(struct question *question, struct sn_reader *r)
{
	if (sn_read_u8(r) == 0) {
		sn_free(question->path);
		question->path = NULL;
	}
}

static void read_value(struct question *question, struct sn_ipc_message *message)
{
	struct sn_reader *r = &message->body;

	for (size_t i = 0; i < 3; i++)
		question->fds[i] = sn_ipc_take_fd(message, i);
	switch (question->type) {
	case SN_IPC_LOOKUP:
		read_passwd(question, r);
		break;
	case SN_IPC_SPAWN:
		question->program = new_program(question, (pid_t)sn_read_u32(r));
		break;
	case SN_IPC_BIND:
		read_bound(question, r);
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

static struct question *find_question(struct sn_broker *broker, uint32_t serial)
{
	struct sn_list *it;

	sn_list_each (it, &broker->questions) {
		struct question *question = sn_container_of(it, struct question, link);

		if (question->serial == serial)
			return question;
	}
	return NULL;
}

static void resolve_question(struct question *question, int code)
{
	sn_list_remove(&question->link);
	question->broker = NULL;
	sn_promise_resolve(&question->promise, code);
}

/* No question: it was canceled while its answer was on the way, and the broker has heard so. */
static void on_result(struct sn_broker *broker, struct sn_ipc_message *message)
{
	struct question *question = find_question(broker, message->serial);
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

static void on_exited(struct sn_broker *broker, struct sn_ipc_message *message)
{
	struct sn_list *it;

	(void)sn_read_u32(&message->body); /* pid */
	sn_list_each (it, &broker->programs) {
		struct program *program = sn_container_of(it, struct program, link);

		if (program->serial == message->serial) {
			resolve_program(program, SN_OK, (int)sn_read_u32(&message->body));
			return;
		}
	}
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct sn_broker *broker = sn_container_of(ipc, struct sn_broker, ipc);

	if (message->type == SN_IPC_RESULT)
		on_result(broker, message);
	else if (message->type == SN_IPC_EXITED)
		on_exited(broker, message);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void fail_all(struct sn_broker *broker)
{
	struct sn_list *it, *next;

	sn_list_each_safe (it, next, &broker->questions)
		resolve_question(sn_container_of(it, struct question, link), SN_EUNAVAILABLE);
	sn_list_each_safe (it, next, &broker->programs)
		resolve_program(sn_container_of(it, struct program, link), SN_EUNAVAILABLE, 0);
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	struct sn_broker *broker = sn_container_of(ipc, struct sn_broker, ipc);

	(void)code;
	fail_all(broker);
	if (broker->on_lost != NULL)
		broker->on_lost(broker, broker->owner);
}

static const struct sn_ipc_ops broker_ops = { .on_message = on_message, .on_closed = on_closed };

int sn_broker_connect(
	struct sn_loop *loop, int fd, enum sn_ipc_role role, struct sn_broker **broker_r)
{
	struct sn_broker *broker = sn_alloc_zero(sizeof(*broker));
	const int code = sn_ipc_start(&broker->ipc, loop, fd, role, SN_IPC_BROKER, &broker_ops);

	if (code != SN_OK) {
		sn_free(broker);
		return code;
	}
	broker->loop = loop;
	sn_list_init(&broker->questions);
	sn_list_init(&broker->programs);
	*broker_r = broker;
	return SN_OK;
}

static void free_broker(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct sn_broker, task));
}

void sn_broker_disconnect(struct sn_broker **broker_p)
{
	struct sn_broker *broker = *broker_p;

	*broker_p = NULL;
	if (broker == NULL)
		return;
	sn_ipc_stop(&broker->ipc);
	fail_all(broker);
	broker->task.fn = free_broker;
	sn_loop_closing(broker->loop, &broker->task);
}

void sn_broker_on_lost(
	struct sn_broker *broker, void (*fn)(struct sn_broker *broker, void *owner), void *owner)
{
	broker->on_lost = fn;
	broker->owner = owner;
}

void sn_broker_introduce(struct sn_broker *broker, enum sn_ipc_role role, int fd)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)role);
	sn_ipc_send(&broker->ipc, SN_IPC_CLIENT, 0, sn_writer_str(&w), &fd, 1);
}
