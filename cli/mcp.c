#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/mcp.h"
#include "agent/service.h"
#include "cli/cli.h"
#include "policy/policy.h"
#include "session/connection.h"
#include "session/rpc.h"
#include "session/runtime.h"
#include "session/session.h"

static const char help[] =
	"Usage: parclose mcp [OPTION…] [-- COMMAND [ARGUMENT…]]\n"
	"       parclose mcp --session NAME\n"
	"\n"
	"Serves an agent by the Model Context Protocol on standard input and output. The first "
	"call that needs\n"
	"it starts a session, with COMMAND (or the policy's commandLine) in it; the session ends "
	"with standard\n"
	"input. With --session the agent is connected to a session that runs already.\n"
	"\n"
	"  -p, --policy FILE    the policy; - is not possible here; default: the built-in one, "
	"locked\n"
	"  -n, --name NAME      the session's name; default: the command's\n"
	"  -s, --session NAME   use this session, and leave it running\n"
	"\n"
	"Set up for agents: man parclose-mcp\n";

// Answers that are due when standard input ends are waited for this long.
#define LAST_ANSWERS_MS 2000
#define STOP_GRACE_MS 1000
#define FIRST_WINDOW_MS 5000

struct server {
	struct wl_event_loop *loop;
	struct session_options options;
	struct mcp *mcp;
	struct connection *connection; // NULL: it is gone
	struct session *session; // NULL: none was needed yet
	bool ended; // the session; it is freed when the next one starts
	char reason[560]; // why it ended, while nobody was told
	bool stopping; // on request of the agent
	bool busy; // calls were under way when this turn of the event loop began
	bool finishing; // nothing more is read
	bool quitting;
	struct wl_event_source *deadline;
};

// ---- the session

static void handle_ended(void *data, const struct session_result *result) {
	struct server *server = data;
	server->ended = true;
	server->reason[0] = '\0';
	// Calls under way say it themselves, and who asked for it knows.
	if (!server->stopping && !server->busy) {
		snprintf(server->reason, sizeof(server->reason), "%s", result->reason);
	}
	server->stopping = false;
	mcp_session_ended(server->mcp, result->reason);
}

static void handle_started(void *data, int pty_fd) {
	(void)data;
	(void)pty_fd; // it has no terminal
}

static const struct session_observer observer = {
	.started = handle_started,
	.ended = handle_ended,
};

static void host_send(void *data, cJSON *message) {
	struct server *server = data;
	if (server->connection != NULL) {
		connection_send_json(server->connection, message);
	} else {
		cJSON_Delete(message);
	}
}

static struct session *host_session(void *data, char *why, size_t why_size) {
	struct server *server = data;
	if (server->session != NULL && !server->ended) {
		if (session_state(server->session) <= SESSION_RUNNING) {
			return server->session;
		}
		snprintf(why, why_size, "the session is ending; try again in a moment");
		return NULL;
	}
	session_destroy(server->session);
	server->session = NULL;
	server->ended = false;
	if (server->reason[0] != '\0') {
		snprintf(why, why_size, "the session ended: %s. The next call starts a new one",
			server->reason);
		server->reason[0] = '\0';
		return NULL;
	}
	struct session_result result;
	server->session =
		session_create(server->loop, &server->options, &observer, server, &result);
	if (server->session == NULL) {
		snprintf(why, why_size, "no session could be started: %s", result.reason);
		return NULL;
	}
	if (server->options.argv != NULL || server->options.policy->process.command_line != NULL) {
		mcp_expect_window(server->mcp, FIRST_WINDOW_MS);
	}
	return server->session;
}

static struct session *host_peek(void *data) {
	struct server *server = data;
	return server->ended ? NULL : server->session;
}

static size_t host_pending(void *data) {
	struct server *server = data;
	return server->connection != NULL ? connection_pending(server->connection) : 0;
}

static void host_stop(void *data) {
	struct server *server = data;
	if (server->session != NULL && !server->ended) {
		server->stopping = true;
		session_stop(server->session, "MCP", SESSION_GRACE_MS);
	}
}

static const struct mcp_host host = {
	.send = host_send,
	.session = host_session,
	.peek = host_peek,
	.pending = host_pending,
	.stop = host_stop,
};

// ---- the client

static void quit(struct server *server) {
	server->quitting = true;
	if (server->session != NULL && !server->ended) {
		session_stop(server->session, "the end of parclose mcp", STOP_GRACE_MS);
	}
}

static int handle_deadline(void *data) {
	quit(data);
	return 0;
}

