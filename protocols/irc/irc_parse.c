#include "protocols/irc/irc_parse.h"

#include "daemon/base/text.h"

static void skip_spaces(struct sn_str *rest)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] == ' ')
		n++;
	*rest = sn_str_from(*rest, n);
}

static struct sn_str take_word(struct sn_str *rest)
{
	const struct sn_str word = sn_str_sub(*rest, 0, sn_str_find(*rest, ' '));

	*rest = sn_str_from(*rest, word.n);
	skip_spaces(rest);
	return word;
}

static bool command_valid(struct sn_str command)
{
	size_t letters = 0, digits = 0;

	for (size_t i = 0; i < command.n; i++) {
		letters += sn_ascii_alpha(command.p[i]);
		digits += sn_ascii_digit(command.p[i]);
	}
	return letters == command.n || (digits == 3 && command.n == 3);
}

static int parse_tags(struct sn_str *rest, struct sn_irc_message *m)
{
	if (rest->n == 0 || rest->p[0] != '@')
		return SN_OK;
	m->tags = sn_str_from(take_word(rest), 1);
	return m->tags.n > SN_IRC_TAGS_MAX ? SN_ELIMIT : SN_OK;
}

static void parse_params(struct sn_str rest, struct sn_irc_message *m)
{
	while (rest.n > 0) {
		struct sn_str *param = &m->params[m->param_count++];

		if (rest.p[0] == ':') {
			*param = sn_str_from(rest, 1);
			return;
		}
		if (m->param_count == SN_IRC_PARAMS_MAX) {
			*param = rest;
			return;
		}
		*param = take_word(&rest);
	}
}

int sn_irc_parse(struct sn_str line, struct sn_irc_message *m_r)
{
	struct sn_str rest = line;
	int code;

	*m_r = (struct sn_irc_message){ .param_count = 0 };
	if (sn_str_find(line, '\0') < line.n || sn_str_find(line, '\r') < line.n)
		return SN_ESYNTAX;
	code = parse_tags(&rest, m_r);
	if (code != SN_OK)
		return code;
	if (rest.n > SN_IRC_LINE_MAX)
		return SN_ELIMIT;
	skip_spaces(&rest);
	if (rest.n > 0 && rest.p[0] == ':')
		m_r->source = sn_str_from(take_word(&rest), 1);
	m_r->command = take_word(&rest);
	if (m_r->command.n == 0)
		return SN_EMISSING;
	if (!command_valid(m_r->command))
		return SN_ESYNTAX;
	parse_params(rest, m_r);
	return SN_OK;
}

size_t sn_irc_fit(struct sn_str line)
{
	size_t n = SN_IRC_LINE_MAX;

	if (line.n <= n)
		return line.n;
	while (n > SN_IRC_LINE_MAX - 4 && ((unsigned char)line.p[n] & 0xc0) == 0x80)
		n--;
	/* Four continuation bytes in a row are no UTF-8. */
	return n > SN_IRC_LINE_MAX - 4 ? n : SN_IRC_LINE_MAX;
}

/* --- tags ----------------------------------------------------------------------------------- */

bool sn_irc_next_tag(struct sn_str *rest, struct sn_str *key_r, struct sn_str *value_r)
{
	struct sn_str tag;

	while (sn_str_split(rest, ';', &tag)) {
		const size_t equals = sn_str_find(tag, '=');

		if (tag.n == 0)
			continue;
		*key_r = sn_str_sub(tag, 0, equals);
		*value_r = equals < tag.n ? sn_str_from(tag, equals + 1) : SN_STR_NULL;
		return true;
	}
	return false;
}

bool sn_irc_tag_key_valid(struct sn_str key)
{
	const struct sn_str name = key.n > 0 && key.p[0] == '+' ? sn_str_from(key, 1) : key;
	const size_t slash = sn_str_find(name, '/');
	const size_t start = slash < name.n ? slash + 1 : 0;

	if (name.n == start || slash == 0)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];

		if (sn_ascii_alpha(c) || sn_ascii_digit(c) || c == '-' || i == slash)
			continue;
		if (c != '.' || i >= start)
			return false;
	}
	return true;
}

static const struct {
	char plain, escaped;
} escapes[] = { { ';', ':' }, { ' ', 's' }, { '\\', '\\' }, { '\r', 'r' }, { '\n', 'n' } };
#define ESCAPE_COUNT (sizeof(escapes) / sizeof(escapes[0]))

static char unescape(char c)
{
	for (size_t i = 0; i < ESCAPE_COUNT; i++) {
		if (escapes[i].escaped == c)
			return escapes[i].plain;
	}
	return c;
}

void sn_irc_tag_unescape(struct sn_str value, struct sn_strbuf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] != '\\')
			sn_strbuf_addc(out, value.p[i]);
		else if (++i < value.n)
			sn_strbuf_addc(out, unescape(value.p[i]));
	}
}

static void add_escaped(struct sn_strbuf *out, char c)
{
	for (size_t i = 0; i < ESCAPE_COUNT; i++) {
		if (escapes[i].plain == c) {
			sn_strbuf_addc(out, '\\');
			sn_strbuf_addc(out, escapes[i].escaped);
			return;
		}
	}
	sn_strbuf_addc(out, c);
}

void sn_irc_tag_escape(struct sn_str value, struct sn_strbuf *out)
{
	for (size_t i = 0; i < value.n; i++)
		add_escaped(out, value.p[i]);
}

static bool comes_again(struct sn_str rest, struct sn_str key)
{
	struct sn_str other, value;

	while (sn_irc_next_tag(&rest, &other, &value)) {
		if (sn_str_eq(other, key))
			return true;
	}
	return false;
}

/* More tags than this in one message are nobody's; the bound keeps the search for equal keys cheap.
 */
#define CLIENT_TAGS_MAX 64

void sn_irc_client_tags(struct sn_str tags, struct sn_strbuf *out)
{
	struct sn_str rest = tags, key, value;
	size_t count = 0;

	while (count < CLIENT_TAGS_MAX && sn_irc_next_tag(&rest, &key, &value)) {
		if (key.p[0] != '+' || !sn_irc_tag_key_valid(key) || !sn_utf8_valid(value) ||
			comes_again(rest, key))
			continue;
		if (count++ > 0)
			sn_strbuf_addc(out, ';');
		sn_strbuf_add(out, key);
		if (value.n > 0) {
			sn_strbuf_addc(out, '=');
			sn_strbuf_add(out, value);
		}
	}
}
