/* A server of the benchmarks, directly on listener and stream: no service layer, no configuration.
 */
#ifndef SN_TESTS_BENCH_BENCH_SERVE_H
#define SN_TESTS_BENCH_BENCH_SERVE_H

#include "daemon/net/listener.h"

/* Listen on the endpoint, print "listening ADDRESS", serve until killed; or say what is wrong. */
int bench_serve(const char *endpoint, const struct sn_listener_options *options,
	const struct sn_listener_ops *ops);

#endif
