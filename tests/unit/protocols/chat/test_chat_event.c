#include "tests/unit/protocols/chat/chat_fixture.h"

START_TEST(test_say)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	ck_assert_int_eq(person_say(a, "x", "hello"), SN_OK);
	heard(a, "message a@x (echo) hello\n");
	heard(b, "message a@x hello\n");
	heard(c, "");
}
END_TEST

START_TEST(test_tell)
{
	struct person *a = member("a", "x"), *b = member("b", "x");

	ck_assert_int_eq(person_tell(a, b, "psst"), SN_OK);
	heard(a, "message a>b (echo) psst\n");
	heard(b, "message a>b psst\n");
}
END_TEST

START_TEST(test_tell_oneself)
{
	struct person *a = person("a");

	ck_assert_int_eq(person_tell(a, a, "milk"), SN_OK);
	heard(a, "message a>a (echo) milk\nmessage a>a milk\n");
}
END_TEST

START_TEST(test_id_time_and_sequence_are_everybodys)
{
	struct person *a = member("a", "x"), *b = member("b", "x");

	sn_fake_clock_advance(&chat_clock, SN_SEC(5));
	ck_assert_int_eq(person_say(a, "x", "one"), SN_OK);
	ck_assert_uint_gt(strlen(a->last_id), 8);
	ck_assert_str_eq(a->last_id, b->last_id);
	ck_assert_int_eq(a->last.time, chat_clock.wall_ns);
	ck_assert_int_eq(b->last.time, chat_clock.wall_ns);
	ck_assert_uint_eq(a->last.sequence, 1);
	ck_assert_int_eq(person_say(b, "x", "two"), SN_OK);
	ck_assert_uint_eq(b->last.sequence, 2);
	ck_assert_str_ne(a->last_id, "");
}
END_TEST

START_TEST(test_ids_differ)
{
	char ids[64][SN_CHAT_ID_SIZE];
	struct person *a = member("a", "x");

	for (size_t i = 0; i < 64; i++) {
		ck_assert_int_eq(
			i % 2 == 0 ? person_say(a, "x", "m") : person_tell(a, a, "m"), SN_OK);
		memcpy(ids[i], a->last_id, SN_CHAT_ID_SIZE);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(ids[i], ids[j]);
	}
}
END_TEST

START_TEST(test_only_messages_have_ids)
{
	struct person *a = member("a", "x");

	ck_assert_int_eq(sn_chat_set_topic(&a->user, room_of("x"), SN_STR("t")), SN_OK);
	ck_assert_str_eq(a->last_id, "");
}
END_TEST

START_TEST(test_who_may_speak)
{
	static const struct {
		unsigned flags;
		bool op, voice, plain, outsider;
	} rows[] = {
		{ 0, true, true, true, true },
		{ SN_ROOM_MEMBERS_SEND, true, true, true, false },
		{ SN_ROOM_MODERATED, true, true, false, false },
		{ SN_ROOM_MODERATED | SN_ROOM_MEMBERS_SEND, true, true, false, false },
	};
	struct person *op = member("op", "x"), *voice = member("voice", "x");
	struct person *plain = member("plain", "x"), *outsider = person("outsider");

	ck_assert_int_eq(person_change(op, "x",
				 (struct sn_chat_change){ SN_CHANGE_RANK, true, SN_RANK_VOICE,
					 .user = &voice->user }),
		SN_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		room_of("x")->flags = rows[i].flags;
		ck_assert_int_eq(person_say(op, "x", "m") == SN_OK, rows[i].op);
		ck_assert_int_eq(person_say(voice, "x", "m") == SN_OK, rows[i].voice);
		ck_assert_int_eq(person_say(plain, "x", "m") == SN_OK, rows[i].plain);
		ck_assert_int_eq(person_say(outsider, "x", "m") == SN_OK, rows[i].outsider);
	}
}
END_TEST

START_TEST(test_banned_may_not_speak_unless_ranked)
{
	struct person *op = member("op", "x"), *bob = member("bob", "x");
	const struct sn_chat_change ban = { SN_CHANGE_BAN, true, .text = SN_STR("b*!*@*") };
	const struct sn_chat_change voice = { SN_CHANGE_RANK, true, SN_RANK_VOICE,
		.user = &bob->user };

	ck_assert_int_eq(person_change(op, "x", ban), SN_OK);
	forget_all();
	ck_assert_int_eq(person_say(bob, "x", "m"), SN_CHAT_ECANNOTSEND);
	heard(op, "");
	ck_assert_int_eq(person_change(op, "x", voice), SN_OK);
	ck_assert_int_eq(person_say(bob, "x", "m"), SN_OK);
}
END_TEST

