/* What sn_net_init calls: each file with plan functions of built-in types attaches its own. */
#ifndef SN_DAEMON_NET_PLAN_ATTACH_H
#define SN_DAEMON_NET_PLAN_ATTACH_H

void sn_plan_client_attach(void); /* all of the client side */
void sn_plan_server_attach(void); /* all but haproxy */
void sn_stage_proxy_attach(void); /* haproxy */

#endif
