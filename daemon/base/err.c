#include "daemon/base/err.h"

#include <stdio.h>
#include <string.h>

static const struct err_row {
	int code;
	const char *name, *text;
} rows[] = {
	{ SN_OK, "OK", "success" },
	{ SN_AGAIN, "AGAIN", "more is needed first" },
	{ SN_PENDING, "PENDING", "the answer comes later" },
	{ SN_CLOSE, "CLOSE", "orderly end of stream" },
#define SN_ERR(name, value, text) { (value), #name, (text) },
#include "daemon/base/err.def"
#undef SN_ERR
};

static const struct err_row *find_row(int code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return &rows[i];
	}
	return NULL;
}

const char *sn_strerror(int code)
{
	const struct err_row *row = find_row(code);
	const char *text = row != NULL ? row->text : NULL;

	/* glibc's table: no locale, no shared buffer, NULL for what it does not know. */
	if (text == NULL && code < 0 && code > SN_ELIMIT)
		text = strerrordesc_np(-code);
	return text != NULL ? text : "unknown result";
}

const char *sn_errname(int code)
{
	const struct err_row *row = find_row(code);
	const char *name = row != NULL ? row->name : NULL;

	if (name == NULL && code < 0 && code > SN_ELIMIT)
		name = strerrorname_np(-code);
	return name != NULL ? name : "UNKNOWN";
}

int sn_diag_set(struct sn_diag *diag, int code, size_t column, const char *fmt, ...)
{
	va_list args;

	if (diag == NULL)
		return code;
	diag->code = code;
	diag->column = column;
	va_start(args, fmt);
	if (vsnprintf(diag->text, sizeof(diag->text), fmt, args) < 0)
		diag->text[0] = '\0';
	va_end(args);
	return code;
}
