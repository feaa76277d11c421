#include "daemon/base/assert.h"
#include "daemon/net/endpoint.h"
#include "daemon/net/endpoint_types.h"

/* The rows, and beside each the ops that were attached to it. */
static struct {
	const struct sn_endpoint_type *type;
	const struct sn_endpoint_ops *ops;
} registry[SN_ENDPOINT_TYPES_MAX];
static size_t registered;

/* A wrapper's positionals must all be there, or the inner type word would be taken for one. */
static bool row_valid(const struct sn_endpoint_type *type)
{
	if (type->word == NULL || type->word[0] == '\0')
		return false;
	for (size_t i = 0; i < type->param_count; i++) {
		const struct sn_param *param = &type->params[i];

		if (param->kind == SN_PARAM_ENDPOINT && (type->wraps || param->def != NULL))
			return false;
		if (type->wraps &&
			(param->flags & (SN_PARAM_REQUIRED | SN_PARAM_KEYWORD_ONLY)) == 0)
			return false;
	}
	return true;
}

int sn_endpoint_register(const struct sn_endpoint_type *type)
{
	if (type->size < sizeof(*type))
		return SN_EABI;
	if (!row_valid(type))
		return SN_ESYNTAX;
	if (sn_endpoint_type_find(type->side, sn_str(type->word)) != NULL)
		return SN_EDUPLICATE;
	if (registered == SN_ENDPOINT_TYPES_MAX)
		return SN_ELIMIT;
	registry[registered].type = type;
	registry[registered].ops = type->ops;
	registered++;
	return SN_OK;
}

void sn_endpoints_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	for (size_t i = 0; sn_endpoint_builtin_types[i] != NULL; i++) {
		const int rc = sn_endpoint_register(sn_endpoint_builtin_types[i]);

		sn_assert(rc == SN_OK);
	}
}

const struct sn_endpoint_type *sn_endpoint_type_at(size_t i)
{
	return i < registered ? registry[i].type : NULL;
}

const struct sn_endpoint_type *sn_endpoint_type_find(enum sn_endpoint_side side, struct sn_str word)
{
	for (size_t i = 0; i < registered; i++) {
		const struct sn_endpoint_type *type = registry[i].type;

		if (type->side == side && sn_str_eq_nocase(sn_str(type->word), word))
			return type;
	}
	return NULL;
}

static size_t registry_index(const struct sn_endpoint_type *type)
{
	size_t i = 0;

	while (i < registered && registry[i].type != type)
		i++;
	sn_assert(i < registered);
	return i;
}

void sn_endpoint_attach(
	enum sn_endpoint_side side, const char *word, const struct sn_endpoint_ops *ops)
{
	const size_t i = registry_index(sn_endpoint_type_find(side, sn_str(word)));

	sn_assert(registry[i].ops == NULL || registry[i].ops == ops);
	registry[i].ops = ops;
}

const struct sn_endpoint_ops *sn_endpoint_type_ops(const struct sn_endpoint_type *type)
{
	return registry[registry_index(type)].ops;
}
