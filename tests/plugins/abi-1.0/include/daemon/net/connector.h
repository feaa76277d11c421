/*
 * Connector: from a client endpoint to a ready stream. Names are resolved (A and AAAA together),
 * addresses tried in turn as RFC 8305 says (IPv6 first, 250 ms between attempts, first connected
 * wins; happy_eyeballs.h), then TLS if the plan has it; one timeout over all. exec: starts a child
 * on a socketpair; its end is the stream's end (stream_exec.h).
 *
 * The result is a promise. In the waiter: sn_connect_stream(p) is the stream, which belongs to the
 * waiter from then on (set a user at once: it hears on_ready, and whatever came meanwhile).
 * Canceling closes whatever was under way. Not for sn_promise_timeout, which calls its waiter a
 * turn after the stream was ready, when it may be gone again: the plan has a timeout of its own.
 *
 * Of several failures the one that tells most is reported: a peer that refused before an address
 * that cannot be reached from here, and that before a name that was not found in one family.
 */
#ifndef SN_DAEMON_NET_CONNECTOR_H
#define SN_DAEMON_NET_CONNECTOR_H

#include "daemon/loop/promise.h"
#include "daemon/net/plan.h"
#include "daemon/net/resolver.h"

/* The plan must stay until the promise is delivered or canceled. resolver may be NULL for
 * literals, unix and exec. */
struct sn_promise *sn_connect(struct sn_loop *loop, struct sn_resolver *resolver,
	const struct sn_connect_plan *plan) SN_WARN_UNUSED;
/* During the waiter's call with SN_OK: take the stream. A stream that is not taken is closed. */
struct sn_stream *sn_connect_stream(struct sn_promise *p);
/* During the waiter's call with a failure: what failed ("connect 127.0.0.1:1: Connection refused").
 */
const char *sn_connect_error(const struct sn_promise *p);

#endif
