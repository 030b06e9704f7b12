#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "recording/format.h"
#include "recording/recording.h"

#define LEVEL 1 // of zlib: the screen of a program must be written while it is used

struct recording_writer {
	int fd;
	uint32_t width, height;
	uint32_t columns, rows; // of tiles
	uint64_t bytes; // whole records
	uint32_t *picture; // as the file has it
	bool has_picture;
	uint8_t *tiles; // a bit for each
	uint8_t *line; // a tile's pixels, packed
	uint8_t *out; // a record being made
	size_t out_len, out_size;
	z_stream stream;
	bool has_stream;
	int error; // -errno; nothing more is written
};

// ---- a record

static int make_room(struct recording_writer *writer, size_t more) {
	if (writer->out_size - writer->out_len >= more) {
		return 0;
	}
	size_t size = writer->out_size * 2;
	size = size - writer->out_len >= more ? size : writer->out_len + more;
	uint8_t *out = realloc(writer->out, size);
	if (out == NULL) {
		return -ENOMEM;
	}
	writer->out = out;
	writer->out_size = size;
	return 0;
}

static int append(struct recording_writer *writer, const void *bytes, size_t len) {
	int ret = make_room(writer, len);
	if (ret == 0) {
		memcpy(writer->out + writer->out_len, bytes, len);
		writer->out_len += len;
	}
	return ret;
}

static void begin(struct recording_writer *writer) {
	writer->out_len = FORMAT_RECORD; // out_size is never less
}

static int write_all(struct recording_writer *writer, const uint8_t *bytes, size_t len) {
	for (size_t done = 0; done < len;) {
		ssize_t n = write(writer->fd, bytes + done, len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			writer->error = n < 0 ? -errno : -EIO;
			return writer->error;
		}
		done += (size_t)n;
	}
	writer->bytes += len;
	return 0;
}

static int finish(struct recording_writer *writer, enum format_type type, uint64_t time_ns) {
	uint8_t *head = writer->out;
	size_t len = writer->out_len - FORMAT_RECORD;
	if (len > FORMAT_MAX_PAYLOAD) {
		writer->error = -EFBIG;
		return writer->error;
	}
	put32(head, type);
	put32(head + 4, (uint32_t)len);
	put64(head + 8, time_ns);
	put32(head + 16, (uint32_t)crc32(0, head + FORMAT_RECORD, (uInt)len));
	put32(head + 20, (uint32_t)crc32(0, head, 20));
	return write_all(writer, writer->out, writer->out_len);
}

// Compresses behind what the record has. `flush` ends the stream.
static int deflate_some(
	struct recording_writer *writer, const uint8_t *bytes, size_t len, bool flush) {
	z_stream *stream = &writer->stream;
	stream->next_in = (uint8_t *)bytes;
	stream->avail_in = (uInt)len;
	for (;;) {
		int ret = make_room(writer, 4096);
		if (ret < 0) {
			return ret;
		}
		size_t room = writer->out_size - writer->out_len;
		stream->next_out = writer->out + writer->out_len;
		stream->avail_out = (uInt)room;
		int status = deflate(stream, flush ? Z_FINISH : Z_NO_FLUSH);
		writer->out_len += room - stream->avail_out;
		if (status == Z_STREAM_END || (!flush && stream->avail_in == 0)) {
			return 0;
		}
		if (status != Z_OK && status != Z_BUF_ERROR) {
			return -EIO;
		}
	}
}

// ---- frames

static bool tile_is_set(const struct recording_writer *writer, uint32_t column, uint32_t row) {
	size_t at = (size_t)row * writer->columns + column;
	return (writer->tiles[at / 8] >> (at % 8) & 1) != 0;
}

static void set_tile(struct recording_writer *writer, uint32_t column, uint32_t row) {
	size_t at = (size_t)row * writer->columns + column;
	writer->tiles[at / 8] |= (uint8_t)(1u << (at % 8));
}

// What of a tile lies in the picture.
static void tile_box(const struct recording_writer *writer, uint32_t column, uint32_t row,
	uint32_t *x, uint32_t *y, uint32_t *width, uint32_t *height) {
	*x = column * FORMAT_TILE;
	*y = row * FORMAT_TILE;
	*width = writer->width - *x < FORMAT_TILE ? writer->width - *x : FORMAT_TILE;
	*height = writer->height - *y < FORMAT_TILE ? writer->height - *y : FORMAT_TILE;
}

// Takes over what differs; returns whether anything did. The byte that is no colour is not looked
// at.
static bool update_tile(
	struct recording_writer *writer, const uint32_t *pixels, uint32_t column, uint32_t row) {
	uint32_t x, y, width, height;
	bool differs = false;
	tile_box(writer, column, row, &x, &y, &width, &height);
	for (uint32_t i = 0; i < height; i++) {
		size_t at = (size_t)(y + i) * writer->width + x;
		if (memcmp(&writer->picture[at], &pixels[at], width * sizeof(*pixels)) == 0) {
			continue;
		}
		for (uint32_t j = 0; j < width; j++) {
			differs = differs ||
				  ((writer->picture[at + j] ^ pixels[at + j]) & 0xffffff) != 0;
		}
		memcpy(&writer->picture[at], &pixels[at], width * sizeof(*pixels));
	}
	return differs;
}

