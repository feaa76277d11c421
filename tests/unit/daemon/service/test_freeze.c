#include "daemon/service/freeze.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/unit.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(sockets_left_are_closed)
{
	struct sn_frozen *frozen = sn_frozen_new();
	int fds[9];

	for (size_t i = 0; i < 9; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		sn_frozen_add_socket(frozen, fds[i]);
	}
	ck_assert_uint_eq(frozen->socket_count, 9);
	for (size_t i = 0; i < 9; i++)
		ck_assert_int_eq(frozen->sockets[i], fds[i]);
	frozen->sockets[4] = -1; /* somebody took it */
	sn_frozen_free(&frozen);
	ck_assert_ptr_null(frozen);
	for (size_t i = 0; i < 9; i++)
		ck_assert_int_eq(is_open(fds[i]), i == 4);
	close(fds[4]);
	sn_frozen_free(&frozen); /* nothing happens */
}
END_TEST

Suite *sn_suite_freeze(void);
Suite *sn_suite_freeze(void)
{
	Suite *suite = suite_create("service/freeze");
	TCase *tc = tcase_create("freeze");

	tcase_add_test(tc, sockets_left_are_closed);
	suite_add_tcase(suite, tc);
	return suite;
}
