#include "daemon/proc/control.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/framer.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/base/wire.h"

#define CLIENTS_MAX 16
#define ANSWER_MAX (16u << 20)
#define CLOSE_TIMEOUT SN_SEC(5)

struct sn_control {
	struct sn_control_options options;
	struct sn_listener listener;
	struct sn_conn_caps caps;
	struct sn_list clients;
	bool closing;
};

/* One connection, and the one request it may have under way. */
struct client {
	struct sn_incoming incoming; /* first member */
	struct sn_stream_user user;
	struct sn_line_framer framer;
	struct sn_control *control;
	struct sn_list link;
	struct sn_control_request request;
	json_t *words; /* the request's memory; NULL: none is under way */
	bool eof;
};

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("control");

static struct client *client_of(struct sn_stream_user *user)
{
	return sn_container_of(user, struct client, user);
}

static struct client *client_of_request(struct sn_control_request *request)
{
	return sn_container_of(request, struct client, request);
}

/* --- answers -------------------------------------------------------------------------------- */

static int send_piece(const char *text, size_t n, void *data)
{
	struct client *client = data;

	sn_stream_write(client->user.stream, sn_str_n(text, n));
	return 0;
}

static int add_text(const char *text, size_t n, void *data)
{
	sn_strbuf_add(data, sn_str_n(text, n));
	return 0;
}

static void send_object(struct client *client, json_t *object)
{
	(void)json_dump_callback(object, send_piece, client, JSON_COMPACT);
	sn_stream_write(client->user.stream, SN_STR("\n"));
	json_decref(object);
}

/* {KEY: first, ...fields}: the key that tells what a line is stands first. */
static json_t *object_of(const char *key, json_t *first, json_t *fields)
{
	json_t *object = json_object();

	(void)json_object_set_new(object, key, first);
	if (fields != NULL) {
		(void)json_object_update_missing(object, fields);
		json_decref(fields);
	}
	return object;
}

void sn_control_event(struct sn_control_request *request, const char *name, json_t *fields)
{
	send_object(client_of_request(request), object_of("event", json_string(name), fields));
}

void sn_control_done(struct sn_control_request *request, int code, json_t *fields)
{
	struct client *client = client_of_request(request);

	sn_assert(client->words != NULL);
	send_object(client, object_of("code", json_integer(code), fields));
	sn_list_remove(&request->link);
	json_decref(client->words);
	client->words = NULL;
	*request = (struct sn_control_request){ .control = client->control };
	sn_list_init(&request->link);
	if (client->eof)
		sn_stream_close(client->user.stream);
	else
		sn_stream_resume(client->user.stream);
}

void sn_control_fail(struct sn_control_request *request, int code, const char *fmt, ...)
{
	struct sn_strbuf text;
	va_list args;

	sn_strbuf_init(&text, 1 << 20);
	va_start(args, fmt);
	sn_strbuf_addv(&text, fmt, args);
	va_end(args);
	sn_control_done(request, code, json_pack("{s:s%}", "error", text.p, text.n));
	sn_strbuf_fini(&text);
}

/* Not a request at all: say so, and no more of this client. */
static void refuse(struct client *client, const char *text)
{
	send_object(client, json_pack("{s:i, s:s}", "code", EX_USAGE, "error", text));
	sn_stream_close(client->user.stream);
}

/* --- requests ------------------------------------------------------------------------------- */

static const struct sn_control_verb *find_verb(const struct sn_control *control, const char *name)
{
	for (size_t i = 0; i < control->options.verb_count; i++) {
		if (strcmp(control->options.verbs[i].name, name) == 0)
			return &control->options.verbs[i];
	}
	return NULL;
}

static bool take_words(struct client *client)
{
	const size_t count = json_array_size(client->words);
	size_t i;
	json_t *word;

	if (!json_is_array(client->words) || count == 0 || count > SN_CONTROL_WORDS_MAX)
		return false;
	json_array_foreach(client->words, i, word)
	{
		if (!json_is_string(word))
			return false;
		if (i > 0)
			client->request.words[i - 1] = json_string_value(word);
	}
	client->request.count = count - 1;
	return true;
}

