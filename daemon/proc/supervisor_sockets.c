/* The listening sockets: opened once for a layout, kept over reloads and whatever workers do. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/proc/supervisor_private.h"

/* --- inherited ones ------------------------------------------------------------------------- */

static bool was_inherited(const struct sn_supervisor *sup, int fd)
{
	for (size_t i = 0; i < sup->inherited_count; i++) {
		if (sup->inherited[i] == fd)
			return true;
	}
	return fd <= STDERR_FILENO;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* The originals stay: a later reload may ask for them again. */
static int open_inherited(const struct sn_supervisor *sup, struct sn_listen_plan *plan,
	struct sn_listen_socket *sock, struct sn_diag *diag)
{
	const bool pair = plan->kind == SN_LISTEN_PAIR;
	int code;

	if (!was_inherited(sup, plan->fd))
		return sn_diag_set(diag, -EBADF, 0,
			"descriptor %d is not a socket that this process inherited", plan->fd);
	plan->fd = fcntl(plan->fd, F_DUPFD_CLOEXEC, SN_IPC_FD);
	plan->wfd = pair ? fcntl(plan->wfd, F_DUPFD_CLOEXEC, SN_IPC_FD) : -1;
	code = sn_listen_open(plan, sock, diag);
	if (code != SN_OK) {
		close_fd(plan->fd);
		close_fd(plan->wfd);
	}
	return code;
}

static int open_here(const struct sn_supervisor *sup, const struct sn_layout_listener *listener,
	struct sn_listen_socket *sock, struct sn_diag *diag)
{
	struct sn_listen_plan plan;

	sn_layout_listener_plan(listener, &plan);
	if (plan.kind != SN_LISTEN_ADDR)
		return open_inherited(sup, &plan, sock, diag);
	return sn_listen_open(&plan, sock, diag);
}

/* --- sets ----------------------------------------------------------------------------------- */

void sn_sup_sockets_init(struct sn_sup_sockets *sockets, const struct sn_layout *layout)
{
	const size_t count = layout->listener_count + 1;

	*sockets = (struct sn_sup_sockets){
		.layout = layout,
		.items = sn_alloc_array(count, sizeof(*sockets->items)),
		.kept_from = sn_alloc_array(count, sizeof(*sockets->kept_from)),
		.closed = sn_alloc_array(count, sizeof(*sockets->closed)),
	};
	for (size_t i = 0; i < count; i++)
		sockets->items[i] = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
}

static void free_arrays(struct sn_sup_sockets *sockets)
{
	sn_free(sockets->items);
	sn_free(sockets->kept_from);
	sn_free(sockets->closed);
	*sockets = (struct sn_sup_sockets){ .layout = NULL };
}

void sn_sup_sockets_close(struct sn_sup_sockets *sockets)
{
	if (sockets->layout == NULL)
		return;
	for (size_t i = 0; i < sockets->layout->listener_count; i++)
		sn_listen_close(&sockets->items[i]);
	free_arrays(sockets);
}

/* --- keeping -------------------------------------------------------------------------------- */

static struct sn_str service_name(const struct sn_layout *layout, size_t listener)
{
	return layout->services[layout->listeners[listener].service].name;
}

static bool is_kept(const struct sn_sup_sockets *next, size_t old)
{
	for (size_t i = 0; i < next->layout->listener_count; i++) {
		if (next->kept_from[i] == old + 1)
			return true;
	}
	return false;
}

static bool keep(
	const struct sn_supervisor *sup, struct sn_sup_sockets *next, size_t i, bool same_service)
{
	const struct sn_sup_sockets *now = &sup->sockets;

	for (size_t j = 0; now->layout != NULL && j < now->layout->listener_count; j++) {
		if (now->closed[j] || now->items[j].fd < 0 ||
			!sn_layout_same_listener(
				&next->layout->listeners[i], &now->layout->listeners[j]) ||
			(same_service &&
				!sn_str_eq(service_name(next->layout, i),
					service_name(now->layout, j))) ||
			is_kept(next, j))
			continue;
		next->kept_from[i] = j + 1;
		next->items[i] = now->items[j];
		return true;
	}
	return false;
}

/* Two services may have the same endpoint text (port 0): each keeps its own. */
static void keep_all(const struct sn_supervisor *sup, struct sn_sup_sockets *next)
{
	for (int same_service = 1; same_service >= 0; same_service--) {
		for (size_t i = 0; i < next->layout->listener_count; i++) {
			if (next->kept_from[i] == 0)
				(void)keep(sup, next, i, same_service != 0);
		}
	}
}

/* --- opening -------------------------------------------------------------------------------- */

static void open_rest(struct sn_supervisor *sup);

static void note_failure(struct sn_supervisor *sup, int code, const struct sn_diag *diag)
{
	struct sn_sup_opening *opening = &sup->change.opening;

	opening->failures++;
	sn_config_run_open_failed(&sup->change.run, (uint32_t)opening->next, code, diag);
}

static void on_bound(struct sn_waiter *waiter, struct sn_promise *promise, int code)
{
	struct sn_supervisor *sup =
		sn_container_of(waiter, struct sn_supervisor, change.opening.waiter);
	struct sn_sup_opening *opening = &sup->change.opening;
	struct sn_diag diag = { 0 };

	(void)code; /* the answer tells it with its text */
	code = sn_broker_bound(promise, &opening->sockets->items[opening->next], &diag);
	if (code != SN_OK)
		note_failure(sup, code, &diag);
	opening->next++;
	open_rest(sup);
}

/* SN_PENDING: the broker has been asked. */
static int open_one(struct sn_supervisor *sup, size_t i, struct sn_diag *diag)
{
	struct sn_sup_opening *opening = &sup->change.opening;
	const struct sn_layout_listener *listener = &sup->change.layout->listeners[i];
	const int code = open_here(sup, listener, &opening->sockets->items[i], diag);

	if ((code != -EACCES && code != -EPERM) || sup->broker == NULL ||
		listener->kind != SN_LISTEN_ADDR)
		return code;
	sn_promise_wait(sn_broker_bind(sn_broker_process_client(sup->broker), listener),
		&opening->waiter, on_bound);
	return SN_PENDING;
}

static void open_rest(struct sn_supervisor *sup)
{
	struct sn_sup_opening *opening = &sup->change.opening;

	for (; opening->next < sup->change.layout->listener_count; opening->next++) {
		struct sn_diag diag = { 0 };
		int code = SN_OK;

		if (opening->sockets->kept_from[opening->next] == 0)
			code = open_one(sup, opening->next, &diag);
		if (code == SN_PENDING)
			return;
		if (code != SN_OK)
			note_failure(sup, code, &diag);
	}
	sn_sup_change_opened(sup);
}

void sn_sup_sockets_open(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;

	sn_sup_sockets_init(&change->sockets, change->layout);
	change->opening = (struct sn_sup_opening){ .sockets = &change->sockets };
	keep_all(sup, &change->sockets);
	open_rest(sup);
}

/* --- the outcome ---------------------------------------------------------------------------- */

static bool needs_adjusting(
	const struct sn_layout_listener *now, const struct sn_layout_listener *next)
{
	return now->backlog != next->backlog || now->mode != next->mode ||
		!sn_str_eq(now->user, next->user) || !sn_str_eq(now->group, next->group);
}

static void adjust_kept(const struct sn_sup_sockets *now, const struct sn_sup_sockets *sockets)
{
	for (size_t i = 0; i < sockets->layout->listener_count; i++) {
		const struct sn_layout_listener *listener = &sockets->layout->listeners[i];
		const size_t from = sockets->kept_from[i];
		struct sn_listen_plan plan;
		struct sn_diag diag = { 0 };

		if (from == 0 || !needs_adjusting(&now->layout->listeners[from - 1], listener))
			continue;
		sn_layout_listener_plan(listener, &plan);
		if (sn_listen_adjust(&plan, &sockets->items[i], &diag) != SN_OK)
			sn_log(&sn_supervisor_log, SN_LOG_WARN, "listener-not-adjusted",
				sn_f_str("listen", listener->text), sn_f_cstr("why", diag.text));
	}
}

static void close_others(struct sn_sup_sockets *now, const struct sn_sup_sockets *sockets)
{
	for (size_t i = 0; i < now->layout->listener_count; i++) {
		if (!is_kept(sockets, i))
			sn_listen_close(&now->items[i]);
	}
}

void sn_sup_sockets_commit(struct sn_supervisor *sup)
{
	struct sn_sup_sockets *now = &sup->sockets, *next = &sup->change.sockets;

	/* At the start of the daemon there are none to close or to keep. */
	if (now->layout != NULL) {
		close_others(now, next);
		adjust_kept(now, next);
	}
	free_arrays(now);
	*now = *next;
	memset(now->kept_from, 0, now->layout->listener_count * sizeof(*now->kept_from));
	*next = (struct sn_sup_sockets){ .layout = NULL };
}

void sn_sup_sockets_abort(struct sn_supervisor *sup)
{
	struct sn_sup_sockets *next = &sup->change.sockets;

	sn_waiter_cancel(&sup->change.opening.waiter);
	if (next->layout == NULL)
		return;
	for (size_t i = 0; i < next->layout->listener_count; i++) {
		if (next->kept_from[i] == 0)
			sn_listen_close(&next->items[i]);
	}
	free_arrays(next);
}

/* --- services without workers --------------------------------------------------------------- */

/* Whether somebody serves it, or will. */
static bool is_served(const struct sn_supervisor *sup, const struct sn_layout_service *service)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (!worker->retired && worker->life.state != SN_WORKER_FAILED &&
			worker->life.state != SN_WORKER_DOWN &&
			sn_sup_worker_runs(worker, sup->layout, service))
			return true;
	}
	return false;
}

