#include "config/conf_schema.h"

#include "config/conf_read.h"

static const char preamble[] =
	".TH SENNIT.TOML 5 \"\" \"sennit\" \"File formats\"\n"
	".SH NAME\n"
	"sennit.toml \\- configuration of the sennit daemon\n"
	".SH DESCRIPTION\n"
	"The file is TOML 1.0.\n"
	"Every table and key it may contain is listed below; anything else is an error.\n"
	"\\fBsennit check\\fR reports all problems of a file at once, and\n"
	"\\fBsennit check \\-\\-effective\\fR prints the result with all defaults.\n"
	".SS Values\n"
	".TP\n"
	"size\n"
	"A number of bytes, or a string with a unit: \"500kB\", \"16KiB\", \"2MiB\", \"1GiB\".\n"
	".TP\n"
	"duration\n"
	"A string with a unit: \"250ms\", \"30s\", \"5m\", \"2h\", \"7d\", or several: \"1h30m\".\n"
	".TP\n"
	"path\n"
	"A string; relative to the folder of the file that names it.\n"
	".TP\n"
	"secret\n"
	"A string. Instead of \\fIKEY\\fR, \\fIKEY\\fB_file\\fR may name a file that holds it;\n"
	"a newline at its end is left out.\n"
	".TP\n"
	"endpoints\n"
	"An endpoint string such as \"tcp:6667\", or a list of them; to listen on, a port number\n"
	"alone will do.\n"
	".SS Environment\n"
	"In every string \\fB${\\fINAME\\fB}\\fR stands for the environment variable \\fINAME\\fR,\n"
	"which must be set; \\fB$$\\fR is a dollar sign.\n"
	".SS Further files\n"
	"\\fBinclude\\fR at the top of a file takes a path or a list of them, relative to the file\n"
	"and possibly with wildcards: \\fBinclude = [\"conf.d/*.toml\"]\\fR.\n"
	"A table is written in one file only.\n";

static const char *escape_of(char c)
{
	static const struct {
		char c;
		const char *escape;
	} escapes[] = { { '\\', "\\e" }, { '-', "\\-" }, { '\'', "\\(aq" }, { '`', "\\(ga" },
		{ '^', "\\(ha" }, { '~', "\\(ti" } };

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		if (c == escapes[i].c)
			return escapes[i].escape;
	}
	return NULL;
}

void sn_conf_man_text(struct sn_strbuf *out, struct sn_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char *escape = escape_of(text.p[i]);

		if (text.p[i] == '.' && (i == 0 || text.p[i - 1] == '\n'))
			sn_strbuf_adds(out, "\\&");
		if (escape != NULL)
			sn_strbuf_adds(out, escape);
		else
			sn_strbuf_addc(out, text.p[i]);
	}
}

static void add_text(struct sn_strbuf *out, const char *text)
{
	sn_conf_man_text(out, sn_str(text));
}

static void add_line(struct sn_strbuf *out, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	add_text(out, text);
	sn_strbuf_addc(out, '\n');
}

static void add_choices(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	sn_strbuf_adds(out, "One of");
	for (size_t i = 0; item->choices[i] != NULL; i++) {
		sn_strbuf_adds(out, i > 0 ? ", \"" : " \"");
		add_text(out, item->choices[i]);
		sn_strbuf_addc(out, '"');
	}
	sn_strbuf_adds(out, ".\n");
}

static void add_limits(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	const struct sn_conf_type_info *info = sn_conf_type_info(item->type);
	struct sn_strbuf range;
	char mem[128];

	sn_strbuf_fixed(&range, mem, sizeof(mem));
	if (!sn_conf_add_range(&range, item))
		return;
	sn_strbuf_adds(out, "Limits: ");
	add_text(out, sn_strbuf_cstr(&range));
	if (!info->is_number)
		sn_strbuf_adds(out, info->is_list ? " entries" : " bytes");
	sn_strbuf_adds(out, ".\n");
}

static void add_default(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	const char *def = item->def;
	bool bare = item->type == SN_CONF_INT || item->type == SN_CONF_BOOL;

	if ((item->flags & SN_CONF_REQUIRED) != 0) {
		sn_strbuf_adds(out, "Required.\n");
		return;
	}
	if (def == NULL && item->type == SN_CONF_BOOL)
		def = "false";
	if (def == NULL)
		return;
	bare |= sn_conf_type_info(item->type)->is_list && def[0] == '[';
	sn_strbuf_adds(out, bare ? "Default: " : "Default: \"");
	add_text(out, def);
	sn_strbuf_adds(out, bare ? ".\n" : "\".\n");
}

static void add_reload(struct sn_strbuf *out, enum sn_conf_reload reload)
{
	static const char *const texts[] = {
		[SN_RELOAD_LIVE] = "at a reload, at once",
		[SN_RELOAD_LISTENER] = "at a reload, which reopens the listeners; connections stay",
		[SN_RELOAD_SERVICE] = "at a reload, which restarts the service",
		[SN_RELOAD_PROCESS] = "when the daemon is restarted",
	};

	sn_strbuf_addf(out, "A change takes effect %s.\n", texts[reload]);
}

static void add_item(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	sn_strbuf_adds(out, ".TP\n\\fB");
	add_text(out, item->key);
	sn_strbuf_addf(out, "\\fR = \\fI%s\\fR\n", sn_conf_type_info(item->type)->name);
	add_line(out, item->doc);
	if (item->type == SN_CONF_ENUM)
		add_choices(out, item);
	add_limits(out, item);
	add_default(out, item);
	if (item->option != NULL) {
		sn_strbuf_adds(out, "Also on the command line: \\fB\\-\\-");
		add_text(out, item->option);
		sn_strbuf_adds(out, "\\fR.\n");
	}
	add_reload(out, item->reload);
}

static void add_items(struct sn_strbuf *out, const struct sn_conf_section *section)
{
	for (size_t i = 0; section != NULL && i < section->count; i++)
		add_item(out, &section->items[i]);
}

static void add_type(struct sn_strbuf *out, const struct sn_conf_table *table,
	const struct sn_conf_section *section)
{
	sn_strbuf_adds(out, ".SS [");
	add_text(out, table->name);
	sn_strbuf_adds(out, ".NAME] of type ");
	add_text(out, section->name);
	sn_strbuf_addc(out, '\n');
	add_line(out, section->doc);
	add_items(out, section);
}

static void add_table(struct sn_strbuf *out, const struct sn_conf_table *table)
{
	const struct sn_conf_section *section;

	sn_strbuf_adds(out, ".SS [");
	add_text(out, table->name);
	sn_strbuf_adds(out, table->named ? ".NAME]\n" : "]\n");
	add_line(out, table->doc);
	if (table->typed)
		sn_strbuf_adds(out,
			".TP\n\\fBtype\\fR = \\fIstring\\fR\n"
			"Chooses the keys below. Default: \\fINAME\\fR, where such a type exists.\n");
	add_items(out, table->section);
	for (size_t i = 0; table->typed && (section = table->at(i)) != NULL; i++)
		add_type(out, table, section);
}

void sn_conf_schema_man(const struct sn_conf_schema *schema, struct sn_strbuf *out)
{
	sn_strbuf_adds(out, preamble);
	sn_strbuf_adds(out, ".SH TABLES\n");
	for (size_t i = 0; i < schema->count; i++)
		add_table(out, &schema->tables[i]);
	sn_strbuf_adds(out, ".SH SEE ALSO\n.BR sennit (1)\n");
}
