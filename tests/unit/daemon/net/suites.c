#include "tests/support/unit.h"

Suite *sn_suite_addr(void);
Suite *sn_suite_dgram(void);
Suite *sn_suite_dns_channel(void);
Suite *sn_suite_endpoint(void);
Suite *sn_suite_endpoint_registry(void);
Suite *sn_suite_endpoint_token(void);
Suite *sn_suite_endpoint_types(void);
Suite *sn_suite_hosts(void);
Suite *sn_suite_proxy_protocol(void);
Suite *sn_suite_resolver(void);
Suite *sn_suite_srv(void);

const sn_suite_fn sn_suites[] = {
        sn_suite_addr,
        sn_suite_dgram,
        sn_suite_dns_channel,
        sn_suite_endpoint,
        sn_suite_endpoint_registry,
        sn_suite_endpoint_token,
        sn_suite_endpoint_types,
        sn_suite_hosts,
        sn_suite_proxy_protocol,
        sn_suite_resolver,
        sn_suite_srv,
        NULL,
};
