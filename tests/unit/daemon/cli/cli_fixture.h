/* What the suites of this folder share: a command line run in a child in a folder of its own, with
 * its exit code and what it wrote. */
#ifndef SN_TESTS_UNIT_DAEMON_CLI_CLI_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_CLI_CLI_FIXTURE_H

#include <sys/types.h>

#include "daemon/cli/cli.h"
#include "tests/support/unit.h"

#define CLI_TEXT_MAX 65536

struct cli_result {
	int exit_code;
	char out[CLI_TEXT_MAX], err[CLI_TEXT_MAX];
};

void cli_setup(void); /* an empty folder to stand in */
void cli_teardown(void);

/* words: separated by one blank, without the program's name. The result is valid until the next
 * run. */
const struct cli_result *cli_run(const char *words);
void cli_write_file(const char *name, const char *text); /* into the folder */

/* One row of a table of runs: what must stand in the two outputs; NULL: nothing at all may. */
struct cli_row {
	const char *words;
	int exit_code;
	const char *out, *err;
};
void cli_check_row(const struct cli_row *row);

/* A run that stays: its pid, and the first line on its standard output. */
pid_t cli_start(const char *words, char *line, size_t size);
int cli_wait(pid_t pid); /* exit code, or -1 if it did not end by itself */

#endif
