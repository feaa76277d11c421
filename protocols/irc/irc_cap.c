/* Capability negotiation: https://ircv3.net/specs/extensions/capability-negotiation (LS 302). */
#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

static const struct {
	const char *name;
	enum sn_irc_cap cap;
} caps[] = {
	{ "account-notify", SN_CAP_ACCOUNT_NOTIFY },
	{ "account-tag", SN_CAP_ACCOUNT_TAG },
	{ "away-notify", SN_CAP_AWAY_NOTIFY },
	{ "cap-notify", SN_CAP_CAP_NOTIFY },
	{ "echo-message", SN_CAP_ECHO_MESSAGE },
	{ "extended-join", SN_CAP_EXTENDED_JOIN },
	{ "invite-notify", SN_CAP_INVITE_NOTIFY },
	{ "message-tags", SN_CAP_MESSAGE_TAGS },
	{ "multi-prefix", SN_CAP_MULTI_PREFIX },
	{ "sasl", SN_CAP_SASL },
	{ "server-time", SN_CAP_SERVER_TIME },
	{ "userhost-in-names", SN_CAP_USERHOST_IN_NAMES },
};
#define CAP_COUNT (sizeof(caps) / sizeof(caps[0]))

static bool available(const struct sn_irc_client *client, enum sn_irc_cap cap)
{
	return cap != SN_CAP_SASL ||
		sn_sasl_mech_at(&client->sasl, client->conn.instance->portal, 0) != NULL;
}

static void add_mechanisms(const struct sn_irc_client *client, struct sn_strbuf *out)
{
	const struct sn_sasl_mech *mech;

	for (size_t i = 0;
		(mech = sn_sasl_mech_at(&client->sasl, client->conn.instance->portal, i)) != NULL;
		i++)
		sn_strbuf_addf(out, "%c%s", i == 0 ? '=' : ',', mech->name);
}

static void send_list(struct sn_irc_client *client, const char *verb, unsigned which, bool values)
{
	char text[SN_IRC_LINE_MAX];
	struct sn_strbuf list;

	sn_strbuf_fixed(&list, text, sizeof(text));
	for (size_t i = 0; i < CAP_COUNT; i++) {
		if ((caps[i].cap & which) == 0 || !available(client, caps[i].cap))
			continue;
		if (list.n > 0)
			sn_strbuf_addc(&list, ' ');
		sn_strbuf_adds(&list, caps[i].name);
		if (values && caps[i].cap == SN_CAP_SASL)
			add_mechanisms(client, &list);
	}
	sn_irc_send(client, "CAP %.*s %s :%s", SN_STR_ARG(sn_irc_nick_of(client)), verb, text);
}

static void begin(struct sn_irc_client *client)
{
	if (client->state == SN_IRC_UNREGISTERED)
		client->negotiating = true;
}

static int cap_ls(struct sn_irc_client *client, struct sn_str version)
{
	uint64_t number;

	begin(client);
	if (sn_parse_u64(version, UINT32_MAX, &number) == SN_OK && number >= 302)
		client->cap302 = true;
	if (client->cap302)
		client->caps |= SN_CAP_CAP_NOTIFY;
	send_list(client, "LS", ~0u, client->cap302);
	return SN_OK;
}

static int cap_list(struct sn_irc_client *client, struct sn_str arg)
{
	(void)arg;
	send_list(client, "LIST", client->caps, false);
	return SN_OK;
}

/* 0: there is none of that name here. */
static unsigned find_cap(const struct sn_irc_client *client, struct sn_str name)
{
	for (size_t i = 0; i < CAP_COUNT; i++) {
		if (sn_str_eq(name, sn_str(caps[i].name)))
			return available(client, caps[i].cap) ? (unsigned)caps[i].cap : 0;
	}
	return 0;
}

/* All or nothing. */
static int cap_req(struct sn_irc_client *client, struct sn_str list)
{
	unsigned result = client->caps;
	struct sn_str rest = list, word;
	bool known = true;

	begin(client);
	while (sn_str_split(&rest, ' ', &word)) {
		const bool off = word.n > 0 && word.p[0] == '-';
		const unsigned cap = find_cap(client, off ? sn_str_from(word, 1) : word);

		if (word.n == 0)
			continue;
		if (cap == 0 || (off && cap == SN_CAP_CAP_NOTIFY && client->cap302))
			known = false;
		result = off ? result & ~cap : result | cap;
	}
	if (known)
		client->caps = result;
	sn_irc_send(client, "CAP %.*s %s :%.*s", SN_STR_ARG(sn_irc_nick_of(client)),
		known ? "ACK" : "NAK", SN_STR_ARG(list));
	return SN_OK;
}

static int cap_end(struct sn_irc_client *client, struct sn_str arg)
{
	(void)arg;
	if (!client->negotiating)
		return SN_OK;
	client->negotiating = false;
	if (client->sasl.mech != NULL) {
		sn_irc_sasl_end(client);
		sn_irc_reply(client, ERR_SASLABORTED);
	}
	return sn_irc_try_register(client);
}

static const struct {
	const char *name;
	int (*fn)(struct sn_irc_client *client, struct sn_str arg);
} subcommands[] = {
	{ "LS", cap_ls },
	{ "LIST", cap_list },
	{ "REQ", cap_req },
	{ "END", cap_end },
};

int sn_irc_cap(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_str arg = m->param_count > 1 ? m->params[1] : SN_STR_NULL;

	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		if (sn_str_eq_nocase(m->params[0], sn_str(subcommands[i].name)))
			return subcommands[i].fn(client, arg);
	}
	sn_irc_reply(client, ERR_INVALIDCAPCMD, SN_STR_ARG(m->params[0]));
	return SN_OK;
}
