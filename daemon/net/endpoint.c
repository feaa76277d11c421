#include "daemon/net/endpoint.h"

#include "daemon/base/assert.h"
#include "daemon/base/text.h"
#include "daemon/net/endpoint_token.h"

/*
 * Numbers.
 */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct sn_str trim_blanks(struct sn_str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = sn_str_from(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Drop what Python allows beside the digits: '_' between two of them (or after the 0o). */
static int bare_digits(
	struct sn_pool *pool, struct sn_str s, unsigned base, struct sn_str *digits_r)
{
	const bool prefix = base == 8 && s.n > 1 && s.p[0] == '0' && sn_ascii_lower(s.p[1]) == 'o';
	char *digits = sn_pool_alloc(pool, s.n + 1);
	bool may_underscore = prefix;
	size_t n = 0;

	for (size_t i = prefix ? 2 : 0; i < s.n; i++) {
		const bool underscore = s.p[i] == '_';

		if (underscore && (!may_underscore || i + 1 == s.n))
			return SN_ENUMBER;
		may_underscore = !underscore;
		if (!underscore)
			digits[n++] = s.p[i];
	}
	*digits_r = sn_str_n(digits, n);
	return SN_OK;
}

static int parse_number(struct sn_pool *pool, struct sn_str s, unsigned base, int64_t *v_r)
{
	bool negative = false;
	uint64_t magnitude;
	int rc;

	s = trim_blanks(s);
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+')) {
		negative = s.p[0] == '-';
		s = sn_str_from(s, 1);
	}
	rc = bare_digits(pool, s, base, &s);
	if (rc == SN_OK)
		rc = sn_parse_base(s, base, INT64_MAX, &magnitude);
	if (rc == SN_OK)
		*v_r = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return rc;
}

/*
 * Binding: from arguments to the type's parameters.
 */

struct parse {
	struct sn_pool *pool;
	enum sn_endpoint_side side;
	struct sn_str source;
	struct sn_diag *diag;
	const struct sn_endpoint_token_list *tokens;
	unsigned depth;
};

static int parse_endpoint(struct parse *p, const struct sn_endpoint_arg *args, size_t count,
	struct sn_endpoint **ep_r);

static bool is_positional(const struct sn_endpoint_arg *arg)
{
	return arg->key.p == NULL;
}

/* Index of the parameter with this name, or param_count. */
static size_t param_index(const struct sn_endpoint_type *type, struct sn_str name)
{
	size_t i = 0;

	while (i < type->param_count && !sn_str_eq(sn_str(type->params[i].name), name))
		i++;
	return i;
}

/* Index of the first parameter from i on that is filled by position, or param_count. */
static size_t next_positional(const struct sn_endpoint_type *type, size_t i)
{
	while (i < type->param_count && (type->params[i].flags & SN_PARAM_KEYWORD_ONLY) != 0)
		i++;
	return i;
}

static void set_value(struct sn_endpoint_value *value, const struct sn_endpoint_arg *arg)
{
	value->given = true;
	value->text = arg->value;
	value->column = arg->column;
}

void sn_endpoint_bind_value(
	struct sn_endpoint *ep, const char *param, const struct sn_endpoint_arg *arg)
{
	const size_t i = param_index(ep->type, sn_str(param));

	sn_assert(i < ep->type->param_count);
	set_value(&ep->values[i], arg);
}

static int unknown_key(
	const struct sn_endpoint *ep, const struct sn_endpoint_arg *arg, struct sn_diag *diag)
{
	const struct sn_endpoint_type *type = ep->type;
	const char **names = sn_pool_alloc(ep->pool, (type->param_count + 1) * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < type->param_count; i++)
		names[i] = type->params[i].name;
	near = sn_str_nearest(arg->key, names, type->param_count);
	if (near != NULL)
		return sn_diag_set(diag, SN_EUNKNOWN, arg->key_column,
			"%s: has no parameter '%.*s'; did you mean '%s'?", type->word,
			SN_STR_ARG(arg->key), near);
	return sn_diag_set(diag, SN_EUNKNOWN, arg->key_column,
		"%s: has no parameter '%.*s' (a '=' inside an argument is written '\\=')",
		type->word, SN_STR_ARG(arg->key));
}

int sn_endpoint_bind_keywords(struct sn_endpoint *ep, struct sn_diag *diag)
{
	for (size_t i = 0; i < ep->arg_count; i++) {
		const struct sn_endpoint_arg *arg = &ep->args[i];
		size_t at;

		if (is_positional(arg))
			continue;
		at = param_index(ep->type, arg->key);
		if (at == ep->type->param_count)
			return unknown_key(ep, arg, diag);
		set_value(&ep->values[at], arg);
	}
	return SN_OK;
}

static int take_positional(
	struct sn_endpoint *ep, size_t *at, const struct sn_endpoint_arg *arg, struct sn_diag *diag)
{
	const struct sn_endpoint_type *type = ep->type;
	const size_t i = next_positional(type, *at);

	*at = i + 1;
	if (i >= type->param_count && type->takes_rest) {
		ep->rest[ep->rest_count++] = arg->value;
		return SN_OK;
	}
	if (i >= type->param_count)
		return sn_diag_set(diag, SN_ESYNTAX, arg->column,
			"%s: too many arguments (a ':' inside an argument is written '\\:')",
			type->word);
	if (ep->values[i].given)
		return sn_diag_set(diag, SN_EDUPLICATE, arg->column,
			"%s: '%s' is given by position and by name", type->word,
			type->params[i].name);
	set_value(&ep->values[i], arg);
	return SN_OK;
}

static int bind_args(struct sn_endpoint *ep, struct sn_diag *diag)
{
	size_t at = 0;
	int rc = sn_endpoint_bind_keywords(ep, diag);

	if (ep->type->takes_rest)
		ep->rest = sn_pool_alloc_zero(ep->pool, (ep->arg_count + 1) * sizeof(*ep->rest));
	for (size_t i = 0; rc == SN_OK && i < ep->arg_count; i++) {
		if (is_positional(&ep->args[i]))
			rc = take_positional(ep, &at, &ep->args[i], diag);
	}
	return rc;
}

static int number_error(const struct sn_endpoint *ep, size_t i, int rc, struct sn_diag *diag)
{
	const struct sn_param *param = &ep->type->params[i];
	const struct sn_endpoint_value *value = &ep->values[i];

	if (rc == SN_ERANGE)
		return sn_diag_set(diag, rc, value->column, "%s: %s must be %lld to %lld",
			ep->type->word, param->name, (long long)param->min, (long long)param->max);
	return sn_diag_set(diag, rc, value->column, "%s: %s: '%.*s' is not %s", ep->type->word,
		param->name, SN_STR_ARG(value->text),
		param->kind == SN_PARAM_OCTAL ? "an octal number" : "an integer");
}

static int convert_number(struct sn_endpoint *ep, size_t i, struct sn_diag *diag)
{
	const struct sn_param *param = &ep->type->params[i];
	struct sn_endpoint_value *value = &ep->values[i];
	int rc = parse_number(
		ep->pool, value->text, param->kind == SN_PARAM_OCTAL ? 8 : 10, &value->number);

	if (param->kind == SN_PARAM_BOOL && rc != SN_ENUMBER) {
		value->number = rc == SN_ERANGE || value->number != 0;
		return SN_OK;
	}
	if (rc == SN_OK && (value->number < param->min || value->number > param->max))
		rc = SN_ERANGE;
	return rc == SN_OK ? SN_OK : number_error(ep, i, rc, diag);
}

static int convert_choice(struct sn_endpoint *ep, size_t i, struct sn_diag *diag)
{
	const struct sn_param *param = &ep->type->params[i];
	struct sn_endpoint_value *value = &ep->values[i];
	struct sn_str rest = sn_str(param->choices), choice;

	for (value->number = 0; sn_str_split(&rest, '|', &choice); value->number++) {
		if (sn_str_eq(choice, value->text))
			return SN_OK;
	}
	return sn_diag_set(diag, SN_ERANGE, value->column, "%s: %s must be one of %s",
		ep->type->word, param->name, param->choices);
}

/* The value is a text of its own, but its errors are shown in the whole text. */
static int convert_endpoint(struct parse *p, struct sn_endpoint *ep, size_t i)
{
	const struct sn_str text = ep->values[i].text;
	struct parse inner = *p;
	struct sn_endpoint_token_list tokens;
	int rc = sn_endpoint_tokenize(
		p->pool, text, p->tokens->columns + (text.p - p->tokens->text), &tokens, p->diag);

	if (rc != SN_OK)
		return rc;
	inner.tokens = &tokens;
	return parse_endpoint(&inner, tokens.args, tokens.count, &ep->inner);
}

static int convert_value(struct parse *p, struct sn_endpoint *ep, size_t i)
{
	const struct sn_param *param = &ep->type->params[i];
	struct sn_endpoint_value *value = &ep->values[i];

	if (!value->given && (param->flags & SN_PARAM_REQUIRED) != 0)
		return sn_diag_set(p->diag, SN_EMISSING, p->tokens->end,
			"%s: %s is missing; example: %s", ep->type->word, param->name,
			ep->type->example);
	if (!value->given)
		value->text = sn_str(param->def);
	if (value->text.p == NULL)
		return SN_OK;
	switch (param->kind) {
	case SN_PARAM_TEXT:
		return SN_OK;
	case SN_PARAM_INT:
	case SN_PARAM_OCTAL:
	case SN_PARAM_BOOL:
		return convert_number(ep, i, p->diag);
	case SN_PARAM_CHOICE:
		return convert_choice(ep, i, p->diag);
	case SN_PARAM_ENDPOINT:
		return convert_endpoint(p, ep, i);
	}
	sn_unreachable();
}

static int bind_endpoint(struct parse *p, struct sn_endpoint *ep)
{
	const struct sn_endpoint_type *type = ep->type;
	int rc = SN_OK;

	if (!type->ignores_args)
		rc = type->bind != NULL ? type->bind(ep, p->diag) : bind_args(ep, p->diag);
	for (size_t i = 0; rc == SN_OK && i < type->param_count; i++)
		rc = convert_value(p, ep, i);
	return rc;
}

/*
 * Wrapping types.
 */

struct split {
	struct sn_endpoint_arg *inner; /* arguments that are not the wrapper's */
	size_t inner_count;
	bool inner_begun;
	size_t at; /* next positional parameter */
};

static bool is_own_arg(struct split *s, const struct sn_endpoint *ep,
	const struct sn_endpoint_arg *arg, bool *named)
{
	size_t i;

	if (s->inner_begun)
		return false;
	if (!is_positional(arg)) {
		i = param_index(ep->type, arg->key);
		if (i < ep->type->param_count)
			named[i] = true;
		return i < ep->type->param_count;
	}
	/* What was named before is not filled by position any more. */
	do {
		i = next_positional(ep->type, s->at);
		s->at = i + 1;
	} while (i < ep->type->param_count && named[i]);
	s->inner_begun = i >= ep->type->param_count;
	return !s->inner_begun;
}

/* Share the arguments out between the wrapper (ep->args, reduced) and its inner endpoint. */
static void split_args(struct sn_endpoint *ep, struct split *s)
{
	bool *named = sn_pool_alloc_zero(ep->pool, ep->type->param_count + 1);
	size_t own = 0;

	s->inner = sn_pool_alloc(ep->pool, (ep->arg_count + 1) * sizeof(*s->inner));
	for (size_t i = 0; i < ep->arg_count; i++) {
		if (is_own_arg(s, ep, &ep->args[i], named))
			ep->args[own++] = ep->args[i];
		else
			s->inner[s->inner_count++] = ep->args[i];
	}
	ep->arg_count = own;
}

static int parse_inner(struct parse *p, struct sn_endpoint *ep, const struct split *s)
{
	const int rc = parse_endpoint(p, s->inner, s->inner_count, &ep->inner);

	if (rc == SN_OK && ep->inner->type->datagram)
		return sn_diag_set(p->diag, SN_ESYNTAX, ep->inner->column,
			"%s: needs a stream inside, and %s is none", ep->type->word,
			ep->inner->type->word);
	return rc;
}

/*
 * The whole.
 */

static int unknown_type(struct parse *p, const struct sn_endpoint_arg *word)
{
	const char *names[SN_ENDPOINT_TYPES_MAX], *near;
	const enum sn_endpoint_side other = p->side == SN_SERVER ? SN_CLIENT : SN_SERVER;
	const char *side = p->side == SN_SERVER ? "listen on" : "connect to";
	const struct sn_endpoint_type *type;
	size_t count = 0;

	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		if (type->side == p->side)
			names[count++] = type->word;
	}
	if (word->value.n == 0)
		return sn_diag_set(
			p->diag, SN_EUNKNOWN, word->column, "a type such as 'tcp' is missing here");
	if (sn_endpoint_type_find(other, word->value) != NULL)
		return sn_diag_set(p->diag, SN_EUNKNOWN, word->column, "'%.*s' is no type to %s",
			SN_STR_ARG(word->value), side);
	near = sn_str_nearest(word->value, names, count);
	return sn_diag_set(p->diag, SN_EUNKNOWN, word->column,
		"unknown endpoint type '%.*s'; %s%s%s", SN_STR_ARG(word->value),
		near != NULL ? "did you mean '" : "`sennit list endpoints` shows all",
		near != NULL ? near : "", near != NULL ? "'?" : "");
}

