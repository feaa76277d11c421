#include "tests/unit/daemon/service/plugins.h"

#include <stdlib.h>

#include "daemon/base/mem.h"
#include "tests/support/unit.h"

char *plugins_path(const char *name)
{
	const char *build = getenv("SN_BUILDDIR");

	return sn_asprintf("%s/tests/plugins/%s.so", build != NULL ? build : ".", name);
}

void plugins_add(struct sn_plugins *plugins, const char *name)
{
	plugins->items =
		sn_realloc_array(plugins->items, plugins->count + 1, sizeof(*plugins->items));
	plugins->items[plugins->count++] = (struct sn_plugin_info){ .path = plugins_path(name) };
}

void plugins_expect(const struct sn_plugin_info *info, const char *refused)
{
	if (refused == NULL) {
		ck_assert_msg(info->refused == NULL, "%s: %s", info->path, info->refused);
		ck_assert_ptr_nonnull(info->id);
		return;
	}
	ck_assert_msg(info->refused != NULL, "%s: not refused", info->path);
	ck_assert_msg(strstr(info->refused, refused) != NULL, "%s: %s", info->path, info->refused);
	ck_assert_msg(strchr(info->refused, '\n') == NULL, "%s: more than a line", info->path);
}
