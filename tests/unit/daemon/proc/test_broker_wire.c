#include "daemon/proc/broker_wire.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/unit.h"

static char mem[4096];
static struct sn_pool *pool;

static void setup(void)
{
	pool = sn_pool_new(0);
}

static void teardown(void)
{
	sn_pool_free(&pool);
}

START_TEST(a_password_survives)
{
	const struct sn_ask_verify ask = { SN_STR("sennit"), SN_STR("alice"), { "a\0b", 3 },
		SN_STR("192.0.2.1") };
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_ask_verify again;
	struct sn_reader r;

	sn_ask_verify_write(&w, &ask);
	r = sn_reader(sn_writer_str(&w));
	ck_assert_int_eq(sn_ask_verify_read(&r, &again), SN_OK);
	ck_assert(sn_str_eq(again.service, ask.service) && sn_str_eq(again.user, ask.user));
	ck_assert(sn_str_eq(again.password, ask.password) && sn_str_eq(again.peer, ask.peer));
}
END_TEST

START_TEST(files_and_names_survive)
{
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_ask_open open_again;
	struct sn_ask_lookup lookup_again;
	struct sn_reader r;

	sn_ask_open_write(&w, &(struct sn_ask_open){ SN_STR("alice"), SN_STR("%h/x") });
	r = sn_reader(sn_writer_str(&w));
	ck_assert_int_eq(sn_ask_open_read(&r, &open_again), SN_OK);
	ck_assert_str_view(open_again.path, "%h/x");
	w = sn_writer(mem, sizeof(mem));
	sn_ask_lookup_write(&w, &(struct sn_ask_lookup){ SN_STR_NULL, 4294967294 });
	r = sn_reader(sn_writer_str(&w));
	ck_assert_int_eq(sn_ask_lookup_read(&r, &lookup_again), SN_OK);
	ck_assert_uint_eq(lookup_again.uid, 4294967294);
}
END_TEST

static struct sn_str write_spawn(void)
{
	static const char *const argv[] = { "sh", "-c", "", NULL };
	static const char *const env[] = { "A=1", NULL };
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_ask_spawn_write(&w,
		&(struct sn_ask_spawn){
			.user = SN_STR("alice"),
			.service = SN_STR("sennit"),
			.peer = SN_STR("host"),
			.dir = "",
			.argv = argv,
			.env = env,
			.pty = true,
			.rows = 25,
			.columns = 80,
		});
	ck_assert_int_eq(w.err, SN_OK);
	return sn_writer_str(&w);
}

START_TEST(a_program_survives)
{
	struct sn_reader r = sn_reader(write_spawn());
	struct sn_ask_spawn again;

	ck_assert_int_eq(sn_ask_spawn_read(&r, pool, &again), SN_OK);
	ck_assert_str_view(again.user, "alice");
	ck_assert_str_eq(again.dir, "");
	ck_assert_ptr_null(again.term);
	ck_assert_str_eq(again.argv[0], "sh");
	ck_assert_str_eq(again.argv[2], "");
	ck_assert_ptr_null(again.argv[3]);
	ck_assert_str_eq(again.env[0], "A=1");
	ck_assert(again.pty && again.rows == 25 && again.columns == 80);
}
END_TEST

START_TEST(a_login_shell_has_no_arguments)
{
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_ask_spawn again;
	struct sn_reader r;

	sn_ask_spawn_write(&w, &(struct sn_ask_spawn){ .user = SN_STR("alice") });
	r = sn_reader(sn_writer_str(&w));
	ck_assert_int_eq(sn_ask_spawn_read(&r, pool, &again), SN_OK);
	ck_assert_ptr_null(again.argv);
	ck_assert_ptr_nonnull(again.env);
	ck_assert_ptr_null(again.env[0]);
}
END_TEST

/* Any cut, and anything behind the end, is a violation. */
START_TEST(what_is_cut_is_refused)
{
	const struct sn_str whole = write_spawn();
	struct sn_ask_spawn again;
	struct sn_ask_verify verify;
	struct sn_reader r;

	for (size_t n = 0; n < whole.n; n++) {
		r = sn_reader(sn_str_sub(whole, 0, n));
		ck_assert_int_eq(sn_ask_spawn_read(&r, pool, &again), SN_EPROTO);
	}
	r = sn_reader(sn_str_n(whole.p, whole.n + 1));
	ck_assert_int_eq(sn_ask_spawn_read(&r, pool, &again), SN_EPROTO);
	r = sn_reader(SN_STR("\x06sennit"));
	ck_assert_int_eq(sn_ask_verify_read(&r, &verify), SN_EPROTO);
}
END_TEST

