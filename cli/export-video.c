#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/export.h"
#include "video/video.h"

/*
 * A recording as video: without compression, or compressed by parclose-video, which holds
 * GStreamer and sees nothing but pixels.
 */

#define SECOND 1000000000u
#define LONGEST_NS (86400u * (uint64_t)SECOND)

// Where pictures go.
struct sink {
	int fd;
	struct raster raster;
	uint8_t *scratch; // a row
	uint8_t *planes; // of YUV4MPEG2; NULL: it is parclose-video
};

/*
 * A frame of YUV4MPEG2 with a sample of everything for each pixel, ITU-R BT.601, 16..235 (the
 * format's manual, yuv4mpeg(5)).
 */
static void convert(const struct raster *raster, uint8_t *planes, uint8_t *scratch) {
	const size_t pixels = (size_t)raster->width * raster->height;
	size_t at = 0;
	for (uint32_t y = 0; y < raster->height; y++) {
		const uint8_t *row = raster->row(raster->data, y, scratch);
		for (uint32_t x = 0; x < raster->width; x++, row += 4, at++) {
			int b = row[0], g = row[1], r = row[2];
			planes[at] = (uint8_t)(((66 * r + 129 * g + 25 * b + 128) >> 8) + 16);
			planes[pixels + at] =
				(uint8_t)(((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128);
			planes[2 * pixels + at] =
				(uint8_t)(((112 * r - 94 * g - 18 * b + 128) >> 8) + 128);
		}
	}
}

// A picture at its time. False: errno says why.
static bool put_picture(struct sink *sink, uint64_t time_ns, bool changed) {
	const struct raster *raster = &sink->raster;
	const size_t row_bytes = (size_t)raster->width * 4;
	if (sink->planes != NULL) {
		if (changed) {
			convert(raster, sink->planes, sink->scratch);
		}
		return write_bytes(sink->fd, "FRAME\n", 6) &&
		       write_bytes(
			       sink->fd, sink->planes, (size_t)raster->width * raster->height * 3);
	}
	const struct video_picture head = {.time_ns = time_ns};
	bool good = write_bytes(sink->fd, &head, sizeof(head));
	for (uint32_t y = 0; good && y < raster->height; y++) {
		good = write_bytes(
			sink->fd, raster->row(raster->data, y, sink->scratch), row_bytes);
	}
	return good;
}

/*
 * Every picture at its time, `fps` of them a second: all of them for YUV4MPEG2, and otherwise those
 * that are new, one a second, and the last two, by which muxers know how long the last one stays.
 * False: *damaged with a complaint, or errno says why.
 */
static bool put_pictures(struct sink *sink, struct recording *recording, const char *file,
	unsigned int fps, bool *damaged) {
	struct recording_error error;
	size_t shown = SIZE_MAX, first = 0;
	// The first picture is a moment later than the beginning, and nothing is to be seen before.
	while (first < recording_len(recording) &&
		recording_kind(recording, first) != RECORDING_KEY) {
		first++;
	}
	uint64_t len = recording_duration(recording) * fps / SECOND + 1;
	for (uint64_t n = 0; n < len; n++) {
		size_t at = recording_find(recording, n * SECOND / fps);
		at = at == SIZE_MAX || at < first ? first : at;
		bool changed = n == 0;
		if (at < recording_len(recording) && at != shown) {
			if (!recording_seek(recording, at, &error)) {
				complain("%s: %s", file, error.message);
				*damaged = true;
				len = n; // what comes before it is good
				break;
			}
			shown = at;
			changed = true;
		}
		if ((changed || sink->planes != NULL || n % fps == 0 || n + 2 >= len) &&
			!put_picture(sink, n * SECOND / fps, changed)) {
			return false;
		}
	}
	const struct video_picture end = {.time_ns = len * SECOND / fps, .end = 1};
	return sink->planes != NULL || write_bytes(sink->fd, &end, sizeof(end));
}

static int export_y4m(struct recording *recording, const char *file,
	const struct export_options *options, struct sink *sink) {
	const struct raster *raster = &sink->raster;
	char head[96];
	bool out = strcmp(options->y4m, "-") == 0, damaged = false;
	int len = snprintf(head, sizeof(head), "YUV4MPEG2 W%u H%u F%u:1 Ip A1:1 C444\n",
		raster->width, raster->height, options->fps);
	sink->planes = malloc((size_t)raster->width * raster->height * 3);
	sink->fd = out ? STDOUT_FILENO
		       : open(options->y4m, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = sink->planes != NULL && sink->fd >= 0 &&
		    write_bytes(sink->fd, head, (size_t)len) &&
		    put_pictures(sink, recording, file, options->fps, &damaged);
	if (sink->fd >= 0 && !out && close(sink->fd) != 0) {
		good = false;
	}
	if (!good) {
		complain("cannot write the video: %s", strerror(errno));
	}
	free(sink->planes);
	return good && !damaged ? 0 : 1;
}

// ---- an encoder

// In a child. `in` and `out` are not on 0 or 3 by chance: they have close-on-exec.
_Noreturn static void exec_encoder(
	const char *program, const char *format, const struct raster *raster, int in, int out) {
	char width[16], height[16];
	snprintf(width, sizeof(width), "%u", raster->width);
	snprintf(height, sizeof(height), "%u", raster->height);
	in = fcntl(in, F_DUPFD_CLOEXEC, 10);
	out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, VIDEO_OUT_FD) < 0 ||
		dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		_exit(126);
	}
	execl(program, "parclose-video", format, width, height, NULL);
	_exit(127);
}

static bool wait_for(pid_t pid) {
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return false;
		}
	}
	if (WIFSIGNALED(status)) {
		complain("the encoder was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int export_encoded(struct recording *recording, const char *file, const char *to,
	const char *format, unsigned int fps, struct sink *sink) {
	char program[4096];
	int pair[2];
	struct stat stat;
	if (!have_helper("parclose-video", program, sizeof(program))) {
		complain("this Parclose was built without GStreamer, and cannot make %s; remedy: "
			 "--y4m - and an encoder of yours, or build it with -Dvideo=enabled",
			format);
		return 1;
	}
	int out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
	if (out < 0 || fstat(out, &stat) != 0 || pipe2(pair, O_CLOEXEC) != 0) {
		complain("cannot write %s: %s", to, strerror(errno));
		return 1;
	}
	if (!S_ISREG(stat.st_mode)) {
		complain("%s is not a file, and a video needs one", to);
		close(out);
		close(pair[0]);
		close(pair[1]);
		return 1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		exec_encoder(program, format, &sink->raster, pair[0], out);
	}
	close(pair[0]);
	close(out);
	signal(SIGPIPE, SIG_IGN); // an encoder that died says itself why
	sink->fd = pair[1];
	bool damaged = false;
	bool good = pid > 0 && put_pictures(sink, recording, file, fps, &damaged);
	close(pair[1]);
	good = pid > 0 && wait_for(pid) && good;
	if (!good) {
		complain("cannot make %s", to);
		unlink(to); // half a video is none
	}
	return good && !damaged ? 0 : 1;
}

int export_video(
	struct recording *recording, const char *file, const struct export_options *options) {
	if (recording_duration(recording) > LONGEST_NS) {
		complain("%s: it is longer than a day; write pictures instead (--frames)", file);
		return 1;
	}
	struct painter painter;
	struct sink sink = {.fd = -1, .raster = painter_raster(&painter, recording)};
	sink.scratch = malloc((size_t)sink.raster.width * 4);
	if (sink.scratch == NULL) {
		complain("out of memory");
		return 1;
	}
	int ret = options->y4m != NULL    ? export_y4m(recording, file, options, &sink)
		  : options->webm != NULL ? export_encoded(recording, file, options->webm, "webm",
						    options->fps, &sink)
					  : export_encoded(recording, file, options->mp4, "mp4",
						    options->fps, &sink);
	free(sink.scratch);
	return ret;
}
