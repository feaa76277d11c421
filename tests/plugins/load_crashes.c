/* Crashes while it is loaded. */
#include <stdlib.h>

#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("load_crashes") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

__attribute__((constructor)) static void construct(void)
{
	abort();
}
SN_PLUGIN("org.example.load_crashes", "1.0", "MIT", interfaces);
