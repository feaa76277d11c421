#include "daemon/base/text.h"
#include "protocols/chat/chat_private.h"

#define MASK_MAX 200 /* no name!login@host is longer */

static struct sn_str member_key(const struct sn_hash_node *node)
{
	const struct sn_chat_member *member =
		sn_container_of(node, const struct sn_chat_member, index);

	return sn_str_n(&member->user, sizeof(member->user));
}

struct sn_chat_member *sn_chat_member(
	const struct sn_chat_room *room, const struct sn_chat_user *user)
{
	struct sn_hash *index = &((struct sn_chat_room *)(uintptr_t)room)->member_index;
	struct sn_hash_node *node = sn_hash_find(index, sn_str_n(&user, sizeof(user)));

	return node != NULL ? sn_container_of(node, struct sn_chat_member, index) : NULL;
}

struct sn_chat_room *sn_chat_find_room(struct sn_chat *chat, struct sn_str name)
{
	struct sn_hash_node *node = sn_hash_find(&chat->rooms, name);

	return node != NULL ? sn_container_of(node, struct sn_chat_room, by_name) : NULL;
}

struct sn_chat_room *sn_chat_next_room(struct sn_chat *chat, struct sn_chat_room *prev)
{
	struct sn_list *link = prev != NULL ? prev->all.next : chat->all_rooms.next;

	return link != &chat->all_rooms ? sn_container_of(link, struct sn_chat_room, all) : NULL;
}

bool sn_chat_room_visible(const struct sn_chat_room *room, const struct sn_chat_user *to)
{
	return (room->flags & SN_ROOM_SECRET) == 0 || sn_chat_member(room, to) != NULL;
}

bool sn_chat_room_name_valid(const struct sn_chat *chat, struct sn_str name)
{
	if (name.n == 0 || name.n > chat->limits.room_name_max || !sn_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		const unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c == ',' || c == ':' || c == 0x7f || c == '*' || c == '?')
			return false;
	}
	return true;
}

struct sn_chat_room *sn_chat_new_room(struct sn_chat *chat, struct sn_str name)
{
	struct sn_chat_room *room = sn_alloc_zero(sizeof(*room));

	room->chat = chat;
	room->number = ++chat->rooms_made;
	room->flags = SN_ROOM_MEMBERS_SEND | SN_ROOM_TOPIC_LOCK;
	room->created = sn_clock_wall(chat->clock);
	sn_chat_set_str(&room->name, name);
	sn_list_init(&room->members);
	sn_list_init(&room->bans);
	sn_hash_init(&room->member_index, member_key, false);
	sn_hash_insert(&chat->rooms, &room->by_name);
	sn_list_append(&chat->all_rooms, &room->all);
	return room;
}

static void free_mask(struct sn_chat_room *room, struct sn_chat_mask *mask)
{
	sn_list_remove(&mask->link);
	room->ban_count--;
	sn_chat_set_str(&mask->mask, SN_STR_NULL);
	sn_chat_set_str(&mask->set_by, SN_STR_NULL);
	sn_free(mask);
}

void sn_chat_add_ban(
	struct sn_chat_room *room, struct sn_str text, struct sn_str set_by, int64_t at)
{
	struct sn_chat_mask *mask = sn_alloc_zero(sizeof(*mask));

	sn_chat_set_str(&mask->mask, text);
	sn_chat_set_str(&mask->set_by, set_by);
	mask->set_at = at;
	sn_list_append(&room->bans, &mask->link);
	room->ban_count++;
}

void sn_chat_free_room(struct sn_chat_room *room)
{
	while (!sn_list_empty(&room->bans))
		free_mask(room, sn_container_of(room->bans.next, struct sn_chat_mask, link));
	sn_hash_remove(&room->chat->rooms, &room->by_name);
	sn_hash_fini(&room->member_index);
	sn_list_remove(&room->all);
	sn_chat_set_str(&room->name, SN_STR_NULL);
	sn_chat_set_str(&room->key, SN_STR_NULL);
	sn_chat_set_str(&room->topic, SN_STR_NULL);
	sn_chat_set_str(&room->topic_by, SN_STR_NULL);
	sn_free(room);
}

struct sn_chat_member *sn_chat_add_member(struct sn_chat_room *room, struct sn_chat_user *user)
{
	struct sn_chat_member *member = sn_alloc_zero(sizeof(*member));

