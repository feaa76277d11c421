#include "tests/unit/daemon/service/fixture.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "daemon/auth/checker.h"
#include "daemon/service/service_listener.h"
#include "tests/support/turn.h"
#include "tests/unit/daemon/service/echo.h"

#define TURNS 40 /* more than any exchange of these tests takes */
#define TEXT_MAX 1048576

struct sn_loop *loop;
struct sn_fake_clock fake_clock;
struct sn_host *host;

static struct sn_conf_diags diags;
static struct sn_strbuf report;
static struct sn_host_stop stop;
static bool stopping, stopped;

static void register_once(const struct sn_service *service)
{
	struct sn_diag diag = { 0 };

	if (sn_registry_find(sn_str(service->name)) != service)
		ck_assert_msg(sn_registry_add(service, &diag) == SN_OK, "%s", diag.text);
}

void service_setup(void)
{
	const struct sn_loop_options options = { .clock = &fake_clock.clock };

	sn_endpoints_init();
	sn_net_init();
	sn_checkers_init();
	register_once(&echo_service);
	register_once(&tap_service);
	register_once(&tap_datagram_service);
	sn_fake_clock_init(&fake_clock);
	ck_assert_int_eq(sn_loop_new(&options, &loop), SN_OK);
	sn_conf_diags_init(&diags);
	sn_strbuf_init(&report, TEXT_MAX);
	tap_init();
	stopping = false;
}

void service_teardown(void)
{
	if (host != NULL)
		host_down();
	tap_fini();
	sn_strbuf_fini(&report);
	sn_conf_diags_fini(&diags);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
}

/* --- host ----------------------------------------------------------------------------------- */

struct sn_conf *load(const char *toml)
{
	const struct sn_conf_request request = {
		.schema = sn_registry_schema(),
		.text = sn_str(toml),
	};
	struct sn_conf *conf = NULL;

	ck_assert_msg(sn_conf_load(&request, &diags, &conf) == SN_OK, "%s", reported());
	return conf;
}

const char *reported(void)
{
	sn_strbuf_reset(&report);
	sn_conf_diags_print(&diags, &report, false);
	return sn_strbuf_cstr(&report);
}

int host_try_with(struct sn_host_options options, const char *toml)
{
	struct sn_conf *conf = load(toml);
	int code;

	options.loop = loop;
	options.conf = conf;
	ck_assert_int_eq(sn_host_new(&options, &host), SN_OK);
	sn_conf_unref(&conf);
	code = sn_host_start(host, &diags);
	if (code != SN_OK)
		sn_host_free(&host);
	return code;
}

int host_try(const char *toml)
{
	return host_try_with((struct sn_host_options){ .loop = loop }, toml);
}

int host_prepare(
	const char *toml, struct sn_host_sockets *sockets, struct sn_host_change **change_r)
{
	struct sn_conf *conf = load(toml);
	const int code = sn_host_prepare(host, conf, sockets, &diags, change_r);

	sn_conf_unref(&conf);
	return code;
}

int host_reload(const char *toml)
{
	struct sn_host_change *change;
	const int code = host_prepare(toml, NULL, &change);

	if (code == SN_OK)
		sn_host_commit(&change);
	turn();
	return code;
}

int host_start_service(const char *name)
{
	return sn_host_service_start(host, sn_str(name), &diags);
}

int host_check(const char *toml)
{
	struct sn_conf *conf = load(toml);
	const int code = sn_host_check(loop, conf, &diags);

	sn_conf_unref(&conf);
	return code;
}

void host_up(const char *toml)
{
	ck_assert_msg(host_try(toml) == SN_OK, "%s", reported());
}

static void on_stopped(struct sn_host_stop *s)
{
	ck_assert_ptr_eq(s, &stop);
	ck_assert(!stopped);
	stopped = true;
}

void host_begin_stop(void)
{
	if (!stopping)
		stopped = false;
	stopping = true;
	stop.on_stopped = on_stopped;
	sn_host_stop(host, SN_STR("closing time"), &stop);
	ck_assert(!stopped); /* never from inside the call */
}

bool host_stopped(void)
{
	return stopped;
}

void host_down(void)
{
	if (!stopping)
		host_begin_stop();
	for (int i = 0; i < 1000 && !stopped; i++)
		pass(SN_MS(100));
	ck_assert(stopped);
	stopping = false;
	sn_host_free(&host);
}

void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		sn_loop_turn(loop, 0);
}

void pass(int64_t ns)
{
	const int64_t step = SN_MS(10);

	for (; ns > 0; ns -= step) {
		sn_fake_clock_advance(&fake_clock, ns < step ? ns : step);
		sn_loop_turn(loop, 0);
		sn_loop_turn(loop, 0);
	}
}

struct sn_listener *listener_of(const char *name)
{
	struct sn_instance *instance = sn_host_find(host, sn_str(name));

	ck_assert_ptr_nonnull(instance);
	return &instance->listeners[0]->listener;
}

/* --- clients -------------------------------------------------------------------------------- */

static struct client *client_of(struct sn_stream_user *user)
{
	return sn_container_of(user, struct client, user);
}

static void client_ready(struct sn_stream_user *user)
{
	client_of(user)->ready++;
}

static void client_input(struct sn_stream_user *user)
{
	const struct sn_str in = sn_stream_input(user->stream);

	sn_strbuf_add(&client_of(user)->got, in);
	sn_stream_consume(user->stream, in.n);
}

static void client_end(struct sn_stream_user *user, int code)
{
	client_of(user)->ends++;
	client_of(user)->code = code;
}

static const struct sn_stream_events client_events = {
	.on_ready = client_ready,
	.on_input = client_input,
	.on_end = client_end,
};

void client_open(struct client *client, const char *instance, size_t capacity)
{
	struct sn_stream *near, *far;

	*client = (struct client){ .user = { .events = &client_events } };
	sn_strbuf_init(&client->got, TEXT_MAX);
	sn_stream_mem_pair(loop, capacity, &near, &far);
	sn_stream_set_user(near, &client->user);
	sn_listener_adopt(listener_of(instance), far);
	turn();
}

void client_say(struct client *client, const char *text)
{
	sn_stream_write(client->user.stream, sn_str(text));
	turn();
}

const char *client_got(struct client *client)
{
	return sn_strbuf_cstr(&client->got);
}

void client_close(struct client *client)
{
	sn_stream_close(client->user.stream);
	turn();
}

void client_fini(struct client *client)
{
	if (client->user.stream != NULL)
		sn_stream_abort(client->user.stream, SN_CLOSE);
	turn();
	ck_assert_ptr_null(client->user.stream);
	sn_strbuf_fini(&client->got);
}

int dial(const struct sn_addr *addr, int socktype)
{
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(addr->sa.sa_family, socktype, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &addr->sa, addr->len), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}
