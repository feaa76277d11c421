/*
 * Plugins: shared objects that add services, endpoint types and checkers. This header is all that a
 * plugin's descriptor needs; docs/plugins.md is the guide, plugins/example/ the template, and
 * plugin_host.h the daemon's side.
 *
 * A plugin exports one data symbol, sn_plugin_abi1, made with SN_PLUGIN:
 *
 *   static const struct sn_plugin_interface interfaces[] = {
 *           SN_PLUGIN_SERVICE(&echo_service),
 *   };
 *   SN_PLUGIN("org.example.echo", "1.2", "MIT", interfaces);
 *
 * Rules (DESIGN 10): the ABI major is part of the symbol's name and of each interface's id; minors
 * grow only by appending members, and the host reads a member only when the row's `size` covers it;
 * what a plugin leaves NULL has the documented default. Rows are copied when they are registered,
 * so code never compares their addresses. A plugin is loaded with RTLD_NOW and RTLD_LOCAL, never
 * unloaded. Files are looked at in a child process first: one that crashes while it is loaded is
 * refused like one with a wrong ABI, with one clear line, and the rest load.
 */
#ifndef SN_DAEMON_SERVICE_PLUGIN_H
#define SN_DAEMON_SERVICE_PLUGIN_H

#include "daemon/auth/checker.h"
#include "daemon/net/endpoint.h"
#include "daemon/service/conn.h"

#define SN_PLUGIN_MAGIC 0x536e506cu
#define SN_PLUGIN_MAJOR 1
#define SN_PLUGIN_MINOR 0 /* what this header offers; a plugin needs at most the host's */

struct sn_plugin_interface {
	const char *id; /* "sennit.service/1" */
	uint32_t minor; /* of this interface, as compiled */
	size_t size;    /* of the row behind `row`, as compiled */
	const void *row;
};

/* Structs of ours that plugins embed, or fill arrays of: within a major their sizes never change.
 */
struct sn_plugin_sizes {
	size_t conn, instance, checker;                /* embedded */
	size_t conf_item, conf_section, metric, param; /* rows */
};
#define SN_PLUGIN_SIZES \
	{ \
		sizeof(struct sn_conn), sizeof(struct sn_instance), sizeof(struct sn_checker), \
			sizeof(struct sn_conf_item), sizeof(struct sn_conf_section), \
			sizeof(struct sn_metric_def), sizeof(struct sn_param) \
	}

struct sn_plugin {
	uint32_t magic;
	size_t size; /* of this struct as compiled */
	uint32_t minor;
	const char *id; /* reverse DNS, unique */
	const char *version;
	const char *license;
	const char *build; /* the headers' version string */
	struct sn_plugin_sizes sizes;
	const struct sn_plugin_interface *interfaces;
	size_t interface_count;
	/* Once, after loading, on the main thread, before services start; in every process that
	 * loads it. A failure refuses the plugin; its text comes from *diag. fini: at the orderly
	 * end of such a process, newest plugin first. May be NULL, both. */
	int (*init)(struct sn_diag *diag);
	void (*fini)(void);
};

#define SN_PLUGIN_SERVICE(row_) \
	{ \
		"sennit.service/1", 1, sizeof(struct sn_service), (row_) \
	}
#define SN_PLUGIN_CHECKER(row_) \
	{ \
		"sennit.checker/1", 0, sizeof(struct sn_checker_type), (row_) \
	}
/* Server or client side: the row says which. */
#define SN_PLUGIN_ENDPOINT(row_) \
	{ \
		"sennit.endpoint/1", 0, sizeof(struct sn_endpoint_type), (row_) \
	}

#define SN_PLUGIN_WITH(id_, version_, license_, interfaces_, init_, fini_) \
	SN_EXPORT extern const struct sn_plugin sn_plugin_abi1; \
	SN_EXPORT const struct sn_plugin sn_plugin_abi1 = { .magic = SN_PLUGIN_MAGIC, \
		.size = sizeof(struct sn_plugin), \
		.minor = SN_PLUGIN_MINOR, \
		.id = (id_), \
		.version = (version_), \
		.license = (license_), \
		.build = SN_PLUGIN_BUILD, \
		.sizes = SN_PLUGIN_SIZES, \
		.interfaces = (interfaces_), \
		.interface_count = sizeof(interfaces_) / sizeof((interfaces_)[0]), \
		.init = (init_), \
		.fini = (fini_) }
#define SN_PLUGIN(id_, version_, license_, interfaces_) \
	SN_PLUGIN_WITH(id_, version_, license_, interfaces_, NULL, NULL)
#ifndef SN_PLUGIN_BUILD
#define SN_PLUGIN_BUILD "1.0"
#endif

#endif
