#include "tests/unit/protocols/irc/irc_fixture.h"

/* The value of a tag in "@a=1;b=2 ...", or empty. */
static struct sn_str tag(struct sn_str line, const char *name)
{
	struct sn_str rest, key, value;

	ck_assert_msg(line.n > 0 && line.p[0] == '@', "no tags: %.*s", SN_STR_ARG(line));
	rest = sn_str_sub(line, 1, sn_str_find(line, ' ') - 1);
	while (sn_irc_next_tag(&rest, &key, &value)) {
		if (sn_str_eq(key, sn_str(name)))
			return value;
	}
	return SN_STR_NULL;
}

/* One message to people of all kinds: everybody gets what he asked for, and the same message. */
START_TEST(test_forms)
{
	struct irc_peer *plain = irc_member("plain", "#x"), *again = irc_member("again", "#x");
	struct irc_peer *tags = irc_user_with("tags", "message-tags");
	struct irc_peer *when = irc_user_with("when", "server-time");
	struct irc_peer *both = irc_user_with("both", "server-time message-tags");
	struct irc_peer *alice = irc_user_with("alice", "echo-message message-tags");
	struct sn_str line, id;

	irc_say(tags, "JOIN #x");
	irc_say(when, "JOIN #x");
	irc_say(both, "JOIN #x");
	irc_say(alice, "JOIN #x");
	irc_forget_all();
	irc_say(alice, "PRIVMSG #x :hi");
	irc_expect(plain, ":alice!~alice@localhost PRIVMSG #x :hi");
	irc_expect(again, ":alice!~alice@localhost PRIVMSG #x :hi");
	line = irc_next(alice);
	id = tag(line, "msgid");
	ck_assert_uint_gt(id.n, 8);
	ck_assert_ptr_null(tag(line, "time").p);
	ck_assert(sn_str_eq(tag(irc_next(tags), "msgid"), id));
	irc_expect(when, "@time=20*-*-*T*:*:*.*Z :alice!~alice@localhost PRIVMSG #x :hi");
	irc_expect(both,
		"@time=20*-*-*T*:*:*.*Z;msgid=* :alice!~alice@localhost "
		"PRIVMSG #x :hi");
}
END_TEST

START_TEST(test_message_ids_differ)
{
	struct irc_peer *alice = irc_user_with("alice", "echo-message message-tags");
	struct sn_str first, second;

	irc_say(alice, "PRIVMSG alice :a\r\nPRIVMSG alice :b");
	first = tag(irc_next(alice), "msgid");
	/* The echo and the message are one. */
	ck_assert(sn_str_eq(tag(irc_next(alice), "msgid"), first));
	second = tag(irc_next(alice), "msgid");
	ck_assert(!sn_str_eq(first, second));
}
END_TEST

START_TEST(test_time_is_the_clocks)
{
	struct irc_peer *alice = irc_user_with("alice", "echo-message server-time");
	char text[64];
	struct sn_strbuf b;

	irc_advance(SN_SEC(5) + SN_MS(42));
	sn_strbuf_fixed(&b, text, sizeof(text));
	sn_format_time(&b, irc_clock.wall_ns, 3);
	irc_say(alice, "PRIVMSG alice :a");
	ck_assert_str_view(tag(irc_next(alice), "time"), text);
}
END_TEST

START_TEST(test_account_tag)
{
	struct irc_peer *bob, *carol, *peer;

	irc_restart("insecure_auth = true\nopen = true\nauth = [\"memory:a\\\\b;c:secret\"]\n");
	bob = irc_user_with("bob", "account-tag");
	carol = irc_user_with("carol", "extended-join");
	irc_say(bob, "JOIN #x");
	irc_say(carol, "JOIN #x");
	irc_forget_all();
	peer = irc_user_with("anne", "sasl");
	irc_say(peer, "AUTHENTICATE PLAIN\r\nAUTHENTICATE AGFcYjtjAHNlY3JldA==");
	irc_skip_to(peer, "* 903 *");
	irc_say(peer, "JOIN #x\r\nPRIVMSG #x :hi");
	irc_expect(bob, "@account=a[\\][\\]b[\\]:c :anne!~anne@localhost JOIN #x");
	irc_expect(bob, "@account=a[\\][\\]b[\\]:c :anne!~anne@localhost PRIVMSG #x :hi");
	irc_expect(carol, ":anne!~anne@localhost JOIN #x a[\\]b;c :The real anne");
	irc_say(carol, "PRIVMSG bob :hi");
	irc_expect(bob, ":carol!~carol@localhost PRIVMSG bob :hi");
}
END_TEST

