/*
 * The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): a header before the
 * first byte of a connection that says whose connection the proxy in front relays.
 *
 * Pure functions over bytes. The parser is stateless: give it everything received so far, again
 * and again, until it says something other than SN_AGAIN. It decides as early as it can, so a peer
 * that speaks another protocol is refused at its first byte that does not fit.
 *
 * Limits: a version 1 line has at most 107 bytes with its CRLF, as the protocol says; a version 2
 * header at most SN_PROXY_HEADER_MAX, although it could announce 64 KiB. An input buffer of that
 * size always suffices.
 */
#ifndef SN_DAEMON_NET_PROXY_PROTOCOL_H
#define SN_DAEMON_NET_PROXY_PROTOCOL_H

#include "daemon/net/addr.h"

#define SN_PROXY_HEADER_MAX 4096
#define SN_PROXY_V1_MAX 107

struct sn_proxy_header {
	int version; /* 1, 2 */
	/*
	 * The header names no relayed connection (v1 UNKNOWN, v2 LOCAL or UNSPEC: health checks
	 * of the proxy itself): the socket's own addresses hold, and src, dst have len 0.
	 */
	bool local;
	int socktype;       /* SOCK_STREAM, SOCK_DGRAM; 0 when local */
	struct sn_addr src; /* of the client */
	struct sn_addr dst; /* what the client connected to */
	/* v2: the extensions as sent, a view into the input, well-formed; empty when local. */
	struct sn_str tlvs;
};

/* Types of extension that somebody asks for; the value is not decoded further. */
enum sn_proxy_tlv {
	SN_PROXY_TLV_ALPN = 0x01,
	SN_PROXY_TLV_AUTHORITY = 0x02, /* the host name of the client's TLS SNI */
	SN_PROXY_TLV_SSL = 0x20,
};

/*
 * SN_OK: *h_r is filled and the header is the first *used_r bytes of in. SN_AGAIN: so far right,
 * more is needed. SN_EPROTO: not a PROXY header. SN_ELIMIT: too long. Unless SN_OK, the results are
 * unspecified.
 */
int sn_proxy_parse(struct sn_str in, struct sn_proxy_header *h_r, size_t *used_r) SN_WARN_UNUSED;

/* Take the next extension off *tlvs (begin with a copy of the header's); false at the end. */
bool sn_proxy_tlv_next(struct sn_str *tlvs, uint8_t *type_r, struct sn_str *value_r);

/*
 * Write the header into mem: its size, or 0 if it does not fit. Version 1 knows TCP over IPv4 and
 * IPv6 only, and says UNKNOWN for the rest. Version 2 appends h->tlvs as they are; src and dst of
 * different families are sent as UNSPEC.
 */
size_t sn_proxy_encode_v1(const struct sn_proxy_header *h, char *mem, size_t cap);
size_t sn_proxy_encode_v2(const struct sn_proxy_header *h, char *mem, size_t cap);

#endif
