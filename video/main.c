#include <errno.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "video/video.h"

/*
 * parclose-video: pictures on standard input become a video on a file, by GStreamer's elements.
 * `parclose record export` starts it, so that no encoder is in any other program of ours. It knows
 * nothing of recordings: what it is given are pixels.
 */

#define WAITING 4 // pictures that the encoder has not taken yet, at most
#define MAX_SIDE 8192u // of a recording
#define LEAST_SIDE 16u // of a video; VP9 and H.264 are of blocks of that size

struct setting {
	const char *name, *value;
};

// An encoder or a muxer, the better ones first; a setting that an element does not have is left
// out.
struct choice {
	const char *element;
	struct setting settings[8];
};

static const struct format {
	const char *name;
	struct choice encoders[3], muxers[2]; // up to one without a name
	const char *packages; // where such elements are
} formats[] = {
	{
		"webm",
		{
			{"vp9enc", {{"deadline", "1"}, {"cpu-used", "7"}, {"end-usage", "cq"},
					   {"cq-level", "24"}, {"row-mt", "true"}, {"threads", "4"},
					   {"keyframe-max-dist", "150"}}},
			{"vp8enc", {{"deadline", "1"}, {"cpu-used", "4"}, {"end-usage", "cq"},
					   {"cq-level", "12"}, {"target-bitrate", "4000000"},
					   {"threads", "4"}, {"keyframe-max-dist", "150"}}},
		},
		{{"webmmux", {{"writing-app", "Parclose"}}}},
		"gstreamer1.0-plugins-good (Debian, Ubuntu), gstreamer1-plugins-good (Fedora) or "
		"gst-plugins-good (Arch)",
	},
	{
		"mp4",
		{
			{"x264enc", {{"pass", "qual"}, {"quantizer", "21"},
					    {"speed-preset", "veryfast"}, {"bframes", "0"},
					    {"key-int-max", "150"}}},
			{"openh264enc", {{"bitrate", "4000000"}, {"gop-size", "150"}}},
		},
		{{"mp4mux", {{NULL}}}},
		"gstreamer1.0-plugins-good and gstreamer1.0-plugins-ugly (Debian, Ubuntu), "
		"gstreamer1-plugins-good and gstreamer1-plugins-ugly (Fedora) or gst-plugins-good "
		"and gst-plugins-ugly (Arch)",
	},
};

struct video {
	const struct format *format;
	uint32_t width, height; // of a picture
	GstElement *pipeline, *source;
	GstBuffer *held; // the last picture, until it is known how long it stays; NULL: none
};

static int fail(const char *what) {
	fprintf(stderr, "%s\n", what);
	return EXIT_FAILURE;
}

// ---- the pipeline

static void set_up(GstElement *element, const struct choice *choice) {
	for (const struct setting *setting = choice->settings; setting->name != NULL; setting++) {
		if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), setting->name)) {
			gst_util_set_object_arg(G_OBJECT(element), setting->name, setting->value);
		}
	}
}

// The first of a row that this machine has, added to the pipeline. NULL with a sentence: none.
static GstElement *add_one_of(
	struct video *video, const struct choice *choices, size_t len, const char *what) {
	GString *names = g_string_new(NULL);
	GstElement *element = NULL;
	for (size_t i = 0; i < len && choices[i].element != NULL && element == NULL; i++) {
		g_string_append_printf(
			names, "%s%s", names->len > 0 ? " and " : "", choices[i].element);
		element = gst_element_factory_make(choices[i].element, NULL);
		if (element != NULL) {
			set_up(element, &choices[i]);
			gst_bin_add(GST_BIN(video->pipeline), element);
		}
	}
	if (element == NULL) {
		fprintf(stderr, "GStreamer has no %s for %s here: %s is missing; install %s\n",
			what, video->format->name, names->str, video->format->packages);
	}
	g_string_free(names, TRUE);
	return element;
}

static GstElement *add(struct video *video, const char *name) {
	const struct choice choices[] = {{name, {{NULL}}}, {NULL, {{NULL}}}};
	GstElement *element = gst_element_factory_make(name, NULL);
	if (element == NULL) {
		fprintf(stderr,
			"GStreamer's element %s is missing; install gstreamer1.0-plugins-base\n",
			choices[0].element);
	} else {
		gst_bin_add(GST_BIN(video->pipeline), element);
	}
	return element;
}

// A side as encoders take it.
static uint32_t coded(uint32_t side) {
	return side < LEAST_SIDE ? LEAST_SIDE : (side + 1) & ~1u;
}

static bool build(struct video *video) {
	video->pipeline = gst_pipeline_new(NULL);
	GstElement *source = add(video, "appsrc"), *convert = add(video, "videoconvert");
	GstElement *filter = add(video, "capsfilter"), *sink = add(video, "fdsink");
	if (source == NULL || convert == NULL || filter == NULL || sink == NULL) {
		return false;
	}
	GstElement *encoder = add_one_of(video, video->format->encoders,
		sizeof(video->format->encoders) / sizeof(video->format->encoders[0]), "encoder");
	GstElement *muxer = add_one_of(video, video->format->muxers,
		sizeof(video->format->muxers) / sizeof(video->format->muxers[0]), "muxer");
	if (encoder == NULL || muxer == NULL) {
		return false;
	}
	GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "BGRx", "width",
		G_TYPE_INT, (int)coded(video->width), "height", G_TYPE_INT,
		(int)coded(video->height), "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
	g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, NULL);
	gst_caps_unref(caps);
	caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", NULL);
	g_object_set(filter, "caps", caps, NULL);
	gst_caps_unref(caps);
	g_object_set(sink, "fd", VIDEO_OUT_FD, "sync", FALSE, NULL);
	video->source = source;
	return gst_element_link_many(source, convert, filter, encoder, muxer, sink, NULL);
}

