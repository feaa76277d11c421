#include "config/conf_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_file(void);

static char folder[256];
static struct sn_pool *pool;

static void set_up(void)
{
	(void)folder_new(folder, sizeof(folder));
	pool = sn_pool_new(0);
}

static void tear_down(void)
{
	sn_pool_free(&pool);
	folder_remove(folder);
}

START_TEST(test_read)
{
	struct sn_conf_file file, again;

	folder_write(folder, "a", "text\n");
	ck_assert_int_eq(sn_conf_file_read(pool, folder_path(folder, "a"), 5, &file), SN_OK);
	ck_assert_str_view(file.text, "text\n");
	ck_assert_int_eq(file.text.p[5], '\0');
	ck_assert_int_eq(sn_conf_file_read(pool, folder_path(folder, "./a"), 100, &again), SN_OK);
	ck_assert(file.device == again.device && file.inode == again.inode);
}
END_TEST

START_TEST(test_read_empty)
{
	struct sn_conf_file file;

	folder_write(folder, "a", "");
	ck_assert_int_eq(sn_conf_file_read(pool, folder_path(folder, "a"), 5, &file), SN_OK);
	ck_assert_uint_eq(file.text.n, 0);
}
END_TEST

START_TEST(test_read_faults)
{
	struct sn_conf_file file;

	folder_write(folder, "a", "123456");
	ck_assert_int_eq(sn_conf_file_read(pool, folder_path(folder, "a"), 5, &file), SN_ELIMIT);
	ck_assert_int_eq(sn_conf_file_read(pool, folder_path(folder, "b"), 5, &file), -ENOENT);
	ck_assert_int_eq(sn_conf_file_read(pool, folder, 5, &file), -EISDIR);
}
END_TEST

/* Larger than the first read, and through a pipe that tells no size. */
START_TEST(test_read_pipe)
{
	struct sn_conf_file file;
	char path[64], chunk[1000];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(write(ends[1], chunk, sizeof(chunk)), sizeof(chunk));
	(void)close(ends[1]);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	ck_assert_int_eq(sn_conf_file_read(pool, path, 20000, &file), SN_OK);
	ck_assert_uint_eq(file.text.n, 20000);
	(void)close(ends[0]);
}
END_TEST

static const struct {
	const char *naming, *path, *want;
} besides[] = {
	{ "sennit.toml", "motd.txt", "motd.txt" },
	{ "etc/sennit.toml", "motd.txt", "etc/motd.txt" },
	{ "/etc/sennit/x.toml", "conf.d/y", "/etc/sennit/conf.d/y" },
	{ "/x.toml", "y", "/y" },
	{ "etc/sennit.toml", "/motd.txt", "/motd.txt" },
	{ "etc/sennit.toml", "", "" },
	{ "etc/sennit.toml", "../y", "etc/../y" },
};

START_TEST(test_path_beside)
{
	ck_assert_str_view(
		sn_conf_path_beside(pool, sn_str(besides[_i].naming), sn_str(besides[_i].path)),
		besides[_i].want);
}
END_TEST

Suite *sn_suite_conf_file(void)
{
	Suite *suite = suite_create("conf_file");
	TCase *tc = tcase_create("conf_file");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_read);
	tcase_add_test(tc, test_read_empty);
	tcase_add_test(tc, test_read_faults);
	tcase_add_test(tc, test_read_pipe);
	tcase_add_loop_test(tc, test_path_beside, 0, (int)(sizeof(besides) / sizeof(besides[0])));
	return suite;
}
