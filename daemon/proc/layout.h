/*
 * Layout: all that the supervisor learns of a configuration. Made by the role @config, which has
 * read the files, loaded plugins, and checked everything; encoded into a memfd; decoded here by the
 * supervisor, which trusts its form but checks every bound.
 *
 * Beside it travels the snapshot: the effective configuration as TOML, secrets included, from which
 * workers load exactly what was checked.
 */
#ifndef SN_DAEMON_PROC_LAYOUT_H
#define SN_DAEMON_PROC_LAYOUT_H

#include "daemon/base/log_setup.h"
#include "daemon/base/pool.h"
#include "daemon/net/plan.h"

/* Where to listen: the plain half of a listen plan, without its stages. */
struct sn_layout_listener {
	uint32_t service; /* index into services */
	uint32_t index;   /* of the endpoint in its service */
	enum sn_listen_kind kind;
	int socktype;
	struct sn_addr addr;
	bool v6_only, lock;
	int backlog, fd, wfd; /* fd, wfd: inherited ones, by the supervisor's numbers */
	mode_t mode;
	struct sn_str user, group;
	struct sn_str text; /* the endpoint, for status and messages */
};

struct sn_layout_service {
	struct sn_str name, module;
	uint32_t group; /* index into groups */
	bool single;    /* runs in worker 0 of its group only */
	bool freezes;   /* its connections can move to another worker */
};

struct sn_layout_group {
	struct sn_str name;
	uint32_t processes;
};

struct sn_layout {
	struct sn_pool *pool; /* everything here lives in it */
	struct sn_layout_group *groups;
	size_t group_count;
	struct sn_layout_service *services;
	size_t service_count;
	struct sn_layout_listener *listeners;
	size_t listener_count;
	/* The supervisor's own settings. */
	struct sn_str name;             /* of the daemon: its control socket */
	struct sn_str user, group_name; /* to become; empty: stay */
	struct sn_str state, runtime;   /* folders; empty: none, the default */
	struct sn_str control;          /* path of the control socket; empty: the default */
	/* The log: every process writes its own lines. */
	uint32_t log_level, log_format, log_target; /* as in struct sn_log_setup */
	struct sn_str log_file;                     /* empty: standard error */
	struct sn_str log_socket;                   /* empty: the usual one */
	struct sn_str *log_levels;                  /* "net.tls=debug" */
	size_t log_level_count;
	bool sandbox;
	bool uses_state;                 /* lock it */
	int64_t drain_timeout, watchdog; /* ns */
	int64_t auth_timeout;            /* the broker's limit for PAM */
	uint32_t auth_children;          /* and how many at once */
	bool spawns_users; /* a service starts programs as users of the machine: SPAWN may */
	struct sn_str
		*key_paths; /* what OPEN may open beside ~/.ssh/authorized_keys: sshkey:PATH */
	size_t key_path_count;
	uint32_t limiter_entries, metrics_bytes;
	uint32_t limiter_free, limiter_refuse;
};

#define SN_LAYOUT_GROUPS_MAX 1024
#define SN_LAYOUT_PROCESSES_MAX 1024 /* of one group */
#define SN_LAYOUT_SIZE_MAX ((size_t)16 << 20)

/* Empty, with a pool; freed by sn_layout_free. */
struct sn_layout *sn_layout_new(void);
void sn_layout_encode(const struct sn_layout *layout, struct sn_strbuf *out);
/* SN_EPROTO: not a layout of this version, or a value in it is out of bounds. Texts are copied into
 * the layout's pool and end in NUL. */
int sn_layout_decode(struct sn_str text, struct sn_layout **layout_r) SN_WARN_UNUSED;
void sn_layout_free(struct sn_layout **layout);
/* The plain half of a listen plan, to open or adjust; it borrows from the listener. */
void sn_layout_listener_plan(
	const struct sn_layout_listener *listener, struct sn_listen_plan *plan_r);
/* Views of the layout. */
struct sn_log_setup sn_layout_log_setup(const struct sn_layout *layout);
/* A service has standard output for itself: lines for people go to standard error. */
bool sn_layout_speaks_on_stdout(const struct sn_layout *layout);
/* Same socket? Then a reload keeps it: what bind(2) sees is equal. Backlog, and a unix socket's
 * mode and owner, may differ (sn_listen_adjust). */
bool sn_layout_same_listener(
	const struct sn_layout_listener *a, const struct sn_layout_listener *b);

#endif
