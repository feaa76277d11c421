#include "daemon/cli/options.h"

#include "daemon/cli/cli.h"

#define NAMES_MAX 32

static int unknown_option(
	const char *verb, const struct sn_cli_option *options, struct sn_str name, const char *word)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	const char *nearest;

	for (; options[count].name != NULL; count++) {
		sn_assert(count < NAMES_MAX);
		names[count] = options[count].name;
	}
	nearest = sn_str_nearest(name, names, count);
	if (nearest == NULL)
		return sn_cli_usage(verb, "unknown option %s", word);
	return sn_cli_usage(verb, "unknown option %s; did you mean --%s?", word, nearest);
}

static const struct sn_cli_option *find_option(
	const struct sn_cli_option *options, struct sn_str name)
{
	for (; options->name != NULL; options++) {
		if (sn_str_eq(name, sn_str(options->name)))
			return options;
	}
	return NULL;
}

/* One option at argv[*i], which moves to the last word it took. */
static int take_option(
	const char *verb, const struct sn_cli_option *options, int argc, char **argv, int *i)
{
	const char *word = argv[*i];
	const struct sn_str text = sn_str_from(sn_str(word), 2);
	const size_t equals = sn_str_find(text, '=');
	const struct sn_str name = sn_str_sub(text, 0, equals);
	const struct sn_cli_option *option = find_option(options, name);

	if (option == NULL || word[1] != '-')
		return unknown_option(verb, options, name, word);
	if (option->meta == NULL && equals < text.n)
		return sn_cli_usage(verb, "--%s takes no value", option->name);
	if (option->meta == NULL)
		*option->flag = true;
	else if (equals < text.n)
		*option->value = text.p + equals + 1;
	else if (*i + 1 < argc)
		*option->value = argv[++*i];
	else
		return sn_cli_usage(verb, "--%s needs %s", option->name, option->meta);
	return EX_OK;
}

int sn_cli_options(const char *verb, const struct sn_cli_option *options, int argc, char **argv,
	const char **words, size_t *word_count_r)
{
	bool only_words = false;
	int exit_code = EX_OK;

	*word_count_r = 0;
	for (int i = 1; i < argc && exit_code == EX_OK; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0')
			exit_code = take_option(verb, options, argc, argv, &i);
		else
			words[(*word_count_r)++] = argv[i];
	}
	return exit_code;
}
