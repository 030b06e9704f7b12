#include "session/lease.h"

#include "session/act.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/record.h"
#include "session/view.h"

// Another hand than before: nothing stays pressed, and the keymap is the session's own.
static void change_hand(struct session *session, const struct viewer *viewer) {
	session->lease.viewer = viewer;
	if (session->display != NULL) {
		display_release_input(session->display);
		display_human(session->display, session->lease.human);
	}
}

static void apply(struct session *session) {
	session_set_holder(session, session->pause.on      ? HOLDER_PAUSED
				    : session->lease.human ? HOLDER_HUMAN
							   : HOLDER_AGENT);
	record_follow_lease(session);
	view_state(session->view);
}

void lease_take(
	struct session *session, const struct viewer *viewer, bool withhold, const char *who) {
	if (!session->lease.human) {
		session->lease.since_ns = session_now_ns();
		cJSON *fields = cJSON_CreateObject();
		cJSON_AddStringToObject(fields, "by", who);
		cJSON_AddBoolToObject(fields, "withheld", withhold);
		session_record(session, "taken-over", fields);
	}
	bool new_hand = !session->lease.human || session->lease.viewer != viewer;
	session->lease.human = true;
	session->lease.withheld = withhold;
	if (new_hand) {
		change_hand(session, viewer);
	}
	apply(session);
}

void lease_hand_back(struct session *session, const char *who) {
	if (!session->lease.human) {
		return;
	}
	uint64_t held_ms = (session_now_ns() - session->lease.since_ns) / 1000000;
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	cJSON_AddNumberToObject(fields, "heldMs", (double)held_ms);
	session->lease.unreported_ms += held_ms > 0 ? held_ms : 1;
	session_record(session, "handed-back", fields);
	session->lease.human = session->lease.withheld = false;
	change_hand(session, NULL);
	apply(session);
}

void lease_forget_viewer(struct session *session, const struct viewer *viewer) {
	if (session->lease.viewer == viewer) {
		change_hand(session, NULL);
		view_notice(session->view, true,
			"The window that had control was closed. The agent waits until control is "
			"handed back.");
	}
}

bool lease_is_mine(const struct session *session, const struct viewer *viewer) {
	return session->lease.human && session->lease.viewer == viewer && !session->pause.on;
}

bool lease_withholds(const struct session *session) {
	return session->lease.human && session->lease.withheld;
}

void lease_follow_pause(struct session *session) {
	apply(session);
}
