#include "daemon/net/tls_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "daemon/base/mem.h"

/* A program that replaces certificates touches several files; one reading answers for all. */
#define SETTLE SN_MS(100)
/* Until the next try when the pool's queue is full. */
#define RETRY SN_SEC(1)
#define WATCHED \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
		IN_DELETE_SELF | IN_MOVE_SELF)

/* Stores by their files. Belongs to the thread that makes contexts. */
static struct sn_list stores = { &stores, &stores };

/* --- a set ---------------------------------------------------------------------------------- */

struct sn_tls_set *sn_tls_set_ref(struct sn_tls_set *set)
{
	set->refs++;
	return set;
}

void sn_tls_set_unref(struct sn_tls_set **set_p)
{
	struct sn_tls_set *set = *set_p;

	*set_p = NULL;
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->cert_count; i++)
		sn_tls_cert_free(&set->certs[i]);
	for (size_t i = 0; i < set->name_count; i++)
		sn_free(set->names[i].name);
	sn_free(set->certs);
	sn_free(set->names);
	sn_free(set);
}

static void add_cert(struct sn_tls_set *set, struct sn_tls_cert *cert)
{
	set->certs = sn_realloc_array(set->certs, set->cert_count + 1, sizeof(*set->certs));
	set->certs[set->cert_count++] = cert;
}

static void add_name(struct sn_tls_set *set, struct sn_str name, size_t cert, bool from_file)
{
	struct sn_tls_name *row;
	char *text;

	if (name.n == 0 || sn_str_find(name, '\0') < name.n)
		return;
	text = sn_str_dup(name);
	for (char *c = text; *c != '\0'; c++)
		*c = sn_ascii_lower(*c);
	set->names = sn_realloc_array(set->names, set->name_count + 1, sizeof(*set->names));
	row = &set->names[set->name_count++];
	*row = (struct sn_tls_name){ .name = text, .cert = cert, .from_file = from_file };
}

static struct sn_str base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return sn_str(slash != NULL ? slash + 1 : path);
}

/* A folder's file says by its name whose certificate it is, too. */
static void add_file_name(struct sn_tls_set *set, size_t cert)
{
	struct sn_str name = base_name(set->certs[cert]->path);

	name.n -= sizeof(".pem") - 1;
	if (sn_str_eq(name, SN_STR("default")))
		set->fallback = cert;
	else
		add_name(set, name, cert, true);
}

static void add_alt_names(struct sn_tls_set *set, size_t cert)
{
	GENERAL_NAMES *alts =
		X509_get_ext_d2i(set->certs[cert]->leaf, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(alts); i++) {
		const GENERAL_NAME *alt = sk_GENERAL_NAME_value(alts, i);

		if (alt->type == GEN_DNS)
			add_name(set,
				sn_str_n(ASN1_STRING_get0_data(alt->d.dNSName),
					(size_t)ASN1_STRING_length(alt->d.dNSName)),
				cert, false);
	}
	GENERAL_NAMES_free(alts);
}

/* Of two certificates for one name the one whose file is called so wins, else the first file. */
static int compare_names(const void *a_p, const void *b_p)
{
	const struct sn_tls_name *a = a_p, *b = b_p;
	const int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	if (a->from_file != b->from_file)
		return a->from_file ? -1 : 1;
	return (a->cert > b->cert) - (a->cert < b->cert);
}

static void index_names(struct sn_tls_set *set, bool folder)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->cert_count; i++) {
		add_alt_names(set, i);
		if (folder)
			add_file_name(set, i);
	}
	if (set->name_count == 0)
		return;
	qsort(set->names, set->name_count, sizeof(*set->names), compare_names);
	for (size_t i = 1; i < set->name_count; i++) {
		if (strcmp(set->names[kept].name, set->names[i].name) == 0)
			sn_free(set->names[i].name);
		else
			set->names[++kept] = set->names[i];
	}
	set->name_count = kept + 1;
}

static int compare_with_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct sn_tls_name *)row)->name);
}

static const struct sn_tls_cert *find_name(const struct sn_tls_set *set, const char *name)
{
	const struct sn_tls_name *row;

	if (set->name_count == 0)
		return NULL;
	row = bsearch(name, set->names, set->name_count, sizeof(*row), compare_with_name);
	return row != NULL ? set->certs[row->cert] : NULL;
}

