#include "tests/unit/protocols/chat/suites.h"

const sn_suite_fn sn_suites[] = {
	sn_suite_chat,
	sn_suite_chat_event,
	sn_suite_chat_freeze,
	sn_suite_chat_room,
	sn_suite_chat_user,
	NULL,
};