static bool is_port(const struct parse *p, struct sn_str word)
{
	for (size_t i = 0; i < word.n; i++) {
		if (!sn_ascii_digit(word.p[i]))
			return false;
	}
	return word.n > 0 && p->side == SN_SERVER;
}

/* Find the type by the first positional argument; the others become ep->args. */
static int choose_type(
	struct parse *p, const struct sn_endpoint_arg *args, size_t count, struct sn_endpoint *ep)
{
	size_t word = 0;
	bool bare_port;

	while (word < count && !is_positional(&args[word]))
		word++;
	if (word == count)
		return sn_diag_set(p->diag, SN_EMISSING, p->tokens->end,
			"the type is missing: an endpoint begins with a word such as 'tcp'");
	bare_port = is_port(p, args[word].value);
	ep->type = sn_endpoint_type_find(p->side, bare_port ? SN_STR("tcp") : args[word].value);
	if (ep->type == NULL)
		return unknown_type(p, &args[word]);
	ep->column = args[word].column;
	ep->args = sn_pool_alloc(p->pool, (count + 1) * sizeof(*ep->args));
	for (size_t i = 0; i < count; i++) {
		if (i != word || bare_port)
			ep->args[ep->arg_count++] = args[i];
	}
	return SN_OK;
}

static int parse_endpoint(struct parse *p, const struct sn_endpoint_arg *args, size_t count,
	struct sn_endpoint **ep_r)
{
	struct sn_endpoint *ep = sn_pool_alloc_zero(p->pool, sizeof(*ep));
	struct split split = { 0 };
	int rc;

