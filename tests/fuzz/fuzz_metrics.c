/* Metrics area: whatever stands in the shared memory, a reader stays inside it, what it prints has
 * the form of the text format, and the next writer can begin. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/metrics_area.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sn_metric_def row = {
	.name = "fuzz_open", .kind = SN_METRIC_GAUGE, .unit = "", .help = "Open."
};

/* Each line is a comment, or a name with what follows it, a blank and a number. */
static void check_line(struct sn_str line)
{
	const char *blank = memrchr(line.p, ' ', line.n);
	sn_assert(line.n > 0);
	if (line.p[0] == '#')
		return;
	sn_assert(sn_ascii_alpha(line.p[0]) || line.p[0] == '_' || line.p[0] == ':');
	sn_assert(blank != NULL && blank + 1 < line.p + line.n);
	sn_assert(sn_ascii_digit(blank[1]) || blank[1] == '-');
}

static void check_text(struct sn_str text)
{
	struct sn_str line;
	sn_assert(text.n == 0 || sn_str_ends(text, SN_STR("\n")));
	text = sn_str_sub(text, 0, text.n > 0 ? text.n - 1 : 0);
	while (text.n > 0 && sn_str_split(&text, '\n', &line))
		check_line(line);
}

static void read_areas(const uint64_t *words, size_t size)
{
	const struct sn_metrics_view views[] = {
		{ words, size, NULL },
		{ words, size / 2, NULL },
		{ words, size, "worker=\"a/0\"" },
	};
	struct sn_strbuf out;
	sn_strbuf_init(&out, 1 << 22);
	sn_metrics_areas_write(views, 3, &out);
	if (out.err == SN_OK)
		check_text(sn_strbuf_str(&out));
	sn_strbuf_fini(&out);
}

static void write_area(const uint8_t *data, size_t size)
{
	uint64_t *words = sn_alloc_zero(SN_METRICS_AREA_LEAST);
	struct sn_metrics_area *area;
	memcpy(words, data, size < SN_METRICS_AREA_LEAST ? size : SN_METRICS_AREA_LEAST);
	area = sn_metrics_area_open(words, SN_METRICS_AREA_LEAST);
	(void)sn_metrics_area_place(area, &row, 1, NULL);
	sn_metrics_area_close(&area);
	read_areas(words, SN_METRICS_AREA_LEAST);
	sn_free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t *words = sn_alloc(size > 0 ? size : 1);
	memcpy(words, data, size);
	read_areas(words, size);
	sn_free(words);
	write_area(data, size);
	return 0;
}
