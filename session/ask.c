#include "session/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "session/untrusted.h"
#include "session/view.h"

int session_ask(
	struct session *session, const char *from, const char *untrusted, uint32_t *viewers) {
	char text[ASK_BYTES + 1], notice[ASK_BYTES + 64];
	untrusted_text(text, sizeof(text), untrusted, strlen(untrusted));
	if (text[0] == '\0') {
		return -EINVAL;
	}
	uint64_t now_ns = session_now_ns();
	if (session->asked_ns != 0 && now_ns - session->asked_ns < ASK_SECONDS * 1000000000ull) {
		return -EAGAIN;
	}
	session->asked_ns = now_ns;
	*viewers = view_viewers(session->view);
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "from", from);
	cJSON_AddStringToObject(fields, "text", text);
	cJSON_AddNumberToObject(fields, "viewers", *viewers);
	session_record(session, "asked", fields);
	snprintf(notice, sizeof(notice), "The agent asks: “%s”", text);
	view_notice(session->view, true, notice);
	return 0;
}
