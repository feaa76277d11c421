#include "daemon/cli/complete.h"

#include "daemon/cli/cli.h"
#include "daemon/cli/help_items.h"

/* What has been found for one word. */
struct finding {
	struct sn_str word; /* as typed so far */
	struct sn_str lead; /* of the word: stands before every candidate */
	struct sn_strbuf *out;
	bool nospace, files;
};

static bool is_listed(const struct finding *f, size_t line)
{
	const struct sn_str found = sn_strbuf_str(f->out);
	const struct sn_str text = sn_str_from(found, line);
	const struct sn_str name = sn_str_sub(text, 0, sn_str_find(text, '\t') + 1);
	struct sn_str rest = sn_str_sub(found, 0, line), other;

	while (rest.n > 0 && sn_str_split(&rest, '\n', &other)) {
		if (sn_str_starts(other, name))
			return true;
	}
	return false;
}

/* One candidate, if it goes on from what is typed. */
static void add(struct finding *f, struct sn_str name, const char *tail, struct sn_str doc)
{
	const size_t line = f->out->n;

	sn_strbuf_add(f->out, f->lead);
	sn_strbuf_add(f->out, name);
	sn_strbuf_adds(f->out, tail);
	if (!sn_str_starts(sn_str_from(sn_strbuf_str(f->out), line), f->word)) {
		sn_strbuf_truncate(f->out, line);
		return;
	}
	sn_strbuf_addc(f->out, '\t');
	if (is_listed(f, line)) {
		sn_strbuf_truncate(f->out, line);
		return;
	}
	sn_strbuf_add(f->out, sn_str_sub(doc, 0, sn_str_find(doc, '\n')));
	sn_strbuf_addc(f->out, '\n');
	f->nospace |= tail[0] != '\0';
}

/* Candidates begin behind these bytes of the word. */
static void go_behind(struct finding *f, size_t n)
{
	f->lead = sn_str_sub(f->word, 0, n);
}

static struct sn_str behind_lead(const struct finding *f)
{
	return sn_str_from(f->word, f->lead.n);
}

/* --- values --------------------------------------------------------------------------------- */

static void add_params(struct finding *f, const struct sn_endpoint_type *type)
{
	for (size_t i = 0; i < type->param_count; i++)
		add(f, sn_str(type->params[i].name), "=", sn_str(type->params[i].doc));
}

static void add_endpoint_types(struct finding *f, enum sn_endpoint_side side)
{
	const struct sn_endpoint_type *type;

	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		if (type->side == side)
			add(f, sn_str(type->word), ":", sn_str(type->doc));
	}
}

/*
 * "tls:certs:tcp:": a type; behind its first colon its parameters by name, and if it wraps another
 * endpoint, that one's types. The innermost type counts.
 */
static void add_endpoints(struct finding *f, enum sn_endpoint_side side)
{
	const size_t begin = f->lead.n;
	const struct sn_endpoint_type *inner = NULL;
	struct sn_str rest = behind_lead(f), part;
	size_t at = begin;

	while (sn_str_split(&rest, ':', &part) && rest.p != NULL) {
		const struct sn_endpoint_type *type = sn_endpoint_type_find(side, part);

		if (type != NULL && (inner == NULL || inner->wraps))
			inner = type;
		at += part.n + 1;
	}
	go_behind(f, at);
	if (inner == NULL || inner->wraps)
		add_endpoint_types(f, side);
	if (inner != NULL)
		add_params(f, inner);
}

static void add_checkers(struct finding *f)
{
	const struct sn_checker_type *type;

	for (size_t i = 0; (type = sn_checker_type_at(i)) != NULL; i++)
		add(f, sn_str(type->name), type->arg_help[0] != '\0' ? ":" : "", sn_str(type->doc));
}

/* What an item of the configuration takes, behind the lead. */
static void add_values(struct finding *f, const struct sn_conf_item *item)
{
	switch (item->type) {
	case SN_CONF_ENUM:
		for (size_t i = 0; item->choices[i] != NULL; i++)
			add(f, sn_str(item->choices[i]), "", SN_STR(""));
		break;
	case SN_CONF_BOOL:
		add(f, SN_STR("true"), "", SN_STR(""));
		add(f, SN_STR("false"), "", SN_STR(""));
		break;
	case SN_CONF_LISTEN:
		add_endpoints(f, SN_SERVER);
		break;
	case SN_CONF_CONNECT:
		add_endpoints(f, SN_CLIENT);
		break;
	case SN_CONF_PATH:
		f->files = true;
		break;
	default:
		if (strcmp(item->key, "auth") == 0)
			add_checkers(f);
		break;
	}
}

