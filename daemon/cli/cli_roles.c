/* Roles: processes that the daemon starts, each the same program with a role word as its verb. */
#include "daemon/base/log.h"
#include "daemon/cli/cli.h"
#include "daemon/proc/broker.h"
#include "daemon/proc/config_role.h"
#include "daemon/proc/role.h"
#include "daemon/proc/supervisor.h"
#include "daemon/proc/upgrade_probe.h"
#include "daemon/service/plugin_host.h"

/* --- @config -------------------------------------------------------------------------------- */

static struct sn_config_role config_role;

static int offer(struct sn_conf *conf, struct sn_conf_diags *diags)
{
	const size_t warnings = diags->warnings;
	int code;

	config_role.head = sn_cli_plugins_written();
	code = sn_config_role_offer(&config_role, conf, diags);

	/* What was said already is not said again. */
	if (code != SN_ECANCELED && (code != SN_OK || diags->warnings > warnings))
		sn_cli_print_diags(diags);
	return code == SN_ECANCELED ? EX_OK : sn_exit_code(code);
}

/* argv[2] is the verb that the front got. */
static int config_main(int argc, char **argv)
{
	if (sn_role_channel(argv[1], &config_role.channel) != SN_OK ||
		sn_role_take_inherited(&config_role.channel) != SN_OK || argc < 3)
		return EX_USAGE;
	sn_role_ignore_signals();
	sn_role_set_name("sennit:config");
	/* What it would log is logged by who runs it, or is in the diagnostics. */
	(void)sn_log_set_level("", SN_LOG_OFF);
	config_role.verb = argv[2];
	return sn_cli_configure(argc - 2, argv + 2, offer);
}

/* --- all ------------------------------------------------------------------------------------ */

static const struct {
	const char *word;
	int (*main)(int argc, char **argv);
} roles[] = {
	{ "@broker", sn_broker_main },
	{ "@config", config_main },
	{ "@pam", sn_pam_main },
	{ "@scan", sn_plugins_scan_main },
	{ SN_UPGRADE_ROLE, sn_upgrade_probe_main },
	{ "@worker", sn_worker_main },
};

int sn_cli_role(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		int exit_code;

		if (strcmp(roles[i].word, argv[1]) != 0)
			continue;
		exit_code = roles[i].main(argc, argv);
		sn_plugins_end();
		return exit_code;
	}
	return sn_cli_usage(NULL, "there is no role \"%s\"", argv[1]);
}
