/* Its interface has another major. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("other_interface") };
static const struct sn_plugin_interface interfaces[] = { { "sennit.service/2", 0, sizeof(service),
	&service } };

SN_PLUGIN("org.example.other_interface", "1.0", "MIT", interfaces);
