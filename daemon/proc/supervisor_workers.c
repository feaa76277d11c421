/* The table of workers: processes come and go, places stay. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/metrics_area.h"
#include "daemon/proc/supervisor_private.h"

#define PING_INTERVAL SN_SEC(5)
#define START_PATIENCE SN_SEC(120)
#define END_PATIENCE SN_SEC(2) /* on top of what clients are given */
#define ABORT_PATIENCE SN_SEC(1)
#define LATE SN_SEC(1) /* we were stopped ourselves */

struct sn_worker *sn_sup_worker_at(struct sn_list *link)
{
	return sn_container_of(link, struct sn_worker, link);
}

static void step(struct sn_worker *worker, enum sn_worker_event event, enum sn_worker_death death);

static int64_t now_of(const struct sn_worker *worker)
{
	return sn_loop_now(worker->supervisor->loop);
}

/* "main/0" */
struct place {
	char text[280];
};

static struct place place_of(const struct sn_worker *worker)
{
	struct place place;
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, place.text, sizeof(place.text));
	sn_strbuf_addf(&b, "%s/%u", worker->group, worker->index);
	return place;
}

/* --- a worker that hangs -------------------------------------------------------------------- */

static void on_kill(struct sn_timer *timer)
{
	struct sn_worker *worker = sn_container_of(timer, struct sn_worker, kill_timer);

	(void)sn_child_kill(&worker->child, SIGKILL);
}

/* Its handler says where it is; one that is stopped, or deaf, is killed. */
void sn_sup_worker_abort(struct sn_worker *worker, const char *why)
{
	sn_log(&sn_supervisor_log, SN_LOG_ERROR, "worker-aborted",
		sn_f_cstr("worker", place_of(worker).text), sn_f_int("pid", worker->child.pid),
		sn_f_cstr("why", why));
	worker->aborted = true;
	(void)sn_child_kill(&worker->child, SIGABRT);
	sn_timer_set(worker->supervisor->loop, &worker->kill_timer, ABORT_PATIENCE, on_kill);
}

static void on_no_pong(struct sn_timer *timer)
{
	struct sn_worker *worker = sn_container_of(timer, struct sn_worker, pong_deadline);

	if (now_of(worker) - timer->deadline > LATE)
		sn_timer_set(worker->supervisor->loop, timer, worker->supervisor->layout->watchdog,
			on_no_pong);
	else
		sn_sup_worker_abort(worker, "it answers no ping");
}

static int on_ping(struct sn_every *every, uint64_t periods)
{
	struct sn_worker *worker = sn_container_of(every, struct sn_worker, pinger);

	(void)periods;
	if (sn_timer_armed(&worker->pong_deadline))
		return SN_OK;
	sn_ipc_send(&worker->ipc, SN_IPC_PING, 0, SN_STR(""), NULL, 0);
	sn_timer_set(worker->supervisor->loop, &worker->pong_deadline,
		worker->supervisor->layout->watchdog, on_no_pong);
	return SN_OK;
}

static void start_pings(struct sn_worker *worker)
{
	const int64_t watchdog = worker->supervisor->layout->watchdog;

	if (watchdog > 0)
		sn_every_start(worker->supervisor->loop, &worker->pinger,
			watchdog / 2 < PING_INTERVAL ? watchdog / 2 : PING_INTERVAL, false,
			on_ping);
}

static void on_pong(struct sn_worker *worker, struct sn_reader *r)
{
	sn_timer_clear(&worker->pong_deadline);
	worker->connections = sn_read_u64(r);
	worker->longest_turn = (int64_t)sn_read_u64(r);
}

static void stop_timers(struct sn_worker *worker)
{
	sn_timer_clear(&worker->timer);
	sn_timer_clear(&worker->pong_deadline);
	sn_timer_clear(&worker->kill_timer);
	if (worker->pinger.fn != NULL)
		sn_every_stop(&worker->pinger);
}

/* --- messages ------------------------------------------------------------------------------- */

static void log_lines(const struct sn_worker *worker, struct sn_str text)
{
	struct sn_str line;

	while (sn_str_split(&text, '\n', &line)) {
		if (line.n > 0)
			sn_log(&sn_supervisor_log, SN_LOG_ERROR, "worker-cannot-start",
				sn_f_cstr("worker", place_of(worker).text), sn_f_str("why", line));
	}
}

