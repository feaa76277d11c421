#include "daemon/cli/ctl_client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/net/addr.h"
#include "daemon/proc/runtime_dir.h"

#define LINE_MAX_BYTES (64u << 20) /* an answer of one line: metrics, sessions */

/* --- connecting ----------------------------------------------------------------------------- */

static int connect_path(const char *path)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sn_addr addr;
	int code = sn_addr_unix(sn_str(path), &addr);

	if (code == SN_OK && fd < 0)
		code = -errno;
	if (code == SN_OK && connect(fd, &addr.sa, addr.len) != 0)
		code = -errno;
	if (code == SN_OK)
		return fd;
	fprintf(stderr, "sennit: no daemon answers at %s: %s\n", path, sn_strerror(code));
	if (fd >= 0)
		(void)close(fd);
	return -(code == -EACCES || code == -EPERM ? EX_NOPERM : EX_UNAVAILABLE);
}

static int connect_named(struct sn_str dir, struct sn_str name)
{
	struct sn_strbuf path;
	int fd;

	sn_strbuf_init(&path, 4096);
	sn_runtime_socket(dir, name, &path);
	fd = connect_path(sn_strbuf_cstr(&path));
	sn_strbuf_fini(&path);
	return fd;
}

static int connect_only(struct sn_str dir)
{
	struct sn_runtime_names found;
	int fd = -EX_UNAVAILABLE;

	sn_runtime_list(dir.p, &found);
	if (found.count == 1) {
		fd = connect_named(dir, sn_str(found.names[0]));
	} else if (found.count == 0) {
		fprintf(stderr,
			"sennit: no daemon is running that has its control socket in %s\n"
			"Start one with `sennit run`, or say where it is: --socket PATH\n",
			dir.p);
	} else {
		fputs("sennit: several daemons are running; choose one with --socket:", stderr);
		for (size_t i = 0; i < found.count; i++)
			fprintf(stderr, " %s", found.names[i]);
		fputc('\n', stderr);
		fd = -EX_USAGE;
	}
	sn_runtime_free(&found);
	return fd;
}

int sn_ctl_connect(const char *which)
{
	struct sn_strbuf dir;
	int fd;

	if (which != NULL && strchr(which, '/') != NULL)
		return connect_path(which);
	sn_strbuf_init(&dir, 4096);
	sn_runtime_dir_path(SN_STR_NULL, &dir);
	if (which != NULL)
		fd = connect_named(sn_strbuf_str(&dir), sn_str(which));
	else
		fd = connect_only(sn_str(sn_strbuf_cstr(&dir)));
	sn_strbuf_fini(&dir);
	return fd;
}

/* --- a request ------------------------------------------------------------------------------ */

static int add_text(const char *text, size_t n, void *data)
{
	sn_strbuf_add(data, sn_str_n(text, n));
	return 0;
}

static int send_words(int fd, const char *const *words, size_t count)
{
	json_t *array = json_array();
	struct sn_strbuf text;
	size_t sent = 0;
	int code = SN_OK;

	sn_strbuf_init(&text, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		json_t *word = json_string(words[i]);

		if (word == NULL)
			code = SN_EENCODING;
		else
			(void)json_array_append_new(array, word);
	}
	(void)json_dump_callback(array, add_text, &text, JSON_COMPACT);
	sn_strbuf_addc(&text, '\n');
	json_decref(array);
	while (code == SN_OK && sent < text.n) {
		const ssize_t n = send(fd, text.p + sent, text.n - sent, MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			code = -errno;
	}
	sn_strbuf_fini(&text);
	return code;
}

/* The next line into *line (emptied first); what came behind it stays in *rest. */
static int read_line(int fd, struct sn_strbuf *rest, struct sn_strbuf *line)
{
	char piece[16384];

	for (;;) {
		const size_t end = sn_str_find(sn_strbuf_str(rest), '\n');
		ssize_t n;

		if (end < rest->n) {
			struct sn_strbuf behind;

			sn_strbuf_reset(line);
			sn_strbuf_add(line, sn_str_sub(sn_strbuf_str(rest), 0, end));
			sn_strbuf_init(&behind, LINE_MAX_BYTES);
			sn_strbuf_add(&behind, sn_str_from(sn_strbuf_str(rest), end + 1));
			sn_strbuf_fini(rest);
			*rest = behind;
			return SN_OK;
		}
		n = recv(fd, piece, sizeof(piece), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : SN_EEOF;
		sn_strbuf_add(rest, sn_str_n(piece, (size_t)n));
		if (rest->err != SN_OK)
			return rest->err;
	}
}

/* SN_AGAIN: an event; SN_OK: the last object, its code in *exit_r. */
static int take_object(struct sn_str line, sn_ctl_fn on_object, void *context, int *exit_r)
{
	json_t *object = json_loadb(line.p, line.n, 0, NULL);
	const json_t *code = json_object_get(object, "code");

	if (!json_is_object(object)) {
		json_decref(object);
		return SN_EPROTO;
	}
	on_object(context, object);
	*exit_r = (int)json_integer_value(code);
	json_decref(object);
	return code != NULL ? SN_OK : SN_AGAIN;
}

int sn_ctl_request(
	int fd, const char *const *words, size_t count, sn_ctl_fn on_object, void *context)
{
	struct sn_strbuf rest, line;
	int exit_code = EX_OK, code = send_words(fd, words, count);

	if (code == SN_EENCODING) {
		fputs("sennit: words must be UTF-8\n", stderr);
		return EX_USAGE;
	}
	sn_strbuf_init(&rest, LINE_MAX_BYTES);
	sn_strbuf_init(&line, LINE_MAX_BYTES);
	if (code == SN_OK)
		code = SN_AGAIN;
	while (code == SN_AGAIN) {
		code = read_line(fd, &rest, &line);
		if (code == SN_OK)
			code = take_object(sn_strbuf_str(&line), on_object, context, &exit_code);
	}
	sn_strbuf_fini(&rest);
	sn_strbuf_fini(&line);
	if (code == SN_OK)
		return exit_code;
	fprintf(stderr, "sennit: the daemon went away before it answered: %s\n", sn_strerror(code));
	return EX_UNAVAILABLE;
}
