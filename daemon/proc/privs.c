#include "daemon/proc/privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"

#define GROUPS_MAX 65536

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.privs");

struct identity {
	char *name;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_count;
};

/* --- names ------------------------------------------------------------------------------------ */

static int find_user(struct sn_str user, struct identity *id, struct sn_diag *diag)
{
	const struct passwd *pw;

	id->name = sn_str_dup(user);
	errno = 0;
	pw = getpwnam(id->name);
	if (pw == NULL)
		return sn_diag_set(diag, SN_ENOTFOUND, 0,
			"there is no user \"%s\" on this machine: create it (adduser --system "
			"--group %s), or name another one in [server] user",
			id->name, id->name);
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	return SN_OK;
}

static int find_group(struct sn_str group, struct identity *id, struct sn_diag *diag)
{
	char *name;
	const struct group *gr;
	int code = SN_OK;

	if (group.n == 0)
		return SN_OK;
	name = sn_str_dup(group);
	gr = getgrnam(name);
	if (gr == NULL)
		code = sn_diag_set(diag, SN_ENOTFOUND, 0,
			"there is no group \"%s\" on this machine: create it, or name another one "
			"in [server] group",
			name);
	else
		id->gid = gr->gr_gid;
	sn_free(name);
	return code;
}

static int find_groups(struct identity *id, struct sn_diag *diag)
{
	int count = 64;

	for (;;) {
		const int room = count;

		id->groups = sn_realloc_array(id->groups, (size_t)count, sizeof(*id->groups));
		if (getgrouplist(id->name, id->gid, id->groups, &count) >= 0)
			break;
		if (count <= room || count > GROUPS_MAX)
			return sn_diag_set(
				diag, SN_ELIMIT, 0, "user %s is in too many groups", id->name);
	}
	id->group_count = count;
	return SN_OK;
}

static void forget(struct identity *id)
{
	sn_free(id->name);
	sn_free(id->groups);
}

/* --- capabilities ------------------------------------------------------------------------------
 */

static bool holds(cap_t caps, cap_value_t cap, cap_flag_t flag)
{
	cap_flag_value_t value = CAP_CLEAR;

	return cap_get_flag(caps, cap, flag, &value) == 0 && value == CAP_SET;
}

/*
 * What is not in `keep` leaves the bounding set, so that no exec brings it back. That takes
 * CAP_SETPCAP, which an outer manager may have withheld along with the rest.
 */
static int narrow_bounding_set(cap_t keep, struct sn_diag *diag)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (holds(keep, cap, CAP_PERMITTED) || cap_get_bound(cap) != CAP_SET)
			continue;
		if (cap_drop_bound(cap) == 0)
			continue;
		if (errno != EPERM)
			return sn_diag_set(diag, -errno, 0,
				"cannot drop a capability from the bounding set: %s",
				sn_strerror(-errno));
		sn_log(&log_ctx, SN_LOG_DEBUG, "bounding-set-stays", sn_f_int("capability", cap));
	}
	return SN_OK;
}

static int set_capabilities(cap_t caps, struct sn_diag *diag)
{
	(void)cap_reset_ambient();
	if (cap_set_proc(caps) != 0)
		return sn_diag_set(
			diag, -errno, 0, "cannot give up capabilities: %s", sn_strerror(-errno));
	return SN_OK;
}

static bool nothing_left(void)
{
	cap_t now = cap_get_proc(), none = cap_init();
	const bool same = now != NULL && none != NULL && cap_compare(now, none) == 0;

	(void)cap_free(now);
	(void)cap_free(none);
	return same;
}

/* --- becoming ----------------------------------------------------------------------------------
 */

static int switch_ids(const struct identity *id, struct sn_diag *diag)
{
	if (setgroups((size_t)id->group_count, id->groups) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot take the groups of user %s: %s",
			id->name, sn_strerror(-errno));
	if (setresgid(id->gid, id->gid, id->gid) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot become group %u: %s", (unsigned)id->gid,
			sn_strerror(-errno));
	if (setresuid(id->uid, id->uid, id->uid) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot become user %s: %s", id->name,
			sn_strerror(-errno));
	return SN_OK;
}

