#include "viewer/source.h"

#include <gdk/gdk.h>
#include <stdbool.h>

#include "viewer/wire.h"

#define PRIORITY (GDK_PRIORITY_REDRAW + 10)

struct source {
	GSource base;
	struct wire *wire;
	gpointer tag;
	bool writing; // waits for room, too
	void (*readable)(void *data);
	void *data;
};

static gboolean prepare(GSource *base, int *timeout) {
	struct source *source = (struct source *)base;
	bool writing = wire_wants_to_write(source->wire);
	if (writing != source->writing) {
		source->writing = writing;
		g_source_modify_unix_fd(base, source->tag, writing ? G_IO_IN | G_IO_OUT : G_IO_IN);
	}
	*timeout = -1;
	return FALSE;
}

static gboolean dispatch(GSource *base, GSourceFunc callback, gpointer data) {
	struct source *source = (struct source *)base;
	GIOCondition condition = g_source_query_unix_fd(base, source->tag);
	if ((condition & G_IO_OUT) != 0) {
		wire_flush(source->wire);
	}
	if ((condition & ~(unsigned int)G_IO_OUT) != 0) {
		source->readable(source->data);
	}
	return G_SOURCE_CONTINUE;
}

GSource *source_new(struct wire *wire, void (*readable)(void *data), void *data) {
	static GSourceFuncs functions = {.prepare = prepare, .dispatch = dispatch};
	GSource *base = g_source_new(&functions, sizeof(struct source));
	struct source *source = (struct source *)base;
	source->wire = wire;
	source->readable = readable;
	source->data = data;
	source->tag = g_source_add_unix_fd(base, wire_fd(wire), G_IO_IN);
	g_source_set_priority(base, PRIORITY);
	g_source_set_name(base, "view channel");
	g_source_attach(base, NULL);
	return base;
}
