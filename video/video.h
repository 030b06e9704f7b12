#ifndef PARCLOSE_VIDEO_VIDEO_H
#define PARCLOSE_VIDEO_VIDEO_H

/*
 * What the program parclose-video is given: as arguments "webm" or "mp4", width and height; on
 * standard input pictures, each a `struct video_picture` and then, unless it is the end, height *
 * width little-endian 0x??RRGGBB words. On standard error it says what it cannot do.
 */

#include <stdint.h>

#define VIDEO_OUT_FD 3 // the file, which can be sought in

struct video_picture {
	uint64_t time_ns; // when it is shown; each later than the one before
	uint32_t end; // 1: there is none, and the one before goes
	uint32_t reserved; // 0
};

#endif
