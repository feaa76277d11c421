/*
 * A front end that writes down what it hears: "message alice@lobby hi" in the journal of the one
 * who heard it. One core per test, with a clock that stands still.
 */
#ifndef SN_TESTS_UNIT_PROTOCOLS_CHAT_CHAT_FIXTURE_H
#define SN_TESTS_UNIT_PROTOCOLS_CHAT_CHAT_FIXTURE_H

#include "protocols/chat/chat.h"
#include "tests/unit/protocols/chat/suites.h"

struct person {
	struct sn_chat_user user;
	struct sn_strbuf journal; /* one line per event */
	struct sn_chat_event last;
	char last_id[SN_CHAT_ID_SIZE];
	struct sn_block *block; /* the form of the last event, one reference */
};

extern struct sn_chat *chat;
extern struct sn_fake_clock chat_clock;

void chat_setup(void);    /* limits: the defaults */
void chat_teardown(void); /* everybody leaves */
Suite *chat_suite(const char *name, const TTest *const *tests, size_t count);
#define CHAT_SUITE(name, tests) chat_suite(name, tests, sizeof(tests) / sizeof((tests)[0]))

/* Present as NAME!~NAME@host. */
struct person *person(const char *name);
struct person *stranger(const char *name); /* not present yet; person_enter lets it in */
int person_enter(struct person *p, const char *name);
/* Present and in the room; what that made everybody hear is forgotten. */
struct person *member(const char *name, const char *room);
struct sn_chat_room *room_of(const char *name);
int person_join(struct person *p, const char *room, const char *key);
int person_say(struct person *p, const char *room, const char *text);
int person_tell(struct person *p, struct person *to, const char *text);
/* One change by p, announced if it was made. */
int person_change(struct person *p, const char *room, struct sn_chat_change change);

/* What was heard since the last look: lines, each with its '\n'. */
void heard(struct person *p, const char *lines);
void forget_all(void);

#endif
