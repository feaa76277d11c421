/* What a descriptor says is checked here before anything else of the plugin is used. */
#include "daemon/service/plugin_host.h"

#include "daemon/base/mem.h"
#include "daemon/service/registry.h"

#define INTERFACES_MAX 64
#define ROW_NAME_MAX 128

/* An interface that plugins can implement. */
struct kind {
	const char *name; /* the id without its major */
	unsigned major;
	uint32_t minor;
	size_t minimum, size; /* of the row: in minor 0, and here */
	int (*verify)(const void *row, struct sn_diag *diag);
	int (*add)(const void *row, struct sn_diag *diag);
	void (*describe)(const void *row, struct sn_strbuf *out);
	void (*set_size)(void *row, size_t size);
	size_t (*get_size)(const void *row);
};

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

/* --- service -------------------------------------------------------------------------------- */

static int verify_service(const void *row, struct sn_diag *diag)
{
	const struct sn_service *service = row;
	const int code = sn_service_verify(service, diag);

	if (code != SN_OK)
		return code;
	if (sn_registry_find(sn_str(service->name)) != NULL)
		return sn_diag_set(
			diag, SN_EDUPLICATE, 0, "there is a service \"%s\" already", service->name);
	return SN_OK;
}

static int add_service(const void *row, struct sn_diag *diag)
{
	return sn_registry_add(row, diag);
}

static void describe_service(const void *row, struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "service %s", ((const struct sn_service *)row)->name);
}

static size_t get_service_size(const void *row)
{
	return ((const struct sn_service *)row)->size;
}

static void set_service_size(void *row, size_t size)
{
	((struct sn_service *)row)->size = size;
}

/* --- endpoint type -------------------------------------------------------------------------- */

static int verify_endpoint(const void *row, struct sn_diag *diag)
{
	const struct sn_endpoint_type *type = row;

	if (type->word == NULL || type->doc == NULL || type->example == NULL)
		return sn_diag_set(
			diag, SN_ECONFIG, 0, "an endpoint type needs word, doc and example");
	if (type->ops == NULL ||
		(type->side == SN_SERVER ? type->ops->plan_listen == NULL
					 : type->ops->plan_connect == NULL))
		return sn_diag_set(diag, SN_ECONFIG, 0, "endpoint type \"%s\" needs ops with %s",
			type->word, type->side == SN_SERVER ? "plan_listen" : "plan_connect");
	if (sn_endpoint_type_find(type->side, sn_str(type->word)) != NULL)
		return sn_diag_set(diag, SN_EDUPLICATE, 0,
			"there is a %s endpoint type \"%s\" already",
			type->side == SN_SERVER ? "server" : "client", type->word);
	return SN_OK;
}

static int add_endpoint(const void *row, struct sn_diag *diag)
{
	const struct sn_endpoint_type *type = row;
	const int code = sn_endpoint_register(type);

	if (code == SN_OK)
		return code;
	return sn_diag_set(diag, code, 0, "endpoint type \"%s\": %s", type->word,
		code == SN_ESYNTAX          ? "its parameters contradict each other"
			: code == SN_ELIMIT ? "there are too many types already"
					    : sn_strerror(code));
}

static void describe_endpoint(const void *row, struct sn_strbuf *out)
{
	const struct sn_endpoint_type *type = row;

	sn_strbuf_addf(
		out, "%s endpoint %s", type->side == SN_SERVER ? "server" : "client", type->word);
}

static size_t get_endpoint_size(const void *row)
{
	return ((const struct sn_endpoint_type *)row)->size;
}

static void set_endpoint_size(void *row, size_t size)
{
	((struct sn_endpoint_type *)row)->size = size;
}

/* --- checker type --------------------------------------------------------------------------- */

static const struct sn_checker_type *find_checker(const char *name)
{
	const struct sn_checker_type *type;

	for (size_t i = 0; (type = sn_checker_type_at(i)) != NULL; i++) {
		if (strcmp(type->name, name) == 0)
			return type;
	}
	return NULL;
}

static int verify_checker(const void *row, struct sn_diag *diag)
{
	const struct sn_checker_type *type = row;

	if (type->name == NULL || type->arg_help == NULL || type->doc == NULL)
		return sn_diag_set(diag, SN_ECONFIG, 0, "a checker needs name, arg_help and doc");
	if (type->open == NULL || type->check == NULL || type->close == NULL || type->kinds == 0)
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"checker \"%s\" needs kinds, open, check and close", type->name);
	if (find_checker(type->name) != NULL)
		return sn_diag_set(
			diag, SN_EDUPLICATE, 0, "there is a checker \"%s\" already", type->name);
	return SN_OK;
}