/* A word with a NUL would be another word in C. */
START_TEST(words_hold_no_nul)
{
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	static const char *const argv[] = { "abcde", NULL };
	struct sn_ask_spawn again;
	struct sn_reader r;

	sn_ask_spawn_write(&w, &(struct sn_ask_spawn){ .argv = argv });
	for (size_t i = 0; i < w.n; i++) {
		if (mem[i] == 'c')
			mem[i] = '\0';
	}
	r = sn_reader(sn_writer_str(&w));
	ck_assert_int_eq(sn_ask_spawn_read(&r, pool, &again), SN_EPROTO);
}
END_TEST

static struct sn_str listener_bytes(const struct sn_layout_listener *listener, char *to, size_t n)
{
	struct sn_writer w = sn_writer(to, n);

	sn_broker_listener_write(&w, listener);
	return sn_writer_str(&w);
}

START_TEST(listeners_differ_by_what_is_bound)
{
	struct sn_layout_listener a = { .socktype = SOCK_STREAM, .backlog = 5 }, b;
	char one[512], other[512];

	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 25, &a.addr), SN_OK);
	b = a;
	b.text = SN_STR("said in another way");
	ck_assert(sn_str_eq(
		listener_bytes(&a, one, sizeof(one)), listener_bytes(&b, other, sizeof(other))));
	sn_addr_set_port(&b.addr, 26);
	ck_assert(!sn_str_eq(
		listener_bytes(&a, one, sizeof(one)), listener_bytes(&b, other, sizeof(other))));
	b = a;
	b.user = SN_STR("root");
	ck_assert(!sn_str_eq(
		listener_bytes(&a, one, sizeof(one)), listener_bytes(&b, other, sizeof(other))));
}
END_TEST

START_TEST(packets_carry_descriptors)
{
	static char packet_mem[SN_PACKET_MAX];
	struct sn_packet packet;
	int fds[2], sent[2];

	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(sn_packet_receive(fds[1], packet_mem, &packet), SN_AGAIN);
	ck_assert_int_eq(pipe(sent), 0);
	ck_assert_int_eq(sn_packet_send(fds[0], SN_STR("hello"), sent, 2), SN_OK);
	ck_assert_int_eq(sn_packet_receive(fds[1], packet_mem, &packet), SN_OK);
	ck_assert_uint_eq(packet.size, 5);
	ck_assert_uint_eq(packet.fd_count, 2);
	ck_assert_int_eq(fcntl(packet.fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(packet.fds[1], "x", 1), 1);
	ck_assert_int_eq(read(sent[0], packet_mem, 1), 1);
	sn_packet_close_fds(&packet);
	/* An empty one is no end of the channel, whatever recvmsg says. */
	ck_assert_int_eq(sn_packet_send(fds[0], SN_STR(""), &sent[0], 1), SN_OK);
	(void)close(sent[0]);
	ck_assert_int_eq(sn_packet_receive(fds[1], packet_mem, &packet), SN_CLOSE);
	ck_assert_uint_eq(packet.fd_count, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(write(sent[1], "x", 1), -1); /* nobody has the other end any more */
	(void)close(sent[1]);
	(void)close(fds[0]);
	ck_assert_int_eq(sn_packet_receive(fds[1], packet_mem, &packet), SN_CLOSE);
	(void)close(fds[1]);
}
END_TEST

START_TEST(a_packet_too_large_is_refused)
{
	static char packet_mem[SN_PACKET_MAX + 1];
	struct sn_packet packet;
	int fds[2];

	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(
		sn_packet_send(fds[0], sn_str_n(packet_mem, sizeof(packet_mem)), fds, 1), SN_OK);
	ck_assert_int_eq(sn_packet_receive(fds[1], packet_mem, &packet), SN_EPROTO);
	ck_assert_uint_eq(packet.fd_count, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

Suite *broker_wire_suite(void);

Suite *broker_wire_suite(void)
{
	Suite *suite = suite_create("broker_wire");
	TCase *tc = tcase_create("broker_wire");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_password_survives);
	tcase_add_test(tc, files_and_names_survive);
	tcase_add_test(tc, a_program_survives);
	tcase_add_test(tc, a_login_shell_has_no_arguments);
	tcase_add_test(tc, what_is_cut_is_refused);
	tcase_add_test(tc, words_hold_no_nul);
	tcase_add_test(tc, listeners_differ_by_what_is_bound);
	tcase_add_test(tc, packets_carry_descriptors);
	tcase_add_test(tc, a_packet_too_large_is_refused);
	suite_add_tcase(suite, tc);
	return suite;
}
