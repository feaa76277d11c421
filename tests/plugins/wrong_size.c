/* Says that its descriptor is cut off. */
#include "tests/plugins/parts.h"

static const struct sn_service service = { IDLE_SERVICE("wrong_size") };
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_EXPORT extern const struct sn_plugin sn_plugin_abi1;
SN_EXPORT const struct sn_plugin sn_plugin_abi1 = {
	DESCRIPTOR("org.example.wrong_size", interfaces),
	.size = 16,
};
