#include "daemon/net/endpoint_types.h"

#include <limits.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define TIMEOUT_MAX 86400 /* a day */

#define PORT \
	{ \
		.name = "port", .kind = SN_PARAM_INT, .flags = SN_PARAM_REQUIRED, .max = 65535, \
		.doc = "port number; 0 lets the system choose" \
	}
#define INTERFACE \
	{ \
		.name = "interface", .def = "", \
		.doc = "address to listen on ('\\:' for each ':' of an IPv6 one); default: all" \
	}
#define BACKLOG \
	{ \
		.name = "backlog", .kind = SN_PARAM_INT, .max = INT_MAX, \
		.doc = "connections waiting to be accepted; default: the system's maximum" \
	}

/*
 * Server side.
 */

static const struct sn_param tcp_server_params[] = { PORT, INTERFACE, BACKLOG };

static const struct sn_endpoint_type tcp_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "tcp",
	.side = SN_SERVER,
	.params = tcp_server_params,
	.param_count = COUNT(tcp_server_params),
	.doc = "TCP over IPv4 and IPv6; a port number alone means this",
	.example = "tcp:8080:interface=127.0.0.1",
};

static const struct sn_param tcp6_server_params[] = {
	PORT,
	BACKLOG,
	{
		.name = "interface",
		.def = "::",
		.doc = "IPv6 address to listen on, with '\\:' for each ':'",
	},
};

static const struct sn_endpoint_type tcp6_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "tcp6",
	.side = SN_SERVER,
	.params = tcp6_server_params,
	.param_count = COUNT(tcp6_server_params),
	.doc = "TCP over IPv6 only",
	.example = "tcp6:8080:interface=\\:\\:1",
};

static const struct sn_param unix_server_params[] = {
	{
		.name = "address",
		.flags = SN_PARAM_REQUIRED,
		.doc = "path of the socket; '@' first: a name in the abstract space",
	},
	{
		.name = "mode",
		.kind = SN_PARAM_OCTAL,
		.max = 07777,
		.def = "666",
		.doc = "permissions of the socket file",
	},
	BACKLOG,
	{
		.name = "lockfile",
		.kind = SN_PARAM_BOOL,
		.def = "1",
		.doc = "hold PATH.lock, so that a second daemon does not take the socket over",
	},
	{
		.name = "user",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "owner of the socket file",
	},
	{
		.name = "group",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "group of the socket file",
	},
};

static const struct sn_endpoint_type unix_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "unix",
	.side = SN_SERVER,
	.params = unix_server_params,
	.param_count = COUNT(unix_server_params),
	.doc = "unix stream socket",
	.example = "unix:/run/app.sock:mode=660",
};

static const struct sn_param ssl_server_params[] = {
	PORT,
	{
		.name = "privateKey",
		.def = "server.pem",
		.doc = "PEM file with the private key",
	},
	{
		.name = "certKey",
		.doc = "PEM file with the certificate; default: the privateKey file",
	},
	{
		.name = "sslmethod",
		.kind = SN_PARAM_CHOICE,
		.choices = "SSLv23_METHOD|TLS_METHOD|TLSv1_2_METHOD",
		.doc = "the last one keeps to TLS 1.2; older protocols than that are not spoken",
	},
	INTERFACE,
	BACKLOG,
	{
		.name = "extraCertChain",
		.doc = "PEM file with the certificates between certKey and the root",
	},
	{
		.name = "dhParameters",
		.doc = "PEM file with Diffie-Hellman parameters",
	},
};

static const struct sn_endpoint_type ssl_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "ssl",
	.side = SN_SERVER,
	.params = ssl_server_params,
	.param_count = COUNT(ssl_server_params),
	.doc = "TLS over TCP with one certificate, in Twisted's spelling; see tls",
	.example = "ssl:443:privateKey=key.pem:certKey=cert.pem",
};

enum { CLIENT_AUTH_REQUIRE = 2 }; /* index in clientAuth's choices */

