/*
 * Control: the operator's unix socket. A request is one line, a JSON array of words:
 * ["kick", "12", "enough"]. The answer is JSON lines: any number of objects with "event" while
 * something is under way, then exactly one object with "code", the exit code of `sennit ctl`
 * (sysexits), and beside it the result, or "error" in words. A request waits until its outcome is
 * known. A client has one request under way at a time; the next line is read after its answer.
 *
 * Who may connect: the socket's mode says (0600: the daemon's user and root), and the kernel's word
 * for the peer (SO_PEERCRED) is checked again. At most 16 clients, 4 KiB a request, 16 MiB of
 * unread answers. Who breaks a limit or the grammar gets one line that says so, and is closed.
 *
 * This file knows no supervisor: verbs are rows whose functions its owner brings.
 */
#ifndef SN_DAEMON_PROC_CONTROL_H
#define SN_DAEMON_PROC_CONTROL_H

#include <jansson.h>
#include <sysexits.h>

#include "daemon/net/listener.h"

#define SN_CONTROL_WORDS_MAX 32
#define SN_CONTROL_LINE_MAX 4096

struct sn_control;
struct sn_control_request;

struct sn_control_verb {
	const char *name;
	uint8_t min, max; /* words after the verb */
	/* Ends in sn_control_done, now or later. */
	void (*run)(struct sn_control_request *request);
};

struct sn_control_request {
	struct sn_control *control;
	const struct sn_control_verb *verb;
	const char *words[SN_CONTROL_WORDS_MAX]; /* after the verb; valid until done */
	size_t count;
	struct sn_list link; /* the owner's: who waits for the same thing */
	/* The client went away first: unlink, and do not call done. May be set by run. */
	void (*on_gone)(struct sn_control_request *request);
};

struct sn_control_options {
	struct sn_loop *loop;
	const struct sn_control_verb *verbs;
	size_t verb_count;
	void *owner; /* sn_control_owner: the supervisor */
};

/* A socket at path, mode 0600, locked so that no other daemon takes it. SN_ELOCKED: a live one has
 * it. */
int sn_control_bind(
	const char *path, struct sn_listen_socket *sock_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Serve on it; takes it over (not when it fails). */
int sn_control_open(const struct sn_control_options *options, struct sn_listen_socket *sock,
	struct sn_control **control_r) SN_WARN_UNUSED;
/* Clients still waiting are told "code": 75 and closed; their on_gone is called. The memory goes
 * when the loop has closed them: turn it until sn_control_closed, then free. */
void sn_control_close(struct sn_control *control);
bool sn_control_closed(const struct sn_control *control);
void sn_control_free(struct sn_control **control);

/*
 * An upgrade: the request for it goes on in another program. Hand over takes the client's
 * descriptor and writes the request and what of the connection has not been sent; the request is
 * gone here, on_gone is not called. -1: the connection cannot move. Resume makes it anew, its verb
 * run already: it is the caller's to set on_gone, and to end in sn_control_done. Takes fd over (not
 * when it fails). *request_r is NULL when `in` makes no sense: the connection is aborted.
 */
int sn_control_hand_over(struct sn_control_request *request, struct sn_strbuf *out);
int sn_control_resume(struct sn_control *control, int fd, struct sn_str in,
	struct sn_control_request **request_r) SN_WARN_UNUSED;
/* Clients but this one; NULL: all. */
size_t sn_control_clients(const struct sn_control *control, const struct sn_control_request *but);

void *sn_control_owner(const struct sn_control_request *request);
/* The listening socket with its lock, for an upgrade that hands both on. */
const struct sn_listen_socket *sn_control_socket(const struct sn_control *control);

/* {"event": NAME, ...}; takes fields (an object, or NULL) over. */
void sn_control_event(struct sn_control_request *request, const char *name, json_t *fields);
/* {"code": CODE, ...}; takes fields (an object, or NULL) over. The request is gone. */
void sn_control_done(struct sn_control_request *request, int code, json_t *fields);
/* {"code": CODE, "error": TEXT} */
void sn_control_fail(struct sn_control_request *request, int code, const char *fmt, ...)
	SN_PRINTF(3, 4);

#endif
