/*
 * The chat core: people, rooms, memberships and messages, known to every front end (IRC now; XMPP,
 * AMP, the web page later) and knowing none. In memory in this cut; storage joins behind the same
 * calls.
 *
 * Glossary
 *   user     somebody present under a unique name (a nick); may belong to an account
 *   room     a named place; IRC's #lobby is the room "lobby"
 *   member   a user in a room, with ranks (operator, voice)
 *   event    something that happened; the core decides who hears it and calls each hearer's front
 *   front    a front end's table of deliver functions
 *
 * Rules: every check of rights (bans, keys, limits, moderation, ranks) is made here, in one place
 * for all front ends; a call changes state and tells everybody concerned, or changes nothing and
 * says why. Message id and time are assigned here and are the same for every hearer. Names compare
 * without ASCII case; what is shown keeps its case.
 *
 * Fan-out: an event carries a cache of encoded forms; a front end encodes once per form (its
 * capability set) and shares the block with all members, so a message to a thousand members is
 * encoded a few times and never copied.
 *
 * Ownership: a front end embeds struct sn_chat_user in its own client; entering links it, leaving
 * unlinks it. Rooms belong to the core and vanish with their last member (unless persistent).
 * Deliver functions must not call back into the core; they queue output.
 */
#ifndef SN_PROTOCOLS_CHAT_CHAT_H
#define SN_PROTOCOLS_CHAT_CHAT_H

#include "daemon/base/chain.h"
#include "daemon/base/clock.h"
#include "daemon/base/hash.h"
#include "daemon/base/list.h"

struct sn_chat;
struct sn_chat_room;
struct sn_chat_user;
struct sn_chat_member;
struct sn_chat_event;

/* Why something was refused; the core changed nothing. */
enum sn_chat_error {
	SN_CHAT_ENAME = -2000,  /* not a valid name */
	SN_CHAT_EINUSE = -2001, /* name taken */
	SN_CHAT_ENOROOM = -2002,
	SN_CHAT_ENOUSER = -2003,
	SN_CHAT_ENOTMEMBER = -2004, /* you are not in that room */
	SN_CHAT_ETHEYNOTMEMBER = -2005,
	SN_CHAT_EMEMBER = -2006, /* already a member */
	SN_CHAT_EBANNED = -2007,
	SN_CHAT_EINVITEONLY = -2008,
	SN_CHAT_EKEY = -2009,     /* room key missing or wrong */
	SN_CHAT_EFULL = -2010,    /* room's member limit */
	SN_CHAT_ETOOMANY = -2011, /* you are in too many rooms */
	SN_CHAT_ECANNOTSEND = -2012,
	SN_CHAT_ENOTOP = -2013, /* rank too low */
	SN_CHAT_ELISTFULL = -2014,
	SN_CHAT_EEXISTS = -2015, /* that entry or setting is there already */
};

struct sn_chat_limits {
	uint32_t name_max;       /* user name, bytes: 32 */
	uint32_t room_name_max;  /* 64 */
	uint32_t topic_max;      /* 390 */
	uint32_t rooms_per_user; /* 100 */
	uint32_t list_max;       /* masks per room: 100 */
	uint32_t key_max;        /* 32 */
	uint32_t invites_max;    /* open invitations per user: 32 */
};

struct sn_chat_options {
	struct sn_chat_limits limits; /* zero members: defaults above */
	const struct sn_clock *clock; /* NULL: system */
};

struct sn_chat *sn_chat_new(const struct sn_chat_options *options);
void sn_chat_free(struct sn_chat **chat); /* no user may be present */
const struct sn_chat_limits *sn_chat_limits(const struct sn_chat *chat);
void sn_chat_set_limits(struct sn_chat *chat, const struct sn_chat_limits *limits);

struct sn_chat_stats {
	size_t users, rooms, users_max; /* users_max: most at one time */
};
struct sn_chat_stats sn_chat_stats(const struct sn_chat *chat);

/* --- fronts and users ----------------------------------------------------------------------- */

struct sn_chat_front {
	const char *name;
	/* The user hears the event. Once per user and event, whatever rooms they share (but see
	 * sn_chat_tell to oneself). */
	void (*deliver)(struct sn_chat_user *to, struct sn_chat_event *event);
};

struct sn_chat_user {
	const struct sn_chat_front *front;
	struct sn_chat *chat; /* NULL: not present */
	struct sn_hash_node by_name;
	struct sn_str name;        /* as shown; the core's copy */
	struct sn_str login, host; /* shown as name!login@host; the front's memory, stable while
				      present; bans match them */
	struct sn_str real_name;
	struct sn_str account;  /* empty: none */
	struct sn_str away;     /* empty: here; the core's copy */
	bool invisible;         /* not listed to strangers */
	struct sn_list members; /* sn_chat_member.of_user */
	uint32_t room_count;
	struct sn_list invites;
	uint64_t heard;        /* last event delivered: each hears an event once */
	uint64_t number;       /* of all who ever entered */
	int64_t since, active; /* wall ns: entered; last message sent */
	struct sn_list all;    /* every user, by time of entering */
};

