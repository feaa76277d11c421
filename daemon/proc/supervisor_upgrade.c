/* `sennit ctl upgrade`: the request, what is checked before, the order of things, the outcome. */
#include "daemon/proc/supervisor_upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_MAX 65536
#define SETTLE_INTERVAL SN_MS(10)
#define CLIENT_ROUNDS 100 /* how long other clients of the control socket may finish */
#define SETTLE_ROUNDS 1000
#define TRIES 3              /* of a roll that has nobody to go back to */
#define PROGRAM_FD_LEAST 512 /* no child's arrangement of descriptors reaches it */

static struct sn_sup_upgrade *upgrade_of(const struct sn_control_request *request)
{
	return sn_sup_control_of(request)->sup->upgrade;
}

struct sn_program_path sn_program_path(int binary)
{
	struct sn_program_path path;

	(void)snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", binary);
	return path;
}

static void close_binary(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* --- the outcome ---------------------------------------------------------------------------- */

static void end(struct sn_sup_upgrade *upgrade)
{
	struct sn_supervisor *sup = upgrade->sup;

	sn_upgrade_probe_cancel(&upgrade->probe);
	sn_config_run_cancel(&upgrade->run);
	sn_timer_clear(&upgrade->settle);
	close_binary(&upgrade->binary);
	close_binary(&upgrade->binary_before);
	sn_free(upgrade->path);
	sn_free(upgrade->path_before);
	upgrade->path = upgrade->path_before = NULL;
	upgrade->phase = SN_UPGRADE_IDLE;
	upgrade->request = NULL;
	upgrade->back = false;
	sn_strbuf_reset(&upgrade->why);
	if (sup->phase != SN_SUP_RUNNING)
		return;
	sn_sup_notify_ready(sup);
	if (sup->change.again)
		sn_supervisor_reload(sup, NULL);
}

/* Nothing has changed, or all of it has been taken back. */
static void refuse(struct sn_sup_upgrade *upgrade, int exit_code, const char *effect)
{
	const struct sn_str why = sn_strbuf_str(&upgrade->why);
	struct sn_control_request *request = upgrade->request;

	sn_log(&sn_supervisor_log, SN_LOG_ERROR, "upgrade-failed", sn_f_str("why", why),
		sn_f_cstr("effect", effect));
	upgrade->request = NULL;
	if (request != NULL)
		sn_control_fail(request, exit_code, "%s%s%s", sn_strbuf_cstr(&upgrade->why),
			why.n > 0 && why.p[why.n - 1] == '\n' ? "" : "; ", effect);
	end(upgrade);
}

static void report(struct sn_sup_upgrade *upgrade)
{
	struct sn_supervisor *sup = upgrade->sup;
	struct sn_control_request *request = upgrade->request;
	const int64_t took = sn_loop_now(sup->loop) - upgrade->began;

	sn_log(&sn_supervisor_log, SN_LOG_INFO, "upgraded", sn_f_cstr("version", PACKAGE_VERSION),
		sn_f_cstr("path", sup->path), sn_f_uint("moved", upgrade->moved),
		sn_f_uint("closed", upgrade->closed), sn_f_duration("after", took));
	upgrade->request = NULL;
	if (request != NULL)
		sn_control_done(request, EX_OK,
			json_pack("{s:s, s:s, s:I, s:I, s:f, s:o}", "version", PACKAGE_VERSION,
				"path", sup->path, "moved", (json_int_t)upgrade->moved, "closed",
				(json_int_t)upgrade->closed, "seconds", (double)took / 1e9,
				"message",
				json_sprintf("version %s runs: %llu connections have moved, %llu "
					     "were told to reconnect",
					PACKAGE_VERSION, (unsigned long long)upgrade->moved,
					(unsigned long long)upgrade->closed)));
	end(upgrade);
}

static void tell(struct sn_sup_upgrade *upgrade, const char *text)
{
	sn_log(&sn_supervisor_log, SN_LOG_INFO, "upgrading", sn_f_cstr("step", text));
	if (upgrade->request != NULL)
		sn_control_event(
			upgrade->request, "upgrading", json_pack("{s:s}", "message", text));
}

/* Who asked does not wait any more; it goes on all the same. */
static void on_gone(struct sn_control_request *request)
{
	upgrade_of(request)->request = NULL;
}

/* --- rolling -------------------------------------------------------------------------------- */

static bool is_of_another_program(const struct sn_worker *worker)
{
	return !worker->retired && sn_worker_life_runs(&worker->life) &&
		worker->program != worker->supervisor->program;
}

/* The next one that can be asked for its place; *left: some have to be waited for. */
static struct sn_worker *next_to_roll(struct sn_supervisor *sup, bool *left)
{
	struct sn_list *link;

	*left = false;
	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (!is_of_another_program(worker))
			continue;
		if (worker->life.state == SN_WORKER_READY)
			return worker;
		*left = true;
	}
	return NULL;
}

