#include "clipboard/mime.h"

#include <string.h>
#include <strings.h>

const char *const *mime_aliases(const char *type) {
	// What wl-copy, GTK, Qt and the X11 window managers of compositors agree on.
	static const char *const plain[] = {"text/plain", "UTF8_STRING", "TEXT", "STRING", NULL};
	static const char *const none[] = {NULL};
	return strcasecmp(type, MIME_TEXT) == 0 ? plain : none;
}

bool mime_is_text(const char *type) {
	if (strncasecmp(type, "text/", 5) != 0) {
		return false;
	}
	static const char key[] = ";charset=";
	for (const char *parameter = strchr(type, ';'); parameter != NULL;
		parameter = strchr(parameter + 1, ';')) {
		if (strncasecmp(parameter, key, sizeof(key) - 1) == 0) {
			return strcasecmp(parameter + sizeof(key) - 1, "utf-8") == 0;
		}
	}
	return true;
}

bool mime_is_picture(const char *type) {
	return strcasecmp(type, MIME_PICTURE) == 0 || strcasecmp(type, "image/jpeg") == 0;
}