/* front, login, host, real_name, account are set by the caller. SN_CHAT_ENAME, _EINUSE. */
int sn_chat_enter(
	struct sn_chat *chat, struct sn_chat_user *user, struct sn_str name) SN_WARN_UNUSED;
/* Out of every room (those there hear it) and gone. Not present: nothing. */
void sn_chat_leave(struct sn_chat_user *user, struct sn_str reason);
int sn_chat_rename(struct sn_chat_user *user, struct sn_str name) SN_WARN_UNUSED;
void sn_chat_set_away(struct sn_chat_user *user, struct sn_str text); /* empty: back */
void sn_chat_set_account(struct sn_chat_user *user, struct sn_str account);
struct sn_chat_user *sn_chat_find_user(struct sn_chat *chat, struct sn_str name);
struct sn_chat_user *sn_chat_next_user(struct sn_chat *chat, struct sn_chat_user *prev);
bool sn_chat_name_valid(const struct sn_chat *chat, struct sn_str name);
/* Do they share a room? */
bool sn_chat_acquainted(const struct sn_chat_user *a, const struct sn_chat_user *b);

/* --- rooms ---------------------------------------------------------------------------------- */

enum sn_chat_room_flags {
	SN_ROOM_INVITE_ONLY = 1,  /* i */
	SN_ROOM_MODERATED = 2,    /* m: operators and voiced speak */
	SN_ROOM_MEMBERS_SEND = 4, /* n: no messages from outside */
	SN_ROOM_SECRET = 8,       /* s: hidden from lists */
	SN_ROOM_TOPIC_LOCK = 16,  /* t: operators set the topic */
};

enum sn_chat_rank { SN_RANK_VOICE = 1, SN_RANK_OPERATOR = 2 };

struct sn_chat_mask { /* a ban: name!login@host with * and ? */
	struct sn_list link;
	struct sn_str mask, set_by;
	int64_t set_at; /* wall ns */
};

struct sn_chat_room {
	struct sn_hash_node by_name;
	struct sn_chat *chat;
	uint64_t number; /* of all rooms ever made */
	struct sn_str name;
	unsigned flags;
	struct sn_str key; /* empty: none */
	uint32_t limit;    /* 0: none */
	struct sn_str topic, topic_by;
	int64_t topic_at, created; /* wall ns */
	struct sn_list members;    /* sn_chat_member.of_room, by time of joining */
	size_t member_count;
	struct sn_hash member_index; /* by user's address bytes */
	struct sn_list bans;
	size_t ban_count;
	uint64_t sequence;  /* of the last message */
	struct sn_list all; /* every room, by time of creation */
};

struct sn_chat_member {
	struct sn_list of_room, of_user;
	struct sn_hash_node index;
	struct sn_chat_room *room;
	struct sn_chat_user *user;
	unsigned ranks; /* sn_chat_rank bits */
	int64_t joined;
	uint64_t number; /* of all memberships ever made */
};

struct sn_chat_room *sn_chat_find_room(struct sn_chat *chat, struct sn_str name);
struct sn_chat_room *sn_chat_next_room(struct sn_chat *chat, struct sn_chat_room *prev);
struct sn_chat_member *sn_chat_member(
	const struct sn_chat_room *room, const struct sn_chat_user *user);
/* May this user learn that the room exists and who is in it? */
bool sn_chat_room_visible(const struct sn_chat_room *room, const struct sn_chat_user *to);

/* Creates the room if need be; its first member is operator; flags then: n, t. */
int sn_chat_join(struct sn_chat_user *user, struct sn_str room, struct sn_str key,
	struct sn_chat_room **room_r) SN_WARN_UNUSED;
int sn_chat_part(
	struct sn_chat_user *user, struct sn_chat_room *room, struct sn_str reason) SN_WARN_UNUSED;
int sn_chat_kick(struct sn_chat_user *by, struct sn_chat_room *room, struct sn_chat_user *who,
	struct sn_str reason) SN_WARN_UNUSED;
int sn_chat_invite(struct sn_chat_user *by, struct sn_chat_room *room,
	struct sn_chat_user *who) SN_WARN_UNUSED;
int sn_chat_set_topic(
	struct sn_chat_user *by, struct sn_chat_room *room, struct sn_str topic) SN_WARN_UNUSED;

enum sn_chat_change_kind {
	SN_CHANGE_FLAG,  /* flag */
	SN_CHANGE_KEY,   /* text; off: removed whatever text says */
	SN_CHANGE_LIMIT, /* number */
	SN_CHANGE_RANK,  /* flag (sn_chat_rank), user */
	SN_CHANGE_BAN,   /* text: the mask in full form; one word */
};
struct sn_chat_change {
	enum sn_chat_change_kind kind;
	bool on;
	unsigned flag;
	uint32_t number;
	struct sn_str text;
	struct sn_chat_user *user;
};
/* One change; SN_CHAT_EEXISTS when nothing would change. Not announced: collect what succeeded and
 * announce it as one event. */
