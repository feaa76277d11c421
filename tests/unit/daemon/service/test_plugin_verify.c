#include "daemon/service/plugin_host.h"

#include "daemon/service/registry.h"
#include "tests/plugins/parts.h"
#include "tests/support/unit.h"

static const struct sn_service service = { IDLE_SERVICE("verified") };

static int plan(const struct sn_endpoint *ep, struct sn_listen_plan *plan_r, struct sn_diag *diag)
{
	(void)ep, (void)plan_r, (void)diag;
	return SN_OK;
}
static const struct sn_endpoint_ops ops = { .size = sizeof(ops), .plan_listen = plan };
static const struct sn_endpoint_type endpoint = {
	.size = sizeof(endpoint),
	.word = "nowhere",
	.side = SN_SERVER,
	.doc = "Listens nowhere.",
	.example = "nowhere",
	.ops = &ops,
};

static int open_none(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	(void)context, (void)arg, (void)checker_r, (void)diag;
	return SN_EUNAVAILABLE;
}
static int check_none(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)checker, (void)creds, (void)session_r, (void)promise_r;
	return SN_EDENIED;
}
static void close_none(struct sn_checker *checker)
{
	(void)checker;
}
static const struct sn_checker_type checker = {
	.size = sizeof(checker),
	.name = "noone",
	.arg_help = "",
	.doc = "Nobody gets in.",
	.kinds = SN_CREDS_PASSWORD,
	.open = open_none,
	.check = check_none,
	.close = close_none,
};

/* What one test spoils. */
static struct sn_service a_service;
static struct sn_endpoint_type an_endpoint;
static struct sn_checker_type a_checker;
static struct sn_plugin_interface interfaces[3];
static struct sn_plugin plugin;
static size_t symbol_size;
static char kinds_mem[256];
static struct sn_strbuf kinds;

static void setup(void)
{
	sn_endpoints_init();
	sn_checkers_init();
	a_service = service;
	an_endpoint = endpoint;
	a_checker = checker;
	interfaces[0] = (struct sn_plugin_interface)SN_PLUGIN_SERVICE(&a_service);
	interfaces[1] = (struct sn_plugin_interface)SN_PLUGIN_ENDPOINT(&an_endpoint);
	interfaces[2] = (struct sn_plugin_interface)SN_PLUGIN_CHECKER(&a_checker);
	plugin = (struct sn_plugin){ DESCRIPTOR("org.example.verified", interfaces) };
	symbol_size = sizeof(plugin);
	sn_strbuf_fixed(&kinds, kinds_mem, sizeof(kinds_mem));
}

static void no_magic(void)
{
	plugin.magic = 0;
}
static void tiny_symbol(void)
{
	symbol_size = 4;
}
static void cut_off(void)
{
	plugin.size -= sizeof(void *);
}
static void longer_than_its_symbol(void)
{
	plugin.size += sizeof(void *);
}
static void next_minor(void)
{
	plugin.minor++;
}
static void other_instance(void)
{
	plugin.sizes.instance--;
}
static void other_rows(void)
{
	plugin.sizes.conf_item += 8;
}
static void no_version(void)
{
	plugin.version = NULL;
}
static void empty_id(void)
{
	plugin.id = "";
}
static void no_interfaces(void)
{
	plugin.interface_count = 0;
}
static void many_interfaces(void)
{
	plugin.interface_count = 65;
}
static void row_missing(void)
{
	interfaces[1].row = NULL;
}
static void row_too_short(void)
{
	interfaces[2].size = 8;
}
static void row_too_long(void)
{
	interfaces[2].size += 8;
}
static void row_disagrees(void)
{
	a_checker.size--;
}
static void interface_minor(void)
{
	interfaces[1].minor = 1;
}
static void interface_major(void)
{
	interfaces[1].id = "sennit.endpoint/7";
}
static void interface_unknown(void)
{
	interfaces[1].id = "sennit.endpoints/1";
}

static const struct {
	void (*spoil)(void);
	const char *text;
} descriptors[] = {
	{ no_magic, "its sn_plugin_abi1 is no descriptor (wrong magic number)" },
	{ tiny_symbol, "wrong magic number" },
	{ cut_off, "at least" },
	{ longer_than_its_symbol, "its descriptor says" },
	{ next_minor, "needs plugin ABI 1.1, this program has 1.0" },
	{ other_instance, "built where struct sn_instance has " },
	{ other_rows, "built where struct sn_conf_item has " },
	{ no_version, "lacks id, version, licence or build" },
	{ empty_id, "lacks id" },
	{ no_interfaces, "implements 0 interfaces, 1 to 64 are possible" },
	{ many_interfaces, "implements 65 interfaces" },
	{ row_missing, "an interface without id or row" },
	{ row_too_short, "its row of sennit.checker/1 has 8 bytes" },
	{ row_too_long, "its row of sennit.checker/1 has " },
	{ row_disagrees, "set .size to the size of the struct" },
	{ interface_minor, "needs sennit.endpoint/1.1, this program has sennit.endpoint/1.0" },
	{ interface_major, "implements sennit.endpoint/7, this program has sennit.endpoint/1" },
	{ interface_unknown, "implements sennit.endpoints/1, which this program does not know" },
};

