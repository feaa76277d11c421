/* Its id is the good one's. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("same_id") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_PLUGIN("org.example.good", "2.0", "MIT", interfaces);
