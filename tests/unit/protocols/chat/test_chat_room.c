#include "daemon/base/mem.h"
#include "protocols/chat/chat_private.h"
#include "tests/unit/protocols/chat/chat_fixture.h"

#define FLAG(f) ((struct sn_chat_change){ SN_CHANGE_FLAG, true, (f) })
#define NO_FLAG(f) ((struct sn_chat_change){ SN_CHANGE_FLAG, false, (f) })
#define KEY(t) ((struct sn_chat_change){ SN_CHANGE_KEY, true, .text = sn_str(t) })
#define NO_KEY ((struct sn_chat_change){ SN_CHANGE_KEY, false })
#define LIMIT(n) ((struct sn_chat_change){ SN_CHANGE_LIMIT, true, .number = (n) })
#define NO_LIMIT ((struct sn_chat_change){ SN_CHANGE_LIMIT, false })
#define BAN(t) ((struct sn_chat_change){ SN_CHANGE_BAN, true, .text = sn_str(t) })
#define NO_BAN(t) ((struct sn_chat_change){ SN_CHANGE_BAN, false, .text = sn_str(t) })
#define RANK(on, r, p) ((struct sn_chat_change){ SN_CHANGE_RANK, (on), (r), .user = &(p)->user })

static unsigned ranks(struct person *p, const char *room)
{
	return sn_chat_member(room_of(room), &p->user)->ranks;
}

/* --- joining -------------------------------------------------------------------------------- */

START_TEST(test_first_is_operator)
{
	struct person *a = person("a"), *b = person("b");

	ck_assert_int_eq(person_join(a, "Lobby", ""), SN_OK);
	heard(a, "join a@Lobby (echo)\n");
	ck_assert_uint_eq(ranks(a, "lobby"), SN_RANK_OPERATOR);
	ck_assert_uint_eq(room_of("lobby")->flags, SN_ROOM_MEMBERS_SEND | SN_ROOM_TOPIC_LOCK);
	ck_assert_int_eq(person_join(b, "LOBBY", ""), SN_OK);
	heard(a, "join b@Lobby\n");
	heard(b, "join b@Lobby (echo)\n");
	ck_assert_uint_eq(ranks(b, "lobby"), 0);
	ck_assert_int_eq(person_join(b, "lobby", ""), SN_CHAT_EMEMBER);
	ck_assert_uint_eq(room_of("lobby")->member_count, 2);
}
END_TEST

START_TEST(test_room_names)
{
	static const struct {
		const char *name;
		int code;
	} rows[] = {
		{ "a", SN_OK },
		{ "#a", SN_OK },
		{ "caf\xc3\xa9", SN_OK },
		{ "a!@/\\\"'", SN_OK },
		{ "", SN_CHAT_ENAME },
		{ "a b", SN_CHAT_ENAME },
		{ "a,b", SN_CHAT_ENAME },
		{ "a:b", SN_CHAT_ENAME },
		{ "a*", SN_CHAT_ENAME },
		{ "a?", SN_CHAT_ENAME },
		{ "a\x07", SN_CHAT_ENAME },
		{ "a\x7f", SN_CHAT_ENAME },
		{ "a\xff", SN_CHAT_ENAME },
	};
	struct person *a = person("a");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
			person_join(a, rows[i].name, "") == rows[i].code, "\"%s\"", rows[i].name);
}
END_TEST

START_TEST(test_room_name_length)
{
	struct person *a = person("a");
	char name[66];

	memset(name, 'x', 65);
	name[65] = '\0';
	ck_assert_int_eq(person_join(a, name, ""), SN_CHAT_ENAME);
	name[64] = '\0';
	ck_assert_int_eq(person_join(a, name, ""), SN_OK);
}
END_TEST