	member->room = room;
	member->user = user;
	member->ranks = room->member_count == 0 ? SN_RANK_OPERATOR : 0;
	member->joined = sn_clock_wall(room->chat->clock);
	member->number = ++room->chat->members_made;
	sn_hash_insert(&room->member_index, &member->index);
	sn_list_append(&room->members, &member->of_room);
	sn_list_append(&user->members, &member->of_user);
	room->member_count++;
	user->room_count++;
	return member;
}

void sn_chat_remove_member(struct sn_chat_member *member)
{
	struct sn_chat_room *room = member->room;

	sn_hash_remove(&room->member_index, &member->index);
	sn_list_remove(&member->of_room);
	sn_list_remove(&member->of_user);
	member->user->room_count--;
	sn_free(member);
	if (--room->member_count == 0)
		sn_chat_free_room(room);
}

/* --- joining -------------------------------------------------------------------------------- */

bool sn_chat_is_banned(const struct sn_chat_room *room, const struct sn_chat_user *user)
{
	char text[512];
	struct sn_strbuf full;
	const struct sn_list *link;

	if (sn_list_empty(&room->bans))
		return false;
	sn_strbuf_fixed(&full, text, sizeof(text));
	sn_strbuf_add(&full, user->name);
	sn_strbuf_addc(&full, '!');
	sn_strbuf_add(&full, user->login);
	sn_strbuf_addc(&full, '@');
	sn_strbuf_add(&full, user->host);
	sn_list_each (link, &room->bans) {
		if (sn_str_glob(sn_container_of(link, const struct sn_chat_mask, link)->mask,
			    sn_strbuf_str(&full)))
			return true;
	}
	return false;
}

static struct sn_chat_invitation *find_invitation(
	struct sn_chat_user *user, const struct sn_chat_room *room)
{
	struct sn_list *link;

	sn_list_each (link, &user->invites) {
		struct sn_chat_invitation *invitation =
			sn_container_of(link, struct sn_chat_invitation, link);

		if (invitation->room == room->number)
			return invitation;
	}
	return NULL;
}

static void drop_invitation(struct sn_chat_invitation *invitation)
{
	sn_list_remove(&invitation->link);
	sn_free(invitation);
}

/* An invitation opens the door whatever keeps it shut, but for the key. */
static int may_join(const struct sn_chat_room *room, const struct sn_chat_user *user,
	struct sn_str key, bool invited)
{
	if (sn_chat_member(room, user) != NULL)
		return SN_CHAT_EMEMBER;
	if (room->key.n > 0 && !sn_str_eq(room->key, key))
		return SN_CHAT_EKEY;
	if (invited)
		return SN_OK;
	if (room->flags & SN_ROOM_INVITE_ONLY)
		return SN_CHAT_EINVITEONLY;
	if (room->limit > 0 && room->member_count >= room->limit)
		return SN_CHAT_EFULL;
	return sn_chat_is_banned(room, user) ? SN_CHAT_EBANNED : SN_OK;
}

static void tell_joined(struct sn_chat_room *room, struct sn_chat_user *user)
{
	struct sn_chat_event event = sn_chat_event(room->chat, SN_EVENT_JOIN, user);

	event.room = room;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
	if (user->away.n == 0)
		return;
	/* Those who meet him here have not heard of it. */
	event = sn_chat_event(room->chat, SN_EVENT_AWAY, user);
	event.text = user->away;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
}

int sn_chat_join(struct sn_chat_user *user, struct sn_str name, struct sn_str key,
	struct sn_chat_room **room_r)
{
	struct sn_chat *chat = user->chat;
	struct sn_chat_room *room = sn_chat_find_room(chat, name);
	struct sn_chat_invitation *invitation = NULL;

	if (room == NULL && !sn_chat_room_name_valid(chat, name))
		return SN_CHAT_ENAME;
	if (room != NULL) {
		int code;

		invitation = find_invitation(user, room);
		code = may_join(room, user, key, invitation != NULL);
		if (code != SN_OK)
			return code;
	}
	if (user->room_count >= chat->limits.rooms_per_user)
		return SN_CHAT_ETOOMANY;
	if (invitation != NULL)
		drop_invitation(invitation);
	if (room == NULL)
		room = sn_chat_new_room(chat, name);
	sn_chat_add_member(room, user);
	tell_joined(room, user);
	*room_r = room;
	return SN_OK;
}

