#include "clipboard/item.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/util/log.h>

#include "clipboard/mime.h"

#define CHUNK 65536

struct items {
	struct wl_event_loop *loop;
	struct wl_list transfers; // transfer.link
	size_t transfers_len;
};

// The bytes, which transfers may need longer than the clipboard.
struct content {
	int fd;
	size_t bytes;
	size_t refs;
};

struct item {
	struct wlr_data_source source;
	struct items *items;
	struct content *content;
	bool pasted;
	struct wl_event_source *linger; // NULL: not for one paste
	void (*when_pasted)(void *data);
	void *data;
};

struct transfer {
	struct wl_list link;
	struct items *items;
	struct item *item; // NULL: it is gone
	struct wl_listener item_destroy;
	struct content *content;
	int fd;
	bool socket;
	size_t done;
	struct wl_event_source *writable, *deadline;
};

static void release(struct content *content) {
	if (--content->refs == 0) {
		close(content->fd);
		free(content);
	}
}

static bool add_type(struct wlr_data_source *source, const char *type) {
	char *copy = strdup(type);
	char **place = copy != NULL ? wl_array_add(&source->mime_types, sizeof(*place)) : NULL;
	if (place == NULL) {
		free(copy);
		return false;
	}
	*place = copy;
	return true;
}

// ---- a paste

static void end_transfer(struct transfer *transfer) {
	wl_list_remove(&transfer->link);
	wl_list_remove(&transfer->item_destroy.link);
	transfer->items->transfers_len--;
	if (transfer->writable != NULL) {
		wl_event_source_remove(transfer->writable);
	}
	if (transfer->deadline != NULL) {
		wl_event_source_remove(transfer->deadline);
	}
	close(transfer->fd);
	release(transfer->content);
	free(transfer);
}

static int handle_linger(void *data) {
	struct item *item = data;
	wlr_data_source_destroy(&item->source); // the seat lets go of it
	return 0;
}

static void note_pasted(struct item *item) {
	if (item->pasted) {
		return;
	}
	item->pasted = true;
	if (item->linger != NULL) {
		wl_event_source_timer_update(item->linger, ITEM_LINGER_MS);
	}
	if (item->when_pasted != NULL) {
		item->when_pasted(item->data);
	}
}

/*
 * Writes without waiting, whatever the application does with the flags that it shares with us. -1:
 * with errno.
 */
