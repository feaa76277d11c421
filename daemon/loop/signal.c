#include "daemon/loop/signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LAST_SIGNAL 64

static uint64_t bit_of(int signo)
{
	return UINT64_C(1) << (signo - 1);
}

static void to_set(uint64_t mask, sigset_t *set_r)
{
	sigemptyset(set_r);
	for (int signo = 1; signo <= LAST_SIGNAL; signo++)
		if (mask & bit_of(signo))
			sigaddset(set_r, signo);
}

static uint64_t from_set(const sigset_t *set)
{
	uint64_t mask = 0;

	for (int signo = 1; signo <= LAST_SIGNAL; signo++)
		if (sigismember(set, signo) == 1)
			mask |= bit_of(signo);
	return mask;
}

static bool read_one(int fd, int *signo_r)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	*signo_r = (int)info.ssi_signo;
	return true;
}

/* One signal per turn is enough: what is left makes the descriptor readable again. */
static void on_signal(struct sn_watch *watch, unsigned events)
{
	struct sn_signal *sig = sn_container_of(watch, struct sn_signal, watch);
	int signo;

	(void)events;
	if (read_one(watch->fd, &signo))
		sig->fn(sig, signo);
}

static int to_mask(const int *signos, uint64_t *mask_r)
{
	*mask_r = 0;
	for (; *signos != 0; signos++) {
		if (*signos < 1 || *signos > LAST_SIGNAL)
			return -EINVAL;
		*mask_r |= bit_of(*signos);
	}
	return SN_OK;
}

static int open_signals(struct sn_loop *loop, struct sn_signal *sig, const sigset_t *set)
{
	int err, fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	err = sn_watch_set(loop, &sig->watch, fd, SN_READABLE, on_signal);
	if (err != SN_OK)
		close(fd);
	return err;
}

int sn_signal_start(struct sn_loop *loop, struct sn_signal *sig, const int *signos, sn_signal_fn fn)
{
	sigset_t set, before;
	int err;

	sn_assert(fn != NULL);
	sig->fn = fn;
	err = to_mask(signos, &sig->mask);
	if (err != SN_OK)
		return err;
	to_set(sig->mask, &set);
	err = open_signals(loop, sig, &set);
	if (err != SN_OK)
		return err;
	err = pthread_sigmask(SIG_BLOCK, &set, &before);
	sn_assert(err == 0);
	sig->mask &= ~from_set(&before);
	return SN_OK;
}

void sn_signal_stop(struct sn_signal *sig)
{
	int fd = sig->watch.fd, signo;
	sigset_t set;

	if (sig->watch.loop == NULL)
		return;
	sn_watch_clear(&sig->watch);
	/* One that came but was not heard would end the process as soon as it is unblocked. */
	while (read_one(fd, &signo))
		;
	close(fd);
	to_set(sig->mask, &set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void sn_signal_ignore_pipe(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int err = sigaction(SIGPIPE, &ignore, NULL);

	sn_assert(err == 0);
}
