/*
 * The peer of echo_server.c on libevent: `echo_libevent [--tls PEM|--events] PORT`.
 * On its bufferevents, which have a queue and deadlines as our streams do; with --events on bare
 * events, the least that it can do: a read, a send, no queue for what the socket does not take, no
 * deadlines. Prints "listening ADDRESS" and serves until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

static const struct timeval idle = { .tv_sec = 300 };
static const struct timeval stalled = { .tv_sec = 60 };

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		bufferevent_free(bev);
}

static struct bufferevent *wrap(struct event_base *base, evutil_socket_t fd, SSL_CTX *tls)
{
	if (tls == NULL)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	return bufferevent_openssl_socket_new(
		base, fd, SSL_new(tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

/* --- bare events ------------------------------------------------------------------------------ */

struct bare {
	struct event *event;
};

static void end_bare(struct bare *bare, evutil_socket_t fd)
{
	event_free(bare->event);
	free(bare);
	close(fd);
}

static void on_bare(evutil_socket_t fd, short what, void *arg)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		end_bare(arg, fd);
}

static void on_accept_bare(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *addr, int len, void *arg)
{
	struct bare *bare = malloc(sizeof(*bare));
	int on = 1;

	(void)addr;
	(void)len;
	(void)arg;
	if (bare == NULL)
		exit(EXIT_FAILURE);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bare->event = event_new(
		evconnlistener_get_base(listener), fd, EV_READ | EV_PERSIST, on_bare, bare);
	event_add(bare->event, NULL);
}

/* --- bufferevents ----------------------------------------------------------------------------- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
	int len, void *arg)
{
	struct bufferevent *bev = wrap(evconnlistener_get_base(listener), fd, arg);
	int on = 1;

	(void)addr;
	(void)len;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_set_timeouts(bev, &idle, &stalled);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static SSL_CTX *load(const char *pem)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(tls, pem) != 1 ||
		SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "echo_libevent: cannot load %s\n", pem);
		exit(EXIT_FAILURE);
	}
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	return tls;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	struct event_base *base = event_base_new();
	struct evconnlistener *listener;
	evconnlistener_cb accepted = on_accept;
	SSL_CTX *tls = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "--tls") == 0)
		tls = load(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "--events") == 0)
		accepted = on_accept_bare;
	else if (argc != 2)
		return EXIT_FAILURE;
	addr.sin_port = htons((uint16_t)strtoul(argv[argc - 1], NULL, 10));
	listener = evconnlistener_new_bind(base, accepted, tls,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096, (struct sockaddr *)&addr, len);
	if (listener == NULL)
		return EXIT_FAILURE;
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&addr, &len);
	printf("listening 127.0.0.1:%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	return EXIT_SUCCESS;
}
