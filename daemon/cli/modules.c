/* The in-tree modules: the one place that names them. */
#include "daemon/auth/checker.h"
#include "daemon/cli/cli.h"
#include "protocols/irc/irc_service.h"

void sn_cli_register(void)
{
	static const struct sn_service *const modules[] = { &sn_irc_service };

	sn_endpoints_init();
	sn_net_init();
	sn_checkers_init();
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		struct sn_diag diag;
		int code;

		if (sn_registry_find(sn_str(modules[i]->name)) != NULL)
			continue;
		code = sn_registry_add(modules[i], &diag);
		sn_assert(code == SN_OK);
	}
}
