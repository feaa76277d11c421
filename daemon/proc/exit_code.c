#include "daemon/proc/exit_code.h"

#include <errno.h>

#include "daemon/base/err.h"

int sn_exit_code(int code)
{
	static const struct {
		int code, exit;
	} rows[] = {
		{ SN_OK, EX_OK },
		{ -EADDRINUSE, EX_UNAVAILABLE },
		{ -EADDRNOTAVAIL, EX_UNAVAILABLE },
		{ -EACCES, EX_NOPERM },
		{ -EPERM, EX_NOPERM },
		{ -ENOENT, EX_NOINPUT },
		{ SN_EUNAVAILABLE, EX_UNAVAILABLE },
		{ SN_ESYNTAX, EX_USAGE },
		{ SN_ERANGE, EX_USAGE },
		{ SN_ELIMIT, EX_USAGE },
		{ SN_ECERT, EX_CONFIG },
		{ SN_ETLS, EX_CONFIG },
		{ SN_ECONFIG, EX_CONFIG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return rows[i].exit;
	}
	return code > -1000 ? EX_OSERR : EX_CONFIG;
}
