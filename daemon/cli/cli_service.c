/*
 * `sennit NAME [options]`: the same machinery as `sennit run`, with a configuration made of the
 * command line. Options come from the rows that name one: the module's, every service's, the
 * daemon's, the log's.
 */
#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"

#define OVERRIDES_MAX 256

struct option_set {
	const struct sn_service *service;
	struct sn_conf_override overrides[OVERRIDES_MAX];
	size_t count;
	struct sn_pool *pool;
	sn_cli_serve_fn serve;
};

void sn_cli_option_sources(
	const struct sn_service *service, struct sn_option_source out[SN_OPTION_SOURCES])
{
	out[0] = (struct sn_option_source){ "Options", "service", true, service->conf };
	out[1] = (struct sn_option_source){ "Options of every service", "service", true,
		&sn_service_common };
	out[2] = (struct sn_option_source){ "Daemon", "server", false, &sn_server_section };
	out[3] = (struct sn_option_source){ "Logging", "log", false, &sn_log_section };
}

/* --- help ----------------------------------------------------------------------------------- */

const char *sn_cli_option_meta(const struct sn_conf_item *item)
{
	static const char *const by_type[] = {
		[SN_CONF_STRING] = "TEXT",
		[SN_CONF_BOOL] = "",
		[SN_CONF_INT] = "N",
		[SN_CONF_SIZE] = "SIZE",
		[SN_CONF_DURATION] = "TIME",
		[SN_CONF_ENUM] = "WORD",
		[SN_CONF_PATH] = "FILE",
		[SN_CONF_SECRET] = "TEXT",
		[SN_CONF_STRINGS] = "TEXT",
		[SN_CONF_LISTEN] = "EP",
		[SN_CONF_CONNECT] = "EP",
	};

	return item->meta != NULL ? item->meta : by_type[item->type];
}

static bool repeats(const struct sn_conf_item *item)
{
	return item->type == SN_CONF_STRINGS || item->type == SN_CONF_LISTEN ||
		item->type == SN_CONF_CONNECT;
}

#define HELP_COLUMN 26
#define HELP_WIDTH 80

static void print_wrapped(const char *text)
{
	size_t column = HELP_COLUMN;
	struct sn_str rest = sn_str(text), word;

	while (sn_str_split(&rest, ' ', &word)) {
		if (column > HELP_COLUMN && column + 1 + word.n > HELP_WIDTH) {
			printf("\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			putchar(' ');
			column++;
		}
		printf("%.*s", SN_STR_ARG(word));
		column += word.n;
	}
	putchar('\n');
}

static void print_option(const struct sn_conf_item *item)
{
	char left[64];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, left, sizeof(left));
	sn_strbuf_addf(&b, "  --%s%s%s%s", item->option,
		sn_cli_option_meta(item)[0] != '\0' ? " " : "", sn_cli_option_meta(item),
		repeats(item) ? " ..." : "");
	if (b.n >= HELP_COLUMN - 1)
		printf("%s\n%*s", left, HELP_COLUMN, "");
	else
		printf("%-*s", HELP_COLUMN, left);
	print_wrapped(item->doc);
	if (item->def != NULL && item->def[0] != '\0')
		printf("%*sDefault: %s\n", HELP_COLUMN, "", item->def);
}

static void print_help(const struct sn_service *service)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];

	sn_cli_option_sources(service, sources);
	printf("Usage: sennit %s [options]\n\n%s\n", service->name, service->summary);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++) {
		const struct sn_conf_section *section = sources[s].section;

		printf("\n%s:\n", sources[s].title);
		for (size_t i = 0; i < section->count; i++) {
			if (section->items[i].option != NULL)
				print_option(&section->items[i]);
		}
		if (section == &sn_service_common)
			printf("  -o KEY=VALUE            Any other key of [service.%s]: man "
			       "sennit.toml\n",
				service->name);
	}
	if (service->default_listen != NULL) {
		printf("\nWithout --listen:");
		for (size_t i = 0; service->default_listen[i] != NULL; i++)
			printf(" %s", service->default_listen[i]);
		putchar('\n');
	}
	if (service->help != NULL)
		printf("\n%s", service->help);
}

/* --- parsing -------------------------------------------------------------------------------- */

static const struct sn_conf_item *find_option(
	const struct sn_service *service, struct sn_str name, struct sn_option_source *source_r)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];

	sn_cli_option_sources(service, sources);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++) {
		const struct sn_conf_section *section = sources[s].section;

		for (size_t i = 0; i < section->count; i++) {
			if (section->items[i].option == NULL ||
				!sn_str_eq(name, sn_str(section->items[i].option)))
				continue;
			*source_r = sources[s];
			return &section->items[i];
		}
	}
	return NULL;
}

