#include "network/hosts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct host {
	uint32_t name; // where in `names`
	uint32_t line; // keeps the file's order among those of one name
	struct network_address address;
};

struct hosts {
	struct host *list;
	size_t len, size;
	char *names; // NUL-terminated, one after the other
	size_t names_len, names_size;
};

static char *read_whole(const char *path) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;
	char *text = NULL;
	if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
		stat.st_size <= HOSTS_MAX_BYTES) {
		size_t len = 0, size = (size_t)stat.st_size;
		text = malloc(size + 1);
		ssize_t n = 1;
		while (text != NULL && len < size && (n = read(fd, text + len, size - len)) > 0) {
			len += (size_t)n;
		}
		if (text != NULL) {
			text[len] = '\0';
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	return text;
}

// Doubles a list where it is full.
static void *grow(void *list, size_t len, size_t *size, size_t each) {
	if (len < *size) {
		return list;
	}
	size_t more = *size == 0 ? 64 : *size * 2;
	void *moved = realloc(list, more * each);
	if (moved != NULL) {
		*size = more;
	}
	return moved;
}

static bool add(struct hosts *hosts, const char *name, const struct network_address *address,
	uint32_t line) {
	size_t len = strlen(name) + 1;
	while (hosts->names_size - hosts->names_len < len) {
		char *names = grow(hosts->names, hosts->names_size, &hosts->names_size, 1);
		if (names == NULL) {
			return false;
		}
		hosts->names = names;
	}
	struct host *list = grow(hosts->list, hosts->len, &hosts->size, sizeof(*list));
	if (list == NULL) {
		return false;
	}
	hosts->list = list;
	memcpy(hosts->names + hosts->names_len, name, len);
	list[hosts->len++] = (struct host){
		.name = (uint32_t)hosts->names_len, .line = line, .address = *address};
	hosts->names_len += len;
	return true;
}

static bool add_line(struct hosts *hosts, char *text, uint32_t line) {
	static const char blanks[] = " \t\r";
	char *rest = NULL;
	text[strcspn(text, "#")] = '\0';
	const char *word = strtok_r(text, blanks, &rest);
	struct network_address address;
	if (word == NULL || !network_address_parse(word, &address)) {
		return true;
	}
	while ((word = strtok_r(NULL, blanks, &rest)) != NULL) {
		char name[NETWORK_NAME_SIZE];
		const char *why;
		if (network_name_canonical(word, strlen(word), name, &why) &&
			!add(hosts, name, &address, line)) {
			return false;
		}
	}
	return true;
}

static int compare(const void *left, const void *right, void *data) {
	const struct host *a = left, *b = right;
	const char *names = data;
	int order = strcmp(names + a->name, names + b->name);
	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

struct hosts *hosts_load(const char *path) {
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	char *text = hosts != NULL ? read_whole(path) : NULL;
	bool good = hosts != NULL;
	char *rest = NULL;
	uint32_t line = 0;
	for (char *at = text != NULL ? strtok_r(text, "\n", &rest) : NULL; at != NULL && good;
		at = strtok_r(NULL, "\n", &rest)) {
		good = add_line(hosts, at, line++);
	}
	free(text);
	if (!good) {
		hosts_destroy(hosts);
		return NULL;
	}
	if (hosts->len > 0) {
		qsort_r(hosts->list, hosts->len, sizeof(*hosts->list), compare, hosts->names);
	}
	return hosts;
}

void hosts_destroy(struct hosts *hosts) {
	if (hosts != NULL) {
		free(hosts->list);
		free(hosts->names);
		free(hosts);
	}
}

size_t hosts_find(
	const struct hosts *hosts, const char *name, struct network_address *out, size_t size) {
	size_t low = 0, high = hosts->len;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(hosts->names + hosts->list[middle].name, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	size_t found = 0;
	for (; low < hosts->len && found < size &&
		strcmp(hosts->names + hosts->list[low].name, name) == 0;
		low++) {
		out[found++] = hosts->list[low].address;
	}
	return found;
}
