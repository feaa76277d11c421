#include "daemon/service/freeze.h"

#include <unistd.h>

#include "daemon/base/mem.h"

struct sn_frozen *sn_frozen_new(void)
{
	struct sn_frozen *frozen = sn_alloc_zero(sizeof(*frozen));

	sn_strbuf_init(&frozen->state, SN_FREEZE_STATE_MAX);
	return frozen;
}

void sn_frozen_add_socket(struct sn_frozen *frozen, int fd)
{
	const size_t n = frozen->socket_count;

	/* Room doubles whenever the count reaches a power of two. */
	if ((n & (n - 1)) == 0)
		frozen->sockets = sn_realloc_array(
			frozen->sockets, n == 0 ? 1 : 2 * n, sizeof(*frozen->sockets));
	frozen->sockets[frozen->socket_count++] = fd;
}

void sn_frozen_free(struct sn_frozen **frozen_p)
{
	struct sn_frozen *frozen = *frozen_p;

	*frozen_p = NULL;
	if (frozen == NULL)
		return;
	for (size_t i = 0; i < frozen->socket_count; i++) {
		if (frozen->sockets[i] >= 0)
			(void)close(frozen->sockets[i]);
	}
	sn_free(frozen->sockets);
	/* Sessions are in it, and what clients have said. */
	if (frozen->state.p != NULL)
		sn_wipe(frozen->state.p, frozen->state.n);
	sn_strbuf_fini(&frozen->state);
	sn_free(frozen);
}
