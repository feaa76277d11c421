#include "daemon/base/metrics_area.h"

#include <stdio.h>

#include "daemon/base/mem.h"
#include "tests/support/unit.h"

Suite *sn_suite_metrics_area(void);

enum { REQUESTS_OK, REQUESTS_FAILED, OPEN, LATENCY, METRIC_COUNT };

static const uint64_t latency_bounds[] = { 1000000, 250000000, 0 };
static const uint64_t other_bounds[] = { 1000000, 300000000, 0 };

#define REQUESTS_ROW(result) \
	{ \
		.name = "t_requests_total", .labels = "result=\"" result "\"", \
		.kind = SN_METRIC_COUNTER, .unit = "", .help = "Requests answered." \
	}
#define LATENCY_ROW(its_bounds) \
	{ \
		.name = "t_latency_seconds", .kind = SN_METRIC_HISTOGRAM, .unit = "seconds", \
		.help = "Time to\nanswer.", .bounds = (its_bounds), .scale = 1000000000 \
	}

static const struct sn_metric_def defs[METRIC_COUNT] = {
	[REQUESTS_OK] = REQUESTS_ROW("ok"),
	[REQUESTS_FAILED] = REQUESTS_ROW("failed"),
	[OPEN] = { .name = "t_open", .kind = SN_METRIC_GAUGE, .unit = "", .help = "Open." },
	[LATENCY] = LATENCY_ROW(latency_bounds),
};

enum { AREA_SIZE = 4096, AREA_WORDS = AREA_SIZE / 8, AREAS = 3 };

static uint64_t memory[AREAS][AREA_WORDS];
static struct sn_strbuf out;

static void setup(void)
{
	memset(memory, 0, sizeof(memory));
	sn_strbuf_init(&out, 1 << 20);
}

static void teardown(void)
{
	sn_strbuf_fini(&out);
}

/* A set placed in an area of its own, for as long as a test wants. */
struct life {
	struct sn_metrics_area *area;
	struct sn_metric_set set;
};

static struct life begin(int which, const char *labels)
{
	struct life life = { .area = sn_metrics_area_open(memory[which], AREA_SIZE) };
	_Atomic uint64_t *slots = sn_metrics_area_place(life.area, defs, METRIC_COUNT, labels);
	ck_assert_ptr_nonnull(slots);
	sn_metrics_init(&life.set, defs, METRIC_COUNT, slots);
	return life;
}

static void end(struct life *life)
{
	sn_metrics_fini(&life->set);
	sn_metrics_area_close(&life->area);
	ck_assert_ptr_null(life->area);
}

static const char *text_of(const struct sn_metrics_view *views, size_t count)
{
	sn_strbuf_reset(&out);
	sn_metrics_areas_write(views, count, &out);
	ck_assert_int_eq(out.err, SN_OK);
	return sn_strbuf_cstr(&out);
}

static const char *text_of_first(void)
{
	return text_of(&(struct sn_metrics_view){ memory[0], AREA_SIZE, NULL }, 1);
}

static void expect(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s is not in\n%s", part, text);
}

START_TEST(test_one_area)
{
	static const char expected[] = "# HELP t_requests_total Requests answered.\n"
				       "# TYPE t_requests_total counter\n"
				       "t_requests_total{service=\"irc\",result=\"ok\"} 3\n"
				       "t_requests_total{service=\"irc\",result=\"failed\"} 0\n"
				       "# HELP t_open Open.\n"
				       "# TYPE t_open gauge\n"
				       "t_open{service=\"irc\"} 2\n"
				       "# HELP t_latency_seconds Time to\\nanswer.\n"
				       "# TYPE t_latency_seconds histogram\n"
				       "t_latency_seconds_bucket{service=\"irc\",le=\"0.001\"} 1\n"
				       "t_latency_seconds_bucket{service=\"irc\",le=\"0.25\"} 1\n"
				       "t_latency_seconds_bucket{service=\"irc\",le=\"+Inf\"} 2\n"
				       "t_latency_seconds_sum{service=\"irc\"} 0.250001001\n"
				       "t_latency_seconds_count{service=\"irc\"} 2\n";
	struct life life = begin(0, "service=\"irc\"");
	sn_metric_add(&life.set, REQUESTS_OK, 3);
	sn_metric_add(&life.set, OPEN, 2);
	sn_metric_observe(&life.set, LATENCY, 1000);
	sn_metric_observe(&life.set, LATENCY, 250000001);
	ck_assert_str_eq(text_of_first(), expected);
	end(&life);
	/* It stays when the writer has gone. */
	ck_assert_str_eq(text_of_first(), expected);
}
END_TEST