static ssize_t write_some(const struct transfer *transfer, const char *bytes, size_t len) {
	if (transfer->socket) {
		return send(transfer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	ssize_t n = pwritev2(transfer->fd, &iov, 1, -1, RWF_NOWAIT);
	if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) {
		return n;
	}
	// Before Linux 6.4 there is no such promise for a pipe. One that has room for anything has
	// room for a page (pipe(7)).
	struct pollfd poll_fd = {.fd = transfer->fd, .events = POLLOUT};
	if (poll(&poll_fd, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	fcntl(transfer->fd, F_SETFL, O_NONBLOCK);
	return write(transfer->fd, bytes, len < 4096 ? len : 4096);
}

// A turn of it: bounded, so that a fast reader keeps nobody waiting. False: it is over.
static bool go_on(struct transfer *transfer) {
	char chunk[CHUNK];
	size_t left = transfer->content->bytes - transfer->done;
	ssize_t n = pread(
		transfer->content->fd, chunk, left < CHUNK ? left : CHUNK, (off_t)transfer->done);
	if (n <= 0) {
		return false; // cannot be: it is sealed
	}
	n = write_some(transfer, chunk, (size_t)n);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	transfer->done += (size_t)n;
	if (transfer->done < transfer->content->bytes) {
		return true;
	}
	if (transfer->item != NULL) {
		note_pasted(transfer->item);
	}
	return false;
}

static int handle_writable(int fd, uint32_t mask, void *data) {
	struct transfer *transfer = data;
	if (!go_on(transfer)) {
		end_transfer(transfer);
	}
	return 0;
}

static int handle_deadline(void *data) {
	end_transfer(data);
	return 0;
}

static void handle_item_destroy(struct wl_listener *listener, void *data) {
	struct transfer *transfer = wl_container_of(listener, transfer, item_destroy);
	transfer->item = NULL;
	wl_list_remove(&transfer->item_destroy.link);
	wl_list_init(&transfer->item_destroy.link);
}

// Pipes, named ones too, and local sockets: of everything else a write may take its time.
static bool may_be_written(int fd, bool *socket) {
	struct stat st;
	if (fstat(fd, &st) != 0) {
		return false;
	}
	int domain = 0;
	socklen_t len = sizeof(domain);
	*socket = S_ISSOCK(st.st_mode) &&
		  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
	return *socket || S_ISFIFO(st.st_mode);
}

static void handle_send(struct wlr_data_source *source, const char *type, int32_t fd) {
	struct item *item = wl_container_of(source, item, source);
	struct items *items = item->items;
	bool socket, offered = false;
	char **mime;
	wl_array_for_each (mime, &source->mime_types) {
		offered = offered || (strcmp(*mime, type) == 0 && strcmp(type, MIME_OUTSIDE) != 0);
	}
	struct transfer *transfer = NULL;
	if (!offered || items->transfers_len == ITEM_MAX_TRANSFERS ||
		!may_be_written(fd, &socket) || (transfer = calloc(1, sizeof(*transfer))) == NULL) {
		close(fd);
		return;
	}
	transfer->items = items;
	transfer->fd = fd;
	transfer->socket = socket;
	transfer->content = item->content;
	transfer->content->refs++;
	transfer->item = item;
	transfer->item_destroy.notify = handle_item_destroy;
	wl_signal_add(&source->events.destroy, &transfer->item_destroy);
	wl_list_insert(&items->transfers, &transfer->link);
	items->transfers_len++;
	transfer->writable =
		wl_event_loop_add_fd(items->loop, fd, WL_EVENT_WRITABLE, handle_writable, transfer);
	transfer->deadline = wl_event_loop_add_timer(items->loop, handle_deadline, transfer);
	if (transfer->writable == NULL || transfer->deadline == NULL) {
		end_transfer(transfer);
		return;
	}
	wl_event_source_timer_update(transfer->deadline, ITEM_DEADLINE_MS);
}

// ---- the item

static void handle_destroy(struct wlr_data_source *source) {
	struct item *item = wl_container_of(source, item, source);
	if (item->linger != NULL) {
		wl_event_source_remove(item->linger);
	}
	release(item->content);
	free(item);
}

static const struct wlr_data_source_impl impl = {
	.send = handle_send,
	.destroy = handle_destroy,
};

static bool is_sealed(int fd, size_t bytes) {
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	return seals >= 0 && (seals & needed) == needed && fstat(fd, &st) == 0 && st.st_size >= 0 &&
	       (size_t)st.st_size == bytes && bytes > 0;
}

struct wlr_data_source *item_create(struct items *items, const struct item_options *options) {
	struct item *item = NULL;
	struct content *content = NULL;
	if (!is_sealed(options->fd, options->bytes) || (item = calloc(1, sizeof(*item))) == NULL ||
		(content = calloc(1, sizeof(*content))) == NULL) {
		close(options->fd);
		free(item);
		return NULL;
	}
	*content = (struct content){.fd = options->fd, .bytes = options->bytes, .refs = 1};
	wlr_data_source_init(&item->source, &impl);
	item->items = items;
	item->content = content;
	item->when_pasted = options->pasted;
	item->data = options->data;
	bool made = add_type(&item->source, options->type);
	for (const char *const *alias = mime_aliases(options->type); *alias != NULL; alias++) {
		made = made && add_type(&item->source, *alias);
	}
	made = made && (!options->outside || add_type(&item->source, MIME_OUTSIDE));
	if (made && options->once) {
		item->linger = wl_event_loop_add_timer(items->loop, handle_linger, item);
		made = item->linger != NULL;
	}
	if (!made) {
		wlr_data_source_destroy(&item->source);
		return NULL;
	}
	return &item->source;
}

struct items *items_create(struct wl_event_loop *loop) {
	struct items *items = calloc(1, sizeof(*items));
	if (items != NULL) {
		items->loop = loop;
		wl_list_init(&items->transfers);
	}
	return items;
}

void items_destroy(struct items *items) {
	if (items == NULL) {
		return;
	}
	struct transfer *transfer, *next;
	wl_list_for_each_safe (transfer, next, &items->transfers, link) {
		end_transfer(transfer);
	}
	free(items);
}
