#include "daemon/base/mem.h"
#include "daemon/store/sqlite_private.h"

#define FIRST_SPACE 64

/* The engine numbers $2 before $1 when it meets it first: position says where each belongs. */
struct sn_sqlite_statement {
	const char *text; /* NULL: free */
	sqlite3_stmt *stmt;
	unsigned char arg_count;
	unsigned char position[SN_SQL_ARGS_MAX];
};

/* Codes */

int sn_sqlite_code(int rc)
{
	static const struct {
		int rc, code;
	} codes[] = {
		{ SQLITE_CONSTRAINT_UNIQUE, SN_EDUPLICATE },
		{ SQLITE_CONSTRAINT_PRIMARYKEY, SN_EDUPLICATE },
		{ SQLITE_CONSTRAINT_ROWID, SN_EDUPLICATE },
		{ SQLITE_BUSY, SN_EUNAVAILABLE },
		{ SQLITE_LOCKED, SN_EUNAVAILABLE },
		{ SQLITE_NOMEM, SN_EUNAVAILABLE },
		{ SQLITE_READONLY, SN_EUNAVAILABLE },
		{ SQLITE_IOERR, SN_EUNAVAILABLE },
		{ SQLITE_FULL, SN_EUNAVAILABLE },
		{ SQLITE_CANTOPEN, SN_EUNAVAILABLE },
		{ SQLITE_PROTOCOL, SN_EUNAVAILABLE },
		{ SQLITE_CORRUPT, SN_ECORRUPT },
		{ SQLITE_NOTADB, SN_ECORRUPT },
	};

	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return SN_OK;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].rc == rc || codes[i].rc == (rc & 0xff))
			return codes[i].code;
	return SN_ESQL;
}

static void log_failure(struct sn_sqlite *c, const char *text, int rc)
{
	const int code = sn_sqlite_code(rc);

	if (code == SN_EDUPLICATE)
		return;
	sn_log(&sn_store_log, SN_LOG_ERROR,
		code == SN_ESQL ? "statement-refused" : "database-failed",
		sn_f_cstr("error", sqlite3_errmsg(c->db)), sn_f_int("code", rc),
		sn_f_cstr("sql", text));
}

/* The cache */

static size_t slot_of(const struct sn_sqlite *c, const char *text)
{
	size_t i = (size_t)(((uintptr_t)text >> 3) * 0x9e3779b97f4a7c15u) & (c->space - 1);

	while (c->statements[i].text != NULL && c->statements[i].text != text)
		i = (i + 1) & (c->space - 1);
	return i;
}

static void grow(struct sn_sqlite *c)
{
	struct sn_sqlite_statement *old = c->statements;
	const size_t old_space = c->space;

	c->space = old_space ? old_space * 2 : FIRST_SPACE;
	c->statements = sn_alloc_array(c->space, sizeof(*c->statements));
	for (size_t i = 0; i < old_space; i++)
		if (old[i].text != NULL)
			c->statements[slot_of(c, old[i].text)] = old[i];
	sn_free(old);
}

static int find_positions(struct sn_sqlite_statement *s)
{
	const int count = sqlite3_bind_parameter_count(s->stmt);

	if (count > SN_SQL_ARGS_MAX)
		return SQLITE_RANGE;
	s->arg_count = (unsigned char)count;
	for (int i = 0; i < count; i++) {
		const char name[] = { '$', (char)(i < 9 ? '1' + i : '1'),
			(char)(i < 9 ? '\0' : '0' + (i + 1) % 10), '\0' };

		s->position[i] = (unsigned char)sqlite3_bind_parameter_index(s->stmt, name);
		if (s->position[i] == 0)
			return SQLITE_RANGE;
	}
	return SQLITE_OK;
}

static int refuse(const char *text, const char *why)
{
	sn_log(&sn_store_log, SN_LOG_ERROR, "statement-refused", sn_f_cstr("error", why),
		sn_f_cstr("sql", text));
	return SN_ESQL;
}

/* One statement, and nothing behind it. */
static int prepare(struct sn_sqlite *c, struct sn_sqlite_statement *s, const char *text)
{
	const char *rest = NULL;
	int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, &rest);

	if (rc != SQLITE_OK) {
		log_failure(c, text, rc);
		return rc;
	}
	if (s->stmt == NULL || sn_str_trim(sn_str(rest)).n > 0) {
		refuse(text, "not one statement");
		rc = SQLITE_MISUSE;
	} else if (find_positions(s) != SQLITE_OK) {
		refuse(text, "parameters must be $1, $2 and so on without gaps");
		rc = SQLITE_RANGE;
	}
	if (rc != SQLITE_OK) {
		sqlite3_finalize(s->stmt);
		s->stmt = NULL;
	}
	return rc;
}

/* A text whose memory was reused for another one is prepared anew. */
static int lookup(struct sn_sqlite *c, const char *text, struct sn_sqlite_statement **s_r)
{
	struct sn_sqlite_statement *s;

	if (c->count * 2 >= c->space)
		grow(c);
	s = &c->statements[slot_of(c, text)];
	*s_r = s;
	if (s->text == NULL) {
		s->text = text;
		c->count++;
	} else if (s->stmt != NULL && strcmp(sqlite3_sql(s->stmt), text) != 0) {
		sqlite3_finalize(s->stmt);
		s->stmt = NULL;
	}
	return s->stmt != NULL ? SQLITE_OK : prepare(c, s, text);
}

