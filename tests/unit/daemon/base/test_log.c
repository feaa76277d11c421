#include "daemon/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/strbuf.h"
#include "tests/support/unit.h"

Suite *sn_suite_log(void);

static void setup(void)
{
	sn_log_reset_levels();
}

static bool is_enabled(const char *ns, enum sn_log_level level)
{
	const struct sn_log_ctx ctx = { .ns = ns };
	return sn_log_enabled(&ctx, level);
}

START_TEST(test_the_rules_can_be_read)
{
	struct sn_strbuf ns;
	enum sn_log_level level = SN_LOG_OFF;

	sn_log_reset_levels();
	ck_assert_int_eq(sn_log_set_rule(SN_STR("net.tls=debug")), SN_OK);
	ck_assert_int_eq(sn_log_set_rule(SN_STR("net.tls=debut")), SN_EUNKNOWN);
	ck_assert_int_eq(sn_log_set_rule(SN_STR("net.tls=")), SN_EUNKNOWN);
	ck_assert_int_eq(sn_log_set_rule(SN_STR("warn")), SN_OK);
	sn_strbuf_init(&ns, 64);
	ck_assert(sn_log_level_at(0, &ns, &level));
	ck_assert_str_eq(sn_strbuf_cstr(&ns), "");
	ck_assert_int_eq(level, SN_LOG_WARN);
	ck_assert(sn_log_level_at(1, &ns, &level));
	ck_assert_str_eq(sn_strbuf_cstr(&ns), "net.tls");
	ck_assert_int_eq(level, SN_LOG_DEBUG);
	ck_assert(!sn_log_level_at(2, &ns, &level));
	sn_strbuf_fini(&ns);
	sn_log_reset_levels();
}
END_TEST

static const struct {
	const char *name;
	int result;
	enum sn_log_level level;
} names[] = {
	{ "debug", SN_OK, SN_LOG_DEBUG },
	{ "info", SN_OK, SN_LOG_INFO },
	{ "warn", SN_OK, SN_LOG_WARN },
	{ "error", SN_OK, SN_LOG_ERROR },
	{ "critical", SN_OK, SN_LOG_CRITICAL },
	{ "off", SN_OK, SN_LOG_OFF },
	{ "", SN_EUNKNOWN, SN_LOG_OFF },
	{ "Debug", SN_EUNKNOWN, SN_LOG_OFF },
	{ "warning", SN_EUNKNOWN, SN_LOG_OFF },
	{ "inf", SN_EUNKNOWN, SN_LOG_OFF },
	{ "infos", SN_EUNKNOWN, SN_LOG_OFF },
};

START_TEST(test_level_names)
{
	enum sn_log_level level = SN_LOG_OFF;
	ck_assert_int_eq(sn_log_parse_level(sn_str(names[_i].name), &level), names[_i].result);
	ck_assert_int_eq(level, names[_i].level);
	if (names[_i].result == SN_OK)
		ck_assert_str_eq(sn_log_level_name(level), names[_i].name);
}
END_TEST

START_TEST(test_level_default)
{
	ck_assert(!is_enabled("t", SN_LOG_DEBUG));
	ck_assert(is_enabled("t", SN_LOG_INFO));
	ck_assert(is_enabled(NULL, SN_LOG_INFO));
	ck_assert(sn_log_enabled(NULL, SN_LOG_CRITICAL));
	ck_assert(!sn_log_enabled(NULL, SN_LOG_OFF));
}
END_TEST

static const struct {
	const char *ns;
	enum sn_log_level lowest;
} inherited[] = {
	{ NULL, SN_LOG_WARN },
	{ "", SN_LOG_WARN },
	{ "irc", SN_LOG_WARN },
	{ "net", SN_LOG_DEBUG },
	{ "net.dgram", SN_LOG_DEBUG },
	{ "net.tls", SN_LOG_ERROR },
	{ "net.tls.sni", SN_LOG_ERROR },
	{ "net.tls.alpn.h2", SN_LOG_INFO },
	{ "net.tlsx", SN_LOG_DEBUG },
	{ "network", SN_LOG_WARN },
	{ "ne", SN_LOG_WARN },
	{ "dns", SN_LOG_OFF },
	{ "dns.cache", SN_LOG_OFF },
};