	if (p->depth++ == SN_ENDPOINT_DEPTH_MAX)
		return sn_diag_set(p->diag, SN_ELIMIT, count > 0 ? args[0].key_column : 0,
			"endpoints are nested too deeply");
	ep->pool = p->pool;
	ep->source = p->source;
	rc = choose_type(p, args, count, ep);
	if (rc != SN_OK)
		return rc;
	ep->values = sn_pool_alloc_zero(p->pool, (ep->type->param_count + 1) * sizeof(*ep->values));
	if (ep->type->wraps)
		split_args(ep, &split);
	rc = bind_endpoint(p, ep);
	if (rc == SN_OK && ep->type->wraps)
		rc = parse_inner(p, ep, &split);
	if (rc == SN_OK && ep->type->check != NULL)
		rc = ep->type->check(ep, p->diag);
	if (rc == SN_OK)
		*ep_r = ep;
	return rc;
}

int sn_endpoint_parse(struct sn_pool *pool, enum sn_endpoint_side side, struct sn_str text,
	struct sn_endpoint **ep_r, struct sn_diag *diag)
{
	struct sn_endpoint_token_list tokens;
	struct parse p = {
		.pool = pool,
		.side = side,
		.source = sn_pool_str(pool, text),
		.diag = diag,
		.tokens = &tokens,
	};
	const int rc = sn_endpoint_tokenize(pool, p.source, NULL, &tokens, diag);

