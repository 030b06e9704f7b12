#include "viewer/remember.h"

#include <glib/gstdio.h>

#define MAX_SIDE 32767 // of a window

static char *path_of(const char *name) {
	return g_build_filename(g_get_user_state_dir(), "parclose-viewer", name, NULL);
}

static GKeyFile *load(const char *path) {
	GKeyFile *file = g_key_file_new();
	g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, NULL);
	return file;
}

struct remembered remember_load(int screen_width, int screen_height) {
	g_autofree char *path = path_of("windows");
	g_autofree char *group = g_strdup_printf("%dx%d", screen_width, screen_height);
	g_autoptr(GKeyFile) file = load(path);
	g_autofree char *scale = g_key_file_get_string(file, group, "scale", NULL);
	struct remembered remembered = {
		.width = g_key_file_get_integer(file, group, "width", NULL),
		.height = g_key_file_get_integer(file, group, "height", NULL),
		.maximized = g_key_file_get_boolean(file, group, "maximized", NULL),
		.mode = g_strcmp0(scale, "actual") == 0 ? SCREEN_ACTUAL : SCREEN_FIT,
	};
	if (remembered.width < 1 || remembered.width > MAX_SIDE || remembered.height < 1 ||
		remembered.height > MAX_SIDE) {
		remembered.width = remembered.height = 0;
	}
	return remembered;
}

void remember_save(int screen_width, int screen_height, const struct remembered *remembered) {
	g_autofree char *path = path_of("windows"), *folder = path_of(NULL);
	g_autofree char *group = g_strdup_printf("%dx%d", screen_width, screen_height);
	g_autoptr(GKeyFile) file = load(path);
	g_key_file_set_integer(file, group, "width", remembered->width);
	g_key_file_set_integer(file, group, "height", remembered->height);
	g_key_file_set_boolean(file, group, "maximized", remembered->maximized);
	g_key_file_set_string(
		file, group, "scale", remembered->mode == SCREEN_ACTUAL ? "actual" : "fit");
	if (g_mkdir_with_parents(folder, 0700) == 0) {
		g_key_file_save_to_file(file, path, NULL);
	}
}
