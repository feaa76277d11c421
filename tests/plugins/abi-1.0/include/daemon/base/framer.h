/*
 * Framers: cut a byte stream into messages. Pure functions over views plus a few bytes of state,
 * so that no byte is scanned twice however small the pieces arrive.
 *
 * Both return SN_OK with one frame and in *used_r how much to consume with it; SN_AGAIN when the
 * frame is not complete (consume *used_r, which may be > 0 while an over-long line is skipped, and
 * for the LF of a CRLF whose CR already ended the line).
 */
#ifndef SN_DAEMON_BASE_FRAMER_H
#define SN_DAEMON_BASE_FRAMER_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

enum sn_line_ending {
	SN_LINE_LF_OR_CRLF, /* LF ends a line, one CR before it is dropped (IRC in practice) */
	SN_LINE_CRLF,       /* CR LF only; a bare CR or LF is data */
	SN_LINE_ANY,        /* CR, LF or CRLF; a CR ends the line at once, an LF right after it is
			     * part of the same ending */
};

struct sn_line_framer {
	enum sn_line_ending ending;
	size_t max;     /* most bytes of a line without its ending */
	size_t scanned; /* bytes at the front known to hold no ending */
	bool skipping;  /* inside an over-long line */
	bool after_cr;  /* SN_LINE_ANY: a CR was the last byte seen */
};

static inline void sn_line_framer_init(
	struct sn_line_framer *f, enum sn_line_ending ending, size_t max)
{
	*f = (struct sn_line_framer){ .ending = ending, .max = max };
}
/*
 * The next line of `in` without its ending. A line over max is skipped up to and including its
 * ending and reported once, as SN_ELIMIT with *line_r = its first max bytes (valid like any line)
 * when the limit is passed; the framer then goes on with the next line.
 */
int sn_frame_line(struct sn_line_framer *f, struct sn_str in, struct sn_str *line_r,
	size_t *used_r) SN_WARN_UNUSED;

/* A big-endian length of width 1, 2 or 4 bytes, then that many bytes; SN_ELIMIT above max. */
int sn_frame_length(unsigned width, size_t max, struct sn_str in, struct sn_str *body_r,
	size_t *used_r) SN_WARN_UNUSED;

#endif