/* u32 exit code, str16 text. At the very start there is somebody to tell, and to tell at once. */
static void on_failed(struct sn_worker *worker, struct sn_reader *r)
{
	struct sn_supervisor *sup = worker->supervisor;
	const uint32_t exit_code = sn_read_u32(r);
	const struct sn_str text = sn_read_str16(r);

	if (r->err != SN_OK)
		return;
	sn_sup_roll_complains(worker, text);
	if (sup->phase != SN_SUP_STARTING || worker->settled) {
		log_lines(worker, text);
		return;
	}
	(void)fflush(stdout);
	fprintf(stderr, "%.*s", SN_STR_ARG(text));
	sn_sup_stop(sup, (int)exit_code, "a worker cannot start");
}

/* u32 code, str16 text */
static void on_prepared(struct sn_worker *worker, struct sn_reader *r)
{
	const int code = (int)sn_read_u32(r);
	const struct sn_str text = sn_read_str16(r);

	sn_sup_change_voted(worker, r->err == SN_OK ? code : SN_EPROTO, text);
}

static void on_ready(struct sn_worker *worker, struct sn_str lines)
{
	sn_strbuf_reset(&worker->lines);
	sn_strbuf_add(&worker->lines, lines);
	step(worker, SN_WORKER_UP, SN_WORKER_OWN_DEATH);
	sn_sup_roll_ready(worker);
}

/* Nobody told it to: standard input has ended. Without one there it has no reason to end us all. */
static void on_drained(struct sn_worker *worker)
{
	if (worker->life.state != SN_WORKER_DRAINING &&
		sn_layout_speaks_on_stdout(worker->supervisor->layout))
		sn_sup_stop(worker->supervisor, EX_OK, "nothing is left to do");
}

static void on_other(struct sn_worker *worker, struct sn_ipc_message *message)
{
	const struct sn_supervisor_hooks *hooks = worker->supervisor->hooks;

	if (hooks != NULL && hooks->on_message != NULL)
		hooks->on_message(worker, message);
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct sn_worker *worker = sn_container_of(ipc, struct sn_worker, ipc);

	switch (message->type) {
	case SN_IPC_READY:
		on_ready(worker, message->body.data);
		break;
	case SN_IPC_FAILED:
		on_failed(worker, &message->body);
		break;
	case SN_IPC_PONG:
		on_pong(worker, &message->body);
		break;
	case SN_IPC_PREPARED:
		if (sn_sup_roll_is_new(worker))
			sn_sup_roll_message(worker, message);
		else if (message->serial == worker->supervisor->change.serial)
			on_prepared(worker, &message->body);
		break;
	case SN_IPC_FROZEN:
	case SN_IPC_SOCKETS:
		sn_sup_roll_message(worker, message);
		break;
	case SN_IPC_COMMITTED:
		sn_sup_change_committed(worker);
		break;
	case SN_IPC_DRAINED:
		on_drained(worker);
		break;
	default:
		on_other(worker, message);
		break;
	}
}

/* --- the end of a process ------------------------------------------------------------------- */

static void describe_end(const struct sn_worker *worker, struct sn_strbuf *out)
{
	if (WIFSIGNALED(worker->status))
		sn_strbuf_addf(out, "signal %d (%s)", WTERMSIG(worker->status),
			sigabbrev_np(WTERMSIG(worker->status)));
	else
		sn_strbuf_addf(out, "exit status %d", WEXITSTATUS(worker->status));
}

static void log_end(const struct sn_worker *worker)
{
	const bool expected = worker->life.state == SN_WORKER_DRAINING && worker->status == 0;
	char text[64];
	struct sn_strbuf why;

	sn_strbuf_fixed(&why, text, sizeof(text));
	describe_end(worker, &why);
	sn_log(&sn_supervisor_log, expected ? SN_LOG_DEBUG : SN_LOG_ERROR, "worker-ended",
		sn_f_cstr("worker", place_of(worker).text), sn_f_int("pid", worker->child.pid),
		sn_f_cstr("by", text), sn_f_duration("after", now_of(worker) - worker->started));
}

