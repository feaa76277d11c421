#include "daemon/base/text.h"
#include "protocols/chat/chat_private.h"

struct sn_chat_event sn_chat_event(
	struct sn_chat *chat, enum sn_chat_event_kind kind, struct sn_chat_user *from)
{
	return (struct sn_chat_event){
		.kind = kind,
		.from = from,
		.time = sn_clock_wall(chat->clock),
		.serial = ++chat->serial,
	};
}

void sn_chat_event_fini(struct sn_chat_event *event)
{
	for (size_t i = 0; i < event->form_count; i++)
		sn_block_unref(&event->forms[i].block);
	event->form_count = 0;
}

struct sn_block *sn_chat_form_find(
	struct sn_chat_event *event, const struct sn_chat_front *front, uint64_t key)
{
	for (size_t i = 0; i < event->form_count; i++) {
		if (event->forms[i].front == front && event->forms[i].key == key)
			return event->forms[i].block;
	}
	return NULL;
}

struct sn_block *sn_chat_form_keep(struct sn_chat_event *event, const struct sn_chat_front *front,
	uint64_t key, struct sn_block *block)
{
	size_t at = event->form_count;

	/* Full: the oldest form makes room; hearers that share its block hold their own reference.
	 */
	if (at == SN_CHAT_FORMS) {
		at = event->serial % SN_CHAT_FORMS;
		sn_block_unref(&event->forms[at].block);
	} else {
		event->form_count++;
	}
	event->forms[at].front = front;
	event->forms[at].key = key;
	event->forms[at].block = block;
	return block;
}

void sn_chat_deliver(struct sn_chat_user *to, struct sn_chat_event *event)
{
	if (to->heard == event->serial)
		return;
	to->heard = event->serial;
	event->echo = to == event->from;
	to->front->deliver(to, event);
}

void sn_chat_deliver_room(struct sn_chat_room *room, struct sn_chat_event *event)
{
	struct sn_list *link;

	sn_list_each (link, &room->members)
		sn_chat_deliver(sn_container_of(link, struct sn_chat_member, of_room)->user, event);
}

void sn_chat_deliver_acquaintances(struct sn_chat_user *user, struct sn_chat_event *event)
{
	struct sn_list *link;

	sn_chat_deliver(user, event);
	sn_list_each (link, &user->members)
		sn_chat_deliver_room(
			sn_container_of(link, struct sn_chat_member, of_user)->room, event);
}

/* --- messages ------------------------------------------------------------------------------- */

/* Sortable within a process, unique across restarts: random start, then the event's serial. */
static void stamp_id(struct sn_chat *chat, struct sn_chat_event *event)
{
	char raw[16];
	struct sn_strbuf text;

	memcpy(raw, &chat->id_start, 8);
	for (size_t i = 0; i < 8; i++)
		raw[8 + i] = (char)(event->serial >> (56 - 8 * i));
	sn_strbuf_fixed(&text, event->id, sizeof(event->id));
	sn_base64url_encode(&text, sn_str_n(raw, sizeof(raw)));
}

static int may_speak(const struct sn_chat_room *room, const struct sn_chat_user *from)
{
	const struct sn_chat_member *member = sn_chat_member(room, from);

	if (member != NULL && member->ranks != 0)
		return SN_OK;
	if (member == NULL && (room->flags & SN_ROOM_MEMBERS_SEND))
		return SN_CHAT_ECANNOTSEND;
	if (room->flags & SN_ROOM_MODERATED)
		return SN_CHAT_ECANNOTSEND;
	return sn_chat_is_banned(room, from) ? SN_CHAT_ECANNOTSEND : SN_OK;
}

static void deliver_ranked(
	struct sn_chat_room *room, struct sn_chat_event *event, unsigned min_rank)
{
	struct sn_list *link;

	sn_list_each (link, &room->members) {
		struct sn_chat_member *member =
			sn_container_of(link, struct sn_chat_member, of_room);

		if (member->ranks >= min_rank)
			sn_chat_deliver(member->user, event);
	}
}

int sn_chat_say(
	struct sn_chat_user *from, struct sn_chat_room *room, const struct sn_chat_message *message)
{
	const int code = may_speak(room, from);
	struct sn_chat_event event;

	if (code != SN_OK)
		return code;
	event = sn_chat_event(from->chat, SN_EVENT_MESSAGE, from);
	event.room = room;
	event.message = message;
	event.text = message->text;
	event.sequence = ++room->sequence;
	stamp_id(from->chat, &event);
	if (message->kind != SN_CHAT_TAGS_ONLY)
		from->active = event.time;
	sn_chat_deliver(from, &event);
	deliver_ranked(room, &event, message->min_rank);
	sn_chat_event_fini(&event);
	return SN_OK;
}

int sn_chat_tell(
	struct sn_chat_user *from, struct sn_chat_user *to, const struct sn_chat_message *message)
{
	struct sn_chat_event event = sn_chat_event(from->chat, SN_EVENT_MESSAGE, from);

	event.target = to;
	event.message = message;
	event.text = message->text;
	stamp_id(from->chat, &event);
	if (message->kind != SN_CHAT_TAGS_ONLY)
		from->active = event.time;
	sn_chat_deliver(from, &event);
	event.echo = false;
	to->heard = event.serial;
	to->front->deliver(to, &event);
	sn_chat_event_fini(&event);
	return SN_OK;
}