START_TEST(test_level_inheritance)
{
	/* Set in an order in which no rule stands where a naive lookup needs it. */
	ck_assert_int_eq(sn_log_set_level("net.tls.alpn", SN_LOG_INFO), SN_OK);
	ck_assert_int_eq(sn_log_set_level("net", SN_LOG_DEBUG), SN_OK);
	ck_assert_int_eq(sn_log_set_level("dns", SN_LOG_OFF), SN_OK);
	ck_assert_int_eq(sn_log_set_level("net.tls", SN_LOG_ERROR), SN_OK);
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_WARN), SN_OK);
	for (int level = SN_LOG_DEBUG; level < SN_LOG_OFF; level++) {
		const bool expected = level >= (int)inherited[_i].lowest;
		/* Twice: the second answer comes from the cache. */
		ck_assert(is_enabled(inherited[_i].ns, (enum sn_log_level)level) == expected);
		ck_assert(is_enabled(inherited[_i].ns, (enum sn_log_level)level) == expected);
	}
}
END_TEST

START_TEST(test_level_changes)
{
	/* A wide range of thresholds, so that every answer needs the namespace. */
	ck_assert_int_eq(sn_log_set_level("v", SN_LOG_DEBUG), SN_OK);
	ck_assert_int_eq(sn_log_set_level("w", SN_LOG_OFF), SN_OK);
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_ERROR), SN_OK);
	ck_assert_int_eq(sn_log_set_level("t", SN_LOG_DEBUG), SN_OK);
	ck_assert(is_enabled("t", SN_LOG_DEBUG));
	ck_assert(!is_enabled("u", SN_LOG_WARN));
	ck_assert_int_eq(sn_log_set_level("t", SN_LOG_WARN), SN_OK);
	ck_assert(!is_enabled("t", SN_LOG_INFO));
	ck_assert(is_enabled("t", SN_LOG_WARN));
	sn_log_reset_levels();
	ck_assert(is_enabled("t", SN_LOG_INFO));
	ck_assert(is_enabled("u", SN_LOG_INFO));
}
END_TEST

START_TEST(test_level_inherited_namespace)
{
	static const struct sn_log_ctx outer = SN_LOG_CTX("t");
	static const struct sn_log_ctx inner = { .parent = &outer };
	ck_assert_int_eq(sn_log_set_level("t", SN_LOG_DEBUG), SN_OK);
	ck_assert(sn_log_enabled(&inner, SN_LOG_DEBUG));
}
END_TEST

START_TEST(test_level_limits)
{
	char name[65] = { 0 };
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "ns%d", i);
		ck_assert_int_eq(sn_log_set_level(name, SN_LOG_DEBUG), SN_OK);
	}
	ck_assert_int_eq(sn_log_set_level("one-more", SN_LOG_DEBUG), SN_ELIMIT);
	ck_assert(!is_enabled("one-more", SN_LOG_DEBUG));
	/* What exists can still change. */
	ck_assert_int_eq(sn_log_set_level("ns7", SN_LOG_ERROR), SN_OK);
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_DEBUG), SN_OK);
	ck_assert(!is_enabled("ns7", SN_LOG_WARN));
	sn_log_reset_levels();
	memset(name, 'n', 64);
	ck_assert_int_eq(sn_log_set_level(name, SN_LOG_DEBUG), SN_ELIMIT);
	name[63] = '\0';
	ck_assert_int_eq(sn_log_set_level(name, SN_LOG_DEBUG), SN_OK);
}
END_TEST

static _Atomic bool levels_done;

static void *ask_levels(void *arg)
{
	while (!atomic_load(&levels_done)) {
		ck_assert(is_enabled("t.x", SN_LOG_ERROR));
		(void)is_enabled("t.x", SN_LOG_INFO);
		ck_assert(!is_enabled("t.y", SN_LOG_DEBUG));
	}
	return arg;
}

