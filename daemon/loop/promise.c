#include "daemon/loop/promise.h"

#include "daemon/base/mem.h"

static void free_promise(struct sn_task *task)
{
	struct sn_promise *p = sn_container_of(task, struct sn_promise, task);

	p->ops->free(p);
}

static void close_promise(struct sn_promise *p)
{
	p->task.fn = free_promise;
	sn_loop_closing(p->loop, &p->task);
}

static void deliver(struct sn_task *task)
{
	struct sn_promise *p = sn_container_of(task, struct sn_promise, task);
	struct sn_waiter *w = p->waiter;

	p->state = SN_PROMISE_DELIVERED;
	p->waiter = NULL;
	w->promise = NULL;
	w->fn(w, p, p->code);
	if (p->waiter == NULL) /* else it was kept */
		close_promise(p);
}

/* From the waiter's call: the promise stays until the keeper releases it. */
static void keep(struct sn_promise *p, struct sn_waiter *keeper)
{
	p->waiter = keeper;
}

void sn_promise_init(struct sn_loop *loop, struct sn_promise *p, const struct sn_promise_ops *ops)
{
	sn_assert(ops->free != NULL);
	*p = (struct sn_promise){
		.ops = ops,
		.loop = loop,
		.task.fn = deliver,
		.state = SN_PROMISE_PENDING,
	};
}

void sn_promise_resolve(struct sn_promise *p, int code)
{
	sn_assert(p->state == SN_PROMISE_PENDING);
	sn_assert(code <= SN_OK);
	p->state = SN_PROMISE_RESOLVED;
	p->code = code;
	if (p->waiter != NULL)
		sn_loop_defer(p->loop, &p->task);
}

void sn_promise_wait(struct sn_promise *p, struct sn_waiter *w, sn_waiter_fn fn)
{
	sn_assert(fn != NULL);
	sn_assert(p->waiter == NULL && w->promise == NULL);
	sn_assert(p->state == SN_PROMISE_PENDING || p->state == SN_PROMISE_RESOLVED);
	p->waiter = w;
	*w = (struct sn_waiter){ .promise = p, .fn = fn };
	if (p->state == SN_PROMISE_RESOLVED)
		sn_loop_defer(p->loop, &p->task);
}

void sn_waiter_cancel(struct sn_waiter *w)
{
	struct sn_promise *p = w->promise;
	bool pending;

	if (p == NULL)
		return;
	pending = p->state == SN_PROMISE_PENDING;
	p->state = SN_PROMISE_CANCELED;
	p->waiter = NULL;
	w->promise = NULL;
	if (pending && p->ops->cancel != NULL)
		p->ops->cancel(p);
	close_promise(p);
}

/* All of */

struct all_item {
	struct sn_waiter waiter;
	struct all *all;
};

struct all {
	struct sn_promise promise;
	sn_all_fn on_each;
	size_t count, left;
	struct all_item items[];
};

static void cancel_all(struct sn_promise *p)
{
	struct all *all = sn_container_of(p, struct all, promise);

	for (size_t i = 0; i < all->count; i++)
		sn_waiter_cancel(&all->items[i].waiter);
}

static void free_all(struct sn_promise *p)
{
	sn_free(sn_container_of(p, struct all, promise));
}

static void on_one(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct all_item *item = sn_container_of(w, struct all_item, waiter);
	struct all *all = item->all;

	all->left--;
	if (all->on_each != NULL)
		all->on_each(&all->promise, (size_t)(item - all->items), p, code);
	if (all->promise.state != SN_PROMISE_PENDING)
		return; /* canceled by on_each */
	if (code != SN_OK)
		cancel_all(&all->promise);
	if (code != SN_OK || all->left == 0)
		sn_promise_resolve(&all->promise, code);
}

static const struct sn_promise_ops all_ops = { .cancel = cancel_all, .free = free_all };

struct sn_promise *sn_promise_all(
	struct sn_loop *loop, struct sn_promise *const *promises, size_t count, sn_all_fn on_each)
{
	struct all *all;

	sn_assert(count >= 1 && count < SIZE_MAX / sizeof(struct all_item) / 2);
	all = sn_alloc_zero(sizeof(*all) + count * sizeof(all->items[0]));
	sn_promise_init(loop, &all->promise, &all_ops);
	all->on_each = on_each;
	all->count = all->left = count;
	for (size_t i = 0; i < count; i++) {
		all->items[i].all = all;
		sn_promise_wait(promises[i], &all->items[i].waiter, on_one);
	}
	return &all->promise;
}

/* Timeout */

struct timeout {
	struct sn_promise promise;
	struct sn_timer timer;
	struct sn_waiter waiter;
	struct sn_promise *inner; /* NULL: canceled */
};

static void cancel_timeout(struct sn_promise *p)
{
	struct timeout *t = sn_container_of(p, struct timeout, promise);

	sn_timer_clear(&t->timer);
	t->inner = NULL;
	sn_waiter_cancel(&t->waiter);
}

/* We are in the closing phase: what was kept goes along. */
static void free_timeout(struct sn_promise *p)
{
	struct timeout *t = sn_container_of(p, struct timeout, promise);

	if (t->inner != NULL)
		t->inner->ops->free(t->inner);
	sn_free(t);
}

/* Our own waiter is called a turn later, and reads the value then. */
static void on_inner(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct timeout *t = sn_container_of(w, struct timeout, waiter);

	sn_timer_clear(&t->timer);
	keep(p, w);
	sn_promise_resolve(&t->promise, code);
}

static void on_expired(struct sn_timer *timer)
{
	struct timeout *t = sn_container_of(timer, struct timeout, timer);

	cancel_timeout(&t->promise);
	sn_promise_resolve(&t->promise, SN_ETIMEOUT);
}

static const struct sn_promise_ops timeout_ops = { .cancel = cancel_timeout, .free = free_timeout };

struct sn_promise *sn_promise_timeout(
	struct sn_loop *loop, struct sn_promise *inner, int64_t delay_ns)
{
	struct timeout *t = sn_alloc_zero(sizeof(*t));

	sn_promise_init(loop, &t->promise, &timeout_ops);
	t->inner = inner;
	sn_promise_wait(inner, &t->waiter, on_inner);
	sn_timer_set(loop, &t->timer, delay_ns, on_expired);
	return &t->promise;
}

struct sn_promise *sn_promise_inner(struct sn_promise *timeout)
{
	sn_assert(timeout->ops == &timeout_ops);
	return sn_container_of(timeout, struct timeout, promise)->inner;
}
