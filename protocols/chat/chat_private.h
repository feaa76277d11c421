/* What the files of the chat core share: the core's struct, names, and how events reach people. */
#ifndef SN_PROTOCOLS_CHAT_CHAT_PRIVATE_H
#define SN_PROTOCOLS_CHAT_CHAT_PRIVATE_H

#include "daemon/base/mem.h"
#include "protocols/chat/chat.h"

struct sn_chat {
	struct sn_chat_limits limits;
	const struct sn_clock *clock;
	struct sn_hash users, rooms; /* by name, ASCII case ignored */
	struct sn_list all_users;    /* sn_chat_user.all */
	struct sn_list all_rooms;    /* sn_chat_room.all */
	size_t users_max;
	uint64_t serial; /* of the last event */
	uint64_t rooms_made, users_made, members_made;
	uint64_t id_start; /* random per process, first part of message ids */
};

/* A core-owned string in place: freed and replaced; empty frees it. */
void sn_chat_set_str(struct sn_str *slot, struct sn_str value);

/* A new event of this kind, stamped with time and serial. */
struct sn_chat_event sn_chat_event(
	struct sn_chat *chat, enum sn_chat_event_kind kind, struct sn_chat_user *from);
void sn_chat_event_fini(struct sn_chat_event *event);
void sn_chat_deliver(struct sn_chat_user *to, struct sn_chat_event *event);
void sn_chat_deliver_room(struct sn_chat_room *room, struct sn_chat_event *event);
/* Everybody who shares a room with the user, and the user: each once. */
void sn_chat_deliver_acquaintances(struct sn_chat_user *user, struct sn_chat_event *event);

/* An open invitation of a user. It is for this room, not for a later one of the same name. */
struct sn_chat_invitation {
	struct sn_list link;
	uint64_t room;
};
/* Present from now on, under a name that is free. */
void sn_chat_admit(struct sn_chat *chat, struct sn_chat_user *user, struct sn_str name);
/* Out of everything; nobody hears of it. */
void sn_chat_remove(struct sn_chat_user *user);
void sn_chat_drop_invitations(struct sn_chat_user *user);
struct sn_chat_room *sn_chat_new_room(struct sn_chat *chat, struct sn_str name);
bool sn_chat_room_name_valid(const struct sn_chat *chat, struct sn_str name);
void sn_chat_free_room(struct sn_chat_room *room); /* without members */
void sn_chat_add_ban(
	struct sn_chat_room *room, struct sn_str mask, struct sn_str set_by, int64_t at);
/* At the end of both lists; the first of a room is operator. */
struct sn_chat_member *sn_chat_add_member(struct sn_chat_room *room, struct sn_chat_user *user);
/* Takes the membership away and the room with its last member. */
void sn_chat_remove_member(struct sn_chat_member *member);
bool sn_chat_is_banned(const struct sn_chat_room *room, const struct sn_chat_user *user);

#endif
