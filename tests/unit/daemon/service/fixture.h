/*
 * What the suites of this folder share: a loop, a host made from a configuration text, and clients
 * at the other end of memory pairs or sockets.
 */
#ifndef SN_TESTS_UNIT_DAEMON_SERVICE_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_SERVICE_FIXTURE_H

#include "daemon/service/host.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/service/tap.h"

extern struct sn_loop *loop;
extern struct sn_fake_clock fake_clock; /* the loop's */
extern struct sn_host *host;

/* Echo and the taps are registered; teardown ends what is left. */
void service_setup(void);
void service_teardown(void);

/* The configuration, of the file "t.toml"; it must be right. */
struct sn_conf *load(const char *toml);
/* A host of this configuration, and the code of its start; when it fails the host is freed. */
int host_try(const char *toml);
void host_up(const char *toml); /* it must start */
/* The same with options; loop and conf are filled in. */
int host_try_with(struct sn_host_options options, const char *toml);
/* Prepare and commit this configuration; the code of prepare. */
int host_reload(const char *toml);
int host_prepare(
	const char *toml, struct sn_host_sockets *sockets, struct sn_host_change **change_r);
/* sn_host_service_start. */
int host_start_service(const char *name);
/* sn_host_check. */
int host_check(const char *toml);
/* Everything reported by the last host_try, as people see it. */
const char *reported(void);
/* Ask it to stop; host_stopped() tells. */
void host_begin_stop(void);
bool host_stopped(void);
void host_down(void); /* to the end, and free it */

/* Until nothing more happens without the clock or the outside. */
void turn(void);
void pass(int64_t ns); /* so much later by the loop's clock, in steps */
struct sn_listener *listener_of(const char *instance); /* its first */

/* The other end of a connection. */
struct client {
	struct sn_stream_user user;
	struct sn_strbuf got;
	unsigned ready, ends;
	int code;
};
/* By a memory pair through the instance's first listener. capacity: bytes on the way. */
void client_open(struct client *client, const char *instance, size_t capacity);
void client_say(struct client *client, const char *text); /* and turn */
const char *client_got(struct client *client);            /* everything so far */
void client_close(struct client *client);                 /* and turn */
void client_fini(struct client *client);                  /* cuts it if it is open */

/* A blocking TCP or UDP socket connected to this place. */
int dial(const struct sn_addr *addr, int socktype);

#endif
