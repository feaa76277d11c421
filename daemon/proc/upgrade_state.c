#include "daemon/proc/upgrade_state.h"

#include "daemon/base/mem.h"
#include "daemon/base/wire.h"

#define MARK 0x534e5550 /* "SNUP" */
#define ITEMS_MAX (1u << 20)
#define FD_MOST ((1 << 30) - 1)

/*
 * A field list is written once, and walked by whoever wants to encode, decode or visit: what is
 * read cannot differ from what was written.
 */
struct walk {
	struct sn_strbuf *out; /* encoding */
	struct sn_reader *in;  /* decoding */
	struct sn_pool *pool;
	sn_upgrade_fd_fn fn; /* visiting */
	void *context;
};

/* --- fields --------------------------------------------------------------------------------- */

static void fail(struct walk *walk)
{
	sn_reader_fail(walk->in, SN_EPROTO);
}

static void walk_u32(struct walk *walk, uint32_t *value)
{
	if (walk->out != NULL)
		sn_pack_u32(walk->out, *value);
	else if (walk->in != NULL)
		*value = sn_read_u32(walk->in);
}

static void walk_u64(struct walk *walk, uint64_t *value)
{
	if (walk->out != NULL)
		sn_pack_u64(walk->out, *value);
	else if (walk->in != NULL)
		*value = sn_read_u64(walk->in);
}

static void walk_time(struct walk *walk, int64_t *value)
{
	uint64_t bits = (uint64_t)*value;

	walk_u64(walk, &bits);
	*value = (int64_t)bits;
}

static void walk_bool(struct walk *walk, bool *value)
{
	if (walk->out != NULL) {
		sn_pack_u8(walk->out, *value);
	} else if (walk->in != NULL) {
		const uint8_t byte = sn_read_u8(walk->in);

		*value = byte == 1;
		if (byte > 1)
			fail(walk);
	}
}

static void walk_str(struct walk *walk, struct sn_str *value)
{
	if (walk->out != NULL)
		sn_pack_str32(walk->out, *value);
	else if (walk->in != NULL)
		*value = sn_pool_str(walk->pool, sn_read_str32(walk->in));
}

/* 0: none. */
static void walk_fd(struct walk *walk, int *fd)
{
	uint32_t plus_one = (uint32_t)(*fd + 1);

	walk_u32(walk, &plus_one);
	if (walk->in != NULL && plus_one > FD_MOST)
		fail(walk);
	else if (walk->in != NULL)
		*fd = (int)plus_one - 1;
	else if (walk->fn != NULL && *fd >= 0)
		walk->fn(walk->context, *fd);
}

static void walk_addr(struct walk *walk, struct sn_addr *addr)
{
	struct sn_str raw = sn_str_n(&addr->sa, addr->len);
	struct sockaddr_storage ss = { 0 };

	walk_str(walk, &raw);
	if (walk->in == NULL)
		return;
	addr->len = 0;
	if (raw.n > sizeof(ss)) {
		fail(walk);
	} else if (raw.n > 0) {
		memcpy(&ss, raw.p, raw.n);
		if (sn_addr_from_sockaddr((struct sockaddr *)&ss, (socklen_t)raw.n, addr) != SN_OK)
			fail(walk);
	}
}

/* The array of so many: made when decoding, where every item takes at least one byte. */
static void *walk_array(struct walk *walk, void *items, uint32_t *count, size_t size)
{
	walk_u32(walk, count);
	if (walk->in == NULL)
		return items;
	if (walk->in->err != SN_OK || *count > ITEMS_MAX || *count > sn_reader_left(walk->in)) {
		fail(walk);
		*count = 0;
	}
	return sn_pool_alloc_zero(walk->pool, (*count + 1) * size);
}

/* --- records -------------------------------------------------------------------------------- */

static void walk_socket(struct walk *walk, struct sn_upgrade_socket *sock)
{
	walk_fd(walk, &sock->fd);
	walk_fd(walk, &sock->wfd);
	walk_fd(walk, &sock->lock_fd);
	walk_addr(walk, &sock->local);
	walk_str(walk, &sock->unlink_path);
	walk_bool(walk, &sock->closed);
}

static void walk_life(struct walk *walk, struct sn_worker_life *life)
{
	uint32_t state = (uint32_t)life->state, deaths = life->death_count;

	walk_u32(walk, &state);
	walk_u32(walk, &life->starts);
	walk_time(walk, &life->ready_since);
	walk_time(walk, &life->backoff);
	walk_time(walk, &life->delay);
	for (size_t i = 0; i < SN_WORKER_DEATHS; i++)
		walk_time(walk, &life->deaths[i]);
	walk_u32(walk, &deaths);
	if (walk->in == NULL)
		return;
	if (state >= SN_WORKER_STATES)
		fail(walk);
	else
		life->state = (enum sn_worker_state)state;
	life->death_count = deaths;
}

static void walk_worker(struct walk *walk, struct sn_upgrade_worker *worker)
{
	walk_str(walk, &worker->group);
	walk_u32(walk, &worker->index);
	walk_u32(walk, &worker->program);
	walk_life(walk, &worker->life);
	walk_u32(walk, &worker->pid);
	walk_fd(walk, &worker->channel);
	walk_fd(walk, &worker->metrics);
	walk_fd(walk, &worker->metrics_before);
	walk_u32(walk, &worker->serial);
	walk_time(walk, &worker->started);
	walk_u64(walk, &worker->connections);
	walk_bool(walk, &worker->settled);
	walk_bool(walk, &worker->told);
	walk_bool(walk, &worker->retired);
	walk_bool(walk, &worker->succeeded);
}

