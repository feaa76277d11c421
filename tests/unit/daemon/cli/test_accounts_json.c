#include "daemon/cli/accounts_json.h"

#include "tests/support/unit.h"

START_TEST(times)
{
	static const struct {
		const char *text;
		int code;
		int64_t wall;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", SN_OK, 0 },
		{ "1970-01-01T00:00:01.5Z", SN_OK, 1500000000 },
		{ "2026-11-20T11:05:46.123456789Z", SN_OK, 1795172746123456789 },
		{ "2026-11-20", SN_OK, 1795132800000000000 },
		{ "2024-02-29", SN_OK, 1709164800000000000 },
		{ "2023-02-29", SN_ERANGE, 0 },
		{ "2026-13-01", SN_ERANGE, 0 },
		{ "2026-11-20T24:00:00Z", SN_ERANGE, 0 },
		{ "2300-01-01", SN_ERANGE, 0 },
		{ "", SN_ESYNTAX, 0 },
		{ "2026", SN_ESYNTAX, 0 },
		{ "2026-1-20", SN_ESYNTAX, 0 },
		{ "2026-11-20T", SN_ESYNTAX, 0 },
		{ "2026-11-20T11:05:46", SN_ESYNTAX, 0 },
		{ "2026-11-20T11:05:46.Z", SN_ESYNTAX, 0 },
		{ "2026-11-20T11:05:46.1234567890Z", SN_ESYNTAX, 0 },
		{ "2026-11-20T11:05:46+01:00", SN_ESYNTAX, 0 },
		{ "+026-11-20", SN_ESYNTAX, 0 },
		{ "2026-11-20 ", SN_ESYNTAX, 0 },
	};
	int64_t wall = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(sn_parse_time(sn_str(rows[i].text), &wall) == rows[i].code, "%s",
			rows[i].text);
		if (rows[i].code == SN_OK)
			ck_assert_msg(wall == rows[i].wall, "%s", rows[i].text);
	}
}
END_TEST

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHAgtxIshx6Q6emnTlOfxpYXpSyVhb2RMXgansClfOme"

/* Everything there is, in the order of an export. */
static const char full[] =
	"{\"name\":\"J\xc3\xb6rg\",\"scram_sha_256\":\"a\",\"scram_sha_1\":\"b\",\"crypt\":\"c\","
	"\"disabled\":true,\"created\":\"2026-11-20T11:05:46.123456789Z\","
	"\"changed\":\"2026-11-20T11:05:47.000000000Z\","
	"\"last_login\":\"2026-11-20T11:05:48.000000000Z\","
	"\"roles\":[{\"role\":\"ops\",\"created\":\"2026-11-20T11:05:46.000000001Z\"}],"
	"\"keys\":[{\"key\":\"" KEY
	"\",\"label\":\"lap\\\"top\",\"created\":\"2026-11-20T11:05:46.000000002Z\"}],"
	"\"certificates\":[{\"sha256\":\"ab\",\"created\":\"2026-11-20T11:05:46.000000003Z\"}],"
	"\"tokens\":[{\"sha256\":\"cd\",\"label\":\"phone\","
	"\"created\":\"2026-11-20T11:05:46.000000004Z\","
	"\"expires\":\"2027-11-20T11:05:46.000000005Z\","
	"\"used\":\"2026-11-21T11:05:46.000000006Z\"}]}";

START_TEST(there_and_back)
{
	struct sn_pool *pool = sn_pool_new(0);
	json_t *value = json_loads(full, 0, NULL), *again;
	struct sn_account account;
	struct sn_diag diag = { 0 };
	char *text;

	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(sn_account_from_json(value, 1, pool, &account, &diag), SN_OK);
	ck_assert_uint_eq(account.item_count, 4);
	again = sn_account_to_json(&account, true);
	text = json_dumps(again, JSON_COMPACT);
	ck_assert_str_eq(text, full);
	free(text);
	json_decref(again);
	json_decref(value);
	sn_pool_free(&pool);
}
END_TEST

