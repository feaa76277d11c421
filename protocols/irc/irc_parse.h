/*
 * IRC lines: bytes to message. Pure; the views of a message point into the line.
 * Grammar: https://modern.ircdocs.horse/#messages and
 * https://ircv3.net/specs/extensions/message-tags
 *
 *   [@tags SPACE] [:source SPACE] command *14( SPACE middle ) [ SPACE [":"] trailing ]
 */
#ifndef SN_PROTOCOLS_IRC_IRC_PARSE_H
#define SN_PROTOCOLS_IRC_IRC_PARSE_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/base/strbuf.h"

#define SN_IRC_PARAMS_MAX 15
#define SN_IRC_LINE_MAX 510  /* without tags and line ending */
#define SN_IRC_TAGS_MAX 4094 /* a client's, without '@' and the space */
#define SN_IRC_INPUT_MAX (1 + SN_IRC_TAGS_MAX + 1 + SN_IRC_LINE_MAX)

struct sn_irc_message {
	struct sn_str tags;    /* without '@'; empty: none */
	struct sn_str source;  /* without ':'; empty: none */
	struct sn_str command; /* letters or three digits */
	struct sn_str params[SN_IRC_PARAMS_MAX];
	size_t param_count;
};

/*
 * SN_OK; SN_EMISSING: an empty line or one without a command (to be ignored); SN_ESYNTAX: a NUL or
 * stray CR inside, or a command that is none; SN_ELIMIT: tags or the rest are too long.
 */
int sn_irc_parse(struct sn_str line, struct sn_irc_message *m_r) SN_WARN_UNUSED;

/* How much of a line (without tags) may be sent: all of it, or SN_IRC_LINE_MAX bytes less those of
 * a UTF-8 character that the limit would cut in two. */
size_t sn_irc_fit(struct sn_str line);

/* One tag off the front of *rest; false at the end. value is still escaped; p == NULL: no '='. */
bool sn_irc_next_tag(struct sn_str *rest, struct sn_str *key_r, struct sn_str *value_r);
/* Key as the specification allows: [+][vendor/]name. */
bool sn_irc_tag_key_valid(struct sn_str key);
void sn_irc_tag_unescape(struct sn_str value, struct sn_strbuf *out);
void sn_irc_tag_escape(struct sn_str value, struct sn_strbuf *out);
/*
 * The client-only tags ("+...") of a client's tags, as they are to be passed on: invalid ones and
 * others left out, the last of equal keys kept.
 */
void sn_irc_client_tags(struct sn_str tags, struct sn_strbuf *out);

#endif