static int add_checker(const void *row, struct sn_diag *diag)
{
	const struct sn_checker_type *type = row;
	const int code = sn_checker_register(type);

	return code == SN_OK
		? code
		: sn_diag_set(diag, code, 0, "checker \"%s\": %s", type->name,
			  code == SN_ELIMIT ? "there are too many already" : sn_strerror(code));
}

static void describe_checker(const void *row, struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "checker %s", ((const struct sn_checker_type *)row)->name);
}

static size_t get_checker_size(const void *row)
{
	return ((const struct sn_checker_type *)row)->size;
}

static void set_checker_size(void *row, size_t size)
{
	((struct sn_checker_type *)row)->size = size;
}

/* --- the interfaces ------------------------------------------------------------------------- */

static const struct kind kinds_known[] = {
	{ "sennit.service", 1, 1, END_OF(struct sn_service, dgram_input), sizeof(struct sn_service),
		verify_service, add_service, describe_service, set_service_size, get_service_size },
	{ "sennit.endpoint", 1, 0, END_OF(struct sn_endpoint_type, ops),
		sizeof(struct sn_endpoint_type), verify_endpoint, add_endpoint, describe_endpoint,
		set_endpoint_size, get_endpoint_size },
	{ "sennit.checker", 1, 0, END_OF(struct sn_checker_type, close),
		sizeof(struct sn_checker_type), verify_checker, add_checker, describe_checker,
		set_checker_size, get_checker_size },
};
#define KINDS (sizeof(kinds_known) / sizeof(kinds_known[0]))

static int unknown_interface(const char *id, struct sn_diag *diag)
{
	const struct sn_str whole = sn_str(id);
	const struct sn_str name = sn_str_sub(whole, 0, sn_str_find(whole, '/'));

	for (size_t i = 0; i < KINDS; i++) {
		if (sn_str_eq(name, sn_str(kinds_known[i].name)))
			return sn_diag_set(diag, SN_EABI, 0,
				"implements %s, this program has %s/%u: it needs another version "
				"of sennit",
				id, kinds_known[i].name, kinds_known[i].major);
	}
	return sn_diag_set(diag, SN_EABI, 0, "implements %s, which this program does not know", id);
}

static const struct kind *find_kind(const char *id)
{
	for (size_t i = 0; i < KINDS; i++) {
		char name[64];

		(void)snprintf(
			name, sizeof(name), "%s/%u", kinds_known[i].name, kinds_known[i].major);
		if (strcmp(name, id) == 0)
			return &kinds_known[i];
	}
	return NULL;
}

static int verify_interface(const struct sn_plugin_interface *interface, struct sn_diag *diag)
{
	const struct kind *kind;

	if (interface->id == NULL || interface->row == NULL)
		return sn_diag_set(diag, SN_EABI, 0, "an interface without id or row");
	kind = find_kind(interface->id);
	if (kind == NULL)
		return unknown_interface(interface->id, diag);
	if (interface->minor > kind->minor)
		return sn_diag_set(diag, SN_EABI, 0,
			"needs %s.%u, this program has %s.%u: it needs a newer sennit",
			interface->id, (unsigned)interface->minor, interface->id,
			(unsigned)kind->minor);
	if (interface->size < kind->minimum || interface->size > kind->size)
		return sn_diag_set(diag, SN_EABI, 0,
			"its row of %s has %zu bytes, %zu to %zu are possible: rebuild it",
			interface->id, interface->size, kind->minimum, kind->size);
	if (kind->get_size(interface->row) != interface->size)
		return sn_diag_set(diag, SN_EABI, 0,
			"its row of %s says %zu bytes, its descriptor %zu: set .size to the size of "
			"the struct",
			interface->id, kind->get_size(interface->row), interface->size);
	return SN_OK;
}

/* --- the descriptor ------------------------------------------------------------------------- */

static int verify_sizes(const struct sn_plugin *plugin, struct sn_diag *diag)
{
	static const struct sn_plugin_sizes ours = SN_PLUGIN_SIZES;
	const struct sn_plugin_sizes *theirs = &plugin->sizes;
	const struct {
		const char *name;
		size_t theirs, ours;
	} rows[] = {
		{ "sn_conn", theirs->conn, ours.conn },
		{ "sn_instance", theirs->instance, ours.instance },
		{ "sn_checker", theirs->checker, ours.checker },
		{ "sn_conf_item", theirs->conf_item, ours.conf_item },
		{ "sn_conf_section", theirs->conf_section, ours.conf_section },
		{ "sn_metric_def", theirs->metric, ours.metric },
		{ "sn_param", theirs->param, ours.param },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].theirs != rows[i].ours)
			return sn_diag_set(diag, SN_EABI, 0,
				"built where struct %s has %zu bytes, here it has %zu: rebuild it "
				"against the headers of this version",
				rows[i].name, rows[i].theirs, rows[i].ours);
	}
	return SN_OK;
}

