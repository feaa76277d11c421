/* The state of a supervisor as bytes, the exec of another program with it, and back to one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "daemon/proc/supervisor_upgrade.h"

/* "STATE:BEFORE": descriptors of the state, and of the program that wrote it. Where it says why the
 * state comes back, the program that was to have it could not begin. */
#define HEIR_VARIABLE "SENNIT_UPGRADE"
#define FAILED_VARIABLE "SENNIT_UPGRADE_FAILED"
#define WORDS_MAX ((size_t)32 << 20) /* with what of its answer has not been sent */
#define REASON "Server is shutting down"

/* --- to bytes ------------------------------------------------------------------------------- */

static struct sn_upgrade_socket save_socket(const struct sn_listen_socket *sock, bool closed)
{
	return (struct sn_upgrade_socket){
		.fd = sock->fd,
		.wfd = sock->wfd,
		.lock_fd = sock->lock_fd,
		.local = sock->local,
		.unlink_path = sn_str(sock->unlink_path),
		.closed = closed,
	};
}

static void save_sockets(const struct sn_supervisor *sup, struct sn_upgrade_state *state)
{
	const size_t count = sup->layout->listener_count;

	state->sockets = sn_pool_alloc_zero(state->pool, (count + 1) * sizeof(*state->sockets));
	state->socket_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		state->sockets[i] = save_socket(&sup->sockets.items[i], sup->sockets.closed[i]);
}

static struct sn_upgrade_worker save_worker(const struct sn_worker *worker)
{
	const bool runs = sn_worker_life_runs(&worker->life);

	return (struct sn_upgrade_worker){
		.group = sn_str(worker->group),
		.index = worker->index,
		.program = worker->program,
		.life = worker->life,
		.pid = runs ? (uint32_t)worker->child.pid : 0,
		.channel = runs && sn_ipc_is_open(&worker->ipc) ? worker->ipc.fd : -1,
		.metrics = worker->metrics,
		.metrics_before = worker->metrics_before,
		.serial = worker->ipc.last_serial,
		.started = worker->started,
		.connections = worker->connections,
		.settled = worker->settled,
		.told = worker->told,
		.retired = worker->retired,
		.succeeded = worker->succeeded,
	};
}

static void save_workers(const struct sn_supervisor *sup, struct sn_upgrade_state *state)
{
	const struct sn_worker *rolling = sup->upgrade->roll.old;
	struct sn_list *link;
	uint32_t i = 0, count = 0;

	sn_sup_each_worker(link, sup) count++;
	state->workers = sn_pool_alloc_zero(state->pool, (count + 1) * sizeof(*state->workers));
	state->worker_count = count;
	sn_sup_each_worker(link, sup)
	{
		if (sn_sup_worker_at(link) == rolling)
			state->rolling = i;
		state->workers[i++] = save_worker(sn_sup_worker_at(link));
	}
}

static void save_moving(const struct sn_supervisor *sup, struct sn_upgrade_state *state)
{
	const struct sn_list *moving = &sup->upgrade->roll.moving, *link;
	uint32_t count = 0;

	sn_list_each (link, moving)
		count++;
	state->frozen = sn_pool_alloc_zero(state->pool, (count + 1) * sizeof(*state->frozen));
	sn_list_each (link, moving) {
		const struct sn_moving *one = sn_container_of(link, struct sn_moving, link);

		state->frozen[state->frozen_count++] = (struct sn_upgrade_frozen){
			.service = sn_str(one->service),
			.state = one->state,
			.sockets = one->sockets,
			.socket_count = (uint32_t)one->count,
		};
		state->closed += one->closed;
	}
}

static void save_upgrade(const struct sn_supervisor *sup, const struct sn_sup_target *target,
	int own, struct sn_upgrade_state *state)
{
	const struct sn_sup_upgrade *upgrade = sup->upgrade;

	state->pid = (uint32_t)getpid();
	state->program = target->back ? sup->program - 1 : sup->program + 1;
	state->back = target->back;
	state->why = sn_strbuf_str(&upgrade->why);
	state->path = sn_str(target->path);
	state->path_before = sn_str(sup->path);
	state->program_before = target->back ? -1 : own;
	state->moved = upgrade->moved;
	state->closed = upgrade->closed;
	state->began = upgrade->began;
	save_moving(sup, state);
}