/* Gone, and its last words are read. */
static void bury(struct sn_worker *worker)
{
	const bool killed = WIFSIGNALED(worker->status) && WTERMSIG(worker->status) == SIGKILL &&
		!worker->aborted;

	if (!worker->exited || sn_ipc_is_open(&worker->ipc))
		return;
	log_end(worker);
	stop_timers(worker);
	worker->exited = false;
	worker->connections = 0;
	sn_sup_roll_bury(worker);
	step(worker, SN_WORKER_DIED, killed ? SN_WORKER_KILLED : SN_WORKER_OWN_DEATH);
	sn_sup_roll_lost(worker);
	sn_sup_change_lost(worker);
	sn_sup_progress(worker->supervisor);
}

static void on_exit(struct sn_child *child, int status)
{
	struct sn_worker *worker = sn_container_of(child, struct sn_worker, child);

	worker->exited = true;
	worker->status = status;
	bury(worker);
}

/* Usually its end. One that speaks nonsense is not to be trusted with clients either. */
static void on_closed(struct sn_ipc *ipc, int code)
{
	struct sn_worker *worker = sn_container_of(ipc, struct sn_worker, ipc);

	if (code != SN_CLOSE) {
		sn_log(&sn_supervisor_log, SN_LOG_ERROR, "worker-channel-broken",
			sn_f_cstr("worker", place_of(worker).text), sn_f_err(code));
		worker->aborted = true;
		(void)sn_child_kill(&worker->child, SIGKILL);
	}
	bury(worker);
}

static const struct sn_ipc_ops ipc_ops = { .on_message = on_message, .on_closed = on_closed };

/* --- the start of a process ----------------------------------------------------------------- */

static void on_start_overdue(struct sn_timer *timer)
{
	sn_sup_worker_abort(
		sn_container_of(timer, struct sn_worker, timer), "it does not get ready");
}

bool sn_sup_worker_runs(const struct sn_worker *worker, const struct sn_layout *layout,
	const struct sn_layout_service *service)
{
	return sn_str_eq(layout->groups[service->group].name, sn_str(worker->group)) &&
		(!service->single || worker->index == 0);
}

void sn_sup_worker_send_sockets(struct sn_worker *worker, const struct sn_layout *layout,
	const struct sn_listen_socket *sockets)
{
	for (size_t i = 0; i < layout->listener_count; i++) {
		const struct sn_layout_listener *listener = &layout->listeners[i];
		const struct sn_layout_service *service = &layout->services[listener->service];
		const struct sn_heritage_listener message = {
			.service = service->name,
			.index = listener->index,
			.sock = sockets[i],
		};

		if (sockets[i].fd >= 0 && sn_sup_worker_runs(worker, layout, service))
			sn_heritage_send_listener(&worker->ipc, &message);
	}
}

static void send_heritage(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	struct sn_heritage heritage = {
		.group = sn_str(worker->group),
		.index = worker->index,
		.generation = worker->life.starts - 1,
		.started_wall = sup->started_wall,
		.state = sn_str(sup->state),
		.state_missing = sn_str(sup->state_missing),
		.snapshot = sup->snapshot,
		.metrics = worker->metrics,
		.limiter = sup->limiter,
		.broker = -1,
		.sandbox = sup->layout->sandbox,
		.thaw = sn_sup_roll_thaws(worker),
	};

	if (sup->broker != NULL &&
		sn_broker_process_channel(sup->broker, SN_IPC_WORKER, &heritage.broker) != SN_OK)
		heritage.broker = -1;
	sn_heritage_send(&worker->ipc, &heritage);
	if (heritage.broker >= 0)
		(void)close(heritage.broker);
}

static int start_process(struct sn_worker *worker, int channel)
{
	const struct place place = place_of(worker);
	const char *const args[] = { "@worker", place.text, NULL };
	const struct sn_role_spec spec = {
		.args = args,
		.channel = channel,
		.in = -1,
		.out = STDERR_FILENO, /* ours may be a client's */
		.err = STDERR_FILENO,
		.new_session = true,
	};

	return sn_role_start(worker->supervisor->loop, &worker->child, &spec, on_exit);
}

static int launch(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	int fds[2];
	int code = sn_ipc_pair(fds);

	if (code != SN_OK)
		return code;
	code = sn_ipc_start(
		&worker->ipc, sup->loop, fds[0], SN_IPC_SUPERVISOR, SN_IPC_WORKER, &ipc_ops);
	if (code == SN_OK)
		code = start_process(worker, fds[1]);
	(void)close(fds[1]);
	if (code != SN_OK)
		sn_ipc_stop(&worker->ipc);
	return code;
}

