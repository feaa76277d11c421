/* Its init crashes. */
#include <stdlib.h>

#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("init_crashes") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

static int init(struct sn_diag *diag)
{
	(void)diag;
	abort();
}
SN_PLUGIN_WITH("org.example.init_crashes", "1.0", "MIT", interfaces, init, NULL);