/* --- services ------------------------------------------------------------------------------- */

static void add_options(struct finding *f, const struct sn_option_source *source)
{
	for (size_t i = 0; i < source->section->count; i++) {
		const struct sn_conf_item *item = &source->section->items[i];

		char text[64];
		struct sn_strbuf option;

		if (item->option == NULL)
			continue;
		sn_strbuf_fixed(&option, text, sizeof(text));
		sn_strbuf_addf(&option, "--%s", item->option);
		add(f, sn_strbuf_str(&option), "", sn_str(item->doc));
	}
}

static const struct sn_conf_item *find_item(
	const struct sn_service *service, struct sn_str name, bool by_key)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];

	sn_cli_option_sources(service, sources);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++) {
		for (size_t i = 0; i < sources[s].section->count; i++) {
			const struct sn_conf_item *item = &sources[s].section->items[i];
			const bool counts = !by_key || sources[s].named;
			const char *its = by_key ? item->key : item->option;

			if (counts && its != NULL && sn_str_eq(name, sn_str(its)))
				return item;
		}
	}
	return NULL;
}

/* "-o KEY=VALUE" */
static void add_keys(struct finding *f, const struct sn_service *service)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];
	const size_t equals = sn_str_find(f->word, '=');

	if (equals < f->word.n) {
		const struct sn_conf_item *item =
			find_item(service, sn_str_sub(f->word, 0, equals), true);

		go_behind(f, equals + 1);
		if (item != NULL)
			add_values(f, item);
		return;
	}
	sn_cli_option_sources(service, sources);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++) {
		const struct sn_conf_section *section = sources[s].section;

		for (size_t i = 0; sources[s].named && i < section->count; i++)
			add(f, sn_str(section->items[i].key), "=", sn_str(section->items[i].doc));
	}
}

static void complete_service(
	struct finding *f, const struct sn_service *service, const char *const *words, size_t count)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];
	const struct sn_str before = count > 2 ? sn_str(words[count - 2]) : SN_STR_NULL;
	const size_t equals = sn_str_find(f->word, '=');
	const struct sn_conf_item *item = NULL;

	if (sn_str_eq(before, SN_STR("-o"))) {
		add_keys(f, service);
		return;
	}
	if (sn_str_starts(before, SN_STR("--")))
		item = find_item(service, sn_str_from(before, 2), false);
	if (item != NULL && item->type != SN_CONF_BOOL) {
		add_values(f, item);
		return;
	}
	if (sn_str_starts(f->word, SN_STR("--")) && equals < f->word.n) {
		item = find_item(service, sn_str_sub(f->word, 2, equals - 2), false);
		go_behind(f, equals + 1);
		if (item != NULL)
			add_values(f, item);
		return;
	}
	sn_cli_option_sources(service, sources);
	for (size_t s = 0; s < SN_OPTION_SOURCES; s++)
		add_options(f, &sources[s]);
	add(f, SN_STR("-o"), "", SN_STR("Any key of its table: KEY=VALUE"));
	add(f, SN_STR("--help"), "", SN_STR("What it does, and its options"));
}

/* --- commands ------------------------------------------------------------------------------- */

static bool takes_file(struct sn_str meta)
{
	static const char *const words[] = { "FILE", "PATH", "BINARY" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (sn_str_find_str(meta, sn_str(words[i])) < meta.n)
			return true;
	}
	return false;
}

/* Does this item have the name? *takes_r: what follows the names. */
static bool item_named(struct sn_str text, struct sn_str name, struct sn_str *takes_r)
{
	struct sn_str its;
	bool found = false;

	while (sn_help_name(&text, &its))
		found |= sn_str_eq(its, name);
	*takes_r = sn_str_trim(text);
	return found;
}

