#ifndef PARCLOSE_CLIPBOARD_MIME_H
#define PARCLOSE_CLIPBOARD_MIME_H

// Names of types of clipboard items, and what they say about one.

#include <stdbool.h>
#include <stddef.h>

#define MIME_TEXT "text/plain;charset=utf-8"
// On every item that was put in from outside: whoever moves items on sees where it is from.
#define MIME_OUTSIDE "application/x-parclose-outside"
// Of a password manager: nobody is to keep or show the item (KDE's klipper, KeePassXC).
#define MIME_SECRET "x-kde-passwordManagerHint"

/*
 * Other names by which applications offer and ask for an item of `type`, NULL-terminated, best
 * first, `type` itself not among them; an empty list where there are none.
 */
const char *const *mime_aliases(const char *type);

// Is it of a type that is text, in UTF-8?
bool mime_is_text(const char *type);
// A picture that can be decoded (clipboard/image.h)? What is neither cannot be checked, and never
// crosses. Of pictures MIME_PICTURE crosses, whatever they were.
bool mime_is_picture(const char *type);
#define MIME_PICTURE "image/png"

#endif