// Sets the bits of the tiles that differ. Returns whether any did.
static bool find_changes(struct recording_writer *writer, const uint32_t *pixels,
	const struct channel_box *boxes, size_t len) {
	bool any = false;
	for (size_t i = 0; i < len; i++) {
		uint32_t left = (uint32_t)boxes[i].x / FORMAT_TILE;
		uint32_t top = (uint32_t)boxes[i].y / FORMAT_TILE;
		uint32_t right = format_tiles((uint32_t)(boxes[i].x + boxes[i].width));
		uint32_t bottom = format_tiles((uint32_t)(boxes[i].y + boxes[i].height));
		for (uint32_t row = top; row < bottom; row++) {
			for (uint32_t column = left; column < right; column++) {
				if (update_tile(writer, pixels, column, row)) {
					set_tile(writer, column, row);
					any = true;
				}
			}
		}
	}
	return any;
}

static int pack_tile(struct recording_writer *writer, uint32_t column, uint32_t row) {
	uint32_t x, y, width, height;
	uint8_t *to = writer->line;
	tile_box(writer, column, row, &x, &y, &width, &height);
	for (uint32_t i = 0; i < height; i++) {
		const uint32_t *from = &writer->picture[(size_t)(y + i) * writer->width + x];
		for (uint32_t j = 0; j < width; j++) {
			*to++ = (uint8_t)(from[j] >> 16);
			*to++ = (uint8_t)(from[j] >> 8);
			*to++ = (uint8_t)from[j];
		}
	}
	return deflate_some(writer, writer->line, (size_t)(to - writer->line), false);
}

int recording_write_frame(struct recording_writer *writer, uint64_t time_ns, uint64_t serial,
	const uint32_t *pixels, const struct channel_box *boxes, size_t len, bool key) {
	if (writer->error != 0) {
		return writer->error;
	}
	const struct channel_box whole = {0, 0, (int32_t)writer->width, (int32_t)writer->height};
	if (!writer->has_picture) {
		if (len == 0) {
			return 0; // there is none yet
		}
		key = true;
		boxes = &whole;
		len = 1;
	}
	size_t tiles_bytes = ((size_t)writer->columns * writer->rows + 7) / 8;
	memset(writer->tiles, 0, tiles_bytes);
	bool changed = find_changes(writer, pixels, boxes, len);
	writer->has_picture = true;
	if (!changed && !key) {
		return 0;
	}
	uint8_t head[FORMAT_FRAME_HEAD] = {0};
	put64(head, serial);
	put32(head + 8, key ? FORMAT_FRAME_KEY : 0);
	for (uint32_t row = 0; key && row < writer->rows; row++) {
		for (uint32_t column = 0; column < writer->columns; column++) {
			set_tile(writer, column, row);
		}
	}
	begin(writer);
	int ret = append(writer, head, sizeof(head));
	ret = ret < 0 ? ret : append(writer, writer->tiles, tiles_bytes);
	deflateReset(&writer->stream);
	for (uint32_t row = 0; ret == 0 && row < writer->rows; row++) {
		for (uint32_t column = 0; ret == 0 && column < writer->columns; column++) {
			if (tile_is_set(writer, column, row)) {
				ret = pack_tile(writer, column, row);
			}
		}
	}
	ret = ret < 0 ? ret : deflate_some(writer, NULL, 0, true);
	if (ret < 0) {
		writer->error = ret;
		return ret;
	}
	return finish(writer, FORMAT_FRAME, time_ns);
}

// ---- the rest

int recording_write_cursor(struct recording_writer *writer, uint64_t time_ns,
	const struct recording_cursor *cursor, const uint32_t *image) {
	if (writer->error != 0) {
		return writer->error;
	}
	uint8_t head[FORMAT_CURSOR_HEAD] = {0};
	put32(head, (uint32_t)cursor->x);
	put32(head + 4, (uint32_t)cursor->y);
	put32(head + 8, (uint32_t)cursor->hot_x);
	put32(head + 12, (uint32_t)cursor->hot_y);
	put32(head + 16, cursor->width);
	put32(head + 20, cursor->height);
	put32(head + 24, (cursor->visible ? FORMAT_CURSOR_VISIBLE : 0) |
				 (image != NULL ? FORMAT_CURSOR_IMAGE : 0));
	begin(writer);
	int ret = append(writer, head, sizeof(head));
	if (image != NULL) {
		deflateReset(&writer->stream);
		for (uint32_t row = 0; ret == 0 && row < cursor->height; row++) {
			uint8_t words[CHANNEL_CURSOR_MAX * 4];
			for (uint32_t i = 0; i < cursor->width; i++) {
				put32(words + 4 * (size_t)i, image[row * CHANNEL_CURSOR_MAX + i]);
			}
			ret = deflate_some(writer, words, (size_t)cursor->width * 4, false);
		}
		ret = ret < 0 ? ret : deflate_some(writer, NULL, 0, true);
	}
	if (ret < 0) {
		writer->error = ret;
		return ret;
	}
	return finish(writer, FORMAT_CURSOR, time_ns);
}

