/*
 * Plugins, the daemon's side: which files there are, a look at each in a child process, loading
 * those that are good. What a plugin declares is in plugin.h.
 *
 *   sn_plugins_find     lists the files and has a child process (role @scan) try each
 *   sn_plugins_load     loads the good ones into this process
 *   sn_plugins_report   one line for each that was refused
 *   sn_plugins_write    tells other processes which ones to load (sn_plugins_load_written)
 *
 * Order of search; of two files with one plugin id the first wins:
 *   1. `path` of [plugin.NAME]
 *   2. *.so of the installed folder, by name. It belongs to the installed program: one that runs
 *      from elsewhere (a build tree) has none; one staged under DESTDIR has the one beside it.
 *   3. *.so of the folders that [server] plugins names
 *   4. *.so of the folders in SENNIT_PLUGIN_PATH, split at ':'; not for root, nor for a program
 * that has changed its user
 *
 * The configuration is looked at before its schema is complete (sn_conf_peek): plugins bring rows.
 * One that is no plain file (a pipe) can be read only once, and names no plugins.
 *
 * All this is for the main thread, before its loop runs: it blocks, and changes the registries.
 */
#ifndef SN_DAEMON_SERVICE_PLUGIN_HOST_H
#define SN_DAEMON_SERVICE_PLUGIN_HOST_H

#include "daemon/service/plugin.h"

#define SN_PLUGINS_PATIENCE SN_SEC(10) /* for each file, in the child process */

/* A file, and what was found about it. Texts are the owner's, on the heap. */
struct sn_plugin_info {
	char *path;
	char *table;   /* NAME of the [plugin.NAME] that asks for it, or NULL */
	char *where;   /* "FILE:LINE" of that table, or NULL */
	bool required; /* by that table: if it cannot be loaded nothing starts */
	char *id, *version, *license;
	char *kinds;   /* "service echo, checker ldap"; NULL until it was looked at */
	char *refused; /* why, in words, or NULL */
};

struct sn_plugins {
	struct sn_plugin_info *items;
	size_t count;
};

struct sn_plugin_places {
	const struct sn_conf_request *request; /* its path or text is looked at; NULL: none */
	const char *installed;                 /* folder; NULL: none */
	const char *search;                    /* SENNIT_PLUGIN_PATH; NULL: none */
	bool privileged; /* files must be root's, and nobody else's to write */
};

/* The places of this process: request as above. installed is written to mem. */
#define SN_PLUGIN_FOLDER_MAX 4096
void sn_plugin_places_here(const struct sn_conf_request *request, char mem[SN_PLUGIN_FOLDER_MAX],
	struct sn_plugin_places *places_r);
/* The files of these places in order of search; those that may not even be opened are refused. */
void sn_plugins_list(const struct sn_plugin_places *places, struct sn_plugins *plugins_r);
/* Try those that are not refused in a child process; patience: ns for each file. */
void sn_plugins_scan(struct sn_plugins *plugins, int64_t patience);
/* All three. */
void sn_plugins_find(const struct sn_conf_request *request, struct sn_plugins *plugins_r);
void sn_plugins_fini(struct sn_plugins *plugins);

/*
 * Load those that are not refused, and register what they bring; one that this process has loaded
 * already is left as it is. A failure becomes the `refused` of its info. Returns how many of them
 * this process has now.
 */
size_t sn_plugins_load(struct sn_plugins *plugins);
/* A line for each refused one: an error if it is required, else a warning. */
void sn_plugins_report(const struct sn_plugins *plugins, struct sn_conf_diags *diags);
/* Loaded plugins' fini, newest first; they stay in memory. */
void sn_plugins_end(void);

/* TOML comments "# plugin PATH" for each that is not refused, for the top of a snapshot ... */
void sn_plugins_write(const struct sn_plugins *plugins, struct sn_strbuf *out);
/* ... and in the process that gets it: exactly these, without a look at them first. The first
 * failure ends it: SN_EABI or what fits, with its text. */
int sn_plugins_load_written(struct sn_str snapshot, struct sn_diag *diag) SN_WARN_UNUSED;

/* Role @scan: argv[1] is the role, the paths follow; answers on descriptor 3. The built-in modules
 * are registered. Returns the exit status. */
int sn_plugins_scan_main(int argc, char **argv);

/* --- between plugin*.c ---------------------------------------------------------------------- */

/* May this file be opened as a plugin: readable, a plain ELF file, and nobody else's to change. */
int sn_plugin_file_check(const char *path, bool privileged, struct sn_diag *diag) SN_WARN_UNUSED;
/* Is the descriptor one that this program understands? symbol_size: what the file says of it. */
int sn_plugin_verify(
	const struct sn_plugin *plugin, size_t symbol_size, struct sn_diag *diag) SN_WARN_UNUSED;
/* Are the interfaces' rows good, and their names free? Their list goes to kinds. */
int sn_plugin_verify_rows(const struct sn_plugin *plugin, struct sn_strbuf *kinds,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* Copy and register them; after the above only a full table can be in the way. */
int sn_plugin_register_rows(const struct sn_plugin *plugin, struct sn_diag *diag) SN_WARN_UNUSED;

/* Open, verify, init and register one file. on_init, if not NULL, is called right before init.
 * Fills info's texts; a failure is in *diag only. */
int sn_plugin_load_file(
	struct sn_plugin_info *info, void (*on_init)(void), struct sn_diag *diag) SN_WARN_UNUSED;
void sn_plugin_refuse(struct sn_plugin_info *info, const char *fmt, ...) SN_PRINTF(2, 3);

#endif
