#include "daemon/proc/sandbox_paths.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/certs.h"
#include "tests/unit/daemon/proc/conf_rig.h"

static struct sn_test_dir dir;
static struct sn_pool *pool;
static struct sn_conf *conf;
static struct sn_sandbox sandbox;

static void setup(void)
{
	sn_test_dir_make(&dir);
	pool = sn_pool_new(0);
}

static void teardown(void)
{
	sn_conf_unref(&conf);
	sn_pool_free(&pool);
	sn_test_dir_remove(&dir);
}

/* '@' in the text stands for the folder. */
static void look_at(const char *text)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 4096);
	for (; *text != '\0'; text++) {
		if (*text == '@')
			sn_strbuf_adds(&out, dir.path);
		else
			sn_strbuf_addc(&out, *text);
	}
	conf = conf_rig_load(sn_strbuf_cstr(&out));
	sn_strbuf_fini(&out);
	sn_sandbox_paths(conf, SN_STR("/var/lib/state"), pool, &sandbox);
}

static bool has(const struct sn_str *list, size_t count, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : dir.path, name);
	if (name[0] != '/')
		(void)snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	for (size_t i = 0; i < count; i++) {
		if (sn_str_eq(list[i], sn_str(path)))
			return true;
	}
	return false;
}

static bool reads(const char *name)
{
	return has(sandbox.read_paths, sandbox.read_path_count, name);
}

static bool writes(const char *name)
{
	return has(sandbox.write_paths, sandbox.write_path_count, name);
}

static void touch(const char *name)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

START_TEST(rows_that_are_paths)
{
	look_at("[service.alone]\nmotd = \"@/motd.txt\"\n");
	ck_assert(reads("motd.txt"));
	ck_assert(has(sandbox.read_paths, sandbox.read_path_count, dir.path));
	ck_assert(writes("/var/lib/state"));
}
END_TEST

START_TEST(files_that_endpoints_name)
{
	touch("server.pem");
	look_at("[service.alone]\nlisten = [\"tls:@/server.pem:tcp:443\", \"tcp:80\"]\n");
	ck_assert(reads("server.pem"));
	ck_assert(!reads("/443"));
}
END_TEST

START_TEST(files_that_checkers_name)
{
	touch("users");
	look_at("[service.alone]\nauth = [\"file:@/users\", \"memory:a:b\"]\n");
	ck_assert(reads("users"));
}
END_TEST

START_TEST(the_log_is_written)
{
	look_at("[log]\nfile = \"@/daemon.log\"\n[service.alone]\n");
	ck_assert(writes("daemon.log"));
	ck_assert(has(sandbox.write_paths, sandbox.write_path_count, dir.path));
}
END_TEST

Suite *sandbox_paths_suite(void);
Suite *sandbox_paths_suite(void)
{
	Suite *s = suite_create("proc/sandbox_paths");
	TCase *tc = tcase_create("sandbox_paths");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rows_that_are_paths);
	tcase_add_test(tc, files_that_endpoints_name);
	tcase_add_test(tc, files_that_checkers_name);
	tcase_add_test(tc, the_log_is_written);
	suite_add_tcase(s, tc);
	return s;
}
