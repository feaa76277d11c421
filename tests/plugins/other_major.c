/* Built for a plugin ABI to come. */
#include "tests/plugins/parts.h"

SN_EXPORT extern const int sn_plugin_abi2;
SN_EXPORT const int sn_plugin_abi2 = 2;
