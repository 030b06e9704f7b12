#include "session/pause.h"

#include <errno.h>
#include <time.h>

#include "session/display.h"
#include "session/internal.h"
#include "session/lease.h"

int session_pause(struct session *session, const char *who) {
	if (session->state >= SESSION_STOPPING) {
		return -EBUSY;
	}
	if (session->pause.on) {
		return 0;
	}
	session->pause.on = true;
	session->pause.since = time(NULL);
	session->pause.since_ns = session_now_ns();
	lease_follow_pause(session); // what is pressed goes up
	// First the events, so that no client finds a heap of them when it runs again.
	if (session->display != NULL) {
		display_pause(session->display, true);
	}
	struct sandbox_error err;
	int ret = sandbox_pause(session->sandbox, &err);
	session_arm_timeout(session);
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	session_record(session, "paused", fields);
	return ret;
}

int session_resume(struct session *session, const char *who) {
	if (session->state >= SESSION_STOPPING) {
		return -EBUSY;
	}
	if (!session->pause.on) {
		return 0;
	}
	struct sandbox_error err;
	int ret = sandbox_resume(session->sandbox, &err);
	if (session->display != NULL) {
		display_pause(session->display, false);
	}
	uint64_t paused_ns = session_now_ns() - session->pause.since_ns;
	session->pause.on = false;
	session->pause.total_ns += paused_ns;
	session_arm_timeout(session);
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	cJSON_AddNumberToObject(fields, "pausedMs", (double)(paused_ns / 1000000));
	session_record(session, "resumed", fields);
	lease_follow_pause(session);
	return ret;
}
