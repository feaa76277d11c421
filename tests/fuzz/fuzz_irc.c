/* IRC lines: whatever arrives parses or is refused, and what is passed on is well-formed. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/base/framer.h"
#include "protocols/irc/irc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tags(struct sn_str tags)
{
	char text[2 * SN_IRC_TAGS_MAX + 2], plain[SN_IRC_TAGS_MAX + 1];
	struct sn_strbuf out, value;
	struct sn_str rest, key, escaped;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_irc_client_tags(tags, &out);
	rest = sn_strbuf_str(&out);
	while (sn_irc_next_tag(&rest, &key, &escaped)) {
		sn_assert(key.p[0] == '+' && sn_irc_tag_key_valid(key));
		sn_strbuf_fixed(&value, plain, sizeof(plain));
		sn_irc_tag_unescape(escaped, &value);
	}
}

/* A tag's value survives escaping and unescaping. */
static void check_escapes(struct sn_str value)
{
	char escaped[2 * 512 + 1], back[512 + 1];
	struct sn_strbuf out, again;

	if (value.n > 512)
		return;
	sn_strbuf_fixed(&out, escaped, sizeof(escaped));
	sn_irc_tag_escape(value, &out);
	sn_strbuf_fixed(&again, back, sizeof(back));
	sn_irc_tag_unescape(sn_strbuf_str(&out), &again);
	sn_assert(out.err == SN_OK && sn_str_eq(sn_strbuf_str(&again), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sn_str in = sn_str_n(data, size), line;
	struct sn_line_framer framer;
	struct sn_irc_message m;
	size_t used;

	sn_line_framer_init(&framer, SN_LINE_LF_OR_CRLF, SN_IRC_INPUT_MAX);
	for (;;) {
		const int code = sn_frame_line(&framer, in, &line, &used);

		if (code == SN_OK && sn_irc_parse(line, &m) == SN_OK) {
			sn_assert(m.command.n > 0 && m.param_count <= SN_IRC_PARAMS_MAX);
			check_tags(m.tags);
		}
		if (code == SN_AGAIN)
			break;
		in = sn_str_from(in, used);
	}
	check_escapes(sn_str_n(data, size));
	return 0;
}
