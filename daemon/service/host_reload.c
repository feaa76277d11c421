/* Reload: prepare finds the difference and loads all that may fail; commit cannot. */
#include "daemon/service/host_private.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("service");

/* One service of the old or the new configuration. */
struct step {
	struct sn_list link;
	struct sn_instance *old;           /* NULL: it starts */
	struct sn_instance *new;           /* NULL: it ends, or goes on as it is */
	const struct sn_conf_named *named; /* NULL: it ends */
	struct sn_listener_set listeners;  /* goes on, with other listeners */
	bool relisten;
};

struct sn_host_change {
	struct sn_host *host;
	struct sn_conf *conf;
	struct sn_host_sockets *sockets;
	struct sn_conf_diags *diags;
	struct sn_list steps;
	bool relog; /* [log] differs */
};

/* --- prepare -------------------------------------------------------------------------------- */

static struct step *add_step(
	struct sn_host_change *change, struct sn_instance *old, const struct sn_conf_named *named)
{
	struct step *step = sn_alloc_zero(sizeof(*step));

	step->old = old;
	step->named = named;
	sn_list_append(&change->steps, &step->link);
	return step;
}

static unsigned differences(const struct sn_instance *old, const struct sn_conf_named *named)
{
	return sn_conf_changes(&sn_service_common, old->common, named->common, NULL, NULL) |
		sn_conf_changes(named->section, old->settings, named->settings, NULL, NULL);
}

static bool must_restart(const struct sn_instance *old, const struct sn_conf_named *named)
{
	return !sn_str_eq(sn_str(old->service->name), named->type) ||
		(differences(old, named) & (1u << SN_RELOAD_SERVICE));
}

static struct sn_listener_request request_of(
	const struct sn_host_change *change, const struct step *step)
{
	return (struct sn_listener_request){
		.named = step->named,
		.conf = change->conf,
		.sockets = change->sockets,
		.running = step->old,
	};
}

/* A new instance, started: only its listeners wait. */
static int prepare_new(struct sn_host_change *change, struct step *step)
{
	const struct sn_listener_request request = request_of(change, step);
	int auth, listen;

	step->new =
		sn_host_instance_new(change->host, change->conf, step->named, change->diags, &auth);
	listen = sn_service_listeners_open(step->new, &request, change->diags);
	if (auth != SN_OK || listen != SN_OK)
		return auth != SN_OK ? auth : listen;
	return sn_host_instance_start(step->new, change->diags);
}

static int prepare_kept(struct sn_host_change *change, struct step *step)
{
	const struct sn_listener_request request = request_of(change, step);

	if (!(differences(step->old, step->named) & (1u << SN_RELOAD_LISTENER)))
		return SN_OK;
	step->relisten = true;
	return sn_listener_set_open(&step->listeners, step->old, &request, change->diags);
}

static int prepare_named(struct sn_host_change *change, const struct sn_conf_named *named)
{
	struct sn_instance *old = sn_host_find(change->host, named->name);
	struct step *step = add_step(change, old, named);
	const int code = sn_host_module_check(named, change->diags);

	if (code != SN_OK)
		return code;
	if (old != NULL && !must_restart(old, named))
		return prepare_kept(change, step);
	return prepare_new(change, step);
}

static bool is_kept(struct sn_host_change *change, const struct sn_instance *instance)
{
	struct sn_list *link;

	sn_list_each (link, &change->steps) {
		if (sn_container_of(link, struct step, link)->old == instance)
			return true;
	}
	return false;
}

static void prepare_ends(struct sn_host_change *change)
{
	struct sn_list *link;

	sn_host_each_instance(link, change->host)
	{
		struct sn_instance *instance = sn_host_instance_at(link);

		if (!instance->draining && !is_kept(change, instance))
			(void)add_step(change, instance, NULL);
	}
}

struct restart_rows {
	const char *table;
	struct sn_conf_diags *diags;
};

static void warn_of_restart(void *context, const struct sn_conf_item *item)
{
	const struct restart_rows *rows = context;

	if (item->reload == SN_RELOAD_PROCESS)
		sn_conf_report(rows->diags, SN_CONF_WARNING, (struct sn_conf_pos){ 0 },
			"%s in [%s] has changed: it takes effect when the daemon is restarted",
			item->key, rows->table);
}

/* Whether anything differs. */
static bool compare_plain(struct sn_host_change *change, const struct sn_conf_section *section)
{
	struct restart_rows rows = { .table = section->name, .diags = change->diags };

	return sn_conf_changes(section, sn_conf_plain(change->host->conf, section->name),
		       sn_conf_plain(change->conf, section->name), warn_of_restart, &rows) != 0;
}

