#include "daemon/cli/accounts_json.h"

#include <time.h>

#include "daemon/base/text.h"

#define KINDS 4

/* By sn_account_item_kind. */
static const struct {
	const char *list, *value;
} kinds[KINDS] = {
	[SN_ACCOUNT_ROLE] = { "roles", "role" },
	[SN_ACCOUNT_KEY] = { "keys", "key" },
	[SN_ACCOUNT_CERTIFICATE] = { "certificates", "sha256" },
	[SN_ACCOUNT_TOKEN] = { "tokens", "sha256" },
};

/* --- time ------------------------------------------------------------------------------------- */

static bool take_number(struct sn_str *rest, size_t digits, char end, int *value_r)
{
	const struct sn_str part = sn_str_sub(*rest, 0, digits);
	uint64_t value;

	if (part.n != digits || sn_parse_u64(part, 9999, &value) != SN_OK)
		return false;
	*value_r = (int)value;
	*rest = sn_str_from(*rest, digits);
	if (end == '\0')
		return true;
	if (rest->n == 0 || rest->p[0] != end)
		return false;
	*rest = sn_str_from(*rest, 1);
	return true;
}

/* ".5Z" or "Z": nanoseconds; -1: neither. */
static int64_t take_fraction(struct sn_str rest)
{
	int64_t ns = 0;
	size_t digits = 0;

	if (sn_str_eq(rest, SN_STR("Z")))
		return 0;
	if (rest.n < 3 || rest.n > 11 || rest.p[0] != '.' || rest.p[rest.n - 1] != 'Z')
		return -1;
	for (; digits < rest.n - 2; digits++) {
		if (!sn_ascii_digit(rest.p[1 + digits]))
			return -1;
		ns = ns * 10 + (rest.p[1 + digits] - '0');
	}
	for (; digits < 9; digits++)
		ns *= 10;
	return ns;
}

int sn_parse_time(struct sn_str text, int64_t *wall_r)
{
	struct tm tm = { 0 }, given;
	int64_t ns = 0, seconds;
	const bool day_only = text.n == 10;

	if (!take_number(&text, 4, '-', &tm.tm_year) || !take_number(&text, 2, '-', &tm.tm_mon) ||
		!take_number(&text, 2, day_only ? '\0' : 'T', &tm.tm_mday))
		return SN_ESYNTAX;
	if (!day_only &&
		(!take_number(&text, 2, ':', &tm.tm_hour) ||
			!take_number(&text, 2, ':', &tm.tm_min) ||
			!take_number(&text, 2, '\0', &tm.tm_sec) || (ns = take_fraction(text)) < 0))
		return SN_ESYNTAX;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	given = tm;
	seconds = timegm(&tm);
	if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday ||
		tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min ||
		tm.tm_sec != given.tm_sec || seconds > INT64_MAX / SN_SEC(1) - 1 ||
		seconds < INT64_MIN / SN_SEC(1) + 1)
		return SN_ERANGE;
	*wall_r = seconds * SN_SEC(1) + ns;
	return SN_OK;
}

/* --- write ------------------------------------------------------------------------------------ */

static void set_text(json_t *object, const char *field, struct sn_str text)
{
	if (text.n > 0)
		(void)json_object_set_new(object, field, json_stringn_nocheck(text.p, text.n));
}

static void set_time(json_t *object, const char *field, int64_t wall)
{
	char text[40];
	struct sn_strbuf b;

	if (wall == 0)
		return;
	sn_strbuf_fixed(&b, text, sizeof(text));
	sn_format_time(&b, wall, 9);
	set_text(object, field, sn_strbuf_str(&b));
}

static json_t *item_to_json(const struct sn_account_item *item, bool secrets)
{
	json_t *object = json_object();
	char ident[SN_ACCOUNT_IDENT_SIZE];

	set_text(object, kinds[item->kind].value, item->value);
	if (!secrets && item->kind == SN_ACCOUNT_KEY &&
		sn_account_item_ident(item, ident, NULL) == SN_OK)
		set_text(object, "fingerprint", sn_str(ident));
	set_text(object, "label", item->label);
	set_time(object, "created", item->created);
	set_time(object, "expires", item->expires);
	set_time(object, "used", item->used);
	return object;
}

