/* From a file to registered interfaces, in this process. */
#include "daemon/service/plugin_host.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define MAJORS_PROBED 9
#define KINDS_TEXT_MAX 4096
#define SYMBOL_PREFIX "sn_plugin_abi"
#define SNAPSHOT_MARK "# plugin "

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("plugin");

/* Everything loaded into this process, newest first; main thread only. */
struct loaded {
	struct loaded *next;
	const struct sn_plugin *plugin;
	char *path;
	bool ended;
};
static struct loaded *loaded_first;

static const struct loaded *find_path(const char *path)
{
	const struct loaded *l = loaded_first;

	while (l != NULL && strcmp(l->path, path) != 0)
		l = l->next;
	return l;
}

static const struct loaded *find_id(const char *id)
{
	const struct loaded *l = loaded_first;

	while (l != NULL && strcmp(l->plugin->id, id) != 0)
		l = l->next;
	return l;
}

void sn_plugin_refuse(struct sn_plugin_info *info, const char *fmt, ...)
{
	char text[sizeof(((struct sn_diag *)NULL)->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sn_free(info->refused);
	info->refused = sn_strdup(text);
}

/* --- the file ------------------------------------------------------------------------------- */

/* Somebody else could put their code into a daemon that runs as root. */
static int check_owner(const char *path, const struct stat *file, struct sn_diag *diag)
{
	char *folder = sn_strdup(path);
	char *slash = strrchr(folder, '/');
	struct stat there;
	int code = SN_OK;

	if (slash != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	if (file->st_uid != 0)
		code = sn_diag_set(diag, -EPERM, 0,
			"it belongs to user %u: run as root, plugins must be root's", file->st_uid);
	else if (file->st_mode & S_IWOTH)
		code = sn_diag_set(diag, -EPERM, 0, "anybody may write to it: chmod o-w %s", path);
	else if (stat(slash != NULL ? folder : ".", &there) == 0 && (there.st_mode & S_IWOTH) &&
		!(there.st_mode & S_ISVTX))
		code = sn_diag_set(diag, -EPERM, 0,
			"anybody may put files into its folder: chmod o-w %s",
			slash != NULL ? folder : ".");
	sn_free(folder);
	return code;
}

static int check_open(int fd, const char *path, bool privileged, struct sn_diag *diag)
{
	char magic[SELFMAG];
	struct stat file;

	if (fstat(fd, &file) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot be read: %s", sn_strerror(-errno));
	if (!S_ISREG(file.st_mode))
		return sn_diag_set(diag, -EINVAL, 0, "not a plain file");
	if (read(fd, magic, sizeof(magic)) != (ssize_t)sizeof(magic) ||
		memcmp(magic, ELFMAG, SELFMAG) != 0)
		return sn_diag_set(diag, -ENOEXEC, 0, "not a shared object (no ELF file)");
	return privileged ? check_owner(path, &file, diag) : SN_OK;
}

int sn_plugin_file_check(const char *path, bool privileged, struct sn_diag *diag)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int code;

	if (fd < 0)
		return sn_diag_set(diag, -errno, 0, "cannot be read: %s", sn_strerror(-errno));
	code = check_open(fd, path, privileged, diag);
	(void)close(fd);
	return code;
}

/* --- the object ----------------------------------------------------------------------------- */

/* "PATH: undefined symbol: sn_x" without the path, which the reader is told anyway. */
static int dlopen_failed(const char *path, struct sn_diag *diag)
{
	const char *why = dlerror();
	const size_t n = strlen(path);

	if (why == NULL)
		why = "no reason given";
	if (strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0)
		why += n + 2;
	return sn_diag_set(diag, SN_EABI, 0, "cannot be loaded: %s%s", why,
		strstr(why, "undefined symbol: sn_") != NULL
			? " (this program has none: built for another version of sennit)"
			: "");
}

/* No descriptor of our major: of another one, or none at all? */
static int no_descriptor(void *handle, struct sn_diag *diag)
{
	for (unsigned major = 0; major <= MAJORS_PROBED; major++) {
		char symbol[sizeof(SYMBOL_PREFIX) + 8];

		(void)snprintf(symbol, sizeof(symbol), SYMBOL_PREFIX "%u", major);
		if (dlsym(handle, symbol) != NULL)
			return sn_diag_set(diag, SN_EABI, 0,
				"built for plugin ABI %u, this program has %d: rebuild it for this "
				"version",
				major, SN_PLUGIN_MAJOR);
	}
	return sn_diag_set(diag, SN_EABI, 0,
		"not a plugin of sennit (it exports no " SYMBOL_PREFIX "%d)", SN_PLUGIN_MAJOR);
}

/* What the object's symbol table says of the size; without an entry, as much as is needed. */
static size_t size_of_symbol(const void *symbol)
{
	const ElfW(Sym) *entry = NULL;
	Dl_info found;

	if (dladdr1(symbol, &found, (void **)&entry, RTLD_DL_SYMENT) == 0 || entry == NULL)
		return SIZE_MAX;
	return entry->st_size;
}

static int open_plugin(const char *path, const struct sn_plugin **plugin_r, struct sn_diag *diag)
{
	char symbol[sizeof(SYMBOL_PREFIX) + 8];
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return dlopen_failed(path, diag);
	(void)snprintf(symbol, sizeof(symbol), SYMBOL_PREFIX "%d", SN_PLUGIN_MAJOR);
	*plugin_r = dlsym(handle, symbol);
	if (*plugin_r == NULL)
		return no_descriptor(handle, diag);
	return sn_plugin_verify(*plugin_r, size_of_symbol(*plugin_r), diag);
}

static int start_plugin(const struct sn_plugin *plugin, void (*on_init)(void), struct sn_diag *diag)
{
	struct sn_diag said = { 0 };
	int code;

	if (plugin->init == NULL)
		return SN_OK;
	if (on_init != NULL)
		on_init();
	code = plugin->init(&said);
	if (code == SN_OK)
		return SN_OK;
	return sn_diag_set(diag, code, 0, "its init failed: %s",
		said.text[0] != '\0' ? said.text : sn_strerror(code));
}

static void fill_info(
	struct sn_plugin_info *info, const struct sn_plugin *plugin, const struct sn_strbuf *kinds)
{
	info->id = sn_strdup(plugin->id);
	info->version = sn_strdup(plugin->version);
	info->license = sn_strdup(plugin->license);
	info->kinds = sn_strdup(sn_strbuf_cstr(kinds));
}

static void remember(const char *path, const struct sn_plugin *plugin)
{
	struct loaded *l = sn_alloc_zero(sizeof(*l));

	l->plugin = plugin;
	l->path = sn_strdup(path);
	l->next = loaded_first;
	loaded_first = l;
}

/* The same text for its two uses: infos that have none yet get the descriptor's. */
static int take_plugin(struct sn_plugin_info *info, const struct sn_plugin *plugin,
	void (*on_init)(void), struct sn_diag *diag)
{
	const struct loaded *other = find_id(plugin->id);
	char mem[KINDS_TEXT_MAX];
	struct sn_strbuf kinds;
	int code;

	if (other != NULL)
		return sn_diag_set(diag, SN_EDUPLICATE, 0,
			"its id %s is that of %s, which comes first", plugin->id, other->path);
	sn_strbuf_fixed(&kinds, mem, sizeof(mem));
	code = sn_plugin_verify_rows(plugin, &kinds, diag);
	if (code == SN_OK)
		code = start_plugin(plugin, on_init, diag);
	if (code == SN_OK)
		code = sn_plugin_register_rows(plugin, diag);
	if (code != SN_OK)
		return code;
	remember(info->path, plugin);
	if (info->id == NULL)
		fill_info(info, plugin, &kinds);
	return SN_OK;
}

int sn_plugin_load_file(struct sn_plugin_info *info, void (*on_init)(void), struct sn_diag *diag)
{
	const struct sn_plugin *plugin = NULL;
	const int code = open_plugin(info->path, &plugin, diag);

	if (code != SN_OK)
		return code;
	sn_assert(plugin != NULL);
	return take_plugin(info, plugin, on_init, diag);
}

/* --- all of them ---------------------------------------------------------------------------- */

size_t sn_plugins_load(struct sn_plugins *plugins)
{
	size_t count = 0;

	for (size_t i = 0; i < plugins->count; i++) {
		struct sn_plugin_info *info = &plugins->items[i];
		struct sn_diag diag = { 0 };

		if (info->refused != NULL)
			continue;
		if (find_path(info->path) == NULL &&
			sn_plugin_load_file(info, NULL, &diag) != SN_OK) {
			sn_plugin_refuse(info, "%s", diag.text);
			continue;
		}
		count++;
		sn_log(&log_ctx, SN_LOG_DEBUG, "loaded", sn_f_cstr("path", info->path),
			sn_f_cstr("id", info->id), sn_f_cstr("version", info->version));
	}
	return count;
}

void sn_plugins_report(const struct sn_plugins *plugins, struct sn_conf_diags *diags)
{
	const struct sn_conf_pos nowhere = { 0 };

	for (size_t i = 0; i < plugins->count; i++) {
		const struct sn_plugin_info *info = &plugins->items[i];

		if (info->refused == NULL)
			continue;
		sn_conf_report(diags, info->required ? SN_CONF_ERROR : SN_CONF_WARNING, nowhere,
			"plugin %s refused: %s%s%s%s%s%s", info->path, info->refused,
			info->required ? " (required by [plugin." : "",
			info->required ? info->table : "", info->required ? "])" : "",
			info->where != NULL ? ", " : "", info->where != NULL ? info->where : "");
	}
}

void sn_plugins_end(void)
{
	for (struct loaded *l = loaded_first; l != NULL; l = l->next) {
		if (!l->ended && l->plugin->fini != NULL)
			l->plugin->fini();
		l->ended = true;
	}
}

void sn_plugins_fini(struct sn_plugins *plugins)
{
	for (size_t i = 0; i < plugins->count; i++) {
		struct sn_plugin_info *info = &plugins->items[i];
		char *const texts[] = { info->path, info->table, info->where, info->id,
			info->version, info->license, info->kinds, info->refused };

		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
			sn_free(texts[t]);
	}
	sn_free(plugins->items);
	*plugins = (struct sn_plugins){ 0 };
}

/* --- for other processes -------------------------------------------------------------------- */

void sn_plugins_write(const struct sn_plugins *plugins, struct sn_strbuf *out)
{
	for (size_t i = 0; i < plugins->count; i++) {
		if (plugins->items[i].refused == NULL)
			sn_strbuf_addf(out, SNAPSHOT_MARK "%s\n", plugins->items[i].path);
	}
}

static int load_written(struct sn_str path, struct sn_diag *diag)
{
	struct sn_plugin_info info = { .path = sn_str_dup(path) };
	struct sn_plugins one = { .items = sn_alloc_zero(sizeof(info)), .count = 1 };
	struct sn_diag said = { 0 };
	int code = SN_OK;

	one.items[0] = info;
	if (find_path(info.path) == NULL)
		code = sn_plugin_load_file(&one.items[0], NULL, &said);
	if (code != SN_OK)
		(void)sn_diag_set(diag, code, 0, "plugin %s: %s", info.path, said.text);
	sn_plugins_fini(&one);
	return code;
}

int sn_plugins_load_written(struct sn_str snapshot, struct sn_diag *diag)
{
	const struct sn_str mark = SN_STR(SNAPSHOT_MARK);
	struct sn_str line;
	int code = SN_OK;

	while (code == SN_OK && sn_str_split(&snapshot, '\n', &line) && sn_str_starts(line, mark))
		code = load_written(sn_str_from(line, mark.n), diag);
	return code;
}
