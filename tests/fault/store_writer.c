/*
 * For the store's fault tests: writes rows as fast as they are acknowledged, until it is killed or
 * its standard input ends, and says of each what became of it.
 *
 *   store_writer URL FIRST
 *
 * Prints "open" when the store is, then "ok ID" or "fail ID NAME". A transaction puts its ID into
 * two tables, so that half of one can be seen. After a failure it holds its breath for a moment.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "daemon/loop/timer.h"
#include "daemon/store/store.h"

#define UNDER_WAY 64
#define PAUSE SN_MS(20)

static const char *const tables[] = {
	"CREATE TABLE journal (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
	"CREATE TABLE mirror (id INTEGER PRIMARY KEY, body BLOB)",
	NULL,
};
static const char *const *const steps[] = { tables, NULL };
static const struct sn_store_schema schema = { .owner = "fault", .steps = steps };
static const struct sn_store_schema *const schemas[] = { &schema, NULL };

struct row {
	struct sn_waiter waiter;
	int64_t id;
};

static struct sn_loop *loop;
static struct sn_store *store;
static struct row rows[UNDER_WAY];
static struct sn_timer pause_timer;
static struct sn_watch input;
static int64_t next_id;

static void say(const char *line)
{
	/* One system call per line: a kill leaves whole lines. */
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(1);
}

static void on_written(struct sn_waiter *w, struct sn_promise *p, int code);

static struct sn_sql insert(const char *text, int64_t id, struct sn_sql_value body)
{
	return (struct sn_sql){
		.text = text,
		.args = { sn_sql_integer(id), body },
		.arg_count = 2,
		/* Every other one needs an answer before it is committed. */
		.expect = id % 2 == 0 ? 1 : -1,
	};
}

static void write_row(struct row *row)
{
	const int64_t id = next_id++;
	struct sn_sql both[2];
	char body[64] = "";

	snprintf(body, sizeof(body), "row %lld", (long long)id);
	both[0] = insert(
		"INSERT INTO journal (id, body) VALUES ($1, $2)", id, sn_sql_text(sn_str(body)));
	both[1] = insert("INSERT INTO mirror (id, body) VALUES ($1, $2)", id,
		sn_sql_blob(sn_str_n(body, sizeof(body))));
	row->id = id;
	sn_promise_wait(sn_store_write(store, both, 2), &row->waiter, on_written);
}

static void write_all(struct sn_timer *timer)
{
	(void)timer;
	for (size_t i = 0; i < UNDER_WAY; i++)
		if (!sn_waiter_waiting(&rows[i].waiter))
			write_row(&rows[i]);
}

static void on_written(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct row *row = sn_container_of(w, struct row, waiter);
	char line[64];

	(void)p;
	if (code == SN_OK)
		snprintf(line, sizeof(line), "ok %lld\n", (long long)row->id);
	else
		snprintf(
			line, sizeof(line), "fail %lld %s\n", (long long)row->id, sn_errname(code));
	say(line);
	if (code != SN_OK && !sn_timer_armed(&pause_timer))
		sn_timer_set(loop, &pause_timer, PAUSE, write_all);
	if (!sn_timer_armed(&pause_timer))
		write_row(row);
}

static void on_input(struct sn_watch *watch, unsigned events)
{
	(void)events;
	sn_watch_clear(watch);
	sn_loop_stop(loop, 0);
}

static int open_store(const char *url)
{
	const struct sn_store_options options = { .url = sn_str(url), .schemas = schemas };
	struct sn_diag diag = { .code = SN_OK };
	int err = sn_store_open(loop, &options, &store, &diag);

	if (err != SN_OK)
		fprintf(stderr, "%s: %s\n", sn_errname(err), diag.text);
	return err;
}

static void finish(void)
{
	sn_timer_clear(&pause_timer);
	sn_store_close(&store);
	for (size_t i = 0; i < UNDER_WAY; i++)
		sn_waiter_cancel(&rows[i].waiter);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
}

int main(int argc, char **argv)
{
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error like others */
	if (argc != 3 || sn_parse_i64(sn_str(argv[2]), 0, INT64_MAX, &next_id) != SN_OK) {
		fprintf(stderr, "usage: store_writer URL FIRST\n");
		return 64;
	}
	if (sn_loop_new(NULL, &loop) != SN_OK || open_store(argv[1]) != SN_OK)
		return 1;
	say("open\n");
	if (sn_watch_set(loop, &input, STDIN_FILENO, SN_READABLE, on_input) != SN_OK)
		return 1;
	write_all(NULL);
	sn_loop_run(loop);
	finish();
	return 0;
}
