#include "tests/support/unit.h"

Suite *suite_accounts(void);
Suite *suite_accounts_import(void);
Suite *suite_accounts_item(void);
Suite *suite_accounts_name(void);
Suite *suite_accounts_read(void);
Suite *suite_accounts_touch(void);
Suite *suite_authorized_keys(void);
Suite *suite_authorized_keys_parse(void);
Suite *suite_broker(void);
Suite *suite_check_job(void);
Suite *suite_checker(void);
Suite *suite_checker_accounts(void);
Suite *suite_checker_anonymous(void);
Suite *suite_checker_cert(void);
Suite *suite_checker_file(void);
Suite *suite_checker_matrix(void);
Suite *suite_checker_memory(void);
Suite *suite_checker_sshkey(void);
Suite *suite_checker_unix(void);
Suite *suite_creds(void);
Suite *suite_digest(void);
Suite *suite_limiter(void);
Suite *suite_login_cache(void);
Suite *suite_password(void);
Suite *suite_portal(void);
Suite *suite_sasl(void);
Suite *suite_sasl_anonymous(void);
Suite *suite_sasl_external(void);
Suite *suite_sasl_oauth(void);
Suite *suite_sasl_plain(void);
Suite *suite_sasl_scram(void);
Suite *suite_saslprep(void);
Suite *suite_scram(void);
Suite *suite_session(void);
Suite *suite_state_dir(void);

const sn_suite_fn sn_suites[] = {
	suite_accounts,
	suite_accounts_import,
	suite_accounts_item,
	suite_accounts_name,
	suite_accounts_read,
	suite_accounts_touch,
	suite_authorized_keys,
	suite_authorized_keys_parse,
	suite_broker,
	suite_check_job,
	suite_checker,
	suite_checker_accounts,
	suite_checker_anonymous,
	suite_checker_cert,
	suite_checker_file,
	suite_checker_matrix,
	suite_checker_memory,
	suite_checker_sshkey,
	suite_checker_unix,
	suite_creds,
	suite_digest,
	suite_limiter,
	suite_login_cache,
	suite_password,
	suite_portal,
	suite_sasl,
	suite_sasl_anonymous,
	suite_sasl_external,
	suite_sasl_oauth,
	suite_sasl_plain,
	suite_sasl_scram,
	suite_saslprep,
	suite_scram,
	suite_session,
	suite_state_dir,
	NULL,
};
