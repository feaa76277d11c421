#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

#define CHANGES_MAX 12 /* of one MODE command, as ISUPPORT says */

/* The channel modes: letter, what it changes, whether it takes an argument when set and unset. */
static const struct mode_row {
	char letter;
	enum sn_chat_change_kind kind;
	unsigned flag;
	bool arg_on, arg_off;
} rows[] = {
	{ 'b', SN_CHANGE_BAN, 0, true, true },
	{ 'i', SN_CHANGE_FLAG, SN_ROOM_INVITE_ONLY, false, false },
	{ 'k', SN_CHANGE_KEY, 0, true, true },
	{ 'l', SN_CHANGE_LIMIT, 0, true, false },
	{ 'm', SN_CHANGE_FLAG, SN_ROOM_MODERATED, false, false },
	{ 'n', SN_CHANGE_FLAG, SN_ROOM_MEMBERS_SEND, false, false },
	{ 'o', SN_CHANGE_RANK, SN_RANK_OPERATOR, true, true },
	{ 's', SN_CHANGE_FLAG, SN_ROOM_SECRET, false, false },
	{ 't', SN_CHANGE_FLAG, SN_ROOM_TOPIC_LOCK, false, false },
	{ 'v', SN_CHANGE_RANK, SN_RANK_VOICE, true, true },
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct mode_row *find_row(char letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].letter == letter)
			return &rows[i];
	}
	return NULL;
}

static const struct mode_row *row_of(const struct sn_chat_change *change)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].kind == change->kind && rows[i].flag == change->flag)
			return &rows[i];
	}
	sn_unreachable();
}

/* --- printing ------------------------------------------------------------------------------- */

void sn_irc_format_modes(
	const struct sn_chat_room *room, const struct sn_chat_user *to, struct sn_strbuf *out)
{
	const bool member = sn_chat_member(room, to) != NULL;

	sn_strbuf_addc(out, '+');
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].kind == SN_CHANGE_FLAG && (room->flags & rows[i].flag))
			sn_strbuf_addc(out, rows[i].letter);
	}
	if (room->key.n > 0)
		sn_strbuf_addc(out, 'k');
	if (room->limit > 0)
		sn_strbuf_addc(out, 'l');
	if (room->key.n > 0)
		sn_strbuf_addf(out, " %.*s", SN_STR_ARG(member ? room->key : SN_STR("*")));
	if (room->limit > 0)
		sn_strbuf_addf(out, " %u", (unsigned)room->limit);
}

static void add_change_arg(const struct sn_chat_change *change, struct sn_strbuf *out)
{
	switch (change->kind) {
	case SN_CHANGE_FLAG:
		break;
	case SN_CHANGE_LIMIT:
		if (change->on)
			sn_strbuf_addf(out, " %u", (unsigned)change->number);
		break;
	case SN_CHANGE_KEY:
		sn_strbuf_addf(out, " %.*s", SN_STR_ARG(change->on ? change->text : SN_STR("*")));
		break;
	case SN_CHANGE_BAN:
		sn_strbuf_addf(out, " %.*s", SN_STR_ARG(change->text));
		break;
	case SN_CHANGE_RANK:
		sn_strbuf_addf(out, " %.*s", SN_STR_ARG(change->user->name));
		break;
	}
}

void sn_irc_format_changes(
	const struct sn_chat_change *changes, size_t count, struct sn_strbuf *out)
{
	char sign = '\0';

	for (size_t i = 0; i < count; i++) {
		const char wanted = changes[i].on ? '+' : '-';

		if (wanted != sign)
			sn_strbuf_addc(out, wanted);
		sign = wanted;
		sn_strbuf_addc(out, row_of(&changes[i])->letter);
	}
	for (size_t i = 0; i < count; i++)
		add_change_arg(&changes[i], out);
}

/* --- channels ------------------------------------------------------------------------------- */

static void send_bans(struct sn_irc_client *client, struct sn_chat_room *room)
{
	struct sn_list *link;

	sn_list_each (link, &room->bans) {
		const struct sn_chat_mask *mask = sn_container_of(link, struct sn_chat_mask, link);

		sn_irc_reply(client, RPL_BANLIST, SN_STR_ARG(room->name), SN_STR_ARG(mask->mask),
			SN_STR_ARG(mask->set_by), (long long)(mask->set_at / SN_SEC(1)));
	}
	sn_irc_reply(client, RPL_ENDOFBANLIST, SN_STR_ARG(room->name));
}

