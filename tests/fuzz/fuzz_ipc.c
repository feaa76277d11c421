/* Channel messages: whatever a broken peer sends, a message that is accepted keeps its row. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/proc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says how many descriptors came, the second from whom. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_str in = sn_str_n(data, size), packet = sn_str_from(in, 2);
	struct sn_ipc_message message = { .fds = NULL };

	if (size < 2)
		return 0;
	if (sn_ipc_decode(packet, data[0], (enum sn_ipc_role)(data[1] & 15), &message) != SN_OK)
		return 0;
	sn_assert(message.fd_count == data[0] && message.fd_count <= SN_IPC_FDS_MAX);
	sn_assert(message.body.data.n + SN_IPC_HEADER_SIZE == packet.n);
	return 0;
}
