#include "daemon/net/srv.h"

#include <stdlib.h>

#include "daemon/base/mem.h"

/* Weight 0 first: such a target is drawn only by a random number of 0 (RFC 2782, "Weight"). */
static int compare(const void *a, const void *b)
{
	const struct sn_srv *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (x->weight != 0) - (y->weight != 0);
}

/* Uniform in 0..max; the bias of the modulus is below 2^-32. */
static uint64_t random_upto(uint64_t max)
{
	uint64_t v;

	sn_random(&v, sizeof(v));
	return v % (max + 1);
}

/* Move a target drawn by weight to the front; the others keep their order. */
static void draw(struct sn_srv *srvs, size_t count)
{
	uint64_t total = 0, sum = 0, wanted;
	struct sn_srv chosen;
	size_t i;

	for (i = 0; i < count; i++)
		total += srvs[i].weight;
	wanted = random_upto(total);
	for (i = 0; i + 1 < count; i++) {
		sum += srvs[i].weight;
		if (sum >= wanted)
			break;
	}
	chosen = srvs[i];
	memmove(srvs + 1, srvs, i * sizeof(*srvs));
	srvs[0] = chosen;
}

void sn_srv_order(struct sn_srv *srvs, size_t count)
{
	if (count < 2)
		return;
	qsort(srvs, count, sizeof(*srvs), compare);
	for (size_t i = 0; i < count; i++) {
		size_t end = i + 1;

		while (end < count && srvs[end].priority == srvs[i].priority)
			end++;
		draw(srvs + i, end - i);
	}
}
