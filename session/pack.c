#include "session/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define LEVEL 1 // a picture is waited for
#define STEP_MAX (1u << 30) // bytes: both libraries count in 32 bits

static uint32_t at_most(size_t len) {
	return len < STEP_MAX ? (uint32_t)len : STEP_MAX;
}

// ---- ISA-L

#ifdef HAVE_ISAL

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <string.h>

struct fast {
	struct isal_zstream stream;
	uint8_t buffer[ISAL_DEF_LVL1_DEFAULT];
};

static struct {
	void (*init)(struct isal_zstream *stream);
	int (*deflate)(struct isal_zstream *stream);
} isal;

// At the first picture, not at the start, which it would make slower; never closed.
static void open_isal(void) {
	void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
	void *init = library != NULL ? dlsym(library, "isal_deflate_init") : NULL;
	void *deflate = library != NULL ? dlsym(library, "isal_deflate") : NULL;
	if (init != NULL && deflate != NULL) {
		memcpy(&isal.init, &init, sizeof(init));
		memcpy(&isal.deflate, &deflate, sizeof(deflate));
	}
}

static struct fast *fast_create(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, open_isal);
	struct fast *fast = isal.deflate != NULL ? malloc(sizeof(*fast)) : NULL;
	if (fast != NULL) {
		isal.init(&fast->stream);
		fast->stream.gzip_flag = IGZIP_ZLIB;
		fast->stream.level = LEVEL;
		fast->stream.level_buf = fast->buffer;
		fast->stream.level_buf_size = sizeof(fast->buffer);
	}
	return fast;
}

static int fast_step(struct fast *fast, struct packing *packing, bool last) {
	struct isal_zstream *stream = &fast->stream;
	uint32_t in = at_most(packing->in_len), room = at_most(packing->out_len);
	stream->next_in = (uint8_t *)packing->in; // only read
	stream->avail_in = in;
	stream->next_out = packing->out;
	stream->avail_out = room;
	stream->end_of_stream = last && in == packing->in_len;
	int status = isal.deflate(stream);
	packing->in += in - stream->avail_in;
	packing->in_len -= in - stream->avail_in;
	packing->out += room - stream->avail_out;
	packing->out_len -= room - stream->avail_out;
	if (status != COMP_OK) {
		return -EIO;
	}
	return stream->internal_state.state == ZSTATE_END ||
	       (!stream->end_of_stream && packing->in_len == 0);
}

#else

struct fast;

static struct fast *fast_create(void) {
	return NULL;
}

static int fast_step(struct fast *fast, struct packing *packing, bool last) {
	(void)fast, (void)packing, (void)last;
	return -EIO;
}

#endif

// ---- zlib

static int plain_step(z_stream *stream, struct packing *packing, bool last) {
	uint32_t in = at_most(packing->in_len), room = at_most(packing->out_len);
	stream->next_in = (uint8_t *)packing->in; // only read
	stream->avail_in = in;
	stream->next_out = packing->out;
	stream->avail_out = room;
	last = last && in == packing->in_len;
	int status = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
	packing->in += in - stream->avail_in;
	packing->in_len -= in - stream->avail_in;
	packing->out += room - stream->avail_out;
	packing->out_len -= room - stream->avail_out;
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
		return -EIO;
	}
	return status == Z_STREAM_END || (!last && packing->in_len == 0);
}

// ---- either

struct packer {
	struct fast *fast; // owned; NULL: by `plain`
	z_stream plain;
};

struct packer *packer_create(bool plain) {
	struct packer *packer = calloc(1, sizeof(*packer));
	if (packer == NULL) {
		return NULL;
	}
	packer->fast = plain ? NULL : fast_create();
	if (packer->fast == NULL && deflateInit(&packer->plain, LEVEL) != Z_OK) {
		free(packer);
		return NULL;
	}
	return packer;
}

void packer_destroy(struct packer *packer) {
	if (packer != NULL && packer->fast == NULL) {
		deflateEnd(&packer->plain);
	}
	if (packer != NULL) {
		free(packer->fast);
	}
	free(packer);
}

int packer_step(struct packer *packer, struct packing *packing, bool last) {
	for (;;) {
		size_t in = packing->in_len, room = packing->out_len;
		if (room == 0) {
			return 0;
		}
		int ret = packer->fast != NULL ? fast_step(packer->fast, packing, last)
					       : plain_step(&packer->plain, packing, last);
		if (ret != 0) {
			return ret;
		}
		if (packing->in_len == in && packing->out_len == room) {
			return -EIO; // rather than for ever
		}
	}
}
