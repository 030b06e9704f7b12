#ifndef PARCLOSE_AGENT_SERVICE_H
#define PARCLOSE_AGENT_SERVICE_H

/*
 * What agents speak on a session's sockets: MCP on both, and `parclose/act` on the control socket
 * (protocols/control.md).
 */

#include "session/service.h"

extern const struct session_service agent_service;

#endif
