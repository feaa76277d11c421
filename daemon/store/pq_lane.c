#include <poll.h>

#include "daemon/base/mem.h"
#include "daemon/store/pq_private.h"

/* How long a request may wait to be sent, and the server be silent with requests before it. */
#define WAIT_MAX SN_SEC(10)
#define SILENCE_MAX SN_SEC(30)
#define TICK SN_MS(250)

/*
 * What is sent for a transaction, and so the order of its results:
 *   PREPARE   the statements not known yet, and a sync
 *   BODY      BEGIN, the statements, and a sync: a failure skips the rest up to it
 *   END       COMMIT or ROLLBACK, and a sync. COMMIT of a failed transaction is a ROLLBACK to the
 *             server, so that it may be sent before the results are known.
 * A read has no BEGIN and no END.
 */
enum phase { PHASE_PREPARE, PHASE_BODY, PHASE_END, PHASES };

struct flight {
	struct sn_list link;
	struct sn_store_request *r;
	enum phase phase;
	size_t at; /* command of the phase whose results come next */
	size_t commands[PHASES];
	bool row_mode; /* asked for, for the command at */
	bool end_sent; /* from now on its outcome is the server's */
	bool committed;
	int64_t sent;
	int code;
	struct sn_pq_statement *prepared[SN_STORE_STATEMENTS_MAX];
};

static int64_t now_of(const struct sn_pq_lane *lane)
{
	return sn_loop_now(lane->store->loop);
}

static void count_end(struct sn_pq_lane *lane, const struct flight *f, int code)
{
	if (code != SN_OK && code != SN_ECANCELED)
		sn_store_count(lane->store, SN_STORE_FAILED, 1);
	if (!lane->write)
		sn_store_count(lane->store, SN_STORE_READS, 1);
	else if (code == SN_OK && f != NULL)
		sn_store_count_commit(
			lane->store, 1, sn_clock_mono(sn_loop_clock(lane->store->loop)) - f->sent);
}

static void answer(
	struct sn_pq_lane *lane, struct sn_store_request *r, const struct flight *f, int code)
{
	count_end(lane, f, code);
	lane->unanswered--;
	sn_store_request_finish(r, code);
}

/* Sending */

