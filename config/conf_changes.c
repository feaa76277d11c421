#include "config/conf_schema.h"

static bool same_string(const void *a, const void *b)
{
	return sn_str_eq(*(const struct sn_str *)a, *(const struct sn_str *)b);
}

static bool same_bool(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}

static bool same_number(const void *a, const void *b)
{
	return *(const int64_t *)a == *(const int64_t *)b;
}

static bool same_size(const void *a, const void *b)
{
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

static bool same_enum(const void *a, const void *b)
{
	return *(const int *)a == *(const int *)b;
}

static bool same_strings(const void *a, const void *b)
{
	const struct sn_conf_strings *x = a, *y = b;

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		if (!sn_str_eq(x->items[i], y->items[i]))
			return false;
	}
	return true;
}

static bool same_endpoints(const void *a, const void *b)
{
	const struct sn_conf_endpoints *x = a, *y = b;

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		if (!sn_str_eq(x->items[i].endpoint->source, y->items[i].endpoint->source))
			return false;
	}
	return true;
}

static bool same(enum sn_conf_type type, const void *a, const void *b)
{
	static bool (*const by_type[])(const void *a, const void *b) = {
		[SN_CONF_STRING] = same_string,
		[SN_CONF_BOOL] = same_bool,
		[SN_CONF_INT] = same_number,
		[SN_CONF_SIZE] = same_size,
		[SN_CONF_DURATION] = same_number,
		[SN_CONF_ENUM] = same_enum,
		[SN_CONF_PATH] = same_string,
		[SN_CONF_SECRET] = same_string,
		[SN_CONF_STRINGS] = same_strings,
		[SN_CONF_LISTEN] = same_endpoints,
		[SN_CONF_CONNECT] = same_endpoints,
	};

	return by_type[type](a, b);
}

unsigned sn_conf_changes(const struct sn_conf_section *section, const void *a, const void *b,
	sn_conf_change_fn fn, void *context)
{
	unsigned scopes = 0;

	for (size_t i = 0; i < section->count; i++) {
		const struct sn_conf_item *item = &section->items[i];

		if (same(item->type, (const char *)a + item->offset,
			    (const char *)b + item->offset))
			continue;
		scopes |= 1u << item->reload;
		if (fn != NULL)
			fn(context, item);
	}
	return scopes;
}
