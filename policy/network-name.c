#include "policy/network-internal.h"

#include <string.h>

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static const char *refused_character(unsigned char c) {
	switch (c) {
	case '\0':
		return "it has a NUL byte in it";
	case '@':
		return "it has a user's name before an '@'";
	case ':':
		return "it has a colon; neither scheme nor port belong to a name";
	case '[':
	case ']':
		return "it has brackets, which stand around addresses";
	case '*':
		return "a '*' stands at the beginning only, as in *.example.org";
	default:
		return c >= 0x80 ? "it has bytes that are not ASCII"
				 : "it has a character that no host name has";
	}
}

// `label` is in lower case.
static bool check_label(const char *label, size_t len, const char **why) {
	if (len == 0) {
		*why = "a part between its dots is empty";
	} else if (len > 63) {
		*why = "a part between its dots is longer than 63 bytes";
	} else if (label[0] == '-' || label[len - 1] == '-') {
		*why = "a part between its dots begins or ends with '-'";
	} else {
		return true;
	}
	return false;
}

// inet_aton(3), and with it most programs, takes 127.1, 0x7f.1 and 2130706433 for addresses.
static bool is_numeric(const char *label) {
	if (label[0] == '0' && label[1] == 'x') {
		label += 2;
		while (is_hex(*label)) {
			label++;
		}
		return *label == '\0';
	}
	while (is_digit(*label)) {
		label++;
	}
	return *label == '\0';
}

bool network_name_canonical(const char *untrusted_name, size_t len,
	char out[static NETWORK_NAME_SIZE], const char **why) {
	out[0] = '\0';
	if (len > 0 && untrusted_name[len - 1] == '.') {
		len--;
	}
	if (len == 0) {
		*why = "it is empty";
		return false;
	}
	if (len >= NETWORK_NAME_SIZE) {
		*why = "it is longer than 253 bytes";
		return false;
	}
	char name[NETWORK_NAME_SIZE];
	for (size_t i = 0; i < len; i++) {
		char c = untrusted_name[i];
		if (c >= 'A' && c <= 'Z') {
			c = (char)(c - 'A' + 'a');
		}
		if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-' && c != '_' && c != '.') {
			*why = refused_character((unsigned char)c);
			return false;
		}
		name[i] = c;
	}
	name[len] = '\0';
	const char *label = name;
	while (true) {
		size_t label_len = strcspn(label, ".");
		if (!check_label(label, label_len, why)) {
			return false;
		}
		if (label[label_len] == '\0') {
			break;
		}
		label += label_len + 1;
	}
	if (is_numeric(label)) {
		*why = "it is an address, or programs take it for one";
		return false;
	}
	memcpy(out, name, len + 1);
	return true;
}

bool name_is_below(const char *name, const char *base) {
	size_t len = strlen(name), base_len = strlen(base);
	return len > base_len + 1 && name[len - base_len - 1] == '.' &&
	       strcmp(name + len - base_len, base) == 0;
}

bool name_is_localhost(const char *name) {
	return strcmp(name, "localhost") == 0 || name_is_below(name, "localhost");
}
