#include "session/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "session/display.h"
#include "session/internal.h"
#include "session/lease.h"
#include "session/untrusted.h"
#include "session/view.h"

struct record {
	struct recorder *recorder;
	int notify_fd;
	struct wl_event_source *notify_source;
	char path[1024]; // for people
};

static int fail(struct record_why *why, int error, const char *what) {
	snprintf(why->text, sizeof(why->text), "%s: %s", what, strerror(error));
	return -error;
}

static void free_record(struct record *record) {
	if (record->notify_source != NULL) {
		wl_event_source_remove(record->notify_source);
	}
	if (record->notify_fd >= 0) {
		close(record->notify_fd);
	}
	free(record);
}

// Ends without a word.
static struct recorder_state end(struct session *session, const char *reason) {
	struct record *record = session->record;
	struct recorder_state state;
	session->record = NULL; // what is logged from here on is not in it
	recorder_destroy(record->recorder, reason, &state);
	free_record(record);
	return state;
}

static int handle_failure(int fd, uint32_t mask, void *data) {
	struct session *session = data;
	struct record *record = session->record;
	char path[sizeof(record->path)], text[160];
	memcpy(path, record->path, sizeof(path));
	int error = -recorder_state(record->recorder).error;
	end(session, "it could not go on");
	const char *reason = error == ENOSPC    ? "the disk is full, or nearly"
			     : error == ENOBUFS ? "the disk does not keep up"
						: strerror(error);
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "file", path);
	cJSON_AddStringToObject(fields, "reason", reason);
	session_record(session, "recording-failed", fields);
	snprintf(text, sizeof(text), "The recording ended: %s.", reason);
	view_notice(session->view, true, text);
	view_state(session->view);
	return 0;
}

// A new file in the state directory. Its name goes to `path`.
static int make_file(const struct session *session, char *path, size_t size) {
	char name[64];
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	for (unsigned int attempt = 1; attempt < 100; attempt++) {
		size_t len = strftime(name, sizeof(name), "recording-%Y%m%dT%H%M%SZ", &utc);
		if (attempt > 1) {
			len += (size_t)snprintf(name + len, sizeof(name) - len, "-%u", attempt);
		}
		snprintf(name + len, sizeof(name) - len, ".pcr");
		int fd = openat(session->runtime.state_fd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			const char *log = session->runtime.log_path;
			const char *slash = strrchr(log, '/');
			int dir = slash != NULL ? (int)(slash - log) : 0;
			snprintf(path, size, "%.*s/%s", dir, log, name);
			return fd;
		}
		if (errno != EEXIST) {
			return -errno;
		}
	}
	return -EEXIST;
}

// May a recording go there?
static int check_file(int fd) {
	struct stat stat;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &stat) != 0) {
		return -errno;
	}
	return S_ISREG(stat.st_mode) && stat.st_size == 0 && (flags & O_ACCMODE) != O_RDONLY &&
			       (flags & O_PATH) == 0
		       ? 0
		       : -EINVAL;
}

