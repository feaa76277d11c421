#include "tests/unit/daemon/store/versions.h"

static const char *const first[] = {
	"CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
	NULL,
};
static const char *const second[] = {
	"ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'",
	"CREATE INDEX notes_by_author ON notes (author)",
	NULL,
};
static const char *const third[] = { "UPDATE notes SET author = 'somebody'", NULL };
static const char *const broken[] = {
	"ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'",
	"INSERT INTO nothing VALUES (1)",
	NULL,
};
static const char *const other[] = { "CREATE TABLE others (id INTEGER PRIMARY KEY)", NULL };

static const char *const *const steps_1[] = { first, NULL };
static const char *const *const steps_3[] = { first, second, third, NULL };
static const char *const *const steps_broken[] = { first, broken, NULL };
static const char *const *const steps_other[] = { other, NULL };

static const struct sn_store_schema notes_1 = { "notes", steps_1 };
static const struct sn_store_schema notes_3 = { "notes", steps_3 };
static const struct sn_store_schema notes_broken = { "notes", steps_broken };
static const struct sn_store_schema others = { "others", steps_other };

const struct sn_store_schema *const versions_up_to_1[] = { &notes_1, NULL };
const struct sn_store_schema *const versions_up_to_3[] = { &notes_3, NULL };
const struct sn_store_schema *const versions_broken[] = { &notes_broken, NULL };
const struct sn_store_schema *const versions_of_two[] = { &notes_1, &others, NULL };
