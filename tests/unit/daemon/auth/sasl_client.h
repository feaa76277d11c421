/* The other end of the SASL engine: one exchange step by step, and a SCRAM client. */
#ifndef SN_TESTS_UNIT_DAEMON_AUTH_SASL_CLIENT_H
#define SN_TESTS_UNIT_DAEMON_AUTH_SASL_CLIENT_H

#include "daemon/auth/sasl.h"
#include "tests/unit/daemon/auth/fixture.h"

/* An exchange. Zeroed but for sasl's owner's members; talk_end when done. */
struct talk {
	struct sn_sasl sasl;
	int code;
	bool done;
	struct sn_strbuf got; /* the last challenge, or what came with the end */
};
/* SN_EUNKNOWN: not offered. */
int talk_start(struct talk *talk, struct sn_portal *portal, const char *mech);
/* Waits for the answer if it has to be waited for: never SN_PENDING. */
int talk_step(struct talk *talk, struct sn_str response);
int talk_steps(struct talk *talk, const char *response);
void talk_end(struct talk *talk);

/* RFC 5802, the client's side. */
struct scram_client {
	enum sn_scram_hash hash;
	const char *gs2;                 /* "n,," */
	const char *name, *password;     /* name: as it stands in the message */
	const char *bare_prefix, *extra; /* in front of n=, behind r=; NULL: nothing */
	const char *final_extra;         /* behind r= of the final message */
	const uint8_t *binding;
	size_t binding_n;
	char first[1024], server_first[1024], final[2048];
	uint8_t server_signature[SN_SCRAM_KEY_MAX];
};
struct sn_str scram_client_first(struct scram_client *client);
/* From the server's first message, which must be well-formed. */
struct sn_str scram_client_final(struct scram_client *client, struct sn_str server_first);
bool scram_client_trusts(const struct scram_client *client, struct sn_str server_final);
/* The whole exchange; its last code. */
int scram_client_run(
	struct scram_client *client, struct talk *talk, struct sn_portal *portal, const char *mech);

#endif