const struct sn_tls_cert *sn_tls_set_pick(const struct sn_tls_set *set, const char *sni)
{
	const struct sn_tls_cert *cert;
	char name[256], *dot;
	size_t n = sni != NULL ? strlen(sni) : 0;

	if (n == 0 || n >= sizeof(name))
		return set->certs[set->fallback];
	for (size_t i = 0; i <= n; i++)
		name[i] = sn_ascii_lower(sni[i]);
	cert = find_name(set, name);
	dot = strchr(name, '.');
	if (cert == NULL && dot != NULL && dot > name) {
		dot[-1] = '*';
		cert = find_name(set, dot - 1);
	}
	return cert != NULL ? cert : set->certs[set->fallback];
}

/* --- reading (any thread) ------------------------------------------------------------------- */

struct loader {
	const struct sn_tls_set *old; /* NULL: the first time */
	struct sn_tls_set *set;
	bool folder, changed;
	struct sn_diag first; /* failure */
};

static int compare_path(const void *key, const void *cert)
{
	return strcmp(key, (*(struct sn_tls_cert *const *)cert)->path);
}

static const struct sn_tls_cert *find_old(const struct sn_tls_set *old, const char *path)
{
	struct sn_tls_cert **cert;

	if (old == NULL)
		return NULL;
	cert = bsearch(
		path, old->certs, old->cert_count, sizeof(struct sn_tls_cert *), compare_path);
	return cert != NULL ? *cert : NULL;
}

static void keep_old(struct loader *loader, const struct sn_tls_cert *old)
{
	struct sn_tls_cert *cert = sn_tls_cert_share(old);

	/* Try the file again at the next occasion. */
	memset(&cert->stamp, 0, sizeof(cert->stamp));
	add_cert(loader->set, cert);
}

static void load_one(struct loader *loader, const struct sn_tls_files *files)
{
	const struct sn_tls_cert *old = find_old(loader->old, files->certs);
	struct sn_tls_stamp stamp;
	struct sn_tls_cert *cert;
	struct sn_diag diag;

	if (old != NULL && sn_tls_stamp_take(files, &stamp) == SN_OK &&
		sn_tls_stamp_eq(&stamp, &old->stamp)) {
		add_cert(loader->set, sn_tls_cert_share(old));
		return;
	}
	if (sn_tls_cert_load(files, &cert, &diag) == SN_OK) {
		add_cert(loader->set, cert);
		loader->changed = true;
		return;
	}
	if (loader->first.code == SN_OK)
		loader->first = diag;
	if (loader->folder || loader->old != NULL)
		sn_log(&sn_tls_log, old != NULL ? SN_LOG_ERROR : SN_LOG_WARN,
			"certificate-unusable", sn_f_cstr("reason", diag.text),
			sn_f_bool("old-kept", old != NULL));
	if (old != NULL)
		keep_old(loader, old);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(const char *folder, char ***paths_r, size_t *count_r, struct sn_diag *diag)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char **paths = NULL;
	size_t count = 0;

	if (dir == NULL)
		return sn_diag_set(
			diag, -errno, 0, "%s: cannot be read: %s", folder, sn_strerror(-errno));
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || !sn_str_ends(sn_str(entry->d_name), SN_STR(".pem")))
			continue;
		paths = sn_realloc_array(paths, count + 1, sizeof(*paths));
		paths[count++] = sn_asprintf("%s/%s", folder, entry->d_name);
	}
	closedir(dir);
	if (count > 0)
		qsort(paths, count, sizeof(*paths), compare_strings);
	*paths_r = paths;
	*count_r = count;
	return SN_OK;
}

static int load_folder(
	struct loader *loader, const struct sn_tls_files *files, struct sn_diag *diag)
{
	char **paths = NULL;
	size_t count = 0;
	int code;

	if (files->key != NULL || files->extra != NULL)
		return sn_diag_set(diag, SN_ECERT, 0,
			"%s: is a folder, whose files hold key and chain; no key file goes with it",
			files->certs);
	code = list_folder(files->certs, &paths, &count, diag);
	if (code != SN_OK)
		return code;
	for (size_t i = 0; i < count; i++) {
		load_one(loader, &(struct sn_tls_files){ .certs = paths[i] });
		sn_free(paths[i]);
	}
	sn_free(paths);
	if (count == 0)
		return sn_diag_set(diag, SN_ECERT, 0, "%s: no certificate (*.pem) in this folder",
			files->certs);
	return SN_OK;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int load_files(struct loader *loader, const struct sn_tls_files *files, struct sn_diag *diag)
{
	int code = SN_OK;

	loader->folder = is_folder(files->certs);
	if (loader->folder)
		code = load_folder(loader, files, diag);
	else
		load_one(loader, files);
	if (code == SN_OK && loader->set->cert_count == 0) {
		code = loader->first.code;
		if (diag != NULL)
			*diag = loader->first;
	}
	return code;
}

/* SN_OK: a new set; SN_AGAIN: the files are those of the old one. */
static int load_set(const struct sn_tls_files *files, const struct sn_tls_set *old,
	struct sn_tls_set **set_r, struct sn_diag *diag)
{
	struct sn_tls_set *set = sn_alloc_zero(sizeof(*set));
	struct loader loader = { .old = old, .set = sn_tls_set_ref(set) };
	int code = load_files(&loader, files, diag);

