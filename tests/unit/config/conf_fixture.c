#include "tests/unit/config/conf_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define REPORT_MAX ((size_t)1 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const modes[] = { "off", "slow", "fast", NULL };

static const struct sn_conf_item every_items[] = {
	{ .key = "name",
		.type = SN_CONF_STRING,
		.offset = offsetof(struct every_conf, name),
		.def = "nobody",
		.min = 1,
		.max = 16,
		.doc = "What it is called." },
	{ .key = "open",
		.type = SN_CONF_BOOL,
		.offset = offsetof(struct every_conf, open),
		.def = "true",
		.doc = "Whether anybody may come in." },
	{ .key = "limit",
		.type = SN_CONF_INT,
		.offset = offsetof(struct every_conf, limit),
		.def = "10",
		.min = -5,
		.max = 100,
		.doc = "How many may come in." },
	{ .key = "buffer",
		.type = SN_CONF_SIZE,
		.offset = offsetof(struct every_conf, buffer),
		.def = "16KiB",
		.min = 512,
		.max = 1 << 20,
		.reload = SN_RELOAD_SERVICE,
		.doc = "Bytes for each." },
	{ .key = "timeout",
		.type = SN_CONF_DURATION,
		.offset = offsetof(struct every_conf, timeout),
		.def = "30s",
		.max = 3600000000000,
		.doc = "How long to wait; 0 is for ever." },
	{ .key = "mode",
		.type = SN_CONF_ENUM,
		.offset = offsetof(struct every_conf, mode),
		.def = "slow",
		.choices = modes,
		.doc = "How to go about it." },
	{ .key = "motd",
		.type = SN_CONF_PATH,
		.offset = offsetof(struct every_conf, motd),
		.doc = "File with the message of the day." },
	{ .key = "password",
		.type = SN_CONF_SECRET,
		.offset = offsetof(struct every_conf, password),
		.min = 4,
		.doc = "What to say at the door." },
	{ .key = "words",
		.type = SN_CONF_STRINGS,
		.offset = offsetof(struct every_conf, words),
		.def = "[\"one\", \"two\"]",
		.max = 3,
		.doc = "Words." },
	{ .key = "listen",
		.type = SN_CONF_LISTEN,
		.offset = offsetof(struct every_conf, listen),
		.def = "tcp:7000",
		.reload = SN_RELOAD_LISTENER,
		.option = "listen",
		.meta = "EP",
		.doc = "Where to listen." },
	{ .key = "peers",
		.type = SN_CONF_CONNECT,
		.offset = offsetof(struct every_conf, peers),
		.doc = "Whom to call." },
};
const struct sn_conf_section every_section = { .name = "every",
	.items = every_items,
	.count = COUNT(every_items),
	.size = sizeof(struct every_conf),
	.doc = "One row of each type." };

static const struct sn_conf_item strict_items[] = {
	{ .key = "low",
		.type = SN_CONF_INT,
		.offset = offsetof(struct strict_conf, low),
		.flags = SN_CONF_REQUIRED,
		.doc = "The lower end." },
	{ .key = "high",
		.type = SN_CONF_INT,
		.offset = offsetof(struct strict_conf, high),
		.def = "100",
		.doc = "The upper end." },
};

static void check_strict(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct strict_conf *strict = settings;

	if (strict->low > strict->high)
		sn_conf_report(diags, SN_CONF_ERROR, pos, "low is above high");
}

const struct sn_conf_section strict_section = { .name = "strict",
	.items = strict_items,
	.count = COUNT(strict_items),
	.size = sizeof(struct strict_conf),
	.doc = "A range.",
	.check = check_strict };

static const struct sn_conf_item service_items[] = {
	{ .key = "listen",
		.type = SN_CONF_LISTEN,
		.offset = offsetof(struct service_conf, listen),
		.option = "listen",
		.doc = "Where to listen." },
};
const struct sn_conf_section service_section = { .name = "service",
	.items = service_items,
	.count = COUNT(service_items),
	.size = sizeof(struct service_conf),
	.doc = "Common to all services." };

static const struct sn_conf_item echo_items[] = {
	{ .key = "twice",
		.type = SN_CONF_BOOL,
		.offset = offsetof(struct echo_conf, twice),
		.doc = "Say everything twice." },
};
const struct sn_conf_section echo_section = { .name = "echo",
	.items = echo_items,
	.count = COUNT(echo_items),
	.size = sizeof(struct echo_conf),
	.doc = "Sends back what it gets." };