static void set_password(json_t *object, const struct sn_account *account, bool secrets)
{
	json_t *forms;

	if (secrets) {
		set_text(object, "scram_sha_256", account->scram_sha_256);
		set_text(object, "scram_sha_1", account->scram_sha_1);
		set_text(object, "crypt", account->crypt);
		return;
	}
	forms = json_array();
	if (account->scram_sha_256.n > 0)
		(void)json_array_append_new(forms, json_string("SCRAM-SHA-256"));
	if (account->scram_sha_1.n > 0)
		(void)json_array_append_new(forms, json_string("SCRAM-SHA-1"));
	if (account->crypt.n > 0)
		(void)json_array_append_new(forms, json_string("crypt"));
	(void)json_object_set_new(object, "password", forms);
}

json_t *sn_account_to_json(const struct sn_account *account, bool secrets)
{
	json_t *object = json_object();
	json_t *lists[KINDS] = { NULL };

	set_text(object, "name", account->name);
	set_password(object, account, secrets);
	if (account->disabled)
		(void)json_object_set_new(object, "disabled", json_true());
	set_time(object, "created", account->created);
	set_time(object, "changed", account->changed);
	set_time(object, "last_login", account->last_login);
	for (size_t i = 0; i < account->item_count; i++) {
		json_t **list = &lists[account->items[i].kind];

		if (*list == NULL)
			*list = json_array();
		(void)json_array_append_new(*list, item_to_json(&account->items[i], secrets));
	}
	for (size_t kind = 0; kind < KINDS; kind++) {
		if (lists[kind] != NULL)
			(void)json_object_set_new(object, kinds[kind].list, lists[kind]);
	}
	return object;
}

/* --- read ------------------------------------------------------------------------------------- */

enum field_type { FIELD_TEXT, FIELD_TIME, FIELD_BOOL, FIELD_LIST };

struct field {
	const char *name;
	enum field_type type;
	size_t offset; /* LIST: the kind */
};

static const struct field account_fields[] = {
	{ "name", FIELD_TEXT, offsetof(struct sn_account, name) },
	{ "scram_sha_256", FIELD_TEXT, offsetof(struct sn_account, scram_sha_256) },
	{ "scram_sha_1", FIELD_TEXT, offsetof(struct sn_account, scram_sha_1) },
	{ "crypt", FIELD_TEXT, offsetof(struct sn_account, crypt) },
	{ "disabled", FIELD_BOOL, offsetof(struct sn_account, disabled) },
	{ "created", FIELD_TIME, offsetof(struct sn_account, created) },
	{ "changed", FIELD_TIME, offsetof(struct sn_account, changed) },
	{ "last_login", FIELD_TIME, offsetof(struct sn_account, last_login) },
	{ "roles", FIELD_LIST, SN_ACCOUNT_ROLE },
	{ "keys", FIELD_LIST, SN_ACCOUNT_KEY },
	{ "certificates", FIELD_LIST, SN_ACCOUNT_CERTIFICATE },
	{ "tokens", FIELD_LIST, SN_ACCOUNT_TOKEN },
};
#define ACCOUNT_FIELDS (sizeof(account_fields) / sizeof(account_fields[0]))

/* The first is the value, under its kind's name. */
static const struct field item_fields[] = {
	{ NULL, FIELD_TEXT, offsetof(struct sn_account_item, value) },
	{ "label", FIELD_TEXT, offsetof(struct sn_account_item, label) },
	{ "expires", FIELD_TIME, offsetof(struct sn_account_item, expires) },
	{ "created", FIELD_TIME, offsetof(struct sn_account_item, created) },
	{ "used", FIELD_TIME, offsetof(struct sn_account_item, used) },
};
#define ITEM_FIELDS (sizeof(item_fields) / sizeof(item_fields[0]))

static int unknown_field(
	const char *name, const struct field *fields, size_t count, struct sn_diag *diag)
{
	const char *names[ACCOUNT_FIELDS];
	const char *nearest;

	for (size_t i = 0; i < count; i++)
		names[i] = fields[i].name;
	nearest = sn_str_nearest(sn_str(name), names, count);
	return sn_diag_set(diag, SN_ESYNTAX, 0, "unknown field \"%.100s\"%s%s%s", name,
		nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "\"?" : "");
}

