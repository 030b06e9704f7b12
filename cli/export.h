#ifndef PARCLOSE_CLI_EXPORT_H
#define PARCLOSE_CLI_EXPORT_H

// What the ways to export a recording share.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/recording.h"
#include "session/raster.h"

struct export_options;

struct painter {
	const struct recording *recording;
	uint32_t width;
};

// The picture that a recording stands at, with its pointer. Both must outlive it.
struct raster painter_raster(struct painter *painter, const struct recording *recording);

// Writes all of it. False: errno says why.
bool write_bytes(int fd, const void *bytes, size_t len);

// As options->y4m, webm or mp4 say (cli/export-video.c). Complains; the exit code.
int export_video(
	struct recording *recording, const char *file, const struct export_options *options);

#endif
