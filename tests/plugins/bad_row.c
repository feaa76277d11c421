/* Its service says neither SINGLE nor SHARDED. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("bad_row"), .flags = SN_SERVICE_STREAM };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_PLUGIN("org.example.bad_row", "1.0", "MIT", interfaces);
