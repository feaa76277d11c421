#include "daemon/service/registry.h"

#include "daemon/service/host.h"

#define REGISTRY_MAX 64

/* Written before the loops start (and by plugin loading, on the main thread), read afterwards. */
static const struct sn_service *services[REGISTRY_MAX];
static size_t service_count;

const struct sn_service *sn_registry_find(struct sn_str name)
{
	for (size_t i = 0; i < service_count; i++) {
		if (sn_str_eq(sn_str(services[i]->name), name))
			return services[i];
	}
	return NULL;
}

const struct sn_service *sn_registry_at(size_t i)
{
	return i < service_count ? services[i] : NULL;
}

int sn_registry_add(const struct sn_service *service, struct sn_diag *diag)
{
	const int code = sn_service_verify(service, diag);
	size_t at = service_count;

	if (code != SN_OK)
		return code;
	if (sn_registry_find(sn_str(service->name)) != NULL)
		return sn_diag_set(diag, SN_EDUPLICATE, 0,
			"a module named \"%s\" is registered already", service->name);
	if (service_count == REGISTRY_MAX)
		return sn_diag_set(diag, SN_ELIMIT, 0, "more than %d modules", REGISTRY_MAX);
	for (; at > 0 && strcmp(services[at - 1]->name, service->name) > 0; at--)
		services[at] = services[at - 1];
	services[at] = service;
	service_count++;
	return SN_OK;
}

static const struct sn_conf_section *find_section(struct sn_str type)
{
	const struct sn_service *service = sn_registry_find(type);

	return service != NULL ? service->conf : NULL;
}

static const struct sn_conf_section *section_at(size_t i)
{
	return i < service_count ? services[i]->conf : NULL;
}

static const struct sn_conf_table tables[] = {
	{ .name = "server", .section = &sn_server_section, .doc = "The daemon itself." },
	{ .name = "log", .section = &sn_log_section, .doc = "What is logged, where and how." },
	{ .name = "worker",
		.named = true,
		.section = &sn_worker_section,
		.doc = "A group of workers, for services whose table says `worker = \"NAME\"`, or whose "
		       "module runs apart by itself." },
	{ .name = "plugin",
		.named = true,
		.section = &sn_plugin_section,
		.doc = "One plugin by its file. Those in the folders of `plugins` need no table." },
	{ .name = "service",
		.named = true,
		.typed = true,
		.section = &sn_service_common,
		.find = find_section,
		.at = section_at,
		.doc = "One running service. NAME is free; `type` chooses the module and may be left "
		       "out when NAME is a module's name." },
};

const struct sn_conf_schema *sn_registry_schema(void)
{
	static const struct sn_conf_schema schema = {
		.tables = tables,
		.count = sizeof(tables) / sizeof(tables[0]),
	};

	return &schema;
}
