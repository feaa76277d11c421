/* Handshakes whose costly step runs on the pool, and what may happen meanwhile. */
#include "tests/unit/daemon/net/tls_rig.h"

#include <errno.h>
#include <semaphore.h>

#include "daemon/net/tls_private.h"

static struct tls_rig rig;
static struct tls_raw raw;

static void set_up(void)
{
	tls_rig_init(&rig, true);
	tls_raw_init(&rig, &raw);
}

static void tear_down(void)
{
	tls_raw_fini(&raw);
	tls_rig_fini(&rig);
}

static const enum sn_tls_versions both[] = { SN_TLS_1_2_ONLY, SN_TLS_1_3_ONLY };

static const struct sn_tls_handshake *handshake_of(const struct tls_end *end)
{
	const struct sn_stream *s = end->user.stream;

	return s != NULL ? sn_container_of(s, const struct sn_stream_tls, stream)->handshake : NULL;
}

static bool job_runs(void)
{
	const struct sn_tls_handshake *hs = handshake_of(&rig.server);

	return hs != NULL && hs->running;
}

/* Until the server has handed its step to the pool. */
static void turn_into_job(void)
{
	sn_test_turn_until(rig.loop, job_runs());
}

START_TEST(test_offloaded)
{
	rig.server_options.versions = both[_i % 2];
	tls_rig_connect(&rig, _i / 2 ? 1 : 1 << 20, "example.org");
	turn_into_job();
	tls_rig_settle(&rig);
	ck_assert_uint_eq(rig.server.ready, 1);
	sn_stream_write(rig.client.user.stream, SN_STR("hello"));
	sn_test_turn_until(rig.loop, rig.server.received == 5);
	tls_rig_close(&rig);
	ck_assert_int_eq(rig.server.code, SN_CLOSE);
}
END_TEST

/* Not on the pool: the client's side, and a server without one. */
START_TEST(test_inline_without_pool)
{
	tls_rig_make_contexts(&rig);
	sn_tls_server_detach(rig.server_context);
	ck_assert_int_eq(sn_tls_server_attach(rig.server_context, rig.loop, NULL), SN_OK);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	while (rig.server.ready == 0) {
		sn_loop_turn(rig.loop, SN_MS(10));
		ck_assert(!job_runs());
	}
}
END_TEST

START_TEST(test_abort_while_running)
{
	for (int i = 0; i < 20; i++) {
		tls_rig_connect(&rig, 1 << 20, "example.org");
		turn_into_job();
		sn_stream_abort(rig.server.user.stream, SN_ECANCELED);
		sn_test_turn_until(
			rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
		ck_assert_uint_eq(rig.server.ready, 0);
		ck_assert_uint_eq(rig.server.ends, 1);
		ck_assert_int_eq(rig.server.code, SN_ECANCELED);
	}
}
END_TEST

/* Everything of the connection, the contexts too, goes before the job is done. */
START_TEST(test_drop_all_while_running)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_abort(rig.server.user.stream, SN_ECANCELED);
	sn_stream_abort(rig.client.user.stream, SN_ECANCELED);
	tls_rig_drop_contexts(&rig);
	sn_offload_free(&rig.pool);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
}
END_TEST

START_TEST(test_close_while_running)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_close(rig.server.user.stream);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_uint_eq(rig.server.ends, 1);
	ck_assert_uint_eq(rig.server.ready, 0);
}
END_TEST

START_TEST(test_peer_goes_while_running)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_abort(rig.client.user.stream, SN_ECANCELED);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_lt(rig.server.code, 0);
}
END_TEST

/* --- a pool that is held up --------------------------------------------------------------------
 */

struct blocker {
	struct sn_job job;
	sem_t started, go;
	bool done;
};

static int block(struct sn_job *job)
{
	struct blocker *blocker = sn_container_of(job, struct blocker, job);

	sem_post(&blocker->started);
	while (sem_wait(&blocker->go) < 0)
		;
	return SN_OK;
}

