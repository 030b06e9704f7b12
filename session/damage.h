#ifndef PARCLOSE_SESSION_DAMAGE_H
#define PARCLOSE_SESSION_DAMAGE_H

// What of the picture has changed since somebody last looked, in few boxes.

#include <stdint.h>

#include "compositor/channel.h"

struct damage {
	struct channel_box boxes[CHANNEL_BOXES]; // none empty
	uint32_t len; // 0: nothing
};

// Adds a box that is not empty: beside the others, or into the one that grows least by it.
void damage_add(struct damage *damage, const struct channel_box *box);

#endif
