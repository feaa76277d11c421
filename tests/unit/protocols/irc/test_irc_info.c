#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/protocols/irc/irc_fixture.h"

/* A server whose message of the day is this; the file needs no place in the file system. */
static void restart_with_motd(const char *text)
{
	const int fd = memfd_create("motd", 0);
	char keys[100];
	struct sn_strbuf b;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	sn_strbuf_fixed(&b, keys, sizeof(keys));
	sn_strbuf_addf(&b, "motd = \"/proc/self/fd/%d\"\n", fd);
	irc_restart(keys);
	(void)close(fd);
}

static struct irc_peer *welcomed(void)
{
	struct irc_peer *peer = irc_connect();

	irc_say(peer, "NICK alice\r\nUSER a 0 * :A");
	return peer;
}

START_TEST(test_motd)
{
	static const char *const texts[] = { "one\n\n two \n", "one\r\n\r\n two \r\n",
		"one\n\n two " };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct irc_peer *alice;

		restart_with_motd(texts[i]);
		alice = welcomed();
		irc_skip_to(alice, ":irc.test 375 alice :- irc.test Message of the day -");
		irc_expect(alice, ":irc.test 372 alice :- one");
		irc_expect(alice, ":irc.test 372 alice :- ");
		irc_expect(alice, ":irc.test 372 alice :-  two ");
		irc_expect(alice, ":irc.test 376 alice :End of /MOTD command");
		irc_expect_nothing(alice);
		irc_ask(alice, "MOTD", ":irc.test 375 *", ":irc.test 372 *", ":irc.test 372 *",
			":irc.test 372 *", ":irc.test 376 *");
	}
}
END_TEST

START_TEST(test_empty_motd)
{
	struct irc_peer *alice;

	restart_with_motd("");
	alice = welcomed();
	irc_skip_to(alice, ":irc.test 422 alice :MOTD File is missing");
}
END_TEST

START_TEST(test_lusers)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	(void)irc_connect();
	irc_say(bob, "MODE bob +i");
	irc_hang_up(irc_user("carol"));
	irc_ask(alice, "LUSERS",
		":irc.test 251 alice :There are 1 users and 1 invisible on 1 server",
		":irc.test 252 alice 0 :IRC operators online",
		":irc.test 253 alice 1 :unregistered connections",
		":irc.test 254 alice 1 :channels formed",
		":irc.test 255 alice :I have 2 clients and 0 servers",
		":irc.test 265 alice 2 3 :Current local users 2, max 3",
		":irc.test 266 alice 2 3 :Current global users 2, max 3");
}
END_TEST

START_TEST(test_about_the_server)
{
	struct irc_peer *alice = irc_user("alice");

	irc_say(alice, "VERSION");
	irc_expect(alice, ":irc.test 351 alice sennit-" PACKAGE_VERSION " irc.test :");
	irc_expect(alice, ":irc.test 005 alice *");
	irc_forget(alice);
	irc_ask(alice, "TIME", ":irc.test 391 alice irc.test :20*-*-*T*:*:*Z");
	irc_ask(alice, "INFO", ":irc.test 371 alice :" PACKAGE_STRING ", *",
		":irc.test 374 alice :End of INFO list");
	irc_ask(alice, "ADMIN", ":irc.test 256 alice irc.test :Administrative info",
		":irc.test 257 alice :Knots");
}
END_TEST

START_TEST(test_questions_to_other_servers)
{
	static const char *const words[] = { "VERSION", "TIME", "INFO", "ADMIN", "MOTD" };
	struct irc_peer *alice = irc_user("alice");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		irc_say(alice, "%s other.test", words[i]);
		irc_expect(alice, ":irc.test 402 alice other.test :No such server");
		irc_expect_nothing(alice);
		irc_say(alice, "%s IRC.*", words[i]);
		ck_assert(!sn_str_starts(irc_next(alice), SN_STR(":irc.test 402 ")));
		irc_forget(alice);
		irc_say(alice, "%s alice", words[i]);
		ck_assert(!sn_str_starts(irc_next(alice), SN_STR(":irc.test 402 ")));
		irc_forget(alice);
	}
}
END_TEST

/* --- ISUPPORT ------------------------------------------------------------------------------- */

/* Every token in every 005 line, each exactly once; "TOKEN=value " in out. */
static void collect_tokens(struct irc_peer *peer, struct sn_strbuf *out)
{
	struct sn_str line;

	irc_skip_to(peer, ":irc.test 004 *");
	while (sn_str_starts(line = irc_next(peer), SN_STR(":irc.test 005 alice "))) {
		const struct sn_str tail = SN_STR(" :are supported by this server");
		const size_t head = strlen(":irc.test 005 alice ");

		ck_assert(sn_str_ends(line, tail));
		sn_strbuf_add(out, sn_str_sub(line, head, line.n - head - tail.n));
		sn_strbuf_addc(out, ' ');
	}
}

START_TEST(test_isupport)
{
	static const char *const tokens[] = { "AWAYLEN=100", "CASEMAPPING=ascii", "CHANLIMIT=#:7",
		"CHANMODES=b,k,l,imnst", "CHANNELLEN=11", "CHANTYPES=#", "ELIST=MU", "HOSTLEN=139",
		"KICKLEN=390", "MAXLIST=b:5", "MAXTARGETS=4", "MODES=12", "NETWORK=Knots",
		"NICKLEN=9", "PREFIX=(ov)@+", "STATUSMSG=@+",
		"TARGMAX=JOIN:20,KICK:20,NAMES:20,NOTICE:4,PART:20,PRIVMSG:4,TAGMSG:4,WHOIS:20",
		"TOPICLEN=50", "USERLEN=10" };
	struct sn_strbuf out;
	struct sn_str rest, token;
	size_t count = 0;

	irc_restart("away_max = 100\nchannels_per_user = 7\nchannel_max = 10\nban_max = 5\n"
		    "nick_max = 9\ntopic_max = 50\n");
	sn_strbuf_init(&out, 4000);
	collect_tokens(welcomed(), &out);
	rest = sn_str_trim(sn_strbuf_str(&out));
	while (sn_str_split(&rest, ' ', &token)) {
		ck_assert_uint_lt(count, sizeof(tokens) / sizeof(tokens[0]));
		ck_assert_str_view(token, tokens[count]);
		count++;
	}
	ck_assert_uint_eq(count, sizeof(tokens) / sizeof(tokens[0]));
	sn_strbuf_fini(&out);
}
END_TEST

Suite *sn_suite_irc_info(void)
{
	const TTest *const tests[] = {
		test_motd,
		test_empty_motd,
		test_lusers,
		test_about_the_server,
		test_questions_to_other_servers,
		test_isupport,
	};

	return IRC_SUITE("irc_info", tests);
}
