/*
 * What the files of the IRC module share: the server (one instance), the client (one connection)
 * and the small functions between them.
 *
 *   irc_service.c   vtable, configuration and metric rows, start and stop
 *   irc_conn.c      bytes to lines, flood control, pings, the end of a connection
 *   irc_command.c   the verb table and dispatch
 *   irc_register.c  NICK USER CAP-END QUIT PING PONG: becoming a user, and ceasing to be
 *   irc_cap.c       capability negotiation      irc_sasl.c    AUTHENTICATE
 *   irc_freeze.c    moving to another process
 *   irc_channel.c   JOIN PART TOPIC NAMES LIST KICK INVITE    irc_mode.c    MODE
 *   irc_talk.c      PRIVMSG NOTICE TAGMSG AWAY
 *   irc_query.c     WHO WHOIS MOTD LUSERS VERSION and other questions
 *   irc_front.c     what the chat core says, as lines         irc_reply.c   numerics
 */
#ifndef SN_PROTOCOLS_IRC_IRC_PRIVATE_H
#define SN_PROTOCOLS_IRC_IRC_PRIVATE_H

#include "daemon/auth/sasl.h"
#include "daemon/base/framer.h"
#include "daemon/base/mem.h"
#include "daemon/service/conn.h"
#include "daemon/service/verbs.h"
#include "protocols/chat/chat.h"
#include "protocols/irc/irc_parse.h"

#define SN_IRC_SASL_MAX 8192 /* one response, base64 */

struct sn_irc_conf {
	struct sn_str network, server_name, motd;
	bool open;          /* guests may come although accounts are configured */
	bool insecure_auth; /* passwords over plain connections from elsewhere */
	int64_t ping_interval, ping_timeout, register_timeout;
	int64_t nick_max, channel_max, topic_max, channels_per_user, ban_max, away_max;
	int64_t flood_burst, flood_rate; /* commands at once; per second then */
	uint64_t flood_backlog;          /* unread bytes of a throttled client */
};
extern const struct sn_conf_section sn_irc_section;

enum sn_irc_metric {
	SN_IRC_USERS,
	SN_IRC_COMMANDS,
	SN_IRC_MESSAGES,
	SN_IRC_THROTTLED,
	SN_IRC_FLOODED,
	SN_IRC_LOGINS,
	SN_IRC_LOGIN_FAILURES,
	SN_IRC_METRICS
};

struct sn_irc_server {
	struct sn_instance instance; /* first member */
	const struct sn_irc_conf *conf;
	struct sn_chat *chat;
	struct sn_str name;  /* server name in prefixes */
	struct sn_str *motd; /* lines */
	size_t motd_count;
	size_t unregistered;
	char *motd_text, *name_text;
	struct sn_task thawed; /* irc_freeze.c */
};

enum sn_irc_cap {
	SN_CAP_MESSAGE_TAGS = 1 << 0,
	SN_CAP_SERVER_TIME = 1 << 1,
	SN_CAP_ECHO_MESSAGE = 1 << 2,
	SN_CAP_SASL = 1 << 3,
	SN_CAP_CAP_NOTIFY = 1 << 4,
	SN_CAP_MULTI_PREFIX = 1 << 5,
	SN_CAP_USERHOST_IN_NAMES = 1 << 6,
	SN_CAP_AWAY_NOTIFY = 1 << 7,
	SN_CAP_EXTENDED_JOIN = 1 << 8,
	SN_CAP_ACCOUNT_NOTIFY = 1 << 9,
	SN_CAP_ACCOUNT_TAG = 1 << 10,
	SN_CAP_INVITE_NOTIFY = 1 << 11,
};

/* States a verb may be allowed in. */
enum sn_irc_state { SN_IRC_UNREGISTERED = 1, SN_IRC_REGISTERED = 2, SN_IRC_ENDING = 4 };

struct sn_irc_client {
	struct sn_conn conn; /* first member */
	struct sn_chat_user user;
	struct sn_line_framer framer;
	enum sn_irc_state state;
	unsigned caps;
	bool negotiating, cap302, closing_said;
	struct sn_str nick_wanted, login, real_name; /* own copies */
	char *quit_reason;
	struct sn_sasl sasl;
	struct sn_strbuf sasl_input;
	struct sn_timer timer; /* registration, ping */
	struct sn_timer throttle;
	int64_t flood_until; /* monotonic: the time its commands are paid up to */
	int64_t heard;       /* monotonic: last line */
	bool ping_sent;
	bool awaits_drain; /* read no further until its answers have left */
	char host[SN_ADDR_TEXT_SIZE];
};

static inline struct sn_irc_server *sn_irc_server(const struct sn_irc_client *client)
{
	return sn_container_of(client->conn.instance, struct sn_irc_server, instance);
}
static inline struct sn_irc_client *sn_irc_of_user(struct sn_chat_user *user)
{
	return sn_container_of(user, struct sn_irc_client, user);
}

/* --- commands ------------------------------------------------------------------------------- */

