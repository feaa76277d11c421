#include "daemon/proc/utmp.h"

#include <fcntl.h>
#include <lastlog.h>
#include <paths.h>
#include <unistd.h>
#include <utmpx.h>

#include "daemon/base/clock.h"
#include "daemon/net/addr.h"

/* Fields are cut, and end in NUL only where there is room for one. */
static void fill(char *field, size_t size, const char *text)
{
	const size_t n = strlen(text);

	memcpy(field, text, n < size ? n : size);
}

static void fill_address(struct utmpx *entry, const char *host)
{
	struct sn_addr addr;

	if (sn_addr_parse(sn_str(host), 0, &addr) != SN_OK)
		return;
	sn_addr_unmap(&addr);
	if (addr.sa.sa_family == AF_INET)
		memcpy(entry->ut_addr_v6, &addr.in.sin_addr, sizeof(addr.in.sin_addr));
	else if (addr.sa.sa_family == AF_INET6)
		memcpy(entry->ut_addr_v6, &addr.in6.sin6_addr, sizeof(addr.in6.sin6_addr));
}

static void write_entry(const struct sn_utmp_login *login, short type, int64_t wall_ns)
{
	const size_t line_n = strlen(login->line);
	struct utmpx entry = { .ut_type = type, .ut_pid = login->pid };

	fill(entry.ut_line, sizeof(entry.ut_line), login->line);
	fill(entry.ut_id, sizeof(entry.ut_id),
		line_n > sizeof(entry.ut_id) ? &login->line[line_n - sizeof(entry.ut_id)]
					     : login->line);
	if (type == USER_PROCESS) {
		fill(entry.ut_user, sizeof(entry.ut_user), login->user);
		fill(entry.ut_host, sizeof(entry.ut_host), login->host);
		fill_address(&entry, login->host);
	}
	/* The fields have 32 bits in the file, until 2106. */
	entry.ut_tv.tv_sec = (__typeof__(entry.ut_tv.tv_sec))(wall_ns / SN_SEC(1));
	entry.ut_tv.tv_usec = (__typeof__(entry.ut_tv.tv_usec))(wall_ns % SN_SEC(1) / SN_US(1));
	setutxent();
	(void)pututxline(&entry);
	endutxent();
	updwtmpx(_PATH_WTMP, &entry);
}

/* A table with one entry for each uid. */
static void write_lastlog(const struct sn_utmp_login *login, int64_t wall_ns)
{
	struct lastlog entry = { .ll_time = (__typeof__(entry.ll_time))(wall_ns / SN_SEC(1)) };
	const int fd = open(_PATH_LASTLOG, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return;
	fill(entry.ll_line, sizeof(entry.ll_line), login->line);
	fill(entry.ll_host, sizeof(entry.ll_host), login->host);
	n = pwrite(fd, &entry, sizeof(entry), (off_t)login->uid * (off_t)sizeof(entry));
	(void)n;
	(void)close(fd);
}

void sn_utmp_login(const struct sn_utmp_login *login, int64_t wall_ns)
{
	write_entry(login, USER_PROCESS, wall_ns);
	write_lastlog(login, wall_ns);
}

void sn_utmp_logout(const struct sn_utmp_login *login, int64_t wall_ns)
{
	write_entry(login, DEAD_PROCESS, wall_ns);
}
