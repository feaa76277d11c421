/* From the rows of [server] to a limiter. */
#include "daemon/auth/limiter.h"

#include "daemon/base/mem.h"
#include "daemon/service/host.h"

static const struct sn_server_conf *server_of(const struct sn_conf *conf)
{
	return sn_conf_plain(conf, "server");
}

size_t sn_host_limiter_size(const struct sn_conf *conf)
{
	return sn_limiter_size((size_t)server_of(conf)->auth_entries);
}

int sn_host_limiter_new(
	const struct sn_conf *conf, void *memory, size_t size, struct sn_limiter **limiter_r)
{
	const struct sn_server_conf *server = server_of(conf);
	const struct sn_conf_strings *texts = &server->auth_exempt;
	struct sn_limiter_net *nets = sn_alloc_array(texts->count, sizeof(*nets));
	const struct sn_limiter_options options = {
		.free_points = (uint32_t)server->auth_free_failures,
		.refuse_points = (uint32_t)server->auth_refuse_failures,
		.exempt = nets,
		.exempt_count = texts->count,
	};
	int code = SN_OK;

	for (size_t i = 0; code == SN_OK && i < texts->count; i++)
		code = sn_limiter_net_parse(texts->items[i], &nets[i]);
	if (code == SN_OK)
		code = sn_limiter_new(memory, size, &options, limiter_r);
	sn_free(nets);
	return code;
}
