#include "session/jpeg.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

#ifndef JCS_EXTENSIONS
#error "this is not libjpeg-turbo"
#endif

#define FULL_COLOUR_QUALITY 90
#define FIRST_SIZE ((size_t)128 * 1024) // bytes
#define SPLIT_ROWS 256 // of pixels; fewer are no work for two
#define INTERVAL_MAX 65535 // of JPEG: blocks between two restart markers
#define MARKER_START_OF_FRAME 0xc0
#define MARKER_RESTART 0xd0
#define MARKER_START_OF_SCAN 0xda

// A picture of its own, of some of the raster's rows.
struct part {
	const struct raster *raster;
	uint32_t first, rows;
	uint32_t quality, sampling;
	uint32_t interval; // 0: none
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr to;
	jmp_buf failed;
	uint8_t *row;
	uint8_t *bytes; // owned
	size_t size; // of `bytes`
	size_t len; // used; 0: it failed
};

// In place of the library's, which would end the process.
static void fail(j_common_ptr jpeg) {
	struct part *part = jpeg->client_data;
	longjmp(part->failed, 1);
}

// All of `bytes` is full, whatever the library says of it.
static boolean grow(j_compress_ptr jpeg) {
	struct part *part = jpeg->client_data;
	uint8_t *bytes = realloc(part->bytes, part->size * 2);
	if (bytes == NULL) {
		longjmp(part->failed, 1);
	}
	part->to.next_output_byte = bytes + part->size;
	part->to.free_in_buffer = part->size;
	part->bytes = bytes;
	part->size *= 2;
	return TRUE;
}

static void do_nothing(j_compress_ptr jpeg) {
}

static void say_nothing(j_common_ptr jpeg) {
}

// May leave by longjmp(), with nothing in its own variables that is needed behind.
static void compress(struct part *part) {
	const struct raster *raster = part->raster;
	struct jpeg_compress_struct *jpeg = &part->jpeg;
	jpeg_create_compress(jpeg);
	jpeg->dest = &part->to;
	jpeg->image_width = raster->width;
	jpeg->image_height = part->rows;
	jpeg->input_components = 4;
	jpeg->in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, (int)part->quality, TRUE);
	jpeg->optimize_coding = FALSE; // so that all parts have the same tables
	jpeg->num_scans = 0;
	jpeg->scan_info = NULL;
	jpeg->restart_interval = part->interval;
	for (int i = 0; i < jpeg->num_components; i++) {
		jpeg->comp_info[i].h_samp_factor = i == 0 ? (int)part->sampling : 1;
		jpeg->comp_info[i].v_samp_factor = i == 0 ? (int)part->sampling : 1;
	}
	jpeg_start_compress(jpeg, TRUE);
	for (uint32_t y = 0; y < part->rows; y++) {
		const uint8_t *row = raster->row(raster->data, part->first + y, part->row);
		jpeg_write_scanlines(jpeg, &(JSAMPROW){(JSAMPROW)row}, 1); // only read
	}
	jpeg_finish_compress(jpeg);
	part->len = part->size - part->to.free_in_buffer;
}

static void *encode_part(void *data) {
	struct part *part = data;
	part->jpeg.err = jpeg_std_error(&part->errors);
	part->errors.error_exit = fail;
	part->errors.output_message = say_nothing;
	part->jpeg.client_data = part;
	part->row = malloc((size_t)part->raster->width * 4);
	part->size = FIRST_SIZE;
	part->bytes = malloc(part->size);
	part->to = (struct jpeg_destination_mgr){
		.next_output_byte = part->bytes,
		.free_in_buffer = part->size,
		.init_destination = do_nothing,
		.empty_output_buffer = grow,
		.term_destination = do_nothing,
	};
	if (part->row != NULL && part->bytes != NULL && setjmp(part->failed) == 0) {
		compress(part);
	}
	jpeg_destroy_compress(&part->jpeg);
	free(part->row);
	return NULL;
}

/*
 * Where the segment with this marker begins in what the library wrote, and in *end where the next
 * one does. 0: there is none up to the scan's data.
 */
static size_t find_segment(const struct part *part, uint8_t marker, size_t *end) {
	for (size_t at = 2; at + 4 <= part->len; at = *end) {
		*end = at + 2 + (size_t)(part->bytes[at + 2] << 8 | part->bytes[at + 3]);
		if (part->bytes[at + 1] == marker) {
			return *end <= part->len ? at : 0;
		}
		if (part->bytes[at + 1] == MARKER_START_OF_SCAN) {
			break;
		}
	}
	return 0;
}

/*
 * Both have the same tables, and the first exactly one interval: the second's scan goes on behind a
 * restart marker. Into the first.
 */
static bool join(struct part *first, const struct part *second) {
	size_t frame_end, scan;
	size_t frame = find_segment(first, MARKER_START_OF_FRAME, &frame_end);
	if (frame == 0 || frame_end - frame < 7 ||
		find_segment(second, MARKER_START_OF_SCAN, &scan) == 0) {
		return false;
	}
	uint8_t *bytes = realloc(first->bytes, first->len + second->len - scan);
	if (bytes == NULL) {
		return false;
	}
	first->bytes = bytes;
	bytes[first->len - 1] = MARKER_RESTART; // in place of the end's
	memcpy(bytes + first->len, second->bytes + scan, second->len - scan);
	uint32_t height = first->rows + second->rows;
	bytes[frame + 5] = (uint8_t)(height >> 8);
	bytes[frame + 6] = (uint8_t)height;
	first->len += second->len - scan;
	return true;
}

static bool start_thread(pthread_t *thread, struct part *part) {
	sigset_t all, old; // signals are the supervisor's
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool started = pthread_create(thread, NULL, encode_part, part) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

uint8_t *jpeg_encode(const struct raster *raster, uint32_t quality, size_t *len) {
	const uint32_t sampling = quality < FULL_COLOUR_QUALITY ? 2 : 1, block = 8 * sampling;
	uint32_t half = ((raster->height + block - 1) / block + 1) / 2; // rows of blocks
	uint32_t interval = half * ((raster->width + block - 1) / block);
	bool split = raster->height >= SPLIT_ROWS && interval <= INTERVAL_MAX;
	struct part *parts = raster->height > JPEG_MAX_DIMENSION ? NULL : calloc(2, sizeof(*parts));
	if (parts == NULL) {
		return NULL;
	}
	parts[0] = (struct part){
		.raster = raster,
		.rows = split ? half * block : raster->height,
		.quality = quality,
		.sampling = sampling,
		.interval = split ? interval : 0,
	};
	pthread_t thread;
	bool threaded = false;
	if (split) {
		parts[1] = parts[0];
		parts[1].first = parts[0].rows;
		parts[1].rows = raster->height - parts[0].rows;
		threaded = start_thread(&thread, &parts[1]);
	}
	encode_part(&parts[0]);
	if (threaded) {
		pthread_join(thread, NULL);
	} else if (split) {
		encode_part(&parts[1]);
	}
	uint8_t *result = NULL;
	if (parts[0].len != 0 && (!split || (parts[1].len != 0 && join(&parts[0], &parts[1])))) {
		*len = parts[0].len;
		result = realloc(parts[0].bytes, *len);
		parts[0].bytes = result != NULL ? NULL : parts[0].bytes;
	}
	free(parts[0].bytes);
	free(parts[1].bytes);
	free(parts);
	return result;
}
