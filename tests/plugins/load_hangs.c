/* Never comes back while it is loaded. */
#include <unistd.h>

#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("load_hangs") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

__attribute__((constructor)) static void construct(void)
{
	for (;;)
		(void)pause();
}
SN_PLUGIN("org.example.load_hangs", "1.0", "MIT", interfaces);