static void on_unblocked(struct sn_job *job, int code)
{
	(void)code;
	sn_container_of(job, struct blocker, job)->done = true;
}

static void start_blocker(struct blocker *blocker)
{
	*blocker = (struct blocker){ .job = { .work = block, .done = on_unblocked } };
	ck_assert_int_eq(sem_init(&blocker->started, 0, 0), 0);
	ck_assert_int_eq(sem_init(&blocker->go, 0, 0), 0);
	ck_assert_int_eq(sn_offload_run(rig.pool, rig.loop, &blocker->job), SN_OK);
}

static void end_blocker(struct blocker *blocker)
{
	sem_post(&blocker->go);
	sn_test_turn_until(rig.loop, blocker->done);
	sem_destroy(&blocker->go);
}

static void use_small_pool(unsigned queue_max)
{
	sn_offload_free(&rig.pool);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1, .queue_max = queue_max },
			&rig.pool),
		SN_OK);
}

/* Aborted before a thread took the job: it is canceled. */
START_TEST(test_abort_while_queued)
{
	struct blocker blocker;

	use_small_pool(10);
	start_blocker(&blocker);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_abort(rig.server.user.stream, SN_ECANCELED);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	end_blocker(&blocker);
}
END_TEST

/* The pool goes first, as when a worker ends. */
START_TEST(test_pool_goes)
{
	struct blocker blocker;

	use_small_pool(10);
	start_blocker(&blocker);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sem_post(&blocker.go);
	sn_tls_server_detach(rig.server_context);
	sn_offload_free(&rig.pool);
	sn_test_turn_until(rig.loop, rig.server.ready > 0 || tls_end_over(&rig.server));
	sem_destroy(&blocker.go);
	ck_assert_int_eq(sn_tls_server_attach(rig.server_context, rig.loop, NULL), SN_OK);
}
END_TEST

/* What the peer sends meanwhile waits in the lower stream, its end too. */
START_TEST(test_end_while_queued)
{
	struct blocker blocker;

	use_small_pool(10);
	start_blocker(&blocker);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_close(rig.client.user.stream->lower);
	for (int i = 0; i < 10; i++)
		sn_loop_turn(rig.loop, 0);
	ck_assert_uint_eq(rig.server.ends, 0);
	end_blocker(&blocker);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
	ck_assert_int_eq(rig.server.code, SN_EEOF);
	ck_assert_str_eq(rig.server.error, "peer closed during the handshake");
}
END_TEST

/*
 * The connection is reset while the job runs: lower is freed at the end of that turn, and the
 * result comes in the next one before the end of the TLS stream is told.
 */
START_TEST(test_result_after_lower_is_gone)
{
	struct blocker before, after;

	use_small_pool(10);
	start_blocker(&before);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	turn_into_job();
	sn_stream_abort(rig.server.user.stream->lower, -ECONNRESET);
	sn_loop_turn(rig.loop, 0);
	ck_assert_ptr_null(rig.server.user.stream->lower);
	ck_assert_uint_eq(rig.server.ends, 0);
	start_blocker(&after);
	sem_post(&before.go);
	while (sem_wait(&after.started) < 0) /* the one thread has done the step */
		;
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
	ck_assert_int_eq(rig.server.code, -ECONNRESET);
	end_blocker(&after);
	end_blocker(&before);
}
END_TEST

/* Queue full: the loop does the work itself. */
START_TEST(test_pool_full)
{
	struct blocker running, waiting;

	use_small_pool(1);
	start_blocker(&running);
	start_blocker(&waiting);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_uint_eq(rig.server.ready, 1);
	end_blocker(&running);
	end_blocker(&waiting);
}
END_TEST

/* --- odd hellos ------------------------------------------------------------------------------- */

/* The client's first guess of a group is one we do not have: it says hello twice. */
START_TEST(test_two_hellos)
{
	ck_assert_int_eq(SSL_CTX_set1_groups_list(raw.ctx, "P-384:X25519"), 1);
	ck_assert(tls_raw_talk(&rig, &raw));
	ck_assert_str_eq(rig.server.version, "TLSv1.3");
	tls_raw_close(&rig, &raw);
}
END_TEST

