#include "daemon/base/mem.h"
#include "daemon/store/pq_private.h"

const char *sn_pq_message(const char *message, char *buf, size_t size)
{
	struct sn_str line, rest = sn_str_trim(sn_str(message));
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, buf, size);
	while (sn_str_split(&rest, '\n', &line)) {
		if (b.n > 0)
			sn_strbuf_addc(&b, ' ');
		sn_strbuf_add(&b, sn_str_trim(line));
	}
	return buf;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val != NULL && options->val[0] != '\0' ? options->val
									       : NULL;
	return NULL;
}

char *sn_pq_describe(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	const char *name, *host;
	char *text;

	if (options == NULL)
		return sn_strdup("PostgreSQL");
	name = value_of(options, "dbname");
	host = value_of(options, "host");
	if (host == NULL)
		host = value_of(options, "hostaddr");
	text = sn_asprintf("PostgreSQL database %s at %s", name != NULL ? name : "(default)",
		host != NULL ? host : "the local socket");
	PQconninfoFree(options);
	return text;
}

/* Nothing of the library goes to our stderr; what matters is in results. */
static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static int refuse_connection(const char *url, const char *const *keywords,
	const char *const *values, PGconn *conn, struct sn_diag *diag)
{
	/* The server's words may be in any language: whether it is there, a ping tells. */
	const bool there = PQpingParams(keywords, values, 1) == PQPING_OK;
	char *where = sn_pq_describe(url), message[200];
	int code;

	sn_pq_message(PQerrorMessage(conn), message, sizeof(message));
	if (there)
		code = sn_diag_set(diag, SN_EDENIED, 0,
			"%s: the server refuses: %s: check user, password and database", where,
			message);
	else
		code = sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"%s: not reachable: %s: check host and port, and that the server runs",
			where, message);
	sn_free(where);
	return code;
}

static int refuse_session(const char *url, const char *why, struct sn_diag *diag)
{
	char *where = sn_pq_describe(url), message[200];
	int code = sn_diag_set(diag, SN_EUNAVAILABLE, 0, "%s: %s", where,
		sn_pq_message(why, message, sizeof(message)));

	sn_free(where);
	return code;
}

/* An administrator's synchronous_commit = off would break our promise. */
static int begin_session(PGconn *conn, const char *url, bool write, struct sn_diag *diag)
{
	const char *settings = write ? "SET client_min_messages = error; "
				       "SELECT set_config('synchronous_commit', 'on', false) "
				       "WHERE current_setting('synchronous_commit') = 'off'"
				     : "SET client_min_messages = error; "
				       "SET default_transaction_read_only = on";
	const char *encoding = PQparameterStatus(conn, "server_encoding");
	PGresult *result;
	int err = SN_OK;

	if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		return refuse_session(url,
			"its encoding is not UTF8: make another with createdb -E UTF8 -T template0",
			diag);
	result = PQexec(conn, settings);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		err = refuse_session(url, PQresultErrorMessage(result), diag);
	PQclear(result);
	return err;
}

int sn_pq_connect(const char *url, bool write, PGconn **conn_r, struct sn_diag *diag)
{
	/* What stands before the URL may be overridden by it. */
	static const char *const keywords[] = { "connect_timeout", "tcp_user_timeout",
		"fallback_application_name", "dbname", "client_encoding", NULL };
	const char *const values[] = { "5", "20000", "sennit", url, "UTF8", NULL };
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	int err;

	*conn_r = NULL;
	if (PQstatus(conn) != CONNECTION_OK) {
		err = refuse_connection(url, keywords, values, conn, diag);
		PQfinish(conn);
		return err;
	}
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	err = begin_session(conn, url, write, diag);
	if (err != SN_OK)
		PQfinish(conn);
	else
		*conn_r = conn;
	return err;
}
