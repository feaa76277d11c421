/*
 * Parts of small plugins for the tests, most of them broken on purpose: a service that does
 * nothing, and a descriptor with one member changed. They call no function of the daemon's, so that
 * any program can load them.
 */
#ifndef SN_TESTS_PLUGINS_PARTS_H
#define SN_TESTS_PLUGINS_PARTS_H

#include "daemon/service/plugin.h"

struct idle_conf {
	bool nothing;
};

static const struct sn_conf_item idle_items[] = {
	{ "nothing", SN_CONF_BOOL, offsetof(struct idle_conf, nothing), .doc = "No effect." },
};
static const struct sn_conf_section idle_section = {
	.name = "idle",
	.items = idle_items,
	.count = 1,
	.size = sizeof(struct idle_conf),
	.doc = "Nothing.",
};

static inline int idle_input(struct sn_conn *conn)
{
	(void)conn;
	return SN_CLOSE;
}

/* All that a service needs; what follows is set on top. */
#define IDLE_SERVICE(name_) \
	.abi = SN_SERVICE_ABI, .size = sizeof(struct sn_service), .name = (name_), \
	.summary = "does nothing", .flags = SN_SERVICE_SHARDED | SN_SERVICE_STREAM, \
	.instance_size = sizeof(struct sn_instance), .conn_size = sizeof(struct sn_conn), \
	.conf = &idle_section, .conn_input = idle_input

/* A good descriptor; what follows is set on top. */
#define DESCRIPTOR(id_, interfaces_) \
	.magic = SN_PLUGIN_MAGIC, .size = sizeof(struct sn_plugin), .minor = SN_PLUGIN_MINOR, \
	.id = (id_), .version = "1.0", .license = "MIT", .build = SN_PLUGIN_BUILD, \
	.sizes = SN_PLUGIN_SIZES, .interfaces = (interfaces_), \
	.interface_count = sizeof(interfaces_) / sizeof((interfaces_)[0])

#endif