/* SN_OK; SN_PENDING (no input until sn_conn_resume); SN_CLOSE (flush and close). */
typedef int (*sn_irc_handler)(struct sn_irc_client *client, const struct sn_irc_message *m);
struct sn_irc_verb {
	struct sn_verb verb; /* first member */
	sn_irc_handler handler;
};
extern const struct sn_verb_table sn_irc_verbs;
int sn_irc_dispatch(struct sn_irc_client *client, const struct sn_irc_message *m);

/* irc_register.c */
int sn_irc_nick(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_user(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_pass(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_quit(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_ping(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_pong(struct sn_irc_client *client, const struct sn_irc_message *m);
/* Welcome the client if all it takes is there. */
int sn_irc_try_register(struct sn_irc_client *client);
/* irc_cap.c, irc_sasl.c */
int sn_irc_cap(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_authenticate(struct sn_irc_client *client, const struct sn_irc_message *m);
void sn_irc_sasl_init(struct sn_irc_client *client);
/* Somebody whose session has the role "operator". */
bool sn_irc_is_operator(const struct sn_chat_user *user);
void sn_irc_sasl_end(struct sn_irc_client *client);
/* irc_channel.c */
int sn_irc_join(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_part(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_topic(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_names(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_list(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_kick(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_invite(struct sn_irc_client *client, const struct sn_irc_message *m);
/* irc_mode.c */
int sn_irc_mode(struct sn_irc_client *client, const struct sn_irc_message *m);
/* "+nt", with key and limit as far as `to` may know them. */
void sn_irc_format_modes(
	const struct sn_chat_room *room, const struct sn_chat_user *to, struct sn_strbuf *out);
/* " +o-b bob *!*@x" of an announced change, shared by reply and event. */
void sn_irc_format_changes(
	const struct sn_chat_change *changes, size_t count, struct sn_strbuf *out);
/* irc_talk.c */
int sn_irc_privmsg(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_notice(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_tagmsg(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_away(struct sn_irc_client *client, const struct sn_irc_message *m);
/* irc_query.c */
int sn_irc_who(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_whois(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_whowas(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_userhost(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_ison(struct sn_irc_client *client, const struct sn_irc_message *m);
/* irc_info.c */
int sn_irc_motd(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_lusers(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_version(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_time(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_info(struct sn_irc_client *client, const struct sn_irc_message *m);
int sn_irc_admin(struct sn_irc_client *client, const struct sn_irc_message *m);
void sn_irc_send_isupport(struct sn_irc_client *client);

/* --- replies -------------------------------------------------------------------------------- */

enum sn_irc_numeric {
#define SN_IRC_NUMERIC(name, number, text) SN_##name = (number),
#include "protocols/irc/irc.def"
#undef SN_IRC_NUMERIC
};
/* The texts as arrays, so that the compiler checks the arguments of every reply. */
#define SN_IRC_NUMERIC(name, number, text) static const char SN_##name##_TEXT[] = text;
#include "protocols/irc/irc.def"
#undef SN_IRC_NUMERIC
/* ":server NNN nick " and the numeric's own text: sn_irc_reply(client, RPL_TIME, ...). */
#define sn_irc_reply(client, name, ...) \
	sn_irc_reply_format((client), SN_##name, SN_##name##_TEXT, ##__VA_ARGS__)
void sn_irc_reply_format(struct sn_irc_client *client, enum sn_irc_numeric numeric, const char *fmt,
	...) SN_PRINTF(3, 4);
/* One line of our own, prefix and line ending added: ":server COMMAND ...". */
void sn_irc_send(struct sn_irc_client *client, const char *fmt, ...) SN_PRINTF(2, 3);
/* The refusal of the core, as the numeric that fits; name: what the client called the place. */
void sn_irc_refuse(struct sn_irc_client *client, int code, struct sn_str name);
/* "nick", or "*" before there is one. */
struct sn_str sn_irc_nick_of(const struct sn_irc_client *client);

/* --- connection ----------------------------------------------------------------------------- */

/* ERROR with the reason, then close; others see the reason as the quit message. */
int sn_irc_end(struct sn_irc_client *client, const char *fmt, ...) SN_PRINTF(2, 3);
/* What opening and thawing have in common: a client that is not registered. */
void sn_irc_conn_begin(struct sn_irc_client *client);
/* Monotonic; throttle 0: it need not wait. */
void sn_irc_conn_set_timers(struct sn_irc_client *client, int64_t timer, int64_t throttle);
void sn_irc_set_quit_reason(struct sn_irc_client *client, struct sn_str reason);
extern const struct sn_chat_front sn_irc_front;

/* A room by the name a client uses ("#lobby"), or NULL. */
struct sn_chat_room *sn_irc_find_room(struct sn_irc_server *server, struct sn_str channel);
/* Its name in the core: without the '#'. False: not a channel name. */
bool sn_irc_room_name(struct sn_str channel, struct sn_str *name_r);
char sn_irc_rank_char(unsigned ranks); /* '@', '+' or 0 */
/* "@", "+", "@+" or "", as this client's capabilities have it. */
const char *sn_irc_rank_prefix(const struct sn_irc_client *to, unsigned ranks);
/* Replies to a joiner: topic if any, names. */
void sn_irc_send_names(struct sn_irc_client *client, struct sn_chat_room *room);
void sn_irc_send_topic(struct sn_irc_client *client, struct sn_chat_room *room, bool say_none);

#endif
