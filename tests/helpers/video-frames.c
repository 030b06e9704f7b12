// The pictures of a video: video-frames FILE prints a line for each, its time in milliseconds, size
// and the colour in its middle.

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void print_sample(GstSample *sample) {
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	const GstStructure *caps = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
	GstMapInfo map;
	int width = 0, height = 0;
	gst_structure_get_int(caps, "width", &width);
	gst_structure_get_int(caps, "height", &height);
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
		exit(1);
	}
	const size_t stride = map.size / (size_t)height;
	const guint8 *at = map.data + (size_t)height / 2 * stride + (size_t)width / 2 * 4;
	printf("%" G_GUINT64_FORMAT " %d %d %d %d %d\n", GST_BUFFER_PTS(buffer) / GST_MSECOND,
		width, height, at[2], at[1], at[0]);
	gst_buffer_unmap(buffer, &map);
}

int main(int argc, char *argv[]) {
	gst_init(&argc, &argv);
	GError *error = NULL;
	GstElement *pipeline = gst_parse_launch(
		"filesrc name=file ! decodebin ! videoconvert ! appsink name=out sync=false "
		"caps=video/x-raw,format=BGRx",
		&error);
	if (argc != 2 || pipeline == NULL) {
		fprintf(stderr, "%s\n", error != NULL ? error->message : "a file is needed");
		return 2;
	}
	GstElement *file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
	GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
	g_object_set(file, "location", argv[1], NULL);
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	GstSample *sample;
	while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) != NULL) {
		print_sample(sample);
		gst_sample_unref(sample);
	}
	GstBus *bus = gst_element_get_bus(pipeline);
	GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
	if (message != NULL) {
		gst_message_parse_error(message, &error, NULL);
		fprintf(stderr, "%s\n", error->message);
	}
	gst_element_set_state(pipeline, GST_STATE_NULL);
	return message != NULL;
}
