#include "daemon/base/log_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/assert.h"

int sn_log_parse_rule(struct sn_str entry, struct sn_strbuf *ns, enum sn_log_level *level_r)
{
	const size_t equals = sn_str_find(entry, '=');

	sn_strbuf_add(ns, sn_str_sub(entry, 0, equals));
	if (ns->err != SN_OK || equals == entry.n)
		return SN_ESYNTAX;
	return sn_log_parse_level(sn_str_from(entry, equals + 1), level_r);
}

static void set_rule(struct sn_str entry)
{
	char text[SN_LOG_NS_SIZE];
	enum sn_log_level level;
	struct sn_strbuf ns;

	sn_strbuf_fixed(&ns, text, sizeof(text));
	int code = sn_log_parse_rule(entry, &ns, &level);
	if (code == SN_OK)
		code = sn_log_set_level(text, level);
	sn_assert(code == SN_OK);
}

void sn_log_set_levels(const struct sn_log_setup *setup)
{
	sn_log_reset_levels();
	(void)sn_log_set_level("", setup->level);
	for (size_t i = 0; i < setup->level_count; i++)
		set_rule(setup->levels[i]);
}

static enum sn_log_format choose_format(const struct sn_log_setup *setup, int fd)
{
	if (setup->format != SN_LOG_CHOOSE_JSON && sn_log_is_journal(fd))
		return SN_LOG_PRIORITY;
	if (setup->format == SN_LOG_CHOOSE_JSON || (setup->format == SN_LOG_CHOOSE && !isatty(fd)))
		return SN_LOG_JSON;
	return setup->color && isatty(fd) ? SN_LOG_TEXT_COLOR : SN_LOG_TEXT;
}

bool sn_log_color_wanted(void)
{
	const char *no_color = getenv("NO_COLOR");

	return no_color == NULL || no_color[0] == '\0';
}

int sn_log_set_up(const struct sn_log_setup *setup, int *fd_r)
{
	struct sn_log_options options = {
		.target = setup->target,
		.path = setup->target == SN_LOG_TO_FD ? setup->file : setup->socket,
		.fd = STDERR_FILENO,
	};

	*fd_r = -1;
	if (setup->target == SN_LOG_TO_FD && setup->file != NULL) {
		*fd_r = open(
			setup->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
		if (*fd_r < 0)
			return -errno;
		options.fd = *fd_r;
	}
	sn_log_set_levels(setup);
	options.format = choose_format(setup, options.fd);
	sn_log_start(&options);
	return SN_OK;
}
