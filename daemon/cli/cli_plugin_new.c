/* `sennit plugin new NAME KIND`: a folder with a plugin that builds. */
#include <errno.h>
#include <sys/stat.h>

#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/plugin_templates.h"

#define NAME_MAX_BYTES 32
#define MARK "@NAME@"

struct template
{
	const char *kind;
	const char *code, *conf;
	const char *what, *use; /* "a service", and how it is used */
};

static const struct template templates[] = {
	{ "service", sn_plugin_template_service_c, sn_plugin_template_service_toml, "a service",
		"sennit " MARK },
	{ "endpoint", sn_plugin_template_endpoint_c, sn_plugin_template_endpoint_toml,
		"endpoint types", "--listen " MARK ":PORT" },
	{ "checker", sn_plugin_template_checker_c, sn_plugin_template_checker_toml, "a checker",
		"--auth " MARK ":PASSWORD" },
};
#define TEMPLATES (sizeof(templates) / sizeof(templates[0]))

/* The name becomes a part of C names, of a file's name, and of configuration keys. */
static bool is_name(struct sn_str name)
{
	bool fine = name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] >= 'a' && name.p[0] <= 'z';

	for (size_t i = 0; i < name.n && fine; i++)
		fine = (name.p[i] >= 'a' && name.p[i] <= 'z') || sn_ascii_digit(name.p[i]) ||
			name.p[i] == '_';
	return fine;
}

static int write_text(const char *path, struct sn_str text)
{
	FILE *file = fopen(path, "wxe");
	bool whole;

	if (file == NULL)
		return -errno;
	whole = fwrite(text.p, 1, text.n, file) == text.n;
	if (fclose(file) != 0 || !whole)
		return errno != 0 ? -errno : -EIO;
	return SN_OK;
}

/* text with its marks replaced. */
static void fill(struct sn_strbuf *out, const char *text, const char *name)
{
	struct sn_str rest = sn_str(text);

	while (rest.n > 0) {
		const size_t at = sn_str_find_str(rest, SN_STR(MARK));

		sn_strbuf_add(out, sn_str_sub(rest, 0, at));
		if (at < rest.n)
			sn_strbuf_adds(out, name);
		rest = sn_str_from(rest, at + sizeof(MARK) - 1);
	}
}

/* The filled template to FOLDER/FILE. */
static int write_file(const char *name, const char *file, const char *template)
{
	char *path = sn_asprintf("%s/%s", name, file);
	struct sn_strbuf out;
	int code;

	sn_strbuf_init(&out, 1 << 20);
	fill(&out, template, name);
	code = write_text(path, sn_strbuf_str(&out));
	if (code != SN_OK)
		fprintf(stderr, "sennit: cannot write %s: %s\n", path, sn_strerror(code));
	sn_strbuf_fini(&out);
	sn_free(path);
	return code;
}

static int write_all(const struct template *template, const char *name)
{
	char *code_file = sn_asprintf("%s.c", name), *conf_file = sn_asprintf("%s.toml", name);
	int code = write_file(name, "Makefile", sn_plugin_template_makefile);

	if (code == SN_OK)
		code = write_file(name, code_file, template->code);
	if (code == SN_OK)
		code = write_file(name, conf_file, template->conf);
	sn_free(code_file);
	sn_free(conf_file);
	return code;
}

static void print_next(const struct template *template, const char *name)
{
	struct sn_strbuf use;

	sn_strbuf_init(&use, 1 << 10);
	fill(&use, template->use, name);
	printf("%s/%s.c is %s; once installed: %s\n"
	       "Next: cd %s && make check, then edit %s.c\n",
		name, name, template->what, sn_strbuf_cstr(&use), name, name);
	sn_strbuf_fini(&use);
}

static int make_plugin(const struct template *template, const char *name)
{
	if (mkdir(name, 0777) != 0) {
		fprintf(stderr, "sennit: cannot make the folder %s: %s\n", name,
			sn_strerror(-errno));
		return EX_CANTCREAT;
	}
	if (write_all(template, name) != SN_OK)
		return EX_CANTCREAT;
	print_next(template, name);
	return EX_OK;
}

int sn_cli_plugin_new(const struct sn_command *command, int argc, char **argv)
{
	if (argc != 2)
		return sn_cli_usage(command->name, "new needs NAME and KIND");
	if (!is_name(sn_str(argv[0])))
		return sn_cli_usage(command->name,
			"\"%s\" is no name for a plugin: a-z, then a-z, 0-9 or _, at most %d",
			argv[0], NAME_MAX_BYTES);
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (strcmp(templates[i].kind, argv[1]) == 0)
			return make_plugin(&templates[i], argv[0]);
	}
	return sn_cli_usage(command->name,
		"\"%s\" is no kind of plugin: service, endpoint or checker", argv[1]);
}
