/* Layouts: whatever a broken @config sends, what is accepted is within bounds and is written as it
 * was read. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/proc/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const struct sn_layout *layout)
{
	for (size_t i = 0; i < layout->service_count; i++)
		sn_assert(layout->services[i].group < layout->group_count);
	for (size_t i = 0; i < layout->listener_count; i++)
		sn_assert(layout->listeners[i].service < layout->service_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sn_layout *layout = NULL;
	struct sn_strbuf out;

	if (sn_layout_decode(sn_str_n(data, size), &layout) != SN_OK)
		return 0;
	check_bounds(layout);
	sn_strbuf_init(&out, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(layout, &out);
	sn_layout_free(&layout);
	sn_assert(sn_layout_decode(sn_strbuf_str(&out), &layout) == SN_OK);
	sn_layout_free(&layout);
	sn_strbuf_fini(&out);
	return 0;
}
