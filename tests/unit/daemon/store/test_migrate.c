/* The order of a migration's steps, with an engine that only notes them. */
#include <stdio.h>

#include "daemon/store/store_private.h"
#include "tests/unit/daemon/store/fixture.h"

static struct sn_strbuf notes;
static char note_text[1024];
static int64_t versions[2]; /* of a and b */
static const char *fails_at;
static int64_t others_made; /* what another program has done when we begin */

static int note(const char *what, struct sn_diag *d)
{
	sn_strbuf_addf(&notes, "%s ", what);
	return fails_at != NULL && strcmp(what, fails_at) == 0
		? sn_diag_set(d, SN_ESQL, 0, "failed at %s", what)
		: SN_OK;
}

static int begin(struct sn_store_migrator *m, struct sn_diag *d)
{
	(void)m;
	if (others_made > 0)
		versions[0] = others_made;
	return note("begin", d);
}

static int end(struct sn_store_migrator *m, bool commit, struct sn_diag *d)
{
	(void)m;
	return note(commit ? "commit" : "rollback", d);
}

static int exec(struct sn_store_migrator *m, const char *text, struct sn_diag *d)
{
	(void)m;
	return note(text, d);
}

static int version(
	struct sn_store_migrator *m, const char *owner, int64_t *version_r, struct sn_diag *d)
{
	(void)m;
	(void)d;
	*version_r = versions[owner[0] - 'a'];
	return SN_OK;
}

static int set_version(
	struct sn_store_migrator *m, const char *owner, int64_t to, struct sn_diag *d)
{
	char text[32];

	(void)m;
	snprintf(text, sizeof(text), "%s=%d", owner, (int)to);
	versions[owner[0] - 'a'] = to; /* a commit that fails is the last step of its test */
	return note(text, d);
}

static int backup(struct sn_store_migrator *m, const char *owner, int64_t to, struct sn_diag *d)
{
	char text[32];

	(void)m;
	snprintf(text, sizeof(text), "copy-%s-%d", owner, (int)to);
	return note(text, d);
}

static const struct sn_store_migrator_ops ops = { begin, end, exec, version, set_version, backup };
static const char *const a1[] = { "a1", NULL }, *const a2[] = { "a2", "a2b", NULL };
static const char *const b1[] = { "b1", NULL };
static const char *const *const a_steps[] = { a1, a2, NULL };
static const char *const *const b_steps[] = { b1, NULL };
static const struct sn_store_schema a = { "a", a_steps }, b = { "b", b_steps };
static const struct sn_store_schema *const schemas[] = { &a, &b, NULL };

static int migrate(void)
{
	struct sn_store_migrator m = { .ops = &ops, .where = "db" };

	sn_strbuf_fixed(&notes, note_text, sizeof(note_text));
	return sn_store_migrate(&m, schemas, &diag);
}

static void setup(void)
{
	sn_log_set_level("store", SN_LOG_OFF);
	versions[0] = versions[1] = others_made = 0;
	fails_at = NULL;
}

START_TEST(steps_run_in_order)
{
	ck_assert_int_eq(migrate(), SN_OK);
	ck_assert_str_eq(note_text,
		"begin a1 a=1 commit begin copy-a-2 a2 a2b a=2 commit "
		"begin b1 b=1 commit ");
}
END_TEST

START_TEST(only_what_is_due_runs)
{
	versions[0] = 1;
	versions[1] = 1;
	ck_assert_int_eq(migrate(), SN_OK);
	ck_assert_str_eq(note_text, "begin copy-a-2 a2 a2b a=2 commit ");
	versions[0] = 2;
	ck_assert_int_eq(migrate(), SN_OK);
	ck_assert_str_eq(sn_strbuf_cstr(&notes), "");
}
END_TEST

START_TEST(a_newer_version_is_refused_before_anything_runs)
{
	versions[1] = 2;
	ck_assert_int_eq(migrate(), SN_EVERSION);
	ck_assert_str_eq(sn_strbuf_cstr(&notes), "");
	ck_assert_str_eq(diag.text,
		"db: written by a newer version (b is at 2, this program knows 1): run the newer "
		"program, or restore the copy made before (.before-b-2)");
}
END_TEST

START_TEST(a_failure_anywhere_undoes_the_step)
{
	static const struct {
		const char *at, *notes;
	} cases[] = {
		{ "begin", "begin " },
		{ "copy-a-2", "begin copy-a-2 rollback " },
		{ "a2b", "begin copy-a-2 a2 a2b rollback " },
		{ "a=2", "begin copy-a-2 a2 a2b a=2 rollback " },
		{ "commit", "begin copy-a-2 a2 a2b a=2 commit " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		versions[0] = 1;
		fails_at = cases[i].at;
		ck_assert_int_eq(migrate(), SN_ESQL);
		ck_assert_str_eq(note_text, cases[i].notes);
		ck_assert_ptr_nonnull(strstr(diag.text, cases[i].at));
	}
}
END_TEST

START_TEST(what_another_program_has_just_done_is_not_done_again)
{
	versions[1] = 1;
	others_made = 2;
	ck_assert_int_eq(migrate(), SN_OK);
	ck_assert_str_eq(note_text, "begin commit ");
	versions[0] = 0;
	others_made = 3;
	ck_assert_int_eq(migrate(), SN_EVERSION);
	ck_assert_str_eq(note_text, "begin rollback ");
}
END_TEST

Suite *migrate_suite(void);
Suite *migrate_suite(void)
{
	Suite *s = suite_create("migrate");
	TCase *tc = tcase_create("migrate");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, steps_run_in_order);
	tcase_add_test(tc, only_what_is_due_runs);
	tcase_add_test(tc, a_newer_version_is_refused_before_anything_runs);
	tcase_add_test(tc, a_failure_anywhere_undoes_the_step);
	tcase_add_test(tc, what_another_program_has_just_done_is_not_done_again);
	suite_add_tcase(s, tc);
	return s;
}
