#ifndef PARCLOSE_VIEWER_PLAYBACK_H
#define PARCLOSE_VIEWER_PLAYBACK_H

/*
 * Below the screen of a recording: its time, what happened, and how it is played. What the user
 * wants is asked of the player at the other end of the wire, which says where it then stands.
 */

#include <gtk/gtk.h>

struct wire;

#define VIEWER_TYPE_PLAYBACK (viewer_playback_get_type())
G_DECLARE_FINAL_TYPE(ViewerPlayback, viewer_playback, VIEWER, PLAYBACK, GtkBox)

// Shows itself, and adds its actions to the window's. The wire must outlive it.
void playback_begin(ViewerPlayback *playback, struct wire *wire, GActionMap *actions);

void playback_show(ViewerPlayback *playback, guint news); // enum wire_news
void playback_end(ViewerPlayback *playback); // nobody plays any more

#endif
