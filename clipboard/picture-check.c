#include "clipboard/picture.h"

#include <string.h>

bool picture_check(const void *untrusted, size_t len, uint32_t *width, uint32_t *height) {
	struct picture_pixels head;
	if (len < sizeof(head)) {
		return false;
	}
	memcpy(&head, untrusted, sizeof(head));
	if (head.magic != PICTURE_MAGIC || head.reserved != 0 || head.width < 1 ||
		head.height < 1 || head.width > PICTURE_MAX_SIDE ||
		head.height > PICTURE_MAX_SIDE ||
		(uint64_t)head.width * head.height > PICTURE_MAX_PIXELS ||
		len != sizeof(head) + (size_t)head.width * head.height * 4) {
		return false;
	}
	*width = head.width;
	*height = head.height;
	return true;
}
