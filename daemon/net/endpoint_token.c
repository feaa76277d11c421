#include "daemon/net/endpoint_token.h"

struct tokenizer {
	struct sn_str in;
	const size_t *in_columns; /* of each byte of in; NULL: in is the whole text */
	struct sn_endpoint_token_list *out;
	size_t used;  /* bytes of out->text */
	size_t start; /* of the token under way, in out->text */
	size_t start_column;
	bool in_value; /* after '=' */
};

static size_t column_of(const struct tokenizer *t, size_t i)
{
	return t->in_columns != NULL ? t->in_columns[i] : i + 1;
}

static void put_byte(struct tokenizer *t, char c, size_t column)
{
	t->out->columns[t->used] = column;
	t->out->text[t->used++] = c;
}

/* End the token before the separator (or end) at i; the next begins behind it. */
static struct sn_str end_token(struct tokenizer *t, size_t i)
{
	const struct sn_str token = sn_str_n(t->out->text + t->start, t->used - t->start);

	put_byte(t, '\0', column_of(t, i));
	t->start = t->used;
	if (i < t->in.n)
		t->start_column = column_of(t, i + 1);
	return token;
}

static void end_key(struct tokenizer *t, size_t i)
{
	t->out->args[t->out->count].key_column = t->start_column;
	t->out->args[t->out->count].key = end_token(t, i);
	t->in_value = true;
}

static void end_arg(struct tokenizer *t, size_t i)
{
	struct sn_endpoint_arg *arg = &t->out->args[t->out->count++];

	arg->column = t->start_column;
	if (!t->in_value)
		arg->key_column = t->start_column;
	arg->value = end_token(t, i);
	t->in_value = false;
}

/* A separator follows every token but the last, so the texts and their NULs fit in.n + 1 bytes. */
static void alloc_list(struct sn_pool *pool, struct sn_str in, struct sn_endpoint_token_list *list)
{
	size_t most = 1;

	for (size_t i = 0; i < in.n; i++)
		most += in.p[i] == ':';
	list->count = 0;
	list->args = sn_pool_alloc_zero(pool, most * sizeof(*list->args));
	list->text = sn_pool_alloc(pool, in.n + 1);
	list->columns = sn_pool_alloc(pool, (in.n + 1) * sizeof(*list->columns));
}

int sn_endpoint_tokenize(struct sn_pool *pool, struct sn_str in, const size_t *in_columns,
	struct sn_endpoint_token_list *list, struct sn_diag *diag)
{
	struct tokenizer t = { .in = in, .in_columns = in_columns, .out = list };

	alloc_list(pool, in, list);
	t.start_column = column_of(&t, 0);
	list->end = column_of(&t, in.n);
	for (size_t i = 0; i < in.n; i++) {
		const size_t column = column_of(&t, i);

		if (in.p[i] == ':') {
			end_arg(&t, i);
			continue;
		}
		if (in.p[i] == '=' && !t.in_value) {
			end_key(&t, i);
			continue;
		}
		if (in.p[i] == '\\' && ++i == in.n)
			return sn_diag_set(diag, SN_ESYNTAX, column,
				"nothing follows the backslash; a backslash itself is \\\\");
		if (in.p[i] == '\0')
			return sn_diag_set(diag, SN_ESYNTAX, column,
				"NUL byte (abstract unix names are written with '@')");
		put_byte(&t, in.p[i], column);
	}
	end_arg(&t, in.n);
	return SN_OK;
}

int sn_endpoint_tokens(struct sn_pool *pool, struct sn_str text, struct sn_endpoint_arg **args_r,
	size_t *count_r, struct sn_diag *diag)
{
	struct sn_endpoint_token_list list;
	const int rc = sn_endpoint_tokenize(pool, text, NULL, &list, diag);

	if (rc != SN_OK)
		return rc;
	*args_r = list.args;
	*count_r = list.count;
	return SN_OK;
}