/* The item of this name in the command's help; false if there is none. */
static bool find_help(const struct sn_command *command, struct sn_str name, struct sn_str *takes_r)
{
	struct sn_help help = sn_help(command->help);
	struct sn_help_line line;

	while (sn_help_next(&help, &line)) {
		if (line.kind == SN_HELP_ITEM && item_named(line.text, name, takes_r))
			return true;
	}
	return false;
}

/* False if there is none. */
static bool add_help_names(struct finding *f, const struct sn_command *command, bool options)
{
	bool any = false;
	struct sn_help help = sn_help(command->help);
	struct sn_help_line line;
	struct sn_str name;

	while (sn_help_next(&help, &line)) {
		if (line.kind != SN_HELP_ITEM)
			continue;
		while (sn_help_name(&line.text, &name)) {
			if (sn_str_starts(name, SN_STR("-")) != options)
				continue;
			add(f, name, "", line.doc);
			any = true;
		}
	}
	return any;
}

/* Plain words of "[--json] bash|zsh|fish": those in lower case. */
static bool add_args(struct finding *f, const struct sn_command *command)
{
	bool any = false;
	struct sn_str rest = sn_str(command->args), word, name;

	while (rest.n > 0 && sn_str_split(&rest, ' ', &word)) {
		while (sn_help_name(&word, &name)) {
			if (sn_str_starts(name, SN_STR("-")))
				continue;
			add(f, name, "", SN_STR(""));
			any = true;
		}
	}
	return any;
}

/* Words that are no options, nor what options take, before the one being completed. */
static size_t count_plain(
	const struct sn_command *command, const char *const *words, size_t count, size_t *first_r)
{
	struct sn_str takes;
	size_t plain = 0;

	for (size_t i = 1; i + 1 < count; i++) {
		const struct sn_str word = sn_str(words[i]);

		if (!sn_str_starts(word, SN_STR("-"))) {
			*first_r = plain == 0 ? i : *first_r;
			plain++;
		} else if (find_help(command, word, &takes) && takes.n > 0) {
			i++;
		}
	}
	return plain;
}

static void complete_command(
	struct finding *f, const struct sn_command *command, const char *const *words, size_t count)
{
	const struct sn_str before = count > 2 ? sn_str(words[count - 2]) : SN_STR_NULL;
	struct sn_str takes = SN_STR_NULL;
	size_t first = 0;

	if (sn_str_starts(before, SN_STR("--")) && find_help(command, before, &takes) &&
		takes.n > 0) {
		f->files = takes_file(takes);
		return;
	}
	if (sn_str_starts(f->word, SN_STR("-"))) {
		(void)add_help_names(f, command, true);
		add(f, SN_STR("--help"), "", SN_STR("What it does, and its options"));
		return;
	}
	if (count_plain(command, words, count, &first) == 0) {
		const bool helped = add_help_names(f, command, false);
		const bool named = add_args(f, command);

		f->files = !helped && !named && takes_file(sn_str(command->args));
		return;
	}
	takes = sn_str(command->args);
	(void)find_help(command, sn_str(words[first]), &takes);
	f->files = takes_file(takes);
}

static void add_verbs(struct finding *f)
{
	const struct sn_command *command;
	const struct sn_service *service;

	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++)
		add(f, sn_str(service->name), "", sn_str(service->summary));
	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++)
		add(f, sn_str(command->name), "", sn_str(command->summary));
	if (!sn_str_starts(f->word, SN_STR("-")))
		return;
	add(f, SN_STR("--help"), "", SN_STR("All services and commands"));
	add(f, SN_STR("--version"), "", SN_STR("The version"));
}

static const struct sn_command *find_command(const char *name)
{
	const struct sn_command *command;

	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

void sn_cli_complete(const char *const *words, size_t count, struct sn_strbuf *out)
{
	struct finding f = { .word = sn_str(words[count - 1]), .out = out };
	const struct sn_command *command = count > 1 ? find_command(words[0]) : NULL;
	const struct sn_service *service = count > 1 ? sn_registry_find(sn_str(words[0])) : NULL;

	if (count == 1)
		add_verbs(&f);
	else if (command != NULL)
		complete_command(&f, command, words, count);
	else if (service != NULL)
		complete_service(&f, service, words, count);
	if (f.nospace)
		sn_strbuf_adds(out, ":nospace\n");
	if (f.files)
		sn_strbuf_adds(out, ":files\n");
}
