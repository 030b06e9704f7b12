#include "session/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "session/damage.h"
#include "session/display.h"

#define FRAME_NS 66000000u // 15 frames a second at most
#define REST 3 // so many times as long as a frame took is waited after it
#define KEY_NS 10000000000u // from one key frame to the next, while something changes
#define MAX_WAITING (4u << 20) // bytes of events
#define RESERVE (64u << 20) // bytes of the disk, or a twentieth of it, are left to others
#define CHECK_NS 1000000000u // between looks at the room on the disk
#define PATIENCE_S 2

struct waiting { // before each waiting event's text
	uint64_t time_ns;
	size_t len;
};

struct recorder {
	struct recording_writer *writer; // the thread's
	int fd; // of the writer, to look at the disk
	int notify_fd; // its own copy
	uint32_t width, height;
	const uint8_t *memory;
	uint64_t begun_ns; // CLOCK_MONOTONIC
	pthread_t thread;
	_Atomic uint64_t generation[CHANNEL_SLOTS]; // changes when a slot is given back

	pthread_mutex_t mutex; // over all that follows
	pthread_cond_t changed;
	bool stop, withheld;
	bool abandoned; // nobody waits for the thread, and the frame memory is gone
	bool finished; // the thread is about to end
	char reason[512];
	uint8_t *events; // struct waiting and text, one after the other
	size_t events_len, events_size;
	struct damage damage; // of the newest frame against the last one written
	struct {
		uint32_t slot;
		uint64_t generation, serial, time_ns;
	} newest;
	struct display_cursor cursor;
	bool cursor_changed;
	struct recorder_state state;

	// the thread's
	uint32_t *copy; // of what changed
	uint64_t next_ns, last_key_ns, last_check_ns; // CLOCK_MONOTONIC
	bool has_key;
	uint32_t image_serial;
	bool has_image;
};

static uint64_t now_of(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t since_begun(const struct recorder *recorder, uint64_t ns) {
	return ns > recorder->begun_ns ? ns - recorder->begun_ns : 0;
}

static void free_recorder(struct recorder *recorder) {
	pthread_mutex_destroy(&recorder->mutex);
	pthread_cond_destroy(&recorder->changed);
	if (recorder->notify_fd >= 0) {
		close(recorder->notify_fd);
	}
	free(recorder->events);
	free(recorder->copy);
	free(recorder);
}

// ---- the thread

static int check_room(struct recorder *recorder) {
	uint64_t now = now_of(CLOCK_MONOTONIC);
	struct statvfs disk;
	if (now - recorder->last_check_ns < CHECK_NS) {
		return 0;
	}
	recorder->last_check_ns = now;
	if (fstatvfs(recorder->fd, &disk) != 0) {
		return -errno;
	}
	uint64_t all = (uint64_t)disk.f_blocks * disk.f_frsize;
	uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
	return left < (all / 20 < RESERVE ? all / 20 : RESERVE) ? -ENOSPC : 0;
}

static int write_events(struct recorder *recorder, const uint8_t *events, size_t len) {
	int ret = 0;
	for (size_t at = 0; ret == 0 && at < len;) {
		struct waiting head;
		memcpy(&head, events + at, sizeof(head));
		at += sizeof(head);
		ret = recording_write_event(
			recorder->writer, head.time_ns, (const char *)events + at, head.len);
		at += head.len;
	}
	return ret;
}

// Copies what changed out of the frame memory. False: the slot was given back meanwhile.
static bool copy_frame(struct recorder *recorder, const struct damage *damage, uint32_t slot,
	uint64_t generation) {
	const uint8_t *frame =
		recorder->memory + channel_slot_bytes(recorder->width, recorder->height) * slot;
	const size_t stride = (size_t)recorder->width * 4;
	for (uint32_t i = 0; i < damage->len; i++) {
		const struct channel_box *box = &damage->boxes[i];
		for (int32_t y = box->y; y < box->y + box->height; y++) {
			size_t at = (size_t)y * stride + (size_t)box->x * 4;
			memcpy((uint8_t *)recorder->copy + at, frame + at, (size_t)box->width * 4);
		}
	}
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&recorder->generation[slot]) == generation;
}

static int write_cursor(struct recorder *recorder, uint64_t time_ns,
	const struct display_cursor *cursor, bool again) {
	struct recording_cursor record = {
		.x = cursor->x,
		.y = cursor->y,
		.hot_x = cursor->hot_x,
		.hot_y = cursor->hot_y,
		.width = cursor->width,
		.height = cursor->height,
		.visible = cursor->visible,
	};
	const uint32_t *image = NULL;
	if (again || !recorder->has_image || recorder->image_serial != cursor->image_serial) {
		image = (const uint32_t *)(recorder->memory +
					   channel_slot_bytes(recorder->width, recorder->height) *
						   CHANNEL_SLOTS);
	}
	recorder->has_image = true;
	recorder->image_serial = cursor->image_serial;
	return recording_write_cursor(recorder->writer, time_ns, &record, image);
}

/*
 * Writes the newest frame, and the cursor. Called and returns with the mutex held, which it lets go
 * meanwhile.
 */
