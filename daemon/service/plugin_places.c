/* Which files there are: configuration, folders, environment. */
#include "daemon/service/plugin_host.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define DELETED " (deleted)"

/* What is looked for in the configuration before its schema is known. */
struct server_look {
	struct sn_conf_strings plugins;
};
struct plugin_look {
	struct sn_str path;
	bool required;
};

static const struct sn_conf_item server_items[] = {
	{ "plugins", SN_CONF_STRINGS, offsetof(struct server_look, plugins), .doc = "Folders." },
};
static const struct sn_conf_section server_section = {
	.name = "server",
	.items = server_items,
	.count = sizeof(server_items) / sizeof(server_items[0]),
	.size = sizeof(struct server_look),
	.doc = "Where plugins are.",
};
static const struct sn_conf_item plugin_items[] = {
	{ "path", SN_CONF_PATH, offsetof(struct plugin_look, path), .doc = "File." },
	{ "required", SN_CONF_BOOL, offsetof(struct plugin_look, required), .def = "true",
		.doc = "It may not fail." },
};
static const struct sn_conf_section plugin_section = {
	.name = "plugin",
	.items = plugin_items,
	.count = sizeof(plugin_items) / sizeof(plugin_items[0]),
	.size = sizeof(struct plugin_look),
	.doc = "One plugin.",
};
static const struct sn_conf_table tables[] = {
	{ .name = "server", .section = &server_section, .doc = "Where plugins are." },
	{ .name = "plugin", .named = true, .section = &plugin_section, .doc = "One plugin." },
};
static const struct sn_conf_schema schema = {
	.tables = tables,
	.count = sizeof(tables) / sizeof(tables[0]),
};

/* --- the list ------------------------------------------------------------------------------- */

struct listing {
	struct sn_plugins *plugins;
	bool privileged;
};

/* The same file under another name is still the same. */
static struct sn_plugin_info *find_file(const struct sn_plugins *plugins, const char *path)
{
	struct stat wanted, there;

	if (stat(path, &wanted) != 0)
		return NULL;
	for (size_t i = 0; i < plugins->count; i++) {
		if (stat(plugins->items[i].path, &there) == 0 && there.st_dev == wanted.st_dev &&
			there.st_ino == wanted.st_ino)
			return &plugins->items[i];
	}
	return NULL;
}

/* A name without a slash would be looked for among the system's libraries, and another process may
 * have another working folder. */
static char *absolute(const char *path)
{
	char *here = path[0] != '/' ? getcwd(NULL, 0) : NULL;
	char *whole = here != NULL ? sn_asprintf("%s/%s", here, path) : sn_strdup(path);

	sn_free(here);
	return whole;
}

static struct sn_plugin_info *add_info(struct sn_plugins *plugins, const char *path)
{
	plugins->items =
		sn_realloc_array(plugins->items, plugins->count + 1, sizeof(*plugins->items));
	plugins->items[plugins->count] = (struct sn_plugin_info){ .path = absolute(path) };
	return &plugins->items[plugins->count++];
}

static struct sn_plugin_info *add_file(struct listing *listing, const char *path)
{
	struct sn_plugin_info *info = find_file(listing->plugins, path);
	struct sn_diag diag = { 0 };

	if (info != NULL)
		return info;
	info = add_info(listing->plugins, path);
	if (strpbrk(info->path, "\n\r") != NULL)
		sn_plugin_refuse(info, "its name has a line break in it");
	else if (sn_plugin_file_check(info->path, listing->privileged, &diag) != SN_OK)
		sn_plugin_refuse(info, "%s", diag.text);
	return info;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of *.so in the folder, sorted; the caller frees each and the array. */
static char **names_in(DIR *folder, size_t *count_r)
{
	char **names = NULL;
	const struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' || !sn_str_ends(sn_str(entry->d_name), SN_STR(".so")))
			continue;
		names = sn_realloc_array(names, count + 1, sizeof(*names));
		names[count++] = sn_strdup(entry->d_name);
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), by_name);
	*count_r = count;
	return names;
}

static void add_folder(struct listing *listing, const char *path)
{
	DIR *folder = path[0] != '\0' ? opendir(path) : NULL;
	size_t count;
	char **names;

	if (folder == NULL)
		return;
	names = names_in(folder, &count);
	(void)closedir(folder);
	for (size_t i = 0; i < count; i++) {
		char *file = sn_asprintf("%s/%s", path, names[i]);

		(void)add_file(listing, file);
		sn_free(file);
		sn_free(names[i]);
	}
	sn_free(names);
}

