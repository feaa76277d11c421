#include "daemon/cli/complete.h"

#include "daemon/cli/cli.h"
#include "tests/support/unit.h"

static struct sn_strbuf out;

static void setup(void)
{
	sn_cli_register();
	sn_strbuf_init(&out, 1 << 20);
}

static void teardown(void)
{
	sn_strbuf_fini(&out);
}

static size_t count_words(const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return n;
}

/* all: the words offered, without what they are, each followed by a line feed. */
static const struct {
	const char *words[6], *all;
} exact[] = {
	{ { "ir" }, "irc\n" },
	{ { "--v" }, "--version\n" },
	{ { "nothing" }, "" },
	{ { "nothing", "" }, "" },
	{ { "list", "" }, "modules\nendpoints\nauth\n" },
	{ { "list", "m" }, "modules\n" },
	{ { "list", "modules", "" }, "" },
	{ { "completion", "" }, "bash\nzsh\nfish\n" },
	{ { "manual", "" }, "sennit\nsennit.toml\n" },
	{ { "check", "" }, ":files\n" },
	{ { "check", "--eff" }, "--effective\n" },
	{ { "ctl", "sta" }, "status\nstart\n" },
	{ { "ctl", "--json", "work" }, "workers\n" },
	{ { "ctl", "--socket", "" }, ":files\n" },
	{ { "ctl", "--socket", "x", "heal" }, "health\n" },
	{ { "ctl", "upgrade", "" }, ":files\n" },
	{ { "ctl", "status", "" }, "" },
	{ { "ctl", "status", "--j" }, "--json\n" },
	{ { "irc", "--mot" }, "--motd\n" },
	{ { "irc", "--motd", "" }, ":files\n" },
	{ { "irc", "--motd=" }, ":files\n" },
	{ { "irc", "--log-format", "" }, "auto\ntext\njson\n" },
	{ { "irc", "--log-format=j" }, "--log-format=json\n" },
	{ { "irc", "--nothing=" }, "" },
	{ { "irc", "--open", "--mot" }, "--motd\n" },
	{ { "irc", "--listen", "unix" }, "unix:\n:nospace\n" },
	{ { "irc", "--listen", "tls:certs:uni" }, "tls:certs:unix:\n:nospace\n" },
	{ { "irc", "--listen", "tls:certs:tcp:1:back" }, "tls:certs:tcp:1:backlog=\n:nospace\n" },
	{ { "irc", "--listen", "tcp:6667:int" }, "tcp:6667:interface=\n:nospace\n" },
	{ { "irc", "--listen=udp" }, "--listen=udp:\n:nospace\n" },
	{ { "irc", "--listen", "nothing:x" }, "" },
	{ { "irc", "--auth", "mem" }, "memory:\n:nospace\n" },
	{ { "irc", "-o", "ping_i" }, "ping_interval=\n:nospace\n" },
	{ { "irc", "-o", "insecure_auth=t" }, "insecure_auth=true\n" },
	{ { "irc", "-o", "nothing=" }, "" },
};

/* The offered words only. */
static void strip_docs(struct sn_strbuf *plain)
{
	struct sn_str rest = sn_strbuf_str(&out), line;

	while (rest.n > 0 && sn_str_split(&rest, '\n', &line)) {
		sn_strbuf_add(plain, sn_str_sub(line, 0, sn_str_find(line, '\t')));
		sn_strbuf_addc(plain, '\n');
	}
}

START_TEST(what_may_stand_there)
{
	struct sn_strbuf plain;

	sn_strbuf_init(&plain, 1 << 16);
	sn_cli_complete(exact[_i].words, count_words(exact[_i].words), &out);
	strip_docs(&plain);
	ck_assert_str_eq(sn_strbuf_cstr(&plain), exact[_i].all);
	sn_strbuf_fini(&plain);
}
END_TEST

START_TEST(with_what_it_is)
{
	static const char *const words[] = { "ctl", "reload" };

	sn_cli_complete(words, 2, &out);
	ck_assert_str_eq(sn_strbuf_cstr(&out), "reload\tread the configuration again\n");
}
END_TEST

START_TEST(everything_there_is)
{
	static const char *const nothing[] = { "" }, *const options[] = { "irc", "-" };
	const struct sn_command *command;
	const struct sn_service *service = sn_registry_find(SN_STR("irc"));
	char line[300];

	sn_cli_complete(nothing, 1, &out);
	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "%s\t%s\n", command->name, command->summary);
		ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&out), line));
	}
	sn_strbuf_reset(&out);
	sn_cli_complete(options, 2, &out);
	for (size_t i = 0; i < service->conf->count; i++) {
		if (service->conf->items[i].option == NULL)
			continue;
		snprintf(line, sizeof(line), "--%s\t", service->conf->items[i].option);
		ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&out), line));
	}
}
END_TEST

Suite *sn_suite_complete(void);
Suite *sn_suite_complete(void)
{
	Suite *suite = suite_create("cli/complete");
	TCase *tc = tcase_create("complete");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_may_stand_there, 0, (int)(sizeof(exact) / sizeof(exact[0])));
	tcase_add_test(tc, with_what_it_is);
	tcase_add_test(tc, everything_there_is);
	suite_add_tcase(suite, tc);
	return suite;
}
