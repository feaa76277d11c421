#include "protocols/chat/chat_private.h"

static const struct sn_chat_limits default_limits = {
	.name_max = 32,
	.room_name_max = 64,
	.topic_max = 390,
	.rooms_per_user = 100,
	.list_max = 100,
	.key_max = 32,
	.invites_max = 32,
};

void sn_chat_set_str(struct sn_str *slot, struct sn_str value)
{
	char *copy = value.n > 0 ? sn_str_dup(value) : NULL;

	sn_free((char *)(uintptr_t)slot->p);
	*slot = sn_str_n(copy, copy != NULL ? value.n : 0);
}

static struct sn_str user_key(const struct sn_hash_node *node)
{
	return sn_container_of(node, const struct sn_chat_user, by_name)->name;
}

static struct sn_str room_key(const struct sn_hash_node *node)
{
	return sn_container_of(node, const struct sn_chat_room, by_name)->name;
}

static uint32_t limit_or(uint32_t given, uint32_t fallback)
{
	return given != 0 ? given : fallback;
}

void sn_chat_set_limits(struct sn_chat *chat, const struct sn_chat_limits *l)
{
	const struct sn_chat_limits *d = &default_limits;

	chat->limits = (struct sn_chat_limits){
		.name_max = limit_or(l->name_max, d->name_max),
		.room_name_max = limit_or(l->room_name_max, d->room_name_max),
		.topic_max = limit_or(l->topic_max, d->topic_max),
		.rooms_per_user = limit_or(l->rooms_per_user, d->rooms_per_user),
		.list_max = limit_or(l->list_max, d->list_max),
		.key_max = limit_or(l->key_max, d->key_max),
		.invites_max = limit_or(l->invites_max, d->invites_max),
	};
}

struct sn_chat *sn_chat_new(const struct sn_chat_options *options)
{
	struct sn_chat *chat = sn_alloc_zero(sizeof(*chat));

	chat->clock = options->clock != NULL ? options->clock : &sn_clock_system;
	sn_chat_set_limits(chat, &options->limits);
	sn_hash_init(&chat->users, user_key, true);
	sn_hash_init(&chat->rooms, room_key, true);
	sn_list_init(&chat->all_users);
	sn_list_init(&chat->all_rooms);
	sn_random(&chat->id_start, sizeof(chat->id_start));
	return chat;
}

void sn_chat_free(struct sn_chat **chat_p)
{
	struct sn_chat *chat = *chat_p;

	*chat_p = NULL;
	if (chat == NULL)
		return;
	sn_assert(chat->users.count == 0 && chat->rooms.count == 0);
	sn_hash_fini(&chat->users);
	sn_hash_fini(&chat->rooms);
	sn_free(chat);
}

const struct sn_chat_limits *sn_chat_limits(const struct sn_chat *chat)
{
	return &chat->limits;
}

struct sn_chat_stats sn_chat_stats(const struct sn_chat *chat)
{
	return (struct sn_chat_stats){
		.users = chat->users.count,
		.rooms = chat->rooms.count,
		.users_max = chat->users_max,
	};
}

static const struct {
	int code;
	const char *text;
} error_texts[] = {
	{ SN_CHAT_ENAME, "not a valid name" },
	{ SN_CHAT_EINUSE, "name is in use" },
	{ SN_CHAT_ENOROOM, "no such room" },
	{ SN_CHAT_ENOUSER, "no such user" },
	{ SN_CHAT_ENOTMEMBER, "you are not in that room" },
	{ SN_CHAT_ETHEYNOTMEMBER, "they are not in that room" },
	{ SN_CHAT_EMEMBER, "is in the room already" },
	{ SN_CHAT_EBANNED, "banned from the room" },
	{ SN_CHAT_EINVITEONLY, "the room is for invited people" },
	{ SN_CHAT_EKEY, "room key missing or wrong" },
	{ SN_CHAT_EFULL, "the room is full" },
	{ SN_CHAT_ETOOMANY, "you are in too many rooms" },
	{ SN_CHAT_ECANNOTSEND, "cannot send to the room" },
	{ SN_CHAT_ENOTOP, "you are not an operator of the room" },
	{ SN_CHAT_ELISTFULL, "the list is full" },
	{ SN_CHAT_EEXISTS, "that is so already" },
};

const char *sn_chat_strerror(int code)
{
	for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
		if (error_texts[i].code == code)
			return error_texts[i].text;
	}
	return sn_strerror(code);
}
