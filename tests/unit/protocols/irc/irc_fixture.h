/*
 * What the suites of this folder share: the real IRC service run by a real host on a loop whose
 * clock moves only when told to, and clients on memory streams that see nothing but lines.
 */
#ifndef SN_TESTS_UNIT_PROTOCOLS_IRC_IRC_FIXTURE_H
#define SN_TESTS_UNIT_PROTOCOLS_IRC_IRC_FIXTURE_H

#include "daemon/service/host.h"
#include "protocols/irc/irc_private.h"
#include "tests/unit/protocols/irc/suites.h"

#define IRC_SERVER "irc.test"

/* One client's end. */
struct irc_peer {
	struct sn_stream_user user;
	struct sn_stream *stream; /* NULL: it has ended */
	struct sn_strbuf text;    /* everything received */
	size_t read;              /* of it, by the test */
};

extern struct sn_loop *irc_loop;
extern struct sn_fake_clock irc_clock;
extern struct sn_host *irc_host;
extern struct sn_instance *irc_instance;

/* A server named irc.test that does not slow anybody down; setup and teardown of a test case. */
void irc_setup(void);
void irc_teardown(void);
/* The same with more keys of [service.irc], "flood_rate = 2\n"; those given here win. */
void irc_restart(const char *keys);
/* Clients that connect from now on come over a unix socket, which delivers at once. Set it before
 * the restart that is to listen there. */
extern bool irc_over_sockets;
/* A configuration like irc_restart's, prepared and committed; what prepare says. */
int irc_reload(const char *keys);
/* The service, frozen, goes on in another host on another loop. */
void irc_move(const char *keys);
/* The version that the state in between claims to have, from now on; 0: what it has. */
extern uint32_t irc_move_version;
Suite *irc_suite(const char *name, const TTest *const *tests, size_t count);
#define IRC_SUITE(name, tests) irc_suite(name, tests, sizeof(tests) / sizeof((tests)[0]))

struct sn_irc_server *irc_server(void);
uint64_t irc_metric(enum sn_irc_metric metric);
void irc_settle(void); /* turns until there is nothing to do */
void irc_advance(int64_t ns);
void irc_stop(void); /* the server drains; what the clients hear is theirs to expect */

struct irc_peer *irc_connect(void);
/* Connected and registered, what the server greeted with read; caps: "a b", or NULL. */
struct irc_peer *irc_user(const char *nick);
struct irc_peer *irc_user_with(const char *nick, const char *caps);
/* Registered and in the room, what that made everybody hear read. */
struct irc_peer *irc_member(const char *nick, const char *channel);

/* A line, sent and dealt with. */
void irc_say(struct irc_peer *peer, const char *fmt, ...) SN_PRINTF(2, 3);
void irc_send(struct irc_peer *peer, struct sn_str bytes);
/* The next line unread, without its ending; p == NULL: there is none. */
struct sn_str irc_next(struct irc_peer *peer);
/* The next line matches (fnmatch(3), and so case counts). */
void irc_expect(struct irc_peer *peer, const char *pattern);
/* Lines up to and including the first that matches. */
struct sn_str irc_skip_to(struct irc_peer *peer, const char *pattern);
void irc_expect_nothing(struct irc_peer *peer);
void irc_expect_end(struct irc_peer *peer); /* nothing more, and it is over */
void irc_forget(struct irc_peer *peer);     /* what is unread */
void irc_forget_all(void);
/* Say a line and expect exactly these lines back: irc_ask(alice, "PING x", ":* PONG * :x"). */
#define irc_ask(peer, line, ...) \
	irc_ask_all((peer), (line), (const char *const[]){ "", ##__VA_ARGS__, NULL } + 1)
void irc_ask_all(struct irc_peer *peer, const char *line, const char *const *patterns);
void irc_hang_up(struct irc_peer *peer); /* close; what is unread stays readable */
void irc_reset(struct irc_peer *peer);   /* cut */

#endif
