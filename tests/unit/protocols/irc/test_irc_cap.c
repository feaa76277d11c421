#include "tests/unit/protocols/irc/irc_fixture.h"

#define ALL_CAPS \
	"account-notify account-tag away-notify cap-notify echo-message extended-join " \
	"invite-notify message-tags multi-prefix server-time userhost-in-names"

static const char *const cap_names[] = { "account-notify", "account-tag", "away-notify",
	"cap-notify", "echo-message", "extended-join", "invite-notify", "message-tags",
	"multi-prefix", "server-time", "userhost-in-names" };
#define CAP_COUNT (sizeof(cap_names) / sizeof(cap_names[0]))

START_TEST(test_ls)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "CAP LS", ":irc.test CAP [*] LS :" ALL_CAPS);
	irc_ask(peer, "cap ls", ":irc.test CAP [*] LS :" ALL_CAPS);
	irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :");
}
END_TEST

START_TEST(test_302_notifies)
{
	static const struct {
		const char *version;
		bool notifies;
	} rows[] = {
		{ "", false },
		{ "301", false },
		{ "302", true },
		{ "307", true },
		{ "x302", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct irc_peer *peer = irc_connect();

		irc_say(peer, "CAP LS %s", rows[i].version);
		irc_forget(peer);
		irc_ask(peer, "CAP LIST",
			rows[i].notifies ? ":irc.test CAP [*] LIST :cap-notify"
					 : ":irc.test CAP [*] LIST :");
	}
}
END_TEST

START_TEST(test_302_stays)
{
	struct irc_peer *peer = irc_connect();

	irc_say(peer, "CAP LS 302");
	irc_forget(peer);
	irc_ask(peer, "CAP REQ :-cap-notify", ":irc.test CAP [*] NAK :-cap-notify");
	irc_ask(peer, "CAP LS", ":irc.test CAP [*] LS :" ALL_CAPS);
	irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :cap-notify");
}
END_TEST

START_TEST(test_each)
{
	for (size_t i = 0; i < CAP_COUNT; i++) {
		struct irc_peer *peer = irc_connect();
		char pattern[100];
		struct sn_strbuf b;

		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		irc_say(peer, "CAP REQ %s", cap_names[i]);
		sn_strbuf_addf(&b, ":irc.test CAP [*] ACK :%s", cap_names[i]);
		irc_expect(peer, pattern);
		irc_say(peer, "CAP LIST");
		sn_strbuf_reset(&b);
		sn_strbuf_addf(&b, ":irc.test CAP [*] LIST :%s", cap_names[i]);
		irc_expect(peer, pattern);
		irc_say(peer, "CAP REQ :-%s", cap_names[i]);
		irc_expect(peer, ":irc.test CAP [*] ACK :-*");
		irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :");
	}
}
END_TEST

START_TEST(test_all_or_nothing)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "CAP REQ :echo-message bogus", ":irc.test CAP [*] NAK :echo-message bogus");
	irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :");
	irc_ask(peer, "CAP REQ :echo-message  server-time ",
		":irc.test CAP [*] ACK :echo-message  server-time ");
	irc_ask(peer, "CAP REQ :-echo-message away-notify -bogus",
		":irc.test CAP [*] NAK :-echo-message away-notify -bogus");
	irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :echo-message server-time");
	irc_ask(peer, "CAP REQ :-echo-message away-notify",
		":irc.test CAP [*] ACK :-echo-message away-notify");
	irc_ask(peer, "CAP LIST", ":irc.test CAP [*] LIST :away-notify server-time");
	irc_ask(peer, "CAP REQ :Echo-Message", ":irc.test CAP [*] NAK :Echo-Message");
	irc_ask(peer, "CAP REQ :", ":irc.test CAP [*] ACK :");
}
END_TEST

/* Registration waits for the end of the negotiation, whichever command began it. */
START_TEST(test_registration_waits)
{
	static const char *const begins[] = { "CAP LS", "CAP LS 302", "CAP REQ :server-time",
		"CAP REQ :bogus" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		struct irc_peer *peer = irc_connect();

		irc_say(peer, "%s", begins[i]);
		irc_forget(peer);
		irc_say(peer, "NICK n%zu\r\nUSER n 0 * :N", i);
		irc_expect_nothing(peer);
		irc_say(peer, "CAP END");
		irc_expect(peer, ":irc.test 001 *");
	}
}
END_TEST

START_TEST(test_list_begins_nothing)
{
	struct irc_peer *peer = irc_connect();

	irc_say(peer, "CAP LIST\r\nCAP END\r\nNICK alice\r\nUSER n 0 * :N");
	irc_expect(peer, ":irc.test CAP [*] LIST :");
	irc_expect(peer, ":irc.test 001 *");
}
END_TEST

START_TEST(test_after_registration)
{
	struct irc_peer *alice = irc_user("alice");

	irc_ask(alice, "CAP LS 302", ":irc.test CAP alice LS :*");
	irc_ask(alice, "CAP REQ :away-notify", ":irc.test CAP alice ACK :away-notify");
	irc_ask(alice, "CAP END");
	irc_ask(alice, "CAP BOGUS", ":irc.test 410 alice BOGUS :Invalid CAP command");
	irc_ask(alice, "PING x", ":irc.test PONG irc.test :x");
}
END_TEST

START_TEST(test_sasl_is_offered_where_it_works)
{
	struct irc_peer *peer;

	irc_restart("auth = [\"memory:alice:secret\"]\ninsecure_auth = true\n");
	peer = irc_connect();
	irc_ask(peer, "CAP LS", "* LS :* multi-prefix sasl server-time *");
	irc_ask(peer, "CAP LS 302",
		"* LS :* multi-prefix sasl=SCRAM-SHA-256,SCRAM-SHA-1,PLAIN server-time *");
	irc_ask(peer, "CAP REQ :sasl", "* ACK :sasl");
	/* Not from another machine without TLS, and not without accounts. */
	irc_restart("auth = [\"memory:alice:secret\"]\n");
	peer = irc_connect();
	irc_ask(peer, "CAP LS 302", ":irc.test CAP [*] LS :" ALL_CAPS);
	irc_ask(peer, "CAP REQ :sasl", "* NAK :sasl");
	irc_restart("insecure_auth = true\n");
	peer = irc_connect();
	irc_ask(peer, "CAP LS 302", ":irc.test CAP [*] LS :" ALL_CAPS);
}
END_TEST

Suite *sn_suite_irc_cap(void)
{
	const TTest *const tests[] = {
		test_ls,
		test_302_notifies,
		test_302_stays,
		test_each,
		test_all_or_nothing,
		test_registration_waits,
		test_list_begins_nothing,
		test_after_registration,
		test_sasl_is_offered_where_it_works,
	};

	return IRC_SUITE("irc_cap", tests);
}
