/*
 * What the chat core says, as IRC lines. A line is encoded once for each set of capabilities that
 * changes it, and the block is shared by all who hear that form.
 */
#include "protocols/irc/irc_private.h"

/* Tags and the longest line of ours, with its ending. */
#define LINE_MAX_BYTES (SN_IRC_TAGS_MAX + 700 + SN_IRC_LINE_MAX + 2)

/* The capabilities that change how an event is written. */
#define FORM_CAPS \
	(SN_CAP_MESSAGE_TAGS | SN_CAP_SERVER_TIME | SN_CAP_ACCOUNT_TAG | SN_CAP_EXTENDED_JOIN)

/* Tags may be sent to whoever asked for any capability that brings some. */
static void add_tag(struct sn_strbuf *out, const char *key, struct sn_str value)
{
	sn_strbuf_addf(out, "%c%s", out->n == 0 ? '@' : ';', key);
	if (value.n > 0) {
		sn_strbuf_addc(out, '=');
		sn_irc_tag_escape(value, out);
	}
}

static void add_tags(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	char text[40];
	struct sn_strbuf when;

	if (caps & SN_CAP_SERVER_TIME) {
		sn_strbuf_fixed(&when, text, sizeof(text));
		sn_format_time(&when, event->time, 3);
		add_tag(out, "time", sn_strbuf_str(&when));
	}
	if ((caps & SN_CAP_MESSAGE_TAGS) && event->id[0] != '\0')
		add_tag(out, "msgid", sn_str(event->id));
	if ((caps & SN_CAP_ACCOUNT_TAG) && event->from->account.n > 0)
		add_tag(out, "account", event->from->account);
	if ((caps & SN_CAP_MESSAGE_TAGS) && event->message != NULL &&
		event->message->client_tags.n > 0) {
		sn_strbuf_addc(out, out->n == 0 ? '@' : ';');
		sn_strbuf_add(out, event->message->client_tags);
	}
	if (out->n > 0)
		sn_strbuf_addc(out, ' ');
}

static void add_source(const struct sn_chat_event *event, struct sn_strbuf *out)
{
	const struct sn_chat_user *from = event->from;
	const struct sn_str name = event->kind == SN_EVENT_RENAME ? event->old_name : from->name;

	sn_strbuf_addc(out, ':');
	sn_strbuf_add(out, name);
	sn_strbuf_addc(out, '!');
	sn_strbuf_add(out, from->login);
	sn_strbuf_addc(out, '@');
	sn_strbuf_add(out, from->host);
	sn_strbuf_addc(out, ' ');
}

static void add_message(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	static const char *const words[] = {
		[SN_CHAT_MESSAGE] = "PRIVMSG ",
		[SN_CHAT_NOTICE] = "NOTICE ",
		[SN_CHAT_TAGS_ONLY] = "TAGMSG ",
	};
	const struct sn_chat_message *message = event->message;

	(void)caps;
	sn_strbuf_adds(out, words[message->kind]);
	if (message->min_rank != 0)
		sn_strbuf_addc(out, sn_irc_rank_char(message->min_rank));
	if (event->room != NULL)
		sn_strbuf_addc(out, '#');
	sn_strbuf_add(out, event->room != NULL ? event->room->name : event->target->name);
	if (message->kind == SN_CHAT_TAGS_ONLY)
		return;
	sn_strbuf_adds(out, " :");
	sn_strbuf_add(out, message->text);
}

static void add_join(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "JOIN #%.*s", SN_STR_ARG(event->room->name));
	if (caps & SN_CAP_EXTENDED_JOIN)
		sn_strbuf_addf(out, " %.*s :%.*s",
			SN_STR_ARG(event->from->account.n > 0 ? event->from->account : SN_STR("*")),
			SN_STR_ARG(event->from->real_name));
}

static void add_reason(struct sn_str text, struct sn_strbuf *out)
{
	if (text.n > 0)
		sn_strbuf_addf(out, " :%.*s", SN_STR_ARG(text));
}

static void add_part(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(out, "PART #%.*s", SN_STR_ARG(event->room->name));
	add_reason(event->text, out);
}

static void add_quit(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_adds(out, "QUIT");
	add_reason(event->text, out);
}

static void add_kick(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(out, "KICK #%.*s %.*s :%.*s", SN_STR_ARG(event->room->name),
		SN_STR_ARG(event->target->name), SN_STR_ARG(event->text));
}