static int verify_head(const struct sn_plugin *plugin, size_t symbol_size, struct sn_diag *diag)
{
	const size_t minimum = END_OF(struct sn_plugin, fini);

	if (symbol_size < END_OF(struct sn_plugin, minor) || plugin->magic != SN_PLUGIN_MAGIC)
		return sn_diag_set(diag, SN_EABI, 0,
			"its sn_plugin_abi%d is no descriptor (wrong magic number)",
			SN_PLUGIN_MAJOR);
	if (plugin->minor > SN_PLUGIN_MINOR)
		return sn_diag_set(diag, SN_EABI, 0,
			"needs plugin ABI %d.%u, this program has %d.%d: it needs a newer sennit",
			SN_PLUGIN_MAJOR, (unsigned)plugin->minor, SN_PLUGIN_MAJOR, SN_PLUGIN_MINOR);
	if (plugin->size < minimum || plugin->size > symbol_size)
		return sn_diag_set(diag, SN_EABI, 0,
			"its descriptor says %zu bytes and has %zu, at least %zu are needed: rebuild it",
			plugin->size, symbol_size, minimum);
	return SN_OK;
}

int sn_plugin_verify(const struct sn_plugin *plugin, size_t symbol_size, struct sn_diag *diag)
{
	int code = verify_head(plugin, symbol_size, diag);

	if (code == SN_OK)
		code = verify_sizes(plugin, diag);
	if (code != SN_OK)
		return code;
	if (plugin->id == NULL || plugin->id[0] == '\0' || plugin->version == NULL ||
		plugin->license == NULL || plugin->build == NULL)
		return sn_diag_set(
			diag, SN_EABI, 0, "its descriptor lacks id, version, licence or build");
	if (plugin->interfaces == NULL || plugin->interface_count == 0 ||
		plugin->interface_count > INTERFACES_MAX)
		return sn_diag_set(diag, SN_EABI, 0,
			"it implements %zu interfaces, 1 to %d are possible",
			plugin->interface_count, INTERFACES_MAX);
	for (size_t i = 0; i < plugin->interface_count && code == SN_OK; i++)
		code = verify_interface(&plugin->interfaces[i], diag);
	return code;
}

/* --- rows ----------------------------------------------------------------------------------- */

/* The row as if it had been compiled here: what its headers did not know yet is NULL. */
static void *widen(const struct kind *kind, const struct sn_plugin_interface *interface)
{
	void *row = sn_alloc_zero(kind->size);

	memcpy(row, interface->row, interface->size);
	kind->set_size(row, kind->size);
	return row;
}

static int verify_row(
	const struct sn_plugin_interface *interface, struct sn_strbuf *name, struct sn_diag *diag)
{
	const struct kind *kind = find_kind(interface->id);
	void *row = widen(kind, interface);
	const int code = kind->verify(row, diag);

	if (code == SN_OK)
		kind->describe(row, name);
	sn_free(row);
	return code;
}

/* Is this among the names in the list so far? */
static bool listed(struct sn_str list, struct sn_str name)
{
	struct sn_str part;

	while (sn_str_split(&list, ',', &part)) {
		if (sn_str_eq(sn_str_trim(part), name))
			return true;
	}
	return false;
}

int sn_plugin_verify_rows(
	const struct sn_plugin *plugin, struct sn_strbuf *kinds, struct sn_diag *diag)
{
	for (size_t i = 0; i < plugin->interface_count; i++) {
		char mem[ROW_NAME_MAX];
		struct sn_strbuf name;
		int code;

		sn_strbuf_fixed(&name, mem, sizeof(mem));
		code = verify_row(&plugin->interfaces[i], &name, diag);
		if (code != SN_OK)
			return code;
		if (listed(sn_strbuf_str(kinds), sn_strbuf_str(&name)))
			return sn_diag_set(diag, SN_EDUPLICATE, 0, "it brings %s twice",
				sn_strbuf_cstr(&name));
		sn_strbuf_addf(kinds, "%s%s", i > 0 ? ", " : "", sn_strbuf_cstr(&name));
	}
	return SN_OK;
}

int sn_plugin_register_rows(const struct sn_plugin *plugin, struct sn_diag *diag)
{
	int code = SN_OK;

	for (size_t i = 0; i < plugin->interface_count && code == SN_OK; i++) {
		const struct kind *kind = find_kind(plugin->interfaces[i].id);
		void *row = widen(kind, &plugin->interfaces[i]);

		code = kind->add(row, diag);
		if (code != SN_OK)
			sn_free(row);
	}
	return code;
}