static void save_own(const struct sn_supervisor *sup, struct sn_upgrade_state *state)
{
	state->snapshot = sup->snapshot;
	state->limiter = sup->limiter;
	state->lock = sup->lock;
	state->state = sn_str(sup->state);
	state->state_missing = sn_str(sup->state_missing);
	state->state_given = sn_str(sup->state_given);
	state->runtime_given = sn_str(sup->runtime_given);
	state->started_wall = sup->started_wall;
	state->root = sup->root;
	state->became_user = sup->became_user;
	state->had_terminal = sup->had_terminal;
	state->reload = sup->change.again;
	state->inherited = sn_pool_alloc_zero(
		state->pool, (sup->inherited_count + 1) * sizeof(*state->inherited));
	state->inherited_count = (uint32_t)sup->inherited_count;
	for (size_t i = 0; i < sup->inherited_count; i++)
		state->inherited[i] = (uint32_t)sup->inherited[i];
	if (sup->broker == NULL)
		return;
	state->broker_pid = (uint32_t)sn_broker_process_pid(sup->broker);
	state->broker = sn_broker_process_fd(sup->broker);
}

static int add_text(const char *text, size_t n, void *data)
{
	sn_strbuf_add(data, sn_str_n(text, n));
	return 0;
}

static struct sn_str save_json(const json_t *json, struct sn_pool *pool)
{
	struct sn_strbuf text;
	struct sn_str saved;

	sn_strbuf_init(&text, WORDS_MAX);
	(void)json_dump_callback(json, add_text, &text, JSON_COMPACT);
	saved = sn_pool_str(pool, sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
	return saved;
}

static void save_control(const struct sn_supervisor *sup, struct sn_upgrade_state *state)
{
	const struct sn_sup_control *control = sup->control;

	state->control = save_socket(sn_control_socket(control->control), false);
	state->control_path = sn_str(control->path);
	state->stopped = save_json(control->stopped, state->pool);
	state->last_reload = sn_str(control->last_reload);
	state->control_serial = control->next_serial;
}

/* --- the exec ------------------------------------------------------------------------------- */

static void keep(void *context, int fd)
{
	(void)context;
	(void)fcntl(fd, F_SETFD, 0);
}

static void keep_no_more(void *context, int fd)
{
	(void)context;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int execute(const struct sn_supervisor *sup, int binary)
{
	size_t count = 0;
	const char **argv;
	int code;

	while (sup->argv[count] != NULL)
		count++;
	argv = sn_alloc_array(count + 2, sizeof(*argv));
	argv[0] = program_invocation_name;
	memcpy(argv + 1, sup->argv, (count + 1) * sizeof(*argv));
	(void)execv(sn_program_path(binary).text, (char *const *)(uintptr_t)argv);
	code = -errno;
	sn_free((void *)(uintptr_t)argv);
	return code;
}

static void name_heirloom(int state, int before)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%d:%d", state, before);
	(void)setenv(HEIR_VARIABLE, text, 1);
}

/* The last that this program does, if all goes well. */
static int leave(const struct sn_supervisor *sup, int binary, struct sn_upgrade_state *state)
{
	struct sn_strbuf text;
	int code, fd;

	sn_strbuf_init(&text, SN_UPGRADE_SIZE_MAX);
	sn_upgrade_state_encode(state, &text);
	code = text.err != SN_OK ? text.err
				 : sn_ipc_memfd("sennit-upgrade", sn_strbuf_str(&text), &fd);
	sn_strbuf_fini(&text);
	if (code != SN_OK)
		return code;
	sn_upgrade_state_each_fd(state, keep, NULL);
	keep(NULL, fd);
	name_heirloom(fd, state->program_before);
	(void)fflush(NULL);
	sn_log_stop(SN_SEC(2));
	code = execute(sup, binary);
	(void)unsetenv(HEIR_VARIABLE);
	sn_upgrade_state_each_fd(state, keep_no_more, NULL);
	(void)close(fd);
	return code;
}

static void hand_over_request(
	const struct sn_supervisor *sup, struct sn_strbuf *words, struct sn_upgrade_state *state)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;

	if (upgrade->request == NULL)
		return;
	state->asker = sn_control_hand_over(upgrade->request, words);
	state->words = sn_strbuf_str(words);
	if (state->asker >= 0)
		upgrade->request = NULL;
}

static void take_request_back(const struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	const struct sn_sup_control *control = sup->control;

	if (state->asker >= 0 &&
		sn_control_resume(control->control, state->asker, state->words,
			&sup->upgrade->request) != SN_OK)
		(void)close(state->asker);
}

