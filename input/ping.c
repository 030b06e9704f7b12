#include "input/ping.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_xdg_shell.h>

#include "xdg-shell-protocol.h"

struct pinger {
	struct wl_display *display;
	struct wl_protocol_logger *logger;
	struct wl_list pings; // ping.link
	struct wl_event_source *idle; // NULL: no answer is to be told
};

struct ping {
	struct pinger *pinger;
	struct wl_list link;
	const struct wl_resource *shell; // only compared: it may be gone
	struct wl_listener shell_destroy;
	uint32_t serial;
	bool is_answered;
	void (*answered)(void *data);
	void *data;
};

static void tell(void *data) {
	struct pinger *pinger = data;
	pinger->idle = NULL;
	// Each call may send and cancel others: from the start again after it.
	for (struct wl_list *at = pinger->pings.next; at != &pinger->pings;) {
		struct ping *ping = wl_container_of(at, ping, link);
		if (!ping->is_answered) {
			at = at->next;
			continue;
		}
		void (*answered)(void *) = ping->answered;
		void *whom = ping->data;
		ping_cancel(ping);
		answered(whom);
		at = pinger->pings.next;
	}
}

static void end(struct ping *ping) {
	struct pinger *pinger = ping->pinger;
	ping->is_answered = true;
	if (pinger->idle == NULL) {
		pinger->idle = wl_event_loop_add_idle(
			wl_display_get_event_loop(pinger->display), tell, pinger);
	}
}

static void handle_shell_destroy(struct wl_listener *listener, void *data) {
	struct ping *ping = wl_container_of(listener, ping, shell_destroy);
	wl_list_remove(&ping->shell_destroy.link);
	wl_list_init(&ping->shell_destroy.link);
	end(ping);
}

static void look(void *data, enum wl_protocol_logger_type direction,
	const struct wl_protocol_logger_message *message) {
	struct pinger *pinger = data;
	if (wl_list_empty(&pinger->pings) || direction != WL_PROTOCOL_LOGGER_REQUEST ||
		strcmp(message->message->name, "pong") != 0 ||
		strcmp(wl_resource_get_class(message->resource), "xdg_wm_base") != 0) {
		return;
	}
	struct ping *ping;
	wl_list_for_each (ping, &pinger->pings, link) {
		if (ping->shell != message->resource || ping->serial != message->arguments[0].u) {
			continue;
		}
		end(ping);
	}
}

struct pinger *pinger_create(struct wl_display *display) {
	struct pinger *pinger = calloc(1, sizeof(*pinger));
	if (pinger == NULL) {
		return NULL;
	}
	pinger->display = display;
	wl_list_init(&pinger->pings);
	pinger->logger = wl_display_add_protocol_logger(display, look, pinger);
	if (pinger->logger == NULL) {
		free(pinger);
		return NULL;
	}
	return pinger;
}

void pinger_destroy(struct pinger *pinger) {
	if (pinger == NULL) {
		return;
	}
	struct ping *ping, *next;
	wl_list_for_each_safe (ping, next, &pinger->pings, link) {
		ping_cancel(ping);
	}
	if (pinger->idle != NULL) {
		wl_event_source_remove(pinger->idle);
	}
	wl_protocol_logger_destroy(pinger->logger);
	free(pinger);
}

struct ping *ping_send(struct pinger *pinger, struct wlr_surface *surface,
	void (*answered)(void *data), void *data) {
	const struct wlr_xdg_surface *xdg =
		wlr_xdg_surface_try_from_wlr_surface(wlr_surface_get_root_surface(surface));
	if (xdg == NULL || xdg->client == NULL) {
		return NULL;
	}
	struct ping *ping = calloc(1, sizeof(*ping));
	if (ping == NULL) {
		return NULL;
	}
	*ping = (struct ping){
		.pinger = pinger,
		.shell = xdg->client->resource,
		.serial = wl_display_next_serial(pinger->display),
		.answered = answered,
		.data = data,
	};
	ping->shell_destroy.notify = handle_shell_destroy;
	wl_resource_add_destroy_listener(xdg->client->resource, &ping->shell_destroy);
	wl_list_insert(pinger->pings.prev, &ping->link);
	xdg_wm_base_send_ping(xdg->client->resource, ping->serial);
	return ping;
}

void ping_cancel(struct ping *ping) {
	if (ping != NULL) {
		wl_list_remove(&ping->link);
		wl_list_remove(&ping->shell_destroy.link);
		free(ping);
	}
}
