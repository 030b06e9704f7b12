#include "session/control-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session/act.h"

/*
 * Pictures, of now or of when the screen rests.
 */

// A picture that is still to be taken.
struct shot {
	struct wl_list link; // session_peer.shots
	struct session_peer *peer;
	cJSON *rpc_id;
	struct picture_options options;
	struct act *act;
};

static void destroy_shot(struct shot *shot) {
	wl_list_remove(&shot->link);
	cJSON_Delete(shot->rpc_id);
	free(shot);
}

void control_forget_shots(struct session_peer *peer) {
	struct shot *shot, *next;
	wl_list_for_each_safe (shot, next, &peer->shots, link) {
		session_act_cancel(shot->act);
		destroy_shot(shot);
	}
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

static void refuse_picture(struct session_peer *peer, const cJSON *rpc_id,
	const struct picture_options *options, int error) {
	char text[160] = "out of memory";
	cJSON *data = NULL;
	struct display_state state;
	if (error == -EAGAIN) {
		snprintf(text, sizeof(text), "nothing has been drawn yet; try again");
	} else if (error == -ERANGE && session_display_state(peer->session, &state)) {
		const struct channel_box *box = &options->region;
		snprintf(text, sizeof(text),
			"the region %d,%d %dx%d is not inside the display's %ux%u", box->x, box->y,
			box->width, box->height, state.width, state.height);
	} else if (error == -ENODEV) {
		snprintf(text, sizeof(text), "this session has no display");
	} else if (error == -EACCES) {
		snprintf(text, sizeof(text),
			"the user has taken over and withholds pictures until they hand back");
		data = cJSON_CreateObject();
		cJSON_AddStringToObject(data, "reason", "withheld");
	}
	control_refuse(peer, rpc_id, RPC_FAILED, text, data);
}

static void add_settled(cJSON *result, const struct act_result *act) {
	cJSON_AddBoolToObject(result, "settled", act->settled);
	cJSON_AddNumberToObject(result, "settledMs", act->settled_ms);
	cJSON_AddStringToObject(result, "reason", act_settle_reason_name(act->reason));
	if (act->has_box) {
		cJSON *box = cJSON_AddObjectToObject(result, "changed");
		cJSON_AddNumberToObject(box, "x", act->box.x);
		cJSON_AddNumberToObject(box, "y", act->box.y);
		cJSON_AddNumberToObject(box, "width", act->box.width);
		cJSON_AddNumberToObject(box, "height", act->box.height);
	}
}

// `act`: how it settled, NULL when nobody waited.
static void send_picture(struct session_peer *peer, const cJSON *rpc_id,
	const struct picture_options *options, const struct act_result *act) {
	struct picture picture;
	int ret = session_picture(peer->session, options, &picture);
	if (ret != 0) {
		refuse_picture(peer, rpc_id, options, ret);
		return;
	}
	int fd = bytes_to_memfd(picture.bytes, picture.len);
	free(picture.bytes);
	if (fd < 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, "cannot make room for the picture", NULL);
		return;
	}
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "format", picture_format_name(picture.format));
	cJSON_AddNumberToObject(result, "width", picture.width);
	cJSON_AddNumberToObject(result, "height", picture.height);
	if (picture.format == PICTURE_RAW) {
		cJSON_AddNumberToObject(result, "stride", picture.stride);
	}
	cJSON_AddNumberToObject(result, "bytes", (double)picture.len);
	cJSON_AddNumberToObject(result, "frame", (double)picture.frame);
	if (act != NULL) {
		add_settled(result, act);
	}
	control_answer(peer, rpc_id, result, fd);
}

static void handle_settled(void *data, const struct act_result *result) {
	struct shot *shot = data;
	if (result->waited) {
		send_picture(shot->peer, shot->rpc_id, &shot->options, result);
	} else {
		control_refuse(shot->peer, shot->rpc_id, RPC_FAILED, result->message, NULL);
	}
	destroy_shot(shot);
}

// ---- what is asked

static const cJSON *param(const cJSON *params, const char *key) {
	return cJSON_GetObjectItemCaseSensitive(params, key);
}

static bool read_format(const cJSON *params, struct picture_options *options) {
	const cJSON *item = param(params, "format");
	if (item == NULL) {
		return true;
	}
	for (enum picture_format f = PICTURE_PNG; f <= PICTURE_RAW; f++) {
		if (cJSON_IsString(item) &&
			strcmp(item->valuestring, picture_format_name(f)) == 0) {
			options->format = f;
			return true;
		}
	}
	return false;
}

static const char *read_options(const cJSON *params, struct picture_options *options) {
	const cJSON *region = param(params, "region");
	struct channel_box box = {0};
	if (region != NULL &&
		(!control_int(region, "x", 0, 8192, &box.x) ||
			!control_int(region, "y", 0, 8192, &box.y) ||
			!control_int(region, "width", 1, 8192, &box.width) || box.width == 0 ||
			!control_int(region, "height", 1, 8192, &box.height) || box.height == 0)) {
		return "/region: x, y, width and height are whole pixels";
	}
	const cJSON *scale = param(params, "scale");
	if (scale != NULL &&
		!(cJSON_IsNumber(scale) && scale->valuedouble >= 0.05 && scale->valuedouble <= 1)) {
		return "/scale: use 0.05 to 1";
	}
	int32_t quality = 0;
	if (!control_int(params, "quality", 1, 100, &quality)) {
		return "/quality: use 1 to 100";
	}
	if (!read_format(params, options)) {
		return "/format: use png, jpeg or raw";
	}
	options->region = box;
	options->scale = scale != NULL ? scale->valuedouble : 1;
	options->quality = (uint32_t)quality;
	options->cursor = !cJSON_IsFalse(param(params, "cursor"));
	return NULL;
}

void control_screenshot(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	struct picture_options options = {0};
	const char *why = read_options(params, &options);
	const cJSON *settle = param(params, "settle");
	int32_t quiet_ms = 0, timeout_ms = 0;
	if (why == NULL && settle != NULL &&
		(!cJSON_IsObject(settle) || !control_int(settle, "quietMs", 1, 10000, &quiet_ms) ||
			!control_int(settle, "timeoutMs", 1, 600000, &timeout_ms))) {
		why = "/settle: quietMs is 1 to 10000, timeoutMs 1 to 600000";
	}
	if (why != NULL) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS, why, NULL);
		return;
	}
	if (settle == NULL) {
		send_picture(peer, rpc_id, &options, NULL);
		return;
	}
	const struct action action = {
		.kind = ACT_WAIT_STABLE,
		.settle = {.wait = true,
			.quiet_ms = (uint32_t)quiet_ms,
			.timeout_ms = (uint32_t)timeout_ms,
			.region = options.region},
	};
	struct shot *shot = calloc(1, sizeof(*shot));
	if (shot != NULL) {
		shot->peer = peer;
		shot->options = options;
		shot->rpc_id = rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull();
		shot->act = session_act(
			peer->session, ACT_AGENT, "control", &action, NULL, handle_settled, shot);
		wl_list_insert(&peer->shots, &shot->link);
	}
	if (shot != NULL && (shot->act == NULL || shot->rpc_id == NULL)) {
		if (shot->act != NULL) {
			session_act_cancel(shot->act);
		}
		destroy_shot(shot);
		shot = NULL;
	}
	if (shot == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			"too many actions wait already; wait for their answers", NULL);
	}
}
