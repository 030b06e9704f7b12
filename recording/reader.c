#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "recording/format.h"
#include "recording/recording.h"

/*
 * Reads recordings that anybody may have written: every number is checked against what must hold
 * before it is used, and no more memory is taken than the file is large or its picture needs.
 */

#define MAX_ENTRIES (16u << 20)
#define MAX_TIME ((uint64_t)1 << 62) // ns

struct entry {
	uint64_t offset; // of the payload
	uint64_t time_ns;
	uint32_t bytes, crc;
	enum recording_kind kind;
};

struct recording {
	int fd;
	uint64_t file_bytes;
	struct recording_info info;
	struct entry *entries;
	size_t len, size;

	uint32_t columns, rows; // of tiles
	size_t tiles_bytes;
	uint32_t *pixels;
	struct recording_cursor cursor;
	uint32_t cursor_image[FORMAT_MAX_CURSOR * FORMAT_MAX_CURSOR];
	size_t at; // the entry that the picture stands at; SIZE_MAX: none
	uint8_t tile[FORMAT_TILE * FORMAT_TILE * 3];
};

static bool fail(struct recording_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct recording_error *error, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return false;
}

// False: there are not so many bytes there.
static bool read_at(const struct recording *recording, uint64_t offset, void *to, size_t len) {
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(
			recording->fd, (uint8_t *)to + done, len - done, (off_t)(offset + done));
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

// ---- opening

static bool read_header(struct recording *recording, struct recording_error *error) {
	uint8_t head[FORMAT_HEADER];
	if (!read_at(recording, 0, head, sizeof(head)) || memcmp(head, FORMAT_MAGIC, 8) != 0) {
		return fail(error, "this is no recording of Parclose's");
	}
	if (get32(head + 8) != FORMAT_VERSION) {
		return fail(error, "it is of version %u, and this program reads version %u",
			get32(head + 8), FORMAT_VERSION);
	}
	struct recording_info *info = &recording->info;
	info->width = get32(head + 16);
	info->height = get32(head + 20);
	info->begun_ns = get64(head + 24);
	if (get32(head + FORMAT_HEADER - 4) != crc32(0, head, FORMAT_HEADER - 4) ||
		get32(head + 12) != FORMAT_HEADER || get32(head + 32) != FORMAT_TILE ||
		info->width < 1 || info->height < 1 || info->width > FORMAT_MAX_SIDE ||
		info->height > FORMAT_MAX_SIDE) {
		return fail(error, "its header is damaged");
	}
	return true;
}

// Reads the payload of an entry. The caller frees; NULL: it is not as it was written.
static uint8_t *read_payload(const struct recording *recording, const struct entry *entry) {
	uint8_t *bytes = malloc((size_t)entry->bytes + 1);
	if (bytes == NULL || !read_at(recording, entry->offset, bytes, entry->bytes) ||
		crc32(0, bytes, entry->bytes) != entry->crc) {
		free(bytes);
		return NULL;
	}
	bytes[entry->bytes] = '\0';
	return bytes;
}

// One character of a JSON string at *at, which moves on; -1: it ends there, or is none that the
// writer writes.
static int next_char(const char **at) {
	const char *c = *at;
	if (*c == '\0' || *c == '"') {
		return -1;
	}
	if (*c != '\\') {
		*at = c + 1;
		return (unsigned char)*c;
	}
	int code = 0;
	for (int i = 1; i < 6; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = c[i] != '\0' ? strchr(digits, c[i]) : NULL;
		if (i == 1 ? c[i] != 'u' : digit == NULL) {
			return -1;
		}
		code = i == 1 ? 0 : code * 16 + (int)(digit - digits);
	}
	*at = c + 6;
	return code < 0x80 ? code : '?';
}

// The value of a string member of the flat JSON object that the writer begins with; "" when it is
// not there. Whoever shows it makes it fit to be shown.
static void find_member(const char *json, const char *key, char *out, size_t size) {
	char pattern[32];
	size_t len = 0;
	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	const char *at = strstr(json, pattern);
	if (at != NULL) {
		at += strlen(pattern);
		for (int c; len + 1 < size && (c = next_char(&at)) > 0;) {
			out[len++] = (char)c;
		}
	}
	out[len] = '\0';
}

static bool add_entry(struct recording *recording, const struct entry *entry) {
	if (recording->len == recording->size) {
		size_t size = recording->size == 0 ? 256 : recording->size * 2;
		struct entry *entries = realloc(recording->entries, size * sizeof(*entries));
		if (entries == NULL) {
			return false;
		}
		recording->entries = entries;
		recording->size = size;
	}
	recording->entries[recording->len++] = *entry;
	return true;
}

/*
 * Reads the record at an offset into *entry, *type. False: none that is whole begins there, and so
 * the recording ends before it.
 */
static bool read_record(
	const struct recording *recording, uint64_t offset, struct entry *entry, uint32_t *type) {
	uint8_t head[FORMAT_RECORD + FORMAT_FRAME_HEAD] = {0};
	uint64_t left = recording->file_bytes - offset;
	size_t most = left < sizeof(head) ? (size_t)left : sizeof(head);
	if (left < FORMAT_RECORD || !read_at(recording, offset, head, most) ||
		get32(head + 20) != crc32(0, head, 20)) {
		return false;
	}
	*type = get32(head);
	*entry = (struct entry){
		.offset = offset + FORMAT_RECORD,
		.time_ns = get64(head + 8),
		.bytes = get32(head + 4),
		.crc = get32(head + 16),
	};
	if (entry->bytes > FORMAT_MAX_PAYLOAD || entry->bytes > left - FORMAT_RECORD ||
		entry->time_ns > MAX_TIME) {
		return false;
	}
	switch (*type) {
	case FORMAT_INFO:
	case FORMAT_EVENT:
		entry->kind = RECORDING_EVENT;
		return entry->bytes <= FORMAT_MAX_EVENT;
	case FORMAT_END:
		entry->kind = RECORDING_END;
		return entry->bytes <= FORMAT_MAX_EVENT;
	case FORMAT_CURSOR:
		entry->kind = RECORDING_CURSOR;
		return entry->bytes >= FORMAT_CURSOR_HEAD;
	case FORMAT_FRAME:
		entry->kind = (get32(head + FORMAT_RECORD + 8) & FORMAT_FRAME_KEY) != 0
				      ? RECORDING_KEY
				      : RECORDING_FRAME;
		return entry->bytes >= FORMAT_FRAME_HEAD + recording->tiles_bytes;
	default:
		return false;
	}
}

static bool read_index(struct recording *recording, struct recording_error *error) {
	uint64_t offset = FORMAT_HEADER, time_ns = 0;
	struct entry entry;
	uint32_t type;
	bool first = true, ended = false;
	while (!ended && recording->len < MAX_ENTRIES &&
		read_record(recording, offset, &entry, &type)) {
		offset = entry.offset + entry.bytes;
		// A frame is written a moment after its time, and after events of that moment.
		entry.time_ns = entry.time_ns > time_ns ? entry.time_ns : time_ns;
		time_ns = entry.time_ns;
		if (first != (type == FORMAT_INFO)) {
			break;
		}
		if (first) {
			char *json = (char *)read_payload(recording, &entry);
			if (json == NULL) {
				break;
			}
			find_member(
				json, "name", recording->info.name, sizeof(recording->info.name));
			find_member(json, "command", recording->info.command,
				sizeof(recording->info.command));
			free(json);
			first = false;
		} else if (!add_entry(recording, &entry)) {
			return fail(error, "out of memory");
		}
		ended = type == FORMAT_END;
	}
	// The last record may have its length on the disk and not yet its bytes.
	if (recording->len > 0) {
		uint8_t *last = read_payload(recording, &recording->entries[recording->len - 1]);
		recording->len -= last == NULL;
		free(last);
	}
	return true;
}

struct recording *recording_open(int fd, struct recording_error *error) {
	struct recording *recording = calloc(1, sizeof(*recording));
	struct stat stat;
	if (recording == NULL) {
		close(fd);
		fail(error, "out of memory");
		return NULL;
	}
	recording->fd = fd;
	recording->at = SIZE_MAX;
	// A pipe or a device could make the reader wait.
	if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
		fail(error, "this is not a file");
		recording_close(recording);
		return NULL;
	}
	recording->file_bytes = (uint64_t)stat.st_size;
	if (!read_header(recording, error)) {
		recording_close(recording);
		return NULL;
	}
	const struct recording_info *info = &recording->info;
	recording->columns = format_tiles(info->width);
	recording->rows = format_tiles(info->height);
	recording->tiles_bytes = ((size_t)recording->columns * recording->rows + 7) / 8;
	recording->pixels = calloc((size_t)info->width * info->height, sizeof(uint32_t));
	if (recording->pixels == NULL) {
		fail(error, "out of memory");
	}
	if (recording->pixels == NULL || !read_index(recording, error)) {
		recording_close(recording);
		return NULL;
	}
	return recording;
}

