/*
 * Another sennit, for upgrades to it: the same program, but for what the file PROGRAM.fault beside
 * it says. One word:
 *
 *   silent, crash, garbage, form   of the role @upgrade-check: no answer in time, SIGABRT, a line
 *                                  that is none, forms that nobody knows
 *   config                         the check of the configuration ends without a layout
 *   heir                           the state of the program before cannot be read
 *   prepare, thaw                  a worker ends at its start; after it was given connections
 *   stuck                          a worker does nothing at all
 *   second                         the worker of the group `spare` ends at its start
 *
 * The linker's --wrap puts the last ones between the callers and the real functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/proc/upgrade_probe.h"
#include "daemon/proc/upgrade_state.h"
#include "daemon/proc/worker_freeze.h"

int __real_sn_upgrade_state_decode(struct sn_str text, struct sn_upgrade_state **state_r);
int __wrap_sn_upgrade_state_decode(struct sn_str text, struct sn_upgrade_state **state_r);
int __real_sn_worker_thaws_apply(
	struct sn_worker_thaws *thaws, struct sn_host *host, struct sn_conf_diags *diags);
int __wrap_sn_worker_thaws_apply(
	struct sn_worker_thaws *thaws, struct sn_host *host, struct sn_conf_diags *diags);

static char fault[32];

static void read_fault(void)
{
	char path[4096];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(".fault"));
	FILE *file;

	if (n < 0)
		return;
	memcpy(path + n, ".fault", sizeof(".fault"));
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fscanf(file, "%31s", fault) != 1)
		fault[0] = '\0';
	(void)fclose(file);
}

static bool has(const char *name)
{
	return strcmp(fault, name) == 0;
}

int __wrap_sn_upgrade_state_decode(struct sn_str text, struct sn_upgrade_state **state_r)
{
	return has("heir") ? SN_EVERSION : __real_sn_upgrade_state_decode(text, state_r);
}

int __wrap_sn_worker_thaws_apply(
	struct sn_worker_thaws *thaws, struct sn_host *host, struct sn_conf_diags *diags)
{
	if (has("thaw"))
		_exit(EX_SOFTWARE);
	return __real_sn_worker_thaws_apply(thaws, host, diags);
}

static void misbehave_when_asked(void)
{
	if (has("silent"))
		(void)pause();
	if (has("crash"))
		abort();
	if (has("garbage"))
		puts("good morning");
	if (has("form"))
		puts("sennit-upgrade 99 99 9.9.9");
	if (has("garbage") || has("form"))
		exit(EX_OK);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	read_fault();
	if (strcmp(word, SN_UPGRADE_ROLE) == 0)
		misbehave_when_asked();
	if (strcmp(word, "@config") == 0 && has("config")) {
		fputs("nothing pleases me\n", stderr);
		return EX_CONFIG;
	}
	if (strcmp(word, "@worker") == 0 && has("stuck"))
		(void)pause();
	if (strcmp(word, "@worker") == 0 &&
		(has("prepare") || (has("second") && strcmp(argv[2], "spare/0") == 0)))
		return EX_SOFTWARE;
	return sn_cli_main(argc, argv);
}
