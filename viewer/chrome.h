#ifndef PARCLOSE_VIEWER_CHROME_H
#define PARCLOSE_VIEWER_CHROME_H

/*
 * What stands around the screen, in the viewer's own words: whose session it is, who holds it, what
 * it may reach. Whatever comes from an application is in one place, after "The app says:".
 */

#include <gtk/gtk.h>
#include <stdbool.h>

struct wire_told;

// Widgets of window.ui, owned by the window.
struct chrome {
	GtkLabel *name, *command;
	GtkImage *pause_icon;
	GtkLabel *pause_label;
	GtkWidget *pause, *content;
	GtkImage *holder_icon;
	GtkLabel *holder, *hint;
	GtkWidget *take_over;
	GtkWidget *over;
	GtkLabel *over_title, *over_text;
	GtkRevealer *notice_revealer;
	GtkLabel *notice;
	GtkWidget *says;
	GtkLabel *app_title;
	GtkWidget *recording;
	GtkWidget *put_in, *take_out;
	GtkLabel *network, *clipboard, *viewers, *duration;
	GtkWidget *record, *stop, *withhold, *footer; // of a session, not of a recording
};

// Names the children above in a template of `class` whose `struct chrome` is at `offset`.
void chrome_bind(GtkWidgetClass *class, gssize offset);

void chrome_show_hello(struct chrome *chrome, const struct wire_told *told);

// The chrome is that of a recording from now on: nothing in it is to be taken over, paused, …
void chrome_show_replay(struct chrome *chrome);

/*
 * `mine`: the user has the wheel at this window; `in`: what the user does goes to the session;
 * `shown`: there is a picture.
 */
void chrome_show_state(
	struct chrome *chrome, const struct wire_told *told, bool mine, bool in, bool shown);
void chrome_show_title(struct chrome *chrome, const struct wire_told *told);
void chrome_show_over(struct chrome *chrome, const struct wire_told *told);
void chrome_show_notice(struct chrome *chrome, const char *text); // NULL: takes it away

// Brings the duration up to date. Returns the seconds until it changes.
guint chrome_show_duration(struct chrome *chrome, const struct wire_told *told);

// The colour of who holds the session, as on the strip.
GdkRGBA chrome_colour(const struct wire_told *told);

#endif
