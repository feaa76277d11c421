/* The suites of this program, one per source file of protocols/chat, for suites.c to list. */
#ifndef SN_TESTS_UNIT_PROTOCOLS_CHAT_SUITES_H
#define SN_TESTS_UNIT_PROTOCOLS_CHAT_SUITES_H

#include "tests/support/unit.h"

Suite *sn_suite_chat(void);
Suite *sn_suite_chat_event(void);
Suite *sn_suite_chat_freeze(void);
Suite *sn_suite_chat_room(void);
Suite *sn_suite_chat_user(void);

#endif
