#include "tests/unit/protocols/irc/suites.h"

const sn_suite_fn sn_suites[] = {
	sn_suite_irc_cap,
	sn_suite_irc_channel,
	sn_suite_irc_command,
	sn_suite_irc_conn,
	sn_suite_irc_freeze,
	sn_suite_irc_front,
	sn_suite_irc_info,
	sn_suite_irc_mode,
	sn_suite_irc_parse,
	sn_suite_irc_query,
	sn_suite_irc_register,
	sn_suite_irc_reply,
	sn_suite_irc_sasl,
	sn_suite_irc_service,
	sn_suite_irc_talk,
	NULL,
};