static const struct sn_conf_item chat_items[] = {
	{ .key = "network",
		.type = SN_CONF_STRING,
		.offset = offsetof(struct chat_conf, network),
		.def = "Testnet",
		.doc = "Name of the network." },
	{ .key = "motd",
		.type = SN_CONF_PATH,
		.offset = offsetof(struct chat_conf, motd),
		.doc = "File with the message of the day." },
	{ .key = "password",
		.type = SN_CONF_SECRET,
		.offset = offsetof(struct chat_conf, password),
		.doc = "What to say at the door." },
};
const struct sn_conf_section chat_section = { .name = "chat",
	.items = chat_items,
	.count = COUNT(chat_items),
	.size = sizeof(struct chat_conf),
	.doc = "People talk." };

static const struct sn_conf_item auth_items[] = {
	{ .key = "use",
		.type = SN_CONF_STRINGS,
		.offset = offsetof(struct auth_conf, use),
		.flags = SN_CONF_REQUIRED | SN_CONF_PRIVATE,
		.min = 1,
		.doc = "Checkers, in order." },
};
const struct sn_conf_section auth_section = { .name = "auth",
	.items = auth_items,
	.count = COUNT(auth_items),
	.size = sizeof(struct auth_conf),
	.doc = "Who is let in." };

static const struct sn_conf_section *service_at(size_t i)
{
	static const struct sn_conf_section *const types[] = { &echo_section, &chat_section };

	return i < COUNT(types) ? types[i] : NULL;
}

static const struct sn_conf_section *service_find(struct sn_str type)
{
	const struct sn_conf_section *section;

	for (size_t i = 0; (section = service_at(i)) != NULL; i++)
		if (sn_str_eq(sn_str(section->name), type))
			return section;
	return NULL;
}

static const struct sn_conf_table tables[] = {
	{ .name = "strict", .section = &strict_section, .doc = "A range." },
	{ .name = "every", .section = &every_section, .doc = "Everything there is." },
	{ .name = "service",
		.named = true,
		.typed = true,
		.section = &service_section,
		.find = service_find,
		.at = service_at,
		.doc = "What is served." },
	{ .name = "auth", .named = true, .section = &auth_section, .doc = "Who is let in." },
};
const struct sn_conf_schema full_schema = { .tables = tables, .count = COUNT(tables) };
const struct sn_conf_schema small_schema = { .tables = tables + 1, .count = COUNT(tables) - 1 };

void fixture_load(struct fixture *f, const struct sn_conf_request *request)
{
	sn_endpoints_init();
	*f = (struct fixture){ 0 };
	sn_conf_diags_init(&f->diags);
	sn_strbuf_init(&f->report, REPORT_MAX);
	f->result = sn_conf_load(request, &f->diags, &f->conf);
	sn_conf_diags_print(&f->diags, &f->report, false);
}

void fixture_overrides(
	struct fixture *f, const char *text, const struct sn_conf_override *overrides, size_t count)
{
	const struct sn_conf_request request = { .schema = &small_schema,
		.text = sn_str(text),
		.overrides = overrides,
		.override_count = count };

	fixture_load(f, &request);
}

void fixture_text(struct fixture *f, const char *text)
{
	fixture_overrides(f, text, NULL, 0);
}

void fixture_fini(struct fixture *f)
{
	sn_conf_unref(&f->conf);
	sn_strbuf_fini(&f->report);
	sn_conf_diags_fini(&f->diags);
}

void fixture_expect_clean(const struct fixture *f)
{
	ck_assert_str_eq(sn_strbuf_cstr(&f->report), "");
	ck_assert_int_eq(f->result, SN_OK);
	ck_assert_ptr_nonnull(f->conf);
}

void fixture_expect_report(const struct fixture *f, const char *report)
{
	ck_assert_str_eq(sn_strbuf_cstr(&f->report), report);
	ck_assert_int_eq(f->result, SN_ECONFIG);
	ck_assert_ptr_null(f->conf);
}

struct sn_str folder_new(char *mem, size_t size)
{
	const char *base = getenv("TMPDIR");

	ck_assert_int_lt(snprintf(mem, size, "%s/sennit-conf-XXXXXX", base != NULL ? base : "/tmp"),
		(int)size);
	ck_assert_ptr_nonnull(mkdtemp(mem));
	return sn_str(mem);
}

const char *folder_path(const char *folder, const char *name)
{
	static char path[512];

	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s", folder, name), (int)sizeof(path));
	return path;
}

void folder_write(const char *folder, const char *name, const char *text)
{
	FILE *file = fopen(folder_path(folder, name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* One level of folders inside is enough here. */
void folder_remove(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[512];

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (unlink(path) < 0)
			folder_remove(path);
	}
	(void)closedir(dir);
	ck_assert_int_eq(rmdir(folder), 0);
}