int sn_chat_part(struct sn_chat_user *user, struct sn_chat_room *room, struct sn_str reason)
{
	struct sn_chat_member *member = sn_chat_member(room, user);
	struct sn_chat_event event;

	if (member == NULL)
		return SN_CHAT_ENOTMEMBER;
	event = sn_chat_event(user->chat, SN_EVENT_PART, user);
	event.room = room;
	event.text = reason;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
	sn_chat_remove_member(member);
	return SN_OK;
}

/* --- what operators do ---------------------------------------------------------------------- */

static int require_operator(const struct sn_chat_room *room, const struct sn_chat_user *by)
{
	const struct sn_chat_member *member = sn_chat_member(room, by);

	if (member == NULL)
		return SN_CHAT_ENOTMEMBER;
	return (member->ranks & SN_RANK_OPERATOR) ? SN_OK : SN_CHAT_ENOTOP;
}

int sn_chat_kick(struct sn_chat_user *by, struct sn_chat_room *room, struct sn_chat_user *who,
	struct sn_str reason)
{
	const int code = require_operator(room, by);
	struct sn_chat_member *member = sn_chat_member(room, who);
	struct sn_chat_event event;

	if (code != SN_OK)
		return code;
	if (member == NULL)
		return SN_CHAT_ETHEYNOTMEMBER;
	event = sn_chat_event(by->chat, SN_EVENT_KICK, by);
	event.room = room;
	event.target = who;
	event.text = reason;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
	sn_chat_remove_member(member);
	return SN_OK;
}

static void remember_invitation(struct sn_chat_user *who, const struct sn_chat_room *room)
{
	struct sn_chat_invitation *invitation = find_invitation(who, room);
	struct sn_list *link;
	size_t open = 0;

	if (invitation != NULL)
		return;
	sn_list_each (link, &who->invites)
		open++;
	if (open >= who->chat->limits.invites_max)
		drop_invitation(
			sn_container_of(who->invites.next, struct sn_chat_invitation, link));
	invitation = sn_alloc_zero(sizeof(*invitation));
	invitation->room = room->number;
	sn_list_append(&who->invites, &invitation->link);
}

static int may_invite(const struct sn_chat_room *room, const struct sn_chat_user *by)
{
	if (room->flags & SN_ROOM_INVITE_ONLY)
		return require_operator(room, by);
	return sn_chat_member(room, by) != NULL ? SN_OK : SN_CHAT_ENOTMEMBER;
}

int sn_chat_invite(struct sn_chat_user *by, struct sn_chat_room *room, struct sn_chat_user *who)
{
	const int code = may_invite(room, by);
	struct sn_chat_event event;
	struct sn_list *link;

	if (code != SN_OK)
		return code;
	if (sn_chat_member(room, who) != NULL)
		return SN_CHAT_EMEMBER;
	remember_invitation(who, room);
	event = sn_chat_event(by->chat, SN_EVENT_INVITE, by);
	event.room = room;
	event.target = who;
	sn_chat_deliver(who, &event);
	sn_list_each (link, &room->members) {
		struct sn_chat_user *member =
			sn_container_of(link, struct sn_chat_member, of_room)->user;

		if (may_invite(room, member) == SN_OK)
			sn_chat_deliver(member, &event);
	}
	sn_chat_event_fini(&event);
	return SN_OK;
}

int sn_chat_set_topic(struct sn_chat_user *by, struct sn_chat_room *room, struct sn_str topic)
{
	struct sn_chat_event event;

	if (sn_chat_member(room, by) == NULL)
		return SN_CHAT_ENOTMEMBER;
	if (room->flags & SN_ROOM_TOPIC_LOCK) {
		const int code = require_operator(room, by);

		if (code != SN_OK)
			return code;
	}
	topic = sn_str_n(topic.p, sn_utf8_prefix(topic, room->chat->limits.topic_max));
	event = sn_chat_event(by->chat, SN_EVENT_TOPIC, by);
	sn_chat_set_str(&room->topic, topic);
	sn_chat_set_str(&room->topic_by, by->name);
	room->topic_at = event.time;
	event.room = room;
	event.text = room->topic;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
	return SN_OK;
}

