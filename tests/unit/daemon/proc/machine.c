#include "tests/unit/daemon/proc/machine.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/proc/broker.h"
#include "tests/support/unit.h"

bool machine_is_root;

/* --- roles -------------------------------------------------------------------------------------
 */

/* Before main: the C library passes its arguments along. */
__attribute__((constructor)) static void play_role(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] != '@')
		return;
	if (strcmp(argv[1], "@broker") == 0)
		exit(sn_broker_main(argc, argv));
	if (strcmp(argv[1], "@pam") == 0)
		exit(sn_pam_main(argc, argv));
}

/* --- files -------------------------------------------------------------------------------------
 */

static uid_t own_uid;
static gid_t own_gid;

uid_t machine_alice(void)
{
	return machine_is_root ? 20001 : own_uid;
}

static void must(bool done, const char *what)
{
	if (!done)
		ck_abort_msg("%s: %s", what, strerror(errno));
}

static void make_folders(const char *path)
{
	char part[256];

	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		must(mkdir(part, 0755) == 0 || errno == EEXIST, part);
	}
}

void machine_write(const char *path, const char *text, uid_t uid, mode_t mode)
{
	int fd;

	make_folders(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0, path);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	must(fchmod(fd, mode) == 0, path);
	if (machine_is_root)
		must(fchown(fd, uid, uid) == 0, path);
	(void)close(fd);
}

static void write_root(const char *path, const char *text)
{
	machine_write(path, text, 0, 0644);
}

/* --- namespaces --------------------------------------------------------------------------------
 */

static void write_setting(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t n = (ssize_t)strlen(text);

	must(fd >= 0 && write(fd, text, (size_t)n) == n, path);
	(void)close(fd);
}

static void write_map(const char *path, unsigned id)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%u %u 1", id, id);
	write_setting(path, text);
}

/* Mounting needs a capability, which an own user namespace gives; the user stays the same. */
static void enter_namespaces(void)
{
	own_uid = geteuid();
	own_gid = getegid();
	machine_is_root = own_uid == 0;
	must(unshare(machine_is_root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare");
	if (!machine_is_root) {
		write_setting("/proc/self/setgroups", "deny");
		write_map("/proc/self/uid_map", own_uid);
		write_map("/proc/self/gid_map", own_gid);
	}
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
}

static void copy_file(const char *from, const char *to)
{
	char block[65536];
	const int in = open(from, O_RDONLY | O_CLOEXEC);
	const int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;

	must(in >= 0 && out >= 0, from);
	while ((n = read(in, block, sizeof(block))) > 0)
		must(write(out, block, (size_t)n) == n, to);
	(void)close(in);
	(void)close(out);
}

/* What the dynamic loader finds libraries by is all that a private /etc keeps. */
static void mount_folders(void)
{
	static const char *const folders[] = { "/etc", "/run", "/var/log" };

	must(mount("machine", "/mnt", "tmpfs", 0, "mode=0755") == 0, "/mnt");
	copy_file("/etc/ld.so.cache", "/mnt/ld.so.cache");
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		must(mount("machine", folders[i], "tmpfs", 0, "mode=0755") == 0, folders[i]);
	copy_file("/mnt/ld.so.cache", "/etc/ld.so.cache");
}

/* --- content -----------------------------------------------------------------------------------
 */

static void write_users(void)
{
	const unsigned alice = (unsigned)machine_alice();
	const unsigned group = machine_is_root ? 20001 : (unsigned)own_gid;
	struct crypt_data *data = sn_alloc_zero(sizeof(*data));
	const char *hash = crypt_r("pencil", "$5$rounds=1000$sennitsennit$", data);
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"root:x:0:0:root:/root:/bin/sh\n"
		"alice:x:%u:%u:Alice:" ALICE_HOME ":/bin/sh\n"
		"bob:x:20002:20002:Bob:/mnt/home/bob:/bin/sh\n"
		"carol:x:20003:20003:Carol:/mnt/home/carol:/usr/sbin/nologin\n",
		alice, group);
	write_root("/etc/passwd", text);
	(void)snprintf(text, sizeof(text),
		"root:x:0:\ntty:x:5:\nshadow:x:42:\nalice:x:%u:\nwheel:x:20010:alice,bob\n", group);
	write_root("/etc/group", text);
	(void)snprintf(text, sizeof(text),
		"root:*:19000::::::\nalice:%s:19000::::::\nbob:%s:19000:::::19001:\n"
		"carol:*:19000::::::\n",
		hash, hash);
	machine_write("/etc/shadow", text, 0, 0640);
	sn_free(data);
}

static void write_services(void)
{
	write_root("/etc/pam.d/other",
		"auth required pam_deny.so\naccount required pam_deny.so\n"
		"session required pam_deny.so\n");
	write_root("/etc/pam.d/sennit",
		"auth required pam_unix.so\naccount required pam_unix.so\n"
		"session required pam_permit.so\n"
		"session required pam_env.so readenv=1 envfile=/etc/environment\n");
	write_root("/etc/pam.d/permit",
		"auth required pam_permit.so\naccount required pam_permit.so\n"
		"session required pam_permit.so\n");
	write_root("/etc/pam.d/closed",
		"auth required pam_permit.so\naccount required pam_deny.so\n"
		"session required pam_permit.so\n");
	write_root("/etc/pam.d/hangs",
		"auth required pam_exec.so /bin/sleep 1000\n"
		"account required pam_exec.so /bin/sleep 1000\n");
	write_root("/etc/pam.d/slow",
		"auth required pam_permit.so\naccount required pam_exec.so /bin/sleep 1\n"
		"session required pam_permit.so\n");
	write_root("/etc/environment", "FROM_PAM=yes\nHOME_OF_PAM=/x\n");
	write_root("/etc/security/pam_env.conf", "");
}

static void write_machine(void)
{
	write_users();
	write_services();
	write_root("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
	write_root("/etc/shells", "/bin/sh\n");
	write_root("/run/utmp", "");
	write_root("/var/log/wtmp", "");
	write_root("/var/log/lastlog", "");
	machine_write(ALICE_HOME "/.profile", "", machine_alice(), 0644);
	if (machine_is_root)
		must(chown(ALICE_HOME, machine_alice(), machine_alice()) == 0, ALICE_HOME);
}

void machine_setup(void)
{
	enter_namespaces();
	mount_folders();
	write_machine();
}