void recording_close(struct recording *recording) {
	if (recording != NULL) {
		close(recording->fd);
		free(recording->entries);
		free(recording->pixels);
		free(recording);
	}
}

// ---- what there is

const struct recording_info *recording_info(const struct recording *recording) {
	return &recording->info;
}

size_t recording_len(const struct recording *recording) {
	return recording->len;
}

enum recording_kind recording_kind(const struct recording *recording, size_t i) {
	return recording->entries[i].kind;
}

uint64_t recording_time(const struct recording *recording, size_t i) {
	return recording->entries[i].time_ns;
}

uint64_t recording_duration(const struct recording *recording) {
	return recording->len > 0 ? recording->entries[recording->len - 1].time_ns : 0;
}

size_t recording_find(const struct recording *recording, uint64_t time_ns) {
	size_t low = 0, high = recording->len; // entries[low - 1] <= time_ns < entries[high]
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (recording->entries[middle].time_ns <= time_ns) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low == 0 ? SIZE_MAX : low - 1;
}

char *recording_event(struct recording *recording, size_t i) {
	const struct entry *entry = &recording->entries[i];
	if (entry->kind != RECORDING_EVENT && entry->kind != RECORDING_END) {
		return NULL;
	}
	char *json = (char *)read_payload(recording, entry);
	if (json != NULL && strlen(json) != entry->bytes) {
		free(json);
		return NULL;
	}
	return json;
}

