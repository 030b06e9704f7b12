#include "tests/helpers/hello.h"

#include <stdlib.h>
#include <string.h>

struct bytes {
	unsigned char *at;
	size_t len, size;
};

static void put(struct bytes *bytes, const void *more, size_t len) {
	if (bytes->size - bytes->len < len) {
		abort();
	}
	memcpy(bytes->at + bytes->len, more, len);
	bytes->len += len;
}

static void put_number(struct bytes *bytes, size_t value, unsigned int width) {
	for (unsigned int i = width; i > 0; i--) {
		unsigned char byte = (unsigned char)(value >> (8 * (i - 1)));
		put(bytes, &byte, 1);
	}
}

static void set_number(struct bytes *bytes, size_t at, size_t value, unsigned int width) {
	for (unsigned int i = 0; i < width; i++) {
		bytes->at[at + i] = (unsigned char)(value >> (8 * (width - 1 - i)));
	}
}

static void put_name(struct bytes *bytes, const struct hello_wish *wish) {
	size_t len = strlen(wish->name), entries = wish->twice ? 2 : 1;
	put_number(bytes, 0, 2);
	put_number(bytes, 2 + entries * (3 + len), 2);
	put_number(bytes, entries * (3 + len), 2);
	for (size_t i = 0; i < entries; i++) {
		put_number(bytes, 0, 1);
		put_number(bytes, len, 2);
		put(bytes, wish->name, len);
	}
}

static size_t make_message(const struct hello_wish *wish, struct bytes *bytes) {
	static const unsigned char versions[] = {0, 43, 0, 3, 2, 3, 4};
	static const unsigned char zeros[65536];
	put_number(bytes, 1, 1);
	put_number(bytes, 0, 3); // set below
	put_number(bytes, 0x0303, 2);
	put(bytes, zeros, 32);
	put_number(bytes, 32, 1);
	put(bytes, zeros, 32);
	put_number(bytes, 4, 2);
	put_number(bytes, 0x13011302, 4);
	put_number(bytes, 0x0100, 2);
	if (!wish->no_extensions) {
		size_t start = bytes->len;
		put_number(bytes, 0, 2);
		put(bytes, versions, sizeof(versions));
		for (int i = 0; i < (wish->doubled ? 2 : 1) && wish->name != NULL; i++) {
			put_name(bytes, wish);
		}
		if (wish->early) {
			put_number(bytes, 42, 2);
			put_number(bytes, 0, 2);
		}
		if (wish->encrypted) {
			put_number(bytes, 0xfe0d, 2);
			put_number(bytes, 40, 2);
			put(bytes, zeros, 40);
		}
		if (wish->padding > 0) {
			put_number(bytes, 21, 2);
			put_number(bytes, wish->padding, 2);
			put(bytes, zeros, wish->padding);
		}
		set_number(bytes, start, bytes->len - start - 2, 2);
	}
	set_number(bytes, 1, bytes->len - 4, 3);
	if (wish->trailing) {
		put_number(bytes, 1, 1);
	}
	return bytes->len;
}

size_t hello_make(const struct hello_wish *wish, unsigned char *out, size_t size) {
	static unsigned char message[1 << 17];
	struct bytes whole = {.at = message, .size = sizeof(message)};
	struct bytes records = {.at = out, .size = size};
	size_t len = make_message(wish, &whole), most = wish->record > 0 ? wish->record : 16384;
	for (size_t at = 0; at < len; at += most) {
		size_t part = len - at < most ? len - at : most;
		put_number(&records, 22, 1);
		put_number(&records, 0x0301, 2);
		put_number(&records, part, 2);
		put(&records, message + at, part);
	}
	return records.len;
}
