/*
 * The core on its way to another process. Order is part of the state: people are listed by the time
 * they entered, members by the time they joined. Each carries its number and finds its place by it,
 * in whatever order they come back.
 */
#include "daemon/base/text.h"
#include "daemon/base/wire.h"
#include "protocols/chat/chat_private.h"

/* --- away ----------------------------------------------------------------------------------- */

static void freeze_bans(const struct sn_chat_room *room, struct sn_strbuf *out)
{
	const struct sn_list *link;

	sn_pack_u32(out, (uint32_t)room->ban_count);
	sn_list_each (link, &room->bans) {
		const struct sn_chat_mask *mask =
			sn_container_of(link, const struct sn_chat_mask, link);

		sn_pack_str16(out, mask->mask);
		sn_pack_str16(out, mask->set_by);
		sn_pack_u64(out, (uint64_t)mask->set_at);
	}
}

static void freeze_room(const struct sn_chat_room *room, struct sn_strbuf *out)
{
	sn_pack_str16(out, room->name);
	sn_pack_u64(out, room->number);
	sn_pack_u32(out, room->flags);
	sn_pack_str16(out, room->key);
	sn_pack_u32(out, room->limit);
	sn_pack_str16(out, room->topic);
	sn_pack_str16(out, room->topic_by);
	sn_pack_u64(out, (uint64_t)room->topic_at);
	sn_pack_u64(out, (uint64_t)room->created);
	sn_pack_u64(out, room->sequence);
	freeze_bans(room, out);
}

void sn_chat_freeze(const struct sn_chat *chat, struct sn_strbuf *out)
{
	const struct sn_list *link;

	sn_pack_u64(out, chat->serial);
	sn_pack_u64(out, chat->id_start);
	sn_pack_u64(out, chat->users_max);
	sn_pack_u64(out, chat->rooms_made);
	sn_pack_u64(out, chat->users_made);
	sn_pack_u64(out, chat->members_made);
	sn_pack_u32(out, (uint32_t)chat->rooms.count);
	sn_list_each (link, &chat->all_rooms)
		freeze_room(sn_container_of(link, const struct sn_chat_room, all), out);
}

static void freeze_members(const struct sn_chat_user *user, struct sn_strbuf *out)
{
	const struct sn_list *link;

	sn_pack_u32(out, user->room_count);
	sn_list_each (link, &user->members) {
		const struct sn_chat_member *member =
			sn_container_of(link, const struct sn_chat_member, of_user);

		sn_pack_str16(out, member->room->name);
		sn_pack_u32(out, member->ranks);
		sn_pack_u64(out, (uint64_t)member->joined);
		sn_pack_u64(out, member->number);
	}
}

static void freeze_invitations(const struct sn_chat_user *user, struct sn_strbuf *out)
{
	const struct sn_list *link;
	uint32_t count = 0;

	sn_list_each (link, &user->invites)
		count++;
	sn_pack_u32(out, count);
	sn_list_each (link, &user->invites)
		sn_pack_u64(
			out, sn_container_of(link, const struct sn_chat_invitation, link)->room);
}

void sn_chat_freeze_user(const struct sn_chat_user *user, struct sn_strbuf *out)
{
	sn_assert(user->chat != NULL);
	sn_pack_str16(out, user->name);
	sn_pack_str16(out, user->away);
	sn_pack_u8(out, user->invisible);
	sn_pack_u64(out, user->number);
	sn_pack_u64(out, (uint64_t)user->since);
	sn_pack_u64(out, (uint64_t)user->active);
	freeze_members(user, out);
	freeze_invitations(user, out);
}

/* --- and back ------------------------------------------------------------------------------- */

static void thaw_bans(struct sn_chat_room *room, struct sn_reader *in)
{
	uint32_t count = sn_read_u32(in);

	for (; count > 0 && in->err == SN_OK; count--) {
		const struct sn_str mask = sn_read_str16(in);
		const struct sn_str set_by = sn_read_str16(in);
		const int64_t at = (int64_t)sn_read_u64(in);

		if (in->err == SN_OK)
			sn_chat_add_ban(room, mask, set_by, at);
	}
}

static void thaw_room(struct sn_chat *chat, struct sn_reader *in)
{
	const struct sn_str name = sn_read_str16(in);
	struct sn_chat_room *room;

	if (in->err == SN_OK &&
		(name.n == 0 || !sn_utf8_valid(name) || sn_chat_find_room(chat, name) != NULL))
		sn_reader_fail(in, SN_EPROTO);
	if (in->err != SN_OK)
		return;
	room = sn_chat_new_room(chat, name);
	room->number = sn_read_u64(in);
	room->flags = sn_read_u32(in);
	sn_chat_set_str(&room->key, sn_read_str16(in));
	room->limit = sn_read_u32(in);
	sn_chat_set_str(&room->topic, sn_read_str16(in));
	sn_chat_set_str(&room->topic_by, sn_read_str16(in));
	room->topic_at = (int64_t)sn_read_u64(in);
	room->created = (int64_t)sn_read_u64(in);
	room->sequence = sn_read_u64(in);
	thaw_bans(room, in);
}

