/*
 * What a worker answers to the operator's questions (control.h's verbs, the words of a request):
 *   sessions [SERVICE]          {"sessions": [...]}
 *   kick ID|ACCOUNT [REASON]    {"kicked": N}
 *   top                         {"top": [{cpu, memory, connections, accepted, turns, ...}]}
 *   start|stop|drain SERVICE    {"changed": N} or {"error": TEXT}; stop also cuts who does not go
 */
#ifndef SN_DAEMON_PROC_WORKER_QUERY_H
#define SN_DAEMON_PROC_WORKER_QUERY_H

#include <jansson.h>

#include "daemon/service/host.h"

/* words: of a request, checked here. Never NULL; the caller drops it. */
json_t *sn_worker_query(struct sn_host *host, struct sn_loop *loop, const json_t *words);

#endif
