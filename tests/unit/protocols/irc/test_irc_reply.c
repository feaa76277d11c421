#include "daemon/base/text.h"
#include "tests/unit/protocols/irc/irc_fixture.h"

/* The client that a peer is to the server: the one with this nick. */
static struct sn_irc_client *client_of(const char *nick)
{
	struct sn_chat_user *user = sn_chat_find_user(irc_server()->chat, sn_str(nick));

	ck_assert_ptr_nonnull(user);
	return sn_irc_of_user(user);
}

START_TEST(test_form)
{
	struct irc_peer *alice = irc_user("alice");

	sn_irc_reply(client_of("alice"), RPL_ISON, SN_STR_ARG(SN_STR("bob")));
	sn_irc_send(client_of("alice"), "HELLO %d", 7);
	irc_settle();
	irc_expect(alice, ":irc.test 303 alice :bob");
	irc_expect(alice, ":irc.test HELLO 7");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_nick_before_and_after_registration)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "NICK", ":irc.test 431 [*] :No nickname given");
	irc_ask(peer, "NICK alice");
	irc_ask(peer, "JOIN #x", ":irc.test 451 alice :You have not registered");
	irc_say(peer, "USER a 0 * :A");
	irc_forget(peer);
	irc_say(peer, "NICK bob");
	irc_forget(peer);
	irc_ask(peer, "NICK", ":irc.test 431 bob :No nickname given");
}
END_TEST

/* Whatever a text holds, one line leaves, of at most 512 bytes. */
START_TEST(test_one_line_whatever_it_says)
{
	struct irc_peer *alice = irc_user("alice");
	char text[600];
	struct sn_str line;

	memset(text, 'x', sizeof(text));
	sn_irc_send(client_of("alice"), "A\r\nB %.*s", (int)sizeof(text), text);
	irc_settle();
	line = irc_next(alice);
	ck_assert(sn_str_starts(line, SN_STR(":irc.test A  B xxx")));
	ck_assert_uint_eq(line.n, SN_IRC_LINE_MAX);
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_cut_between_characters)
{
	struct irc_peer *alice = irc_user("alice");
	struct sn_strbuf text;
	struct sn_str line;

	sn_strbuf_init(&text, 2000);
	for (int i = 0; i < 200; i++)
		sn_strbuf_adds(&text, "\xe2\x82\xac");
	for (int shift = 0; shift < 3; shift++) {
		sn_irc_send(client_of("alice"), "%.*s%s", shift, "xxx", text.p);
		irc_settle();
		line = irc_next(alice);
		ck_assert(sn_utf8_prefix(line, line.n) == line.n);
		ck_assert_uint_gt(line.n, SN_IRC_LINE_MAX - 3);
		ck_assert_uint_le(line.n, SN_IRC_LINE_MAX);
	}
	sn_strbuf_fini(&text);
}
END_TEST

START_TEST(test_refusals)
{
	static const struct {
		int code;
		const char *pattern;
	} rows[] = {
		{ SN_CHAT_ENOROOM, "403 alice #x :No such channel" },
		{ SN_CHAT_ENAME, "476 alice #x :Bad channel name" },
		{ SN_CHAT_ENOUSER, "401 alice #x :No such nick or channel" },
		{ SN_CHAT_ENOTMEMBER, "442 alice #x :You're not on that channel" },
		{ SN_CHAT_EBANNED, "474 alice #x :Cannot join channel (+b)" },
		{ SN_CHAT_EINVITEONLY, "473 alice #x :Cannot join channel (+i)" },
		{ SN_CHAT_EKEY, "475 alice #x :Cannot join channel (+k)" },
		{ SN_CHAT_EFULL, "471 alice #x :Cannot join channel (+l)" },
		{ SN_CHAT_ETOOMANY, "405 alice #x :You have joined too many channels" },
		{ SN_CHAT_ECANNOTSEND, "404 alice #x :Cannot send to channel" },
		{ SN_CHAT_ENOTOP, "482 alice #x :You're not channel operator" },
		{ SN_CHAT_EINUSE, "400 alice #x :name is in use" },
		{ SN_ELIMIT, "400 alice #x :*" },
	};
	struct irc_peer *alice = irc_user("alice");
	char pattern[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sn_strbuf b;

		sn_irc_refuse(client_of("alice"), rows[i].code, SN_STR("#x"));
		irc_settle();
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, ":irc.test %s", rows[i].pattern);
		irc_expect(alice, pattern);
	}
}
END_TEST

START_TEST(test_numerics_rise)
{
	static const int numbers[] = {
#define SN_IRC_NUMERIC(name, number, text) number,
#include "protocols/irc/irc.def"
#undef SN_IRC_NUMERIC
	};

	for (size_t i = 1; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_int_lt(numbers[i - 1], numbers[i]);
}
END_TEST

Suite *sn_suite_irc_reply(void)
{
	const TTest *const tests[] = {
		test_form,
		test_nick_before_and_after_registration,
		test_one_line_whatever_it_says,
		test_cut_between_characters,
		test_refusals,
		test_numerics_rise,
	};

	return IRC_SUITE("irc_reply", tests);
}
