#ifndef PARCLOSE_CLIPBOARD_KIND_H
#define PARCLOSE_CLIPBOARD_KIND_H

// What a file looks like by its first bytes, for whoever is asked about it.

#include <stdbool.h>
#include <stddef.h>

/*
 * A MIME type: of a program, a script, a picture, an archive, a document, text in UTF-8, or
 * application/octet-stream. `cut`: the file goes on. It says what the file would be taken for, not
 * what it is good for.
 */
const char *kind_of_file(const char *untrusted, size_t len, bool cut);

// `len` less the bytes of a character of UTF-8 that is cut at the end.
size_t kind_whole_characters(const char *untrusted, size_t len);

#endif
