/* What runs where: decisions/0008. */
#include <sched.h>

#include "daemon/service/host_private.h"

#define MAIN_GROUP "main"

struct sn_placement sn_host_placement(const struct sn_conf_named *named)
{
	const struct sn_service *service = sn_registry_find(named->type);
	const struct sn_service_conf *common = named->common;
	struct sn_placement placement = {
		.group = common->worker,
		.single = service->flags & SN_SERVICE_SINGLE,
	};

	if (placement.group.n == 0)
		placement.group =
			sn_str(SN_SERVICE_HAS(service, default_group) ? service->default_group
								      : MAIN_GROUP);
	return placement;
}

bool sn_host_runs_here(const struct sn_host *host, const struct sn_conf_named *named)
{
	const struct sn_placement placement = sn_host_placement(named);

	if (host->group == NULL)
		return true;
	return sn_str_eq(placement.group, sn_str(host->group)) &&
		(!placement.single || host->index == 0);
}

/* What this process may use, which is less than the machine has in a container. */
static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) == 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static struct sn_str processes_of(const struct sn_conf *conf, struct sn_str group)
{
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	const struct sn_conf_named *named;

	for (size_t i = 0; (named = sn_conf_named_at(conf, "worker", i)) != NULL; i++) {
		if (sn_str_eq(named->name, group))
			return ((const struct sn_worker_conf *)named->settings)->processes;
	}
	return sn_str_eq(group, SN_STR(MAIN_GROUP)) ? server->processes : SN_STR("auto");
}

static bool has_sharded(const struct sn_conf *conf, struct sn_str group)
{
	const struct sn_conf_named *named;

	for (size_t i = 0; (named = sn_conf_named_at(conf, "service", i)) != NULL; i++) {
		const struct sn_placement placement = sn_host_placement(named);

		if (!placement.single && sn_str_eq(placement.group, group))
			return true;
	}
	return false;
}

unsigned sn_host_processes(const struct sn_conf *conf, struct sn_str group)
{
	unsigned count;
	const int code = sn_server_conf_processes(processes_of(conf, group), &count);

	sn_assert(code == SN_OK); /* checked with the configuration */
	if (count > 0)
		return count;
	return has_sharded(conf, group) ? cores() : 1;
}