/* The failure happened on a pool thread; its reason and the alert come through all the same. */
START_TEST(test_failure_in_job)
{
	ck_assert_int_eq(SSL_CTX_set1_groups_list(raw.ctx, "P-384"), 1);
	ck_assert(!tls_raw_talk(&rig, &raw));
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
	ck_assert_int_eq(rig.server.code, SN_ETLS);
	ck_assert_str_eq(rig.server.error, "no suitable key share");
	sn_test_turn_until(rig.loop, raw.failed || raw.over);
	ck_assert_str_eq(raw.error, "sslv3 alert handshake failure");
	tls_raw_close(&rig, &raw);
}
END_TEST

/* --- many ------------------------------------------------------------------------------------- */

#define MANY 40

START_TEST(test_many)
{
	static struct tls_end servers[MANY], clients[MANY];
	unsigned left;

	tls_rig_make_contexts(&rig);
	for (int i = 0; i < MANY; i++) {
		tls_rig_connect(&rig, 1 << 20, "example.org");
		tls_end_init(&servers[i]);
		tls_end_init(&clients[i]);
		servers[i].frees = clients[i].frees = 0;
		sn_stream_set_user(rig.server.user.stream, &servers[i].user);
		sn_stream_set_user(rig.client.user.stream, &clients[i].user);
		rig.server.frees = rig.client.frees = 1;
	}
	do {
		sn_loop_turn(rig.loop, SN_MS(100));
		left = 0;
		for (int i = 0; i < MANY; i++)
			left += servers[i].ready == 0 || clients[i].ready == 0;
	} while (left > 0);
	for (int i = 0; i < MANY; i++)
		sn_stream_close(clients[i].user.stream);
	for (int i = 0; i < MANY; i++) {
		sn_test_turn_until(
			rig.loop, tls_end_over(&servers[i]) && tls_end_over(&clients[i]));
		ck_assert_int_eq(servers[i].code, SN_CLOSE);
	}
}
END_TEST

/* Who connects and says nothing costs no OpenSSL buffers: nothing was started. */
START_TEST(test_silent_client)
{
	struct sn_stream *server, *client, *top;
	const struct sn_stream_tls *tls;

	tls_rig_make_contexts(&rig);
	sn_stream_mem_pair(rig.loop, 1 << 20, &server, &client);
	ck_assert_int_eq(sn_stream_push_tls(server, rig.server_context, NULL, &top), SN_OK);
	tls = sn_container_of(top, const struct sn_stream_tls, stream);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(rig.loop, 0);
	ck_assert_int_eq(SSL_get_state(tls->ssl), TLS_ST_BEFORE);
	sn_stream_abort(top, SN_ECANCELED);
	sn_stream_abort(client, SN_ECANCELED);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(rig.loop, 0);
}
END_TEST

Suite *sn_suite_tls_handshake(void);

Suite *sn_suite_tls_handshake(void)
{
	Suite *suite = suite_create("tls_handshake");
	TCase *tc = tcase_create("tls_handshake");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_offloaded, 0, 4);
	tcase_add_test(tc, test_inline_without_pool);
	tcase_add_test(tc, test_abort_while_running);
	tcase_add_test(tc, test_drop_all_while_running);
	tcase_add_test(tc, test_close_while_running);
	tcase_add_test(tc, test_peer_goes_while_running);
	tcase_add_test(tc, test_abort_while_queued);
	tcase_add_test(tc, test_pool_goes);
	tcase_add_test(tc, test_end_while_queued);
	tcase_add_test(tc, test_result_after_lower_is_gone);
	tcase_add_test(tc, test_pool_full);
	tcase_add_test(tc, test_two_hellos);
	tcase_add_test(tc, test_failure_in_job);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_silent_client);
	suite_add_tcase(suite, tc);
	return suite;
}