static int write_frame(struct recorder *recorder) {
	struct damage damage = recorder->damage;
	uint32_t slot = recorder->newest.slot;
	uint64_t generation = recorder->newest.generation, serial = recorder->newest.serial;
	uint64_t time_ns = since_begun(recorder, recorder->newest.time_ns);
	struct display_cursor cursor = recorder->cursor;
	bool cursor_changed = recorder->cursor_changed;
	recorder->damage.len = 0;
	recorder->cursor_changed = false;
	pthread_mutex_unlock(&recorder->mutex);

	uint64_t begun = now_of(CLOCK_THREAD_CPUTIME_ID), now = now_of(CLOCK_MONOTONIC);
	bool whole = damage.len == 0 || copy_frame(recorder, &damage, slot, generation);
	bool key = damage.len > 0 && (!recorder->has_key || now - recorder->last_key_ns >= KEY_NS);
	int ret = whole ? check_room(recorder) : 0;
	if (ret == 0 && whole && damage.len > 0) {
		ret = recording_write_frame(recorder->writer, time_ns, serial, recorder->copy,
			damage.boxes, damage.len, key);
		if (key) {
			recorder->has_key = true;
			recorder->last_key_ns = now;
		}
	}
	if (ret == 0 && whole && (cursor_changed || key)) {
		// A reader may begin at each key frame, so the image comes again with it.
		ret = write_cursor(recorder, damage.len > 0 ? time_ns : since_begun(recorder, now),
			&cursor, key);
	}
	uint64_t took = now_of(CLOCK_THREAD_CPUTIME_ID) - begun;
	recorder->next_ns = now_of(CLOCK_MONOTONIC) +
			    (took * REST > FRAME_NS ? took * REST : (uint64_t)FRAME_NS);

	pthread_mutex_lock(&recorder->mutex);
	if (!whole) { // there is a newer frame, and what changed since comes with that
		for (uint32_t i = 0; i < damage.len; i++) {
			damage_add(&recorder->damage, &damage.boxes[i]);
		}
		recorder->cursor_changed = recorder->cursor_changed || cursor_changed;
		recorder->next_ns = 0;
	} else {
		recorder->state.frames += damage.len > 0;
	}
	return ret;
}

static bool frame_waits(const struct recorder *recorder) {
	return !recorder->withheld && !recorder->abandoned &&
	       (recorder->damage.len > 0 || recorder->cursor_changed);
}

// Waits until there is something to write, or it is to stop. The mutex is held.
static void wait_for_work(struct recorder *recorder) {
	while (!recorder->stop && recorder->events_len == 0) {
		if (!frame_waits(recorder)) {
			pthread_cond_wait(&recorder->changed, &recorder->mutex);
		} else if (now_of(CLOCK_MONOTONIC) < recorder->next_ns) {
			struct timespec until = {
				.tv_sec = (time_t)(recorder->next_ns / 1000000000u),
				.tv_nsec = (long)(recorder->next_ns % 1000000000u),
			};
			pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &until);
		} else {
			return;
		}
	}
}

static int write_waiting(struct recorder *recorder) {
	uint8_t *events = recorder->events;
	size_t len = recorder->events_len;
	recorder->events = NULL;
	recorder->events_len = recorder->events_size = 0;
	pthread_mutex_unlock(&recorder->mutex);
	int ret = write_events(recorder, events, len);
	free(events);
	pthread_mutex_lock(&recorder->mutex);
	return ret;
}

static void *record(void *data) {
	struct recorder *recorder = data;
	int ret = 0;
	pthread_mutex_lock(&recorder->mutex);
	while (ret == 0) {
		wait_for_work(recorder);
		bool stop = recorder->stop;
		ret = recorder->events_len > 0 ? write_waiting(recorder) : 0;
		if (ret == 0 && frame_waits(recorder) &&
			(now_of(CLOCK_MONOTONIC) >= recorder->next_ns || stop)) {
			ret = write_frame(recorder);
		}
		if (stop && recorder->events_len == 0 && !frame_waits(recorder)) {
			break;
		}
		recorder->state.bytes = recording_writer_bytes(recorder->writer);
	}
	uint64_t time_ns = since_begun(recorder, now_of(CLOCK_MONOTONIC));
	char reason[sizeof(recorder->reason)];
	memcpy(reason, recorder->reason, sizeof(reason));
	pthread_mutex_unlock(&recorder->mutex);
	if (ret == 0) {
		ret = recording_write_end(recorder->writer, time_ns, reason);
	}
	pthread_mutex_lock(&recorder->mutex);
	recorder->state.bytes = recording_writer_bytes(recorder->writer);
	recorder->state.error = recorder->state.error != 0 ? recorder->state.error : ret;
	bool failed = recorder->state.error != 0;
	pthread_mutex_unlock(&recorder->mutex);
	recording_writer_destroy(recorder->writer);
	uint64_t one = 1;
	if (failed && write(recorder->notify_fd, &one, sizeof(one)) < 0) {
		// It says so already.
	}
	pthread_mutex_lock(&recorder->mutex);
	recorder->finished = true;
	bool abandoned = recorder->abandoned;
	pthread_mutex_unlock(&recorder->mutex);
	if (abandoned) {
		free_recorder(recorder);
	}
	return NULL;
}