/* "bob" -> "bob!*@*", "*@host" -> "*!*@host", "a!b" -> "a!b@*". */
static struct sn_str full_mask(struct sn_pool *pool, struct sn_str given)
{
	const bool bang = sn_str_find(given, '!') < given.n;
	const bool at = sn_str_find(given, '@') < given.n;

	if (bang && at)
		return sn_pool_str(pool, given);
	return sn_str(sn_pool_printf(pool, "%s%.*s%s", !bang && at ? "*!" : "", SN_STR_ARG(given),
		!bang && !at ? "!*@*" : (!at ? "@*" : "")));
}

/* One MODE command under way. */
struct mode_run {
	struct sn_irc_client *client;
	struct sn_chat_room *room;
	const struct sn_irc_message *m;
	size_t next_arg;
	struct sn_chat_change done[CHANGES_MAX];
	size_t count;
	struct sn_pool *pool;
	bool told_rank, listed_bans;
};

static void bad_param(struct mode_run *run, char letter, struct sn_str value)
{
	sn_irc_reply(run->client, ERR_INVALIDMODEPARAM, SN_STR_ARG(run->room->name), letter,
		SN_STR_ARG(value.n > 0 ? value : SN_STR("*")));
}

static struct sn_str next_arg(struct mode_run *run)
{
	return run->next_arg < run->m->param_count ? run->m->params[run->next_arg++] : SN_STR_NULL;
}

/* Fill the change from the argument; false: answered already. */
static bool fill(struct mode_run *run, const struct mode_row *row, struct sn_str arg,
	struct sn_chat_change *change)
{
	uint64_t number;

	switch (row->kind) {
	case SN_CHANGE_RANK:
		change->user = sn_chat_find_user(sn_irc_server(run->client)->chat, arg);
		if (change->user == NULL)
			sn_irc_refuse(run->client, SN_CHAT_ENOUSER, arg);
		return change->user != NULL;
	case SN_CHANGE_LIMIT:
		if (!change->on)
			return true;
		if (sn_parse_u64(arg, INT32_MAX, &number) != SN_OK || number == 0) {
			bad_param(run, row->letter, arg);
			return false;
		}
		change->number = (uint32_t)number;
		return true;
	case SN_CHANGE_BAN:
		change->text = full_mask(run->pool, arg);
		return true;
	case SN_CHANGE_KEY:
	case SN_CHANGE_FLAG:
		change->text = arg;
		return true;
	}
	return false;
}

static void answer(struct mode_run *run, const struct mode_row *row,
	const struct sn_chat_change *change, int code)
{
	struct sn_irc_client *client = run->client;

	switch (code) {
	case SN_CHAT_EEXISTS:
		return;
	case SN_CHAT_ENOTOP:
	case SN_CHAT_ENOTMEMBER:
		if (!run->told_rank)
			sn_irc_refuse(client, code, run->m->params[0]);
		run->told_rank = true;
		return;
	case SN_CHAT_ETHEYNOTMEMBER:
		sn_irc_reply(client, ERR_USERNOTINCHANNEL, SN_STR_ARG(change->user->name),
			SN_STR_ARG(run->room->name));
		return;
	case SN_CHAT_ELISTFULL:
		sn_irc_reply(client, ERR_BANLISTFULL, SN_STR_ARG(run->room->name),
			SN_STR_ARG(change->text));
		return;
	case SN_CHAT_ENAME:
		if (row->kind == SN_CHANGE_KEY)
			sn_irc_reply(client, ERR_INVALIDKEY, SN_STR_ARG(run->room->name));
		else
			bad_param(run, row->letter, change->text);
		return;
	default:
		sn_irc_refuse(client, code, run->m->params[0]);
	}
}

