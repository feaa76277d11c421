#include <stdio.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/store/pq_private.h"

/* Types of the catalogue that mean something to us; they never change. */
enum oid {
	OID_NONE = 0,
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_NUMERIC = 1700
};

/* An argument's type is part of the prepared statement, or a number too large for an inferred
 * 32-bit type would be refused that SQLite takes. NULL fits any type. */
static const Oid type_oids[] = {
	[SN_SQL_NULL] = OID_NONE,
	[SN_SQL_INTEGER] = OID_INT8,
	[SN_SQL_TEXT] = OID_TEXT,
	[SN_SQL_BLOB] = OID_BYTEA,
};

struct sn_pq_statement {
	struct sn_pq_statement *next;
	const char *address; /* the caller's text; its memory may be another text's later */
	char *text, *translated;
	uint32_t types; /* two bits each */
	unsigned arg_count, params, number;
	bool prepared;
};

/* The cache */

static uint32_t types_of(const struct sn_store_statement *statement)
{
	uint32_t types = 0;

	for (unsigned i = 0; i < statement->arg_count; i++)
		types |= (uint32_t)statement->args[i].type << (2 * i);
	return types;
}

static void name_of(const struct sn_pq_statement *s, char name[16])
{
	snprintf(name, 16, "s%u", s->number);
}

static struct sn_pq_statement *add(
	struct sn_pq_statement **bucket, const struct sn_store_statement *statement, uint32_t types)
{
	struct sn_pq_statement *s = sn_alloc_zero(sizeof(*s));

	s->address = statement->text;
	s->types = types;
	s->next = *bucket;
	*bucket = s;
	return s;
}

static void set_text(
	struct sn_pq_statements *all, struct sn_pq_statement *s, const char *text, unsigned args)
{
	sn_free(s->text);
	sn_free(s->translated);
	s->text = sn_strdup(text);
	s->translated = sn_pq_translate(text, &s->params);
	s->arg_count = args;
	s->number = ++all->count;
	s->prepared = false;
}

struct sn_pq_statement *sn_pq_statement(
	struct sn_pq_statements *all, const struct sn_store_statement *statement)
{
	const uint32_t types = types_of(statement);
	const uint64_t hash = ((uintptr_t)statement->text >> 3) * 0x9e3779b97f4a7c15u + types;
	struct sn_pq_statement **bucket = &all->buckets[(hash >> 32) % SN_PQ_BUCKETS];
	struct sn_pq_statement *s = *bucket;

	while (s != NULL &&
		(s->address != statement->text || s->types != types ||
			s->arg_count != statement->arg_count))
		s = s->next;
	if (s == NULL)
		s = add(bucket, statement, types);
	if (s->text == NULL || strcmp(s->text, statement->text) != 0)
		set_text(all, s, statement->text, statement->arg_count);
	if (s->params == statement->arg_count)
		return s;
	sn_log(&sn_store_log, SN_LOG_ERROR, "statement-refused",
		sn_f_cstr("error", "wrong number of arguments"), sn_f_cstr("sql", s->text));
	return NULL;
}

const char *sn_pq_text(const struct sn_pq_statement *s)
{
	return s->text;
}

bool sn_pq_is_prepared(const struct sn_pq_statement *s)
{
	return s->prepared;
}

void sn_pq_set_prepared(struct sn_pq_statement *s, bool prepared)
{
	s->prepared = prepared;
}

void sn_pq_statements_forget(struct sn_pq_statements *all)
{
	for (size_t i = 0; i < SN_PQ_BUCKETS; i++)
		for (struct sn_pq_statement *s = all->buckets[i]; s != NULL; s = s->next)
			s->prepared = false;
}

void sn_pq_statements_fini(struct sn_pq_statements *all)
{
	for (size_t i = 0; i < SN_PQ_BUCKETS; i++)
		while (all->buckets[i] != NULL) {
			struct sn_pq_statement *s = all->buckets[i];

			all->buckets[i] = s->next;
			sn_free(s->text);
			sn_free(s->translated);
			sn_free(s);
		}
}

/* Sending */

bool sn_pq_send_prepare(PGconn *conn, struct sn_pq_statement *s)
{
	Oid types[SN_SQL_ARGS_MAX];
	char name[16];

	for (unsigned i = 0; i < s->arg_count; i++)
		types[i] = type_oids[s->types >> (2 * i) & 3];
	name_of(s, name);
	return PQsendPrepare(conn, name, s->translated, (int)s->arg_count, types) == 1;
}

/* Everything goes as the server stores it: integers in network order. */
static void put_integer(char out[8], int64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)((uint64_t)value >> (56 - 8 * i));
}

bool sn_pq_send(PGconn *conn, struct sn_pq_statement *s, const struct sn_store_statement *statement)
{
	const char *values[SN_SQL_ARGS_MAX];
	int lengths[SN_SQL_ARGS_MAX], formats[SN_SQL_ARGS_MAX];
	char integers[SN_SQL_ARGS_MAX][8], name[16];

	for (unsigned i = 0; i < statement->arg_count; i++) {
		const struct sn_sql_value *v = &statement->args[i];

		values[i] = v->type == SN_SQL_NULL ? NULL : v->bytes.p != NULL ? v->bytes.p : "";
		lengths[i] = (int)v->bytes.n;
		formats[i] = 1;
		if (v->type == SN_SQL_INTEGER) {
			put_integer(integers[i], v->integer);
			values[i] = integers[i];
			lengths[i] = sizeof(integers[i]);
		}
	}
	name_of(s, name);
	return PQsendQueryPrepared(
		       conn, name, (int)statement->arg_count, values, lengths, formats, 0) == 1;
}