START_TEST(test_next_life)
{
	struct life life = begin(0, NULL);
	sn_metric_add(&life.set, REQUESTS_OK, 3);
	sn_metric_add(&life.set, OPEN, 2);
	sn_metric_observe(&life.set, LATENCY, 1000);
	end(&life);
	life = begin(0, NULL);
	ck_assert_uint_eq(sn_metric_get(&life.set, REQUESTS_OK), 3);
	ck_assert_uint_eq(sn_metric_get(&life.set, OPEN), 0);
	sn_metric_add(&life.set, REQUESTS_OK, 4);
	sn_metric_observe(&life.set, LATENCY, 1000);
	expect(text_of_first(), "t_requests_total{result=\"ok\"} 7\n");
	expect(text_of_first(), "t_open 0\n");
	expect(text_of_first(), "t_latency_seconds_count 2\n");
	end(&life);
}
END_TEST

/* A service that is gone from the configuration keeps its counters and has nothing open. */
START_TEST(test_opening_resets_gauges)
{
	struct life life = begin(0, "service=\"old\"");
	sn_metric_add(&life.set, REQUESTS_OK, 3);
	sn_metric_add(&life.set, OPEN, 2);
	end(&life);
	life.area = sn_metrics_area_open(memory[0], AREA_SIZE);
	expect(text_of_first(), "t_requests_total{service=\"old\",result=\"ok\"} 3\n");
	expect(text_of_first(), "t_open{service=\"old\"} 0\n");
	sn_metrics_area_close(&life.area);
}
END_TEST

START_TEST(test_same_place_twice)
{
	struct life life = begin(0, "a=\"1\"");
	_Atomic uint64_t *slots = sn_metrics_area_place(life.area, defs, METRIC_COUNT, "a=\"1\"");
	ck_assert_ptr_eq(slots, life.set.slots);
	/* Other labels, other rows, fewer rows: other slots. */
	ck_assert_ptr_ne(sn_metrics_area_place(life.area, defs, METRIC_COUNT, "a=\"2\""), slots);
	ck_assert_ptr_ne(sn_metrics_area_place(life.area, defs, METRIC_COUNT, NULL), slots);
	ck_assert_ptr_ne(sn_metrics_area_place(life.area, defs, 1, "a=\"1\""), slots);
	end(&life);
}
END_TEST

START_TEST(test_sum_over_areas)
{
	struct life lives[AREAS];
	const struct sn_metrics_view views[] = {
		{ memory[0], AREA_SIZE, NULL },
		{ memory[1], AREA_SIZE, NULL },
		{ memory[2], AREA_SIZE, "worker=\"irc/0\"" },
	};
	for (int i = 0; i < AREAS; i++) {
		lives[i] = begin(i, i < 2 ? NULL : "service=\"irc\"");
		sn_metric_add(&lives[i].set, REQUESTS_OK, (uint64_t)i + 1);
		sn_metric_observe(&lives[i].set, LATENCY, 1000000);
	}
	/* Counted up in one worker, down in the other. */
	sn_metric_add(&lives[0].set, OPEN, 5);
	sn_metric_sub(&lives[1].set, OPEN, 2);
	const char *text = text_of(views, AREAS);
	expect(text,
		"# TYPE t_requests_total counter\n"
		"t_requests_total{result=\"ok\"} 3\n"
		"t_requests_total{result=\"failed\"} 0\n"
		"t_requests_total{worker=\"irc/0\",service=\"irc\",result=\"ok\"} 3\n"
		"t_requests_total{worker=\"irc/0\",service=\"irc\",result=\"failed\"} 0\n"
		"# HELP t_open Open.\n");
	expect(text, "t_open 3\n");
	expect(text, "t_latency_seconds_bucket{le=\"0.001\"} 2\n");
	expect(text, "t_latency_seconds_sum 0.002\n");
	expect(text, "t_latency_seconds_count{worker=\"irc/0\",service=\"irc\"} 1\n");
	for (int i = 0; i < AREAS; i++)
		end(&lives[i]);
}
END_TEST

