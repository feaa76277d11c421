/*
 * Every kind of checker with every kind of credential and every mechanism that carries it.
 *
 * To add a checker: write a function that opens it so that the standard credentials below are right
 * for the account, and append a row in checker_matrix.c:
 *
 *   { "file, SCRAM record", open_file_record, SN_CREDS_PASSWORD | SN_CREDS_SCRAM, "alice" },
 *     what it is            opens it          what must work; all else is refused   who one is then
 *
 * The suite then tries, for each kind: the right credentials and wrong ones through the portal, and
 * both through each SASL mechanism of that kind; and that kinds which are not in the row are
 * neither offered nor let in.
 */
#ifndef SN_TESTS_UNIT_DAEMON_AUTH_CHECKER_MATRIX_H
#define SN_TESTS_UNIT_DAEMON_AUTH_CHECKER_MATRIX_H

#include "tests/support/certs.h"
#include "tests/unit/daemon/auth/fixture.h"

struct matrix_row {
	const char *name;
	struct sn_checker *(*open)(void);
	unsigned kinds;
	const char *account; /* of the session */
};

/* The standard credentials. */
#define MATRIX_ACCOUNT "alice"
#define MATRIX_PASSWORD "pencil"
#define MATRIX_TOKEN "sn_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define MATRIX_KEY_TYPE "ssh-ed25519"
/* The key above as in authorized_keys(5), and in SSH's wire form, base64. */
#define MATRIX_KEY_BASE64 "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
/* The client's certificate: CN alice, signed by the CA whose PEM is here. */
extern const char *matrix_ca_path;
extern struct sn_str matrix_certificate; /* DER */
extern uint8_t matrix_fingerprint[32];
/* PEER: the uid of this process. */

#endif
