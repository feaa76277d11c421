#include "daemon/base/framer.h"

#include "daemon/base/assert.h"
#include "daemon/base/wire.h"

struct ending {
	size_t at, n; /* where the ending starts and how long it is */
};

/* LF, and whether the CR before it belongs to the ending. */
static bool find_lf(struct sn_str in, size_t from, bool cr_required, struct ending *ending_r)
{
	for (size_t at = from; at < in.n; at++) {
		bool cr;

		at += sn_str_find(sn_str_from(in, at), '\n');
		if (at == in.n)
			break;
		cr = at > 0 && in.p[at - 1] == '\r';
		if (!cr && cr_required)
			continue;
		*ending_r = cr ? (struct ending){ at - 1, 2 } : (struct ending){ at, 1 };
		return true;
	}
	return false;
}

static bool find_any(struct sn_str in, size_t from, struct ending *ending_r)
{
	for (size_t at = from; at < in.n; at++) {
		if (in.p[at] != '\r' && in.p[at] != '\n')
			continue;
		*ending_r = (struct ending){ at, 1 };
		if (in.p[at] == '\r' && at + 1 < in.n && in.p[at + 1] == '\n')
			ending_r->n = 2;
		return true;
	}
	return false;
}

static bool find_ending(
	const struct sn_line_framer *f, struct sn_str in, size_t from, struct ending *ending_r)
{
	if (f->ending == SN_LINE_ANY)
		return find_any(in, from, ending_r);
	return find_lf(in, from, f->ending == SN_LINE_CRLF, ending_r);
}

/* Bytes of an unfinished line that are certainly its text: a last CR may begin the ending. */
static size_t certain_text(struct sn_str line)
{
	return line.n > 0 && line.p[line.n - 1] == '\r' ? line.n - 1 : line.n;
}

/* No ending in sight of the line that is `line` so far. */
static int frame_unfinished(
	struct sn_line_framer *f, struct sn_str line, struct sn_str *line_r, size_t *used_r)
{
	const size_t text = certain_text(line);
	const bool passed = !f->skipping && text > f->max;

	f->scanned = line.n;
	if (passed) {
		*line_r = sn_str_sub(line, 0, f->max);
		f->skipping = true;
	}
	if (f->skipping) {
		*used_r += text;
		f->scanned -= text;
	}
	return passed ? SN_ELIMIT : SN_AGAIN;
}

/* An LF at the front that completes the CR LF whose CR ended the line before. */
static size_t late_lf(struct sn_line_framer *f, struct sn_str in)
{
	const bool late = f->after_cr && in.n > 0 && in.p[0] == '\n';

	if (in.n > 0)
		f->after_cr = false;
	return late ? 1 : 0;
}

int sn_frame_line(struct sn_line_framer *f, struct sn_str in, struct sn_str *line_r, size_t *used_r)
{
	struct ending ending;

	*used_r = late_lf(f, in);
	for (;;) {
		const struct sn_str line = sn_str_from(in, *used_r);
		const bool skipped = f->skipping;

		if (!find_ending(f, line, f->scanned, &ending))
			return frame_unfinished(f, line, line_r, used_r);
		*used_r += ending.at + ending.n;
		f->scanned = 0;
		f->skipping = false;
		f->after_cr = f->ending == SN_LINE_ANY && ending.n == 1 &&
			line.p[ending.at] == '\r' && *used_r == in.n;
		if (skipped)
			continue;
		*line_r = sn_str_sub(line, 0, ending.at < f->max ? ending.at : f->max);
		return ending.at > f->max ? SN_ELIMIT : SN_OK;
	}
}

int sn_frame_length(
	unsigned width, size_t max, struct sn_str in, struct sn_str *body_r, size_t *used_r)
{
	struct sn_reader r = sn_reader(in);
	uint32_t n;

	sn_assert(width == 1 || width == 2 || width == 4);
	*used_r = 0;
	if (in.n < width)
		return SN_AGAIN;
	n = width == 1 ? sn_read_u8(&r) : width == 2 ? sn_read_u16(&r) : sn_read_u32(&r);
	if (n > max)
		return SN_ELIMIT;
	if (n > sn_reader_left(&r))
		return SN_AGAIN;
	*body_r = sn_read_bytes(&r, n);
	*used_r = r.pos;
	return SN_OK;
}
