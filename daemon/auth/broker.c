#include "daemon/auth/broker.h"

#include "daemon/base/assert.h"

#define SERVICE_NAME_MAX 64

bool sn_broker_service_valid(struct sn_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];

		if (!sn_ascii_alpha(c) && !sn_ascii_digit(c) && c != '-' && c != '_' &&
			(c != '.' || i == 0))
			return false;
	}
	return name.n > 0 && name.n <= SERVICE_NAME_MAX;
}

struct sn_promise *sn_broker_verify_password(struct sn_broker *broker, struct sn_str pam_service,
	struct sn_str user, struct sn_str password, const struct sn_addr *peer)
{
	return broker->ops->verify_password(broker, pam_service, user, password, peer);
}

struct sn_promise *sn_broker_open_as_user(
	struct sn_broker *broker, struct sn_str user, struct sn_str path)
{
	return broker->ops->open_as_user(broker, user, path);
}

struct sn_promise *sn_broker_spawn(struct sn_broker *broker, const struct sn_spawn *spawn)
{
	return broker->ops->spawn(broker, spawn);
}

void sn_broker_signal(struct sn_broker *broker, pid_t pid, int signo)
{
	broker->ops->signal(broker, pid, signo);
}

struct sn_promise *sn_broker_lookup(struct sn_broker *broker, struct sn_str name, uid_t uid)
{
	return broker->ops->lookup(broker, name, uid);
}

static struct sn_broker_answer *answer_of(struct sn_promise *p)
{
	return sn_container_of(p, struct sn_broker_answer, promise);
}

int sn_broker_taken_fd(struct sn_promise *p)
{
	struct sn_broker_answer *answer = answer_of(p);
	const int fd = answer->fd;

	answer->fd = -1;
	return fd;
}

void sn_broker_take_spawned(struct sn_promise *p, struct sn_spawned *spawned_r)
{
	struct sn_broker_answer *answer = answer_of(p);

	sn_assert(answer->spawned.exit != NULL);
	*spawned_r = answer->spawned;
	answer->spawned.exit = NULL;
}

int sn_broker_exit_status(struct sn_promise *exit)
{
	return answer_of(exit)->status;
}

const struct sn_passwd *sn_broker_passwd(struct sn_promise *p)
{
	return &answer_of(p)->passwd;
}