static int write_json(struct recording_writer *writer, enum format_type type, uint64_t time_ns,
	const char *json, size_t len) {
	if (writer->error != 0) {
		return writer->error;
	}
	if (len > FORMAT_MAX_EVENT) {
		return -EMSGSIZE; // the file stays as it is
	}
	begin(writer);
	int ret = append(writer, json, len);
	if (ret < 0) {
		writer->error = ret;
		return ret;
	}
	return finish(writer, type, time_ns);
}

int recording_write_event(
	struct recording_writer *writer, uint64_t time_ns, const char *json, size_t len) {
	return write_json(writer, FORMAT_EVENT, time_ns, json, len);
}

// A text as a JSON string, in quotes. False: there is no room.
static bool quote(char *out, size_t size, const char *text) {
	size_t used = 0;
	out[used++] = '"';
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (used + 8 >= size) {
			return false;
		}
		if (*c < 0x20 || *c == '"' || *c == '\\') {
			used += (size_t)snprintf(out + used, size - used, "\\u%04x", *c);
		} else {
			out[used++] = (char)*c;
		}
	}
	out[used++] = '"';
	out[used] = '\0';
	return true;
}

int recording_write_end(struct recording_writer *writer, uint64_t time_ns, const char *reason) {
	char text[2048], json[2100];
	if (!quote(text, sizeof(text), reason)) {
		snprintf(text, sizeof(text), "\"?\"");
	}
	int len = snprintf(json, sizeof(json), "{\"event\":\"recording-end\",\"reason\":%s}", text);
	return write_json(writer, FORMAT_END, time_ns, json, (size_t)len);
}

uint64_t recording_writer_bytes(const struct recording_writer *writer) {
	return writer->bytes;
}

static int write_begin(struct recording_writer *writer, const struct recording_info *info) {
	uint8_t head[FORMAT_HEADER] = {0};
	memcpy(head, FORMAT_MAGIC, 8);
	put32(head + 8, FORMAT_VERSION);
	put32(head + 12, FORMAT_HEADER);
	put32(head + 16, info->width);
	put32(head + 20, info->height);
	put64(head + 24, info->begun_ns);
	put32(head + 32, FORMAT_TILE);
	put32(head + FORMAT_HEADER - 4, (uint32_t)crc32(0, head, FORMAT_HEADER - 4));
	int ret = write_all(writer, head, sizeof(head));
	char name[512], command[2048], json[2700];
	if (ret < 0) {
		return ret;
	}
	if (!quote(name, sizeof(name), info->name) ||
		!quote(command, sizeof(command), info->command)) {
		return -EINVAL;
	}
	int len = snprintf(json, sizeof(json),
		"{\"name\":%s,\"command\":%s,\"writer\":\"parclose %s\"}", name, command,
		PARCLOSE_VERSION);
	return write_json(writer, FORMAT_INFO, 0, json, (size_t)len);
}

int recording_writer_create(
	int fd, const struct recording_info *info, struct recording_writer **out) {
	*out = NULL;
	struct recording_writer *writer = calloc(1, sizeof(*writer));
	if (writer == NULL) {
		close(fd);
		return -ENOMEM;
	}
	writer->fd = fd;
	if (info->width < 1 || info->height < 1 || info->width > FORMAT_MAX_SIDE ||
		info->height > FORMAT_MAX_SIDE) {
		recording_writer_destroy(writer);
		return -EINVAL;
	}
	writer->width = info->width;
	writer->height = info->height;
	writer->columns = format_tiles(info->width);
	writer->rows = format_tiles(info->height);
	writer->picture = calloc((size_t)info->width * info->height, sizeof(*writer->picture));
	writer->tiles = calloc(((size_t)writer->columns * writer->rows + 7) / 8, 1);
	writer->line = malloc((size_t)FORMAT_TILE * FORMAT_TILE * 3);
	writer->out_size = 65536;
	writer->out = malloc(writer->out_size);
	writer->has_stream = deflateInit(&writer->stream, LEVEL) == Z_OK;
	int ret = -ENOMEM;
	if (writer->picture != NULL && writer->tiles != NULL && writer->line != NULL &&
		writer->out != NULL && writer->has_stream) {
		ret = write_begin(writer, info);
	}
	if (ret < 0) {
		recording_writer_destroy(writer);
		return ret;
	}
	*out = writer;
	return 0;
}

void recording_writer_destroy(struct recording_writer *writer) {
	if (writer == NULL) {
		return;
	}
	if (writer->error != 0 && ftruncate(writer->fd, (off_t)writer->bytes) != 0) {
		// Half a record is no harm: readers stop before it.
	}
	close(writer->fd);
	if (writer->has_stream) {
		deflateEnd(&writer->stream);
	}
	free(writer->picture);
	free(writer->tiles);
	free(writer->line);
	free(writer->out);
	free(writer);
}