START_TEST(what_people_see_has_no_secrets)
{
	struct sn_account_item key = { .kind = SN_ACCOUNT_KEY, .value = SN_STR(KEY) };
	const struct sn_account account = {
		.name = SN_STR("alice"),
		.scram_sha_256 = SN_STR("s3cret"),
		.scram_sha_1 = SN_STR("s3cret"),
		.crypt = SN_STR("s3cret"),
		.items = &key,
		.item_count = 1,
	};
	json_t *value = sn_account_to_json(&account, false);
	char *text = json_dumps(value, JSON_COMPACT);

	ck_assert_str_eq(text,
		"{\"name\":\"alice\",\"password\":[\"SCRAM-SHA-256\",\"SCRAM-SHA-1\",\"crypt\"],"
		"\"keys\":[{\"key\":\"" KEY "\",\"fingerprint\":"
		"\"SHA256:YBxbJb9PNdCpIT2iy/hI/NcG5Dpn3MDCU8/6Cp3UFEY\"}]}");
	free(text);
	json_decref(value);
}
END_TEST

START_TEST(as_people_write_it)
{
	struct sn_pool *pool = sn_pool_new(0);
	json_t *value = json_loads(
		"{\"roles\": [\"ops\", \"admin\"], \"name\": \"alice\", \"keys\": []}", 0, NULL);
	struct sn_account account;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_account_from_json(value, 77, pool, &account, &diag), SN_OK);
	ck_assert_str_view(account.name, "alice");
	ck_assert_int_eq(account.created, 77);
	ck_assert_int_eq(account.changed, 77);
	ck_assert_uint_eq(account.item_count, 2);
	ck_assert_str_view(account.items[1].value, "admin");
	ck_assert_int_eq(account.items[1].created, 77);
	json_decref(value);
	sn_pool_free(&pool);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *json, *says;
	} rows[] = {
		{ "[]", "must be a JSON object" },
		{ "{}", "there is no \"name\"" },
		{ "{\"name\": 5}", "\"name\" must be a string" },
		{ "{\"name\": \"a\", \"disabled\": \"yes\"}",
			"\"disabled\" must be true or false" },
		{ "{\"name\": \"a\", \"created\": 5}", "\"created\" must be a time such as" },
		{ "{\"name\": \"a\", \"created\": \"now\"}", "\"created\" must be a time such as" },
		{ "{\"name\": \"a\", \"rolse\": []}",
			"unknown field \"rolse\"; did you mean \"roles\"" },
		{ "{\"name\": \"a\", \"shoe_size\": 1}", "unknown field \"shoe_size\"" },
		{ "{\"name\": \"a\", \"roles\": \"ops\"}", "\"roles\" must be an array" },
		{ "{\"name\": \"a\", \"roles\": [5]}", "must be a string or an object" },
		{ "{\"name\": \"a\", \"keys\": [{\"label\": \"x\"}]}", "has no \"key\"" },
		{ "{\"name\": \"a\", \"tokens\": [{\"sha265\": \"x\"}]}",
			"did you mean \"sha256\"?" },
		{ "{\"name\": \"a\", \"tokens\": [{\"sha256\": \"x\", \"expires\": 1}]}",
			"\"expires\" must be a time" },
	};
	struct sn_pool *pool = sn_pool_new(0);
	json_t *value = json_loads(rows[_i].json, 0, NULL);
	struct sn_account account;
	struct sn_diag diag = { 0 };

	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(sn_account_from_json(value, 1, pool, &account, &diag), SN_ESYNTAX);
	ck_assert_msg(strstr(diag.text, rows[_i].says) != NULL, "%s", diag.text);
	json_decref(value);
	sn_pool_free(&pool);
}
END_TEST

Suite *suite_accounts_json(void);
Suite *suite_accounts_json(void)
{
	Suite *suite = suite_create("accounts_json");
	TCase *tc = tcase_create("accounts_json");

	tcase_add_test(tc, times);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, what_people_see_has_no_secrets);
	tcase_add_test(tc, as_people_write_it);
	tcase_add_loop_test(tc, refuses, 0, 13);
	suite_add_tcase(suite, tc);
	return suite;
}