static void finish(struct sn_sup_upgrade *upgrade)
{
	if (upgrade->back)
		refuse(upgrade, EX_SOFTWARE, "the program before runs again");
	else
		report(upgrade);
}

static void on_progress(struct sn_task *task)
{
	struct sn_sup_upgrade *upgrade = sn_container_of(task, struct sn_sup_upgrade, task);
	struct sn_worker *next;
	bool left;

	if (upgrade->phase != SN_UPGRADE_ROLLING || upgrade->roll.phase != SN_ROLL_NONE)
		return;
	next = next_to_roll(upgrade->sup, &left);
	if (next != NULL)
		sn_sup_roll_begin(upgrade->sup, next);
	else if (!left)
		finish(upgrade);
}

void sn_sup_upgrade_progress(struct sn_supervisor *sup)
{
	sup->upgrade->task.fn = on_progress;
	sn_loop_defer(sup->loop, &sup->upgrade->task);
}

/* Its connections were in our hands, and nobody could take them. */
static void lose(struct sn_sup_upgrade *upgrade)
{
	struct sn_worker *old = upgrade->roll.old;
	uint64_t moved = 0;

	sn_moving_count(&upgrade->roll.moving, &moved, &upgrade->closed);
	upgrade->closed += moved;
	sn_log(&sn_supervisor_log, SN_LOG_CRITICAL, "connections-lost", sn_f_uint("count", moved),
		sn_f_str("why", sn_strbuf_str(&upgrade->why)));
	sn_sup_roll_cancel(upgrade->sup);
	old->retired = true;
	sn_sup_worker_stop(old, "Server is being updated");
	sn_sup_workers_apply(upgrade->sup);
}

/* There is no program to go back to: again, for some time. */
static void try_again(struct sn_sup_upgrade *upgrade)
{
	struct sn_sup_roll *roll = &upgrade->roll;

	upgrade->back = true;
	if (++upgrade->failures < TRIES) {
		sn_sup_roll_begin(upgrade->sup, roll->old);
		return;
	}
	upgrade->failures = 0;
	if (!sn_list_empty(&roll->moving) || !sn_worker_life_runs(&roll->old->life))
		lose(upgrade);
	else
		roll->old->program = upgrade->sup->program; /* it serves: leave it alone */
	sn_sup_upgrade_progress(upgrade->sup);
}

static void settle(struct sn_sup_upgrade *upgrade);

void sn_sup_upgrade_rolled(struct sn_supervisor *sup, int code)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;

	if (code == SN_OK) {
		upgrade->failures = 0;
		sn_sup_upgrade_progress(sup);
	} else if (upgrade->binary_before >= 0) {
		tell(upgrade, "the new program fails; going back");
		upgrade->phase = SN_UPGRADE_SETTLING;
		settle(upgrade);
	} else {
		try_again(upgrade);
	}
}

void sn_sup_upgrade_resume(struct sn_supervisor *sup)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;

	upgrade->phase = SN_UPGRADE_ROLLING;
	if (upgrade->request != NULL)
		upgrade->request->on_gone = on_gone;
	if (upgrade->roll.old != NULL)
		sn_sup_roll_begin(sup, upgrade->roll.old);
	sn_sup_upgrade_progress(sup);
}

/* --- the exec ------------------------------------------------------------------------------- */

static bool channels_are_empty(const struct sn_supervisor *sup)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		if (sn_sup_worker_at(link)->ipc.queued > 0)
			return false;
	}
	return true;
}

/* What has no end in the next program: questions and requests of others. */
static bool is_settled(const struct sn_sup_upgrade *upgrade)
{
	const struct sn_sup_control *control = upgrade->sup->control;
	const bool others = sn_control_clients(control->control, upgrade->request) > 0;

	return sn_list_empty(&control->gathers) && sn_list_empty(&control->acts) &&
		channels_are_empty(upgrade->sup) &&
		(!others || upgrade->settle_rounds >= CLIENT_ROUNDS);
}