static void spawn(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	int code;

	worker->aborted = false;
	worker->program = sup->program;
	worker->started = now_of(worker);
	code = launch(worker);
	if (code != SN_OK) {
		sn_log(&sn_supervisor_log, SN_LOG_ERROR, "worker-not-started",
			sn_f_cstr("worker", place_of(worker).text), sn_f_err(code));
		step(worker, SN_WORKER_DIED, SN_WORKER_OWN_DEATH);
		return;
	}
	send_heritage(worker);
	sn_sup_worker_send_sockets(worker, sup->layout, sup->sockets.items);
	if (!sn_sup_roll_thaws(worker))
		sn_ipc_send(&worker->ipc, SN_IPC_START, 0, SN_STR(""), NULL, 0);
	sn_timer_set(sup->loop, &worker->timer, START_PATIENCE, on_start_overdue);
}

/* --- steps ---------------------------------------------------------------------------------- */

static void on_due(struct sn_timer *timer)
{
	step(sn_container_of(timer, struct sn_worker, timer), SN_WORKER_DUE, SN_WORKER_OWN_DEATH);
}

static void wait_for_start(struct sn_worker *worker)
{
	sn_log(&sn_supervisor_log, SN_LOG_INFO, "worker-restarts",
		sn_f_cstr("worker", place_of(worker).text),
		sn_f_duration("in", worker->life.delay));
	sn_timer_set(worker->supervisor->loop, &worker->timer, worker->life.delay, on_due);
}

static void announce(struct sn_worker *worker)
{
	const bool again = worker->settled;

	worker->settled = true;
	sn_timer_clear(&worker->timer);
	start_pings(worker);
	sn_log(&sn_supervisor_log, again ? SN_LOG_INFO : SN_LOG_DEBUG, "worker-ready",
		sn_f_cstr("worker", place_of(worker).text), sn_f_int("pid", worker->child.pid),
		sn_f_duration("after", now_of(worker) - worker->started));
}

static void give_up(struct sn_worker *worker)
{
	worker->settled = true;
	sn_log(&sn_supervisor_log, SN_LOG_CRITICAL, "worker-failed",
		sn_f_cstr("worker", place_of(worker).text),
		sn_f_cstr("why",
			"it died 5 times in 10 s; it stays down until it is started by "
			"hand or the configuration is reloaded"));
}

static void on_end_overdue(struct sn_timer *timer)
{
	struct sn_worker *worker = sn_container_of(timer, struct sn_worker, timer);

	sn_log(&sn_supervisor_log, SN_LOG_WARN, "worker-killed",
		sn_f_cstr("worker", place_of(worker).text), sn_f_int("pid", worker->child.pid),
		sn_f_cstr("why", "it does not end"));
	(void)sn_child_kill(&worker->child, SIGKILL);
}

/* Told twice, it cuts what is left. */
static void drain(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	const bool hurry = sn_timer_armed(&worker->timer) && worker->told;

	if (worker->pinger.fn != NULL)
		sn_every_stop(&worker->pinger);
	sn_ipc_send(&worker->ipc, SN_IPC_DRAIN, 0, worker->reason, NULL, 0);
	sn_timer_set(sup->loop, &worker->timer,
		END_PATIENCE + (hurry ? 0 : sup->layout->drain_timeout), on_end_overdue);
	worker->told = true;
}

static void on_free(struct sn_task *task)
{
	struct sn_worker *worker = sn_container_of(task, struct sn_worker, free_task);

	sn_strbuf_fini(&worker->lines);
	sn_free(worker->group);
	sn_free(worker);
}

/* Its counters go on in the place's second area; what it had open, it has no more. */
static void clear_gauges(const struct sn_worker *worker)
{
	struct sn_metrics_area *area;
	struct stat st;
	void *memory;

	if (fstat(worker->metrics, &st) != 0)
		return;
	memory = mmap(
		NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, worker->metrics, 0);
	if (memory == MAP_FAILED)
		return;
	area = sn_metrics_area_open(memory, (size_t)st.st_size);
	sn_metrics_area_close(&area);
	(void)munmap(memory, (size_t)st.st_size);
}

static void discard(struct sn_worker *worker)
{
	stop_timers(worker);
	sn_ipc_stop(&worker->ipc);
	sn_list_remove(&worker->link);
	if (worker->succeeded)
		clear_gauges(worker);
	(void)close(worker->metrics);
	if (worker->metrics_before >= 0)
		(void)close(worker->metrics_before);
	worker->free_task.fn = on_free;
	sn_loop_closing(worker->supervisor->loop, &worker->free_task);
}