START_TEST(test_level_threads)
{
	pthread_t threads[2];
	atomic_store(&levels_done, false);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_levels, NULL), 0);
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(
			sn_log_set_level("t.x", (enum sn_log_level)(i % SN_LOG_ERROR)), SN_OK);
	atomic_store(&levels_done, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

/* What fn writes to stderr. */
static const char *catch_stderr(void (*fn)(void))
{
	static char text[1024];
	const int saved = dup(STDERR_FILENO), file = memfd_create("stderr", MFD_CLOEXEC);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	fn();
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	const ssize_t n = pread(file, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(saved);
	close(file);
	return text;
}

static void log_two(void)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("t");
	errno = ENOENT;
	sn_log(&ctx, SN_LOG_INFO, "plain");
	sn_log(&ctx, SN_LOG_DEBUG, "hidden", sn_f_int("v", 1));
	sn_log(&ctx, SN_LOG_ERROR, "with", sn_f_err(-EPIPE), sn_f_cstr("v", "a b"));
	ck_assert_int_eq(errno, ENOENT);
}

START_TEST(test_without_sink)
{
	const char *text = catch_stderr(log_two);
	const char *second = strchr(text, '\n');
	ck_assert_ptr_nonnull(second);
	ck_assert_uint_eq(strspn(text, "0123456789-:.TZ"), strlen("2026-11-20T11:05:46.123Z"));
	ck_assert_ptr_eq(strstr(text, " info [t] plain\n"), second - strlen(" info [t] plain"));
	ck_assert_ptr_nonnull(strstr(second, "Z error [t] with error=\""));
	ck_assert_ptr_nonnull(strstr(second, "\" v=\"a b\"\n"));
	ck_assert_ptr_null(strstr(text, "hidden"));
}
END_TEST

static void log_to_journal(void)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("t");
	char stream[64];
	struct stat st;
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	sn_log(&ctx, SN_LOG_WARN, "heard");
	unsetenv("JOURNAL_STREAM");
}

START_TEST(test_journal_on_stderr)
{
	ck_assert_str_eq(catch_stderr(log_to_journal), "<4>[t] heard\n");
}
END_TEST

START_TEST(test_is_journal)
{
	static const char *const others[] = { "", "1", ":", "1:", ":1", "x:y", "1:2:3", "0:0" };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		setenv("JOURNAL_STREAM", others[i], 1);
		ck_assert_msg(!sn_log_is_journal(STDERR_FILENO), "%s", others[i]);
	}
	unsetenv("JOURNAL_STREAM");
	ck_assert(!sn_log_is_journal(STDERR_FILENO));
}
END_TEST

static void log_to_closed(void)
{
	close(STDERR_FILENO);
	log_two();
}

START_TEST(test_without_stderr)
{
	ck_assert_str_eq(catch_stderr(log_to_closed), "");
}
END_TEST

Suite *sn_suite_log(void)
{
	Suite *suite = suite_create("base/log");
	TCase *tc = tcase_create("levels"), *direct = tcase_create("without sink");
	tcase_add_checked_fixture(tc, setup, setup);
	tcase_add_test(tc, test_the_rules_can_be_read);
	tcase_add_loop_test(tc, test_level_names, 0, (int)(sizeof(names) / sizeof(names[0])));
	tcase_add_test(tc, test_level_default);
	tcase_add_loop_test(
		tc, test_level_inheritance, 0, (int)(sizeof(inherited) / sizeof(inherited[0])));
	tcase_add_test(tc, test_level_changes);
	tcase_add_test(tc, test_level_inherited_namespace);
	tcase_add_test(tc, test_level_limits);
	tcase_add_test(tc, test_level_threads);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(direct, setup, setup);
	tcase_add_test(direct, test_without_sink);
	tcase_add_test(direct, test_without_stderr);
	tcase_add_test(direct, test_journal_on_stderr);
	tcase_add_test(direct, test_is_journal);
	suite_add_tcase(suite, direct);
	return suite;
}
