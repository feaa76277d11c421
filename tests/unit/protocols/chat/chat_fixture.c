#include "tests/unit/protocols/chat/chat_fixture.h"

#include "daemon/base/mem.h"

#define PEOPLE_MAX 256

struct sn_chat *chat;
struct sn_fake_clock chat_clock;
static struct person people[PEOPLE_MAX];
static size_t people_count;

/* --- the front ------------------------------------------------------------------------------ */

static const char *const kind_names[] = {
	[SN_EVENT_MESSAGE] = "message",
	[SN_EVENT_JOIN] = "join",
	[SN_EVENT_PART] = "part",
	[SN_EVENT_QUIT] = "quit",
	[SN_EVENT_KICK] = "kick",
	[SN_EVENT_INVITE] = "invite",
	[SN_EVENT_TOPIC] = "topic",
	[SN_EVENT_CHANGES] = "changes",
	[SN_EVENT_RENAME] = "rename",
	[SN_EVENT_AWAY] = "away",
	[SN_EVENT_ACCOUNT] = "account",
};

/* "message alice@lobby>bob (echo) text" */
static void write_down(struct person *p, const struct sn_chat_event *event)
{
	sn_strbuf_addf(
		&p->journal, "%s %.*s", kind_names[event->kind], SN_STR_ARG(event->from->name));
	if (event->room != NULL)
		sn_strbuf_addf(&p->journal, "@%.*s", SN_STR_ARG(event->room->name));
	if (event->target != NULL)
		sn_strbuf_addf(&p->journal, ">%.*s", SN_STR_ARG(event->target->name));
	if (event->echo)
		sn_strbuf_adds(&p->journal, " (echo)");
	if (event->old_name.n > 0)
		sn_strbuf_addf(&p->journal, " was %.*s", SN_STR_ARG(event->old_name));
	if (event->text.n > 0)
		sn_strbuf_addf(&p->journal, " %.*s", SN_STR_ARG(event->text));
	if (event->change_count > 0)
		sn_strbuf_addf(&p->journal, " %zu", event->change_count);
	sn_strbuf_addc(&p->journal, '\n');
}

static void deliver(struct sn_chat_user *to, struct sn_chat_event *event)
{
	struct person *p = sn_container_of(to, struct person, user);
	struct sn_block *block = sn_chat_form_find(event, to->front, 0);

	if (block == NULL)
		block = sn_chat_form_keep(
			event, to->front, 0, sn_block_copy(sn_str(kind_names[event->kind])));
	sn_block_unref(&p->block);
	p->block = sn_block_ref(block);
	p->last = *event;
	memcpy(p->last_id, event->id, sizeof(p->last_id));
	write_down(p, event);
}

static const struct sn_chat_front front = { .name = "journal", .deliver = deliver };

/* --- setup ---------------------------------------------------------------------------------- */

void chat_setup(void)
{
	const struct sn_chat_options options = { .clock = &chat_clock.clock };

	sn_fake_clock_init(&chat_clock);
	chat = sn_chat_new(&options);
}

void chat_teardown(void)
{
	for (size_t i = 0; i < people_count; i++) {
		sn_chat_leave(&people[i].user, SN_STR_NULL);
		sn_strbuf_fini(&people[i].journal);
		sn_block_unref(&people[i].block);
	}
	people_count = 0;
	sn_chat_free(&chat);
	ck_assert_ptr_null(chat);
}

Suite *chat_suite(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, chat_setup, chat_teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* --- people --------------------------------------------------------------------------------- */

struct person *stranger(const char *name)
{
	struct person *p = &people[people_count++];

	ck_assert_uint_le(people_count, PEOPLE_MAX);
	*p = (struct person){ .user = { .front = &front,
				      .login = sn_str(name),
				      .host = SN_STR("host"),
				      .real_name = SN_STR("somebody") } };
	sn_strbuf_init(&p->journal, 1 << 20);
	return p;
}

int person_enter(struct person *p, const char *name)
{
	return sn_chat_enter(chat, &p->user, sn_str(name));
}

struct person *person(const char *name)
{
	struct person *p = stranger(name);

	ck_assert_int_eq(person_enter(p, name), SN_OK);
	return p;
}

struct person *member(const char *name, const char *room)
{
	struct person *p = person(name);

	ck_assert_int_eq(person_join(p, room, ""), SN_OK);
	forget_all();
	return p;
}

struct sn_chat_room *room_of(const char *name)
{
	struct sn_chat_room *room = sn_chat_find_room(chat, sn_str(name));

	ck_assert_msg(room != NULL, "there is no room %s", name);
	return room;
}

int person_join(struct person *p, const char *room, const char *key)
{
	struct sn_chat_room *joined = NULL;
	const int code = sn_chat_join(&p->user, sn_str(room), sn_str(key), &joined);

	ck_assert((code == SN_OK) == (joined != NULL));
	return code;
}

int person_say(struct person *p, const char *room, const char *text)
{
	return sn_chat_say(
		&p->user, room_of(room), &(struct sn_chat_message){ .text = sn_str(text) });
}

int person_tell(struct person *p, struct person *to, const char *text)
{
	return sn_chat_tell(&p->user, &to->user, &(struct sn_chat_message){ .text = sn_str(text) });
}

int person_change(struct person *p, const char *room, struct sn_chat_change change)
{
	const int code = sn_chat_apply(&p->user, room_of(room), &change);

	if (code == SN_OK)
		sn_chat_announce(&p->user, room_of(room), &change, 1);
	return code;
}

void heard(struct person *p, const char *lines)
{
	ck_assert_str_eq(sn_strbuf_cstr(&p->journal), lines);
	sn_strbuf_reset(&p->journal);
}

void forget_all(void)
{
	for (size_t i = 0; i < people_count; i++)
		sn_strbuf_reset(&people[i].journal);
}
