/*
 * A child's standard input and output as a stream: one end of a socketpair is the stream's, the
 * other both the child's standard input and output; its standard error is ours.
 *
 * The child's end is the end of the stream, even if a grandchild still holds the socket; what it
 * wrote before can still be read. Closing the stream gives the child the end of its input and, as
 * with every stream, the time of the close deadline to finish; a child still alive when the stream
 * has ended gets SIGTERM, and SIGKILL five seconds later. The loop does that and reaps it: there is
 * nothing to wait for after on_free.
 */
#ifndef SN_DAEMON_NET_STREAM_EXEC_H
#define SN_DAEMON_NET_STREAM_EXEC_H

#include "daemon/net/stream.h"

/* argv: ended by NULL; argv[0] is searched in PATH when it has no slash. -errno when it cannot be
 * started. The stream is CONNECTING until sn_stream_ready, and freed by the loop after on_free. */
int sn_stream_exec_new(
	struct sn_loop *loop, char *const *argv, struct sn_stream **s_r) SN_WARN_UNUSED;

#endif
