/* Writes to a descriptor that it did not open. */
#include <unistd.h>

#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("writes_elsewhere") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

__attribute__((constructor)) static void construct(void)
{
	(void)!write(3, "Hello, whoever has opened this!", 31);
}
SN_PLUGIN("org.example.writes_elsewhere", "1.0", "MIT", interfaces);
