#ifndef PARCLOSE_AGENT_ERAS_H
#define PARCLOSE_AGENT_ERAS_H

/*
 * The revisions of the Model Context Protocol and what each of them wants. Up to 2025-11-25 a
 * connection is opened with `initialize` and keeps the version agreed on ("legacy"); since
 * 2026-07-28 every request says its own ("modern"). https://modelcontextprotocol.io/specification
 */

#include <cjson/cJSON.h>
#include <stdbool.h>

enum era {
	ERA_NONE, // nothing was agreed on
	ERA_2024_11_05,
	ERA_2025_03_26, // annotations; JSON-RPC batches, in this revision only
	ERA_2025_06_18, // structuredContent, outputSchema, title
	ERA_2025_11_25, // wrong arguments are the tool's answer, not the protocol's
	ERA_2026_07_28, // stateless
	ERA_COUNT
};

#define ERA_NEWEST_LEGACY ERA_2025_11_25

#define ERA_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define ERA_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define ERA_META_SERVER "io.modelcontextprotocol/serverInfo"
#define ERA_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

const char *era_version(enum era era); // "2025-11-25"
enum era era_find(const char *version); // ERA_NONE: we do not speak it

cJSON *era_versions(void); // all, the newest first
cJSON *era_server_info(enum era era);

// The description of a tool as this era knows it: members that came later are taken out.
void era_trim_tool(enum era era, cJSON *tool);

/*
 * Makes a result (changed, returned) what the era wants: `resultType`, the server's name, or
 * nothing that came later. `cacheable`: server/discover and the lists.
 */
cJSON *era_result(enum era era, cJSON *result, bool cacheable);

#endif
