#include "tests/support/unit.h"

Suite *suite_authorized_keys_parse(void);
Suite *suite_checker(void);
Suite *suite_checker_file(void);
Suite *suite_checker_memory(void);
Suite *suite_creds(void);
Suite *suite_digest(void);
Suite *suite_limiter(void);
Suite *suite_password(void);
Suite *suite_portal(void);
Suite *suite_sasl(void);
Suite *suite_saslprep(void);
Suite *suite_scram(void);
Suite *suite_session(void);

const sn_suite_fn sn_suites[] = {
	suite_authorized_keys_parse,
	suite_checker,
	suite_checker_file,
	suite_checker_memory,
	suite_creds,
	suite_digest,
	suite_limiter,
	suite_password,
	suite_portal,
	suite_sasl,
	suite_saslprep,
	suite_scram,
	suite_session,
	NULL,
};