static const struct sn_param tls_server_params[] = {
	{
		.name = "certs",
		.flags = SN_PARAM_REQUIRED,
		.doc = "PEM file with key and certificates, or a folder of such (SNI chooses)",
	},
	{
		.name = "clientCA",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "PEM file with the authorities that sign client certificates",
	},
	{
		.name = "clientAuth",
		.kind = SN_PARAM_CHOICE,
		.flags = SN_PARAM_KEYWORD_ONLY,
		.choices = "none|request|require",
		.doc = "ask clients for a certificate; default: require with clientCA, else none; "
		       "request without clientCA takes any, for services that know fingerprints",
	},
	{
		.name = "minVersion",
		.kind = SN_PARAM_CHOICE,
		.flags = SN_PARAM_KEYWORD_ONLY,
		.choices = "1.2|1.3",
		.def = "1.2",
		.doc = "oldest TLS version spoken",
	},
};

static int check_tls_server(const struct sn_endpoint *ep, struct sn_diag *diag)
{
	const struct sn_endpoint_value *auth = sn_endpoint_get(ep, "clientAuth");

	if (!auth->given || auth->number != CLIENT_AUTH_REQUIRE ||
		sn_endpoint_get(ep, "clientCA")->given)
		return SN_OK;
	return sn_diag_set(diag, SN_EMISSING, auth->column,
		"tls: clientAuth=%.*s needs clientCA=FILE", SN_STR_ARG(auth->text));
}

static const struct sn_endpoint_type tls_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "tls",
	.side = SN_SERVER,
	.params = tls_server_params,
	.param_count = COUNT(tls_server_params),
	.wraps = true,
	.check = check_tls_server,
	.doc = "TLS over another endpoint; the certificate is chosen by SNI and reloaded on change",
	.example = "tls:/etc/certs:tcp:443",
};

static const struct sn_endpoint_type haproxy_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "haproxy",
	.side = SN_SERVER,
	.wraps = true,
	.doc = "PROXY protocol, versions 1 and 2, over another endpoint",
	.example = "haproxy:tcp:8080",
};

static const struct sn_param systemd_server_params[] = {
	{
		.name = "domain",
		.kind = SN_PARAM_CHOICE,
		.flags = SN_PARAM_REQUIRED,
		.choices = "INET|INET6|UNIX",
		.doc = "address family of the socket",
	},
	{
		.name = "index",
		.kind = SN_PARAM_INT,
		.max = 65535,
		.doc = "which of the sockets passed, from 0",
	},
	{
		.name = "name",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "FileDescriptorName= of the socket",
	},
};

static int check_systemd_server(const struct sn_endpoint *ep, struct sn_diag *diag)
{
	const struct sn_endpoint_value *index = sn_endpoint_get(ep, "index");
	const struct sn_endpoint_value *name = sn_endpoint_get(ep, "name");

	if (index->given && name->given)
		return sn_diag_set(diag, SN_EDUPLICATE, name->column,
			"systemd: index and name exclude each other");
	if (!index->given && !name->given)
		return sn_diag_set(diag, SN_EMISSING, ep->source.n + 1,
			"systemd: index or name is missing; example: systemd:INET:index=0");
	return SN_OK;
}

static const struct sn_endpoint_type systemd_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "systemd",
	.side = SN_SERVER,
	.params = systemd_server_params,
	.param_count = COUNT(systemd_server_params),
	.check = check_systemd_server,
	.doc = "listening socket passed by systemd (LISTEN_FDS)",
	.example = "systemd:domain=INET:name=web",
};

static const struct sn_param fd_server_params[] = {
	{
		.name = "number",
		.kind = SN_PARAM_INT,
		.flags = SN_PARAM_REQUIRED,
		.max = INT_MAX,
		.doc = "descriptor number",
	},
};

static const struct sn_endpoint_type fd_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "fd",
	.side = SN_SERVER,
	.params = fd_server_params,
	.param_count = COUNT(fd_server_params),
	.doc = "listening socket inherited as a descriptor",
	.example = "fd:3",
};

static const struct sn_endpoint_type stdio_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "stdio",
	.side = SN_SERVER,
	.ignores_args = true,
	.doc = "one connection on standard input and output",
	.example = "stdio:",
};

