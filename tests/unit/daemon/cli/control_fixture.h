/* A control socket in a child process, whose verbs answer what a daemon would: for the client's
 * side. Verbs: status, sessions, top, log (events), fail, quiet (never answers), bye (goes away),
 * bad (not JSON). */
#ifndef SN_TESTS_UNIT_DAEMON_CLI_CONTROL_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_CLI_CONTROL_FIXTURE_H

/* Listens when this returns. */
void control_fixture_start(const char *path);
void control_fixture_stop(void);

#endif