static int unknown_option(const struct sn_service *service, struct sn_str name)
{
	const char *names[64];
	struct sn_option_source sources[SN_OPTION_SOURCES];
	struct sn_strbuf hint;
	size_t count = 0;
	int exit_code;

	sn_cli_option_sources(service, sources);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++) {
		for (size_t i = 0; i < sources[s].section->count && count < 64; i++) {
			if (sources[s].section->items[i].option != NULL)
				names[count++] = sources[s].section->items[i].option;
		}
	}
	sn_strbuf_init(&hint, 200);
	if (sn_str_nearest(name, names, count) != NULL)
		sn_strbuf_addf(&hint, "; did you mean --%s?", sn_str_nearest(name, names, count));
	exit_code = sn_cli_usage(
		service->name, "unknown option --%.*s%s", SN_STR_ARG(name), sn_strbuf_cstr(&hint));
	sn_strbuf_fini(&hint);
	return exit_code;
}

static void add_override(struct option_set *set, const struct sn_option_source *source,
	const char *key, struct sn_str value, const char *option)
{
	set->overrides[set->count++] = (struct sn_conf_override){
		.table = source->table,
		.name = source->named ? set->service->name : NULL,
		.key = key,
		.value = value,
		.option = option,
	};
}

/* One option at argv[i]; how many words it took, or the negated exit code. */
static int take_option(struct option_set *set, int argc, char **argv, int i)
{
	struct sn_str word = sn_str_from(sn_str(argv[i]), 2);
	const size_t equals = sn_str_find(word, '=');
	const struct sn_str name = sn_str_sub(word, 0, equals);
	const bool attached = equals < word.n;
	struct sn_option_source source;
	const struct sn_conf_item *item = find_option(set->service, name, &source);
	struct sn_str value = SN_STR("true");

	if (item == NULL)
		return -unknown_option(set->service, name);
	if (attached)
		value = sn_str_from(word, equals + 1);
	else if (item->type != SN_CONF_BOOL && i + 1 >= argc)
		return -sn_cli_usage(set->service->name, "--%s needs %s", item->option,
			sn_cli_option_meta(item));
	else if (item->type != SN_CONF_BOOL)
		value = sn_str(argv[i + 1]);
	add_override(
		set, &source, item->key, value, sn_pool_printf(set->pool, "--%s", item->option));
	return attached || item->type == SN_CONF_BOOL ? 1 : 2;
}

static int take_key(struct option_set *set, int argc, char **argv, int i)
{
	static const struct sn_option_source service = { .table = "service", .named = true };
	const struct sn_str pair = i + 1 < argc ? sn_str(argv[i + 1]) : SN_STR_NULL;
	const size_t equals = sn_str_find(pair, '=');
	const char *key;

	if (equals == 0 || equals >= pair.n)
		return -sn_cli_usage(set->service->name, "-o needs KEY=VALUE");
	key = sn_pool_strdup(set->pool, sn_str_sub(pair, 0, equals));
	add_override(set, &service, key, sn_str_from(pair, equals + 1),
		sn_pool_printf(set->pool, "-o %s", key));
	return 2;
}

static int parse_options(struct option_set *set, int argc, char **argv)
{
	for (int i = 1; i < argc;) {
		int taken;

		if (set->count == OVERRIDES_MAX)
			return sn_cli_usage(
				set->service->name, "more than %d options", OVERRIDES_MAX);
		if (strcmp(argv[i], "-o") == 0)
			taken = take_key(set, argc, argv, i);
		else if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0')
			taken = take_option(set, argc, argv, i);
		else
			return sn_cli_usage(set->service->name, "unexpected \"%s\"", argv[i]);
		if (taken < 0)
			return -taken;
		i += taken;
	}
	return EX_OK;
}

static int load_and_serve(const struct option_set *set)
{
	char *text = sn_asprintf("[service.%s]\n", set->service->name);
	const struct sn_conf_request request = {
		.schema = sn_registry_schema(),
		.text = sn_str(text),
		.overrides = set->overrides,
		.override_count = set->count,
	};
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	int exit_code = EX_USAGE;

	sn_conf_diags_init(&diags);
	if (sn_conf_load(&request, &diags, &conf) == SN_OK)
		exit_code = set->serve(conf, &diags);
	else
		sn_cli_print_diags(&diags);
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	sn_free(text);
	return exit_code;
}

int sn_cli_service(const struct sn_service *service, int argc, char **argv, sn_cli_serve_fn serve)
{
	struct option_set set = { .service = service, .serve = serve };
	int exit_code;

	if (sn_cli_wants_help(argc, argv)) {
		print_help(service);
		return EX_OK;
	}
	set.pool = sn_pool_new(0);
	exit_code = parse_options(&set, argc, argv);
	if (exit_code == EX_OK)
		exit_code = load_and_serve(&set);
	sn_pool_free(&set.pool);
	return exit_code;
}
