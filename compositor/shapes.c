#include "compositor/shapes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wlr/types/wlr_cursor_shape_v1.h>

#include "compositor/channel.h"

#define SHAPES_MAX (WP_CURSOR_SHAPE_DEVICE_V1_SHAPE_ALL_RESIZE + 1)
#define FILE_BYTES_MAX (4u << 20)
#define TOC_MAX 1024
#define IMAGE_CHUNK 0xfffd0002u

struct cursor_shapes {
	struct cursor_image images[SHAPES_MAX]; // [0]: the arrow of last resort
};

// An arrow, 'X' black, '.' white; its tip is the hotspot.
static const char *const arrow[] = {
	"X           ",
	"XX          ",
	"X.X         ",
	"X..X        ",
	"X...X       ",
	"X....X      ",
	"X.....X     ",
	"X......X    ",
	"X.......X   ",
	"X........X  ",
	"X.....XXXXX ",
	"X..X..X     ",
	"X.X X..X    ",
	"XX  X..X    ",
	"X    X..X   ",
	"     X..X   ",
	"      XX    ",
};

static bool arrow_make(struct cursor_image *image) {
	const uint32_t width = 12, height = sizeof(arrow) / sizeof(arrow[0]);
	uint32_t *pixels = calloc((size_t)width * height, sizeof(*pixels));
	if (pixels == NULL) {
		return false;
	}
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			char k = arrow[y][x];
			pixels[y * width + x] = k == 'X' ? 0xff000000u : k == '.' ? 0xffffffffu : 0;
		}
	}
	*image = (struct cursor_image){.width = width, .height = height, .pixels = pixels};
	return true;
}

static uint32_t le32(const uint8_t *p) {
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool cursor_image_parse(
	const uint8_t *untrusted, size_t len, uint32_t size, struct cursor_image *image) {
	if (len < 16 || memcmp(untrusted, "Xcur", 4) != 0) {
		return false;
	}
	uint32_t header = le32(untrusted + 4), toc = le32(untrusted + 12);
	if (header < 16 || header > len || toc > TOC_MAX || (len - header) / 12 < toc) {
		return false;
	}
	uint32_t best_off = 0, best_distance = UINT32_MAX;
	for (uint32_t i = 0; i < toc; i++) {
		const uint8_t *entry = untrusted + header + (size_t)i * 12;
		uint32_t nominal = le32(entry + 4);
		uint32_t distance = nominal > size ? nominal - size : size - nominal;
		if (le32(entry) == IMAGE_CHUNK && distance < best_distance) {
			best_distance = distance;
			best_off = le32(entry + 8);
		}
	}
	if (best_distance == UINT32_MAX || best_off > len || len - best_off < 36) {
		return false;
	}
	const uint8_t *chunk = untrusted + best_off;
	uint32_t width = le32(chunk + 16), height = le32(chunk + 20);
	uint32_t hot_x = le32(chunk + 24), hot_y = le32(chunk + 28);
	if (le32(chunk) != 36 || le32(chunk + 4) != IMAGE_CHUNK || width == 0 || height == 0 ||
		width > CHANNEL_CURSOR_MAX || height > CHANNEL_CURSOR_MAX || hot_x >= width ||
		hot_y >= height || (len - best_off - 36) / 4 < (size_t)width * height) {
		return false;
	}
	uint32_t *pixels = calloc((size_t)width * height, sizeof(*pixels));
	if (pixels == NULL) {
		return false;
	}
	for (size_t i = 0; i < (size_t)width * height; i++) {
		pixels[i] = le32(chunk + 36 + i * 4);
	}
	*image = (struct cursor_image){.width = width,
		.height = height,
		.hot_x = (int32_t)hot_x,
		.hot_y = (int32_t)hot_y,
		.pixels = pixels};
	return true;
}

static bool image_read(int dir, const char *path, struct cursor_image *image) {
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		return false;
	}
	bool ok = false;
	uint8_t *bytes = NULL;
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
		st.st_size <= FILE_BYTES_MAX) {
		bytes = malloc((size_t)st.st_size);
		ssize_t n = bytes != NULL ? pread(fd, bytes, (size_t)st.st_size, 0) : -1;
		ok = n > 0 && cursor_image_parse(bytes, (size_t)n, CURSOR_SHAPES_SIZE, image);
	}
	free(bytes);
	close(fd);
	return ok;
}

// The theme that "default" stands for: the first name of its Inherits line. False: it says none.
static bool default_theme(int dir, char *name, size_t size) {
	char text[2048];
	int fd = openat(dir, "default/index.theme", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0) {
		return false;
	}
	text[n] = '\0';
	const char *line = strstr(text, "Inherits=");
	if (line == NULL) {
		return false;
	}
	line += strlen("Inherits=");
	size_t len = strcspn(line, ",;: \t\r\n");
	if (len == 0 || len >= size || memchr(line, '/', len) != NULL || line[0] == '.') {
		return false;
	}
	memcpy(name, line, len);
	name[len] = '\0';
	return true;
}

struct cursor_shapes *cursor_shapes_load(const char *icons_dir) {
	struct cursor_shapes *shapes = calloc(1, sizeof(*shapes));
	if (shapes == NULL || !arrow_make(&shapes->images[0])) {
		free(shapes);
		return NULL;
	}
	int dir = open(icons_dir != NULL ? icons_dir : "/usr/share/icons",
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return shapes;
	}
	char inherited[64];
	bool has_inherited = default_theme(dir, inherited, sizeof(inherited));
	const char *themes[] = {"default", has_inherited ? inherited : "default", "Adwaita"};
	for (uint32_t shape = 1; shape < SHAPES_MAX; shape++) {
		const char *name = wlr_cursor_shape_v1_name(shape);
		for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++) {
			char path[256];
			int n = snprintf(path, sizeof(path), "%s/cursors/%s", themes[i], name);
			if (n > 0 && (size_t)n < sizeof(path) &&
				image_read(dir, path, &shapes->images[shape])) {
				break;
			}
		}
	}
	close(dir);
	return shapes;
}

void cursor_shapes_destroy(struct cursor_shapes *shapes) {
	if (shapes == NULL) {
		return;
	}
	for (size_t i = 0; i < SHAPES_MAX; i++) {
		free(shapes->images[i].pixels);
	}
	free(shapes);
}

const struct cursor_image *cursor_shapes_get(const struct cursor_shapes *shapes, uint32_t shape) {
	if (shape < SHAPES_MAX && shapes->images[shape].pixels != NULL) {
		return &shapes->images[shape];
	}
	const struct cursor_image *fallback =
		&shapes->images[WP_CURSOR_SHAPE_DEVICE_V1_SHAPE_DEFAULT];
	return fallback->pixels != NULL ? fallback : &shapes->images[0];
}