static void walk_frozen(struct walk *walk, struct sn_upgrade_frozen *frozen)
{
	walk_str(walk, &frozen->service);
	walk_fd(walk, &frozen->state);
	frozen->sockets =
		walk_array(walk, frozen->sockets, &frozen->socket_count, sizeof(*frozen->sockets));
	for (uint32_t i = 0; i < frozen->socket_count; i++)
		walk_fd(walk, &frozen->sockets[i]);
}

static void walk_upgrade(struct walk *walk, struct sn_upgrade_state *state)
{
	walk_u32(walk, &state->pid);
	walk_u32(walk, &state->program);
	walk_bool(walk, &state->back);
	walk_str(walk, &state->why);
	walk_str(walk, &state->path);
	walk_str(walk, &state->path_before);
	walk_fd(walk, &state->program_before);
	walk_u64(walk, &state->moved);
	walk_u64(walk, &state->closed);
	walk_time(walk, &state->began);
	walk_u32(walk, &state->rolling);
	state->frozen =
		walk_array(walk, state->frozen, &state->frozen_count, sizeof(*state->frozen));
	for (uint32_t i = 0; i < state->frozen_count; i++)
		walk_frozen(walk, &state->frozen[i]);
}

static void walk_own(struct walk *walk, struct sn_upgrade_state *state)
{
	walk_fd(walk, &state->limiter);
	walk_fd(walk, &state->lock);
	walk_str(walk, &state->state);
	walk_str(walk, &state->state_missing);
	walk_str(walk, &state->state_given);
	walk_str(walk, &state->runtime_given);
	walk_time(walk, &state->started_wall);
	walk_bool(walk, &state->root);
	walk_bool(walk, &state->became_user);
	walk_bool(walk, &state->had_terminal);
	walk_bool(walk, &state->reload);
	walk_u32(walk, &state->broker_pid);
	walk_fd(walk, &state->broker);
	state->inherited = walk_array(
		walk, state->inherited, &state->inherited_count, sizeof(*state->inherited));
	for (uint32_t i = 0; i < state->inherited_count; i++) {
		int fd = (int)state->inherited[i];

		walk_fd(walk, &fd);
		if (walk->in != NULL && fd < 0)
			fail(walk);
		else if (walk->in != NULL)
			state->inherited[i] = (uint32_t)fd;
	}
}

static void walk_control(struct walk *walk, struct sn_upgrade_state *state)
{
	walk_socket(walk, &state->control);
	walk_str(walk, &state->control_path);
	walk_str(walk, &state->stopped);
	walk_str(walk, &state->last_reload);
	walk_u32(walk, &state->control_serial);
	walk_fd(walk, &state->asker);
	walk_str(walk, &state->words);
}

static void walk_state(struct walk *walk, struct sn_upgrade_state *state)
{
	walk_upgrade(walk, state);
	walk_str(walk, &state->layout);
	walk_fd(walk, &state->snapshot);
	state->sockets =
		walk_array(walk, state->sockets, &state->socket_count, sizeof(*state->sockets));
	for (uint32_t i = 0; i < state->socket_count; i++)
		walk_socket(walk, &state->sockets[i]);
	state->workers =
		walk_array(walk, state->workers, &state->worker_count, sizeof(*state->workers));
	for (uint32_t i = 0; i < state->worker_count; i++)
		walk_worker(walk, &state->workers[i]);
	walk_own(walk, state);
	walk_control(walk, state);
	if (walk->in != NULL && state->rolling != SN_UPGRADE_NONE &&
		state->rolling >= state->worker_count)
		fail(walk);
}

/* --- the whole ------------------------------------------------------------------------------ */

static struct sn_upgrade_socket no_socket(void)
{
	return (struct sn_upgrade_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
}

void sn_upgrade_state_init(struct sn_upgrade_state *state)
{
	*state = (struct sn_upgrade_state){
		.program_before = -1,
		.rolling = SN_UPGRADE_NONE,
		.snapshot = -1,
		.limiter = -1,
		.lock = -1,
		.broker = -1,
		.control = no_socket(),
		.asker = -1,
	};
}

void sn_upgrade_state_encode(const struct sn_upgrade_state *state, struct sn_strbuf *out)
{
	struct sn_upgrade_state copy = *state;
	struct walk walk = { .out = out };

	sn_pack_u32(out, MARK);
	sn_pack_u32(out, SN_UPGRADE_VERSION);
	walk_state(&walk, &copy);
}

void sn_upgrade_state_each_fd(
	const struct sn_upgrade_state *state, sn_upgrade_fd_fn fn, void *context)
{
	struct sn_upgrade_state copy = *state;
	struct walk walk = { .fn = fn, .context = context };

	walk_state(&walk, &copy);
}

int sn_upgrade_state_decode(struct sn_str text, struct sn_upgrade_state **state_r)
{
	struct sn_reader in = sn_reader(text);
	const uint32_t mark = sn_read_u32(&in), version = sn_read_u32(&in);
	struct sn_upgrade_state *state;
	struct walk walk = { .in = &in };

	if (in.err != SN_OK || mark != MARK)
		return SN_EPROTO;
	if (version != SN_UPGRADE_VERSION)
		return SN_EVERSION;
	walk.pool = sn_pool_new(0);
	state = sn_pool_alloc_zero(walk.pool, sizeof(*state));
	state->pool = walk.pool;
	walk_state(&walk, state);
	if (in.err == SN_OK && sn_reader_left(&in) == 0) {
		*state_r = state;
		return SN_OK;
	}
	sn_upgrade_state_free(&state);
	return SN_EPROTO;
}

void sn_upgrade_state_free(struct sn_upgrade_state **state_p)
{
	struct sn_upgrade_state *state = *state_p;
	struct sn_pool *pool;

	*state_p = NULL;
	if (state == NULL)
		return;
	pool = state->pool;
	sn_pool_free(&pool);
}
