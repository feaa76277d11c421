#include "protocols/irc/irc_private.h"

#define ANYTIME (SN_IRC_UNREGISTERED | SN_IRC_REGISTERED)

/* Name, least and most arguments, cost, states, handler; sorted by name. */
static const struct sn_irc_verb verbs[] = {
	{ { "ADMIN", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_admin },
	{ { "AUTHENTICATE", 1, 255, 1, ANYTIME }, sn_irc_authenticate },
	{ { "AWAY", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_away },
	{ { "CAP", 1, 255, 1, ANYTIME }, sn_irc_cap },
	{ { "INFO", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_info },
	{ { "INVITE", 2, 255, 1, SN_IRC_REGISTERED }, sn_irc_invite },
	{ { "ISON", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_ison },
	{ { "JOIN", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_join },
	{ { "KICK", 2, 255, 1, SN_IRC_REGISTERED }, sn_irc_kick },
	{ { "LIST", 0, 255, 3, SN_IRC_REGISTERED }, sn_irc_list },
	{ { "LUSERS", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_lusers },
	{ { "MODE", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_mode },
	{ { "MOTD", 0, 255, 2, SN_IRC_REGISTERED }, sn_irc_motd },
	{ { "NAMES", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_names },
	{ { "NICK", 0, 255, 1, ANYTIME }, sn_irc_nick },
	{ { "NOTICE", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_notice },
	{ { "PART", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_part },
	{ { "PASS", 1, 255, 1, ANYTIME }, sn_irc_pass },
	{ { "PING", 0, 255, 1, ANYTIME }, sn_irc_ping },
	{ { "PONG", 0, 255, 0, ANYTIME }, sn_irc_pong },
	{ { "PRIVMSG", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_privmsg },
	{ { "QUIT", 0, 255, 0, ANYTIME }, sn_irc_quit },
	{ { "TAGMSG", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_tagmsg },
	{ { "TIME", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_time },
	{ { "TOPIC", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_topic },
	{ { "USER", 4, 255, 1, ANYTIME }, sn_irc_user },
	{ { "USERHOST", 1, 255, 1, SN_IRC_REGISTERED }, sn_irc_userhost },
	{ { "VERSION", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_version },
	{ { "WHO", 0, 255, 2, SN_IRC_REGISTERED }, sn_irc_who },
	{ { "WHOIS", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_whois },
	{ { "WHOWAS", 0, 255, 1, SN_IRC_REGISTERED }, sn_irc_whowas },
};

const struct sn_verb_table sn_irc_verbs = {
	.rows = &verbs[0].verb,
	.count = sizeof(verbs) / sizeof(verbs[0]),
	.stride = sizeof(verbs[0]),
};

int sn_irc_dispatch(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_verb *verb = sn_verb_find(&sn_irc_verbs, m->command);

	sn_metric_add(&client->conn.instance->metrics, SN_IRC_COMMANDS, 1);
	if (client->state == SN_IRC_UNREGISTERED &&
		(verb == NULL || (verb->states & SN_IRC_UNREGISTERED) == 0)) {
		sn_irc_reply(client, ERR_NOTREGISTERED);
		return SN_OK;
	}
	if (verb == NULL) {
		sn_irc_reply(client, ERR_UNKNOWNCOMMAND, SN_STR_ARG(m->command));
		return SN_OK;
	}
	if (m->param_count < verb->min) {
		sn_irc_reply(client, ERR_NEEDMOREPARAMS, SN_STR_ARG(m->command));
		return SN_OK;
	}
	/* conn.c charged one for the line. */
	if (verb->cost > 1)
		client->flood_until +=
			SN_SEC(1) / sn_irc_server(client)->conf->flood_rate * (verb->cost - 1);
	return sn_container_of(verb, const struct sn_irc_verb, verb)->handler(client, m);
}