	*ep_r = NULL;
	if (rc != SN_OK)
		return rc;
	return parse_endpoint(&p, tokens.args, tokens.count, ep_r);
}

const struct sn_endpoint_value *sn_endpoint_get(const struct sn_endpoint *ep, const char *param)
{
	const size_t i = param_index(ep->type, sn_str(param));

	sn_assert(i < ep->type->param_count);
	return &ep->values[i];
}

static bool value_eq(const struct sn_param *param, const struct sn_endpoint_value *a,
	const struct sn_endpoint_value *b)
{
	if (a->given != b->given)
		return false;
	return param->kind == SN_PARAM_TEXT || param->kind == SN_PARAM_ENDPOINT
		? sn_str_eq(a->text, b->text)
		: a->number == b->number;
}

bool sn_endpoint_eq(const struct sn_endpoint *a, const struct sn_endpoint *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->type != b->type || a->rest_count != b->rest_count)
		return false;
	for (size_t i = 0; i < a->type->param_count; i++) {
		if (!value_eq(&a->type->params[i], &a->values[i], &b->values[i]))
			return false;
	}
	for (size_t i = 0; i < a->rest_count; i++) {
		if (!sn_str_eq(a->rest[i], b->rest[i]))
			return false;
	}
	return sn_endpoint_eq(a->inner, b->inner);
}

