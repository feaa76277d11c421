/* Its interface is not known at all. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("unknown_interface") };
static const struct sn_plugin_interface interfaces[] = { { "sennit.kitchen/1", 0, sizeof(service),
	&service } };

SN_PLUGIN("org.example.unknown_interface", "1.0", "MIT", interfaces);