int sn_chat_apply(struct sn_chat_user *by, struct sn_chat_room *room,
	const struct sn_chat_change *change) SN_WARN_UNUSED;
void sn_chat_announce(struct sn_chat_user *by, struct sn_chat_room *room,
	const struct sn_chat_change *changes, size_t count);

/* --- messages ------------------------------------------------------------------------------- */

enum sn_chat_message_kind { SN_CHAT_MESSAGE, SN_CHAT_NOTICE, SN_CHAT_TAGS_ONLY };

struct sn_chat_message {
	enum sn_chat_message_kind kind;
	struct sn_str text;
	struct sn_str client_tags; /* already validated "+a=b;+c"; empty: none */
	unsigned min_rank;         /* only members with one of these ranks or above; 0: all */
};
/* To everybody in the room, or to one; the sender hears it too (event->echo), so that a front can
 * confirm. Who tells himself something hears it twice: as the echo and as what he is told. */
int sn_chat_say(struct sn_chat_user *from, struct sn_chat_room *room,
	const struct sn_chat_message *message) SN_WARN_UNUSED;
int sn_chat_tell(struct sn_chat_user *from, struct sn_chat_user *to,
	const struct sn_chat_message *message) SN_WARN_UNUSED;

/* --- events --------------------------------------------------------------------------------- */

enum sn_chat_event_kind {
	SN_EVENT_MESSAGE, /* message; room or target */
	SN_EVENT_JOIN,    /* from joined room */
	SN_EVENT_PART,    /* from left room; text: reason */
	SN_EVENT_QUIT,    /* from is gone; text: reason */
	SN_EVENT_KICK,    /* from removed target from room; text: reason */
	SN_EVENT_INVITE,  /* from invited target into room; heard by both and by those in the room
			     who could have done it */
	SN_EVENT_TOPIC,   /* text: the new topic */
	SN_EVENT_CHANGES, /* changes[0..change_count) of room */
	SN_EVENT_RENAME,  /* from was old_name */
	SN_EVENT_AWAY, /* text: message, empty: back; also after a JOIN of somebody who is away */
	SN_EVENT_ACCOUNT, /* from's account changed */
};

#define SN_CHAT_ID_SIZE 24
#define SN_CHAT_FORMS 8

struct sn_chat_event {
	enum sn_chat_event_kind kind;
	struct sn_chat_user *from;
	struct sn_chat_room *room;   /* NULL: none */
	struct sn_chat_user *target; /* NULL: none */
	struct sn_str text, old_name;
	const struct sn_chat_message *message;
	const struct sn_chat_change *changes;
	size_t change_count;
	int64_t time;             /* wall ns */
	char id[SN_CHAT_ID_SIZE]; /* message id, NUL-terminated; empty for other kinds */
	bool echo;                /* this hearer is `from`, who hears it as a confirmation */
	uint64_t sequence;        /* in the room */
	uint64_t serial;          /* of this event in this process */
	/* Encoded forms, by front and capability set; filled by fronts, released by the core. */
	struct {
		const struct sn_chat_front *front;
		uint64_t key;
		struct sn_block *block;
	} forms[SN_CHAT_FORMS];
	size_t form_count;
};

/* The cached block, or NULL / keep one (takes the reference over; when the cache is full the block
 * lives until the event is over all the same). */
struct sn_block *sn_chat_form_find(
	struct sn_chat_event *event, const struct sn_chat_front *front, uint64_t key);
struct sn_block *sn_chat_form_keep(struct sn_chat_event *event, const struct sn_chat_front *front,
	uint64_t key, struct sn_block *block);
/* Text for a refusal; falls back to sn_strerror. */
const char *sn_chat_strerror(int code);

/* --- to another process --------------------------------------------------------------------- */

struct sn_reader;
struct sn_strbuf;
/* All but the people: rooms with their settings, counters. */
void sn_chat_freeze(const struct sn_chat *chat, struct sn_strbuf *out);
/* One who is present: name, times, memberships, invitations. */
void sn_chat_freeze_user(const struct sn_chat_user *user, struct sn_strbuf *out);
/* Into a core in which nothing has happened yet. SN_EPROTO, SN_EEOF: cut short or contradictory;
 * what came before that stays. */
int sn_chat_thaw(struct sn_chat *chat, struct sn_reader *in) SN_WARN_UNUSED;
/* Back in all its rooms, in the old order, heard by nobody. The caller has set front, login, host,
 * real_name and account. On failure it is not present. */
int sn_chat_thaw_user(
	struct sn_chat *chat, struct sn_chat_user *user, struct sn_reader *in) SN_WARN_UNUSED;
/* Everybody is back who will come: rooms without members vanish. */
void sn_chat_thaw_end(struct sn_chat *chat);

#endif