int sn_sup_execute(struct sn_supervisor *sup, const struct sn_sup_target *target)
{
	const int own = open(SN_ROLE_PROGRAM, O_PATH | O_CLOEXEC);
	struct sn_upgrade_state state;
	struct sn_strbuf layout, words;
	int code;

	if (own < 0)
		return -errno;
	sn_upgrade_state_init(&state);
	state.pool = sn_pool_new(0);
	sn_strbuf_init(&layout, SN_LAYOUT_SIZE_MAX);
	sn_strbuf_init(&words, WORDS_MAX);
	sn_layout_encode(sup->layout, &layout);
	state.layout = sn_strbuf_str(&layout);
	save_upgrade(sup, target, own, &state);
	save_sockets(sup, &state);
	save_workers(sup, &state);
	save_own(sup, &state);
	save_control(sup, &state);
	hand_over_request(sup, &words, &state);
	code = leave(sup, target->binary, &state);
	sn_sup_log_start(sup);
	take_request_back(sup, &state);
	sn_strbuf_fini(&layout);
	sn_strbuf_fini(&words);
	sn_pool_free(&state.pool);
	(void)close(own);
	return code;
}

/* --- from bytes ----------------------------------------------------------------------------- */

static char *dup_or_null(struct sn_str text)
{
	return text.n > 0 ? sn_str_dup(text) : NULL;
}

static struct sn_listen_socket restore_socket(const struct sn_upgrade_socket *saved)
{
	return (struct sn_listen_socket){
		.fd = saved->fd,
		.wfd = saved->wfd,
		.lock_fd = saved->lock_fd,
		.local = saved->local,
		.unlink_path = dup_or_null(saved->unlink_path),
	};
}

static int restore_sockets(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	if (state->socket_count != sup->layout->listener_count)
		return SN_EPROTO;
	sn_sup_sockets_init(&sup->sockets, sup->layout);
	for (size_t i = 0; i < state->socket_count; i++) {
		sup->sockets.items[i] = restore_socket(&state->sockets[i]);
		sup->sockets.closed[i] = state->sockets[i].closed;
	}
	return SN_OK;
}

static int restore_worker(struct sn_supervisor *sup, const struct sn_upgrade_worker *saved)
{
	struct sn_worker *worker =
		sn_sup_worker_add(sup, saved->group, saved->index, saved->metrics);

	if (worker == NULL)
		return -ENOMEM;
	worker->metrics_before = saved->metrics_before;
	worker->life = saved->life;
	worker->program = saved->program;
	worker->started = saved->started;
	worker->connections = saved->connections;
	worker->reason = SN_STR(REASON);
	worker->settled = saved->settled;
	worker->told = saved->told;
	worker->retired = saved->retired;
	worker->succeeded = saved->succeeded;
	return sn_sup_worker_adopt(worker, (pid_t)saved->pid, saved->channel, saved->serial);
}

static int restore_workers(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	int code = SN_OK;

	for (uint32_t i = 0; i < state->worker_count && code == SN_OK; i++) {
		code = restore_worker(sup, &state->workers[i]);
		if (code == SN_OK && i == state->rolling)
			sup->upgrade->roll.old = sn_sup_worker_at(sup->workers.prev);
	}
	return code;
}

static void restore_moving(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	for (uint32_t i = 0; i < state->frozen_count; i++) {
		const struct sn_upgrade_frozen *saved = &state->frozen[i];
		struct sn_moving *moving =
			sn_moving_add(&sup->upgrade->roll.moving, saved->service);

		moving->answered = true;
		moving->state = saved->state;
		moving->count = moving->expected = saved->socket_count;
		moving->sockets = sn_alloc_array(saved->socket_count + 1, sizeof(int));
		memcpy(moving->sockets, saved->sockets, saved->socket_count * sizeof(int));
	}
}

static void restore_own(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	sup->program = state->program;
	sup->path = sn_str_dup(state->path);
	sup->snapshot = state->snapshot;
	sup->limiter = state->limiter;
	sup->lock = state->lock;
	sup->state = dup_or_null(state->state);
	sup->state_missing = dup_or_null(state->state_missing);
	sup->state_given = dup_or_null(state->state_given);
	sup->runtime_given = dup_or_null(state->runtime_given);
	sup->started_wall = state->started_wall;
	sup->root = state->root;
	sup->became_user = state->became_user;
	sup->had_terminal = state->had_terminal;
	sup->change.again = state->reload;
	for (size_t i = 0; i < state->inherited_count && i < SN_SUP_INHERITED_MAX; i++)
		sup->inherited[sup->inherited_count++] = (int)state->inherited[i];
}

static void restore_upgrade(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;

	upgrade->back = state->back;
	upgrade->path_before = sn_str_dup(state->path_before);
	upgrade->binary_before = state->program_before;
	sn_strbuf_add(&upgrade->why, state->why);
	upgrade->moved = state->moved;
	upgrade->closed = state->closed;
	upgrade->began = state->began;
	restore_moving(sup, state);
}