/* Everything that has a source, as somebody with time tags sees it. */
START_TEST(test_every_event_has_its_time)
{
	struct irc_peer *alice = irc_member("alice", "#x");
	struct irc_peer *when =
		irc_user_with("when", "server-time away-notify account-notify invite-notify");
	struct irc_peer *bob;

	irc_say(when, "JOIN #x");
	irc_forget_all();
	bob = irc_user("bob");
	irc_say(bob, "JOIN #x");
	irc_expect(when, "@time=*Z :bob!~bob@localhost JOIN #x");
	irc_say(bob, "AWAY :x");
	irc_expect(when, "@time=*Z :bob!~bob@localhost AWAY :x");
	irc_say(bob, "NICK rob");
	irc_expect(when, "@time=*Z :bob!~bob@localhost NICK :rob");
	irc_say(alice, "TOPIC #x :t");
	irc_expect(when, "@time=*Z :alice!~alice@localhost TOPIC #x :t");
	irc_say(alice, "MODE #x +v rob");
	irc_expect(when, "@time=*Z :alice!~alice@localhost MODE #x +v rob");
	irc_say(alice, "KICK #x rob :out");
	irc_expect(when, "@time=*Z :alice!~alice@localhost KICK #x rob :out");
	irc_say(alice, "INVITE rob #x");
	irc_expect(when, "@time=*Z :alice!~alice@localhost INVITE rob #x");
	irc_say(bob, "JOIN #x\r\nPART #x");
	irc_skip_to(when, "@time=*Z :rob!~bob@localhost PART #x");
	irc_say(bob, "JOIN #x\r\nQUIT :bye");
	irc_skip_to(when, "@time=*Z :rob!~bob@localhost QUIT :Quit: bye");
	irc_expect_nothing(when);
}
END_TEST

/* Only messages have an id; the tags capability alone brings nothing else. */
START_TEST(test_events_without_tags)
{
	struct irc_peer *tags = irc_user_with("tags", "message-tags");

	irc_say(tags, "JOIN #x");
	irc_expect(tags, ":tags!~tags@localhost JOIN #x");
}
END_TEST

/* Tags do not count against the line's 512 bytes. */
START_TEST(test_long_line_with_long_tags)
{
	struct irc_peer *alice = irc_user_with("alice", "message-tags echo-message");
	char value[4000], text[500];
	struct sn_str line;

	memset(value, 'v', sizeof(value));
	memset(text, 'x', sizeof(text));
	irc_say(alice, "@+a=%.*s PRIVMSG alice :%.*s", (int)sizeof(value), value, 480, text);
	line = irc_next(alice);
	ck_assert_uint_eq(tag(line, "+a").n, sizeof(value));
	ck_assert_uint_eq(line.n - sn_str_find(line, ' ') - 1, SN_IRC_LINE_MAX);
}
END_TEST

/* A member that is leaving hears nothing more; neither does one that has not registered. */
START_TEST(test_who_hears)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *half = irc_connect();

	irc_say(half, "NICK half");
	irc_say(alice, "NICK bob2");
	irc_expect(bob, ":alice!* NICK :bob2");
	irc_expect_nothing(half);
	irc_forget_all();
	irc_ask(alice, "PRIVMSG half :hi", ":irc.test 401 bob2 half *");
}
END_TEST

Suite *sn_suite_irc_front(void)
{
	const TTest *const tests[] = {
		test_forms,
		test_message_ids_differ,
		test_time_is_the_clocks,
		test_account_tag,
		test_every_event_has_its_time,
		test_events_without_tags,
		test_long_line_with_long_tags,
		test_who_hears,
	};

	return IRC_SUITE("irc_front", tests);
}