/*
 * Printing.
 */

static void quote(struct sn_str value, bool equals_too, struct sn_strbuf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];

		if (c == ':' || c == '\\' || (c == '=' && equals_too))
			sn_strbuf_addc(out, '\\');
		sn_strbuf_addc(out, c);
	}
}

void sn_endpoint_quote(struct sn_str value, struct sn_strbuf *out)
{
	quote(value, true, out);
}

static void format_value(const struct sn_param *param, const struct sn_endpoint_value *value,
	bool positional, struct sn_strbuf *out)
{
	switch (param->kind) {
	case SN_PARAM_INT:
	case SN_PARAM_BOOL:
		sn_strbuf_addf(out, "%lld", (long long)value->number);
		break;
	case SN_PARAM_OCTAL:
		sn_strbuf_addf(out, "%llo", (unsigned long long)value->number);
		break;
	case SN_PARAM_TEXT:
	case SN_PARAM_CHOICE:
	case SN_PARAM_ENDPOINT:
		quote(value->text, positional, out);
		break;
	}
}

void sn_endpoint_format(const struct sn_endpoint *ep, struct sn_strbuf *out)
{
	const struct sn_endpoint_type *type = ep->type;
	bool gap = false; /* a positional parameter was not given: names from there on */

	sn_strbuf_adds(out, type->word);
	for (size_t i = 0; i < type->param_count; i++) {
		const struct sn_param *param = &type->params[i];
		const bool keyword_only = (param->flags & SN_PARAM_KEYWORD_ONLY) != 0;
		const bool positional = !gap && !keyword_only;

		if (!ep->values[i].given) {
			gap = gap || !keyword_only;
			continue;
		}
		sn_strbuf_addc(out, ':');
		if (!positional)
			sn_strbuf_addf(out, "%s=", param->name);
		format_value(param, &ep->values[i], positional, out);
	}
	for (size_t i = 0; i < ep->rest_count; i++) {
		sn_strbuf_addc(out, ':');
		quote(ep->rest[i], true, out);
	}
	if (type->wraps) {
		sn_strbuf_addc(out, ':');
		sn_endpoint_format(ep->inner, out);
	}
}