START_TEST(spoiled_descriptors)
{
	struct sn_diag diag = { 0 };

	descriptors[_i].spoil();
	ck_assert_int_eq(sn_plugin_verify(&plugin, symbol_size, &diag), SN_EABI);
	ck_assert_msg(strstr(diag.text, descriptors[_i].text) != NULL, "%s", diag.text);
}
END_TEST

START_TEST(a_good_descriptor)
{
	struct sn_diag diag = { 0 };

	ck_assert_msg(sn_plugin_verify(&plugin, symbol_size, &diag) == SN_OK, "%s", diag.text);
	ck_assert_msg(sn_plugin_verify(&plugin, SIZE_MAX, &diag) == SN_OK, "%s", diag.text);
	ck_assert_msg(sn_plugin_verify_rows(&plugin, &kinds, &diag) == SN_OK, "%s", diag.text);
	ck_assert_str_eq(
		sn_strbuf_cstr(&kinds), "service verified, server endpoint nowhere, checker noone");
}
END_TEST

static void both_placements(void)
{
	a_service.flags |= SN_SERVICE_SINGLE;
}
static void service_of_another_abi(void)
{
	a_service.abi++;
}
static void no_word(void)
{
	an_endpoint.word = NULL;
}
static void no_ops(void)
{
	an_endpoint.ops = NULL;
}
static void ops_of_the_other_side(void)
{
	an_endpoint.side = SN_CLIENT;
}
static void word_taken(void)
{
	an_endpoint.word = "tcp";
}
static void no_kinds(void)
{
	a_checker.kinds = 0;
}
static void no_doc(void)
{
	a_checker.doc = NULL;
}
static void name_taken(void)
{
	a_checker.name = "memory";
}
static void twice(void)
{
	interfaces[2] = interfaces[1];
}

static const struct {
	void (*spoil)(void);
	const char *text;
} rows[] = {
	{ both_placements, "exactly one of SINGLE and SHARDED" },
	{ service_of_another_abi, "built for service ABI 2" },
	{ no_word, "needs word, doc and example" },
	{ no_ops, "\"nowhere\" needs ops with plan_listen" },
	{ ops_of_the_other_side, "\"nowhere\" needs ops with plan_connect" },
	{ word_taken, "there is a server endpoint type \"tcp\" already" },
	{ no_kinds, "checker \"noone\" needs kinds, open, check and close" },
	{ no_doc, "needs name, arg_help and doc" },
	{ name_taken, "there is a checker \"memory\" already" },
	{ twice, "it brings server endpoint nowhere twice" },
};

START_TEST(spoiled_rows)
{
	struct sn_diag diag = { 0 };

	rows[_i].spoil();
	ck_assert_int_eq(sn_plugin_verify(&plugin, symbol_size, &diag), SN_OK);
	ck_assert_int_lt(sn_plugin_verify_rows(&plugin, &kinds, &diag), 0);
	ck_assert_msg(strstr(diag.text, rows[_i].text) != NULL, "%s", diag.text);
}
END_TEST

START_TEST(registered_rows_are_copies)
{
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_plugin_register_rows(&plugin, &diag), SN_OK);
	ck_assert_ptr_nonnull(sn_registry_find(SN_STR("verified")));
	ck_assert_ptr_ne(sn_registry_find(SN_STR("verified")), &a_service);
	ck_assert_ptr_nonnull(sn_endpoint_type_find(SN_SERVER, SN_STR("nowhere")));
	ck_assert_ptr_eq(
		sn_endpoint_type_ops(sn_endpoint_type_find(SN_SERVER, SN_STR("nowhere"))), &ops);
	ck_assert_int_eq(sn_plugin_verify_rows(&plugin, &kinds, &diag), SN_EDUPLICATE);
	ck_assert_str_eq(diag.text, "there is a service \"verified\" already");
	ck_assert_int_eq(sn_plugin_register_rows(&plugin, &diag), SN_EDUPLICATE);
}
END_TEST

Suite *sn_suite_plugin_verify(void);
Suite *sn_suite_plugin_verify(void)
{
	Suite *suite = suite_create("service/plugin_verify");
	TCase *tc = tcase_create("plugin_verify"), *last = tcase_create("plugin_register");

	tcase_set_timeout(tc, 60);
	tcase_set_timeout(last, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_good_descriptor);
	tcase_add_loop_test(
		tc, spoiled_descriptors, 0, (int)(sizeof(descriptors) / sizeof(descriptors[0])));
	tcase_add_loop_test(tc, spoiled_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tc);
	/* What is registered stays: a process of its own. */
	tcase_set_tags(last, "no-valgrind");
	tcase_add_checked_fixture(last, setup, NULL);
	tcase_add_test(last, registered_rows_are_copies);
	suite_add_tcase(suite, last);
	return suite;
}
