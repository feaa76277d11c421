#include "daemon/base/log_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/unit.h"

Suite *sn_suite_log_setup(void);

static const struct sn_log_ctx ctx = SN_LOG_CTX("t");
static char output[4096];

static void read_output(int fd)
{
	const ssize_t n = pread(fd, output, sizeof(output) - 1, 0);
	ck_assert_int_ge(n, 0);
	output[n] = '\0';
}

/* Standard error is a file while the log runs with this setup; what it got is in output. */
static void run_on_stderr(const struct sn_log_setup *setup, bool journal)
{
	const int saved = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);
	char stream[64];
	struct stat st;
	int fd = 0;
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(fstat(file, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	if (journal)
		setenv("JOURNAL_STREAM", stream, 1);
	const int code = sn_log_set_up(setup, &fd);
	sn_log(&ctx, SN_LOG_INFO, "info");
	sn_log(&ctx, SN_LOG_WARN, "warn");
	sn_log_stop(SN_SEC(10));
	sn_log_reset_levels();
	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	read_output(file);
	close(file);
	ck_assert_int_eq(code, SN_OK);
	ck_assert_int_eq(fd, -1);
}

static const struct {
	enum sn_log_choice format;
	bool journal;
	const char *start, *end;
} formats[] = {
	{ SN_LOG_CHOOSE, false, "{\"time\":\"", "\"event\":\"warn\"}\n" },
	{ SN_LOG_CHOOSE, true, "<6>[t] info\n", "<4>[t] warn\n" },
	{ SN_LOG_CHOOSE_TEXT, false, "2", "Z warn [t] warn\n" },
	{ SN_LOG_CHOOSE_TEXT, true, "<6>[t] info\n", "<4>[t] warn\n" },
	{ SN_LOG_CHOOSE_JSON, false, "{\"time\":\"", "\"event\":\"warn\"}\n" },
	{ SN_LOG_CHOOSE_JSON, true, "{\"time\":\"", "\"event\":\"warn\"}\n" },
};

START_TEST(test_formats)
{
	const struct sn_log_setup setup = {
		.level = SN_LOG_INFO, .format = formats[_i].format, .color = true
	};
	run_on_stderr(&setup, formats[_i].journal);
	ck_assert_msg(sn_str_starts(sn_str(output), sn_str(formats[_i].start)), "%s", output);
	ck_assert_msg(sn_str_ends(sn_str(output), sn_str(formats[_i].end)), "%s", output);
}
END_TEST

START_TEST(test_levels)
{
	static const struct sn_str levels[] = { { "a=debug", 7 }, { "t=warn", 6 } };
	const struct sn_log_setup setup = { .level = SN_LOG_INFO,
		.levels = levels,
		.level_count = 2,
		.format = SN_LOG_CHOOSE_TEXT };
	run_on_stderr(&setup, true);
	ck_assert_str_eq(output, "<4>[t] warn\n");
}
END_TEST

START_TEST(test_file)
{
	char directory[] = "/tmp/sn-log-XXXXXX", path[64];
	struct stat st;
	int fd;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	const struct sn_log_setup setup = {
		.level = SN_LOG_INFO, .format = SN_LOG_CHOOSE_TEXT, .file = path
	};
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(sn_log_set_up(&setup, &fd), SN_OK);
		sn_log(&ctx, SN_LOG_INFO, "kept");
		sn_log_stop(SN_SEC(10));
		ck_assert_int_eq(close(fd), 0);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0137, 0);
	ck_assert_int_eq(st.st_size, 2 * (off_t)strlen("2026-11-20T11:05:46.123Z info [t] kept\n"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_int_eq(sn_log_set_up(&setup, &fd), -ENOENT);
	ck_assert_int_eq(fd, -1);
}
END_TEST

static const struct {
	const char *entry;
	int code;
	const char *ns;
	enum sn_log_level level;
} entries[] = {
	{ "net.tls=debug", SN_OK, "net.tls", SN_LOG_DEBUG },
	{ "=warn", SN_OK, "", SN_LOG_WARN },
	{ "n23456789012345678901234567890123456789012345678901234567890123=info", SN_OK,
		"n23456789012345678901234567890123456789012345678901234567890123", SN_LOG_INFO },
	{ "n234567890123456789012345678901234567890123456789012345678901234=info", SN_ESYNTAX, NULL,
		SN_LOG_INFO },
	{ "net.tls", SN_ESYNTAX, NULL, SN_LOG_INFO },
	{ "", SN_ESYNTAX, NULL, SN_LOG_INFO },
	{ "net=", SN_EUNKNOWN, NULL, SN_LOG_INFO },
	{ "net=loud", SN_EUNKNOWN, NULL, SN_LOG_INFO },
	{ "net=debug=x", SN_EUNKNOWN, NULL, SN_LOG_INFO },
};

START_TEST(test_parse_rule)
{
	char text[SN_LOG_NS_SIZE];
	enum sn_log_level level;
	struct sn_strbuf ns;

	sn_strbuf_fixed(&ns, text, sizeof(text));
	ck_assert_int_eq(
		sn_log_parse_rule(sn_str(entries[_i].entry), &ns, &level), entries[_i].code);
	if (entries[_i].code != SN_OK)
		return;
	ck_assert_str_eq(text, entries[_i].ns);
	ck_assert_int_eq(level, entries[_i].level);
}
END_TEST

Suite *sn_suite_log_setup(void)
{
	Suite *suite = suite_create("base/log_setup");
	TCase *tc = tcase_create("log_setup");
	tcase_add_loop_test(tc, test_formats, 0, (int)(sizeof(formats) / sizeof(formats[0])));
	tcase_add_test(tc, test_levels);
	tcase_add_test(tc, test_file);
	tcase_add_loop_test(tc, test_parse_rule, 0, (int)(sizeof(entries) / sizeof(entries[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
