/*
 * The SASL engine with all mechanisms: the first byte chooses one, the rest is what the client
 * says, a message up to each 0x1e. A 0x02 in a message becomes the nonce of the server's last
 * challenge, so that inputs get past the first message of SCRAM. However it ends, nobody gets in
 * but with what the checkers know.
 */
#include <stdint.h>

#include "daemon/auth/sasl.h"
#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define MESSAGE_MAX 20000
#define STEPS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct conversation {
	struct sn_sasl sasl; /* first member */
	int code;
	bool done;
};

static struct sn_loop *loop;
static struct sn_offload *pool;
static struct sn_auth_context context;
static struct sn_portal *portal;

/* --- tokens, which none of the built-in checkers here takes ---------------------------------- */

static int check_token(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)promise_r;
	if (!sn_str_eq(creds->token, SN_STR("good")))
		return SN_EDENIED;
	*session_r = sn_session_new(SN_STR("alice"), checker->type->name);
	return SN_OK;
}

static void close_token(struct sn_checker *checker)
{
	(void)checker;
}

static const struct sn_checker_type token_type = {
	.size = sizeof(token_type),
	.name = "token",
	.kinds = SN_CREDS_TOKEN,
	.check = check_token,
	.close = close_token,
};
static struct sn_checker token_checker = { .type = &token_type };

/* --- one input ------------------------------------------------------------------------------ */

static void add(const char *spec)
{
	struct sn_checker *checker = NULL;

	sn_assert(sn_checker_open(&context, sn_str(spec), &checker, NULL) == SN_OK);
	sn_portal_add(portal, checker);
}

static void set_up(void)
{
	if (portal != NULL)
		return;
	sn_assert(sn_loop_new(NULL, &loop) == SN_OK);
	sn_assert(sn_offload_new(&(struct sn_offload_options){ .threads = 1 }, &pool) == SN_OK);
	context = (struct sn_auth_context){
		.loop = loop,
		.pool = pool,
		.secret = SN_STR("a secret that everybody knows"),
	};
	sn_checkers_init();
	portal = sn_portal_new(&context);
	add("memory:alice:secret");
	add("anonymous");
	sn_portal_add(portal, &token_checker);
}

static void on_done(struct sn_sasl *sasl, int code)
{
	struct conversation *c = sn_container_of(sasl, struct conversation, sasl);

	c->code = code;
	c->done = true;
}

/* "r=NONCE,..." */
static struct sn_str nonce_of(struct sn_str challenge)
{
	if (!sn_str_starts(challenge, SN_STR("r=")))
		return SN_STR_NULL;
	return sn_str_sub(challenge, 2, sn_str_find(challenge, ',') - 2);
}

static void expand(struct sn_str message, struct sn_str challenge, struct sn_strbuf *out)
{
	for (size_t i = 0; i < message.n; i++) {
		if (message.p[i] == 2)
			sn_strbuf_add(out, nonce_of(challenge));
		else
			sn_strbuf_addc(out, message.p[i]);
	}
}

static int step(struct conversation *c, struct sn_str message, struct sn_strbuf *challenge)
{
	struct sn_strbuf response;
	int code;

	sn_strbuf_init(&response, MESSAGE_MAX);
	expand(message, sn_strbuf_str(challenge), &response);
	sn_strbuf_reset(challenge);
	c->done = false;
	code = sn_sasl_step(
		&c->sasl, response.n > 0 ? sn_strbuf_str(&response) : SN_STR(""), challenge);
	sn_strbuf_fini(&response);
	if (code != SN_PENDING)
		return code;
	while (!c->done)
		sn_loop_turn(loop, -1);
	sn_strbuf_add(challenge, sn_sasl_challenge(&c->sasl));
	return c->code;
}

static void converse(struct conversation *c, struct sn_str rest)
{
	struct sn_strbuf challenge;
	struct sn_str message;
	int code = SN_AGAIN;

	sn_strbuf_init(&challenge, MESSAGE_MAX);
	for (int i = 0; i < STEPS_MAX && code == SN_AGAIN; i++) {
		if (!sn_str_split(&rest, 0x1e, &message))
			break;
		code = step(c, message, &challenge);
		sn_assert(code <= SN_OK || code == SN_AGAIN);
	}
	sn_assert((c->sasl.session != NULL) == (code == SN_OK) || code == SN_AGAIN);
	if (code == SN_OK)
		sn_assert(c->sasl.session->account.n == 0 ||
			sn_str_eq(c->sasl.session->account, SN_STR("alice")));
	if (code != SN_AGAIN)
		sn_assert(c->sasl.mech == NULL && c->sasl.scram == NULL);
	sn_strbuf_fini(&challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conversation c = { .sasl = { .service = "fuzz", .secure = true } };
	const struct sn_sasl_mech *mech = NULL;
	size_t count = 0;

	set_up();
	while (sn_sasl_mech_at(&c.sasl, portal, count) != NULL)
		count++;
	if (size == 0)
		return 0;
	mech = sn_sasl_mech_at(&c.sasl, portal, data[0] % count);
	c.sasl.separate_success = (data[0] & 0x80) != 0;
	sn_assert(sn_sasl_start(&c.sasl, portal, sn_str(mech->name), on_done) == SN_OK);
	converse(&c, sn_str_from(sn_str_n(data, size), 1));
	sn_sasl_abort(&c.sasl);
	for (int i = 0; i < 2; i++)
		sn_loop_turn(loop, 0);
	return 0;
}