static bool has_failed(const struct sn_supervisor *sup, const struct sn_layout_service *service)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->life.state == SN_WORKER_FAILED &&
			sn_sup_worker_runs(worker, sup->layout, service))
			return true;
	}
	return false;
}

/* A stream socket of the internet can be deaf for a while and keep its port, whoever may bind it.
 */
static bool can_be_deaf(const struct sn_layout_listener *listener, const struct sn_addr *local)
{
	return listener->kind == SN_LISTEN_ADDR && listener->socktype == SOCK_STREAM &&
		local->sa.sa_family != AF_UNIX;
}

static void close_socket(struct sn_supervisor *sup, size_t i)
{
	const struct sn_layout_listener *listener = &sup->layout->listeners[i];
	const bool failed = has_failed(sup, &sup->layout->services[listener->service]);
	struct sn_listen_socket *sock = &sup->sockets.items[i];

	if (can_be_deaf(listener, &sock->local))
		(void)shutdown(sock->fd, SHUT_RDWR);
	else
		sn_listen_close(sock);
	sup->sockets.closed[i] = true;
	sn_log(&sn_supervisor_log, failed ? SN_LOG_WARN : SN_LOG_INFO, "listener-closed",
		sn_f_str("service", service_name(sup->layout, i)),
		sn_f_str("listen", listener->text),
		sn_f_cstr("why", failed ? "its workers have failed" : "it was stopped"));
}

