/*
 * Verb tables: one row per command of a text protocol says its name, argument count, the states
 * it is allowed in, its flood cost, and its handler. Names are matched without regard to ASCII
 * case by binary search; rows must be sorted by name (asserted by sn_verbs_check in tests).
 */
#ifndef SN_DAEMON_SERVICE_VERBS_H
#define SN_DAEMON_SERVICE_VERBS_H

#include "daemon/base/str.h"

struct sn_verb {
	const char *name; /* upper case */
	uint8_t min, max; /* arguments; max 255: any */
	uint8_t cost;     /* flood points */
	uint32_t states;  /* bits of the states in which it is allowed */
};

/* A protocol's row begins with struct sn_verb and adds its handler; stride is its size. */
struct sn_verb_table {
	const struct sn_verb *rows;
	size_t count, stride;
};
#define SN_VERB_TABLE(array) \
	((struct sn_verb_table){ \
		&(array)[0].verb, sizeof(array) / sizeof((array)[0]), sizeof((array)[0]) })

/* The row with this name, or NULL. */
const struct sn_verb *sn_verb_find(const struct sn_verb_table *table, struct sn_str name);
/* Sorted, upper case, unique? */
bool sn_verbs_check(const struct sn_verb_table *table);

#endif
