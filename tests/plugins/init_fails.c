/* Its init says no. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("init_fails") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

static int init(struct sn_diag *diag)
{
	(void)snprintf(diag->text, sizeof(diag->text), "the moon is not full");
	return SN_EUNAVAILABLE;
}
SN_PLUGIN_WITH("org.example.init_fails", "1.0", "MIT", interfaces, init, NULL);