static void ended(struct sn_worker *worker)
{
	worker->told = false;
	sn_timer_clear(&worker->timer);
	if (worker->retired)
		discard(worker);
}

static void step(struct sn_worker *worker, enum sn_worker_event event, enum sn_worker_death death)
{
	static void (*const steps[])(struct sn_worker * worker) = {
		[SN_WORKER_SPAWN] = spawn,
		[SN_WORKER_ANNOUNCE] = announce,
		[SN_WORKER_WAIT] = wait_for_start,
		[SN_WORKER_GIVE_UP] = give_up,
		[SN_WORKER_DRAIN] = drain,
		[SN_WORKER_ENDED] = ended,
	};
	struct sn_supervisor *sup = worker->supervisor;
	uint32_t random;
	enum sn_worker_step next;

	sn_random(&random, sizeof(random));
	next = sn_worker_life_event(&worker->life, event, now_of(worker), death, random);
	if (next == SN_WORKER_NOTHING)
		return;
	if (sup->hooks != NULL && sup->hooks->on_state != NULL)
		sup->hooks->on_state(worker);
	steps[next](worker);
	sn_sup_sockets_update(sup);
	sn_sup_progress(sup);
}

void sn_sup_worker_start(struct sn_worker *worker)
{
	step(worker, SN_WORKER_START, SN_WORKER_OWN_DEATH);
}

void sn_sup_worker_stop(struct sn_worker *worker, const char *reason)
{
	worker->reason = sn_str(reason);
	step(worker, SN_WORKER_STOP, SN_WORKER_OWN_DEATH);
}

/* --- the table ------------------------------------------------------------------------------ */

/* Shared memory of a fixed size: nobody who maps it can shrink it under the others. */
int sn_sup_shared_memory(const char *name, size_t size, int *fd_r)
{
	const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int code;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		*fd_r = fd;
		return SN_OK;
	}
	code = -errno;
	(void)close(fd);
	return code;
}

static struct sn_worker *find_worker(
	const struct sn_supervisor *sup, struct sn_str group, uint32_t index)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (!worker->retired && worker->index == index &&
			sn_str_eq(sn_str(worker->group), group))
			return worker;
	}
	return NULL;
}

static int make_metrics(const struct sn_supervisor *sup, int *fd_r)
{
	const size_t size = sup->layout->metrics_bytes > SN_METRICS_AREA_LEAST
		? sup->layout->metrics_bytes
		: SN_METRICS_AREA_LEAST;

	return sn_sup_shared_memory("sennit-metrics", size, fd_r);
}

struct sn_worker *sn_sup_worker_add(
	struct sn_supervisor *sup, struct sn_str group, uint32_t index, int metrics)
{
	struct sn_worker *worker = sn_alloc_zero(sizeof(*worker));
	int code = SN_OK;

	worker->supervisor = sup;
	worker->group = sn_str_dup(group);
	worker->index = index;
	worker->metrics = metrics;
	worker->metrics_before = -1;
	sn_strbuf_init(&worker->lines, SN_IPC_BODY_MAX);
	if (metrics < 0)
		code = make_metrics(sup, &worker->metrics);
	if (code != SN_OK) {
		sn_log(&sn_supervisor_log, SN_LOG_ERROR, "worker-not-started",
			sn_f_cstr("worker", place_of(worker).text), sn_f_err(code));
		sn_strbuf_fini(&worker->lines);
		sn_free(worker->group);
		sn_free(worker);
		return NULL;
	}
	sn_list_append(&sup->workers, &worker->link);
	return worker;
}

/*
 * Two processes never write to one area of metrics: the new one has the area of who was here before
 * the old one, whose counters it goes on with, and both areas together tell what the place has
 * counted.
 */
struct sn_worker *sn_sup_worker_succeed(struct sn_worker *old)
{
	const int metrics = old->metrics_before >= 0
		? fcntl(old->metrics_before, F_DUPFD_CLOEXEC, SN_IPC_FD)
		: -1;
	struct sn_worker *worker =
		sn_sup_worker_add(old->supervisor, sn_str(old->group), old->index, metrics);