static const struct sn_param udp_server_params[] = { PORT, INTERFACE };

static const struct sn_endpoint_type udp_server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "udp",
	.side = SN_SERVER,
	.params = udp_server_params,
	.param_count = COUNT(udp_server_params),
	.datagram = true,
	.doc = "UDP over IPv4 and IPv6, for datagram services",
	.example = "udp:53:interface=127.0.0.1",
};

/*
 * Client side. In Twisted's own parsers a positional argument overrides the named one, and
 * positionals in any number but the expected one are ignored; what is then missing is the error.
 */

#define HOST \
	{ \
		.name = "host", .flags = SN_PARAM_REQUIRED, \
		.doc = "name or address ('\\:' for each ':' of an IPv6 one)" \
	}
#define CLIENT_PORT \
	{ \
		.name = "port", .kind = SN_PARAM_INT, .flags = SN_PARAM_REQUIRED, .min = 1, \
		.max = 65535, .doc = "port number" \
	}
#define TIMEOUT(more_flags) \
	{ \
		.name = "timeout", .kind = SN_PARAM_INT, .flags = (more_flags), .min = 1, \
		.max = TIMEOUT_MAX, .def = "30", .doc = "seconds until connecting fails" \
	}
#define BIND_ADDRESS(more_flags) \
	{ \
		.name = "bindAddress", .flags = (more_flags), \
		.doc = "local address to connect from" \
	}

static const struct sn_endpoint_arg *positional_arg(const struct sn_endpoint *ep, size_t n)
{
	for (size_t i = 0; i < ep->arg_count; i++) {
		if (ep->args[i].key.p == NULL && n-- == 0)
			return &ep->args[i];
	}
	return NULL;
}

static size_t positional_count(const struct sn_endpoint *ep)
{
	size_t n = 0;

	while (positional_arg(ep, n) != NULL)
		n++;
	return n;
}

static int check_surplus(
	const struct sn_endpoint *ep, size_t most, const char *required, struct sn_diag *diag)
{
	const struct sn_endpoint_arg *surplus = positional_arg(ep, most);

	if (surplus == NULL || sn_endpoint_get(ep, required)->given)
		return SN_OK;
	return sn_diag_set(diag, SN_EMISSING, surplus->column,
		"%s: arguments from here on have no place, so %s is missing (a ':' inside an "
		"argument is written '\\:'); example: %s",
		ep->type->word, required, ep->type->example);
}

static int bind_host_port(struct sn_endpoint *ep, struct sn_diag *diag)
{
	const size_t count = positional_count(ep);
	const int rc = sn_endpoint_bind_keywords(ep, diag);

	if (rc != SN_OK)
		return rc;
	if (count == 2) {
		sn_endpoint_bind_value(ep, "host", positional_arg(ep, 0));
		sn_endpoint_bind_value(ep, "port", positional_arg(ep, 1));
	} else if (count == 1) {
		sn_endpoint_bind_value(ep, sn_endpoint_get(ep, "host")->given ? "port" : "host",
			positional_arg(ep, 0));
	}
	return check_surplus(ep, 2, "host", diag);
}

static int bind_path(struct sn_endpoint *ep, struct sn_diag *diag)
{
	const int rc = sn_endpoint_bind_keywords(ep, diag);

	if (rc != SN_OK)
		return rc;
	if (positional_count(ep) == 1)
		sn_endpoint_bind_value(ep, "path", positional_arg(ep, 0));
	return check_surplus(ep, 1, "path", diag);
}

static const struct sn_param tcp_client_params[] = {
	HOST,
	CLIENT_PORT,
	TIMEOUT(SN_PARAM_KEYWORD_ONLY),
	BIND_ADDRESS(SN_PARAM_KEYWORD_ONLY),
};

static const struct sn_endpoint_type tcp_client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "tcp",
	.side = SN_CLIENT,
	.params = tcp_client_params,
	.param_count = COUNT(tcp_client_params),
	.bind = bind_host_port,
	.doc = "TCP; of several addresses the first that answers",
	.example = "tcp:localhost:8080:timeout=10",
};

