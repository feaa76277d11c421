#include "tests/support/split.h"

#include <stdlib.h>

static void feed_piece(struct sn_split_feed *feed, struct sn_str s)
{
	char *copy = malloc(s.n ? s.n : 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	feed->piece(feed, sn_str_n(copy, s.n));
	free(copy);
}

void sn_test_every_split(struct sn_split_feed *feed, struct sn_str input)
{
	feed->begin(feed);
	feed_piece(feed, input);
	feed->end(feed, true);

	feed->begin(feed);
	for (size_t i = 0; i < input.n; i++)
		feed_piece(feed, sn_str_n(input.p + i, 1));
	feed->end(feed, true);

	for (size_t cut = 1; cut < input.n; cut++) {
		feed->begin(feed);
		feed_piece(feed, sn_str_n(input.p, cut));
		feed_piece(feed, sn_str_n(input.p + cut, input.n - cut));
		feed->end(feed, true);
	}
}

void sn_test_every_truncation(struct sn_split_feed *feed, struct sn_str input)
{
	for (size_t n = 0; n < input.n; n++) {
		feed->begin(feed);
		feed_piece(feed, sn_str_n(input.p, n));
		feed->end(feed, false);
	}
}
