#include <fcntl.h>
#include <unistd.h>

#include "daemon/proc/supervisor_upgrade.h"
#include "tests/support/unit.h"

static struct sn_list list;
static char body[512];

static int some_fd(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void setup(void)
{
	sn_list_init(&list);
	(void)sn_moving_add(&list, SN_STR("irc"));
}

static void teardown(void)
{
	sn_moving_free_all(&list);
}

/* FROZEN of a service; fd -1: without a state. */
static int frozen(const char *service, uint32_t sockets, uint64_t closed, int fd)
{
	struct sn_writer w = sn_writer(body, sizeof(body));
	struct sn_ipc_message message = { .type = SN_IPC_FROZEN, .fds = &fd, .fd_count = fd >= 0 };
	int code;

	sn_write_str16(&w, sn_str(service));
	sn_write_u32(&w, sockets);
	sn_write_u64(&w, closed);
	message.body = sn_reader(sn_writer_str(&w));
	code = sn_moving_frozen(&list, &message);
	if (fd >= 0)
		(void)close(fd); /* as the channel does with what nobody took */
	return code;
}

static int sockets(const char *service, uint32_t first, size_t count)
{
	struct sn_writer w = sn_writer(body, sizeof(body));
	int fds[8], code;
	struct sn_ipc_message message = { .type = SN_IPC_SOCKETS, .fds = fds, .fd_count = count };

	for (size_t i = 0; i < count; i++)
		fds[i] = some_fd();
	sn_write_str16(&w, sn_str(service));
	sn_write_u32(&w, first);
	message.body = sn_reader(sn_writer_str(&w));
	code = sn_moving_sockets(&list, &message);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	return code;
}

START_TEST(all_of_it_arrives)
{
	uint64_t moved = 0, closed = 0;

	ck_assert(!sn_moving_complete(&list));
	ck_assert_int_eq(frozen("irc", 5, 2, some_fd()), SN_OK);
	ck_assert(!sn_moving_complete(&list));
	ck_assert_int_eq(sockets("irc", 0, 3), SN_OK);
	ck_assert_int_eq(sockets("irc", 3, 2), SN_OK);
	ck_assert(sn_moving_complete(&list));
	sn_moving_count(&list, &moved, &closed);
	ck_assert_uint_eq(moved, 5);
	ck_assert_uint_eq(closed, 2);
}
END_TEST

START_TEST(one_that_cannot_move)
{
	uint64_t moved = 0, closed = 0;

	ck_assert_int_eq(frozen("irc", 0, 7, -1), SN_OK);
	ck_assert(sn_moving_complete(&list));
	sn_moving_count(&list, &moved, &closed);
	ck_assert_uint_eq(moved, 0);
	ck_assert_uint_eq(closed, 7);
}
END_TEST

START_TEST(what_makes_no_sense)
{
	ck_assert_int_eq(sockets("irc", 0, 1), SN_EPROTO); /* not frozen yet */
	ck_assert_int_eq(frozen("web", 1, 0, some_fd()), SN_EPROTO);
	ck_assert_int_eq(frozen("irc", 1, 0, -1), SN_EPROTO); /* sockets of no state */
	ck_assert_int_eq(frozen("irc", UINT32_MAX, 0, some_fd()), SN_EPROTO);
	ck_assert_int_eq(frozen("irc", 2, 0, some_fd()), SN_OK);
	ck_assert_int_eq(frozen("irc", 2, 0, some_fd()), SN_EPROTO); /* again */
	ck_assert_int_eq(sockets("irc", 1, 1), SN_EPROTO);           /* a gap */
	ck_assert_int_eq(sockets("irc", 0, 3), SN_EPROTO);           /* too many */
	ck_assert_int_eq(sockets("irc", 0, 2), SN_OK);
	ck_assert_int_eq(sockets("irc", 2, 1), SN_EPROTO);
	ck_assert(sn_moving_complete(&list));
}
END_TEST

START_TEST(the_rest_will_not_come)
{
	uint64_t moved = 0, closed = 0;

	(void)sn_moving_add(&list, SN_STR("web"));
	ck_assert_int_eq(frozen("irc", 2, 0, some_fd()), SN_OK);
	ck_assert_int_eq(sockets("irc", 0, 1), SN_OK);
	sn_moving_cut(&list);
	ck_assert(sn_moving_complete(&list));
	sn_moving_count(&list, &moved, &closed);
	ck_assert_uint_eq(moved, 0);
	ck_assert_int_eq(sockets("irc", 1, 1), SN_EPROTO);
}
END_TEST

Suite *supervisor_freeze_suite(void);
Suite *supervisor_freeze_suite(void)
{
	Suite *s = suite_create("proc/supervisor_freeze");
	TCase *t = tcase_create("supervisor_freeze");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_of_it_arrives);
	tcase_add_test(t, one_that_cannot_move);
	tcase_add_test(t, what_makes_no_sense);
	tcase_add_test(t, the_rest_will_not_come);
	suite_add_tcase(s, t);
	return s;
}
