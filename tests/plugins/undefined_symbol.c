/* Calls a function that the program does not have. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("undefined_symbol") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_EXPORT int sn_function_of_tomorrow(void);

static int init(struct sn_diag *diag)
{
	(void)diag;
	return sn_function_of_tomorrow();
}
SN_PLUGIN_WITH("org.example.undefined_symbol", "1.0", "MIT", interfaces, init, NULL);