static void handle_line(void *data, const char *untrusted_line, size_t len) {
	struct server *server = data;
	cJSON *error;
	cJSON *message = rpc_parse(untrusted_line, len, &error);
	if (message == NULL) {
		connection_send_json(server->connection, error);
		return;
	}
	mcp_message(server->mcp, message);
	cJSON_Delete(message);
}

// Standard input ended: what was asked for before is still answered, as far as it does not take
// long.
static void handle_input_ended(void *data) {
	struct server *server = data;
	server->finishing = true;
	server->deadline = wl_event_loop_add_timer(server->loop, handle_deadline, server);
	if (server->deadline == NULL) {
		quit(server);
	} else {
		wl_event_source_timer_update(server->deadline, LAST_ANSWERS_MS);
	}
}

static void handle_closed(void *data) {
	struct server *server = data;
	server->connection = NULL;
	quit(server);
}

static const struct connection_handler client_handler = {
	.line = handle_line,
	.ended = handle_input_ended,
	.closed = handle_closed,
};

static int handle_signal(int number, void *data) {
	struct server *server = data;
	if (server->quitting && server->session != NULL && !server->ended) {
		session_stop(server->session, strsignal(number), 0); // the second time
	}
	quit(server);
	return 0;
}

// ---- serving

static void serve(struct server *server) {
	while (!server->quitting || (server->session != NULL && !server->ended)) {
		server->busy = mcp_requests(server->mcp) > 0;
		if (server->finishing && !server->quitting && server->connection != NULL &&
			mcp_requests(server->mcp) == 0) {
			// Closes, and quits, when everything is written.
			server->finishing = false;
			connection_finish(server->connection);
			wl_event_loop_dispatch_idle(server->loop);
			continue;
		}
		if (wl_event_loop_dispatch(server->loop, -1) < 0) {
			break;
		}
	}
}