static bool send_command(PGconn *conn, const char *text)
{
	return PQsendQueryParams(conn, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static bool send_end(struct sn_pq_lane *lane, struct flight *f)
{
	lane->held = false;
	f->end_sent = true;
	return send_command(lane->conn, f->code == SN_OK ? "COMMIT" : "ROLLBACK") &&
		PQpipelineSync(lane->conn) == 1;
}

/* The statements of a request, each looked up; those the server does not know are sent first. */
static bool send_prepares(
	struct sn_pq_lane *lane, struct flight *f, struct sn_pq_statement *const *statements)
{
	bool ok = true;

	for (size_t i = 0; ok && i < f->r->count; i++) {
		if (sn_pq_is_prepared(statements[i]))
			continue;
		ok = sn_pq_send_prepare(lane->conn, statements[i]);
		sn_pq_set_prepared(statements[i], true);
		f->prepared[f->commands[PHASE_PREPARE]++] = statements[i];
	}
	if (ok && f->commands[PHASE_PREPARE] > 0)
		ok = PQpipelineSync(lane->conn) == 1;
	return ok;
}

static bool send_body(
	struct sn_pq_lane *lane, struct flight *f, struct sn_pq_statement *const *statements)
{
	bool ok = !lane->write || send_command(lane->conn, "BEGIN");

	for (size_t i = 0; ok && i < f->r->count; i++)
		ok = sn_pq_send(lane->conn, statements[i], &f->r->statements[i]);
	return ok && PQpipelineSync(lane->conn) == 1;
}

static bool decides_alone(const struct sn_store_request *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!sn_pq_needs_no_answer(&r->statements[i]))
			return false;
	return true;
}

static bool send_flight(struct sn_pq_lane *lane, struct sn_store_request *r,
	struct sn_pq_statement *const *statements)
{
	struct flight *f = sn_alloc_zero(sizeof(*f));
	bool ok;

	f->r = r;
	f->sent = sn_clock_mono(sn_loop_clock(lane->store->loop));
	if (sn_list_empty(&lane->flights))
		lane->heard = now_of(lane);
	sn_list_append(&lane->flights, &f->link);
	lane->in_flight++;
	ok = send_prepares(lane, f, statements) && send_body(lane, f, statements);
	f->phase = f->commands[PHASE_PREPARE] > 0 ? PHASE_PREPARE : PHASE_BODY;
	f->commands[PHASE_BODY] = r->count + lane->write;
	f->commands[PHASE_END] = 1;
	lane->held = lane->write && !decides_alone(r);
	if (ok && lane->write && !lane->held)
		ok = send_end(lane, f);
	return ok;
}

static bool send_request(struct sn_pq_lane *lane, struct sn_store_request *r)
{
	struct sn_pq_statement *statements[SN_STORE_STATEMENTS_MAX];

	if (!lane->write && atomic_load_explicit(&r->unwanted, memory_order_relaxed)) {
		answer(lane, r, NULL, SN_ECANCELED);
		return true;
	}
	for (size_t i = 0; i < r->count; i++) {
		statements[i] = sn_pq_statement(&lane->statements, &r->statements[i]);
		if (statements[i] == NULL) {
			answer(lane, r, NULL, SN_ESQL);
			return true;
		}
	}
	return send_flight(lane, r, statements);
}

static bool flush(struct sn_pq_lane *lane)
{
	const int left = PQflush(lane->conn);

	if (left >= 0)
		sn_watch_want(&lane->watch, left > 0 ? SN_READABLE | SN_WRITABLE : SN_READABLE);
	return left >= 0;
}

static bool send_waiting(struct sn_pq_lane *lane)
{
	bool ok = true;

	while (ok && !lane->held && lane->in_flight < SN_PQ_WINDOW &&
		!sn_list_empty(&lane->waiting))
		ok = send_request(lane,
			sn_container_of(
				sn_list_pop(&lane->waiting), struct sn_store_request, link));
	return ok && flush(lane);
}

/* Receiving */

static void fail_flight(struct flight *f, int code)
{
	if (f->code == SN_OK)
		f->code = code;
}

static size_t statement_of(const struct sn_pq_lane *lane, const struct flight *f)
{
	return lane->write ? f->at - 1 : f->at;
}

/* Is the command whose results come next a statement of the request's? */
static bool in_statement(const struct sn_pq_lane *lane, const struct flight *f)
{
	return f->phase == PHASE_BODY && f->at < f->commands[PHASE_BODY] &&
		(!lane->write || f->at > 0);
}

static struct sn_pq_statement *being_prepared(const struct flight *f)
{
	return f->phase == PHASE_PREPARE && f->at < f->commands[PHASE_PREPARE] ? f->prepared[f->at]
									       : NULL;
}

static const char *text_of(const struct sn_pq_lane *lane, const struct flight *f)
{
	if (being_prepared(f) != NULL)
		return sn_pq_text(being_prepared(f));
	return f->r->statements[in_statement(lane, f) ? statement_of(lane, f) : 0].text;
}

/* What is not prepared after all: it failed, or a failure before it made the server skip it. */
static void take_skipped(struct flight *f)
{
	if (being_prepared(f) != NULL)
		sn_pq_set_prepared(being_prepared(f), false);
}

static void take_failure(struct sn_pq_lane *lane, struct flight *f, const PGresult *result)
{
	take_skipped(f);
	if (f->code == SN_OK)
		fail_flight(f, sn_pq_failure(result, text_of(lane, f), lane->write));
}

static void take_success(struct sn_pq_lane *lane, struct flight *f, PGresult *result)
{
	if (in_statement(lane, f)) {
		const int err = f->code == SN_OK
			? sn_pq_take_rows(f->r, statement_of(lane, f), result)
			: SN_OK;

		fail_flight(f, err);
	} else if (f->phase == PHASE_END) {
		f->committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
	}
}

static void take_result(struct sn_pq_lane *lane, struct flight *f, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		take_success(lane, f, result);
		break;
	case PGRES_PIPELINE_ABORTED:
		take_skipped(f);
		break;
	default:
		take_failure(lane, f, result);
	}
}