// ---- the supervisor's side

void recorder_frame(struct recorder *recorder, const struct display_frame *frame) {
	pthread_mutex_lock(&recorder->mutex);
	for (uint32_t i = 0; i < frame->boxes_len; i++) {
		damage_add(&recorder->damage, &frame->boxes[i]);
	}
	recorder->newest.slot = frame->slot;
	recorder->newest.serial = frame->serial;
	recorder->newest.time_ns = frame->time_ns;
	recorder->newest.generation = atomic_load(&recorder->generation[frame->slot]);
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
}

void recorder_slot_released(struct recorder *recorder, uint32_t slot) {
	atomic_fetch_add(&recorder->generation[slot], 1);
}

void recorder_cursor(struct recorder *recorder, const struct display_cursor *cursor) {
	pthread_mutex_lock(&recorder->mutex);
	recorder->cursor = *cursor;
	recorder->cursor_changed = true;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
}

static bool add_event(struct recorder *recorder, const char *json, size_t len) {
	struct waiting head = {
		.time_ns = since_begun(recorder, now_of(CLOCK_MONOTONIC)), .len = len};
	size_t needed = recorder->events_len + sizeof(head) + len;
	if (needed > MAX_WAITING) {
		return false;
	}
	if (needed > recorder->events_size) {
		size_t size = needed < 8192 ? 16384 : needed * 2;
		uint8_t *events = realloc(recorder->events, size);
		if (events == NULL) {
			return false;
		}
		recorder->events = events;
		recorder->events_size = size;
	}
	memcpy(recorder->events + recorder->events_len, &head, sizeof(head));
	memcpy(recorder->events + recorder->events_len + sizeof(head), json, len);
	recorder->events_len = needed;
	return true;
}

void recorder_event(struct recorder *recorder, const char *json, size_t len) {
	pthread_mutex_lock(&recorder->mutex);
	if (add_event(recorder, json, len)) {
		recorder->state.events++;
	} else if (recorder->state.error == 0) {
		recorder->state.error = -ENOBUFS;
		recorder->stop = true;
	}
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
}

void recorder_withhold(struct recorder *recorder, bool on) {
	pthread_mutex_lock(&recorder->mutex);
	recorder->withheld = on;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
}

struct recorder_state recorder_state(struct recorder *recorder) {
	pthread_mutex_lock(&recorder->mutex);
	struct recorder_state state = recorder->state;
	pthread_mutex_unlock(&recorder->mutex);
	state.duration_ns = since_begun(recorder, now_of(CLOCK_MONOTONIC));
	return state;
}

static int start_thread(struct recorder *recorder) {
	// Signals are the supervisor's. One that writes past a limit on file sizes is none at all.
	signal(SIGXFSZ, SIG_IGN);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(&recorder->thread, NULL, record, recorder);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -error;
}

int recorder_create(const struct recorder_options *options, struct recorder **out) {
	*out = NULL;
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	if (recorder == NULL) {
		close(options->fd);
		return -ENOMEM;
	}
	recorder->fd = options->fd;
	recorder->notify_fd = fcntl(options->notify_fd, F_DUPFD_CLOEXEC, 0);
	recorder->width = options->info.width;
	recorder->height = options->info.height;
	recorder->memory = options->memory;
	recorder->begun_ns = now_of(CLOCK_MONOTONIC);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&recorder->mutex, NULL);
	pthread_cond_init(&recorder->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	recorder->copy = malloc((size_t)recorder->width * recorder->height * 4);
	int ret = recording_writer_create(options->fd, &options->info, &recorder->writer);
	if (ret == 0 && (recorder->copy == NULL || recorder->notify_fd < 0)) {
		ret = -ENOMEM;
	}
	if (ret == 0) {
		ret = check_room(recorder);
	}
	if (ret == 0) {
		ret = start_thread(recorder);
	}
	if (ret < 0) {
		recording_writer_destroy(recorder->writer);
		free_recorder(recorder);
		return ret;
	}
	*out = recorder;
	return 0;
}

void recorder_destroy(struct recorder *recorder, const char *reason, struct recorder_state *state) {
	pthread_mutex_lock(&recorder->mutex);
	recorder->stop = true;
	snprintf(recorder->reason, sizeof(recorder->reason), "%s", reason);
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	bool joined = pthread_timedjoin_np(recorder->thread, NULL, &until) == 0;
	if (state != NULL) {
		*state = recorder_state(recorder);
	}
	if (!joined) {
		// It hangs in a write. When that comes back, if ever, it frees what it has.
		pthread_mutex_lock(&recorder->mutex);
		recorder->abandoned = !recorder->finished;
		bool abandoned = recorder->abandoned;
		pthread_t thread = recorder->thread;
		pthread_mutex_unlock(&recorder->mutex);
		if (abandoned) {
			pthread_detach(thread);
			return;
		}
		pthread_join(thread, NULL);
	}
	free_recorder(recorder);
}
