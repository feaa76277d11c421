/* Ends the process while it is loaded. */
#include <unistd.h>

#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("load_exits") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

__attribute__((constructor)) static void construct(void)
{
	_exit(7);
}
SN_PLUGIN("org.example.load_exits", "1.0", "MIT", interfaces);