static void add_invite(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(out, "INVITE %.*s #%.*s", SN_STR_ARG(event->target->name),
		SN_STR_ARG(event->room->name));
}

static void add_topic(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(
		out, "TOPIC #%.*s :%.*s", SN_STR_ARG(event->room->name), SN_STR_ARG(event->text));
}

static void add_changes(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(out, "MODE #%.*s ", SN_STR_ARG(event->room->name));
	sn_irc_format_changes(event->changes, event->change_count, out);
}

static void add_rename(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_addf(out, "NICK :%.*s", SN_STR_ARG(event->from->name));
}

static void add_away(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	(void)caps;
	sn_strbuf_adds(out, "AWAY");
	add_reason(event->text, out);
}

static void add_account(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out)
{
	const struct sn_str account = event->from->account;

	(void)caps;
	sn_strbuf_addf(out, "ACCOUNT %.*s", SN_STR_ARG(account.n > 0 ? account : SN_STR("*")));
}

/* Needs: the capability without which a client does not hear of it; 0: everybody does. */
static const struct {
	void (*add)(const struct sn_chat_event *event, unsigned caps, struct sn_strbuf *out);
	unsigned needs;
	bool echo; /* the one who caused it hears it too */
} kinds[] = {
	[SN_EVENT_MESSAGE] = { add_message, 0, true },
	[SN_EVENT_JOIN] = { add_join, 0, true },
	[SN_EVENT_PART] = { add_part, 0, true },
	[SN_EVENT_QUIT] = { add_quit, 0, false },
	[SN_EVENT_KICK] = { add_kick, 0, true },
	[SN_EVENT_INVITE] = { add_invite, SN_CAP_INVITE_NOTIFY, false },
	[SN_EVENT_TOPIC] = { add_topic, 0, true },
	[SN_EVENT_CHANGES] = { add_changes, 0, true },
	[SN_EVENT_RENAME] = { add_rename, 0, true },
	[SN_EVENT_AWAY] = { add_away, SN_CAP_AWAY_NOTIFY, false },
	[SN_EVENT_ACCOUNT] = { add_account, SN_CAP_ACCOUNT_NOTIFY, true },
};

static struct sn_block *encode(const struct sn_chat_event *event, unsigned caps)
{
	char text[LINE_MAX_BYTES];
	struct sn_strbuf line;
	size_t tags;

	sn_strbuf_fixed(&line, text, sizeof(text));
	add_tags(event, caps, &line);
	tags = line.n;
	add_source(event, &line);
	kinds[event->kind].add(event, caps, &line);
	/* What the sender could send may be too long with his source before it: cut, as all do. */
	sn_strbuf_truncate(&line, tags + sn_irc_fit(sn_str_from(sn_strbuf_str(&line), tags)));
	sn_strbuf_adds(&line, "\r\n");
	return sn_block_copy(sn_strbuf_str(&line));
}

/* The capabilities without which this client does not hear of the event. */
static unsigned needs(const struct sn_irc_client *client, const struct sn_chat_event *event)
{
	unsigned caps = kinds[event->kind].needs;

	if (event->kind == SN_EVENT_INVITE && event->target == &client->user)
		caps = 0;
	if (event->message != NULL && event->echo)
		caps |= SN_CAP_ECHO_MESSAGE;
	if (event->message != NULL && event->message->kind == SN_CHAT_TAGS_ONLY)
		caps |= SN_CAP_MESSAGE_TAGS;
	return caps;
}

static bool hears(const struct sn_irc_client *client, const struct sn_chat_event *event)
{
	const unsigned caps = needs(client, event);

	/* When everybody goes nobody needs to hear of everybody else. */
	if (client->state != SN_IRC_REGISTERED || client->conn.instance->draining)
		return false;
	return (client->caps & caps) == caps && (!event->echo || kinds[event->kind].echo);
}

static void deliver(struct sn_chat_user *to, struct sn_chat_event *event)
{
	struct sn_irc_client *client = sn_irc_of_user(to);
	const unsigned key = client->caps & FORM_CAPS;
	struct sn_block *block;

	if (!hears(client, event))
		return;
	block = sn_chat_form_find(event, &sn_irc_front, key);
	if (block == NULL)
		block = sn_chat_form_keep(event, &sn_irc_front, key, encode(event, key));
	sn_conn_write_block(&client->conn, block);
}

const struct sn_chat_front sn_irc_front = { .name = "irc", .deliver = deliver };
