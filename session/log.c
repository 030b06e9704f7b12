#include "session/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct log {
	int fd;
};

static int open_append(int state_fd) {
	return openat(
		state_fd, LOG_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

struct log *log_open(int state_fd) {
	struct stat st;
	if (fstatat(state_fd, LOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_size > (off_t)LOG_ROTATE_BYTES) {
		renameat(state_fd, LOG_FILE, state_fd, LOG_FILE ".1");
	}
	struct log *log = calloc(1, sizeof(*log));
	if (log == NULL) {
		return NULL;
	}
	log->fd = open_append(state_fd);
	if (log->fd < 0) {
		int error = errno;
		free(log);
		errno = error;
		return NULL;
	}
	return log;
}

static bool write_line(int fd, const char *event, cJSON *fields) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct tm utc;
	gmtime_r(&now.tv_sec, &utc);
	char date[32], time[64];
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(time, sizeof(time), "%s.%06ldZ", date, now.tv_nsec / 1000);

	cJSON *line = cJSON_CreateObject();
	bool built = line != NULL && cJSON_AddStringToObject(line, "time", time) != NULL &&
		     cJSON_AddStringToObject(line, "event", event) != NULL;
	while (built && fields != NULL && fields->child != NULL) {
		cJSON *item = cJSON_DetachItemViaPointer(fields, fields->child);
		built = cJSON_AddItemToObject(line, item->string, item);
	}
	cJSON_Delete(fields);
	char *text = built ? cJSON_PrintUnformatted(line) : NULL;
	cJSON_Delete(line);
	if (text == NULL) {
		errno = ENOMEM;
		return false;
	}
	size_t len = strlen(text);
	text[len] = '\n'; // in the place of the NUL: one write, one line
	ssize_t written = write(fd, text, len + 1);
	if (written >= 0 && (size_t)written < len + 1) {
		// A full disk took half a line: take it back, so that the log stays whole lines.
		off_t end = lseek(fd, 0, SEEK_END);
		if (end >= written && ftruncate(fd, end - written) == 0) {
			errno = ENOSPC;
		}
		written = -1;
	}
	free(text);
	return written >= 0;
}

bool log_event(struct log *log, const char *event, cJSON *fields) {
	return write_line(log->fd, event, fields);
}

void log_close(struct log *log) {
	if (log == NULL) {
		return;
	}
	close(log->fd);
	free(log);
}

void log_bury(int state_fd, pid_t pid) {
	int fd = open_append(state_fd);
	if (fd < 0) {
		return;
	}
	cJSON *fields = cJSON_CreateObject();
	char reason[128];
	snprintf(reason, sizeof(reason),
		"the supervisor (pid %d) was killed; the kernel ended everything inside with it",
		(int)pid);
	cJSON_AddStringToObject(fields, "reason", reason);
	write_line(fd, "ended", fields);
	close(fd);
}
