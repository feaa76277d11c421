/* Compiled when struct sn_service had the members of minor 0 only. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("older"),
	.size = offsetof(struct sn_service, default_group), .default_group = "never read" };
static const struct sn_plugin_interface interfaces[] = { { "sennit.service/1", 0,
	offsetof(struct sn_service, default_group), &service } };

SN_PLUGIN("org.example.older", "1.0", "MIT", interfaces);
