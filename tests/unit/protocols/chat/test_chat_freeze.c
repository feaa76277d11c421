#include "daemon/base/strbuf.h"
#include "daemon/base/wire.h"
#include "tests/unit/protocols/chat/chat_fixture.h"

#define PEOPLE 3
static const char *const names[PEOPLE] = { "alice", "bob", "carol" };

/* Three people, two rooms, and everything that a room or a person can have. */
static void populate(struct person *people[PEOPLE])
{
	for (size_t i = 0; i < PEOPLE; i++)
		people[i] = person(names[i]);
	ck_assert_int_eq(person_join(people[2], "lobby", ""), SN_OK);
	ck_assert_int_eq(person_join(people[0], "lobby", ""), SN_OK);
	ck_assert_int_eq(person_join(people[1], "lobby", ""), SN_OK);
	ck_assert_int_eq(person_join(people[0], "Den", ""), SN_OK);
	ck_assert_int_eq(
		sn_chat_set_topic(&people[2]->user, room_of("lobby"), SN_STR("Knots")), SN_OK);
	ck_assert_int_eq(
		person_change(people[2], "lobby",
			(struct sn_chat_change){
				.kind = SN_CHANGE_KEY, .on = true, .text = SN_STR("sesame") }),
		SN_OK);
	ck_assert_int_eq(
		person_change(people[2], "lobby",
			(struct sn_chat_change){
				.kind = SN_CHANGE_BAN, .on = true, .text = SN_STR("*!*@evil") }),
		SN_OK);
	ck_assert_int_eq(sn_chat_invite(&people[0]->user, room_of("Den"), &people[1]->user), SN_OK);
	sn_chat_set_away(&people[1]->user, SN_STR("tying"));
	people[2]->user.invisible = true;
	ck_assert_int_eq(person_say(people[0], "lobby", "hello"), SN_OK);
}

/* The core and then each person, in an order that is not theirs. */
static const size_t order[PEOPLE] = { 1, 2, 0 };

static void freeze(struct person *people[PEOPLE], struct sn_strbuf *out)
{
	sn_strbuf_init(out, 1 << 16);
	sn_chat_freeze(chat, out);
	for (size_t i = 0; i < PEOPLE; i++)
		sn_chat_freeze_user(&people[order[i]]->user, out);
	ck_assert_int_eq(out->err, SN_OK);
}

static void nobody_hears(struct sn_chat_user *to, struct sn_chat_event *event)
{
	(void)to;
	(void)event;
	ck_abort_msg("a move was heard");
}
static const struct sn_chat_front quiet = { .name = "quiet", .deliver = nobody_hears };

/* As many as come back; a core of its own. */
static struct sn_chat *thaw(struct sn_str state, struct sn_chat_user users[PEOPLE], int *code_r)
{
	const struct sn_chat_options options = { .clock = &chat_clock.clock };
	struct sn_chat *other = sn_chat_new(&options);
	struct sn_reader in = sn_reader(state);

	memset(users, 0, PEOPLE * sizeof(*users));
	*code_r = sn_chat_thaw(other, &in);
	for (size_t i = 0; i < PEOPLE && *code_r == SN_OK; i++) {
		users[order[i]].front = &quiet;
		users[order[i]].login = SN_STR("~x");
		users[order[i]].host = SN_STR("host");
		*code_r = sn_chat_thaw_user(other, &users[order[i]], &in);
	}
	sn_chat_thaw_end(other);
	return other;
}

static void hear_nothing(struct sn_chat_user *to, struct sn_chat_event *event)
{
	(void)to;
	(void)event;
}
static const struct sn_chat_front deaf = { .name = "deaf", .deliver = hear_nothing };

static void leave_all(struct sn_chat *other, struct sn_chat_user users[PEOPLE])
{
	for (size_t i = 0; i < PEOPLE; i++)
		users[i].front = &deaf;
	for (size_t i = 0; i < PEOPLE; i++)
		sn_chat_leave(&users[i], SN_STR("end"));
	ck_assert_uint_eq(sn_chat_stats(other).rooms, 0); /* nothing is left over */
	sn_chat_free(&other);
}

