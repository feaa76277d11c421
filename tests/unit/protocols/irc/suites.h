/* The suites of this program, one per source file of protocols/irc, for suites.c to list. */
#ifndef SN_TESTS_UNIT_PROTOCOLS_IRC_SUITES_H
#define SN_TESTS_UNIT_PROTOCOLS_IRC_SUITES_H

#include "tests/support/unit.h"

Suite *sn_suite_irc_cap(void);
Suite *sn_suite_irc_channel(void);
Suite *sn_suite_irc_command(void);
Suite *sn_suite_irc_conn(void);
Suite *sn_suite_irc_freeze(void);
Suite *sn_suite_irc_front(void);
Suite *sn_suite_irc_info(void);
Suite *sn_suite_irc_mode(void);
Suite *sn_suite_irc_parse(void);
Suite *sn_suite_irc_query(void);
Suite *sn_suite_irc_register(void);
Suite *sn_suite_irc_reply(void);
Suite *sn_suite_irc_sasl(void);
Suite *sn_suite_irc_service(void);
Suite *sn_suite_irc_talk(void);

#endif
