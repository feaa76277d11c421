/* Intrusive doubly linked list: links are members of their owners, so nothing is allocated. */
#ifndef SN_DAEMON_BASE_LIST_H
#define SN_DAEMON_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/assert.h"

struct sn_list {
	struct sn_list *next, *prev;
};

static inline void sn_list_init(struct sn_list *l)
{
	l->next = l->prev = l;
}

/* A zeroed link counts as unlinked too. */
static inline bool sn_list_linked(const struct sn_list *l)
{
	return l->next != NULL && l->next != l;
}

static inline bool sn_list_empty(const struct sn_list *head)
{
	return head->next == head;
}

static inline void sn_list_insert_before(struct sn_list *at, struct sn_list *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

static inline void sn_list_append(struct sn_list *head, struct sn_list *l)
{
	sn_list_insert_before(head, l);
}

static inline void sn_list_prepend(struct sn_list *head, struct sn_list *l)
{
	sn_list_insert_before(head->next, l);
}

/* Unlinking an unlinked member does nothing. */
static inline void sn_list_remove(struct sn_list *l)
{
	if (l->next == NULL)
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->next = l->prev = l;
}

/* Move everything from src to the empty list dst. */
static inline void sn_list_move(struct sn_list *dst, struct sn_list *src)
{
	sn_list_init(dst);
	if (sn_list_empty(src))
		return;
	*dst = *src;
	dst->next->prev = dst->prev->next = dst;
	sn_list_init(src);
}

static inline struct sn_list *sn_list_pop(struct sn_list *head)
{
	struct sn_list *l = head->next;

	if (l == head)
		return NULL;
	sn_list_remove(l);
	return l;
}

#define sn_list_each(it, head) for ((it) = (head)->next; (it) != (head); (it) = (it)->next)
/* The body may unlink `it`, and nothing else. */
#define sn_list_each_safe(it, tmp, head) \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); \
		(it) = (tmp), (tmp) = (it)->next)

#endif
