/* Its interface has grown. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("newer_interface") };
static const struct sn_plugin_interface interfaces[] = { { "sennit.service/1", 99, sizeof(service),
	&service } };

SN_PLUGIN("org.example.newer_interface", "1.0", "MIT", interfaces);
