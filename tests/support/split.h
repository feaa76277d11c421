/*
 * Feed a parser the same input in every way a network can cut it: whole, byte by byte, and cut in
 * two at every place; and every truncation of it.
 */
#ifndef SN_TESTS_SUPPORT_SPLIT_H
#define SN_TESTS_SUPPORT_SPLIT_H

#include "daemon/base/str.h"

/* Called with pieces in order; the view lies in memory of exactly its size, so that a sanitizer
 * sees any read past it. */
struct sn_split_feed {
	void (*begin)(struct sn_split_feed *feed);
	void (*piece)(struct sn_split_feed *feed, struct sn_str piece);
	void (*end)(struct sn_split_feed *feed, bool whole); /* whole: not truncated */
};

void sn_test_every_split(struct sn_split_feed *feed, struct sn_str input);
void sn_test_every_truncation(struct sn_split_feed *feed, struct sn_str input);

#endif