static void run_change(struct mode_run *run, const struct mode_row *row, bool on)
{
	struct sn_chat_change change = { .kind = row->kind, .on = on, .flag = row->flag };
	const bool wants_arg = on ? row->arg_on : row->arg_off;
	const struct sn_str arg = wants_arg ? next_arg(run) : SN_STR_NULL;
	int code;

	if (row->kind == SN_CHANGE_BAN && arg.n == 0) {
		if (!run->listed_bans)
			send_bans(run->client, run->room);
		run->listed_bans = true;
		return;
	}
	/* "-k" without the key is understood: clients differ. */
	if (wants_arg && arg.n == 0 && !(row->kind == SN_CHANGE_KEY && !on)) {
		bad_param(run, row->letter, arg);
		return;
	}
	if (run->count == CHANGES_MAX || !fill(run, row, arg, &change))
		return;
	code = sn_chat_apply(&run->client->user, run->room, &change);
	if (code == SN_OK)
		run->done[run->count++] = change;
	else
		answer(run, row, &change, code);
}

static void run_letters(struct mode_run *run, struct sn_str letters)
{
	bool on = true;

	for (size_t i = 0; i < letters.n; i++) {
		const char letter = letters.p[i];
		const struct mode_row *row = find_row(letter);

		if (letter == '+' || letter == '-')
			on = letter == '+';
		else if (row == NULL)
			sn_irc_reply(run->client, ERR_UNKNOWNMODE, letter);
		else
			run_change(run, row, on);
	}
}

static int channel_mode(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct mode_run run = { .client = client, .m = m };

	run.room = sn_irc_find_room(sn_irc_server(client), m->params[0]);
	if (run.room == NULL || !sn_chat_room_visible(run.room, &client->user)) {
		sn_irc_refuse(client, SN_CHAT_ENOROOM, m->params[0]);
		return SN_OK;
	}
	if (m->param_count == 1) {
		char text[128];
		struct sn_strbuf modes;

		sn_strbuf_fixed(&modes, text, sizeof(text));
		sn_irc_format_modes(run.room, &client->user, &modes);
		sn_irc_reply(client, RPL_CHANNELMODEIS, SN_STR_ARG(run.room->name),
			SN_STR_ARG(sn_strbuf_str(&modes)));
		sn_irc_reply(client, RPL_CREATIONTIME, SN_STR_ARG(run.room->name),
			(long long)(run.room->created / SN_SEC(1)));
		return SN_OK;
	}
	run.pool = sn_pool_new(0);
	run.next_arg = 2;
	run_letters(&run, m->params[1]);
	sn_chat_announce(&client->user, run.room, run.done, run.count);
	sn_pool_free(&run.pool);
	return SN_OK;
}

/* --- oneself -------------------------------------------------------------------------------- */

static int user_mode(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_str letters = m->param_count > 1 ? m->params[1] : SN_STR_NULL;
	const bool before = client->user.invisible;
	bool on = true, unknown = false;

	if (sn_chat_find_user(sn_irc_server(client)->chat, m->params[0]) == NULL) {
		sn_irc_refuse(client, SN_CHAT_ENOUSER, m->params[0]);
		return SN_OK;
	}
	if (!sn_str_eq_nocase(m->params[0], client->user.name)) {
		sn_irc_reply(client, ERR_USERSDONTMATCH);
		return SN_OK;
	}
	if (m->param_count == 1) {
		sn_irc_reply(client, RPL_UMODEIS, client->user.invisible ? "i" : "",
			sn_irc_is_operator(&client->user) ? "o" : "");
		return SN_OK;
	}
	for (size_t i = 0; i < letters.n; i++) {
		if (letters.p[i] == '+' || letters.p[i] == '-')
			on = letters.p[i] == '+';
		else if (letters.p[i] == 'i')
			client->user.invisible = on;
		else if (letters.p[i] != 'o') /* it comes with the account's role */
			unknown = true;
	}
	if (unknown)
		sn_irc_reply(client, ERR_UMODEUNKNOWNFLAG);
	if (before != client->user.invisible)
		sn_conn_printf(&client->conn, ":%.*s MODE %.*s :%ci\r\n",
			SN_STR_ARG(client->user.name), SN_STR_ARG(client->user.name),
			client->user.invisible ? '+' : '-');
	return SN_OK;
}

int sn_irc_mode(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const bool channel = m->params[0].n > 0 && m->params[0].p[0] == '#';

	return channel ? channel_mode(client, m) : user_mode(client, m);
}
