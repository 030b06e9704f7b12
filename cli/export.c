#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "recording/recording.h"
#include "session/png.h"
#include "session/untrusted.h"

/*
 * A recording as pictures, as raw video for an encoder, or in words. The file may come from
 * anywhere: recording/reader.c checks it, and what is shown of it is made fit to be shown.
 */

#define LONGEST_VIDEO_NS (86400u * 1000000000ull) // there are 3 bytes for each pixel

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

struct painter {
	const struct recording *recording;
	uint32_t width;
};

// A row of the picture with the cursor in it.
static const uint8_t *paint_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct painter *painter = data;
	const struct recording_cursor *cursor = recording_cursor(painter->recording);
	const uint32_t *row = recording_pixels(painter->recording) + (size_t)y * painter->width;
	int32_t top = cursor->y - cursor->hot_y, left = cursor->x - cursor->hot_x;
	int32_t line = (int32_t)y - top;
	if (!cursor->visible || line < 0 || line >= (int32_t)cursor->height) {
		return (const uint8_t *)row;
	}
	memcpy(scratch, row, (size_t)painter->width * 4);
	const uint32_t *image =
		recording_cursor_image(painter->recording) + (size_t)line * cursor->width;
	for (int32_t x = 0; x < (int32_t)cursor->width; x++) {
		if (left + x < 0 || left + x >= (int32_t)painter->width) {
			continue;
		}
		uint8_t *to = scratch + (size_t)(left + x) * 4;
		unsigned int through = 255u - (image[x] >> 24);
		for (int i = 0; i < 3; i++) { // premultiplied
			unsigned int mixed =
				(image[x] >> (8 * i) & 255u) + (to[i] * through + 127) / 255;
			to[i] = (uint8_t)(mixed > 255 ? 255 : mixed);
		}
	}
	return scratch;
}

static struct raster make_raster(struct painter *painter, const struct recording *recording) {
	const struct recording_info *info = recording_info(recording);
	*painter = (struct painter){.recording = recording, .width = info->width};
	return (struct raster){
		.width = info->width, .height = info->height, .row = paint_row, .data = painter};
}

static bool write_bytes(int fd, const void *bytes, size_t len) {
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const uint8_t *)bytes + done, len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

static bool write_picture(const struct recording *recording, int dir, uint64_t time_ns) {
	struct painter painter;
	struct raster raster = make_raster(&painter, recording);
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

// ---- video

/*
 * A frame of YUV4MPEG2 with a sample of everything for each pixel, ITU-R BT.601, 16..235 (the
 * format's manual, yuv4mpeg(5)).
 */
static void convert(const struct raster *raster, uint8_t *planes, uint8_t *scratch) {
	const size_t pixels = (size_t)raster->width * raster->height;
	size_t at = 0;
	for (uint32_t y = 0; y < raster->height; y++) {
		const uint8_t *row = raster->row(raster->data, y, scratch);
		for (uint32_t x = 0; x < raster->width; x++, row += 4, at++) {
			int b = row[0], g = row[1], r = row[2];
			planes[at] = (uint8_t)(((66 * r + 129 * g + 25 * b + 128) >> 8) + 16);
			planes[pixels + at] =
				(uint8_t)(((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128);
			planes[2 * pixels + at] =
				(uint8_t)(((112 * r - 94 * g - 18 * b + 128) >> 8) + 128);
		}
	}
}

static int write_video(struct recording *recording, const char *file, int fd, unsigned int fps) {
	struct painter painter;
	struct raster raster = make_raster(&painter, recording);
	struct recording_error error;
	if (recording_duration(recording) > LONGEST_VIDEO_NS) {
		complain("%s: it is longer than a day; write pictures instead (--frames)", file);
		return 1;
	}
	size_t bytes = (size_t)raster.width * raster.height * 3;
	uint8_t *planes = malloc(bytes), *scratch = malloc((size_t)raster.width * 4);
	char head[96];
	int len = snprintf(head, sizeof(head), "YUV4MPEG2 W%u H%u F%u:1 Ip A1:1 C444\n",
		raster.width, raster.height, fps);
	bool good = planes != NULL && scratch != NULL && write_bytes(fd, head, (size_t)len);
	bool damaged = false;
	size_t shown = SIZE_MAX;
	uint64_t frames = recording_duration(recording) * fps / 1000000000u + 1;
	for (uint64_t n = 0; good && n < frames; n++) {
		size_t at = recording_find(recording, n * 1000000000u / fps);
		if (at != SIZE_MAX && at != shown) {
			if (!recording_seek(recording, at, &error)) {
				complain("%s: %s", file, error.message);
				damaged = true;
				break;
			}
			shown = at;
			convert(&raster, planes, scratch);
		} else if (n == 0) {
			convert(&raster, planes, scratch);
		}
		good = write_bytes(fd, "FRAME\n", 6) && write_bytes(fd, planes, bytes);
	}
	if (!good) {
		complain("cannot write the video: %s", strerror(errno));
	}
	free(planes);
	free(scratch);
	return good && !damaged ? 0 : 1;
}

int export_run(const char *file, const struct export_options *options) {
	struct recording *recording = open_recording(file);
	int ret = 1;
	if (recording == NULL) {
		return 1;
	}
	if (options->frames != NULL) {
		ret = export_frames(recording, file, options);
	} else {
		bool out = strcmp(options->y4m, "-") == 0;
		int fd = out ? STDOUT_FILENO
			     : open(options->y4m, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0) {
			complain("cannot write %s: %s", options->y4m, strerror(errno));
		} else {
			ret = write_video(recording, file, fd, options->fps);
		}
		if (fd >= 0 && !out && close(fd) != 0) {
			complain("cannot write %s: %s", options->y4m, strerror(errno));
			ret = 1;
		}
	}
	recording_close(recording);
	return ret;
}
