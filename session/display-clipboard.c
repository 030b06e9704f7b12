#include <errno.h>
#include <unistd.h>

#include "session/display-internal.h"

int display_clipboard(struct display *display, struct channel_message *message, int fd) {
	int ret = display->end_reason[0] != '\0' ? -EPIPE
		  : display->clipboard.due != 0  ? -EBUSY
						 : 0;
	if (ret != 0) {
		if (fd >= 0) {
			close(fd);
		}
		return ret;
	}
	message->clipboard.token = ++display->clipboard.token;
	display->clipboard.due = message->type;
	display->clipboard.types = 0;
	display_send(display, message, fd);
	return 0;
}
