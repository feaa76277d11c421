/* A client's connection: what the service vtable calls. */
#ifndef SN_PROTOCOLS_IRC_IRC_CONN_H
#define SN_PROTOCOLS_IRC_IRC_CONN_H

#include "daemon/service/conn.h"

int sn_irc_conn_open(struct sn_conn *conn);
int sn_irc_conn_input(struct sn_conn *conn);
void sn_irc_conn_drained(struct sn_conn *conn);
struct sn_str sn_irc_conn_title(const struct sn_conn *conn); /* the nick */
void sn_irc_conn_kick(struct sn_conn *conn, struct sn_str reason);
void sn_irc_conn_close(struct sn_conn *conn, int code);

#endif
