#include "session/control-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session/act.h"
#include "session/display.h"

/*
 * What can be asked of a session outside its commands.
 */

bool control_int(const cJSON *params, const char *key, double least, double most, int32_t *value) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);
	if (item == NULL) {
		return true;
	}
	if (!cJSON_IsNumber(item) || item->valuedouble < least || item->valuedouble > most ||
		floor(item->valuedouble) != item->valuedouble) {
		return false;
	}
	*value = (int32_t)item->valuedouble;
	return true;
}

void control_inspect(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	control_answer(peer, rpc_id, session_inspect(peer->session), -1);
}

void control_stop(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	int32_t grace = SESSION_GRACE_MS;
	if (!control_int(params, "graceMs", 0, 600000, &grace)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS, "/graceMs: use 0 to 600000", NULL);
		return;
	}
	control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	session_stop(peer->session, "parclose stop", (uint32_t)grace);
}

// A sealed memfd with these bytes, or -errno.
static int bytes_to_memfd(const uint8_t *bytes, size_t len) {
	int fd = memfd_create(
		"parclose-screenshot", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	size_t done = 0;
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, bytes + done, len - done);
		if (n <= 0) {
			int error = errno;
			close(fd);
			return -error;
		}
		done += (size_t)n;
	}
	if (fd < 0) {
		return -errno;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

void control_screenshot(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	struct display *display = session_display(peer->session);
	if (display == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED, "this session has no display", NULL);
		return;
	}
	struct display_state state = display_state(display);
	struct channel_box box = {0, 0, (int32_t)state.width, (int32_t)state.height};
	const cJSON *region = cJSON_GetObjectItemCaseSensitive(params, "region");
	if (region != NULL && (!control_int(region, "x", 0, 8192, &box.x) ||
				      !control_int(region, "y", 0, 8192, &box.y) ||
				      !control_int(region, "width", 1, 8192, &box.width) ||
				      !control_int(region, "height", 1, 8192, &box.height))) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"/region: x, y, width and height are whole pixels", NULL);
		return;
	}
	bool cursor = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(params, "cursor"));
	size_t len = 0;
	uint8_t *png = display_screenshot(display, &box, cursor, &len);
	if (png == NULL) {
		char text[160];
		if (errno == EAGAIN) {
			snprintf(text, sizeof(text), "nothing has been drawn yet; try again");
		} else if (errno == ERANGE) {
			snprintf(text, sizeof(text),
				"the region %d,%d %dx%d is not inside the display's %ux%u", box.x,
				box.y, box.width, box.height, state.width, state.height);
		} else {
			snprintf(text, sizeof(text), "out of memory");
		}
		control_refuse(peer, rpc_id, RPC_FAILED, text, NULL);
		return;
	}
	int fd = bytes_to_memfd(png, len);
	free(png);
	if (fd < 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, "cannot make room for the picture", NULL);
		return;
	}
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "format", "png");
	cJSON_AddNumberToObject(result, "width", box.width);
	cJSON_AddNumberToObject(result, "height", box.height);
	cJSON_AddNumberToObject(result, "bytes", (double)len);
	cJSON_AddNumberToObject(result, "frame", (double)state.serial);
	control_answer(peer, rpc_id, result, fd);
}

void control_window(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	struct display *display = session_display(peer->session);
	const char *verb = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "verb"));
	int32_t id = 0;
	enum channel_window_verb act = 0;
	if (verb != NULL && strcmp(verb, "raise") == 0) {
		act = CHANNEL_WINDOW_RAISE;
	} else if (verb != NULL && strcmp(verb, "close") == 0) {
		act = CHANNEL_WINDOW_CLOSE;
	} else if (verb != NULL && strcmp(verb, "cycle") == 0) {
		act = CHANNEL_WINDOW_CYCLE;
	}
	if (act == 0 || !control_int(params, "id", 0, INT32_MAX, &id)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"verb is raise, close or cycle, id a window's number", NULL);
	} else if (display == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED, "this session has no display", NULL);
	} else if (display_window_act(display, (uint32_t)id, act) != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, "there is no such window", NULL);
	} else {
		control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	}
}

static void set_holder(struct session_peer *peer, const cJSON *rpc_id, enum session_holder holder) {
	session_set_holder(peer->session, holder);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(
		result, "holder", session_holder_name(session_holder(peer->session)));
	control_answer(peer, rpc_id, result, -1);
}

void control_takeover(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	set_holder(peer, rpc_id, HOLDER_HUMAN);
}

void control_release(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	set_holder(peer, rpc_id, HOLDER_AGENT);
}
