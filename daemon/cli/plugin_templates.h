/*
 * What `sennit plugin new` writes: the examples of plugins/ with their names replaced by @NAME@.
 * Made at build time from those files (Makefile.inc), so that what is written is what is tested.
 */
#ifndef SN_DAEMON_CLI_PLUGIN_TEMPLATES_H
#define SN_DAEMON_CLI_PLUGIN_TEMPLATES_H

extern const char sn_plugin_template_makefile[];
extern const char sn_plugin_template_service_c[], sn_plugin_template_service_toml[];
extern const char sn_plugin_template_endpoint_c[], sn_plugin_template_endpoint_toml[];
extern const char sn_plugin_template_checker_c[], sn_plugin_template_checker_toml[];

#endif
