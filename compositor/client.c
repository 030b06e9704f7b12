// Connections, and how much one of them may ask for.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wlr/types/wlr_subcompositor.h>
#include <wlr/util/log.h>

#include "compositor/internal.h"

#define SUBSURFACE_DEPTH_MAX 32
// In the whole life of a connection: a hundred thousand ordinary copies.
#define OFFERED_BYTES_MAX (32u << 20)
// Of one source, each of which is compared with all before it (clipboard/selection.h has less).
#define OFFERED_TYPES_MAX 1024

/*
 * Far above what Chromium, Firefox or a GTK program holds, far below what hurts: they stop a flood
 * before it is the memory limit of the whole session that stops it.
 */
static const struct {
	const char *interface; // NULL: every object
	uint32_t most;
	const char *name;
} limits[LIMIT_KINDS] = {
	[LIMIT_OBJECTS] = {NULL, 20000, "objects"},
	[LIMIT_SURFACES] = {"wl_surface", 2000, "surfaces"},
	[LIMIT_TOPLEVELS] = {"xdg_toplevel", 200, "toplevels"},
	[LIMIT_POPUPS] = {"xdg_popup", 200, "popups"},
	[LIMIT_POOLS] = {"wl_shm_pool", 1000, "shm pools"},
	[LIMIT_BUFFERS] = {"wl_buffer", 4000, "buffers"},
	[LIMIT_REGIONS] = {"wl_region", 4000, "regions"},
	[LIMIT_SOURCES] = {"wl_data_source", 256, "data sources"},
	[LIMIT_TOKENS] = {"xdg_activation_token_v1", 256, "activation tokens"},
};

// An object of a client, from its creation to its end.
struct counted {
	struct client *client;
	enum limit_kind kind; // LIMIT_OBJECTS: of no kind of its own
	uint32_t offered; // types, of a source
	struct wl_listener destroy;
};

struct surface_watch {
	struct compositor *compositor;
	struct wlr_surface *surface;
	struct wl_listener client_commit, new_subsurface, destroy;
};

static void refuse(struct client *client, const char *what, uint32_t most) {
	// A client on its way out can be sent no error any more.
	if (!client->over_limit && !client->ending) {
		client->over_limit = true;
		wlr_log(WLR_ERROR, "client %u: more than %u %s, disconnected", client->id, most,
			what);
		wl_client_post_no_memory(client->wl_client);
	}
}

static void handle_resource_destroy(struct wl_listener *listener, void *data) {
	struct counted *counted = wl_container_of(listener, counted, destroy);
	counted->client->counts[LIMIT_OBJECTS]--;
	if (counted->kind != LIMIT_OBJECTS) {
		counted->client->counts[counted->kind]--;
	}
	free(counted);
}

static void handle_resource_created(struct wl_listener *listener, void *data) {
	struct client *client = wl_container_of(listener, client, resource_created);
	struct wl_resource *resource = data;
	struct counted *counted = calloc(1, sizeof(*counted));
	if (counted == NULL) {
		refuse(client, "objects than there is memory for", 0);
		return;
	}
	const char *interface = wl_resource_get_class(resource);
	counted->client = client;
	counted->kind = LIMIT_OBJECTS;
	for (int kind = LIMIT_OBJECTS + 1; kind < LIMIT_KINDS; kind++) {
		if (strcmp(interface, limits[kind].interface) == 0) {
			counted->kind = (enum limit_kind)kind;
			break;
		}
	}
	counted->destroy.notify = handle_resource_destroy;
	wl_resource_add_destroy_listener(resource, &counted->destroy);
	uint32_t total = ++client->counts[LIMIT_OBJECTS];
	if (total > limits[LIMIT_OBJECTS].most) {
		refuse(client, limits[LIMIT_OBJECTS].name, limits[LIMIT_OBJECTS].most);
	}
	if (counted->kind != LIMIT_OBJECTS &&
		++client->counts[counted->kind] > limits[counted->kind].most) {
		refuse(client, limits[counted->kind].name, limits[counted->kind].most);
	}
}

// ---- subsurfaces: trees are walked by recursion, so their depth is a matter of the stack

static uint32_t depth_of(struct wlr_surface *surface) {
	uint32_t depth = 0;
	struct wlr_subsurface *sub = wlr_subsurface_try_from_wlr_surface(surface);
	while (sub != NULL && sub->parent != NULL && depth <= SUBSURFACE_DEPTH_MAX) {
		depth++;
		sub = wlr_subsurface_try_from_wlr_surface(sub->parent);
	}
	return depth;
}

static uint32_t height_of(struct wlr_surface *surface, uint32_t budget) {
	uint32_t height = 0;
	struct wlr_subsurface *sub;
	struct wl_list *lists[] = {
		&surface->current.subsurfaces_below, &surface->current.subsurfaces_above};
	for (size_t i = 0; budget > 0 && i < 2; i++) {
		wl_list_for_each (sub, lists[i], current.link) {
			uint32_t below = 1 + height_of(sub->surface, budget - 1);
			height = below > height ? below : height;
		}
	}
	return height;
}