// ---- the picture

// Inflates exactly `len` bytes. False: there are fewer.
static bool inflate_some(z_stream *stream, uint8_t *to, size_t len) {
	stream->next_out = to;
	stream->avail_out = (uInt)len;
	while (stream->avail_out > 0) {
		int status = inflate(stream, Z_NO_FLUSH);
		if (status != Z_OK && !(status == Z_STREAM_END && stream->avail_out == 0)) {
			return false;
		}
	}
	return true;
}

// Is everything that was compressed taken?
static bool inflate_is_over(z_stream *stream) {
	uint8_t more;
	stream->next_out = &more;
	stream->avail_out = 1;
	int status = inflate(stream, Z_FINISH);
	return status == Z_STREAM_END && stream->avail_out == 1 && stream->avail_in == 0;
}

static bool take_tiles(struct recording *recording, const uint8_t *tiles, z_stream *stream) {
	const uint32_t width = recording->info.width, height = recording->info.height;
	const size_t count = (size_t)recording->columns * recording->rows;
	for (size_t at = 0; at < count; at++) {
		if ((tiles[at / 8] >> (at % 8) & 1) == 0) {
			continue;
		}
		uint32_t x = (uint32_t)(at % recording->columns) * FORMAT_TILE;
		uint32_t y = (uint32_t)(at / recording->columns) * FORMAT_TILE;
		uint32_t w = width - x < FORMAT_TILE ? width - x : FORMAT_TILE;
		uint32_t h = height - y < FORMAT_TILE ? height - y : FORMAT_TILE;
		if (!inflate_some(stream, recording->tile, (size_t)w * h * 3)) {
			return false;
		}
		const uint8_t *from = recording->tile;
		for (uint32_t i = 0; i < h; i++) {
			uint32_t *to = &recording->pixels[(size_t)(y + i) * width + x];
			for (uint32_t j = 0; j < w; j++, from += 3) {
				to[j] = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
			}
		}
	}
	return inflate_is_over(stream);
}

static bool take_frame(struct recording *recording, const uint8_t *payload, size_t len) {
	const uint8_t *tiles = payload + FORMAT_FRAME_HEAD;
	z_stream stream = {
		.next_in = (uint8_t *)tiles + recording->tiles_bytes,
		.avail_in = (uInt)(len - FORMAT_FRAME_HEAD - recording->tiles_bytes),
	};
	if (inflateInit(&stream) != Z_OK) {
		return false;
	}
	bool good = take_tiles(recording, tiles, &stream);
	inflateEnd(&stream);
	return good;
}

