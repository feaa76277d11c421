#include "daemon/base/text.h"
#include "protocols/chat/chat_private.h"

/* First bytes a name may not have: those that mean rooms, ranks, digits or masks somewhere. */
static bool valid_first(char c)
{
	return !sn_ascii_digit(c) && strchr("#&~@%+$:-.", c) == NULL;
}

bool sn_chat_name_valid(const struct sn_chat *chat, struct sn_str name)
{
	if (name.n == 0 || name.n > chat->limits.name_max || !valid_first(name.p[0]) ||
		!sn_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		const unsigned char c = (unsigned char)name.p[i];

		/* No letters beyond ASCII yet: names must fold and compare the same everywhere. */
		if (c <= ' ' || c >= 0x7f || strchr("!@*?,:./\"'<>&#", c) != NULL)
			return false;
	}
	return true;
}

struct sn_chat_user *sn_chat_find_user(struct sn_chat *chat, struct sn_str name)
{
	struct sn_hash_node *node = sn_hash_find(&chat->users, name);

	return node != NULL ? sn_container_of(node, struct sn_chat_user, by_name) : NULL;
}

struct sn_chat_user *sn_chat_next_user(struct sn_chat *chat, struct sn_chat_user *prev)
{
	struct sn_list *link = prev != NULL ? prev->all.next : chat->all_users.next;

	return link != &chat->all_users ? sn_container_of(link, struct sn_chat_user, all) : NULL;
}

bool sn_chat_acquainted(const struct sn_chat_user *a, const struct sn_chat_user *b)
{
	const struct sn_chat_user *few = a->room_count <= b->room_count ? a : b;
	const struct sn_chat_user *many = few == a ? b : a;
	const struct sn_list *link;

	sn_list_each (link, &few->members) {
		const struct sn_chat_member *member =
			sn_container_of(link, const struct sn_chat_member, of_user);

		if (sn_chat_member(member->room, many) != NULL)
			return true;
	}
	return false;
}

void sn_chat_admit(struct sn_chat *chat, struct sn_chat_user *user, struct sn_str name)
{
	sn_assert(user->chat == NULL && user->front != NULL);
	user->chat = chat;
	user->name = SN_STR_NULL;
	user->away = SN_STR_NULL;
	sn_chat_set_str(&user->name, name);
	sn_list_init(&user->members);
	sn_list_init(&user->invites);
	user->room_count = 0;
	user->heard = 0;
	user->number = ++chat->users_made;
	user->since = user->active = sn_clock_wall(chat->clock);
	sn_hash_insert(&chat->users, &user->by_name);
	sn_list_append(&chat->all_users, &user->all);
	if (chat->users.count > chat->users_max)
		chat->users_max = chat->users.count;
}

int sn_chat_enter(struct sn_chat *chat, struct sn_chat_user *user, struct sn_str name)
{
	if (!sn_chat_name_valid(chat, name))
		return SN_CHAT_ENAME;
	if (sn_chat_find_user(chat, name) != NULL)
		return SN_CHAT_EINUSE;
	sn_chat_admit(chat, user, name);
	return SN_OK;
}

void sn_chat_drop_invitations(struct sn_chat_user *user)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&user->invites)) != NULL)
		sn_free(sn_container_of(link, struct sn_chat_invitation, link));
}

void sn_chat_remove(struct sn_chat_user *user)
{
	struct sn_chat *chat = user->chat;

	while (!sn_list_empty(&user->members))
		sn_chat_remove_member(
			sn_container_of(user->members.next, struct sn_chat_member, of_user));
	sn_chat_drop_invitations(user);
	sn_hash_remove(&chat->users, &user->by_name);
	sn_list_remove(&user->all);
	sn_chat_set_str(&user->name, SN_STR_NULL);
	sn_chat_set_str(&user->away, SN_STR_NULL);
	user->chat = NULL;
}

void sn_chat_leave(struct sn_chat_user *user, struct sn_str reason)
{
	struct sn_chat_event event;

	if (user->chat == NULL)
		return;
	event = sn_chat_event(user->chat, SN_EVENT_QUIT, user);
	event.text = reason;
	sn_chat_deliver_acquaintances(user, &event);
	sn_chat_event_fini(&event);
	sn_chat_remove(user);
}

int sn_chat_rename(struct sn_chat_user *user, struct sn_str name)
{
	struct sn_chat *chat = user->chat;
	struct sn_chat_user *holder;
	struct sn_chat_event event;
	struct sn_str old_name;

	if (!sn_chat_name_valid(chat, name))
		return SN_CHAT_ENAME;
	holder = sn_chat_find_user(chat, name);
	if (holder != NULL && holder != user)
		return SN_CHAT_EINUSE;
	if (sn_str_eq(user->name, name))
		return SN_CHAT_EEXISTS;
	event = sn_chat_event(chat, SN_EVENT_RENAME, user);
	old_name = user->name;
	sn_hash_remove(&chat->users, &user->by_name);
	user->name = SN_STR_NULL;
	sn_chat_set_str(&user->name, name);
	sn_hash_insert(&chat->users, &user->by_name);
	event.old_name = old_name;
	sn_chat_deliver_acquaintances(user, &event);
	sn_chat_event_fini(&event);
	sn_chat_set_str(&old_name, SN_STR_NULL);
	return SN_OK;
}

void sn_chat_set_away(struct sn_chat_user *user, struct sn_str text)
{
	struct sn_chat_event event;

	if (sn_str_eq(user->away, text))
		return;
	sn_chat_set_str(&user->away, text);
	event = sn_chat_event(user->chat, SN_EVENT_AWAY, user);
	event.text = user->away;
	sn_chat_deliver_acquaintances(user, &event);
	sn_chat_event_fini(&event);
}

void sn_chat_set_account(struct sn_chat_user *user, struct sn_str account)
{
	struct sn_chat_event event;

	user->account = account;
	if (user->chat == NULL)
		return;
	event = sn_chat_event(user->chat, SN_EVENT_ACCOUNT, user);
	sn_chat_deliver_acquaintances(user, &event);
	sn_chat_event_fini(&event);
}
