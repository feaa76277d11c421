/* Moving the service to another process: what the service vtable calls (service.h). */
#ifndef SN_PROTOCOLS_IRC_IRC_FREEZE_H
#define SN_PROTOCOLS_IRC_IRC_FREEZE_H

#include "daemon/service/conn.h"

/* Of everything that these write, the chat core's part too: one more with every change. */
#define SN_IRC_FREEZE_VERSION 1

int sn_irc_freeze(struct sn_instance *instance, struct sn_strbuf *out);
int sn_irc_conn_freeze(struct sn_conn *conn, struct sn_strbuf *out);
int sn_irc_thaw(
	struct sn_instance *instance, uint32_t version, struct sn_reader *in, struct sn_diag *diag);
int sn_irc_conn_thaw(struct sn_conn *conn, uint32_t version, struct sn_reader *in);

#endif
