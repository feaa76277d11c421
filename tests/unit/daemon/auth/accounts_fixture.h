/* What the suites of the accounts share, beside fixture.h: a database, and answers waited for. */
#ifndef SN_TESTS_UNIT_DAEMON_AUTH_ACCOUNTS_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_AUTH_ACCOUNTS_FIXTURE_H

#include "daemon/auth/accounts.h"
#include "tests/unit/daemon/auth/fixture.h"

/* An empty database in memory for the context; auth_teardown closes it. */
void accounts_open_store(void);
/* auth_setup with an empty database in memory; its end. */
void accounts_setup(void);
void accounts_teardown(void);

/* The code that p resolves with. */
int answer(struct sn_promise *p);
void add_account(const char *name, const char *password); /* NULL: none */
void add_item(const char *name, enum sn_account_item_kind kind, const char *value);
/* What is kept of one account as text, or the code's name:
 * "alice 256 1 crypt disabled role:ops key:LABEL:VALUE" */
const char *account_text(const char *name);
/* One statement on the tables. */
void run_sql(const char *text);

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIHAgtxIshx6Q6emnTlOfxpYXpSyVhb2RMXgansClfOme"
#define ED25519_IDENT "SHA256:YBxbJb9PNdCpIT2iy/hI/NcG5Dpn3MDCU8/6Cp3UFEY"
/* SHA-256 of "abc" */
#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#endif
