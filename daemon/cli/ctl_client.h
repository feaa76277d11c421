/*
 * The client's end of the control socket (daemon/proc/control.h), blocking: for `sennit ctl` and
 * tools. Errors are printed to standard error as they happen.
 */
#ifndef SN_DAEMON_CLI_CTL_CLIENT_H
#define SN_DAEMON_CLI_CTL_CLIENT_H

#include <jansson.h>

#include "daemon/base/str.h"

/* A connection to the daemon: `which` is a path (with a slash), a name in the runtime directory, or
 * NULL: the only one there. The descriptor, or the negated exit code. */
int sn_ctl_connect(const char *which);

/* Each object as it arrives: an event, or the last one (has "code"). */
typedef void (*sn_ctl_fn)(void *context, const json_t *object);
/* Send the words, hear objects until the last; its code, or an exit code of our own when the
 * connection breaks. */
int sn_ctl_request(
	int fd, const char *const *words, size_t count, sn_ctl_fn on_object, void *context);

#endif