int sn_chat_thaw(struct sn_chat *chat, struct sn_reader *in)
{
	uint64_t rooms_made;
	uint32_t count;

	sn_assert(chat->serial == 0 && chat->rooms.count == 0 && chat->users.count == 0);
	chat->serial = sn_read_u64(in);
	chat->id_start = sn_read_u64(in);
	chat->users_max = sn_read_u64(in);
	rooms_made = sn_read_u64(in);
	chat->users_made = sn_read_u64(in);
	chat->members_made = sn_read_u64(in);
	count = sn_read_u32(in);
	for (; count > 0 && in->err == SN_OK; count--)
		thaw_room(chat, in);
	chat->rooms_made = rooms_made; /* the rooms have their old numbers */
	return in->err;
}

/* Into the list, which is in order, before whoever came later. */
static void place_member(struct sn_chat_member *member)
{
	struct sn_list *head = &member->room->members, *after = head->prev;

	sn_list_remove(&member->of_room);
	for (after = head->prev; after != head; after = after->prev) {
		if (sn_container_of(after, struct sn_chat_member, of_room)->number < member->number)
			break;
	}
	sn_list_prepend(after, &member->of_room);
}

static void thaw_member(struct sn_chat_user *user, struct sn_reader *in)
{
	const struct sn_str name = sn_read_str16(in);
	const unsigned ranks = sn_read_u32(in);
	const int64_t joined = (int64_t)sn_read_u64(in);
	const uint64_t number = sn_read_u64(in);
	struct sn_chat_room *room = sn_chat_find_room(user->chat, name);
	struct sn_chat_member *member;

	if (in->err == SN_OK && (room == NULL || sn_chat_member(room, user) != NULL))
		sn_reader_fail(in, SN_EPROTO);
	if (in->err != SN_OK)
		return;
	member = sn_chat_add_member(room, user);
	member->ranks = ranks;
	member->joined = joined;
	member->number = number;
	place_member(member);
}

static void thaw_invitation(struct sn_chat_user *user, struct sn_reader *in)
{
	struct sn_chat_invitation *invitation = sn_alloc_zero(sizeof(*invitation));

	invitation->room = sn_read_u64(in);
	sn_list_append(&user->invites, &invitation->link);
}

static void place_user(struct sn_chat_user *user)
{
	struct sn_list *head = &user->chat->all_users, *after;

	sn_list_remove(&user->all);
	for (after = head->prev; after != head; after = after->prev) {
		if (sn_container_of(after, struct sn_chat_user, all)->number < user->number)
			break;
	}
	sn_list_prepend(after, &user->all);
}

static int thaw_presence(struct sn_chat *chat, struct sn_chat_user *user, struct sn_reader *in)
{
	const struct sn_str name = sn_read_str16(in);
	const uint64_t users_made = chat->users_made;

	/* Not measured by today's limits: it was let in when others held. */
	if (in->err == SN_OK && (name.n == 0 || sn_chat_find_user(chat, name) != NULL))
		sn_reader_fail(in, SN_EPROTO);
	if (in->err != SN_OK)
		return in->err;
	sn_chat_admit(chat, user, name);
	chat->users_made = users_made;
	sn_chat_set_str(&user->away, sn_read_str16(in));
	user->invisible = sn_read_u8(in) != 0;
	user->number = sn_read_u64(in);
	user->since = (int64_t)sn_read_u64(in);
	user->active = (int64_t)sn_read_u64(in);
	place_user(user);
	return SN_OK;
}

int sn_chat_thaw_user(struct sn_chat *chat, struct sn_chat_user *user, struct sn_reader *in)
{
	const uint64_t members_made = chat->members_made;
	uint32_t count;
	int code = thaw_presence(chat, user, in);

	if (code != SN_OK)
		return code;
	for (count = sn_read_u32(in); count > 0 && in->err == SN_OK; count--)
		thaw_member(user, in);
	for (count = sn_read_u32(in); count > 0 && in->err == SN_OK; count--)
		thaw_invitation(user, in);
	chat->members_made = members_made;
	if (in->err != SN_OK)
		sn_chat_remove(user);
	return in->err;
}

void sn_chat_thaw_end(struct sn_chat *chat)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &chat->all_rooms) {
		struct sn_chat_room *room = sn_container_of(link, struct sn_chat_room, all);

		if (room->member_count == 0)
			sn_chat_free_room(room);
	}
}