static int take_scalar(json_t *value, const struct field *field, void *where, struct sn_diag *diag)
{
	void *member = (char *)where + field->offset;
	const struct sn_str text = sn_str_n(json_string_value(value), json_string_length(value));

	if (field->type == FIELD_BOOL && json_is_boolean(value))
		*(bool *)member = json_is_true(value);
	else if (field->type == FIELD_TEXT && json_is_string(value))
		*(struct sn_str *)member = text;
	else if (field->type == FIELD_TIME && json_is_string(value) &&
		sn_parse_time(text, member) == SN_OK)
		return SN_OK;
	else
		return sn_diag_set(diag, SN_ESYNTAX, 0, "\"%s\" must be %s", field->name,
			field->type == FIELD_BOOL           ? "true or false"
				: field->type == FIELD_TEXT ? "a string"
							    : "a time such as "
							      "\"2026-11-20T11:05:46Z\"");
	return SN_OK;
}

static int take_item_fields(json_t *object, enum sn_account_item_kind kind,
	struct sn_account_item *item, struct sn_diag *diag)
{
	struct field fields[ITEM_FIELDS];
	const char *name;
	json_t *value;

	memcpy(fields, item_fields, sizeof(fields));
	fields[0].name = kinds[kind].value;
	json_object_foreach(object, name, value)
	{
		size_t i = 0;
		int code;

		while (i < ITEM_FIELDS && strcmp(fields[i].name, name) != 0)
			i++;
		code = i < ITEM_FIELDS ? take_scalar(value, &fields[i], item, diag)
				       : unknown_field(name, fields, ITEM_FIELDS, diag);
		if (code != SN_OK)
			return code;
	}
	if (item->value.p == NULL)
		return sn_diag_set(diag, SN_ESYNTAX, 0, "an entry of \"%s\" has no \"%s\"",
			kinds[kind].list, kinds[kind].value);
	return SN_OK;
}

static int take_item(json_t *value, enum sn_account_item_kind kind, int64_t now,
	struct sn_account_item *item_r, struct sn_diag *diag)
{
	*item_r = (struct sn_account_item){ .kind = kind, .created = now };
	if (json_is_object(value))
		return take_item_fields(value, kind, item_r, diag);
	if (!json_is_string(value))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"an entry of \"%s\" must be a string or an object", kinds[kind].list);
	item_r->value = sn_str_n(json_string_value(value), json_string_length(value));
	return SN_OK;
}

/* Entries of an array, behind those that the account has. */
static int take_list(json_t *array, const struct field *field, int64_t now,
	struct sn_account *account, struct sn_diag *diag)
{
	json_t *value;
	size_t i;

	if (!json_is_array(array))
		return sn_diag_set(diag, SN_ESYNTAX, 0, "\"%s\" must be an array", field->name);
	json_array_foreach(array, i, value)
	{
		const int code = take_item(value, (enum sn_account_item_kind)field->offset, now,
			&account->items[account->item_count], diag);

		if (code != SN_OK)
			return code;
		account->item_count++;
	}
	return SN_OK;
}

static size_t count_items(json_t *object)
{
	size_t count = 0;

	for (size_t kind = 0; kind < KINDS; kind++)
		count += json_array_size(json_object_get(object, kinds[kind].list));
	return count;
}

int sn_account_from_json(json_t *object, int64_t now, struct sn_pool *pool,
	struct sn_account *account_r, struct sn_diag *diag)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return sn_diag_set(diag, SN_ESYNTAX, 0, "a line must be a JSON object");
	*account_r = (struct sn_account){ .created = now, .changed = now };
	account_r->items =
		sn_pool_alloc_zero(pool, (count_items(object) + 1) * sizeof(*account_r->items));
	json_object_foreach(object, name, value)
	{
		size_t i = 0;
		int code;

		while (i < ACCOUNT_FIELDS && strcmp(account_fields[i].name, name) != 0)
			i++;
		if (i == ACCOUNT_FIELDS)
			code = unknown_field(name, account_fields, ACCOUNT_FIELDS, diag);
		else if (account_fields[i].type == FIELD_LIST)
			code = take_list(value, &account_fields[i], now, account_r, diag);
		else
			code = take_scalar(value, &account_fields[i], account_r, diag);
		if (code != SN_OK)
			return code;
	}
	if (account_r->name.p == NULL)
		return sn_diag_set(diag, SN_ESYNTAX, 0, "there is no \"name\"");
	return SN_OK;
}
