#include "daemon/proc/notify.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/strbuf.h"
#include "daemon/base/text.h"

#define TEXT_MAX 1024

static uint64_t env_number(const char *name, uint64_t missing)
{
	const char *text = getenv(name);
	uint64_t value;

	if (text == NULL)
		return missing;
	return sn_parse_u64(sn_str(text), INT64_MAX / 1000, &value) == SN_OK ? value : 0;
}

/* WATCHDOG_PID says whom the manager means, when it says it. */
static int64_t watchdog_interval(void)
{
	const uint64_t pid = (uint64_t)getpid();

	if (env_number("WATCHDOG_PID", pid) != pid)
		return 0;
	return SN_US((int64_t)env_number("WATCHDOG_USEC", 0)) / 2;
}

static int on_watchdog(struct sn_every *every, uint64_t periods)
{
	struct sn_notify *notify = sn_container_of(every, struct sn_notify, watchdog);

	(void)periods;
	sn_notify_send(notify, "WATCHDOG=1");
	return SN_OK;
}

void sn_notify_start(struct sn_notify *notify, struct sn_loop *loop)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int64_t interval;

	*notify = (struct sn_notify){ .fd = -1 };
	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
		sn_addr_unix(sn_str(path), &notify->addr) != SN_OK)
		return;
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	interval = watchdog_interval();
	if (notify->fd >= 0 && interval > 0)
		sn_every_start(loop, &notify->watchdog, interval, false, on_watchdog);
}

void sn_notify_stop(struct sn_notify *notify)
{
	if (notify->fd < 0)
		return;
	if (notify->watchdog.fn != NULL)
		sn_every_stop(&notify->watchdog);
	close(notify->fd);
	notify->fd = -1;
}

void sn_notify_send(struct sn_notify *notify, const char *fmt, ...)
{
	char mem[TEXT_MAX];
	struct sn_strbuf text;
	va_list args;

	if (notify->fd < 0)
		return;
	sn_strbuf_fixed(&text, mem, sizeof(mem));
	va_start(args, fmt);
	sn_strbuf_addv(&text, fmt, args);
	va_end(args);
	(void)sendto(notify->fd, mem, text.n, MSG_NOSIGNAL | MSG_DONTWAIT, &notify->addr.sa,
		notify->addr.len);
}

void sn_notify_reloading(struct sn_notify *notify, int64_t mono_ns)
{
	sn_notify_send(notify, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading",
		(long long)(mono_ns / 1000));
}

bool sn_notify_is_ours(const char *variable)
{
	static const char *const names[] = { "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sn_str_starts(sn_str(variable), sn_str(names[i])))
			return true;
	}
	return false;
}
