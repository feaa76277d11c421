/* Plan functions of the server types, but haproxy. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/net/plan.h"
#include "daemon/net/plan_attach.h"
#include "daemon/net/stage_tls.h"

/* --- tcp, tcp6, udp --------------------------------------------------------------------------- */

static int plan_interface(const struct sn_endpoint *ep, struct sn_addr *addr, struct sn_diag *diag)
{
	const struct sn_endpoint_value *interface = sn_endpoint_get(ep, "interface");
	uint16_t port = (uint16_t)sn_endpoint_get(ep, "port")->number;

	if (interface->text.n == 0) {
		sn_addr_any6(port, addr);
		return SN_OK;
	}
	if (sn_addr_parse(interface->text, port, addr) == SN_OK)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, interface->column,
		"%s: interface must be an IPv4 or IPv6 address, not \"%.*s\"", ep->type->word,
		SN_STR_ARG(interface->text));
}

static int plan_tcp(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	plan->backlog = (int)sn_endpoint_get(ep, "backlog")->number;
	return plan_interface(ep, &plan->addr, diag);
}

static int plan_tcp6(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = plan_tcp(ep, plan, diag);

	plan->v6_only = true;
	if (rc == SN_OK && plan->addr.sa.sa_family != AF_INET6)
		return sn_diag_set(diag, SN_ESYNTAX, sn_endpoint_get(ep, "interface")->column,
			"tcp6: interface must be an IPv6 address; for IPv4 use tcp");
	return rc;
}

static int plan_udp(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	plan->socktype = SOCK_DGRAM;
	return plan_interface(ep, &plan->addr, diag);
}

/* --- tls, ssl --------------------------------------------------------------------------------- */

static int plan_tls(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = sn_listen_plan_inner(ep, plan, diag);

	return rc == SN_OK ? sn_tls_plan_stage(ep, plan, diag) : rc;
}

static int plan_ssl(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = plan_tcp(ep, plan, diag);

	return rc == SN_OK ? sn_tls_plan_stage(ep, plan, diag) : rc;
}

/* --- unix ------------------------------------------------------------------------------------- */

static const char *optional_text(const struct sn_endpoint *ep, const char *param)
{
	const struct sn_endpoint_value *value = sn_endpoint_get(ep, param);

	return value->given ? value->text.p : NULL; /* NUL-terminated, in the endpoint's pool */
}

static const char *pooled(struct sn_listen_plan *plan, const char *text)
{
	return text != NULL ? sn_pool_strdup(plan->pool, sn_str(text)) : NULL;
}

static int plan_unix(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_value *path = sn_endpoint_get(ep, "address");
	int rc = sn_addr_unix(path->text, &plan->addr);

	if (rc == SN_ELIMIT)
		return sn_diag_set(diag, rc, path->column,
			"unix: path is %zu bytes long, the system allows %zu", path->text.n,
			sizeof(plan->addr.un.sun_path) - 1);
	if (rc != SN_OK)
		return sn_diag_set(diag, rc, path->column, "unix: path of the socket is %s",
			path->text.n == 0 ? "missing" : "not valid");
	plan->backlog = (int)sn_endpoint_get(ep, "backlog")->number;
	plan->mode = (mode_t)sn_endpoint_get(ep, "mode")->number;
	plan->lock = sn_endpoint_get(ep, "lockfile")->number != 0;
	plan->user = pooled(plan, optional_text(ep, "user"));
	plan->group = pooled(plan, optional_text(ep, "group"));
	return SN_OK;
}

/* --- fd, stdio -------------------------------------------------------------------------------- */

static bool sockets_given;

void sn_listen_sockets_given(void)
{
	sockets_given = true;
}

/* An inherited socket says itself what it is; a descriptor that is none fails when opened. */
static void plan_inherited(struct sn_listen_plan *plan, int fd)
{
	int type;
	socklen_t len = sizeof(type);

	plan->kind = SN_LISTEN_FD;
	plan->fd = fd;
	if (!sockets_given && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		plan->socktype = type;
}

static int plan_fd(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	(void)diag;
	plan_inherited(plan, (int)sn_endpoint_get(ep, "number")->number);
	return SN_OK;
}

static int plan_stdio(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	(void)ep;
	(void)diag;
	plan->kind = SN_LISTEN_PAIR;
	plan->fd = STDIN_FILENO;
	plan->wfd = STDOUT_FILENO;
	return SN_OK;
}

/* --- systemd: sd_listen_fds(3) ---------------------------------------------------------------- */

#define FIRST_PASSED 3
#define PASSED_MAX 1024

/*
 * What the service manager passed to this process. The environment is read once and, when every
 * socket has found its endpoint, cleaned, so that programs started later do not take it as meant
 * for them; a reload plans the same endpoints again, hence the memory.
 */
static struct {
	bool read;
	unsigned count, taken_count;
	bool taken[PASSED_MAX];
	char *names; /* LISTEN_FDNAMES or NULL */
} passed;

static uint64_t env_number(const char *name, uint64_t max)
{
	uint64_t n;

	return sn_parse_u64(sn_str(getenv(name)), max, &n) == SN_OK ? n : 0;
}

static void read_passed(void)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (passed.read || env_number("LISTEN_PID", INT32_MAX) != (uint64_t)getpid())
		return;
	passed.read = true;
	passed.count = (unsigned)env_number("LISTEN_FDS", PASSED_MAX);
	passed.names = names != NULL ? sn_strdup(names) : NULL;
	for (unsigned i = 0; i < passed.count; i++)
		(void)fcntl(FIRST_PASSED + (int)i, F_SETFD, FD_CLOEXEC);
}

