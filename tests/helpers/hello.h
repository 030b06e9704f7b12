#ifndef PARCLOSE_TESTS_HELLO_H
#define PARCLOSE_TESTS_HELLO_H

// ClientHellos to a wish.

#include <stdbool.h>
#include <stddef.h>

struct hello_wish {
	const char *name; // NULL: no server_name
	size_t record; // bytes of handshake in a record, 0: as many as fit
	size_t padding; // bytes of an extension without meaning
	bool encrypted; // with encrypted_client_hello
	bool twice; // the name in two entries of one list
	bool doubled; // the extension twice
	bool no_extensions;
	bool early; // with early_data
	bool trailing; // another handshake message begins in the last record
};

// Returns the length; `out` has room for `size`, or the test fails.
size_t hello_make(const struct hello_wish *wish, unsigned char *out, size_t size);

#endif
