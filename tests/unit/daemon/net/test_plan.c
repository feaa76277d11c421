#include "daemon/net/plan.h"

#include "daemon/base/mem.h"
#include "tests/support/unit.h"

static struct sn_pool *pool;
static struct sn_listen_plan plan;
static struct sn_diag diag;

/* --- a wrapping type of the test's own: "mark:NAME:INNER" leaves a stage with that name ----------
 */

struct mark {
	struct sn_accept_stage stage;
	char *name;
};

static unsigned freed;
static int mark_rc;

static void mark_free(struct sn_accept_stage *stage)
{
	struct mark *mark = sn_container_of(stage, struct mark, stage);

	freed++;
	sn_free(mark->name);
	sn_free(mark);
}

static const struct sn_accept_stage_ops mark_ops = { .name = "mark", .free = mark_free };

static int plan_mark(const struct sn_endpoint *ep, struct sn_listen_plan *p, struct sn_diag *d)
{
	int rc = sn_listen_plan_inner(ep, p, d);
	struct mark *mark;

	if (rc != SN_OK)
		return rc;
	mark = sn_alloc_zero(sizeof(*mark));
	mark->stage.ops = &mark_ops;
	mark->name = sn_str_dup(sn_endpoint_get(ep, "name")->text);
	sn_listen_plan_add_stage(p, &mark->stage);
	return mark_rc == SN_OK ? SN_OK : sn_diag_set(d, mark_rc, ep->column, "marked");
}

static const struct sn_param mark_params[] = {
	{ .name = "name", .flags = SN_PARAM_REQUIRED, .doc = "what to leave" },
};
static const struct sn_endpoint_ops mark_endpoint_ops = {
	.size = sizeof(struct sn_endpoint_ops),
	.plan_listen = plan_mark,
};
static const struct sn_endpoint_type mark_type = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "mark",
	.side = SN_SERVER,
	.params = mark_params,
	.param_count = 1,
	.wraps = true,
	.doc = "test",
	.example = "mark:x:tcp:0",
	.ops = &mark_endpoint_ops,
};
static const struct sn_endpoint_type mute_type = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "mute",
	.side = SN_SERVER,
	.doc = "test",
	.example = "mute:",
};

/* Once in a process, which all tests share under valgrind. */
static void register_once(const struct sn_endpoint_type *type)
{
	const int rc = sn_endpoint_register(type);

	ck_assert(rc == SN_OK || rc == SN_EDUPLICATE);
}

static void setup(void)
{
	pool = sn_pool_new(0);
	freed = 0;
	sn_endpoints_init();
	sn_net_init();
	register_once(&mark_type);
	register_once(&mute_type);
}

static void teardown(void)
{
	sn_pool_free(&pool);
}

static int make(const char *text)
{
	struct sn_endpoint *ep;

	diag = (struct sn_diag){ .code = SN_OK };
	ck_assert_msg(sn_endpoint_parse(pool, SN_SERVER, sn_str(text), &ep, &diag) == SN_OK, "%s",
		diag.text);
	return sn_listen_plan_make(ep, &plan, &diag);
}

static const char *stage_name(const struct sn_accept_stage *stage)
{
	return sn_container_of(stage, struct mark, stage)->name;
}

START_TEST(a_leaf_has_no_stages)
{
	ck_assert_int_eq(make("tcp:80"), SN_OK);
	ck_assert_int_eq(plan.kind, SN_LISTEN_ADDR);
	ck_assert_int_eq(plan.socktype, SOCK_STREAM);
	ck_assert_ptr_null(plan.stages);
	ck_assert_int_eq(plan.fd, -1);
	sn_listen_plan_fini(&plan);
}
END_TEST

/* What was written outermost sees the bytes last: mark:c is nearest to the service. */
START_TEST(stages_are_in_the_order_of_work)
{
	ck_assert_int_eq(make("mark:c:mark:b:mark:a:tcp:80"), SN_OK);
	ck_assert_str_eq(stage_name(plan.stages), "a");
	ck_assert_str_eq(stage_name(plan.stages->next), "b");
	ck_assert_str_eq(stage_name(plan.stages->next->next), "c");
	ck_assert_ptr_null(plan.stages->next->next->next);
	ck_assert_uint_eq(sn_addr_port(&plan.addr), 80);
	sn_listen_plan_fini(&plan);
	ck_assert_uint_eq(freed, 3);
	sn_listen_plan_fini(&plan); /* again: nothing happens */
	ck_assert_uint_eq(freed, 3);
}
END_TEST

START_TEST(a_failure_frees_what_was_made)
{
	mark_rc = SN_ECONFIG;
	ck_assert_int_eq(make("mark:c:tcp:80"), SN_ECONFIG);
	ck_assert_str_eq(diag.text, "marked");
	ck_assert_uint_eq(freed, 1);
	ck_assert_ptr_null(plan.pool);
}
END_TEST

START_TEST(a_type_that_cannot_listen)
{
	ck_assert_int_eq(make("mark:x:mute"), SN_EUNAVAILABLE);
	ck_assert_uint_eq(diag.column, 8);
	ck_assert_ptr_nonnull(strstr(diag.text, "mute"));
}
END_TEST

START_TEST(every_server_type_has_a_plan)
{
	const struct sn_endpoint_type *type;

	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		const struct sn_endpoint_ops *ops = sn_endpoint_type_ops(type);

		if (type != &mute_type && type->side == SN_SERVER)
			ck_assert_msg(ops != NULL && ops->plan_listen != NULL, "%s", type->word);
	}
}
END_TEST

START_TEST(init_twice)
{
	sn_net_init();
	ck_assert_int_eq(make("tcp:80"), SN_OK);
	sn_listen_plan_fini(&plan);
}
END_TEST

Suite *sn_suite_plan(void);
Suite *sn_suite_plan(void)
{
	Suite *suite = suite_create("net/plan");
	TCase *tc = tcase_create("plan");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_leaf_has_no_stages);
	tcase_add_test(tc, stages_are_in_the_order_of_work);
	tcase_add_test(tc, a_failure_frees_what_was_made);
	tcase_add_test(tc, a_type_that_cannot_listen);
	tcase_add_test(tc, every_server_type_has_a_plan);
	tcase_add_test(tc, init_twice);
	suite_add_tcase(suite, tc);
	return suite;
}