static int restore_control(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	struct sn_listen_socket sock = restore_socket(&state->control);
	struct sn_sup_control *control;
	json_t *stopped = json_loadb(state->stopped.p, state->stopped.n, 0, NULL);
	int code = sn_sup_control_adopt(sup, &sock, state->control_path.p);

	if (code != SN_OK) {
		json_decref(stopped);
		return code;
	}
	control = sup->control;
	if (stopped != NULL) {
		json_decref(control->stopped);
		control->stopped = stopped;
	}
	control->last_reload = dup_or_null(state->last_reload);
	control->next_serial = state->control_serial;
	if (state->asker >= 0 &&
		sn_control_resume(control->control, state->asker, state->words,
			&sup->upgrade->request) != SN_OK)
		(void)close(state->asker);
	return SN_OK;
}

static int restore_broker(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	if (state->broker_pid == 0)
		return SN_OK;
	return sn_sup_broker_adopt(sup, (pid_t)state->broker_pid, state->broker);
}

static int restore(struct sn_supervisor *sup, const struct sn_upgrade_state *state)
{
	int code = sn_layout_decode(state->layout, &sup->layout);

	if (code != SN_OK)
		return code;
	sup->phase = SN_SUP_RUNNING;
	restore_own(sup, state);
	/* One that cannot be opened any more is no reason to stop serving. */
	sn_sup_log_start(sup);
	restore_upgrade(sup, state);
	code = restore_sockets(sup, state);
	if (code == SN_OK)
		code = restore_broker(sup, state);
	if (code == SN_OK)
		code = restore_workers(sup, state);
	if (code == SN_OK)
		code = restore_control(sup, state);
	return code;
}

/* --- the beginning of an heir --------------------------------------------------------------- */

bool sn_sup_is_heir(void)
{
	return getenv(HEIR_VARIABLE) != NULL;
}

struct heirloom {
	int state, before;
};

static int read_heirloom(struct heirloom *heirloom_r)
{
	struct sn_str text = sn_str(getenv(HEIR_VARIABLE)), first;
	uint64_t state, before;

	if (!sn_str_split(&text, ':', &first) || sn_parse_u64(first, INT32_MAX, &state) != SN_OK)
		return SN_EPROTO;
	heirloom_r->state = (int)state;
	heirloom_r->before = sn_parse_u64(text, INT32_MAX, &before) == SN_OK ? (int)before : -1;
	return SN_OK;
}

/* What a stranger has left in the environment is not our state: it is sealed, and of our pid. */
static int read_state(int fd, struct sn_upgrade_state **state_r)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	struct sn_strbuf text;
	int code;

	if (seals < 0 || (seals & F_SEAL_WRITE) == 0)
		return SN_EPROTO;
	sn_strbuf_init(&text, SN_UPGRADE_SIZE_MAX);
	code = sn_ipc_read_memfd(fd, SN_UPGRADE_SIZE_MAX, &text);
	if (code == SN_OK)
		code = sn_upgrade_state_decode(sn_strbuf_str(&text), state_r);
	sn_strbuf_fini(&text);
	if (code == SN_OK && (*state_r)->pid != (uint32_t)getpid())
		code = SN_EPROTO;
	return code;
}

/* It came back unread: we are who wrote it. */
static void take_back(struct sn_upgrade_state *state, const char *why)
{
	struct sn_str path = state->path;

	state->program--;
	state->path = state->path_before;
	state->path_before = path;
	state->program_before = -1;
	state->back = true;
	if (state->why.n == 0)
		state->why = sn_str(why);
}

static int return_state(const struct sn_supervisor *sup, const struct heirloom *heirloom, int code)
{
	if (heirloom->before < 0)
		return code;
	(void)setenv(FAILED_VARIABLE, sn_strerror(code), 1);
	name_heirloom(heirloom->state, -1);
	return execute(sup, heirloom->before);
}

int sn_sup_adopt(struct sn_supervisor *sup)
{
	const char *failed = getenv(FAILED_VARIABLE);
	struct sn_upgrade_state *state = NULL;
	struct heirloom heirloom;
	int code = read_heirloom(&heirloom);

	if (code != SN_OK)
		return code;
	sn_role_set_name("sennit");
	code = read_state(heirloom.state, &state);
	if (code == SN_OK) {
		if (failed != NULL)
			take_back(state, failed);
		code = restore(sup, state);
	}
	if (code != SN_OK)
		return return_state(sup, &heirloom, code);
	sn_upgrade_state_free(&state);
	(void)unsetenv(HEIR_VARIABLE);
	(void)unsetenv(FAILED_VARIABLE);
	(void)close(heirloom.state);
	/* Nothing but standard input, output and error goes on to children by accident. */
	(void)close_range(SN_IPC_FD, ~0u, CLOSE_RANGE_CLOEXEC);
	sn_sup_upgrade_resume(sup);
	return SN_OK;
}