	if (worker == NULL)
		return NULL;
	worker->metrics_before = fcntl(old->metrics, F_DUPFD_CLOEXEC, SN_IPC_FD);
	worker->settled = true;
	worker->life = old->life;
	worker->life.state = SN_WORKER_DOWN;
	sn_list_remove(&worker->link);
	sn_list_append(old->link.next, &worker->link);
	return worker;
}

static int64_t patience_of(const struct sn_worker *worker)
{
	switch (worker->life.state) {
	case SN_WORKER_STARTING:
		return START_PATIENCE;
	case SN_WORKER_DRAINING:
		return END_PATIENCE + worker->supervisor->layout->drain_timeout;
	default:
		return worker->life.delay;
	}
}

int sn_sup_worker_adopt(struct sn_worker *worker, pid_t pid, int channel, uint32_t serial)
{
	static void (*const overdue[SN_WORKER_STATES])(struct sn_timer *) = {
		[SN_WORKER_STARTING] = on_start_overdue,
		[SN_WORKER_DRAINING] = on_end_overdue,
		[SN_WORKER_WAITING] = on_due,
	};
	struct sn_loop *loop = worker->supervisor->loop;
	int code = SN_OK;

	if (overdue[worker->life.state] != NULL)
		sn_timer_set(
			loop, &worker->timer, patience_of(worker), overdue[worker->life.state]);
	if (!sn_worker_life_runs(&worker->life))
		return SN_OK;
	worker->ipc.fd = -1;
	if (channel >= 0)
		code = sn_ipc_start(
			&worker->ipc, loop, channel, SN_IPC_SUPERVISOR, SN_IPC_WORKER, &ipc_ops);
	worker->ipc.last_serial = serial;
	if (code == SN_OK)
		code = sn_child_adopt(loop, &worker->child, pid, on_exit);
	if (code == SN_OK && worker->life.state == SN_WORKER_READY)
		start_pings(worker);
	return code;
}

static void want_worker(struct sn_supervisor *sup, struct sn_str group, uint32_t index)
{
	struct sn_worker *worker = find_worker(sup, group, index);

	if (worker == NULL)
		worker = sn_sup_worker_add(sup, group, index, -1);
	if (worker != NULL)
		sn_sup_worker_start(worker);
}

static bool is_wanted(const struct sn_layout *layout, const struct sn_worker *worker)
{
	for (size_t g = 0; g < layout->group_count; g++) {
		if (sn_str_eq(layout->groups[g].name, sn_str(worker->group)))
			return worker->index < layout->groups[g].processes;
	}
	return false;
}

void sn_sup_workers_apply(struct sn_supervisor *sup)
{
	const struct sn_layout *layout = sup->layout;
	struct sn_list *link, *next;

	sup->applying = true;
	sn_list_each_safe (link, next, &sup->workers) {
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->retired || is_wanted(layout, worker))
			continue;
		worker->retired = true;
		sn_sup_worker_stop(worker, "This service moves to another process");
	}
	for (size_t g = 0; g < layout->group_count; g++) {
		for (uint32_t i = 0; i < layout->groups[g].processes; i++)
			want_worker(sup, layout->groups[g].name, i);
	}
	sup->applying = false;
	sn_sup_sockets_update(sup);
}

void sn_sup_workers_stop(struct sn_supervisor *sup, const char *reason)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &sup->workers)
		sn_sup_worker_stop(sn_sup_worker_at(link), reason);
}

static bool every_worker(
	const struct sn_supervisor *sup, bool (*holds)(const struct sn_worker *worker))
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		if (!holds(sn_sup_worker_at(link)))
			return false;
	}
	return true;
}

static bool is_gone(const struct sn_worker *worker)
{
	return worker->life.state == SN_WORKER_DOWN || worker->life.state == SN_WORKER_FAILED;
}

static bool is_settled(const struct sn_worker *worker)
{
	return worker->settled || worker->retired;
}

bool sn_sup_workers_gone(const struct sn_supervisor *sup)
{
	return every_worker(sup, is_gone);
}

bool sn_sup_workers_settled(const struct sn_supervisor *sup)
{
	return every_worker(sup, is_settled);
}

void sn_sup_workers_free(struct sn_supervisor *sup)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &sup->workers) {
		struct sn_worker *worker = sn_sup_worker_at(link);

		sn_child_end(&worker->child, 0);
		discard(worker);
	}
}
