#include "tests/support/log_capture.h"

#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/log.h"

static int fd = -1;
static char text[65536];

void log_capture_start(void)
{
	fd = memfd_create("log", MFD_CLOEXEC);
	sn_assert(fd >= 0);
	sn_log_start(&(struct sn_log_options){ .fd = fd, .format = SN_LOG_TEXT });
}

const char *log_capture_stop(void)
{
	ssize_t n;

	sn_log_stop(SN_SEC(10));
	n = pread(fd, text, sizeof(text) - 1, 0);
	sn_assert(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}