static int run_server(const struct session_options *options) {
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct wl_event_source *sources[3] = {0};
	struct server server = {.loop = wl_event_loop_create(), .options = *options};
	signal(SIGPIPE, SIG_IGN);
	bool display = options->policy->containment == POLICY_CONTAINMENT_SESSION;
	struct mcp_options mcp_options = {
		.loop = server.loop,
		.width = display ? options->policy->display.width : 0,
		.height = display ? options->policy->display.height : 0,
	};
	// Standard output is the client's alone: what else may print finds standard error there.
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int code = 1;
	if (server.loop == NULL || in < 0 || out < 0 || null_fd < 0 ||
		dup2(null_fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
		(server.mcp = mcp_create(&mcp_options, &host, &server)) == NULL) {
		complain("cannot begin: %s", strerror(errno));
		goto out;
	}
	for (size_t i = 0; i < 3; i++) {
		sources[i] =
			wl_event_loop_add_signal(server.loop, signals[i], handle_signal, &server);
	}
	server.connection = connection_create(server.loop, in, out, &client_handler, &server);
	in = out = -1;
	if (server.connection == NULL) {
		complain("out of memory");
		goto out;
	}
	serve(&server);
	code = 0;
out:
	connection_destroy(server.connection);
	mcp_destroy(server.mcp);
	session_destroy(server.session);
	if (server.deadline != NULL) {
		wl_event_source_remove(server.deadline);
	}
	for (size_t i = 0; i < 3; i++) {
		if (sources[i] != NULL) {
			wl_event_source_remove(sources[i]);
		}
	}
	if (server.loop != NULL) {
		wl_event_loop_destroy(server.loop);
	}
	int fds[] = {in, out, null_fd};
	for (size_t i = 0; i < 3; i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	return code;
}

// ---- relaying

#define PUMP_BYTES 65536
// poll(2) promises this much room in a pipe and no more: <linux/limits.h>, PIPE_BUF.
#define WRITE_BYTES 4096

// Bytes on their way from one descriptor to another.
struct pump {
	int from, to;
	char bytes[PUMP_BYTES];
	size_t len, done;
};

// One step of it. False: it came to its end.
static bool pump_step(struct pump *pump, short from_events, short to_events) {
	if (pump->done < pump->len) {
		size_t left = pump->len - pump->done;
		if (to_events == 0) {
			return true;
		}
		ssize_t n = write(pump->to, pump->bytes + pump->done,
			left < WRITE_BYTES ? left : WRITE_BYTES);
		if (n < 0) {
			return errno == EINTR || errno == EAGAIN;
		}
		pump->done += (size_t)n;
		return true;
	}
	if (from_events == 0) {
		return true;
	}
	ssize_t n = read(pump->from, pump->bytes, sizeof(pump->bytes));
	if (n < 0) {
		return errno == EINTR || errno == EAGAIN;
	}
	pump->len = (size_t)n;
	pump->done = 0;
	return n > 0;
}

// Milliseconds from now until `then`, at least 0.
static int ms_until(const struct timespec *then) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long long ms =
		(then->tv_sec - now.tv_sec) * 1000LL + (then->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

// Carries everything both ways until one side ends. When it is the client's, it still gets what it
// asked for, as far as it does not take long.
static int relay(const char *name) {
	struct runtime_why why;
	int fd = runtime_connect(name, &why);
	struct pump *pumps = calloc(2, sizeof(*pumps));
	if (fd < 0 || pumps == NULL) {
		complain("%s", fd < 0 ? why.text : "out of memory");
		free(pumps);
		if (fd >= 0) {
			close(fd);
		}
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	struct pump *up = &pumps[0], *down = &pumps[1];
	up->from = STDIN_FILENO;
	up->to = down->from = fd;
	down->to = STDOUT_FILENO;
	bool ended = false, session_ended = false, deaf = false;
	struct timespec deadline;
	while (!ended && !session_ended && !(deaf && ms_until(&deadline) == 0)) {
		bool up_full = up->done < up->len, down_full = down->done < down->len;
		struct pollfd polled[] = {
			{.fd = up_full || deaf ? -1 : STDIN_FILENO, .events = POLLIN},
			{.fd = fd,
				.events = (short)((up_full ? POLLOUT : 0) |
						  (down_full ? 0 : POLLIN))},
			{.fd = STDOUT_FILENO, .events = down_full ? POLLOUT : 0},
		};
		if (poll(polled, 3, deaf ? ms_until(&deadline) : -1) < 0) {
			if (errno != EINTR) {
				break;
			}
			continue;
		}
		short socket = polled[1].revents;
		session_ended = !pump_step(down, socket & (POLLIN | POLLHUP | POLLERR),
			polled[2].revents & (POLLOUT | POLLERR));
		ended = (polled[2].revents & POLLERR) != 0;
		if (!deaf && !pump_step(up, polled[0].revents, socket & (POLLOUT | POLLERR))) {
			deaf = true;
			shutdown(fd, SHUT_WR);
			clock_gettime(CLOCK_MONOTONIC, &deadline);
			deadline.tv_sec += LAST_ANSWERS_MS / 1000;
		}
	}
	session_ended = session_ended && !ended && !deaf;
	if (session_ended) {
		complain("the session %s ended", name);
	}
	close(fd);
	free(pumps);
	return session_ended ? 1 : 0;
}

int verb_mcp(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"policy", required_argument, NULL, 'p'},
		{"name", required_argument, NULL, 'n'},
		{"session", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *policy_name = NULL, *session_name = NULL;
	struct session_options options = {.stdio = {-1, -1, -1}, .capture_output = true};
	int option;
	while ((option = getopt_long(argc, argv, "+p:n:s:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'p':
			policy_name = optarg;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 's':
			session_name = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("mcp", "unknown option or missing value");
		}
	}
	options.argv = optind < argc ? (const char *const *)&argv[optind] : NULL;
	if (session_name != NULL) {
		return policy_name != NULL || options.name != NULL || options.argv != NULL
			       ? wrong_usage("mcp",
					 "--session takes a session as it is: no policy, name or "
					 "command goes with it")
			       : relay(session_name);
	}
	if (policy_name != NULL && strcmp(policy_name, "-") == 0) {
		return wrong_usage(
			"mcp", "standard input is the agent's; name a file for the policy");
	}
	if (geteuid() != getuid()) {
		complain(
			"parclose is not made to be set-user-ID; remove that bit from the program");
		return 1;
	}
	char *text = NULL;
	struct policy *policy = load_policy(policy_name != NULL ? policy_name : "locked", &text);
	struct helpers helpers;
	if (policy == NULL || !find_helpers(policy, false, &helpers)) {
		policy_destroy(policy);
		free(text);
		return 1;
	}
	if (options.name != NULL && !runtime_name_valid(options.name)) {
		policy_destroy(policy);
		free(text);
		return wrong_usage("mcp", "'%s' is not a session's name", options.name);
	}
	options.policy = policy;
	options.policy_text = text;
	options.compositor_path = helpers.compositor;
	options.network_path = helpers.network;
	options.picture_path = helpers.picture[0] != '\0' ? helpers.picture : NULL;
	options.service = &agent_service;
	int code = run_server(&options);
	policy_destroy(policy);
	free(text);
	return code;
}
