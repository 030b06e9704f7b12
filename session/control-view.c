#include "session/control-internal.h"

#include <errno.h>
#include <string.h>

/*
 * What a person who watches can ask for.
 */

void control_view(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	int fd = session_watch(peer->session);
	if (fd >= 0) {
		control_answer(peer, rpc_id, cJSON_CreateObject(), fd);
		return;
	}
	control_refuse(peer, rpc_id, RPC_FAILED,
		fd == -ENODEV   ? "this session has no display"
		: fd == -EUSERS ? "too many viewers watch this session already; close one"
				: strerror(-fd),
		NULL);
}
