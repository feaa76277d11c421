#include "daemon/auth/session.h"

#include "daemon/auth/checker.h"
#include "daemon/base/mem.h"
#include "daemon/base/strbuf.h"
#include "daemon/base/wire.h"

/* First byte of a frozen session; raised when the fields change. */
#define FROZEN_VERSION 1
#define ROLES_MAX 256

static struct sn_str copy(struct sn_str s)
{
	return sn_str_n(sn_str_dup(s), s.n);
}

static void drop(struct sn_str *s)
{
	sn_free((char *)(uintptr_t)s->p);
	*s = SN_STR_NULL;
}

struct sn_session *sn_session_new(struct sn_str account, const char *checker)
{
	struct sn_session *session = sn_alloc(sizeof(*session));

	*session = (struct sn_session){
		.refs = 1,
		.account = copy(account),
		.checker = checker,
	};
	return session;
}

/* Where the role stands, or would. */
static size_t find_role(const struct sn_session *session, struct sn_str role, bool *found_r)
{
	size_t at = 0;
	int order = 1;

	while (at < session->role_count && (order = sn_str_cmp(session->roles[at], role)) < 0)
		at++;
	*found_r = at < session->role_count && order == 0;
	return at;
}

void sn_session_add_role(struct sn_session *session, struct sn_str role)
{
	bool found;
	const size_t at = find_role(session, role, &found);

	if (found || role.n == 0 || session->role_count == ROLES_MAX)
		return;
	session->roles =
		sn_realloc_array(session->roles, session->role_count + 1, sizeof(*session->roles));
	memmove(&session->roles[at + 1], &session->roles[at],
		(session->role_count - at) * sizeof(*session->roles));
	session->roles[at] = copy(role);
	session->role_count++;
}

void sn_session_set_options(struct sn_session *session, struct sn_str options)
{
	drop(&session->options);
	if (options.n > 0)
		session->options = copy(options);
}

bool sn_session_has_role(const struct sn_session *session, struct sn_str role)
{
	bool found;

	(void)find_role(session, role, &found);
	return found;
}

struct sn_session *sn_session_ref(struct sn_session *session)
{
	session->refs++;
	return session;
}

void sn_session_unref(struct sn_session **session_p)
{
	struct sn_session *session = *session_p;

	*session_p = NULL;
	if (session == NULL || --session->refs > 0)
		return;
	for (size_t i = 0; i < session->role_count; i++)
		drop(&session->roles[i]);
	sn_free(session->roles);
	drop(&session->options);
	drop(&session->account);
	sn_free(session);
}

/* --- to another process ---------------------------------------------------------------------- */

static size_t frozen_size(const struct sn_session *session)
{
	size_t size = 1 + 8 + 2 + 4 * 3 + session->account.n + strlen(session->checker) +
		session->options.n;

	for (size_t i = 0; i < session->role_count; i++)
		size += 4 + session->roles[i].n;
	return size;
}

void sn_session_freeze(const struct sn_session *session, struct sn_strbuf *out)
{
	const size_t size = frozen_size(session);
	char *mem = sn_alloc(size);
	struct sn_writer w = sn_writer(mem, size);

	sn_write_u8(&w, FROZEN_VERSION);
	sn_write_str32(&w, session->account);
	sn_write_str32(&w, sn_str(session->checker));
	sn_write_str32(&w, session->options);
	sn_write_u64(&w, (uint64_t)session->expires);
	sn_write_u16(&w, (uint16_t)session->role_count);
	for (size_t i = 0; i < session->role_count; i++)
		sn_write_str32(&w, session->roles[i]);
	sn_strbuf_add(out, sn_writer_str(&w));
	sn_free(mem);
}

/* Sessions point to a name that outlives them: types are registered, never removed. */
static const char *checker_name(struct sn_str name)
{
	const struct sn_checker_type *type;

	for (size_t i = 0; (type = sn_checker_type_at(i)) != NULL; i++) {
		if (sn_str_eq(name, sn_str(type->name)))
			return type->name;
	}
	return "unknown";
}

struct sn_session *sn_session_thaw(struct sn_reader *in)
{
	struct sn_session *session;
	struct sn_str account, checker;
	size_t roles;

	if (sn_read_u8(in) != FROZEN_VERSION)
		sn_reader_fail(in, SN_EVERSION);
	account = sn_read_str32(in);
	checker = sn_read_str32(in);
	session = sn_session_new(account, checker_name(checker));
	sn_session_set_options(session, sn_read_str32(in));
	session->expires = (int64_t)sn_read_u64(in);
	roles = sn_read_u16(in);
	if (roles > ROLES_MAX)
		sn_reader_fail(in, SN_ELIMIT);
	for (size_t i = 0; i < roles && in->err == SN_OK; i++)
		sn_session_add_role(session, sn_read_str32(in));
	if (in->err != SN_OK)
		sn_session_unref(&session);
	return session;
}