static void check_depth(struct surface_watch *watch, uint32_t depth) {
	struct client *client =
		client_from_wl(watch->compositor, wl_resource_get_client(watch->surface->resource));
	if (depth > SUBSURFACE_DEPTH_MAX && client != NULL) {
		refuse(client, "levels of subsurfaces", SUBSURFACE_DEPTH_MAX);
	}
}

// Before the commit is applied or, in a synchronised tree, kept for later.
static void handle_client_commit(struct wl_listener *listener, void *data) {
	struct surface_watch *watch = wl_container_of(listener, watch, client_commit);
	check_depth(watch, depth_of(watch->surface));
}

// A tree built from below is never deep at the surface that commits.
static void handle_new_subsurface(struct wl_listener *listener, void *data) {
	struct surface_watch *watch = wl_container_of(listener, watch, new_subsurface);
	const struct wlr_subsurface *sub = data;
	check_depth(
		watch, depth_of(sub->surface) + height_of(sub->surface, SUBSURFACE_DEPTH_MAX + 1));
}

static void handle_surface_destroy(struct wl_listener *listener, void *data) {
	struct surface_watch *watch = wl_container_of(listener, watch, destroy);
	wl_list_remove(&watch->client_commit.link);
	wl_list_remove(&watch->new_subsurface.link);
	wl_list_remove(&watch->destroy.link);
	free(watch);
}

void limits_watch_surface(struct compositor *c, struct wlr_surface *surface) {
	struct surface_watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL) {
		wl_client_post_no_memory(wl_resource_get_client(surface->resource));
		return;
	}
	watch->compositor = c;
	watch->surface = surface;
	watch->client_commit.notify = handle_client_commit;
	wl_signal_add(&surface->events.client_commit, &watch->client_commit);
	watch->new_subsurface.notify = handle_new_subsurface;
	wl_signal_add(&surface->events.new_subsurface, &watch->new_subsurface);
	watch->destroy.notify = handle_surface_destroy;
	wl_signal_add(&surface->events.destroy, &watch->destroy);
}

// ---- names of MIME types: the one thing without an object of its own that a client can pile up
// here

static void note_request(void *data, enum wl_protocol_logger_type direction,
	const struct wl_protocol_logger_message *message) {
	struct compositor *c = data;
	if (direction != WL_PROTOCOL_LOGGER_REQUEST ||
		strcmp(message->message->name, "offer") != 0 || message->arguments_count != 1) {
		return;
	}
	struct client *client = client_from_wl(c, wl_resource_get_client(message->resource));
	if (client == NULL || message->arguments[0].s == NULL) {
		return;
	}
	client->offered_bytes += strlen(message->arguments[0].s) + 1;
	if (client->offered_bytes > OFFERED_BYTES_MAX) {
		refuse(client, "bytes of MIME types", OFFERED_BYTES_MAX);
	}
	struct wl_listener *listener =
		wl_resource_get_destroy_listener(message->resource, handle_resource_destroy);
	struct counted *counted =
		listener == NULL ? NULL : wl_container_of(listener, counted, destroy);
	if (counted != NULL && ++counted->offered > OFFERED_TYPES_MAX) {
		refuse(client, "MIME types of one source", OFFERED_TYPES_MAX);
	}
}

bool limits_create(struct compositor *c) {
	c->request_logger = wl_display_add_protocol_logger(c->display, note_request, c);
	return c->request_logger != NULL;
}

void limits_finish(struct compositor *c) {
	if (c->request_logger != NULL) {
		wl_protocol_logger_destroy(c->request_logger);
	}
}

// ---- connections

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct client *client = wl_container_of(listener, client, destroy);
	client->ending = true;
}

static void handle_destroy_late(struct wl_listener *listener, void *data) {
	struct client *client = wl_container_of(listener, client, destroy_late);
	struct channel_message message = {.type = CHANNEL_CLIENT_GONE};
	message.client.id = client->id;
	compositor_emit(client->compositor, &message);
	wl_list_remove(&client->resource_created.link);
	wl_list_remove(&client->link);
	free(client);
}

struct client *client_from_wl(struct compositor *c, struct wl_client *wl_client) {
	struct client *client;
	wl_list_for_each (client, &c->clients, link) {
		if (client->wl_client == wl_client) {
			return client;
		}
	}
	return NULL;
}

bool compositor_add_client(struct compositor *c, int fd, uint32_t id) {
	struct client *client = calloc(1, sizeof(*client));
	if (client == NULL || c->failed || wl_list_length(&c->clients) >= COMPOSITOR_MAX_CLIENTS) {
		free(client);
		close(fd);
		return false;
	}
	struct wl_client *wl_client = wl_client_create(c->display, fd);
	if (wl_client == NULL) {
		free(client);
		close(fd);
		return false;
	}
	client->compositor = c;
	client->wl_client = wl_client;
	client->id = id;
	wl_list_insert(&c->clients, &client->link);
	client->resource_created.notify = handle_resource_created;
	wl_client_add_resource_created_listener(wl_client, &client->resource_created);
	client->destroy.notify = handle_destroy;
	wl_client_add_destroy_listener(wl_client, &client->destroy);
	// Its objects go before this signal, so what counts them may stay until then.
	client->destroy_late.notify = handle_destroy_late;
	wl_client_add_destroy_late_listener(wl_client, &client->destroy_late);
	return true;
}
