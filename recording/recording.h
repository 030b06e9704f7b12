#ifndef PARCLOSE_RECORDING_H
#define PARCLOSE_RECORDING_H

/*
 * A session's screen and what happened in it, on one timeline, in an append-only file
 * (protocols/recording.md). Whoever is killed while writing leaves a file that is whole up to the
 * last record.
 *
 * Times are nanoseconds since the recording began. Pixels are little-endian 0x??RRGGBB words,
 * `width` to a row.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compositor/channel.h" // boxes

struct recording_info {
	uint32_t width, height; // pixels, 1..8192
	uint64_t begun_ns; // CLOCK_REALTIME
	char name[64]; // of the session
	char command[256];
};

struct recording_cursor {
	int32_t x, y; // hotspot's place
	int32_t hot_x, hot_y; // within the image
	uint32_t width, height; // of the image, 0..128
	bool visible;
};

// ---- writing (writer.c): functions return 0 or -errno, and after an error nothing but destroy

struct recording_writer;

// Begins a recording in an empty file, taken over also on failure.
int recording_writer_create(
	int fd, const struct recording_info *info, struct recording_writer **out);

/*
 * The picture at a time. Only what differs from the last one is written, and only the boxes are
 * looked at; with the first, and `key`, all of it. `len` 0 with `key`: as it was.
 */
int recording_write_frame(struct recording_writer *writer, uint64_t time_ns, uint64_t serial,
	const uint32_t *pixels, const struct channel_box *boxes, size_t len, bool key);

// `image`: CHANNEL_CURSOR_MAX words to a row, premultiplied ARGB; NULL: as before.
int recording_write_cursor(struct recording_writer *writer, uint64_t time_ns,
	const struct recording_cursor *cursor, const uint32_t *image);

// An event, a JSON object.
int recording_write_event(
	struct recording_writer *writer, uint64_t time_ns, const char *json, size_t len);

// The last record.
int recording_write_end(struct recording_writer *writer, uint64_t time_ns, const char *reason);

uint64_t recording_writer_bytes(const struct recording_writer *writer); // of the file so far

// Closes the file, and takes half a record off its end if there is one. NULL is allowed.
void recording_writer_destroy(struct recording_writer *writer);

// ---- reading (reader.c): the file may hold anything

struct recording;

struct recording_error {
	char message[256];
};

enum recording_kind {
	RECORDING_KEY, // a frame from which reading can begin
	RECORDING_FRAME,
	RECORDING_CURSOR,
	RECORDING_EVENT,
	RECORDING_END,
};

// NULL with a sentence in *error. `fd` is taken over, also on failure.
struct recording *recording_open(int fd, struct recording_error *error);
void recording_close(struct recording *recording); // NULL is allowed

const struct recording_info *recording_info(const struct recording *recording);

// The entries, by time. Without RECORDING_END as the last the file was cut off, or is still being
// written.
size_t recording_len(const struct recording *recording);
enum recording_kind recording_kind(const struct recording *recording, size_t i);
uint64_t recording_time(const struct recording *recording, size_t i);
uint64_t recording_duration(const struct recording *recording);

// The entry that stands at a time: the last that is not later. SIZE_MAX: all are.
size_t recording_find(const struct recording *recording, uint64_t time_ns);

// The JSON text of an EVENT or the END, not parsed, NUL-terminated, which the caller frees. NULL:
// it cannot be read.
char *recording_event(struct recording *recording, size_t i);

// Goes to an entry, from wherever it is. False with a sentence in *error: the file is damaged.
bool recording_seek(struct recording *recording, size_t i, struct recording_error *error);

// Stands nowhere again, and the picture is black: after a seek that failed it is none.
void recording_clear(struct recording *recording);

// The picture there; owned by the recording, changed by the next recording_seek().
const uint32_t *recording_pixels(const struct recording *recording);
const struct recording_cursor *recording_cursor(const struct recording *recording);
const uint32_t *recording_cursor_image(const struct recording *recording); // `width` to a row

#endif