	if (code == SN_OK && old != NULL && !loader.changed && set->cert_count == old->cert_count)
		code = SN_AGAIN;
	if (code == SN_OK)
		index_names(set, loader.folder);
	else
		sn_tls_set_unref(&set);
	*set_r = set;
	return code;
}

/* --- the store ------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct sn_tls_store *find_store(const struct sn_tls_files *files)
{
	struct sn_list *it;

	sn_list_each (it, &stores) {
		struct sn_tls_store *store = sn_container_of(it, struct sn_tls_store, link);

		if (same_text(store->files.certs, files->certs) &&
			same_text(store->files.key, files->key) &&
			same_text(store->files.extra, files->extra))
			return store;
	}
	return NULL;
}

static void copy_files(struct sn_tls_store *store, const struct sn_tls_files *files)
{
	const char *const from[SN_TLS_FILES] = { files->certs, files->key, files->extra };

	for (size_t i = 0; i < SN_TLS_FILES; i++)
		store->texts[i] = from[i] != NULL ? sn_strdup(from[i]) : NULL;
	store->files = (struct sn_tls_files){ store->texts[0], store->texts[1], store->texts[2] };
}

int sn_tls_store_get(
	const struct sn_tls_files *files, struct sn_tls_store **store_r, struct sn_diag *diag)
{
	struct sn_tls_store *store = find_store(files);
	struct sn_tls_set *set;
	int code;

	if (store != NULL) {
		*store_r = sn_tls_store_ref(store);
		return SN_OK;
	}
	code = load_set(files, NULL, &set, diag);
	if (code != SN_OK)
		return code;
	store = sn_alloc_zero(sizeof(*store));
	store->refs = 1;
	copy_files(store, files);
	store->set = set;
	store->watch.fd = -1;
	sn_tls_tickets_init(&store->tickets);
	sn_list_append(&stores, &store->link);
	*store_r = store;
	return SN_OK;
}

struct sn_tls_store *sn_tls_store_ref(struct sn_tls_store *store)
{
	store->refs++;
	return store;
}

void sn_tls_store_unref(struct sn_tls_store **store_p)
{
	struct sn_tls_store *store = *store_p;

	*store_p = NULL;
	if (store == NULL || --store->refs > 0)
		return;
	sn_assert(store->attached == 0 && !store->reloading);
	sn_list_remove(&store->link);
	sn_tls_tickets_fini(&store->tickets);
	sn_tls_set_unref(&store->set);
	for (size_t i = 0; i < SN_TLS_FILES; i++)
		sn_free(store->texts[i]);
	sn_free(store);
}

/* --- reloading ------------------------------------------------------------------------------ */

static void watch_files(struct sn_tls_store *store);

static int work_reload(struct sn_job *job)
{
	struct sn_tls_store *store = sn_container_of(job, struct sn_tls_store, job);

	return load_set(&store->files, store->old_set, &store->new_set, &store->diag);
}

/* Sessions made under a certificate that was replaced must not outlive it. */
static void adopt_set(struct sn_tls_store *store)
{
	sn_tls_set_unref(&store->set);
	store->set = store->new_set;
	store->new_set = NULL;
	sn_tls_tickets_renew(&store->tickets);
	sn_log(&sn_tls_log, SN_LOG_INFO, "certificates-reloaded",
		sn_f_cstr("path", store->files.certs), sn_f_uint("count", store->set->cert_count));
}

static void on_reloaded(struct sn_job *job, int code)
{
	struct sn_tls_store *store = sn_container_of(job, struct sn_tls_store, job);

	if (code == SN_OK)
		adopt_set(store);
	else if (code == SN_AGAIN)
		sn_log(&sn_tls_log, SN_LOG_DEBUG, "certificates-unchanged",
			sn_f_cstr("path", store->files.certs));
	else if (code != SN_ECANCELED)
		sn_log(&sn_tls_log, SN_LOG_ERROR, "certificates-kept",
			sn_f_cstr("path", store->files.certs),
			sn_f_cstr("reason", store->diag.text));
	sn_tls_set_unref(&store->old_set);
	store->reloading = false;
	if (store->attached > 0) {
		watch_files(store);
		if (store->again)
			sn_tls_store_refresh(store);
	}
	sn_tls_store_unref(&store);
}

static void on_settled(struct sn_timer *timer)
{
	sn_tls_store_refresh(sn_container_of(timer, struct sn_tls_store, settle));
}

void sn_tls_store_refresh(struct sn_tls_store *store)
{
	sn_assert(store->attached > 0);
	sn_timer_clear(&store->settle);
	store->again = store->reloading;
	if (store->reloading)
		return;
	store->job.work = work_reload;
	store->job.done = on_reloaded;
	store->old_set = sn_tls_set_ref(store->set);
	store->reloading = true;
	sn_tls_store_ref(store);
	if (store->pool == NULL) {
		on_reloaded(&store->job, work_reload(&store->job));
	} else if (sn_offload_run(store->pool, store->loop, &store->job) != SN_OK) {
		on_reloaded(&store->job, SN_ECANCELED);
		sn_timer_set(store->loop, &store->settle, RETRY, on_settled);
	}
}

/* --- watching ------------------------------------------------------------------------------- */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return sn_strdup(".");
	return sn_str_dup(sn_str_n(path, slash > path ? (size_t)(slash - path) : 1));
}

