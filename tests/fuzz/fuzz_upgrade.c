/* States of upgrades: what is accepted is within bounds and is written as it was read. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/proc/upgrade_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fd(void *context, int fd)
{
	(void)context;
	sn_assert(fd >= 0);
}

static void check_bounds(const struct sn_upgrade_state *state)
{
	sn_assert(state->rolling == SN_UPGRADE_NONE || state->rolling < state->worker_count);
	for (uint32_t i = 0; i < state->worker_count; i++)
		sn_assert(state->workers[i].life.state < SN_WORKER_STATES);
	sn_upgrade_state_each_fd(state, check_fd, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sn_upgrade_state *state = NULL;
	struct sn_strbuf out;

	if (sn_upgrade_state_decode(sn_str_n(data, size), &state) != SN_OK)
		return 0;
	check_bounds(state);
	sn_strbuf_init(&out, SN_UPGRADE_SIZE_MAX);
	sn_upgrade_state_encode(state, &out);
	sn_upgrade_state_free(&state);
	sn_assert(sn_upgrade_state_decode(sn_strbuf_str(&out), &state) == SN_OK);
	sn_upgrade_state_free(&state);
	sn_strbuf_fini(&out);
	return 0;
}