/* --- settings ------------------------------------------------------------------------------- */

static int change_flag(struct sn_chat_room *room, const struct sn_chat_change *change)
{
	const unsigned flags =
		change->on ? room->flags | change->flag : room->flags & ~change->flag;

	if (flags == room->flags)
		return SN_CHAT_EEXISTS;
	room->flags = flags;
	return SN_OK;
}

/* Fit to stand between other words of a line: no blank, nothing that only a last word may have. */
static bool is_word(struct sn_str text)
{
	if (text.n == 0 || text.p[0] == ':')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	}
	return true;
}

static int change_key(struct sn_chat_room *room, const struct sn_chat_change *change)
{
	if (!change->on) {
		if (room->key.n == 0)
			return SN_CHAT_EEXISTS;
		sn_chat_set_str(&room->key, SN_STR_NULL);
		return SN_OK;
	}
	/* Keys are given in lists. */
	if (!is_word(change->text) || change->text.n > room->chat->limits.key_max ||
		sn_str_find(change->text, ',') < change->text.n)
		return SN_CHAT_ENAME;
	if (sn_str_eq(room->key, change->text))
		return SN_CHAT_EEXISTS;
	sn_chat_set_str(&room->key, change->text);
	return SN_OK;
}

static int change_limit(struct sn_chat_room *room, const struct sn_chat_change *change)
{
	const uint32_t limit = change->on ? change->number : 0;

	if (room->limit == limit)
		return SN_CHAT_EEXISTS;
	room->limit = limit;
	return SN_OK;
}

static int change_rank(struct sn_chat_room *room, const struct sn_chat_change *change)
{
	struct sn_chat_member *member = sn_chat_member(room, change->user);
	unsigned ranks;

	if (member == NULL)
		return SN_CHAT_ETHEYNOTMEMBER;
	ranks = change->on ? member->ranks | change->flag : member->ranks & ~change->flag;
	if (ranks == member->ranks)
		return SN_CHAT_EEXISTS;
	member->ranks = ranks;
	return SN_OK;
}

static struct sn_chat_mask *find_mask(struct sn_chat_room *room, struct sn_str text)
{
	struct sn_list *link;

	sn_list_each (link, &room->bans) {
		struct sn_chat_mask *mask = sn_container_of(link, struct sn_chat_mask, link);

		if (sn_str_eq_nocase(mask->mask, text))
			return mask;
	}
	return NULL;
}

static int change_ban(
	struct sn_chat_user *by, struct sn_chat_room *room, const struct sn_chat_change *change)
{
	struct sn_chat_mask *mask = find_mask(room, change->text);

	if (!change->on) {
		if (mask == NULL)
			return SN_CHAT_EEXISTS;
		free_mask(room, mask);
		return SN_OK;
	}
	if (mask != NULL)
		return SN_CHAT_EEXISTS;
	if (!is_word(change->text) || change->text.n > MASK_MAX)
		return SN_CHAT_ENAME;
	if (room->ban_count >= room->chat->limits.list_max)
		return SN_CHAT_ELISTFULL;
	sn_chat_add_ban(room, change->text, by->name, sn_clock_wall(room->chat->clock));
	return SN_OK;
}

int sn_chat_apply(
	struct sn_chat_user *by, struct sn_chat_room *room, const struct sn_chat_change *change)
{
	const int code = require_operator(room, by);

	if (code != SN_OK)
		return code;
	switch (change->kind) {
	case SN_CHANGE_FLAG:
		return change_flag(room, change);
	case SN_CHANGE_KEY:
		return change_key(room, change);
	case SN_CHANGE_LIMIT:
		return change_limit(room, change);
	case SN_CHANGE_RANK:
		return change_rank(room, change);
	case SN_CHANGE_BAN:
		return change_ban(by, room, change);
	}
	sn_unreachable();
}

void sn_chat_announce(struct sn_chat_user *by, struct sn_chat_room *room,
	const struct sn_chat_change *changes, size_t count)
{
	struct sn_chat_event event;

	if (count == 0)
		return;
	event = sn_chat_event(by->chat, SN_EVENT_CHANGES, by);
	event.room = room;
	event.changes = changes;
	event.change_count = count;
	sn_chat_deliver_room(room, &event);
	sn_chat_event_fini(&event);
}
