/* Built where struct sn_conn was larger. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("other_conn") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_EXPORT extern const struct sn_plugin sn_plugin_abi1;
SN_EXPORT const struct sn_plugin sn_plugin_abi1 = {
	DESCRIPTOR("org.example.other_conn", interfaces),
	.sizes = { .conn = sizeof(struct sn_conn) + 8 },
};