/* All results of a command are there. False: more than were asked for. */
static bool end_command(struct sn_pq_lane *lane, struct flight *f)
{
	if (f->at >= f->commands[f->phase])
		return false;
	if (in_statement(lane, f) && f->code == SN_OK)
		fail_flight(f, sn_store_result_expect(f->r, statement_of(lane, f)));
	f->at++;
	f->row_mode = false;
	return true;
}

static void end_flight(struct sn_pq_lane *lane, struct flight *f)
{
	if (lane->write && !f->committed)
		fail_flight(f, SN_ESQL);
	sn_list_remove(&f->link);
	lane->in_flight--;
	answer(lane, f->r, f, f->code);
	sn_free(f);
}

/* A sync has come back. */
static bool end_phase(struct sn_pq_lane *lane, struct flight *f)
{
	bool ok = true;

	f->at = 0;
	f->phase++;
	if (f->phase == PHASE_END && !lane->write)
		f->phase = PHASES;
	if (f->phase == PHASE_END && !f->end_sent)
		ok = send_end(lane, f);
	if (f->phase == PHASES)
		end_flight(lane, f);
	return ok;
}

/* Rows are asked for one by one, before the library looks at what has arrived, so that more than
 * the limit never pile up in its memory. */
static void ask_for_rows(struct sn_pq_lane *lane, struct flight *f)
{
	if (!f->row_mode && in_statement(lane, f))
		f->row_mode = PQsetSingleRowMode(lane->conn) == 1;
}

static bool receive(struct sn_pq_lane *lane)
{
	bool ok = PQconsumeInput(lane->conn) == 1;

	while (ok && !sn_list_empty(&lane->flights)) {
		struct flight *f = sn_container_of(lane->flights.next, struct flight, link);
		PGresult *result;

		ask_for_rows(lane, f);
		if (PQisBusy(lane->conn))
			break;
		result = PQgetResult(lane->conn);
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			ok = end_phase(lane, f);
		} else if (result != NULL) {
			take_result(lane, f, result);
			ok = PQstatus(lane->conn) == CONNECTION_OK;
		} else {
			ok = end_command(lane, f);
		}
		PQclear(result);
	}
	lane->heard = now_of(lane);
	return ok;
}

/* The connection */

/* Back in line, in the old order; an outcome that only the server knew is a failure. */
static void take_back(struct sn_pq_lane *lane)
{
	while (!sn_list_empty(&lane->flights)) {
		struct flight *f = sn_container_of(lane->flights.prev, struct flight, link);

		sn_list_remove(&f->link);
		if (f->end_sent) {
			answer(lane, f->r, f,
				f->committed               ? SN_OK
					: f->code != SN_OK ? f->code
							   : SN_EUNAVAILABLE);
		} else {
			sn_store_result_reset(f->r);
			sn_list_prepend(&lane->waiting, &f->r->link);
		}
		sn_free(f);
	}
	lane->in_flight = 0;
	lane->held = false;
}

static void disconnect(struct sn_pq_lane *lane)
{
	sn_watch_forget(&lane->watch); /* the library may have closed it already */
	PQfinish(lane->conn);
	lane->conn = NULL;
	sn_pq_statements_forget(&lane->statements);
	take_back(lane);
}

static void lose(struct sn_pq_lane *lane, const char *why)
{
	char message[200];

	sn_log(&sn_store_log, SN_LOG_WARN, "connection-lost",
		sn_f_cstr("error", sn_pq_message(why, message, sizeof(message))),
		sn_f_uint("under-way", lane->in_flight));
	disconnect(lane);
	lane->on_lost(lane);
}

static void serve(struct sn_pq_lane *lane, unsigned events)
{
	bool ok = true;

	if ((events & (SN_READABLE | SN_HANGUP)) != 0)
		ok = receive(lane);
	if (ok)
		ok = send_waiting(lane);
	if (!ok)
		lose(lane, PQerrorMessage(lane->conn));
}