static void unknown_verb(struct sn_control_request *request, const char *name)
{
	const struct sn_control_options *options = &request->control->options;
	const char *names[64];
	const char *nearest;
	size_t count = 0;

	while (count < options->verb_count && count < sizeof(names) / sizeof(names[0])) {
		names[count] = options->verbs[count].name;
		count++;
	}
	nearest = sn_str_nearest(sn_str(name), names, count);
	sn_control_fail(request, EX_USAGE, "there is no control verb \"%.64s\"; %s%s%s", name,
		nearest != NULL ? "did you mean \"" : "`sennit ctl --help` lists them",
		nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static void wrong_count(struct sn_control_request *request)
{
	const struct sn_control_verb *verb = request->verb;
	char takes[32];

	if (verb->max == 0)
		(void)snprintf(takes, sizeof(takes), "no words");
	else if (verb->min == verb->max)
		(void)snprintf(takes, sizeof(takes), "%u word%s", (unsigned)verb->min,
			verb->min == 1 ? "" : "s");
	else
		(void)snprintf(takes, sizeof(takes), "%u to %u words", (unsigned)verb->min,
			(unsigned)verb->max);
	sn_control_fail(request, EX_USAGE, "%s takes %s, not %zu; `sennit ctl --help` says which",
		verb->name, takes, request->count);
}

static void run(struct client *client)
{
	struct sn_control_request *request = &client->request;
	const char *name = json_string_value(json_array_get(client->words, 0));
	const struct sn_control_verb *verb = find_verb(client->control, name);

	sn_stream_pause(client->user.stream);
	request->verb = verb;
	if (verb == NULL)
		unknown_verb(request, name);
	else if (request->count < verb->min || request->count > verb->max)
		wrong_count(request);
	else
		verb->run(request);
}

static void take_line(struct client *client, struct sn_str line)
{
	json_error_t error;

	client->words = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (client->words != NULL && take_words(client)) {
		run(client);
		return;
	}
	json_decref(client->words);
	client->words = NULL;
	refuse(client, "a request is a line with a JSON array of words, such as [\"status\"]");
}

static void on_input(struct sn_stream_user *user)
{
	struct client *client = client_of(user);
	int code = SN_OK;

	while (code == SN_OK && client->words == NULL && sn_stream_is_open(user->stream)) {
		struct sn_str line;
		size_t used;

		code = sn_frame_line(&client->framer, sn_stream_input(user->stream), &line, &used);
		if (code == SN_OK)
			take_line(client, line);
		else if (code == SN_ELIMIT)
			refuse(client, "a request has at most 4096 bytes");
		sn_stream_consume(user->stream, used);
	}
}

static void on_eof(struct sn_stream_user *user)
{
	struct client *client = client_of(user);

	client->eof = true;
	if (client->words == NULL)
		sn_stream_close(user->stream);
}

static void on_end(struct sn_stream_user *user, int code)
{
	struct client *client = client_of(user);
	struct sn_control_request *request = &client->request;

	(void)code;
	if (client->words != NULL && request->on_gone != NULL)
		request->on_gone(request);
	sn_list_remove(&request->link);
	json_decref(client->words);
	client->words = NULL;
	sn_list_remove(&client->link);
}

static void on_free(struct sn_stream_user *user)
{
	sn_incoming_free(&client_of(user)->incoming);
}

static const struct sn_stream_events events = {
	.on_input = on_input,
	.on_eof = on_eof,
	.on_end = on_end,
	.on_free = on_free,
};

/* --- connections ---------------------------------------------------------------------------- */

/* The daemon's own user, or root: whatever mode the socket was given by somebody. */
static bool may_control(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid());
}

static struct client *begin(struct sn_control *control, struct sn_incoming *incoming)
{
	struct client *client = sn_container_of(incoming, struct client, incoming);

	client->control = client->request.control = control;
	client->user.events = &events;
	sn_list_init(&client->request.link);
	sn_list_append(&control->clients, &client->link);
	sn_line_framer_init(&client->framer, SN_LINE_LF_OR_CRLF, SN_CONTROL_LINE_MAX);
	sn_stream_set_user(incoming->top, &client->user);
	return client;
}

static void on_open(struct sn_listener *listener, struct sn_incoming *incoming)
{
	struct client *client =
		begin(sn_container_of(listener, struct sn_control, listener), incoming);

	if (!may_control(incoming->socket.rfd)) {
		sn_log(&log_ctx, SN_LOG_WARN, "control-refused");
		refuse(client, "only the daemon's own user and root may control it");
	}
}

static const struct sn_listener_ops listener_ops = { .on_open = on_open };

int sn_control_bind(const char *path, struct sn_listen_socket *sock_r, struct sn_diag *diag)
{
	struct sn_listen_plan plan = {
		.kind = SN_LISTEN_ADDR,
		.socktype = SOCK_STREAM,
		.fd = -1,
		.wfd = -1,
		.mode = 0600,
		.lock = true,
	};
	int code = sn_addr_unix(sn_str(path), &plan.addr);

	if (code != SN_OK)
		return sn_diag_set(diag, code, 0, "control socket %s: %s", path,
			code == SN_ELIMIT ? "the path is too long for a unix socket"
					  : sn_strerror(code));
	code = sn_listen_open(&plan, sock_r, diag);
	return code == -EADDRINUSE ? SN_ELOCKED : code;
}

int sn_control_open(const struct sn_control_options *options, struct sn_listen_socket *sock,
	struct sn_control **control_r)
{
	struct sn_control *control = sn_alloc_zero(sizeof(*control));
	const struct sn_listener_options listening = {
		.conn_size = sizeof(struct client),
		.limits = { .in_max = 2 * SN_CONTROL_LINE_MAX,
			.low = ANSWER_MAX / 16,
			.high = ANSWER_MAX / 4,
			.max = ANSWER_MAX },
		.deadlines = { .close = CLOSE_TIMEOUT },
		.caps = &control->caps,
		.log = &log_ctx,
	};
	int code;

	control->options = *options;
	sn_list_init(&control->clients);
	sn_conn_caps_init(&control->caps, CLIENTS_MAX, 0);
	code = sn_listener_start(
		&control->listener, options->loop, sock, NULL, &listening, &listener_ops);
	if (code != SN_OK) {
		sn_conn_caps_fini(&control->caps);
		sn_free(control);
		return code;
	}
	*control_r = control;
	return SN_OK;
}

/* --- to another program --------------------------------------------------------------------- */

/* str32 words, then the stream. */
int sn_control_hand_over(struct sn_control_request *request, struct sn_strbuf *out)
{
	struct client *client = client_of_request(request);
	size_t place;

	if (!sn_stream_can_move(client->user.stream))
		return -1;
	place = sn_pack_begin32(out);
	(void)json_dump_callback(client->words, add_text, out, JSON_COMPACT);
	sn_pack_end32(out, place);
	sn_stream_freeze(client->user.stream, out);
	request->on_gone = NULL;
	return sn_stream_take_fd(client->user.stream, SN_ECANCELED);
}

int sn_control_resume(
	struct sn_control *control, int fd, struct sn_str in, struct sn_control_request **request_r)
{
	const struct sn_addr nowhere = { .len = 0 };
	struct sn_reader r = sn_reader(in);
	const struct sn_str words = sn_read_str32(&r);
	struct sn_incoming *incoming;
	struct client *client;
	int code = sn_listener_restore(&control->listener, fd, &nowhere, &nowhere, &incoming);

	if (code != SN_OK)
		return code;
	client = begin(control, incoming);
	code = sn_stream_thaw(client->user.stream, &r);
	client->words = json_loadb(words.p, words.n, 0, NULL);
	if (code == SN_OK && take_words(client)) {
		sn_stream_pause(client->user.stream);
		client->request.verb =
			find_verb(control, json_string_value(json_array_get(client->words, 0)));
		*request_r = &client->request;
		return SN_OK;
	}
	/* The descriptor went with the stream: its end is all that is left to tell. */
	json_decref(client->words);
	client->words = NULL;
	sn_stream_abort(client->user.stream, SN_EPROTO);
	*request_r = NULL;
	return SN_OK;
}

size_t sn_control_clients(const struct sn_control *control, const struct sn_control_request *but)
{
	const struct sn_list *link;
	size_t count = 0;

	sn_list_each (link, &control->clients) {
		const struct client *client = sn_container_of(link, const struct client, link);

		count += &client->request != but;
	}
	return count;
}

void *sn_control_owner(const struct sn_control_request *request)
{
	return request->control->options.owner;
}

const struct sn_listen_socket *sn_control_socket(const struct sn_control *control)
{
	return &control->listener.sock;
}

static void give_up_client(struct client *client)
{
	struct sn_control_request *request = &client->request;

	if (client->words == NULL) {
		sn_stream_close(client->user.stream);
		return;
	}
	if (request->on_gone != NULL)
		request->on_gone(request);
	client->eof = true;
	sn_control_fail(request, EX_TEMPFAIL, "the daemon is stopping");
}

void sn_control_close(struct sn_control *control)
{
	struct sn_list *link, *next;

	if (control->closing)
		return;
	control->closing = true;
	sn_listener_stop(&control->listener);
	sn_list_each_safe (link, next, &control->clients)
		give_up_client(sn_container_of(link, struct client, link));
}

bool sn_control_closed(const struct sn_control *control)
{
	return control->closing && sn_list_empty(&control->listener.connections);
}

void sn_control_free(struct sn_control **control_p)
{
	struct sn_control *control = *control_p;

	*control_p = NULL;
	if (control == NULL)
		return;
	sn_assert(sn_control_closed(control));
	sn_listener_fini(&control->listener);
	sn_conn_caps_fini(&control->caps);
	sn_free(control);
}
