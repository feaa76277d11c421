#include "daemon/net/tls_private.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "daemon/base/mem.h"

void sn_tls_tickets_init(struct sn_tls_tickets *tickets)
{
	sn_assert(pthread_mutex_init(&tickets->lock, NULL) == 0);
	sn_random(tickets->keys, sizeof(tickets->keys));
}

void sn_tls_tickets_fini(struct sn_tls_tickets *tickets)
{
	sn_tls_tickets_stop(tickets);
	sn_wipe(tickets->keys, sizeof(tickets->keys));
	pthread_mutex_destroy(&tickets->lock);
}

void sn_tls_tickets_rotate(struct sn_tls_tickets *tickets)
{
	pthread_mutex_lock(&tickets->lock);
	tickets->keys[1] = tickets->keys[0];
	sn_random(&tickets->keys[0], sizeof(tickets->keys[0]));
	pthread_mutex_unlock(&tickets->lock);
}

void sn_tls_tickets_renew(struct sn_tls_tickets *tickets)
{
	pthread_mutex_lock(&tickets->lock);
	sn_random(tickets->keys, sizeof(tickets->keys));
	pthread_mutex_unlock(&tickets->lock);
}

/* More than one period passes when the machine was asleep: the current key is then too old even to
 * decrypt. */
static int on_period(struct sn_every *every, uint64_t periods)
{
	struct sn_tls_tickets *tickets = sn_container_of(every, struct sn_tls_tickets, every);

	if (periods > 1)
		sn_tls_tickets_renew(tickets);
	else
		sn_tls_tickets_rotate(tickets);
	return SN_OK;
}

void sn_tls_tickets_start(struct sn_tls_tickets *tickets, struct sn_loop *loop)
{
	sn_every_start(loop, &tickets->every, SN_TLS_TICKET_PERIOD, false, on_period);
}

void sn_tls_tickets_stop(struct sn_tls_tickets *tickets)
{
	sn_every_stop(&tickets->every);
}

static bool set_mac(EVP_MAC_CTX *mac, struct sn_tls_ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof(key->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int encrypt_under(struct sn_tls_ticket_key *key, unsigned char name[16], unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (RAND_bytes(iv, 16) != 1 || !set_mac(mac, key) ||
		EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->aes, iv, NULL) != 1)
		return -1;
	memcpy(name, key->name, sizeof(key->name));
	return 1;
}

static int decrypt_under(struct sn_tls_ticket_key *key, const unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (!set_mac(mac, key) ||
		EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->aes, iv, NULL) != 1)
		return -1;
	return 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb: -1 error, 0 unknown key, 1 fine, 2 fine but give out a new
 * ticket. */
int sn_tls_tickets_apply(struct sn_tls_tickets *tickets, unsigned char name[16], unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct sn_tls_ticket_key keys[2];
	int code = 0;

	pthread_mutex_lock(&tickets->lock);
	memcpy(keys, tickets->keys, sizeof(keys));
	pthread_mutex_unlock(&tickets->lock);
	if (encrypt)
		code = encrypt_under(&keys[0], name, iv, cipher, mac);
	else if (memcmp(name, keys[0].name, sizeof(keys[0].name)) == 0)
		code = decrypt_under(&keys[0], iv, cipher, mac);
	else if (memcmp(name, keys[1].name, sizeof(keys[1].name)) == 0)
		code = decrypt_under(&keys[1], iv, cipher, mac) == 1 ? 2 : -1;
	sn_wipe(keys, sizeof(keys));
	return code;
}
