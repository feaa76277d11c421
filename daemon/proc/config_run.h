/*
 * One run of the role @config, seen from the supervisor: it is started, offers a layout and a
 * snapshot, hears what could not be opened, prints what is wrong, and ends with the exit code that
 * says so. What it prints goes to our own standard error, or is captured for who asked for a
 * reload.
 */
#ifndef SN_DAEMON_PROC_CONFIG_RUN_H
#define SN_DAEMON_PROC_CONFIG_RUN_H

#include "daemon/base/strbuf.h"
#include "daemon/proc/layout.h"
#include "daemon/proc/role.h"

#define SN_CONFIG_TEXT_MAX 65536
#define SN_CONFIG_PATIENCE SN_SEC(60)

struct sn_config_run;

struct sn_config_run_ops {
	/* Both are the owner's now. Answer with open_failed (any number), then opened, or cancel.
	 */
	void (*on_layout)(struct sn_config_run *run, struct sn_layout *layout, int snapshot);
	/* It has ended: EX_OK only after opened. run->text has what it said, when captured. Not
	 * called after cancel. */
	void (*on_end)(struct sn_config_run *run, int exit_code);
};

struct sn_config_run_options {
	const char *program;     /* NULL: ourselves; an upgrade tries another one */
	const char *const *argv; /* what it is to understand, verb first, ended by NULL */
	bool capture;
	const int *inherited; /* as in role.h */
	size_t inherited_count;
};

/* A member of its owner. */
struct sn_config_run {
	const struct sn_config_run_ops *ops;
	struct sn_loop *loop;
	struct sn_child child;
	struct sn_ipc ipc;
	struct sn_watch text_watch;
	struct sn_strbuf text;
	struct sn_timer deadline;
	int status;
	bool running, ended, offered, answered;
};

int sn_config_run_start(struct sn_config_run *run, struct sn_loop *loop,
	const struct sn_config_run_options *options,
	const struct sn_config_run_ops *ops) SN_WARN_UNUSED;
void sn_config_run_open_failed(
	struct sn_config_run *run, uint32_t listener, int code, const struct sn_diag *diag);
void sn_config_run_opened(struct sn_config_run *run);
/* Not interested any more; it ends by itself. The text is freed. Fine when it does not run. */
void sn_config_run_cancel(struct sn_config_run *run);
/* After on_end: free the text. */
void sn_config_run_fini(struct sn_config_run *run);

#endif