static void reopen_socket(struct sn_supervisor *sup, size_t i)
{
	const struct sn_layout_listener *listener = &sup->layout->listeners[i];
	struct sn_listen_socket *sock = &sup->sockets.items[i];
	struct sn_listen_plan plan;
	struct sn_diag diag = { 0 };
	int code;

	sn_layout_listener_plan(listener, &plan);
	if (can_be_deaf(listener, &sock->local)) {
		/* A port of the system's choice was given back; any other is bound still (EINVAL).
		 */
		(void)bind(sock->fd, &sock->local.sa, sock->local.len);
		code = sn_listen_adjust(&plan, sock, &diag);
	} else {
		code = open_here(sup, listener, sock, &diag);
	}
	sup->sockets.closed[i] = code != SN_OK;
	if (code != SN_OK)
		sn_log(&sn_supervisor_log, SN_LOG_ERROR, "listener-not-reopened",
			sn_f_str("listen", listener->text), sn_f_cstr("why", diag.text));
}

void sn_sup_sockets_update(struct sn_supervisor *sup)
{
	if (sup->sockets.layout == NULL || sup->phase == SN_SUP_STOPPING || sup->applying)
		return;
	for (size_t i = 0; i < sup->layout->listener_count; i++) {
		const bool served =
			is_served(sup, &sup->layout->services[sup->layout->listeners[i].service]);

		if (!served && !sup->sockets.closed[i])
			close_socket(sup, i);
		else if (served && sup->sockets.closed[i])
			reopen_socket(sup, i);
	}
}
