/* Who is logged in on which terminal: utmp(5), wtmp(5), lastlog(8). Files that do not exist are not
 * made; what cannot be written is left out, for a login must not fail by it. */
#ifndef SN_DAEMON_PROC_UTMP_H
#define SN_DAEMON_PROC_UTMP_H

#include <sys/types.h>

#include "daemon/base/str.h"

struct sn_utmp_login {
	pid_t pid;
	uid_t uid;
	const char *line; /* the terminal without "/dev/" */
	const char *user;
	const char *host; /* address in text */
};
void sn_utmp_login(const struct sn_utmp_login *login, int64_t wall_ns);
void sn_utmp_logout(const struct sn_utmp_login *login, int64_t wall_ns);

#endif
