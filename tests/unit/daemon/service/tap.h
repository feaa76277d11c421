/*
 * A module that writes a diary of everything the host does with it, and does what its clients say.
 * A client speaks in lines:
 *
 *   close      "bye", then SN_CLOSE            wait       SN_PENDING
 *   fail       SN_EPROTO                       leave      nothing is consumed
 *   tls        sn_conn_start_tls(tap.tls)      shout N    N lines of 100 bytes
 *   cut        sn_conn_abort(SN_EDENIED)       shut       sn_conn_close
 *
 * and anything else is only written down; one with "stay" unread does not move. `tap` speaks
 * streams, `tap_datagrams` packets: "you said " and what came is the answer.
 */
#ifndef SN_TESTS_UNIT_DAEMON_SERVICE_TAP_H
#define SN_TESTS_UNIT_DAEMON_SERVICE_TAP_H

#include "daemon/service/conn.h"

#define TAP_FREEZE_VERSION 3

struct tap_conn {
	struct sn_conn conn; /* first member */
	unsigned closes;
	unsigned lines; /* heard */
};

struct tap {
	struct sn_strbuf diary;
	struct sn_tls_context *tls; /* for "tls" */
	struct tap_conn *last;      /* opened last */
	unsigned opened, closed;
	bool refuses;   /* conn_open and conn_thaw fail */
	bool stubborn;  /* drain closes nobody */
	bool waits_eof; /* conn_eof: SN_OK */
};
extern struct tap tap;

extern const struct sn_service tap_service, tap_datagram_service;

void tap_init(void);
void tap_fini(void);
/* What was written since the last call, entries parted by "; ". Valid until the next. */
const char *tap_read(void);

#endif
