/*
 * Inside endpoint.c: an endpoint text taken apart into arguments, with the place of every byte. A
 * value that is itself an endpoint text (client tls:endpoint=) is taken apart again with those
 * places, so that its errors point into the whole text, through any number of escapes.
 */
#ifndef SN_DAEMON_NET_ENDPOINT_TOKEN_H
#define SN_DAEMON_NET_ENDPOINT_TOKEN_H

#include "daemon/net/endpoint.h"

/* All keys and values lie one after another in text, each with a NUL. Everything is the pool's. */
struct sn_endpoint_token_list {
	struct sn_endpoint_arg *args;
	size_t count;
	char *text;
	size_t *columns; /* of each byte of text, in the whole endpoint text */
	size_t end;      /* column after the last byte */
};

/* in_columns: places of in's bytes and of its end (in.n + 1); NULL when in is the whole text. */
int sn_endpoint_tokenize(struct sn_pool *pool, struct sn_str in, const size_t *in_columns,
	struct sn_endpoint_token_list *list, struct sn_diag *diag) SN_WARN_UNUSED;

#endif
