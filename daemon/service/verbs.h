/*
 * Verb tables: one row per command of a text protocol says its name, argument count, the states
 * it is allowed in, its flood cost, and its handler. Names are matched without regard to ASCII
 * case by binary search; rows must be sorted by name (asserted by sn_verbs_check in tests).
 */
#ifndef SN_DAEMON_SERVICE_VERBS_H
#define SN_DAEMON_SERVICE_VERBS_H

#include "daemon/base/str.h"

struct sn_verb {
	const char *name;     /* upper case */
	uint8_t min, max;     /* arguments; max 255: any */
	uint8_t cost;         /* flood points */
	uint32_t states;      /* bits of the states in which it is allowed */
	/* The protocol casts its own handler type's table: see irc_commands.c. */
	int handler;          /* index into the protocol's handler array */
};

/* The row with this name, or NULL. */
const struct sn_verb *sn_verb_find(const struct sn_verb *rows, size_t count, struct sn_str name);
/* Sorted, upper case, unique? */
bool sn_verbs_check(const struct sn_verb *rows, size_t count);

#endif
