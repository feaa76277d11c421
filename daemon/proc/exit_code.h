/* Exit codes are sysexits' (daemon/cli/cli.h): which one fits a result. */
#ifndef SN_DAEMON_PROC_EXIT_CODE_H
#define SN_DAEMON_PROC_EXIT_CODE_H

#include <sysexits.h>

int sn_exit_code(int code);

#endif