static void watch_folder(struct sn_tls_store *store, const char *path)
{
	if (inotify_add_watch(store->watch.fd, path, WATCHED | IN_ONLYDIR) < 0)
		sn_log(&sn_tls_log, SN_LOG_WARN, "certificates-unwatched", sn_f_cstr("path", path),
			sn_f_err(-errno));
}

static void watch_parent(struct sn_tls_store *store, const char *path)
{
	char *folder;

	if (path == NULL)
		return;
	folder = folder_of(path);
	watch_folder(store, folder);
	sn_free(folder);
}

/*
 * Folders, not files: replaced files (rename, symbolic links that are switched over) show there and
 * only there. Which of them changed is seen by their stamps, so events need not be looked at.
 * Adding a watch again does nothing; after a folder was recreated it is what is needed.
 */
static void watch_files(struct sn_tls_store *store)
{
	if (store->watch.fd < 0)
		return;
	if (is_folder(store->files.certs))
		watch_folder(store, store->files.certs);
	watch_parent(store, store->files.certs);
	watch_parent(store, store->files.key);
	watch_parent(store, store->files.extra);
}

static void on_change(struct sn_watch *watch, unsigned events)
{
	struct sn_tls_store *store = sn_container_of(watch, struct sn_tls_store, watch);
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (read(watch->fd, buf, sizeof(buf)) > 0)
		;
	if (!sn_timer_armed(&store->settle))
		sn_timer_set(store->loop, &store->settle, SETTLE, on_settled);
}

static int start_watch(struct sn_tls_store *store)
{
	const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int code;

	/* Few inotify instances are allowed per user; a server without them must start. */
	if (fd < 0) {
		sn_log(&sn_tls_log, SN_LOG_WARN, "certificates-unwatched",
			sn_f_cstr("path", store->files.certs), sn_f_err(-errno));
		return SN_OK;
	}
	code = sn_watch_set(store->loop, &store->watch, fd, SN_READABLE, on_change);
	if (code != SN_OK) {
		close(fd);
		store->watch.fd = -1;
	} else {
		watch_files(store);
	}
	return code;
}

int sn_tls_store_attach(struct sn_tls_store *store, struct sn_loop *loop, struct sn_offload *pool)
{
	int code;

	if (store->attached > 0) {
		sn_assert(store->loop == loop);
		store->attached++;
		return SN_OK;
	}
	store->loop = loop;
	store->pool = pool;
	code = start_watch(store);
	if (code != SN_OK)
		return code;
	store->attached = 1;
	sn_tls_tickets_start(&store->tickets, loop);
	return SN_OK;
}

void sn_tls_store_detach(struct sn_tls_store *store)
{
	const int fd = store->watch.fd;

	sn_assert(store->attached > 0);
	if (--store->attached > 0)
		return;
	sn_tls_tickets_stop(&store->tickets);
	sn_timer_clear(&store->settle);
	sn_watch_clear(&store->watch);
	store->watch.fd = -1;
	if (fd >= 0)
		close(fd);
	if (store->reloading)
		sn_offload_cancel(&store->job);
}
