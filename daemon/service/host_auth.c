/* Who may come in: what checkers work with, and the portal of each service. */
#include "daemon/service/host_private.h"

int sn_host_auth_open(struct sn_host *host, struct sn_conf_diags *diags)
{
	(void)host;
	(void)diags;
	return SN_OK;
}

void sn_host_auth_close(struct sn_host *host)
{
	(void)host;
}

/* The place without the text: there may be a password in it. */
static void report(const struct sn_conf_strings *specs, size_t i, const struct sn_diag *diag,
	struct sn_conf_diags *diags)
{
	struct sn_conf_pos pos = specs->positions[i];

	pos.column = 0;
	sn_conf_report(diags, SN_CONF_ERROR, pos, "%s", diag->text);
}

int sn_host_portal_open(struct sn_host *host, struct sn_instance *instance,
	const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service_conf *common = named->common;
	int result = SN_OK;

	instance->portal = sn_portal_new(&host->auth);
	for (size_t i = 0; i < common->auth.count; i++) {
		struct sn_diag diag = { 0 };
		struct sn_checker *checker;

		if (sn_checker_open(&host->auth, common->auth.items[i], &checker, &diag) == SN_OK) {
			sn_portal_add(instance->portal, checker);
			continue;
		}
		report(&common->auth, i, &diag, diags);
		result = SN_ECONFIG;
	}
	return result;
}

int sn_host_portal_check(
	struct sn_host *host, const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service_conf *common = named->common;
	int result = SN_OK;

	for (size_t i = 0; i < common->auth.count; i++) {
		struct sn_diag diag = { 0 };
		struct sn_checker *checker;
		const int code =
			sn_checker_open(&host->auth, common->auth.items[i], &checker, &diag);

		if (code == SN_OK) {
			sn_checker_close(&checker);
		} else if (code != SN_EUNAVAILABLE) { /* what only a running daemon has */
			report(&common->auth, i, &diag, diags);
			result = SN_ECONFIG;
		}
	}
	return result;
}