static int begin(struct session *session, struct record *record, int fd) {
	struct display_state state = display_state(session->display);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct recorder_options options = {
		.fd = fd,
		.info =
			{
				.width = state.width,
				.height = state.height,
				.begun_ns =
					(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
			},
		.memory = display_memory(session->display),
		.notify_fd = record->notify_fd,
	};
	snprintf(options.info.name, sizeof(options.info.name), "%s", session->runtime.name);
	untrusted_text(options.info.command, sizeof(options.info.command), session->command,
		strlen(session->command));
	int ret = recorder_create(&options, &record->recorder);
	if (ret < 0) {
		return ret;
	}
	session->record = record;
	struct display_frame frame;
	record_follow_lease(session);
	record_cursor(session);
	if (display_newest(session->display, &frame)) {
		record_frame(session, &frame);
	}
	return 0;
}

int record_start(struct session *session, int fd, const char *path, const char *who,
	struct record_why *why) {
	int ret = 0;
	if (session->display == NULL) {
		ret = fail(why, ENODEV, "this session has no display to be recorded");
	} else if (session->record != NULL) {
		snprintf(why->text, sizeof(why->text), "it is being recorded, to %s",
			session->record->path);
		ret = -EALREADY;
	} else if (fd >= 0 && (ret = check_file(fd)) < 0) {
		ret = fail(why, -ret, "a recording needs an empty file that can be written");
	}
	struct record *record = ret < 0 ? NULL : calloc(1, sizeof(*record));
	if (record == NULL) {
		if (fd >= 0) {
			close(fd);
		}
		return ret < 0 ? ret : fail(why, ENOMEM, "cannot record");
	}
	snprintf(record->path, sizeof(record->path), "%s", path != NULL ? path : "");
	record->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (record->notify_fd >= 0) {
		record->notify_source = wl_event_loop_add_fd(session->loop, record->notify_fd,
			WL_EVENT_READABLE, handle_failure, session);
	}
	fd = fd >= 0 ? fd : make_file(session, record->path, sizeof(record->path));
	if (record->notify_source == NULL || fd < 0) {
		ret = fail(why, fd < 0 ? -fd : ENOMEM, "cannot make a file for the recording");
		if (fd >= 0) {
			close(fd);
		}
		free_record(record);
		return ret;
	}
	ret = begin(session, record, fd);
	if (ret < 0) {
		free_record(record);
		return fail(why, -ret, "cannot record");
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	cJSON_AddStringToObject(fields, "file", record->path);
	session_record(session, "recording", fields);
	view_state(session->view);
	return 0;
}

static void log_end(struct session *session, const char *who, const char *path,
	const struct recorder_state *state) {
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	cJSON_AddStringToObject(fields, "file", path);
	cJSON_AddNumberToObject(fields, "bytes", (double)state->bytes);
	if (state->error != 0) {
		cJSON_AddStringToObject(fields, "error", strerror(-state->error));
	}
	session_record(session, "recording-ended", fields);
}

bool record_stop(struct session *session, const char *who, struct recorder_state *state, char *path,
	size_t size) {
	if (session->record == NULL) {
		return false;
	}
	char file[sizeof(session->record->path)];
	memcpy(file, session->record->path, sizeof(file));
	struct recorder_state last = end(session, who);
	log_end(session, who, file, &last);
	view_state(session->view);
	if (state != NULL) {
		*state = last;
	}
	if (path != NULL) {
		snprintf(path, size, "%s", file);
	}
	return true;
}

void record_finish(struct session *session, const char *reason) {
	if (session->record != NULL) {
		end(session, reason);
	}
}

bool record_state(struct session *session, struct recorder_state *state, const char **path) {
	if (session->record == NULL) {
		return false;
	}
	*state = recorder_state(session->record->recorder);
	*path = session->record->path;
	return true;
}

// ---- what happens

void record_frame(struct session *session, const struct display_frame *frame) {
	if (session->record != NULL) {
		recorder_frame(session->record->recorder, frame);
	}
}

void record_slot_released(struct session *session, unsigned int slot) {
	if (session->record != NULL) {
		recorder_slot_released(session->record->recorder, slot);
	}
}

void record_cursor(struct session *session) {
	if (session->record != NULL) {
		struct display_cursor cursor = display_cursor(session->display);
		recorder_cursor(session->record->recorder, &cursor);
	}
}

void record_event(struct session *session, const char *event, const cJSON *fields) {
	if (session->record == NULL) {
		return;
	}
	cJSON *line = cJSON_CreateObject();
	cJSON_AddStringToObject(line, "event", event);
	for (const cJSON *item = fields != NULL ? fields->child : NULL; item != NULL;
		item = item->next) {
		cJSON_AddItemToObject(line, item->string, cJSON_Duplicate(item, true));
	}
	char *text = cJSON_PrintUnformatted(line);
	cJSON_Delete(line);
	if (text != NULL) {
		recorder_event(session->record->recorder, text, strlen(text));
	}
	free(text);
}

void record_follow_lease(struct session *session) {
	if (session->record != NULL) {
		recorder_withhold(session->record->recorder, lease_withholds(session));
	}
}