static bool take_cursor(struct recording *recording, const uint8_t *payload, size_t len) {
	const int32_t most = (int32_t)FORMAT_MAX_CURSOR;
	uint32_t flags = get32(payload + 24);
	struct recording_cursor cursor = {
		.x = (int32_t)get32(payload),
		.y = (int32_t)get32(payload + 4),
		.hot_x = (int32_t)get32(payload + 8),
		.hot_y = (int32_t)get32(payload + 12),
		.width = get32(payload + 16),
		.height = get32(payload + 20),
		.visible = (flags & FORMAT_CURSOR_VISIBLE) != 0,
	};
	if (cursor.width > FORMAT_MAX_CURSOR || cursor.height > FORMAT_MAX_CURSOR ||
		cursor.hot_x < -most || cursor.hot_x > most || cursor.hot_y < -most ||
		cursor.hot_y > most || cursor.x < 0 || cursor.y < 0 ||
		cursor.x > (int32_t)recording->info.width ||
		cursor.y > (int32_t)recording->info.height) {
		return false;
	}
	if ((flags & FORMAT_CURSOR_IMAGE) == 0) {
		// Another size than the image has: there is no image of it.
		cursor.visible = cursor.visible && cursor.width == recording->cursor.width &&
				 cursor.height == recording->cursor.height;
		recording->cursor = cursor;
		return len == FORMAT_CURSOR_HEAD;
	}
	z_stream stream = {
		.next_in = (uint8_t *)payload + FORMAT_CURSOR_HEAD,
		.avail_in = (uInt)(len - FORMAT_CURSOR_HEAD),
	};
	if (inflateInit(&stream) != Z_OK) {
		return false;
	}
	size_t pixels = (size_t)cursor.width * cursor.height;
	uint8_t *bytes = malloc(pixels * 4 + 1);
	bool good = bytes != NULL && inflate_some(&stream, bytes, pixels * 4) &&
		    inflate_is_over(&stream);
	inflateEnd(&stream);
	for (size_t i = 0; good && i < pixels; i++) {
		recording->cursor_image[i] = get32(bytes + 4 * i);
	}
	free(bytes);
	if (good) {
		recording->cursor = cursor;
	}
	return good;
}

static bool apply(struct recording *recording, size_t i, struct recording_error *error) {
	const struct entry *entry = &recording->entries[i];
	bool frame = entry->kind == RECORDING_KEY || entry->kind == RECORDING_FRAME;
	if (!frame && entry->kind != RECORDING_CURSOR) {
		return true;
	}
	uint8_t *payload = read_payload(recording, entry);
	bool good = payload != NULL && (frame ? take_frame(recording, payload, entry->bytes)
					      : take_cursor(recording, payload, entry->bytes));
	free(payload);
	return good ||
	       fail(error, "the recording is damaged at %.3f s", (double)entry->time_ns / 1e9);
}

void recording_clear(struct recording *recording) {
	size_t pixels = (size_t)recording->info.width * recording->info.height;
	memset(recording->pixels, 0, pixels * sizeof(*recording->pixels));
	recording->cursor = (struct recording_cursor){0};
	recording->at = SIZE_MAX;
}

bool recording_seek(struct recording *recording, size_t i, struct recording_error *error) {
	if (i >= recording->len) {
		return fail(error, "there is no such entry");
	}
	if (i == recording->at) {
		return true;
	}
	size_t key = i;
	while (key > 0 && recording->entries[key].kind != RECORDING_KEY && key != recording->at) {
		key--;
	}
	size_t from = key + 1;
	if (key != recording->at) {
		// From a key frame, or from nothing where there is none.
		recording_clear(recording);
		from = key;
	}
	recording->at = SIZE_MAX;
	for (size_t next = from; next <= i; next++) {
		if (!apply(recording, next, error)) {
			return false;
		}
	}
	recording->at = i;
	return true;
}

const uint32_t *recording_pixels(const struct recording *recording) {
	return recording->pixels;
}

const struct recording_cursor *recording_cursor(const struct recording *recording) {
	return &recording->cursor;
}

const uint32_t *recording_cursor_image(const struct recording *recording) {
	return recording->cursor_image;
}