static void take_passed(unsigned index)
{
	if (passed.taken[index])
		return;
	passed.taken[index] = true;
	if (++passed.taken_count < passed.count)
		return;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* Index of the first socket of this name, or passed.count. */
static unsigned find_passed(struct sn_str name)
{
	struct sn_str rest = sn_str(passed.names), part;

	for (unsigned i = 0; i < passed.count && sn_str_split(&rest, ':', &part); i++)
		if (sn_str_eq(part, name))
			return i;
	return passed.count;
}

static int find_socket(const struct sn_endpoint *ep, unsigned *index_r, struct sn_diag *diag)
{
	const struct sn_endpoint_value *index = sn_endpoint_get(ep, "index");
	const struct sn_endpoint_value *name = sn_endpoint_get(ep, "name");

	read_passed();
	if (!passed.read || passed.count == 0)
		return sn_diag_set(diag, SN_EUNAVAILABLE, ep->column,
			"systemd: no sockets were passed to this process (LISTEN_PID, LISTEN_FDS): "
			"start it from a .socket unit, or listen with tcp: or unix:");
	if (name->given) {
		*index_r = find_passed(name->text);
		if (*index_r < passed.count)
			return SN_OK;
		return sn_diag_set(diag, SN_ENOTFOUND, name->column,
			"systemd: no socket named \"%.*s\" was passed; the names are \"%s\"",
			SN_STR_ARG(name->text), passed.names != NULL ? passed.names : "");
	}
	*index_r = (unsigned)index->number;
	if (*index_r < passed.count)
		return SN_OK;
	return sn_diag_set(diag, SN_ERANGE, index->column,
		"systemd: there is no socket %u, %u were passed and the first is 0", *index_r,
		passed.count);
}

/* Indices of the row's choices. */
static const struct {
	const char *word;
	int family;
} domains[] = { { "INET", AF_INET }, { "INET6", AF_INET6 }, { "UNIX", AF_UNIX } };

static int check_domain(const struct sn_endpoint *ep, int fd, struct sn_diag *diag)
{
	const struct sn_endpoint_value *domain = sn_endpoint_get(ep, "domain");
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
		family == domains[domain->number].family)
		return SN_OK;
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		if (domains[i].family == family)
			return sn_diag_set(diag, SN_ECONFIG, domain->column,
				"systemd: the socket passed is of domain %s", domains[i].word);
	return sn_diag_set(diag, SN_ECONFIG, ep->column,
		"systemd: descriptor %d is not a socket of domain %s", fd,
		domains[domain->number].word);
}

static int plan_systemd(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	unsigned index = 0;
	int rc;

	if (sockets_given) {
		plan_inherited(plan, -1);
		return SN_OK;
	}
	rc = find_socket(ep, &index, diag);
	if (rc == SN_OK)
		rc = check_domain(ep, FIRST_PASSED + (int)index, diag);
	if (rc != SN_OK)
		return rc;
	plan_inherited(plan, FIRST_PASSED + (int)index);
	take_passed(index);
	return SN_OK;
}

/* --- the types -------------------------------------------------------------------------------- */

#define OPS(function) \
	{ \
		.size = sizeof(struct sn_endpoint_ops), .plan_listen = (function) \
	}

static const struct {
	const char *word;
	struct sn_endpoint_ops ops;
} types[] = {
	{ "tcp", OPS(plan_tcp) },
	{ "tcp6", OPS(plan_tcp6) },
	{ "unix", OPS(plan_unix) },
	{ "ssl", OPS(plan_ssl) },
	{ "tls", OPS(plan_tls) },
	{ "systemd", OPS(plan_systemd) },
	{ "fd", OPS(plan_fd) },
	{ "stdio", OPS(plan_stdio) },
	{ "udp", OPS(plan_udp) },
};

void sn_plan_server_attach(void)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		sn_endpoint_attach(SN_SERVER, types[i].word, &types[i].ops);
}