/* A folder that somebody wrote down has to be there. */
static void add_named_folder(struct listing *listing, const char *path)
{
	DIR *folder = opendir(path);

	if (folder == NULL) {
		sn_plugin_refuse(add_info(listing->plugins, path),
			"no such folder of plugins ([server] plugins): %s", sn_strerror(-errno));
		return;
	}
	(void)closedir(folder);
	add_folder(listing, path);
}

static void add_search(struct listing *listing, const char *search)
{
	struct sn_str rest = sn_str(search), part;

	while (rest.n > 0 && sn_str_split(&rest, ':', &part)) {
		char *folder = sn_str_dup(part);

		add_folder(listing, folder);
		sn_free(folder);
	}
}

/* --- [plugin.NAME] -------------------------------------------------------------------------- */

static void mark(struct sn_plugin_info *info, const struct sn_conf_named *named, bool required)
{
	if (info->table == NULL) {
		const struct sn_conf_pos pos = sn_conf_key_pos(named, "path");

		info->table = sn_str_dup(named->name);
		if (pos.source != NULL)
			info->where =
				sn_asprintf("%.*s:%u", SN_STR_ARG(pos.source->name), pos.line);
	}
	info->required |= required;
}

static void add_tables(struct listing *listing, const struct sn_conf *conf)
{
	const struct sn_conf_named *named;

	for (size_t i = 0; (named = sn_conf_named_at(conf, "plugin", i)) != NULL; i++) {
		const struct plugin_look *look = named->common;

		if (look->path.n > 0)
			mark(add_file(listing, look->path.p), named, look->required);
	}
}

/* --- places --------------------------------------------------------------------------------- */

static bool can_be_read_twice(const struct sn_conf_request *request)
{
	struct stat file;

	return request != NULL &&
		(request->path == NULL ? request->text.p != NULL
				       : stat(request->path, &file) == 0 && S_ISREG(file.st_mode));
}

void sn_plugins_list(const struct sn_plugin_places *places, struct sn_plugins *plugins_r)
{
	struct listing listing = { .plugins = plugins_r, .privileged = places->privileged };
	struct sn_conf *conf = NULL;

	*plugins_r = (struct sn_plugins){ 0 };
	if (can_be_read_twice(places->request)) {
		struct sn_conf_request request = *places->request;

		request.schema = &schema;
		conf = sn_conf_peek(&request);
		add_tables(&listing, conf);
	}
	if (places->installed != NULL)
		add_folder(&listing, places->installed);
	if (conf != NULL) {
		const struct server_look *server = sn_conf_plain(conf, "server");

		for (size_t i = 0; server != NULL && i < server->plugins.count; i++)
			add_named_folder(&listing, server->plugins.items[i].p);
	}
	if (places->search != NULL)
		add_search(&listing, places->search);
	sn_conf_unref(&conf);
}

/* SN_PLUGIN_DIR as it stands to this program; false: the program is not an installed one. */
static bool find_installed(char mem[SN_PLUGIN_FOLDER_MAX])
{
	const struct sn_str place = SN_STR(SN_BIN_DIR "/");
	struct sn_strbuf out;
	char exe[SN_PLUGIN_FOLDER_MAX];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
	struct sn_str folder = sn_str_n(exe, n > 0 ? (size_t)n : 0);

	if (sn_str_ends(folder, SN_STR(DELETED)))
		folder.n -= sizeof(DELETED) - 1; /* replaced by a newer version while it runs */
	while (folder.n > 0 && folder.p[folder.n - 1] != '/')
		folder.n--;
	if (!sn_str_ends(folder, place))
		return false;
	sn_strbuf_fixed(&out, mem, SN_PLUGIN_FOLDER_MAX);
	sn_strbuf_add(&out, sn_str_sub(folder, 0, folder.n - place.n));
	sn_strbuf_adds(&out, SN_PLUGIN_DIR);
	return out.err == SN_OK;
}

void sn_plugin_places_here(const struct sn_conf_request *request, char mem[SN_PLUGIN_FOLDER_MAX],
	struct sn_plugin_places *places_r)
{
	const bool privileged = geteuid() == 0 || getauxval(AT_SECURE) != 0;

	*places_r = (struct sn_plugin_places){
		.request = request,
		.installed = find_installed(mem) ? mem : NULL,
		.search = privileged ? NULL : getenv("SENNIT_PLUGIN_PATH"),
		.privileged = privileged,
	};
}

void sn_plugins_find(const struct sn_conf_request *request, struct sn_plugins *plugins_r)
{
	struct sn_plugin_places places;
	char installed[SN_PLUGIN_FOLDER_MAX];

	sn_plugin_places_here(request, installed, &places);
	sn_plugins_list(&places, plugins_r);
	sn_plugins_scan(plugins_r, SN_PLUGINS_PATIENCE);
}