/* What two versions of the program mean by one name cannot be added up. */
START_TEST(test_rows_that_differ)
{
	static const struct sn_metric_def changed[] = {
		{ .name = "t_open", .kind = SN_METRIC_COUNTER, .unit = "", .help = "Open." },
		LATENCY_ROW(other_bounds),
		{ .name = "t_new_total", .kind = SN_METRIC_COUNTER, .unit = "", .help = "New." },
	};
	struct life life = begin(0, NULL);
	struct sn_metrics_area *area = sn_metrics_area_open(memory[1], AREA_SIZE);
	_Atomic uint64_t *slots = sn_metrics_area_place(area, changed, 3, NULL);
	const struct sn_metrics_view views[] = {
		{ memory[0], AREA_SIZE, NULL },
		{ memory[1], AREA_SIZE, NULL },
	};
	slots[0] = slots[1] = 7;
	slots[sn_metrics_slots(changed, 3) - 1] = 9;
	const char *text = text_of(views, 2);
	expect(text, "# TYPE t_open gauge\nt_open 0\n");
	expect(text, "t_latency_seconds_sum 0\n");
	expect(text, "t_new_total 9\n");
	sn_metrics_area_close(&area);
	end(&life);
}
END_TEST

START_TEST(test_full)
{
	struct sn_metrics_area *area = sn_metrics_area_open(memory[0], AREA_SIZE);
	char label[32];
	size_t placed = 0;
	do
		snprintf(label, sizeof(label), "n=\"%zu\"", placed);
	while (sn_metrics_area_place(area, defs, METRIC_COUNT, label) != NULL && ++placed < 1000);
	ck_assert_uint_gt(placed, 5);
	ck_assert_uint_lt(placed, 100);
	/* Those who are in stay in, and there may be room for somebody smaller. */
	ck_assert_ptr_nonnull(sn_metrics_area_place(area, defs, METRIC_COUNT, "n=\"0\""));
	ck_assert_ptr_nonnull(sn_metrics_area_place(area, &defs[OPEN], 1, NULL));
	expect(text_of_first(), "t_open 0\n");
	sn_metrics_area_close(&area);
	area = sn_metrics_area_open(memory[0], AREA_SIZE);
	ck_assert_ptr_null(sn_metrics_area_place(area, defs, METRIC_COUNT, label));
	ck_assert_ptr_nonnull(sn_metrics_area_place(area, defs, METRIC_COUNT, "n=\"3\""));
	sn_metrics_area_close(&area);
}
END_TEST

START_TEST(test_too_long)
{
	char *text = sn_alloc(70000);
	struct sn_metrics_area *area = sn_metrics_area_open(memory[0], AREA_SIZE);
	struct sn_metric_def def = defs[OPEN];
	memset(text, 'x', 69999);
	text[69999] = '\0';
	def.help = text;
	ck_assert_ptr_null(sn_metrics_area_place(area, &def, 1, NULL));
	ck_assert_str_eq(text_of_first(), "");
	sn_metrics_area_close(&area);
	sn_free(text);
}
END_TEST