static int prepare_services(struct sn_host_change *change)
{
	struct sn_host *host = change->host;
	const struct sn_conf_named *named;
	int result = SN_OK;

	for (size_t i = 0; (named = sn_conf_named_at(change->conf, "service", i)) != NULL; i++) {
		int code;

		if (!sn_host_runs_here(host, named) || sn_host_is_stopped(host, named->name))
			continue;
		code = prepare_named(change, named);
		if (code != SN_OK && (result == SN_OK || code == SN_ECONFIG))
			result = code;
	}
	return result;
}

int sn_host_prepare(struct sn_host *host, struct sn_conf *conf, struct sn_host_sockets *sockets,
	struct sn_conf_diags *diags, struct sn_host_change **change_r)
{
	struct sn_host_change *change = sn_alloc_zero(sizeof(*change));
	int code;

	sn_assert(host->stopping == NULL);
	change->host = host;
	change->conf = sn_conf_ref(conf);
	change->sockets = sockets;
	change->diags = diags;
	sn_list_init(&change->steps);
	code = sn_host_auth_open(host, conf, diags);
	if (code == SN_OK)
		code = prepare_services(change);
	if (code != SN_OK) {
		sn_host_abort(&change);
		return code;
	}
	prepare_ends(change);
	(void)compare_plain(change, &sn_server_section);
	change->relog = compare_plain(change, &sn_log_section);
	change->diags = NULL;
	*change_r = change;
	return SN_OK;
}

/* --- abort ---------------------------------------------------------------------------------- */

static struct step *pop_step(struct sn_host_change *change)
{
	struct sn_list *link = sn_list_pop(&change->steps);

	return link != NULL ? sn_container_of(link, struct step, link) : NULL;
}

static void free_change(struct sn_host_change **change_p)
{
	struct sn_host_change *change = *change_p;

	*change_p = NULL;
	sn_conf_unref(&change->conf);
	sn_free(change);
}

void sn_host_abort(struct sn_host_change **change_p)
{
	struct step *step;

	while ((step = pop_step(*change_p)) != NULL) {
		if (step->new != NULL)
			sn_host_instance_remove(step->new);
		if (step->relisten)
			sn_listener_set_drop(&step->listeners, step->old);
		sn_free(step);
	}
	free_change(change_p);
}

/* --- commit --------------------------------------------------------------------------------- */

/* What still fails here (no memory in the kernel) is told, and the rest goes on. */
static void listen_or_tell(struct sn_instance *instance)
{
	struct sn_diag diag = { 0 };

	if (sn_service_listeners_start(instance, &diag) != SN_OK)
		sn_log(&log_ctx, SN_LOG_ERROR, "cannot-listen", sn_f_str("service", instance->name),
			sn_f_cstr("reason", diag.text));
}

static void refresh(
	struct sn_instance *instance, struct sn_conf *conf, const struct sn_conf_named *named)
{
	const void *old = instance->settings;
	struct sn_conf *former = instance->conf;
	struct sn_diag diag = { 0 };

	instance->conf = sn_conf_ref(conf);
	instance->common = named->common;
	instance->settings = named->settings;
	sn_service_listeners_refresh(instance);
	if (instance->service->reload != NULL &&
		instance->service->reload(instance, old, &diag) != SN_OK)
		sn_log(&log_ctx, SN_LOG_ERROR, "service-not-reloaded",
			sn_f_str("service", instance->name), sn_f_cstr("reason", diag.text));
	sn_conf_unref(&former);
}

static void commit_step(struct sn_host_change *change, struct step *step)
{
	sn_assert(step->old != NULL || step->new != NULL);
	if (step->new != NULL) {
		sn_host_instance_enlist(step->new);
		listen_or_tell(step->new); /* with its predecessor's sockets */
	}
	if (step->old != NULL && step->new != NULL) {
		sn_host_instance_drain(step->old, SN_STR("Service is restarting"));
	} else if (step->named == NULL) {
		sn_host_instance_drain(step->old, SN_STR("Service has ended"));
	} else if (step->new == NULL) {
		refresh(step->old, change->conf, step->named);
		if (step->relisten) {
			sn_service_listeners_replace(step->old, &step->listeners);
			listen_or_tell(step->old);
		}
	}
}

/* Its levels; the rest takes a restart. */
static void relog(const struct sn_log_conf *log)
{
	const struct sn_log_setup setup = sn_log_conf_setup(log, false);

	sn_log_set_levels(&setup);
}

void sn_host_commit(struct sn_host_change **change_p)
{
	struct sn_host_change *change = *change_p;
	struct sn_host *host = change->host;
	struct step *step;

	sn_conf_unref(&host->conf);
	host->conf = sn_conf_ref(change->conf);
	while ((step = pop_step(change)) != NULL) {
		commit_step(change, step);
		sn_free(step);
	}
	if (change->relog)
		relog(sn_conf_plain(host->conf, "log"));
	sn_log(&log_ctx, SN_LOG_INFO, "reloaded");
	free_change(change_p);
}