START_TEST(test_only_to_ranks)
{
	struct person *op = member("op", "x"), *voice = member("voice", "x");
	struct person *plain = member("plain", "x");
	struct sn_chat_message message = { .text = SN_STR("m") };

	ck_assert_int_eq(person_change(op, "x",
				 (struct sn_chat_change){ SN_CHANGE_RANK, true, SN_RANK_VOICE,
					 .user = &voice->user }),
		SN_OK);
	forget_all();
	message.min_rank = SN_RANK_OPERATOR;
	ck_assert_int_eq(sn_chat_say(&plain->user, room_of("x"), &message), SN_OK);
	heard(op, "message plain@x m\n");
	heard(voice, "");
	heard(plain, "message plain@x (echo) m\n");
	message.min_rank = SN_RANK_VOICE;
	ck_assert_int_eq(sn_chat_say(&op->user, room_of("x"), &message), SN_OK);
	heard(op, "message op@x (echo) m\n");
	heard(voice, "message op@x m\n");
	heard(plain, "");
}
END_TEST

START_TEST(test_messages_are_activity)
{
	struct person *a = member("a", "x");
	const int64_t entered = a->user.active;

	sn_fake_clock_advance(&chat_clock, SN_SEC(60));
	ck_assert_int_eq(sn_chat_say(&a->user, room_of("x"),
				 &(struct sn_chat_message){ .kind = SN_CHAT_TAGS_ONLY }),
		SN_OK);
	ck_assert_int_eq(a->user.active, entered);
	ck_assert_int_eq(person_say(a, "x", "m"), SN_OK);
	ck_assert_int_eq(a->user.active, entered + SN_SEC(60));
	sn_fake_clock_advance(&chat_clock, SN_SEC(60));
	ck_assert_int_eq(person_tell(a, a, "m"), SN_OK);
	ck_assert_int_eq(a->user.active, entered + SN_SEC(120));
}
END_TEST

/* --- encoded forms -------------------------------------------------------------------------- */

START_TEST(test_one_block_for_all)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = member("c", "x");

	ck_assert_int_eq(person_say(a, "x", "m"), SN_OK);
	ck_assert_ptr_eq(a->block, b->block);
	ck_assert_ptr_eq(a->block, c->block);
	ck_assert_int_eq(person_say(b, "x", "m"), SN_OK);
	ck_assert_ptr_eq(b->block, c->block);
}
END_TEST

static const struct sn_chat_front front_a = { .name = "a" }, front_b = { .name = "b" };

START_TEST(test_forms_by_front_and_key)
{
	struct sn_chat_event event = { .serial = 1 };
	struct sn_block *block = sn_block_copy(SN_STR("x"));

	ck_assert_ptr_null(sn_chat_form_find(&event, &front_a, 1));
	ck_assert_ptr_eq(sn_chat_form_keep(&event, &front_a, 1, block), block);
	ck_assert_ptr_eq(sn_chat_form_find(&event, &front_a, 1), block);
	ck_assert_ptr_null(sn_chat_form_find(&event, &front_a, 2));
	ck_assert_ptr_null(sn_chat_form_find(&event, &front_b, 1));
	for (size_t i = 0; i < event.form_count; i++)
		sn_block_unref(&event.forms[i].block);
}
END_TEST

START_TEST(test_more_forms_than_places)
{
	struct sn_chat_event event = { .serial = 5 };

	for (uint64_t key = 0; key < 3 * SN_CHAT_FORMS; key++) {
		struct sn_block *block = sn_block_copy(SN_STR("x"));

		ck_assert_ptr_eq(sn_chat_form_keep(&event, &front_a, key, block), block);
		ck_assert_ptr_eq(sn_chat_form_find(&event, &front_a, key), block);
	}
	ck_assert_uint_eq(event.form_count, SN_CHAT_FORMS);
	for (size_t i = 0; i < event.form_count; i++)
		sn_block_unref(&event.forms[i].block);
}
END_TEST

Suite *sn_suite_chat_event(void)
{
	const TTest *const tests[] = {
		test_say,
		test_tell,
		test_tell_oneself,
		test_id_time_and_sequence_are_everybodys,
		test_ids_differ,
		test_only_messages_have_ids,
		test_who_may_speak,
		test_banned_may_not_speak_unless_ranked,
		test_only_to_ranks,
		test_messages_are_activity,
		test_one_block_for_all,
		test_forms_by_front_and_key,
		test_more_forms_than_places,
	};

	return CHAT_SUITE("chat_event", tests);
}
