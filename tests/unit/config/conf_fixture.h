/*
 * A small schema with every kind of table and every type of row, and a folder of files to load
 * with it.
 *
 *   [every]           plain, one row of each type
 *   [strict]          plain, with a required key and a check of its own
 *   [service.NAME]    named and typed: echo and chat, with common rows
 *   [auth.NAME]       named, all alike
 */
#ifndef SN_TESTS_UNIT_CONFIG_CONF_FIXTURE_H
#define SN_TESTS_UNIT_CONFIG_CONF_FIXTURE_H

#include "config/conf.h"

struct every_conf {
	struct sn_str name, motd, password;
	bool open;
	int64_t limit, timeout;
	uint64_t buffer;
	int mode;
	struct sn_conf_strings words;
	struct sn_conf_endpoints listen, peers;
};
struct strict_conf {
	int64_t low, high;
};
struct service_conf {
	struct sn_conf_endpoints listen;
};
struct echo_conf {
	bool twice;
};
struct chat_conf {
	struct sn_str network, motd;
	struct sn_str password;
};
struct auth_conf {
	struct sn_conf_strings use;
};

extern const struct sn_conf_section every_section, strict_section, service_section, echo_section,
	chat_section, auth_section;
extern const struct sn_conf_schema full_schema;  /* all of them */
extern const struct sn_conf_schema small_schema; /* without [strict], whose key is required */

struct fixture {
	struct sn_conf_diags diags;
	struct sn_conf *conf;
	struct sn_strbuf report; /* the diags printed */
	int result;
};

void fixture_load(struct fixture *f, const struct sn_conf_request *request);
/* With small_schema, from memory, with overrides. */
void fixture_text(struct fixture *f, const char *text);
void fixture_overrides(struct fixture *f, const char *text,
	const struct sn_conf_override *overrides, size_t count);
void fixture_fini(struct fixture *f);
/* Loaded without a word, or else the test fails with the report. */
void fixture_expect_clean(const struct fixture *f);
/* Failed, and this is all that is reported. */
void fixture_expect_report(const struct fixture *f, const char *report);

/* A new folder below the build's temporary one; remove_tree takes it away with its files. */
struct sn_str folder_new(char *mem, size_t size);
void folder_write(const char *folder, const char *name, const char *text);
const char *folder_path(const char *folder, const char *name); /* static memory, next call reuses */
void folder_remove(const char *folder);

#endif
