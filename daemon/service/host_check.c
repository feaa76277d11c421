/* What `sennit check` and a reload can find wrong before anything runs. */
#include "daemon/service/host_private.h"

int sn_host_module_check(const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service *service = sn_registry_find(named->type);
	const size_t errors = diags->errors;

	if (SN_SERVICE_HAS(service, check))
		service->check(named, diags);
	return diags->errors > errors ? SN_ECONFIG : SN_OK;
}

static int check_service(
	struct sn_host *host, const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const int listen = sn_service_listeners_check(named, diags);
	const int auth = sn_host_portal_check(host, named, diags);
	const int module = sn_host_module_check(named, diags);

	return auth != SN_OK || module != SN_OK ? SN_ECONFIG : listen;
}

int sn_host_check(struct sn_loop *loop, struct sn_conf *conf, struct sn_conf_diags *diags)
{
	const struct sn_host_options options = { .loop = loop, .conf = conf };
	const struct sn_conf_named *named;
	struct sn_host *host;
	int result = sn_host_new(&options, &host);

	if (result != SN_OK)
		return result;
	if (sn_conf_named_at(conf, "service", 0) == NULL) {
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "%s",
			SN_HOST_NOTHING_TO_RUN);
		result = SN_ECONFIG;
	}
	for (size_t i = 0; (named = sn_conf_named_at(conf, "service", i)) != NULL; i++) {
		const int code = check_service(host, named, diags);

		if (code != SN_OK && (result == SN_OK || code == SN_ECONFIG))
			result = code;
	}
	sn_host_free(&host);
	return result;
}