static void on_event(struct sn_watch *watch, unsigned events)
{
	serve(sn_container_of(watch, struct sn_pq_lane, watch), events);
}

static void on_pump(struct sn_task *task)
{
	struct sn_pq_lane *lane = sn_container_of(task, struct sn_pq_lane, pump);

	if (lane->conn != NULL)
		serve(lane, 0);
}

static void expire(struct sn_pq_lane *lane, int64_t until)
{
	while (!sn_list_empty(&lane->waiting)) {
		struct sn_store_request *r =
			sn_container_of(lane->waiting.next, struct sn_store_request, link);

		if (r->deadline > until)
			break;
		sn_list_remove(&r->link);
		answer(lane, r, NULL, SN_EUNAVAILABLE);
	}
}

static void on_tick(struct sn_timer *timer)
{
	struct sn_pq_lane *lane = sn_container_of(timer, struct sn_pq_lane, timer);
	const int64_t now = now_of(lane);

	if (lane->in_flight > 0 && now - lane->heard >= SILENCE_MAX)
		lose(lane, "the server is silent");
	expire(lane, now);
	if (lane->unanswered > 0)
		sn_timer_set(lane->store->loop, timer, TICK, on_tick);
}

void sn_pq_lane_init(struct sn_pq_lane *lane, struct sn_store *store, bool write,
	void (*on_lost)(struct sn_pq_lane *lane))
{
	*lane = (struct sn_pq_lane){
		.store = store,
		.write = write,
		.watch.fd = -1,
		.pump.fn = on_pump,
		.on_lost = on_lost,
	};
	sn_list_init(&lane->waiting);
	sn_list_init(&lane->flights);
}

int sn_pq_lane_adopt(struct sn_pq_lane *lane, PGconn *conn)
{
	int err = SN_EUNAVAILABLE;

	if (PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) == 1)
		err = sn_watch_set(
			lane->store->loop, &lane->watch, PQsocket(conn), SN_READABLE, on_event);
	if (err != SN_OK) {
		PQfinish(conn);
		return err;
	}
	lane->conn = conn;
	sn_loop_defer(lane->store->loop, &lane->pump);
	return SN_OK;
}

int sn_pq_lane_submit(struct sn_pq_lane *lane, struct sn_store_request *r)
{
	struct sn_loop *loop = lane->store->loop;

	if (lane->unanswered >= lane->store->queue_max)
		return SN_EBUSY;
	lane->unanswered++;
	r->deadline = now_of(lane) + WAIT_MAX;
	sn_list_append(&lane->waiting, &r->link);
	sn_loop_defer(loop, &lane->pump);
	if (!sn_timer_armed(&lane->timer))
		sn_timer_set(loop, &lane->timer, TICK, on_tick);
	return SN_OK;
}

static void wait_for_server(struct sn_pq_lane *lane, int64_t left)
{
	struct pollfd p = { .fd = PQsocket(lane->conn), .events = POLLIN };

	if ((lane->watch.events & SN_WRITABLE) != 0)
		p.events |= POLLOUT;
	if (poll(&p, 1, (int)(left / SN_MS(1)) + 1) > 0)
		serve(lane, p.revents & (POLLIN | POLLHUP | POLLERR) ? SN_READABLE : SN_WRITABLE);
}

void sn_pq_lane_drain(struct sn_pq_lane *lane, int64_t deadline)
{
	if (lane->conn != NULL)
		serve(lane, 0);
	while (lane->conn != NULL && lane->unanswered > 0) {
		const int64_t left = deadline - sn_clock_mono(&sn_clock_system);

		if (left <= 0)
			break;
		wait_for_server(lane, left);
	}
	if (lane->conn != NULL)
		disconnect(lane);
	expire(lane, INT64_MAX);
}

void sn_pq_lane_fini(struct sn_pq_lane *lane)
{
	sn_assert(lane->unanswered == 0 && lane->conn == NULL);
	sn_timer_clear(&lane->timer);
	sn_task_cancel(&lane->pump);
	sn_pq_statements_fini(&lane->statements);
}