static void go(struct sn_sup_upgrade *upgrade)
{
	const bool back = upgrade->binary_before >= 0;
	const struct sn_sup_target target = {
		.binary = back ? upgrade->binary_before : upgrade->binary,
		.path = back ? upgrade->path_before : upgrade->path,
		.back = back,
	};
	const int code = sn_sup_execute(upgrade->sup, &target);

	if (back) {
		sn_log(&sn_supervisor_log, SN_LOG_CRITICAL, "cannot-go-back", sn_f_err(code));
		close_binary(&upgrade->binary_before);
		upgrade->phase = SN_UPGRADE_ROLLING;
		try_again(upgrade);
		return;
	}
	sn_strbuf_addf(
		&upgrade->why, "%s: cannot be executed: %s", upgrade->path, sn_strerror(code));
	refuse(upgrade, EX_UNAVAILABLE, "nothing has changed");
}

static void on_settle(struct sn_timer *timer)
{
	struct sn_sup_upgrade *upgrade = sn_container_of(timer, struct sn_sup_upgrade, settle);

	upgrade->settle_rounds++;
	if (is_settled(upgrade) || upgrade->settle_rounds >= SETTLE_ROUNDS)
		go(upgrade);
	else
		sn_timer_set(upgrade->sup->loop, timer, SETTLE_INTERVAL, on_settle);
}

static void settle(struct sn_sup_upgrade *upgrade)
{
	upgrade->settle_rounds = 0;
	sn_timer_set(upgrade->sup->loop, &upgrade->settle, 0, on_settle);
}

/* --- the checks ----------------------------------------------------------------------------- */

static void on_layout(struct sn_config_run *run, struct sn_layout *layout, int snapshot)
{
	/* What runs stays; the offer was only the proof that there could be one. */
	sn_layout_free(&layout);
	(void)close(snapshot);
	sn_config_run_opened(run);
}

static void on_checked(struct sn_config_run *run, int exit_code)
{
	struct sn_sup_upgrade *upgrade = sn_container_of(run, struct sn_sup_upgrade, run);
	struct sn_supervisor *sup = upgrade->sup;

	if (exit_code != EX_OK || !run->offered) {
		sn_strbuf_add(&upgrade->why, sn_strbuf_str(&run->text));
		sn_strbuf_addf(&upgrade->why,
			"%s does not accept the configuration (exit status %d)", upgrade->path,
			exit_code);
		sn_config_run_fini(run);
		refuse(upgrade, EX_CONFIG, "nothing has changed");
		return;
	}
	sn_config_run_fini(run);
	sn_notify_reloading(&sup->notify, sn_clock_mono(&sn_clock_system));
	tell(upgrade, "starting the new program");
	upgrade->phase = SN_UPGRADE_SETTLING;
	settle(upgrade);
}

static const struct sn_config_run_ops run_ops = { .on_layout = on_layout, .on_end = on_checked };

static void on_probed(
	struct sn_upgrade_probe *probe, int code, struct sn_str version, const struct sn_diag *diag)
{
	struct sn_sup_upgrade *upgrade = sn_container_of(probe, struct sn_sup_upgrade, probe);
	struct sn_supervisor *sup = upgrade->sup;
	const struct sn_program_path program = sn_program_path(upgrade->binary);
	const struct sn_config_run_options options = {
		.program = program.text,
		.argv = sup->argv,
		.capture = true,
		.inherited = sup->inherited,
		.inherited_count = sup->inherited_count,
	};

	if (code != SN_OK) {
		sn_strbuf_addf(&upgrade->why, "%s: %s", upgrade->path, diag->text);
		refuse(upgrade, code == SN_EVERSION ? EX_PROTOCOL : EX_UNAVAILABLE,
			"nothing has changed");
		return;
	}
	sn_log(&sn_supervisor_log, SN_LOG_INFO, "upgrading", sn_f_cstr("from", PACKAGE_VERSION),
		sn_f_str("to", version), sn_f_cstr("path", upgrade->path));
	upgrade->phase = SN_UPGRADE_CHECKING;
	code = sn_config_run_start(&upgrade->run, sup->loop, &options, &run_ops);
	if (code != SN_OK) {
		sn_strbuf_addf(&upgrade->why, "%s cannot check the configuration: %s",
			upgrade->path, sn_strerror(code));
		refuse(upgrade, EX_UNAVAILABLE, "nothing has changed");
	}
}

