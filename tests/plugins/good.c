/* Nothing is wrong with this one. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("good") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_PLUGIN("org.example.good", "1.0", "MIT", interfaces);