START_TEST(all_of_it_comes_back)
{
	struct person *people[PEOPLE];
	struct sn_chat_user users[PEOPLE];
	struct sn_strbuf state, again;
	struct sn_chat *other;
	int code;

	populate(people);
	freeze(people, &state);
	other = thaw(sn_strbuf_str(&state), users, &code);
	ck_assert_int_eq(code, SN_OK);
	/* What it writes now is what it was made of. */
	sn_strbuf_init(&again, 1 << 16);
	sn_chat_freeze(other, &again);
	for (size_t i = 0; i < PEOPLE; i++)
		sn_chat_freeze_user(&users[order[i]], &again);
	ck_assert(sn_str_eq(sn_strbuf_str(&state), sn_strbuf_str(&again)));
	leave_all(other, users);
	sn_strbuf_fini(&again);
	sn_strbuf_fini(&state);
}
END_TEST

START_TEST(in_the_old_order)
{
	struct person *people[PEOPLE];
	struct sn_chat_user users[PEOPLE], *user = NULL;
	struct sn_chat_room *room;
	struct sn_strbuf state;
	struct sn_chat *other;
	struct sn_list *link;
	int code;

	populate(people);
	freeze(people, &state);
	other = thaw(sn_strbuf_str(&state), users, &code);
	for (size_t i = 0; i < PEOPLE; i++) {
		user = sn_chat_next_user(other, user);
		ck_assert(sn_str_eq(user->name, sn_str(names[i])));
	}
	room = sn_chat_find_room(other, SN_STR("LOBBY"));
	link = room->members.next;
	ck_assert_ptr_eq(sn_container_of(link, struct sn_chat_member, of_room)->user, &users[2]);
	ck_assert_uint_eq(
		sn_container_of(link, struct sn_chat_member, of_room)->ranks, SN_RANK_OPERATOR);
	link = link->next;
	ck_assert_ptr_eq(sn_container_of(link, struct sn_chat_member, of_room)->user, &users[0]);
	ck_assert_uint_eq(sn_container_of(link, struct sn_chat_member, of_room)->ranks, 0);
	link = link->next;
	ck_assert_ptr_eq(sn_container_of(link, struct sn_chat_member, of_room)->user, &users[1]);
	leave_all(other, users);
	sn_strbuf_fini(&state);
}
END_TEST

START_TEST(rules_hold_there)
{
	struct person *people[PEOPLE];
	struct sn_chat_user users[PEOPLE];
	struct sn_chat_room *room;
	struct sn_strbuf state;
	struct sn_chat *other;
	int code;

	populate(people);
	freeze(people, &state);
	other = thaw(sn_strbuf_str(&state), users, &code);
	for (size_t i = 0; i < PEOPLE; i++)
		users[i].front = &deaf;
	ck_assert_int_eq(
		sn_chat_part(&users[1], sn_chat_find_room(other, SN_STR("lobby")), SN_STR_NULL),
		SN_OK);
	ck_assert_int_eq(
		sn_chat_join(&users[1], SN_STR("lobby"), SN_STR_NULL, &room), SN_CHAT_EKEY);
	ck_assert_int_eq(sn_chat_join(&users[1], SN_STR("Den"), SN_STR_NULL, &room), SN_OK);
	ck_assert_uint_eq(users[1].invites.next == &users[1].invites, true); /* was used */
	leave_all(other, users);
	sn_strbuf_fini(&state);
}
END_TEST

/* Wherever it ends: told, nobody half there, nothing lost. */
START_TEST(cut_short_anywhere)
{
	struct person *people[PEOPLE];
	struct sn_chat_user users[PEOPLE];
	struct sn_strbuf state;

	populate(people);
	freeze(people, &state);
	for (size_t n = 0; n < state.n; n++) {
		int code;
		struct sn_chat *other = thaw(sn_str_n(state.p, n), users, &code);

		ck_assert_int_ne(code, SN_OK);
		leave_all(other, users);
	}
	sn_strbuf_fini(&state);
}
END_TEST

/* Whatever a byte becomes: no crash, no leak. */
START_TEST(bytes_changed)
{
	struct person *people[PEOPLE];
	struct sn_chat_user users[PEOPLE];
	struct sn_strbuf state;

	populate(people);
	freeze(people, &state);
	for (size_t n = 0; n < state.n; n++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct sn_chat *other;
			int code;

			state.p[n] = (char)(state.p[n] ^ (1 << bit));
			other = thaw(sn_strbuf_str(&state), users, &code);
			leave_all(other, users);
			state.p[n] = (char)(state.p[n] ^ (1 << bit));
		}
	}
	sn_strbuf_fini(&state);
}
END_TEST

Suite *sn_suite_chat_freeze(void)
{
	const TTest *const tests[] = {
		all_of_it_comes_back,
		in_the_old_order,
		rules_hold_there,
		cut_short_anywhere,
		bytes_changed,
	};

	return CHAT_SUITE("chat_freeze", tests);
}
