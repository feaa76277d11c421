/* The built-in checker types, for checker.c's table, and the password helper they share. Private to
 * daemon/auth. */
#ifndef SN_DAEMON_AUTH_CHECKERS_H
#define SN_DAEMON_AUTH_CHECKERS_H

#include "daemon/auth/checker.h"

extern const struct sn_checker_type sn_checker_accounts;
extern const struct sn_checker_type sn_checker_anonymous;
extern const struct sn_checker_type sn_checker_cert;
extern const struct sn_checker_type sn_checker_file;
extern const struct sn_checker_type sn_checker_memory;
extern const struct sn_checker_type sn_checker_sshkey;
extern const struct sn_checker_type sn_checker_unix;

/* A crypt(3) hash by its form: "$id$...". */
bool sn_password_is_hash(struct sn_str stored);
/*
 * Does the password match what is stored, a crypt(3) hash, a SCRAM record or plain text? Plain text
 * is compared in time that depends on the lengths only. The others cost milliseconds: run it on the
 * offload pool.
 */
bool sn_password_matches(struct sn_str password, struct sn_str stored);

#endif