START_TEST(test_rooms_per_user)
{
	struct person *a = person("a");
	const struct sn_chat_limits limits = { .rooms_per_user = 2 };

	sn_chat_set_limits(chat, &limits);
	ck_assert_int_eq(person_join(a, "x", ""), SN_OK);
	ck_assert_int_eq(person_join(a, "y", ""), SN_OK);
	ck_assert_int_eq(person_join(a, "z", ""), SN_CHAT_ETOOMANY);
	ck_assert_ptr_null(sn_chat_find_room(chat, SN_STR("z")));
	ck_assert_int_eq(sn_chat_part(&a->user, room_of("x"), SN_STR_NULL), SN_OK);
	ck_assert_int_eq(person_join(a, "z", ""), SN_OK);
}
END_TEST

START_TEST(test_next_room)
{
	struct person *a = member("a", "x");

	ck_assert_int_eq(person_join(a, "y", ""), SN_OK);
	ck_assert_ptr_eq(sn_chat_next_room(chat, NULL), room_of("x"));
	ck_assert_ptr_eq(sn_chat_next_room(chat, room_of("x")), room_of("y"));
	ck_assert_ptr_null(sn_chat_next_room(chat, room_of("y")));
}
END_TEST

START_TEST(test_doors)
{
	struct person *op = member("op", "x"), *bob = person("bob");

	ck_assert_int_eq(person_change(op, "x", KEY("open")), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", ""), SN_CHAT_EKEY);
	ck_assert_int_eq(person_join(bob, "x", "OPEN"), SN_CHAT_EKEY);
	ck_assert_int_eq(person_change(op, "x", FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", "open"), SN_CHAT_EINVITEONLY);
	ck_assert_int_eq(person_change(op, "x", NO_FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
	ck_assert_int_eq(person_change(op, "x", LIMIT(1)), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", "open"), SN_CHAT_EFULL);
	ck_assert_int_eq(person_change(op, "x", LIMIT(2)), SN_OK);
	ck_assert_int_eq(person_change(op, "x", BAN("*!bob@*")), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", "open"), SN_CHAT_EBANNED);
	ck_assert_int_eq(person_change(op, "x", NO_BAN("*!bob@*")), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", "open"), SN_OK);
}
END_TEST

START_TEST(test_ban_masks)
{
	static const struct {
		const char *mask;
		bool hits;
	} rows[] = {
		{ "bob!*@*", true },
		{ "BOB!*@*", true },
		{ "*!*@host", true },
		{ "*!b?b@*", true },
		{ "b*!*@h*t", true },
		{ "bobby!*@*", false },
		{ "*!*@hos", false },
		{ "bo!*@*", false },
	};
	struct person *op = member("op", "x"), *bob = person("bob");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(person_change(op, "x", BAN(rows[i].mask)), SN_OK);
		ck_assert_msg(sn_chat_is_banned(room_of("x"), &bob->user) == rows[i].hits, "%s",
			rows[i].mask);
		ck_assert_int_eq(person_change(op, "x", NO_BAN(rows[i].mask)), SN_OK);
	}
}
END_TEST

/* --- invitations ---------------------------------------------------------------------------- */

START_TEST(test_invitation_opens_once)
{
	struct person *op = member("op", "x"), *bob = person("bob");

	ck_assert_int_eq(person_change(op, "x", FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
	ck_assert_int_eq(person_change(op, "x", LIMIT(1)), SN_OK);
	ck_assert_int_eq(person_change(op, "x", BAN("bob!*@*")), SN_OK);
	forget_all();
	ck_assert_int_eq(sn_chat_invite(&op->user, room_of("x"), &bob->user), SN_OK);
	heard(op, "invite op@x>bob (echo)\n");
	heard(bob, "invite op@x>bob\n");
	ck_assert_int_eq(sn_chat_invite(&op->user, room_of("x"), &bob->user), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", ""), SN_OK);
	ck_assert_int_eq(sn_chat_part(&bob->user, room_of("x"), SN_STR_NULL), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", ""), SN_CHAT_EINVITEONLY);
}
END_TEST

START_TEST(test_invitation_is_no_key)
{
	struct person *op = member("op", "x"), *bob = person("bob");

	ck_assert_int_eq(person_change(op, "x", KEY("open")), SN_OK);
	ck_assert_int_eq(sn_chat_invite(&op->user, room_of("x"), &bob->user), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", ""), SN_CHAT_EKEY);
	ck_assert_int_eq(person_join(bob, "x", "open"), SN_OK);
}
END_TEST

START_TEST(test_who_may_invite_and_who_hears)
{
	struct person *op = member("op", "x"), *plain = member("plain", "x");
	struct person *bob = person("bob");

	ck_assert_int_eq(sn_chat_invite(&bob->user, room_of("x"), &bob->user), SN_CHAT_ENOTMEMBER);
	ck_assert_int_eq(sn_chat_invite(&op->user, room_of("x"), &plain->user), SN_CHAT_EMEMBER);
	ck_assert_int_eq(sn_chat_invite(&plain->user, room_of("x"), &bob->user), SN_OK);
	heard(op, "invite plain@x>bob\n");
	ck_assert_int_eq(person_change(op, "x", FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
	forget_all();
	ck_assert_int_eq(sn_chat_invite(&plain->user, room_of("x"), &bob->user), SN_CHAT_ENOTOP);
	ck_assert_int_eq(sn_chat_invite(&op->user, room_of("x"), &bob->user), SN_OK);
	heard(plain, "");
	heard(bob, "invite op@x>bob\n");
}
END_TEST

/* A room that has vanished takes its invitations with it. */
START_TEST(test_invitation_is_for_that_room)
{
	struct person *a = member("a", "x"), *bob = person("bob"), *c = person("c");

	ck_assert_int_eq(sn_chat_invite(&a->user, room_of("x"), &bob->user), SN_OK);
	ck_assert_int_eq(sn_chat_part(&a->user, room_of("x"), SN_STR_NULL), SN_OK);
	ck_assert_int_eq(person_join(c, "x", ""), SN_OK);
	ck_assert_int_eq(person_change(c, "x", FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
	ck_assert_int_eq(person_join(bob, "x", ""), SN_CHAT_EINVITEONLY);
}
END_TEST

START_TEST(test_oldest_invitation_goes_first)
{
	struct person *op = member("op", "x"), *bob = person("bob");
	const struct sn_chat_limits limits = { .invites_max = 2 };
	static const char *const names[] = { "x", "y", "z" };

	sn_chat_set_limits(chat, &limits);
	for (size_t i = 0; i < 3; i++) {
		if (i > 0)
			ck_assert_int_eq(person_join(op, names[i], ""), SN_OK);
		ck_assert_int_eq(person_change(op, names[i], FLAG(SN_ROOM_INVITE_ONLY)), SN_OK);
		ck_assert_int_eq(sn_chat_invite(&op->user, room_of(names[i]), &bob->user), SN_OK);
	}
	ck_assert_int_eq(person_join(bob, "x", ""), SN_CHAT_EINVITEONLY);
	ck_assert_int_eq(person_join(bob, "y", ""), SN_OK);
	ck_assert_int_eq(person_join(bob, "z", ""), SN_OK);
}
END_TEST

/* --- leaving -------------------------------------------------------------------------------- */

START_TEST(test_part)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	ck_assert_int_eq(sn_chat_part(&c->user, room_of("x"), SN_STR_NULL), SN_CHAT_ENOTMEMBER);
	ck_assert_int_eq(sn_chat_part(&b->user, room_of("x"), SN_STR("tea")), SN_OK);
	heard(a, "part b@x tea\n");
	heard(b, "part b@x (echo) tea\n");
	ck_assert_ptr_null(sn_chat_member(room_of("x"), &b->user));
	ck_assert_int_eq(sn_chat_part(&a->user, room_of("x"), SN_STR_NULL), SN_OK);
	ck_assert_ptr_null(sn_chat_find_room(chat, SN_STR("x")));
}
END_TEST

/* With everything in it that needs to be freed. */
START_TEST(test_room_vanishes_with_its_last)
{
	struct person *a = member("a", "x");

	ck_assert_int_eq(person_change(a, "x", KEY("k")), SN_OK);
	ck_assert_int_eq(person_change(a, "x", BAN("q!*@*")), SN_OK);
	ck_assert_int_eq(sn_chat_set_topic(&a->user, room_of("x"), SN_STR("t")), SN_OK);
	ck_assert_int_eq(sn_chat_part(&a->user, room_of("x"), SN_STR_NULL), SN_OK);
	ck_assert_int_eq(person_join(a, "x", ""), SN_OK);
	ck_assert_uint_eq(room_of("x")->ban_count, 0);
	ck_assert_uint_eq(room_of("x")->topic.n, 0);
}
END_TEST

START_TEST(test_kick)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	ck_assert_int_eq(
		sn_chat_kick(&c->user, room_of("x"), &a->user, SN_STR_NULL), SN_CHAT_ENOTMEMBER);
	ck_assert_int_eq(
		sn_chat_kick(&b->user, room_of("x"), &a->user, SN_STR_NULL), SN_CHAT_ENOTOP);
	ck_assert_int_eq(sn_chat_kick(&a->user, room_of("x"), &c->user, SN_STR_NULL),
		SN_CHAT_ETHEYNOTMEMBER);
	ck_assert_int_eq(sn_chat_kick(&a->user, room_of("x"), &b->user, SN_STR("out")), SN_OK);
	heard(a, "kick a@x>b (echo) out\n");
	heard(b, "kick a@x>b out\n");
	ck_assert_uint_eq(room_of("x")->member_count, 1);
	ck_assert_int_eq(sn_chat_kick(&a->user, room_of("x"), &a->user, SN_STR_NULL), SN_OK);
	ck_assert_ptr_null(sn_chat_find_room(chat, SN_STR("x")));
}
END_TEST

/* --- topic ---------------------------------------------------------------------------------- */

START_TEST(test_topic)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	ck_assert_int_eq(
		sn_chat_set_topic(&c->user, room_of("x"), SN_STR("t")), SN_CHAT_ENOTMEMBER);
	ck_assert_int_eq(sn_chat_set_topic(&b->user, room_of("x"), SN_STR("t")), SN_CHAT_ENOTOP);
	sn_fake_clock_advance(&chat_clock, SN_SEC(1));
	ck_assert_int_eq(sn_chat_set_topic(&a->user, room_of("x"), SN_STR("t")), SN_OK);
	heard(b, "topic a@x t\n");
	ck_assert_str_view(room_of("x")->topic_by, "a");
	ck_assert_int_eq(room_of("x")->topic_at, chat_clock.wall_ns);
	ck_assert_int_eq(person_change(a, "x", NO_FLAG(SN_ROOM_TOPIC_LOCK)), SN_OK);
	ck_assert_int_eq(sn_chat_set_topic(&b->user, room_of("x"), SN_STR("")), SN_OK);
	ck_assert_uint_eq(room_of("x")->topic.n, 0);
}
END_TEST

START_TEST(test_topic_is_cut_between_characters)
{
	struct person *a = member("a", "x");
	const struct sn_chat_limits limits = { .topic_max = 4 };

	sn_chat_set_limits(chat, &limits);
	ck_assert_int_eq(sn_chat_set_topic(&a->user, room_of("x"), SN_STR("abcd")), SN_OK);
	ck_assert_str_view(room_of("x")->topic, "abcd");
	ck_assert_int_eq(sn_chat_set_topic(&a->user, room_of("x"), SN_STR("abcde")), SN_OK);
	ck_assert_str_view(room_of("x")->topic, "abcd");
	ck_assert_int_eq(
		sn_chat_set_topic(&a->user, room_of("x"), SN_STR("ab\xe2\x82\xac")), SN_OK);
	ck_assert_str_view(room_of("x")->topic, "ab");
}
END_TEST

/* --- settings ------------------------------------------------------------------------------- */

START_TEST(test_flags)
{
	static const unsigned flags[] = { SN_ROOM_INVITE_ONLY, SN_ROOM_MODERATED,
		SN_ROOM_MEMBERS_SEND, SN_ROOM_SECRET, SN_ROOM_TOPIC_LOCK };
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	room_of("x")->flags = 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		ck_assert_int_eq(person_change(c, "x", FLAG(flags[i])), SN_CHAT_ENOTMEMBER);
		ck_assert_int_eq(person_change(b, "x", FLAG(flags[i])), SN_CHAT_ENOTOP);
		ck_assert_int_eq(person_change(a, "x", NO_FLAG(flags[i])), SN_CHAT_EEXISTS);
		ck_assert_int_eq(person_change(a, "x", FLAG(flags[i])), SN_OK);
		ck_assert_uint_eq(room_of("x")->flags, flags[i]);
		heard(b, "changes a@x 1\n");
		ck_assert_int_eq(person_change(a, "x", FLAG(flags[i])), SN_CHAT_EEXISTS);
		ck_assert_int_eq(person_change(a, "x", NO_FLAG(flags[i])), SN_OK);
		ck_assert_uint_eq(room_of("x")->flags, 0);
		forget_all();
	}
}
END_TEST

START_TEST(test_secret)
{
	struct person *a = member("a", "x"), *b = person("b");

	ck_assert(sn_chat_room_visible(room_of("x"), &b->user));
	ck_assert_int_eq(person_change(a, "x", FLAG(SN_ROOM_SECRET)), SN_OK);
	ck_assert(!sn_chat_room_visible(room_of("x"), &b->user));
	ck_assert(sn_chat_room_visible(room_of("x"), &a->user));
}
END_TEST

START_TEST(test_key)
{
	static const struct {
		const char *key;
		int code;
	} rows[] = {
		{ "", SN_CHAT_ENAME },
		{ "a b", SN_CHAT_ENAME },
		{ "a,b", SN_CHAT_ENAME },
		{ ":a", SN_CHAT_ENAME },
		{ "a\x7f", SN_CHAT_ENAME },
		{ "abcdefghijklmnopqrstuvwxyzabcdefg", SN_CHAT_ENAME },
		{ "abcdefghijklmnopqrstuvwxyzabcdef", SN_OK },
		{ "a:b", SN_OK },
		{ "a:b", SN_CHAT_EEXISTS },
		{ "A:b", SN_OK },
	};
	struct person *a = member("a", "x");

	ck_assert_int_eq(person_change(a, "x", NO_KEY), SN_CHAT_EEXISTS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(person_change(a, "x", KEY(rows[i].key)) == rows[i].code, "\"%s\"",
			rows[i].key);
	ck_assert_str_view(room_of("x")->key, "A:b");
	ck_assert_int_eq(person_change(a, "x", NO_KEY), SN_OK);
	ck_assert_uint_eq(room_of("x")->key.n, 0);
}
END_TEST

START_TEST(test_limit)
{
	struct person *a = member("a", "x");

	ck_assert_int_eq(person_change(a, "x", NO_LIMIT), SN_CHAT_EEXISTS);
	ck_assert_int_eq(person_change(a, "x", LIMIT(7)), SN_OK);
	ck_assert_int_eq(person_change(a, "x", LIMIT(7)), SN_CHAT_EEXISTS);
	ck_assert_uint_eq(room_of("x")->limit, 7);
	ck_assert_int_eq(person_change(a, "x", NO_LIMIT), SN_OK);
	ck_assert_uint_eq(room_of("x")->limit, 0);
}
END_TEST

START_TEST(test_ranks)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	ck_assert_int_eq(
		person_change(a, "x", RANK(true, SN_RANK_VOICE, c)), SN_CHAT_ETHEYNOTMEMBER);
	ck_assert_int_eq(person_change(a, "x", RANK(true, SN_RANK_VOICE, b)), SN_OK);
	ck_assert_int_eq(person_change(a, "x", RANK(true, SN_RANK_VOICE, b)), SN_CHAT_EEXISTS);
	ck_assert_int_eq(person_change(a, "x", RANK(true, SN_RANK_OPERATOR, b)), SN_OK);
	ck_assert_uint_eq(ranks(b, "x"), SN_RANK_VOICE | SN_RANK_OPERATOR);
	ck_assert_int_eq(person_change(b, "x", RANK(false, SN_RANK_OPERATOR, a)), SN_OK);
	ck_assert_uint_eq(ranks(a, "x"), 0);
	ck_assert_int_eq(person_change(b, "x", RANK(false, SN_RANK_VOICE, b)), SN_OK);
	ck_assert_uint_eq(ranks(b, "x"), SN_RANK_OPERATOR);
	ck_assert_int_eq(person_change(a, "x", RANK(true, SN_RANK_OPERATOR, a)), SN_CHAT_ENOTOP);
}
END_TEST

START_TEST(test_ban_list)
{
	struct person *a = member("a", "x");
	const struct sn_chat_limits limits = { .list_max = 2 };

	sn_chat_set_limits(chat, &limits);
	sn_fake_clock_advance(&chat_clock, SN_SEC(9));
	ck_assert_int_eq(person_change(a, "x", NO_BAN("q!*@*")), SN_CHAT_EEXISTS);
	ck_assert_int_eq(person_change(a, "x", BAN("q!*@*")), SN_OK);
	ck_assert_int_eq(person_change(a, "x", BAN("Q!*@*")), SN_CHAT_EEXISTS);
	ck_assert_int_eq(person_change(a, "x", BAN("r!*@*")), SN_OK);
	ck_assert_int_eq(person_change(a, "x", BAN("s!*@*")), SN_CHAT_ELISTFULL);
	ck_assert_uint_eq(room_of("x")->ban_count, 2);
	ck_assert_int_eq(person_change(a, "x", NO_BAN("Q!*@*")), SN_OK);
	ck_assert_int_eq(person_change(a, "x", BAN("s!*@*")), SN_OK);
}
END_TEST

START_TEST(test_ban_says_who_and_when)
{
	struct person *a = member("a", "x");
	const struct sn_chat_mask *mask;

	sn_fake_clock_advance(&chat_clock, SN_SEC(9));
	ck_assert_int_eq(person_change(a, "x", BAN("q!*@*")), SN_OK);
	mask = sn_container_of(room_of("x")->bans.next, struct sn_chat_mask, link);
	ck_assert_str_view(mask->mask, "q!*@*");
	ck_assert_str_view(mask->set_by, "a");
	ck_assert_int_eq(mask->set_at, chat_clock.wall_ns);
}
END_TEST

START_TEST(test_ban_is_one_word)
{
	struct person *a = member("a", "x");
	char longest[202];

	memset(longest, 'q', sizeof(longest));
	longest[201] = '\0';
	ck_assert_int_eq(person_change(a, "x", BAN(longest)), SN_CHAT_ENAME);
	longest[200] = '\0';
	ck_assert_int_eq(person_change(a, "x", BAN(longest)), SN_OK);
	ck_assert_int_eq(person_change(a, "x", BAN("")), SN_CHAT_ENAME);
	ck_assert_int_eq(person_change(a, "x", BAN("q !*@*")), SN_CHAT_ENAME);
	ck_assert_int_eq(person_change(a, "x", BAN(":q!*@*")), SN_CHAT_ENAME);
	ck_assert_int_eq(person_change(a, "x", BAN("q\x01!*@*")), SN_CHAT_ENAME);
}
END_TEST

START_TEST(test_announce_nothing)
{
	struct person *a = member("a", "x");

	sn_chat_announce(&a->user, room_of("x"), NULL, 0);
	heard(a, "");
}
END_TEST

Suite *sn_suite_chat_room(void)
{
	const TTest *const tests[] = {
		test_first_is_operator,
		test_room_names,
		test_room_name_length,
		test_rooms_per_user,
		test_next_room,
		test_doors,
		test_ban_masks,
		test_invitation_opens_once,
		test_invitation_is_no_key,
		test_who_may_invite_and_who_hears,
		test_invitation_is_for_that_room,
		test_oldest_invitation_goes_first,
		test_part,
		test_room_vanishes_with_its_last,
		test_kick,
		test_topic,
		test_topic_is_cut_between_characters,
		test_flags,
		test_secret,
		test_key,
		test_limit,
		test_ranks,
		test_ban_list,
		test_ban_says_who_and_when,
		test_ban_is_one_word,
		test_announce_nothing,
	};

	return CHAT_SUITE("chat_room", tests);
}
