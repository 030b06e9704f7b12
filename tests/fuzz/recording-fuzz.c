/*
 * The reader of recordings with any file at all. A mutated record would be refused by its checksum
 * at once, so the checksums of what the fuzzer makes are put right first: a liar would do the same.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "recording/format.h"
#include "recording/recording.h"

#define MOST (1u << 20)

static void mend(uint8_t *bytes, size_t len) {
	if (len < FORMAT_HEADER) {
		return;
	}
	memcpy(bytes, FORMAT_MAGIC, 8);
	put32(bytes + 8, FORMAT_VERSION);
	put32(bytes + 12, FORMAT_HEADER);
	put32(bytes + 16, get32(bytes + 16) % 300); // large pictures only cost time
	put32(bytes + 20, get32(bytes + 20) % 300);
	put32(bytes + 32, FORMAT_TILE);
	put32(bytes + FORMAT_HEADER - 4, (uint32_t)crc32(0, bytes, FORMAT_HEADER - 4));
	for (size_t at = FORMAT_HEADER; len - at >= FORMAT_RECORD;) {
		uint8_t *head = bytes + at;
		size_t left = len - at - FORMAT_RECORD;
		size_t payload = get32(head + 4) < left ? get32(head + 4) : left;
		put32(head + 4, (uint32_t)payload);
		put32(head + 16, (uint32_t)crc32(0, head + FORMAT_RECORD, (uInt)payload));
		put32(head + 20, (uint32_t)crc32(0, head, 20));
		at += FORMAT_RECORD + payload;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	if (len == 0 || len > MOST) {
		return 0;
	}
	uint8_t *bytes = malloc(len);
	int fd = memfd_create("recording", MFD_CLOEXEC);
	if (bytes == NULL || fd < 0) {
		abort();
	}
	memcpy(bytes, data, len);
	if ((data[len - 1] & 3) != 0) {
		mend(bytes, len);
	}
	if (write(fd, bytes, len) != (ssize_t)len) {
		abort();
	}
	free(bytes);
	struct recording_error error;
	struct recording *recording = recording_open(fd, &error);
	if (recording != NULL) {
		size_t entries = recording_len(recording);
		for (size_t i = 0; i < entries; i++) {
			recording_seek(recording, i, &error);
			free(recording_event(recording, i));
		}
		for (size_t i = entries; i-- > 0 && entries < 100;) {
			recording_seek(recording, i, &error);
		}
		recording_close(recording);
	}
	return 0;
}