/* Neither written nor read: a reader would repeat them for every row. */
START_TEST(test_labels_too_long)
{
	char labels[1100];
	struct sn_metrics_area *area = sn_metrics_area_open(memory[0], AREA_SIZE);
	struct sn_metric_def def = defs[OPEN];
	(void)snprintf(labels, sizeof(labels), "a=\"%01020d\"", 0);
	ck_assert_uint_eq(strlen(labels), 1024);
	ck_assert_ptr_nonnull(sn_metrics_area_place(area, &def, 1, labels));
	(void)snprintf(labels, sizeof(labels), "a=\"%01021d\"", 0);
	ck_assert_ptr_null(sn_metrics_area_place(area, &def, 1, labels));
	def.labels = labels;
	ck_assert_ptr_null(sn_metrics_area_place(area, &def, 1, NULL));
	sn_metrics_area_close(&area);
}
END_TEST

START_TEST(test_labels_escaped)
{
	struct sn_strbuf labels;
	sn_strbuf_init(&labels, 200);
	sn_metrics_add_label(&labels, "service", sn_str("a\"b\\c\nd"));
	sn_metrics_add_label(&labels, "kind", sn_str(""));
	ck_assert_str_eq(sn_strbuf_cstr(&labels), "service=\"a\\\"b\\\\c\\nd\",kind=\"\"");
	struct life life = begin(0, sn_strbuf_cstr(&labels));
	expect(text_of_first(), "t_open{service=\"a\\\"b\\\\c\\nd\",kind=\"\"} 0\n");
	end(&life);
	sn_strbuf_fini(&labels);
}
END_TEST

/* A name or labels out of form would say something else on their line than they are. */
START_TEST(test_rows_out_of_form)
{
	static const struct sn_metric_def rows[] = {
		{ .name = "1x", .help = "" },
		{ .name = "", .help = "" },
		{ .name = "a b", .help = "" },
		{ .name = "a\nb", .help = "" },
		{ .name = "x", .help = "\xff" },
		{ .name = "x", .labels = "a", .help = "" },
		{ .name = "x", .labels = "a=", .help = "" },
		{ .name = "x", .labels = "a=b", .help = "" },
		{ .name = "x", .labels = "a=\"b", .help = "" },
		{ .name = "x", .labels = "a=\"b\\", .help = "" },
		{ .name = "x", .labels = "a=\"b\\t\"", .help = "" },
		{ .name = "x", .labels = "a=\"b\",", .help = "" },
		{ .name = "x", .labels = "a=\"b\"c=\"d\"", .help = "" },
		{ .name = "x", .labels = "a=\"b\"} 1\nx{b=\"c\"", .help = "" },
		{ .name = "x", .labels = "a=\"\n\"", .help = "" },
		{ .name = "x", .labels = "a:b=\"\"", .help = "" },
		{ .name = "x", .labels = "=\"\"", .help = "" },
		{ .name = "x", .labels = "a=\"\xff\"", .help = "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(memory, 0, sizeof(memory));
		struct life life = begin(0, NULL);
		ck_assert_ptr_nonnull(sn_metrics_area_place(life.area, &rows[i], 1, NULL));
		expect(text_of_first(), "t_open 0\n");
		ck_assert_msg(strstr(text_of_first(), "\nx") == NULL, "row %zu is in\n%s", i,
			text_of_first());
		ck_assert_ptr_null(strstr(text_of_first(), "HELP 1x"));
		end(&life);
	}
}
END_TEST

/* Memory of exactly so many words, so that a sanitizer sees a read past its end. */
static void read_copy(size_t words)
{
	uint64_t *copy = sn_alloc(words > 0 ? words * 8 : 1);
	memcpy(copy, memory[0], words * 8);
	(void)text_of(&(struct sn_metrics_view){ copy, words * 8, NULL }, 1);
	sn_free(copy);
}

START_TEST(test_truncated)
{
	struct life life = begin(0, "service=\"irc\"");
	const size_t used = AREA_WORDS / 4;
	for (size_t n = 0; n < used; n++)
		read_copy(n);
	expect(text_of_first(), "t_open");
	end(&life);
}
END_TEST

static uint64_t next_noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 11 ^ *state << 20;
}

