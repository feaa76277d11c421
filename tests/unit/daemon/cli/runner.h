/*
 * The command line in a child process, in a folder of its own: what it says, and how it exits.
 * Texts belong to the runner and are overwritten by the next run.
 */
#ifndef SN_TESTS_UNIT_DAEMON_CLI_RUNNER_H
#define SN_TESTS_UNIT_DAEMON_CLI_RUNNER_H

#include <sys/types.h>

#include "daemon/cli/cli.h"
#include "tests/support/certs.h"
#include "tests/support/unit.h"

#define RUNNER_WORDS 16

extern struct sn_test_dir runner_dir; /* the child's working folder */

void runner_setup(void);
void runner_teardown(void);
/* A file in the folder. */
void runner_write(const char *name, const char *text);

/* `sennit WORDS...`, ended by NULL; the exit code. */
int runner_run(const char *const *words);
const char *runner_out(void);
const char *runner_err(void);

/* The same with a look at everything: code, and a part of each text; "" for out: nothing at all. */
struct runner_case {
	const char *words[RUNNER_WORDS];
	int exit_code;
	const char *out, *err;
};
void runner_check(const struct runner_case *c);

/* In the background: its process, with standard output read by runner_line, and standard input from
 * `in` (-1: /dev/null). */
pid_t runner_start(const char *const *words, int in);
/* The next line it says on standard output, without its end. */
const char *runner_line(void);
/* Wait for its end; the exit code, or the negated signal. runner_err tells what it said. */
int runner_wait(pid_t pid);
/* A connection to the port that the last line names. */
int runner_dial(void);

#endif
