/* For tests/interop/broker.py: FILE KEY ADDRESS: does a line of FILE let KEY (base64) in from
 * ADDRESS? Prints "yes" and the session's options, or "no" and the last reason. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/auth/authorized_keys.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/base/clock.h"
#include "daemon/base/text.h"

static struct sn_authorized_key key;
static char text[65536], wire[SN_SSH_KEY_MAX], options_mem[8192];

static struct sn_str read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n;

	if (file == NULL)
		exit(2);
	n = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	return sn_str_n(text, n);
}

static int try_line(struct sn_str line, struct sn_str wanted, const struct sn_addr *peer,
	struct sn_strbuf *options, struct sn_diag *diag)
{
	const int code = sn_authorized_key_parse(line, &key, diag);

	if (code != SN_OK)
		return code;
	if (!sn_str_eq(sn_str_n(key.wire, key.wire_n), wanted))
		return SN_ENOTFOUND;
	sn_strbuf_fixed(options, options_mem, sizeof(options_mem));
	return sn_authorized_options(
		key.options, peer, sn_clock_wall(&sn_clock_system), options, diag);
}

int main(int argc, char **argv)
{
	struct sn_diag diag = { 0 };
	struct sn_strbuf options;
	struct sn_str rest, line;
	struct sn_addr peer;
	size_t n;

	if (argc != 4 || sn_addr_parse(sn_str(argv[3]), 0, &peer) != SN_OK ||
		sn_base64_decode(sn_str(argv[2]), wire, sizeof(wire), &n) != SN_OK)
		return 2;
	rest = read_file(argv[1]);
	while (sn_str_split(&rest, '\n', &line)) {
		if (try_line(line, sn_str_n(wire, n), &peer, &options, &diag) == SN_OK) {
			printf("yes %s\n", sn_strbuf_cstr(&options));
			return 0;
		}
	}
	printf("no %s\n", diag.text);
	return 0;
}
