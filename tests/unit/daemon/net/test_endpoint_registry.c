#include "tests/support/unit.h"

#include "daemon/net/endpoint.h"

static int plan_nothing(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	(void)ep;
	(void)plan;
	(void)diag;
	return SN_OK;
}

static const struct sn_endpoint_ops ops = {
	.size = sizeof(struct sn_endpoint_ops),
	.plan_listen = plan_nothing,
};

static const struct sn_param optional_row[] = { { .name = "optional" } };
static const struct sn_param endpoint_row[] = {
	{ .name = "endpoint", .kind = SN_PARAM_ENDPOINT, .flags = SN_PARAM_REQUIRED },
};
static const struct sn_param default_endpoint_row[] = {
	{ .name = "endpoint", .kind = SN_PARAM_ENDPOINT, .def = "tcp:80" },
};

static struct sn_endpoint_type plugin_type(const char *word)
{
	return (struct sn_endpoint_type){
		.size = sizeof(struct sn_endpoint_type),
		.word = word,
		.side = SN_SERVER,
		.doc = "a test's",
		.example = word,
	};
}

START_TEST(finds_by_word_and_side)
{
	const struct sn_endpoint_type *tcp;

	sn_endpoints_init();
	sn_endpoints_init();
	tcp = sn_endpoint_type_find(SN_SERVER, SN_STR("TcP"));
	ck_assert_ptr_nonnull(tcp);
	ck_assert_ptr_ne(tcp, sn_endpoint_type_find(SN_CLIENT, SN_STR("tcp")));
	ck_assert_ptr_null(sn_endpoint_type_find(SN_CLIENT, SN_STR("udp")));
	ck_assert_ptr_null(sn_endpoint_type_find(SN_SERVER, SN_STR("tc")));
	ck_assert_ptr_null(sn_endpoint_type_find(SN_SERVER, SN_STR("")));
	ck_assert_ptr_null(sn_endpoint_type_at(SN_ENDPOINT_TYPES_MAX));
}
END_TEST

START_TEST(refuses_bad_rows)
{
	static const struct {
		const char *word;
		bool wraps;
		const struct sn_param *params;
		size_t short_by;
		int rc;
	} rows[] = {
		{ "TCP", false, NULL, 0, SN_EDUPLICATE },
		{ "", false, NULL, 0, SN_ESYNTAX },
		{ NULL, false, NULL, 0, SN_ESYNTAX },
		{ "bad", true, optional_row, 0, SN_ESYNTAX },
		{ "bad", true, endpoint_row, 0, SN_ESYNTAX },
		{ "bad", false, default_endpoint_row, 0, SN_ESYNTAX },
		{ "bad", false, NULL, 1, SN_EABI },
	};

	sn_endpoints_init();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sn_endpoint_type type = plugin_type(rows[i].word);

		type.wraps = rows[i].wraps;
		type.params = rows[i].params;
		type.param_count = rows[i].params != NULL;
		type.size -= rows[i].short_by;
		ck_assert_int_eq(sn_endpoint_register(&type), rows[i].rc);
	}
	ck_assert_ptr_null(sn_endpoint_type_find(SN_SERVER, SN_STR("bad")));
}
END_TEST

/* One test for all that changes the table, which cannot be undone. */
START_TEST(grows_until_full)
{
	static struct sn_endpoint_type types[SN_ENDPOINT_TYPES_MAX + 1];
	static char words[SN_ENDPOINT_TYPES_MAX + 1][8];
	size_t i = 0, total = 0;
	int rc;

	sn_endpoints_init();
	do {
		struct sn_strbuf word;

		sn_strbuf_fixed(&word, words[i], sizeof(words[i]));
		sn_strbuf_addf(&word, "type%zu", i);
		types[i] = plugin_type(words[i]);
		types[i].ops = i == 0 ? &ops : NULL;
		rc = sn_endpoint_register(&types[i]);
		i++;
	} while (rc == SN_OK);
	ck_assert_int_eq(rc, SN_ELIMIT);
	while (sn_endpoint_type_at(total) != NULL)
		total++;
	ck_assert_uint_eq(total, SN_ENDPOINT_TYPES_MAX);

	ck_assert_ptr_eq(sn_endpoint_type_ops(&types[0]), &ops);
	ck_assert_ptr_null(sn_endpoint_type_ops(&types[1]));
	sn_endpoint_attach(SN_SERVER, "type1", &ops);
	ck_assert_ptr_eq(sn_endpoint_type_ops(&types[1]), &ops);
	ck_assert_ptr_null(types[1].ops);
}
END_TEST

Suite *sn_suite_endpoint_registry(void);
Suite *sn_suite_endpoint_registry(void)
{
	Suite *suite = suite_create("endpoint_registry");
	TCase *tc = tcase_create("endpoint_registry"), *full = tcase_create("full");

	tcase_add_test(tc, finds_by_word_and_side);
	tcase_add_test(tc, refuses_bad_rows);
	suite_add_tcase(suite, tc);
	tcase_set_tags(full, "no-valgrind"); /* leaves no room for other tests in its process */
	tcase_add_test(full, grows_until_full);
	suite_add_tcase(suite, full);
	return suite;
}
