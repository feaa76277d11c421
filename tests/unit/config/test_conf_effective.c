#include "config/conf.h"

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_effective(void);

static struct fixture f;
static struct sn_strbuf out;

static void set_up(void)
{
	sn_strbuf_init(&out, 1 << 20);
}

static void tear_down(void)
{
	sn_strbuf_fini(&out);
	fixture_fini(&f);
}

START_TEST(test_defaults)
{
	fixture_text(&f, "");
	fixture_expect_clean(&f);
	sn_conf_effective(f.conf, &out);
	ck_assert_str_eq(sn_strbuf_cstr(&out),
		"[every]\n"
		"name = \"nobody\"\n"
		"open = true\n"
		"limit = 10\n"
		"buffer = \"16KiB\"\n"
		"timeout = \"30s\"\n"
		"mode = \"slow\"\n"
		"motd = \"\"\n"
		"# password is not set\n"
		"words = [\"one\", \"two\"]\n"
		"listen = [\"tcp:7000\"]\n"
		"peers = []\n");
}
END_TEST

START_TEST(test_named)
{
	fixture_text(&f,
		"[service.\"a \\\" b\"]\ntype = 'chat'\npassword = 'x'\nlisten = 7001\n"
		"[auth.all]\nuse = ['memory:a:b', 'anonymous']\n");
	fixture_expect_clean(&f);
	sn_conf_effective(f.conf, &out);
	ck_assert_msg(sn_str_ends(sn_strbuf_str(&out),
			      SN_STR("\n[service.\"a \\\" b\"]\n"
				     "type = \"chat\"\n"
				     "listen = [\"tcp:7001\"]\n"
				     "network = \"Testnet\"\n"
				     "motd = \"\"\n"
				     "password = \"***\"\n"
				     "\n[auth.all]\n"
				     "use = [\"memory:***\", \"anonymous\"]\n")),
		"%s", sn_strbuf_cstr(&out));
}
END_TEST

/* Texts whose effective form must load, and print as the same again. */
static const char *const round_trips[] = {
	"",
	"[every]\nname = \"\\b\\t\\n\\f\\r\\\"\\\\\\u0001\\u007f\xc3\xa9\"\n",
	"[every]\nname = '$$ $ $${X}'\nwords = ['$$$$', '', \"'\"]\n",
	"[every]\nopen = false\nlimit = -5\nbuffer = 512\ntimeout = 0\nmode = 'off'\n",
	"[every]\nbuffer = '513'\ntimeout = '1h'\n",
	"[every]\ntimeout = '1ms'\n",
	"[every]\nmotd = '/etc/motd'\npassword = 'sesame'\nwords = []\n",
	"[every]\nlisten = [80, 'tcp:81:interface=\\:\\:1', 'unix:/a\\:b\\=c:mode=660', "
	"'tls:/certs:tcp:443', 'haproxy:tcp:82']\npeers = ['tcp:h:80:timeout=5', 'unix:/x']\n",
	"[every]\nlisten = []\n",
	"[service.chat]\nnetwork = ''\n[service.'x y']\n"
	"type = 'echo'\n[service.\"x.y\"]\ntype = 'echo'\ntwice = true\n[auth.a]\nuse = 'b'\n",
};

START_TEST(test_round_trip)
{
	struct fixture again;
	struct sn_strbuf second;
	const char *text = round_trips[_i];

	sn_strbuf_init(&second, 1 << 20);
	fixture_text(&f, text);
	fixture_expect_clean(&f);
	sn_conf_effective(f.conf, &out);
	fixture_text(&again, sn_strbuf_cstr(&out));
	fixture_expect_clean(&again);
	sn_conf_effective(again.conf, &second);
	ck_assert_str_eq(sn_strbuf_cstr(&second), sn_strbuf_cstr(&out));
	sn_strbuf_fini(&second);
	fixture_fini(&again);
}
END_TEST

/* The secret's length is none of a reader's business, but the row's limits hold. */
START_TEST(test_secret)
{
	fixture_text(&f, "[every]\npassword = 'a very long secret'\n");
	sn_conf_effective(f.conf, &out);
	ck_assert(sn_str_find_str(sn_strbuf_str(&out), SN_STR("password = \"****\"\n")) < out.n);
	ck_assert(sn_str_find_str(sn_strbuf_str(&out), SN_STR("long")) == out.n);
}
END_TEST

/* Secrets are in it, and the next one to load it has all that this one had. */
START_TEST(test_export)
{
	static const char text[] =
		"[every]\npassword = 'a $$ \"long\" secret'\nwords = ['$$$$', \"'\"]\n"
		"[service.chat]\npassword = 'x'\n[auth.all]\nuse = ['memory:a:b', 'anonymous']\n";
	struct fixture again;
	struct sn_strbuf second;

	sn_strbuf_init(&second, 1 << 20);
	fixture_text(&f, text);
	fixture_expect_clean(&f);
	sn_conf_export(f.conf, &out);
	ck_assert(sn_str_find_str(sn_strbuf_str(&out),
			  SN_STR("password = \"a $$ \\\"long\\\" secret\"\n")) < out.n);
	ck_assert(sn_str_find_str(sn_strbuf_str(&out), SN_STR("\"memory:a:b\"")) < out.n);
	ck_assert(sn_str_find_str(sn_strbuf_str(&out), SN_STR("***")) == out.n);
	fixture_text(&again, sn_strbuf_cstr(&out));
	fixture_expect_clean(&again);
	sn_conf_export(again.conf, &second);
	ck_assert_str_eq(sn_strbuf_cstr(&second), sn_strbuf_cstr(&out));
	sn_strbuf_fini(&second);
	fixture_fini(&again);
}
END_TEST

Suite *sn_suite_conf_effective(void)
{
	Suite *suite = suite_create("conf_effective");
	TCase *tc = tcase_create("conf_effective");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_defaults);
	tcase_add_test(tc, test_named);
	tcase_add_loop_test(
		tc, test_round_trip, 0, (int)(sizeof(round_trips) / sizeof(round_trips[0])));
	tcase_add_test(tc, test_secret);
	tcase_add_test(tc, test_export);
	return suite;
}