/* --- the request ---------------------------------------------------------------------------- */

/* From here on it is this file, whatever becomes of its name. */
static int open_binary(const char *path, int *fd_r)
{
	const int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	int code = SN_OK;

	if (fd < 0)
		return -errno;
	*fd_r = fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD_LEAST);
	if (*fd_r < 0 || fstat(fd, &st) != 0 || access(path, X_OK) != 0)
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EACCES;
	if (code != SN_OK)
		close_binary(fd_r);
	(void)close(fd);
	return code;
}

static bool can_begin(struct sn_control_request *request, const char *path)
{
	const struct sn_supervisor *sup = sn_sup_control_of(request)->sup;

	if (sup->phase != SN_SUP_RUNNING)
		sn_control_fail(request, EX_TEMPFAIL, "the daemon is not running yet, or stopping");
	else if (sn_sup_upgrade_busy(sup))
		sn_control_fail(request, EX_TEMPFAIL, "an upgrade is under way already");
	else if (sup->change.phase != SN_CHANGE_NONE)
		sn_control_fail(request, EX_TEMPFAIL, "a reload is under way; try again after it");
	else if (sn_layout_speaks_on_stdout(sup->layout))
		sn_control_fail(request, EX_UNAVAILABLE,
			"a service speaks on standard input and output, which cannot move");
	else if (path[0] != '/')
		sn_control_fail(request, EX_USAGE,
			"\"%.200s\" is not the absolute path of a program", path);
	else
		return true;
	return false;
}

void sn_sup_run_upgrade(struct sn_control_request *request)
{
	struct sn_supervisor *sup = sn_sup_control_of(request)->sup;
	struct sn_sup_upgrade *upgrade = sup->upgrade;
	const char *path = request->count > 0 ? request->words[0] : sup->path;
	int code;

	if (!can_begin(request, path))
		return;
	upgrade->path = sn_strdup(path);
	upgrade->request = request;
	upgrade->began = sn_loop_now(sup->loop);
	upgrade->moved = upgrade->closed = 0;
	request->on_gone = on_gone;
	upgrade->phase = SN_UPGRADE_PROBING;
	code = open_binary(path, &upgrade->binary);
	if (code == SN_OK) {
		upgrade->probe.fn = on_probed;
		code = sn_upgrade_probe_start(
			&upgrade->probe, sup->loop, sn_program_path(upgrade->binary).text);
	}
	if (code != SN_OK) {
		sn_strbuf_addf(
			&upgrade->why, "%s: cannot be executed: %s", path, sn_strerror(code));
		refuse(upgrade, EX_UNAVAILABLE, "nothing has changed");
	}
}

/* --- life ----------------------------------------------------------------------------------- */

void sn_sup_upgrade_new(struct sn_supervisor *sup)
{
	struct sn_sup_upgrade *upgrade = sn_alloc_zero(sizeof(*upgrade));

	upgrade->sup = sup;
	upgrade->binary = upgrade->binary_before = -1;
	sn_strbuf_init(&upgrade->why, WHY_MAX);
	sn_list_init(&upgrade->roll.moving);
	sup->upgrade = upgrade;
}

bool sn_sup_upgrade_busy(const struct sn_supervisor *sup)
{
	return sup->upgrade->phase != SN_UPGRADE_IDLE;
}

void sn_sup_upgrade_cancel(struct sn_supervisor *sup)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;
	struct sn_control_request *request = upgrade->request;

	if (!sn_sup_upgrade_busy(sup))
		return;
	upgrade->request = NULL;
	if (request != NULL)
		sn_control_fail(request, EX_TEMPFAIL, "the daemon is stopping");
	sn_sup_roll_cancel(sup);
	end(upgrade);
}

void sn_sup_upgrade_free(struct sn_supervisor *sup)
{
	struct sn_sup_upgrade *upgrade = sup->upgrade;

	sup->upgrade = NULL;
	sn_task_cancel(&upgrade->task);
	sn_strbuf_fini(&upgrade->why);
	sn_free(upgrade);
}