static const struct sn_param unix_client_params[] = {
	{
		.name = "path",
		.flags = SN_PARAM_REQUIRED,
		.doc = "path of the socket; '@' first: a name in the abstract space",
	},
	TIMEOUT(SN_PARAM_KEYWORD_ONLY),
	{
		.name = "lockfile",
		.kind = SN_PARAM_BOOL,
		.flags = SN_PARAM_KEYWORD_ONLY,
		.def = "0",
		.doc = "connect only while PATH.lock is held",
	},
};

static const struct sn_endpoint_type unix_client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "unix",
	.side = SN_CLIENT,
	.params = unix_client_params,
	.param_count = COUNT(unix_client_params),
	.bind = bind_path,
	.doc = "unix stream socket",
	.example = "unix:/run/app.sock",
};

static const struct sn_param ssl_client_params[] = {
	HOST,
	CLIENT_PORT,
	TIMEOUT(SN_PARAM_KEYWORD_ONLY),
	BIND_ADDRESS(SN_PARAM_KEYWORD_ONLY),
	{
		.name = "certKey",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "PEM file with the client's certificate",
	},
	{
		.name = "privateKey",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "PEM file with the client's key; default: the certKey file",
	},
	{
		.name = "caCertsDir",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "folder of *.pem authorities; default: the system's",
	},
	{
		.name = "hostname",
		.flags = SN_PARAM_KEYWORD_ONLY,
		.doc = "name the certificate must have; default: host",
	},
};

static const struct sn_endpoint_type ssl_client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "ssl",
	.side = SN_CLIENT,
	.params = ssl_client_params,
	.param_count = COUNT(ssl_client_params),
	.bind = bind_host_port,
	.doc = "TLS over TCP, in Twisted's older spelling, but always verified; see tls",
	.example = "ssl:localhost:443:caCertsDir=/etc/ssl/certs",
};

static const struct sn_param tls_client_params[] = {
	HOST,
	CLIENT_PORT,
	TIMEOUT(0),
	BIND_ADDRESS(0),
	{
		.name = "certificate",
		.doc = "PEM file with the client's certificate",
	},
	{
		.name = "privateKey",
		.doc = "PEM file with the client's key; default: the certificate file",
	},
	{
		.name = "trustRoots",
		.doc = "folder of *.pem authorities; default: the system's",
	},
	{
		.name = "endpoint",
		.kind = SN_PARAM_ENDPOINT,
		.doc = "connect through this endpoint (escaped); host is only verified then",
	},
};

static const struct sn_endpoint_type tls_client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "tls",
	.side = SN_CLIENT,
	.params = tls_client_params,
	.param_count = COUNT(tls_client_params),
	.doc = "TLS over TCP; certificate and name are always verified",
	.example = "tls:example.org:443",
};

static const struct sn_param exec_client_params[] = {
	{
		.name = "command",
		.flags = SN_PARAM_REQUIRED,
		.doc = "program; its arguments follow, each after a ':'",
	},
};

static int check_exec_client(const struct sn_endpoint *ep, struct sn_diag *diag)
{
	const struct sn_endpoint_value *command = sn_endpoint_get(ep, "command");

	if (command->text.n > 0)
		return SN_OK;
	return sn_diag_set(diag, SN_EMISSING, command->column,
		"exec: the command is missing; example: %s", ep->type->example);
}

static const struct sn_endpoint_type exec_client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "exec",
	.side = SN_CLIENT,
	.params = exec_client_params,
	.param_count = COUNT(exec_client_params),
	.takes_rest = true,
	.check = check_exec_client,
	.doc = "a child's standard input and output",
	.example = "exec:/usr/bin/openssl:s_client:-quiet",
};

const struct sn_endpoint_type *const sn_endpoint_builtin_types[] = {
	&tcp_server,
	&tcp6_server,
	&unix_server,
	&ssl_server,
	&tls_server,
	&haproxy_server,
	&systemd_server,
	&fd_server,
	&stdio_server,
	&udp_server,
	&tcp_client,
	&unix_client,
	&ssl_client,
	&tls_client,
	&exec_client,
	NULL,
};
