#include "session/control-internal.h"

#include <errno.h>
#include <string.h>

#include "session/pause.h"

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

static void answer_pause(struct session_peer *peer, const cJSON *rpc_id, int ret) {
	if (ret < 0) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			ret == -EBUSY ? "the session is ending"
			: ret == -ETIMEDOUT
				? "not everything inside has answered in two seconds; it "
				  "will as soon as the machine lets it"
				: strerror(-ret),
			NULL);
	} else {
		control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	}
}

void control_pause(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	answer_pause(peer, rpc_id, session_pause(peer->session, "parclose pause"));
}

void control_resume(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	answer_pause(peer, rpc_id, session_resume(peer->session, "parclose resume"));
}
