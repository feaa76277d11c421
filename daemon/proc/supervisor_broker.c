/* Started as root: the broker keeps the privileges, and we give them up. */
#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "daemon/auth/state_dir.h"
#include "daemon/proc/privs.h"
#include "daemon/proc/runtime_dir.h"
#include "daemon/proc/supervisor_private.h"

static void on_broker_lost(struct sn_broker *broker, void *owner)
{
	struct sn_supervisor *sup = owner;

	(void)broker;
	if (sup->phase != SN_SUP_STOPPING)
		sn_sup_stop(sup, EX_SOFTWARE, "the broker, which keeps the privileges, has ended");
}

void sn_sup_broker_limit(struct sn_supervisor *sup, const struct sn_layout *layout)
{
	if (sup->broker != NULL)
		sn_broker_set_limits(sn_broker_process_client(sup->broker), layout);
}

int sn_sup_broker_start(struct sn_supervisor *sup, const struct sn_layout *layout)
{
	struct sn_diag diag = { 0 };
	const int code = sn_broker_process_start(sup->loop, &sup->broker, &diag);

	if (code != SN_OK)
		return sn_sup_complain(&diag, code);
	sn_sup_broker_limit(sup, layout);
	sn_broker_on_lost(sn_broker_process_client(sup->broker), on_broker_lost, sup);
	return EX_OK;
}

/* It knows its limits, and speaks our form: both programs have the same version of it. */
int sn_sup_broker_adopt(struct sn_supervisor *sup, pid_t pid, int channel)
{
	const int code = sn_broker_process_adopt(sup->loop, pid, channel, &sup->broker);

	if (code == SN_OK)
		sn_broker_on_lost(sn_broker_process_client(sup->broker), on_broker_lost, sup);
	return code;
}

bool sn_sup_must_become_user(const struct sn_supervisor *sup, const struct sn_layout *layout)
{
	return sup->root && layout->user.n > 0 && !sup->became_user;
}

/* The state directory by root's rules, made while we may, and the user's own. */
static int make_state_for(
	struct sn_supervisor *sup, const struct sn_layout *layout, struct sn_diag *diag)
{
	const struct passwd *user = getpwnam(layout->user.p);
	struct sn_strbuf path;
	int code;

	if (user == NULL || !layout->uses_state)
		return SN_OK; /* who is nobody is told about next */
	sn_strbuf_init(&path, 4096);
	code = sn_state_dir_find(layout->state, &path, diag);
	if (code == SN_OK)
		code = sn_state_dir_make(sn_strbuf_cstr(&path), diag);
	if (code == SN_OK && chown(sn_strbuf_cstr(&path), user->pw_uid, user->pw_gid) != 0)
		code = sn_diag_set(diag, -errno, 0, "cannot give %s to %s: %s",
			sn_strbuf_cstr(&path), layout->user.p, sn_strerror(-errno));
	if (code == SN_OK)
		sup->state_given = sn_str_dup(sn_strbuf_str(&path));
	sn_strbuf_fini(&path);
	return code;
}

/* The folder of the control socket likewise; a socket elsewhere is for the user to make. */
static int make_runtime_for(
	struct sn_supervisor *sup, const struct sn_layout *layout, struct sn_diag *diag)
{
	const struct passwd *user = getpwnam(layout->user.p);
	struct sn_strbuf path;
	int code;

	if (user == NULL || layout->control.n > 0)
		return SN_OK;
	sn_strbuf_init(&path, 4096);
	sn_runtime_dir_path(layout->runtime, &path);
	code = sn_runtime_dir_make(sn_strbuf_cstr(&path), user->pw_uid, user->pw_gid, diag);
	if (code == SN_OK)
		sup->runtime_given = sn_str_dup(sn_strbuf_str(&path));
	sn_strbuf_fini(&path);
	return code;
}

int sn_sup_become_user(struct sn_supervisor *sup, const struct sn_layout *layout)
{
	struct sn_diag diag = { 0 };
	int code = sn_sup_broker_start(sup, layout);

	if (code != EX_OK)
		return code;
	code = make_state_for(sup, layout, &diag);
	if (code == SN_OK)
		code = make_runtime_for(sup, layout, &diag);
	if (code == SN_OK)
		code = sn_privs_become(layout->user, layout->group_name, &diag);
	if (code != SN_OK)
		return sn_sup_complain(&diag, code);
	sup->became_user = true;
	return EX_OK;
}