START_TEST(test_noise)
{
	uint64_t state = 1, saved[AREA_WORDS];
	struct life life = begin(0, "service=\"irc\"");
	ck_assert_ptr_nonnull(sn_metrics_area_place(life.area, defs, METRIC_COUNT, NULL));
	end(&life);
	memcpy(saved, memory[0], sizeof(saved));
	for (int round = 0; round < 3000; round++) {
		const size_t at = next_noise(&state) % (AREA_WORDS / 6);
		const uint64_t flip = 1ULL << (next_noise(&state) % 64);
		memory[0][at] ^= round % 3 == 0 ? next_noise(&state) : flip;
		read_copy(AREA_WORDS / 4);
		if (round % 5 == 4)
			memcpy(memory[0], saved, sizeof(saved));
	}
}
END_TEST

/* Whatever a broken writer left, the next one begins and can place its sets. */
START_TEST(test_writer_after_noise)
{
	uint64_t state = 7;
	for (int round = 0; round < 500; round++) {
		struct life life = begin(0, NULL);
		end(&life);
		for (int i = 0; i < 3; i++)
			memory[0][next_noise(&state) % 40] ^= next_noise(&state);
		life = begin(0, NULL);
		expect(text_of_first(), "t_open 0\n");
		end(&life);
	}
}
END_TEST

/* Died before the length was written: what stands behind it is nobody's. */
START_TEST(test_writer_died_placing)
{
	struct life life = begin(0, "service=\"one\"");
	uint64_t length = memory[0][1];
	end(&life);
	memset(&memory[0][1 + length], 0xff, 8 * 60);
	memory[0][1 + length] = 0;
	life = begin(0, "service=\"two\"");
	expect(text_of_first(), "t_open{service=\"one\"} 0\nt_open{service=\"two\"} 0\n");
	end(&life);
	/* The entry after a short one begins with no length, whatever stood there. */
	memset(memory[0], 0, sizeof(memory[0]));
	life.area = sn_metrics_area_open(memory[0], AREA_SIZE);
	memset(&memory[0][2], 0xff, 8 * 60);
	ck_assert_ptr_nonnull(sn_metrics_area_place(life.area, &defs[OPEN], 1, NULL));
	ck_assert_str_eq(text_of_first(), "# HELP t_open Open.\n# TYPE t_open gauge\nt_open 0\n");
	sn_metrics_area_close(&life.area);
}
END_TEST

START_TEST(test_no_area)
{
	/* Zeroed, as new shared memory is; of another version; too small to be one. */
	ck_assert_str_eq(text_of_first(), "");
	struct life life = begin(0, NULL);
	end(&life);
	memory[0][0]++;
	ck_assert_str_eq(text_of_first(), "");
	life = begin(0, NULL);
	expect(text_of_first(), "t_open 0\n");
	end(&life);
	ck_assert_str_eq(text_of(&(struct sn_metrics_view){ memory[0], 8, NULL }, 1), "");
	ck_assert_str_eq(text_of(&(struct sn_metrics_view){ memory[0], 7, NULL }, 1), "");
	ck_assert_str_eq(text_of(NULL, 0), "");
}
END_TEST

Suite *sn_suite_metrics_area(void)
{
	Suite *suite = suite_create("base/metrics_area");
	TCase *tc = tcase_create("metrics_area");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_one_area);
	tcase_add_test(tc, test_next_life);
	tcase_add_test(tc, test_opening_resets_gauges);
	tcase_add_test(tc, test_same_place_twice);
	tcase_add_test(tc, test_sum_over_areas);
	tcase_add_test(tc, test_rows_that_differ);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_too_long);
	tcase_add_test(tc, test_labels_too_long);
	tcase_add_test(tc, test_labels_escaped);
	tcase_add_test(tc, test_rows_out_of_form);
	tcase_add_test(tc, test_truncated);
	tcase_add_test(tc, test_noise);
	tcase_add_test(tc, test_writer_after_noise);
	tcase_add_test(tc, test_writer_died_placing);
	tcase_add_test(tc, test_no_area);
	suite_add_tcase(suite, tc);
	return suite;
}