/* A kernel or a module that lets us back would be found here, not by an attacker. */
static int verify_ids(const struct identity *id, struct sn_diag *diag)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot read the own user");
	for (size_t i = 0; i < 3; i++) {
		if (uid[i] != id->uid || gid[i] != id->gid)
			return sn_diag_set(
				diag, SN_EDENIED, 0, "becoming user %s had no effect", id->name);
	}
	if (id->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return sn_diag_set(diag, SN_EDENIED, 0, "user %s can become root again", id->name);
	if (id->gid != 0 && (setgid(0) == 0 || setegid(0) == 0))
		return sn_diag_set(
			diag, SN_EDENIED, 0, "user %s can become group 0 again", id->name);
	return SN_OK;
}

/* For good, in this order: names, bounding set (takes a capability), ids, capabilities. */
static int drop_to(const struct identity *id, struct sn_diag *diag)
{
	cap_t none = cap_init();
	int code = narrow_bounding_set(none, diag);

	if (code == SN_OK && id != NULL)
		code = switch_ids(id, diag);
	if (code == SN_OK)
		code = set_capabilities(none, diag);
	(void)cap_free(none);
	if (code == SN_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		code = sn_diag_set(
			diag, -errno, 0, "cannot set no_new_privs: %s", sn_strerror(-errno));
	if (code == SN_OK && id != NULL)
		code = verify_ids(id, diag);
	if (code == SN_OK && !nothing_left())
		code = sn_diag_set(diag, SN_EDENIED, 0, "capabilities were given up but stay");
	return code;
}

int sn_privs_become(struct sn_str user, struct sn_str group, struct sn_diag *diag)
{
	struct identity id = { NULL };
	int code;

	if (geteuid() != 0 || user.n == 0)
		return drop_to(NULL, diag);
	code = find_user(user, &id, diag);
	if (code == SN_OK)
		code = find_group(group, &id, diag);
	if (code == SN_OK)
		code = find_groups(&id, diag);
	if (code == SN_OK)
		code = drop_to(&id, diag);
	forget(&id);
	return code;
}

/* --- the broker --------------------------------------------------------------------------------
 */

/* docs/privileges.md says which verb needs which. */
static const cap_value_t broker_capabilities[] = {
	CAP_AUDIT_CONTROL,
	CAP_AUDIT_WRITE,
	CAP_CHOWN,
	CAP_DAC_OVERRIDE,
	CAP_FOWNER,
	CAP_KILL,
	CAP_NET_BIND_SERVICE,
	CAP_SETGID,
	CAP_SETUID,
	CAP_SYS_RESOURCE,
};

/* Of the list, those that we hold: an outer manager may have withheld some. */
static void choose_capabilities(cap_t now, cap_t kept)
{
	for (size_t i = 0; i < sizeof(broker_capabilities) / sizeof(broker_capabilities[0]); i++) {
		const cap_value_t cap = broker_capabilities[i];

		if (!holds(now, cap, CAP_PERMITTED))
			continue;
		(void)cap_set_flag(kept, CAP_PERMITTED, 1, &cap, CAP_SET);
		(void)cap_set_flag(kept, CAP_EFFECTIVE, 1, &cap, CAP_SET);
	}
}

int sn_privs_hide(void)
{
#ifdef __SANITIZE_ADDRESS__
	const int dumpable = 1;
#else
	const int dumpable = 0;
#endif

	return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0 ? SN_OK : -errno;
}

int sn_privs_keep_broker(struct sn_diag *diag)
{
	cap_t now = cap_get_proc(), kept = cap_init();
	int code = SN_OK;

	if (now == NULL || kept == NULL)
		code = sn_diag_set(diag, -errno, 0, "cannot read the own capabilities");
	if (code == SN_OK) {
		choose_capabilities(now, kept);
		code = narrow_bounding_set(kept, diag);
	}
	if (code == SN_OK)
		code = set_capabilities(kept, diag);
	(void)cap_free(now);
	(void)cap_free(kept);
	return code;
}