void sn_sqlite_fini(struct sn_sqlite *c)
{
	for (size_t i = 0; i < c->space; i++)
		sqlite3_finalize(c->statements[i].stmt);
	sn_free(c->statements);
	sqlite3_close(c->db);
	*c = (struct sn_sqlite){ .db = NULL };
}

/* Arguments and rows */

static int bind_one(sqlite3_stmt *stmt, int position, const struct sn_sql_value *v)
{
	const char *bytes = v->bytes.n > 0 ? v->bytes.p : "";

	switch (v->type) {
	case SN_SQL_NULL:
		return sqlite3_bind_null(stmt, position);
	case SN_SQL_INTEGER:
		return sqlite3_bind_int64(stmt, position, v->integer);
	case SN_SQL_TEXT:
		return sqlite3_bind_text64(
			stmt, position, bytes, v->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
	case SN_SQL_BLOB:
		return sqlite3_bind_blob64(stmt, position, bytes, v->bytes.n, SQLITE_STATIC);
	}
	sn_unreachable();
}

static int bind(struct sn_sqlite_statement *s, const struct sn_store_statement *statement)
{
	int rc = s->arg_count == statement->arg_count ? SQLITE_OK : SQLITE_RANGE;

	for (unsigned i = 0; rc == SQLITE_OK && i < s->arg_count; i++)
		rc = bind_one(s->stmt, s->position[i], &statement->args[i]);
	return rc;
}

/* A number with a fraction has no type of ours: it comes as text. */
static int take_cell(
	struct sn_store_request *r, sqlite3_stmt *stmt, int column, struct sn_sql_value *cell)
{
	const int type = sqlite3_column_type(stmt, column);
	const void *bytes;
	char *copy;
	size_t size;
	int err;

	if (type == SQLITE_NULL)
		return SN_OK;
	if (type == SQLITE_INTEGER) {
		*cell = sn_sql_integer(sqlite3_column_int64(stmt, column));
		return SN_OK;
	}
	cell->type = type == SQLITE_BLOB ? SN_SQL_BLOB : SN_SQL_TEXT;
	bytes = type == SQLITE_BLOB ? sqlite3_column_blob(stmt, column)
				    : (const void *)sqlite3_column_text(stmt, column);
	size = (size_t)sqlite3_column_bytes(stmt, column);
	err = sn_store_result_bytes(r, size, &copy);
	if (err != SN_OK)
		return err;
	if (size > 0)
		memcpy(copy, bytes, size);
	cell->bytes = sn_str_n(copy, size);
	return SN_OK;
}

static int take_row(struct sn_store_request *r, size_t i, sqlite3_stmt *stmt)
{
	const int columns = sqlite3_column_count(stmt);
	struct sn_sql_value *cells;
	int err = sn_store_result_add(r, i, (size_t)columns, &cells);

	for (int j = 0; err == SN_OK && j < columns; j++)
		err = take_cell(r, stmt, j, &cells[j]);
	return err;
}

static int step_all(struct sn_sqlite *c, struct sn_store_request *r, size_t i, sqlite3_stmt *stmt)
{
	const int64_t before = sqlite3_total_changes64(c->db);
	struct sn_sql_rows *rows = &r->results[i].rows;
	int rc = SQLITE_ROW, err = SN_OK;

	while (err == SN_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		err = take_row(r, i, stmt);
	rows->columns = (size_t)sqlite3_column_count(stmt);
	if (err != SN_OK)
		return err;
	if (sqlite3_total_changes64(c->db) != before)
		rows->changed = sqlite3_changes64(c->db);
	if (rc != SQLITE_DONE)
		log_failure(c, r->statements[i].text, rc);
	return sn_sqlite_code(rc);
}

int sn_sqlite_run(struct sn_sqlite *c, struct sn_store_request *r, size_t i)
{
	const struct sn_store_statement *statement = &r->statements[i];
	struct sn_sqlite_statement *s;
	int rc = lookup(c, statement->text, &s), err;

	if (rc != SQLITE_OK)
		return sn_sqlite_code(rc);
	if (!r->write && !sqlite3_stmt_readonly(s->stmt))
		return refuse(statement->text, "a read may not change anything");
	rc = bind(s, statement);
	err = rc == SQLITE_OK ? step_all(c, r, i, s->stmt)
			      : refuse(statement->text, "wrong number or size of arguments");
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	return err;
}

int sn_sqlite_exec(struct sn_sqlite *c, const char *text)
{
	struct sn_sqlite_statement *s;
	int rc = lookup(c, text, &s);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(s->stmt);
	sqlite3_reset(s->stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sn_sqlite_integer(struct sn_sqlite *c, const char *text, int64_t *value_r)
{
	struct sn_sqlite_statement *s;
	int rc = lookup(c, text, &s);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(s->stmt);
	if (rc == SQLITE_ROW)
		*value_r = sqlite3_column_int64(s->stmt, 0);
	sqlite3_reset(s->stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_EMPTY : rc;
}
