/*
 * The reader of recordings with any file at all. A mutated record would be refused by its checksum
 * at once, so the checksums of what the fuzzer makes are put right first: a liar would do the same.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recording/recording.h"
#include "tests/fuzz/mend.h"

#define MOST (1u << 20)

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
