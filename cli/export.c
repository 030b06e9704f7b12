#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/export.h"
#include "recording/recording.h"
#include "session/png.h"
#include "session/untrusted.h"

/*
 * A recording as pictures, as raw video for an encoder, or in words. The file may come from
 * anywhere: recording/reader.c checks it, and what is shown of it is made fit to be shown.
 */

// Complains and returns NULL on failure.
static struct recording *open_recording(const char *file) {
	struct recording_error error;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe is no reason to wait
	struct recording *recording = fd < 0 ? NULL : recording_open(fd, &error);
	if (recording == NULL) {
		complain("%s: %s", file, fd < 0 ? strerror(errno) : error.message);
	}
	return recording;
}

static bool is_picture(const struct recording *recording, size_t i) {
	enum recording_kind kind = recording_kind(recording, i);
	return kind == RECORDING_KEY || kind == RECORDING_FRAME || kind == RECORDING_CURSOR;
}

// ---- info

int export_info(const char *file, bool json) {
	struct recording *recording = open_recording(file);
	if (recording == NULL) {
		return 1;
	}
	const struct recording_info *info = recording_info(recording);
	size_t frames = 0, events = 0, len = recording_len(recording);
	for (size_t i = 0; i < len; i++) {
		enum recording_kind kind = recording_kind(recording, i);
		frames += kind == RECORDING_KEY || kind == RECORDING_FRAME;
		events += kind == RECORDING_EVENT;
	}
	bool whole = len > 0 && recording_kind(recording, len - 1) == RECORDING_END;
	char begun[40], name[256], command[1024];
	time_t seconds = (time_t)(info->begun_ns / 1000000000u);
	struct tm utc;
	if (gmtime_r(&seconds, &utc) == NULL ||
		strftime(begun, sizeof(begun), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
		begun[0] = '\0';
	}
	untrusted_text(name, sizeof(name), info->name, strlen(info->name));
	untrusted_text(command, sizeof(command), info->command, strlen(info->command));
	double duration = (double)recording_duration(recording) / 1e9;
	int ret = 0;
	if (json) {
		cJSON *out = cJSON_CreateObject();
		cJSON_AddStringToObject(out, "name", name);
		cJSON_AddStringToObject(out, "command", command);
		cJSON_AddStringToObject(out, "begun", begun);
		cJSON_AddNumberToObject(out, "seconds", duration);
		cJSON_AddNumberToObject(out, "width", info->width);
		cJSON_AddNumberToObject(out, "height", info->height);
		cJSON_AddNumberToObject(out, "frames", (double)frames);
		cJSON_AddNumberToObject(out, "events", (double)events);
		cJSON_AddBoolToObject(out, "whole", whole);
		ret = print_json(out);
	} else {
		printf("session   %s\ncommand   %s\nbegun     %s\nlength    %.1f s%s\n"
		       "picture   %ux%u, %zu frames\nevents    %zu\n",
			name, command, begun, duration,
			whole ? "" : ", not ended: cut off, or still being written", info->width,
			info->height, frames, events);
	}
	recording_close(recording);
	return ret;
}

// ---- pictures

static bool write_picture(const struct recording *recording, int dir, uint64_t time_ns) {
	struct painter painter;
	struct raster raster = painter_raster(&painter, recording);
	size_t len;
	uint8_t *png = png_encode(&raster, &len);
	if (png == NULL) {
		errno = ENOMEM;
		return false;
	}
	char name[48];
	snprintf(name, sizeof(name), "%09.3f.png", (double)time_ns / 1e9);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write_bytes(fd, png, len);
	if (fd >= 0) {
		close(fd);
	}
	free(png);
	return good;
}

// The events, a JSON object a line, each with its `seconds`. Text that is no JSON object is left
// out.
static bool write_events(struct recording *recording, int dir) {
	int fd = openat(
		dir, "events.jsonl", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = fd >= 0;
	for (size_t i = 0; good && i < recording_len(recording); i++) {
		char *text = recording_event(recording, i);
		cJSON *event = text != NULL ? cJSON_Parse(text) : NULL;
		free(text);
		if (cJSON_IsObject(event)) {
			cJSON_AddNumberToObject(
				event, "seconds", (double)recording_time(recording, i) / 1e9);
			char *line = cJSON_PrintUnformatted(event);
			good = line != NULL && write_bytes(fd, line, strlen(line)) &&
			       write_bytes(fd, "\n", 1);
			free(line);
		}
		cJSON_Delete(event);
	}
	if (fd >= 0) {
		close(fd);
	}
	return good;
}

static int export_frames(
	struct recording *recording, const char *file, const struct export_options *options) {
	struct recording_error error;
	if (mkdir(options->frames, 0700) != 0 && errno != EEXIST) {
		complain("cannot make %s: %s", options->frames, strerror(errno));
		return 1;
	}
	int dir = open(options->frames, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = dir >= 0 && write_events(recording, dir);
	size_t count = 0, len = recording_len(recording);
	for (size_t i = 0; good && i < len; i++) {
		if (!is_picture(recording, i)) {
			continue;
		}
		// Of all in one interval the last: so what was left at the end is there.
		uint64_t until = recording_time(recording, i);
		until += options->every_ms > 0 ? (uint64_t)options->every_ms * 1000000u : 1;
		for (size_t j = i; j < len && recording_time(recording, j) < until; j++) {
			i = is_picture(recording, j) ? j : i;
		}
		if (!recording_seek(recording, i, &error)) {
			complain("%s: %s", file, error.message);
			close(dir);
			return 1;
		}
		good = write_picture(recording, dir, recording_time(recording, i));
		count += good;
	}
	if (!good) {
		complain("cannot write into %s: %s", options->frames, strerror(errno));
	} else {
		printf("%zu pictures\n", count);
	}
	if (dir >= 0) {
		close(dir);
	}
	return good ? 0 : 1;
}

int export_run(const char *file, const struct export_options *options) {
	struct recording *recording = open_recording(file);
	if (recording == NULL) {
		return 1;
	}
	int ret = options->frames != NULL ? export_frames(recording, file, options)
					  : export_video(recording, file, options);
	recording_close(recording);
	return ret;
}
