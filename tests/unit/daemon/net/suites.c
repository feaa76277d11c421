#include "tests/support/unit.h"

Suite *sn_suite_addr(void);
Suite *sn_suite_conn_caps(void);
Suite *sn_suite_connector(void);
Suite *sn_suite_dgram(void);
Suite *sn_suite_dns_channel(void);
Suite *sn_suite_endpoint(void);
Suite *sn_suite_endpoint_registry(void);
Suite *sn_suite_endpoint_token(void);
Suite *sn_suite_endpoint_types(void);
Suite *sn_suite_happy_eyeballs(void);
Suite *sn_suite_hosts(void);
Suite *sn_suite_listen_open(void);
Suite *sn_suite_listen_unix(void);
Suite *sn_suite_listener(void);
Suite *sn_suite_plan(void);
Suite *sn_suite_plan_client(void);
Suite *sn_suite_plan_server(void);
Suite *sn_suite_proxy_protocol(void);
Suite *sn_suite_resolver(void);
Suite *sn_suite_srv(void);
Suite *sn_suite_stage_proxy(void);
Suite *sn_suite_stage_tls(void);
Suite *sn_suite_stream(void);
Suite *sn_suite_stream_exec(void);
Suite *sn_suite_stream_fd(void);
Suite *sn_suite_stream_layers(void);
Suite *sn_suite_stream_mem(void);
Suite *sn_suite_stream_tls(void);
Suite *sn_suite_tls_context(void);
Suite *sn_suite_tls_handshake(void);
Suite *sn_suite_tls_info(void);
Suite *sn_suite_tls_pem(void);
Suite *sn_suite_tls_store(void);
Suite *sn_suite_tls_tickets(void);
Suite *sn_suite_tls_verify(void);

const sn_suite_fn sn_suites[] = {
	sn_suite_addr,
	sn_suite_conn_caps,
	sn_suite_connector,
	sn_suite_dgram,
	sn_suite_dns_channel,
	sn_suite_endpoint,
	sn_suite_endpoint_registry,
	sn_suite_endpoint_token,
	sn_suite_endpoint_types,
	sn_suite_happy_eyeballs,
	sn_suite_hosts,
	sn_suite_listen_open,
	sn_suite_listen_unix,
	sn_suite_listener,
	sn_suite_plan,
	sn_suite_plan_client,
	sn_suite_plan_server,
	sn_suite_proxy_protocol,
	sn_suite_resolver,
	sn_suite_srv,
	sn_suite_stage_proxy,
	sn_suite_stage_tls,
	sn_suite_stream,
	sn_suite_stream_exec,
	sn_suite_stream_fd,
	sn_suite_stream_layers,
	sn_suite_stream_mem,
	sn_suite_stream_tls,
	sn_suite_tls_context,
	sn_suite_tls_handshake,
	sn_suite_tls_info,
	sn_suite_tls_pem,
	sn_suite_tls_store,
	sn_suite_tls_tickets,
	sn_suite_tls_verify,
	NULL,
};