bool sn_pq_needs_no_answer(const struct sn_store_statement *statement)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE" };
	const struct sn_str text = sn_str_trim(sn_str(statement->text));
	bool changes = false;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		changes = changes || sn_str_eq_nocase(sn_str_sub(text, 0, 6), sn_str(verbs[i]));
	return changes && statement->expect < 0 && !sn_str_glob(SN_STR("*RETURNING*"), text);
}

/* Receiving */

static int take_text(struct sn_store_request *r, struct sn_sql_value *cell, struct sn_str text)
{
	char *copy;
	int err = sn_store_result_bytes(r, text.n, &copy);

	if (err != SN_OK)
		return err;
	memcpy(copy, text.p, text.n);
	*cell = sn_sql_text(sn_str_n(copy, text.n));
	return SN_OK;
}

/* "\x" and two digits for each byte. */
static int take_blob(struct sn_store_request *r, struct sn_sql_value *cell, struct sn_str text)
{
	size_t size;
	char *copy;
	int err = sn_store_result_bytes(r, text.n / 2, &copy);

	if (err == SN_OK && !sn_str_starts(text, SN_STR("\\x")))
		err = SN_ESQL;
	if (err == SN_OK)
		err = sn_hex_decode(sn_str_from(text, 2), copy, text.n / 2, &size);
	if (err == SN_OK)
		*cell = sn_sql_blob(sn_str_n(copy, size));
	return err;
}

/* Sums are NUMERIC there: one without a fraction is a number here. */
static int take_cell(
	struct sn_store_request *r, struct sn_sql_value *cell, Oid type, struct sn_str text)
{
	int64_t number;

	switch (type) {
	case OID_BOOL:
		*cell = sn_sql_integer(text.p[0] == 't');
		return SN_OK;
	case OID_BYTEA:
		return take_blob(r, cell, text);
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_NUMERIC:
		if (sn_parse_i64(text, INT64_MIN, INT64_MAX, &number) != SN_OK)
			return take_text(r, cell, text);
		*cell = sn_sql_integer(number);
		return SN_OK;
	default:
		return take_text(r, cell, text);
	}
}

static int take_row(struct sn_store_request *r, size_t i, const PGresult *result, int row)
{
	const int columns = PQnfields(result);
	struct sn_sql_value *cells;
	int err = sn_store_result_add(r, i, (size_t)columns, &cells);

	for (int j = 0; err == SN_OK && j < columns; j++)
		if (!PQgetisnull(result, row, j))
			err = take_cell(r, &cells[j], PQftype(result, j),
				sn_str_n(PQgetvalue(result, row, j),
					(size_t)PQgetlength(result, row, j)));
	return err;
}

static int64_t changes_of(const PGresult *result)
{
	const struct sn_str status = sn_str(PQcmdStatus((PGresult *)(uintptr_t)result));
	int64_t changes = 0;

	if (sn_str_starts(status, SN_STR("SELECT")) ||
		sn_parse_i64(sn_str(PQcmdTuples((PGresult *)(uintptr_t)result)), 0, INT64_MAX,
			&changes) != SN_OK)
		return 0;
	return changes;
}

/* One row at a time, or all at once; what ends them says how many were changed. */
int sn_pq_take_rows(struct sn_store_request *r, size_t i, const PGresult *result)
{
	const int count = PQntuples(result);
	struct sn_sql_rows *rows = &r->results[i].rows;
	int err = SN_OK;

	for (int row = 0; err == SN_OK && row < count; row++)
		err = take_row(r, i, result, row);
	rows->columns = (size_t)PQnfields(result);
	if (PQresultStatus(result) != PGRES_SINGLE_TUPLE)
		rows->changed = changes_of(result);
	return err;
}

/* Failures */

int sn_pq_code(const char *state, bool write)
{
	static const struct {
		const char *prefix;
		int code;
	} codes[] = {
		{ "23505", SN_EDUPLICATE },
		{ "08P01", SN_ESQL },         /* arguments do not fit the statement */
		{ "08", SN_EUNAVAILABLE },    /* connection */
		{ "40", SN_EUNAVAILABLE },    /* deadlock, serialization: nothing was changed */
		{ "53", SN_EUNAVAILABLE },    /* disk full, too many connections */
		{ "55P03", SN_EUNAVAILABLE }, /* lock not available */
		{ "57", SN_EUNAVAILABLE },    /* shutting down, canceled */
		{ "58", SN_EUNAVAILABLE },    /* input or output */
		{ "XX001", SN_ECORRUPT },
		{ "XX002", SN_ECORRUPT },
	};

	/* A transaction that may not write found a standby; a read that may not is wrong. */
	if (strcmp(state, "25006") == 0)
		return write ? SN_EUNAVAILABLE : SN_ESQL;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (sn_str_starts(sn_str(state), sn_str(codes[i].prefix)))
			return codes[i].code;
	return SN_ESQL;
}

int sn_pq_failure(const PGresult *result, const char *text, bool write)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const int code = PQresultStatus(result) == PGRES_EMPTY_QUERY ? SN_ESQL
		: state != NULL                                      ? sn_pq_code(state, write)
								     : SN_EUNAVAILABLE;

	if (code != SN_EDUPLICATE)
		sn_log(&sn_store_log, SN_LOG_ERROR,
			code == SN_ESQL ? "statement-refused" : "database-failed",
			sn_f_cstr("error", message != NULL ? message : "no result"),
			sn_f_cstr("sqlstate", state != NULL ? state : ""), sn_f_cstr("sql", text));
	return code;
}
