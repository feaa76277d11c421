#include "tests/unit/daemon/proc/conf_rig.h"

#include "daemon/service/conn.h"

struct settings {
	struct sn_str motd;
};

static const struct sn_conf_item items[] = {
	{ "motd", SN_CONF_PATH, offsetof(struct settings, motd), .doc = "A file." },
};

static const char *const alone_listen[] = { "tcp:6667", "tcp:6668", NULL };

#define MODULE(name_, flags_, listen_) \
	{ \
		.abi = SN_SERVICE_ABI, .size = sizeof(struct sn_service), .name = (name_), \
		.summary = "For tests.", .flags = (flags_) | SN_SERVICE_STREAM, \
		.instance_size = sizeof(struct sn_instance), .conn_size = sizeof(struct sn_conn), \
		.conf = &sections[SECTION_##flags_], .default_listen = (listen_), \
		.conn_input = ignore_input \
	}

enum { SECTION_SN_SERVICE_SINGLE, SECTION_SN_SERVICE_SHARDED };

static const struct sn_conf_section sections[] = {
	{ .name = "alone",
		.items = items,
		.count = 1,
		.size = sizeof(struct settings),
		.doc = "Tests." },
	{ .name = "many",
		.items = items,
		.count = 1,
		.size = sizeof(struct settings),
		.doc = "Tests." },
};

static int ignore_input(struct sn_conn *conn)
{
	(void)conn;
	return SN_OK;
}

static const struct sn_service modules[] = {
	MODULE("alone", SN_SERVICE_SINGLE, alone_listen),
	MODULE("many", SN_SERVICE_SHARDED, NULL),
};

static void register_modules(void)
{
	struct sn_diag diag = { 0 };

	sn_endpoints_init();
	sn_net_init();
	for (size_t i = 0; i < 2; i++) {
		if (sn_registry_find(sn_str(modules[i].name)) == NULL)
			ck_assert_msg(
				sn_registry_add(&modules[i], &diag) == SN_OK, "%s", diag.text);
	}
}

struct sn_conf *conf_rig_load(const char *text)
{
	struct sn_conf_request request = { .text = sn_str(text) };
	struct sn_conf *conf = NULL;
	struct sn_conf_diags diags;
	struct sn_strbuf out;

	register_modules();
	request.schema = sn_registry_schema();
	sn_conf_diags_init(&diags);
	sn_strbuf_init(&out, 65536);
	if (sn_conf_load(&request, &diags, &conf) != SN_OK)
		sn_conf_diags_print(&diags, &out, false);
	ck_assert_msg(conf != NULL, "%s", sn_strbuf_cstr(&out));
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&diags);
	return conf;
}