// Has something gone wrong? Says what.
static bool has_failed(struct video *video, GstClockTime wait) {
	GstBus *bus = gst_element_get_bus(video->pipeline);
	GstMessage *message = gst_bus_timed_pop_filtered(
		bus, wait, (GstMessageType)(GST_MESSAGE_ERROR | GST_MESSAGE_EOS));
	bool failed = message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
	if (failed) {
		GError *error = NULL;
		gchar *details = NULL;
		gst_message_parse_error(message, &error, &details);
		fprintf(stderr, "%s: %s\n", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)),
			error->message);
		g_clear_error(&error);
		g_free(details);
	}
	if (message != NULL) {
		gst_message_unref(message);
	}
	gst_object_unref(bus);
	return failed;
}

// ---- pictures

// 1: all there, 0: the input ended before, -1: in the middle, or it cannot be read.
static int read_all(void *to, size_t len) {
	for (size_t done = 0; done < len;) {
		ssize_t n = read(STDIN_FILENO, (uint8_t *)to + done, len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n == 0 && done == 0 ? 0 : -1;
		}
		done += (size_t)n;
	}
	return 1;
}

// Reads a picture's rows; what its sides lack is filled with its last pixels.
static bool read_picture(const struct video *video, uint8_t *to) {
	const size_t row = (size_t)video->width * 4, stride = (size_t)coded(video->width) * 4;
	for (uint32_t y = 0; y < video->height; y++) {
		uint8_t *at = to + y * stride;
		if (read_all(at, row) != 1) {
			return false;
		}
		for (size_t x = row; x < stride; x += 4) {
			memcpy(at + x, at + row - 4, 4);
		}
	}
	for (uint32_t y = video->height; y < coded(video->height); y++) {
		memcpy(to + y * stride, to + (y - 1) * stride, stride);
	}
	return true;
}

// Gives the encoder the held picture, which stays until `end_ns`.
static bool push_held(struct video *video, uint64_t end_ns) {
	GstBuffer *buffer = video->held;
	video->held = NULL;
	if (buffer == NULL) {
		return true;
	}
	// Not by a push that waits: of a pipeline that has failed it would wait for ever.
	while (gst_app_src_get_current_level_buffers(GST_APP_SRC(video->source)) >= WAITING) {
		if (has_failed(video, 2 * GST_MSECOND)) {
			gst_buffer_unref(buffer);
			return false;
		}
	}
	GST_BUFFER_DURATION(buffer) = end_ns - GST_BUFFER_PTS(buffer);
	return gst_app_src_push_buffer(GST_APP_SRC(video->source), buffer) == GST_FLOW_OK;
}

/*
 * Takes pictures until the input ends with one of no pixels, which says when the last one goes.
 * False with a sentence, unless the pipeline has one.
 */
static bool take_pictures(struct video *video) {
	const size_t bytes = (size_t)coded(video->width) * 4 * coded(video->height);
	struct video_picture head;
	uint64_t last_ns = 0;
	for (bool first = true;; first = false) {
		if (read_all(&head, sizeof(head)) != 1 || (!first && head.time_ns <= last_ns) ||
			head.time_ns > G_MAXINT64) {
			fprintf(stderr, "the pictures ended too early\n");
			return false;
		}
		last_ns = head.time_ns;
		if (!push_held(video, head.time_ns) || has_failed(video, 0)) {
			return false;
		}
		if (head.end == 1) {
			return true;
		}
		GstMapInfo map;
		GstBuffer *buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
		if (buffer == NULL || !gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
			fprintf(stderr, "out of memory\n");
			return false;
		}
		bool whole = read_picture(video, map.data);
		gst_buffer_unmap(buffer, &map);
		GST_BUFFER_PTS(buffer) = head.time_ns;
		video->held = buffer;
		if (!whole) {
			fprintf(stderr, "a picture ended too early\n");
			return false;
		}
	}
}

static bool encode(struct video *video) {
	if (!build(video)) {
		return false;
	}
	if (gst_element_set_state(video->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
		has_failed(video, 0);
		return false;
	}
	if (!take_pictures(video)) {
		has_failed(video, 0);
		return false;
	}
	gst_app_src_end_of_stream(GST_APP_SRC(video->source));
	return !has_failed(video, GST_CLOCK_TIME_NONE);
}

static bool parse_side(const char *text, uint32_t *side) {
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	*side = (uint32_t)value;
	return *end == '\0' && value >= 1 && value <= MAX_SIDE;
}

int main(int argc, char *argv[]) {
	struct video video = {0};
	for (size_t i = 0; argc == 4 && i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(argv[1], formats[i].name) == 0) {
			video.format = &formats[i];
		}
	}
	if (video.format == NULL || !parse_side(argv[2], &video.width) ||
		!parse_side(argv[3], &video.height)) {
		return fail("not started by parclose record export");
	}
	GError *error = NULL;
	if (!gst_init_check(NULL, NULL, &error)) {
		return fail(error != NULL ? error->message : "GStreamer cannot be used");
	}
	bool good = encode(&video);
	if (video.held != NULL) {
		gst_buffer_unref(video.held);
	}
	if (video.pipeline != NULL) {
		gst_element_set_state(video.pipeline, GST_STATE_NULL);
		gst_object_unref(video.pipeline);
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
