#ifndef PARCLOSE_INPUT_SEAT_H
#define PARCLOSE_INPUT_SEAT_H

/*
 * The one seat of a session, "seat0": a keyboard, a pointer and a touch screen that exist only in
 * this process. Whoever holds the session drives them with the functions below; coordinates are
 * pixels of the frame, keys are evdev codes (linux/input-event-codes.h).
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#define SEAT_TOUCH_POINTS 10

struct seat;
struct text_inputs;
struct wlr_pointer_constraints_v1;
struct wlr_relative_pointer_manager_v1;
struct wlr_seat;
struct wlr_seat_client;
struct wlr_surface;
struct xkb_keymap;

// What the seat asks of, and tells, the compositor it belongs to.
struct seat_host {
	// The surface that takes input at a point, with the point in its own coordinates; NULL:
	// none.
	struct wlr_surface *(*surface_at)(void *data, double x, double y, double *sx, double *sy);
	void (*pointer_moved)(void *data, double x, double y);
	// The pointer is over another client than before, or over none.
	void (*pointer_client_changed)(void *data);
	// A first button went down over `surface` (may be NULL), before the client is told.
	void (*pressed)(void *data, struct wlr_surface *surface);
	// A menu or a drag that held the keyboard has ended: the focus is the host's to give again.
	void (*keyboard_freed)(void *data);
};

struct seat_config {
	uint32_t width, height; // bounds of the pointer
	struct xkb_keymap *keymap; // the seat takes a reference
	// May be NULL: clients then get neither.
	struct wlr_relative_pointer_manager_v1 *relative_pointers;
	struct wlr_pointer_constraints_v1 *constraints;
};

// NULL: out of memory, or the keymap cannot be shared.
struct seat *seat_create(struct wl_display *display, const struct seat_config *config,
	const struct seat_host *host, void *data);
// Before the display is destroyed. NULL is allowed.
void seat_destroy(struct seat *seat);

struct wlr_seat *seat_wlr(struct seat *seat);
struct text_inputs *seat_text_inputs(struct seat *seat);

/*
 * Numbers that grow: with each press, release and change of the keyboard's focus; and with those
 * that may move the focus within an application, which are all but keys. And the time of the last,
 * CLOCK_MONOTONIC in milliseconds.
 */
uint64_t seat_activity(const struct seat *seat);
uint64_t seat_moves(const struct seat *seat);
uint64_t seat_activity_ms(const struct seat *seat);
uint64_t seat_moves_ms(const struct seat *seat);

// Moves the pointer; a point outside is moved to the edge. A client's pointer lock holds it where
// it is.
void seat_pointer_move(struct seat *seat, double x, double y);
void seat_pointer_position(const struct seat *seat, double *x, double *y);
// False: it was already so, and nothing was sent.
bool seat_pointer_button(struct seat *seat, uint32_t button, bool pressed);
// `notches` of a wheel, positive down or right; fractions are fine.
void seat_pointer_scroll(struct seat *seat, bool horizontal, double notches);
// By so many pixels of what is shown, as far as applications have an idea of them; positive down or
// right.
void seat_pointer_scroll_pixels(struct seat *seat, bool horizontal, double pixels);
// Looks again at what is under the pointer, after windows have changed.
void seat_pointer_refresh(struct seat *seat);

/*
 * Touch points are 0..SEAT_TOUCH_POINTS - 1. False: the point is already down, or not, or there is
 * nothing at its place that takes touches; nothing was sent.
 */
bool seat_touch_down(struct seat *seat, uint32_t point, double x, double y);
bool seat_touch_move(struct seat *seat, uint32_t point, double x, double y);
bool seat_touch_up(struct seat *seat, uint32_t point);

// False: it was already so, or too many keys are down; nothing was sent.
bool seat_key(struct seat *seat, uint32_t key, bool pressed);
/*
 * Gives `client` another keymap, and every client that asks for a keyboard from now on; NULL:
 * nobody. What is held or locked stays so. False: out of memory.
 */
bool seat_set_keymap(struct seat *seat, struct xkb_keymap *keymap, struct wlr_seat_client *client);
// Sends a client the keymap that there is; NULL: nobody.
void seat_send_keymap(struct seat *seat, struct wlr_seat_client *client);
/*
 * Gives every client another keymap. Nothing may be held down. False: out of memory or descriptors;
 * the old one stays.
 */
bool seat_share_keymap(struct seat *seat, struct xkb_keymap *keymap);
// Locks these modifiers (an xkb_mod_mask_t), lets go of all others, and chooses the layout.
void seat_lock_modifiers(struct seat *seat, uint32_t locked, uint32_t group);
// Whether keys that are held repeat, which is the clients' doing. At first they do not.
void seat_set_repeat(struct seat *seat, bool repeat);
uint32_t seat_locked_modifiers(const struct seat *seat); // an xkb_mod_mask_t
bool seat_is_chord(const struct seat *seat); // Ctrl, Alt or Super is down
bool seat_key_is_down(const struct seat *seat, uint32_t key);
bool seat_button_is_down(const struct seat *seat, uint32_t button);

// What the pointer, the keyboard or a touch point is on; NULL: nothing, or the point is not down.
struct wlr_surface *seat_pointer_surface(const struct seat *seat);
struct wlr_surface *seat_keyboard_surface(const struct seat *seat);
struct wl_client *seat_keyboard_client(const struct seat *seat);
struct wlr_surface *seat_touch_surface(const struct seat *seat, uint32_t point);

// The surface that gets the keys from now on; NULL: none.
void seat_keyboard_focus(struct seat *seat, struct wlr_surface *surface);

// Closes open menus, which hold the keyboard and the pointer. A drag goes on.
void seat_dismiss_popups(struct seat *seat);

// Releases every pressed key, button and touch point and ends a drag: before somebody else takes
// the devices.
void seat_release_all(struct seat *seat);

#endif
