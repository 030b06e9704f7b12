// agent/mcp.h: both eras of the protocol as conversations, over a session that only says what it
// would do (fake-session.h).

#include "agent/mcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/base64.h"
#include "agent/service.h"
#include "fake-session.h"
#include "policy/json.h"

struct bench {
	struct wl_event_loop *loop;
	struct session session;
	bool no_session; // none can be started
	bool started; // a session was asked for
	struct mcp *mcp;
	const struct session_service *service; // instead of `mcp`
	void *service_state;
	size_t unread; // bytes
	char *lines[512]; // that were sent and not yet looked at
	size_t lines_len;
};

static struct bench bench;

static void collect(cJSON *message) {
	assert_non_null(message);
	char *text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	assert_non_null(text);
	assert_null(strchr(text, '\n')); // one message, one line
	struct json_error err;
	cJSON *strict = json_parse(text, strlen(text), &err);
	if (strict == NULL) {
		fail_msg("%s: %s", err.reason, text);
	}
	cJSON_Delete(strict);
	assert_true(bench.lines_len < sizeof(bench.lines) / sizeof(bench.lines[0]));
	bench.lines[bench.lines_len++] = text;
}

static void host_send(void *data, cJSON *message) {
	collect(message);
}

void session_peer_send(struct session_peer *peer, cJSON *message) {
	collect(message);
}

static struct session *host_session(void *data, char *why, size_t why_size) {
	if (bench.no_session) {
		snprintf(why, why_size, "no session could be started: the disk is full");
		return NULL;
	}
	bench.started = true;
	return &bench.session;
}

static struct session *host_peek(void *data) {
	return bench.started ? &bench.session : NULL;
}

static size_t host_pending(void *data) {
	return bench.unread;
}

uint64_t session_cpu_ns(void) {
	return 0;
}

void session_peer_worked(struct session_peer *peer, uint64_t ns) {
}

bool session_peer_rested(const struct session_peer *peer) {
	return true;
}

size_t session_peer_pending(const struct session_peer *peer) {
	return bench.unread;
}

static void host_stop(void *data) {
	session_stop(&bench.session, "test", 0);
}

static const struct mcp_host host = {
	host_send, host_session, host_peek, host_pending, host_stop, NULL, NULL};

static void begin(bool inside, const struct session_service *service) {
	bench = (struct bench){.loop = wl_event_loop_create(), .service = service};
	assert_non_null(bench.loop);
	fake_init(&bench.session, bench.loop);
	if (service != NULL) {
		bench.service_state = service->open(&bench.session, NULL, inside);
		assert_non_null(bench.service_state);
		return;
	}
	struct mcp_options options = {
		.loop = bench.loop, .inside = inside, .width = 1280, .height = 800};
	bench.mcp = mcp_create(&options, &host, NULL);
	assert_non_null(bench.mcp);
}

static void end(void) {
	mcp_destroy(bench.mcp);
	if (bench.service != NULL) {
		bench.service->close(bench.service_state);
	}
	assert_int_equal(bench.session.acts_len, 0); // all cancelled or done
	fake_finish(&bench.session);
	wl_event_loop_destroy(bench.loop);
	for (size_t i = 0; i < bench.lines_len; i++) {
		free(bench.lines[i]);
	}
}

static void say(const char *line) {
	struct json_error err;
	cJSON *message = json_parse(line, strlen(line), &err);
	if (message == NULL) {
		fail_msg("%s: %s", err.reason, line);
	}
	if (bench.service != NULL) {
		bench.service->message(bench.service_state, message);
	} else {
		mcp_message(bench.mcp, message);
	}
	cJSON_Delete(message);
}

static int64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The next line, freed by the caller; NULL when none comes in time.
static char *hear(int ms) {
	int64_t until = now_ms() + ms;
	while (bench.lines_len == 0 && now_ms() < until) {
		wl_event_loop_dispatch(bench.loop, 5);
	}
	if (bench.lines_len == 0) {
		return NULL;
	}
	char *line = bench.lines[0];
	memmove(bench.lines, bench.lines + 1, --bench.lines_len * sizeof(bench.lines[0]));
	return line;
}

/*
 * A conversation, a line each: "> " is said, "< " is heard whole, "~ " is heard and holds this, "|"
 * is nothing heard for a while, "= " is what was performed since the last such line.
 */
static void converse(const char *conversation) {
	char line[8192];
	while (*conversation != '\0') {
		size_t len = strcspn(conversation, "\n");
		assert_true(len < sizeof(line));
		memcpy(line, conversation, len);
		line[len] = '\0';
		conversation += len + (conversation[len] == '\n');
		const char *text = line[1] == ' ' ? line + 2 : "";
		char *heard;
		switch (line[0]) {
		case '>':
			say(text);
			break;
		case '<':
		case '~':
			heard = hear(3000);
			if (heard == NULL || (line[0] == '<' ? strcmp(heard, text) != 0
							     : strstr(heard, text) == NULL)) {
				fail_msg("heard\n%s\n, not\n%s", heard != NULL ? heard : "nothing",
					text);
			}
			free(heard);
			break;
		case '|':
			heard = hear(60);
			if (heard != NULL) {
				fail_msg("heard %s", heard);
			}
			break;
		case '=':
			assert_string_equal(bench.session.performed, text);
			bench.session.performed[0] = '\0';
			break;
		default:
			fail_msg("what is '%s'?", line);
		}
	}
	if (bench.lines_len > 0) {
		fail_msg("also heard %s", bench.lines[0]);
	}
}

// ---- shorthands

#define META(version) \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" version \
	"\",\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define INITIALIZE(version) \
	"> " \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":" \
	"\"" version \
	"\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\n" \
	"~ \"id\":0,\"result\":{\"protocolVersion\":\"" version \
	"\",\"capabilities\":{\"tools\":{}}\n" \
	"> {\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
#define REQUEST(id, method, params) \
	"> {\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}" \
	"\n"
#define CALL(id, tool, arguments) \
	REQUEST(id, "tools/call", "\"name\":\"" tool "\",\"arguments\":{" arguments "}")
#define MODERN_CALL(id, tool, arguments) \
	REQUEST(id, "tools/call", \
		"\"name\":\"" tool "\",\"arguments\":{" arguments "}," META("2026-07-28"))
#define CANCEL(id) \
	"> " \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" \
	"cancelled\",\"params\":{\"requestId\":" id "}}\n"
#define ERROR(id, code, message) \
	"< {\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" message \
	"\"}}\n"
#define CLICKED \
	"{\\\"effect\\\":\\\"changed\\\",\\\"changed\\\":{\\\"x\\\":1,\\\"y\\\":2,\\\"width\\\":" \
	"3,\\\"height\\\":4}," \
	"\\\"frame\\\":8,\\\"settled\\\":true,\\\"settled_ms\\\":120,\\\"reason\\\":" \
	"\\\"quiet\\\",\\\"window\\\":1," \
	"\\\"cursor\\\":{\\\"x\\\":640,\\\"y\\\":400},\\\"picture\\\":{\\\"format\\\":" \
	"\\\"png\\\",\\\"width\\\":1280,\\\"height\\\":800}}"
#define CLICKED_STRUCTURED \
	"{\"effect\":\"changed\",\"changed\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4}," \
	"\"frame\":8,\"settled\":true,\"settled_ms\":120,\"reason\":\"quiet\",\"window\":1," \
	"\"cursor\":{\"x\":640,\"y\":400},\"picture\":{\"format\":\"png\",\"width\":1280," \
	"\"height\":800}}"
#define IMAGE_BLOCK "{\"type\":\"image\",\"data\":\"UFBQUFA=\",\"mimeType\":\"image/png\"}"
#define UNSUPPORTED_DATA \
	"\"data\":{\"supported\":[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\",\"2025-03-26\"," \
	"\"2024-11-05\"],\"requested\":\"1900-01-01\"}"

// clang-format off
static const char *const conversations[] = {
	// opening, in every revision
	INITIALIZE("2024-11-05") INITIALIZE("2025-03-26") INITIALIZE("2025-06-18") INITIALIZE("2025-11-25"),
	// a revision that is not known, and one that has no handshake
	REQUEST("1", "initialize", "\"protocolVersion\":\"2099-01-01\"") "~ \"protocolVersion\":\"2025-11-25\"\n"
	REQUEST("1", "initialize", "\"protocolVersion\":\"2026-07-28\"") "~ \"protocolVersion\":\"2025-11-25\"\n"
	REQUEST("1", "initialize", "\"protocolVersion\":7") ERROR("1", "-32602", "/protocolVersion: name the protocol version you speak")
	"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n"
	ERROR("1", "-32602", "/protocolVersion: name the protocol version you speak"),
	// before it, nothing but a ping
	"> {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}\n"
	"< {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}\n"
	REQUEST("2", "tools/list", "")
	ERROR("2", "-32602", "no protocol version was agreed on: call initialize first, or give each request its version in "
		"_meta/io.modelcontextprotocol~1protocolVersion")
	CALL("3", "computer", "\"action\":\"screenshot\"")
	"~ \"id\":3,\"error\":{\"code\":-32602\n"
	REQUEST("4", "server/discover", "")
	"~ \"id\":4,\"error\":{\"code\":-32602\n"
	"= \n",
	// what is there, and what is not
	INITIALIZE("2025-11-25")
	"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n< {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"
	REQUEST("2", "tools/list", "\"cursor\":\"x\"")
	ERROR("2", "-32602", "/cursor: the list has one page, and no cursor leads to another")
	REQUEST("3", "resources/list", "") ERROR("3", "-32601", "there is no such method")
	REQUEST("3", "logging/setLevel", "\"level\":\"info\"") ERROR("3", "-32601", "there is no such method")
	REQUEST("3", "subscriptions/listen", "") ERROR("3", "-32601", "there is no such method")
	REQUEST("3", "server/discover", "") ERROR("3", "-32602", "/_meta/io.modelcontextprotocol~1protocolVersion is needed")
	REQUEST("3", "parclose/inspect", "") ERROR("3", "-32601", "there is no such method")
	CALL("3", "no_such_tool", "") ERROR("3", "-32602", "Unknown tool: no_such_tool")
	REQUEST("3", "tools/call", "") ERROR("3", "-32602", "/name: name the tool")
	REQUEST("3", "tools/call", "\"name\":\"computer\",\"arguments\":[]") ERROR("3", "-32602", "/arguments: an object is needed")
	// notifications are never answered
	"> {\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"computer\",\"arguments\":{\"action\":\"left_click\"}}}\n"
	"> {\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}\n"
	"> {\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}\n"
	"> {\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":[]}\n"
	// nor is an answer, to a question that was never asked
	"> {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":1,\"message\":\"x\"}}\n"
	"|\n= \n",
	// what is no message
	"> 7\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}\n~ \"id\":1,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":1}\n" ERROR("1", "-32600", "/method: text is needed")
	"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}\n" ERROR("1", "-32600", "/method: text is needed")
	"> {\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":1e300,\"method\":\"ping\"}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}\n~ \"id\":null,\"error\":{\"code\":-32600\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}\n" ERROR("1", "-32602", "/params: an object is needed")
	"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"_meta\":7}}\n" ERROR("1", "-32602", "/_meta: an object is needed")
	"> {\"jsonrpc\":\"2.0\",\"id\":9007199254740991,\"method\":\"ping\"}\n~ \"result\":{}\n"
	"> {\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"ping\"}\n< {\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}\n",

	// the modern era: nothing is remembered, every request says what it speaks
	REQUEST("1", "server/discover", META("2026-07-28"))
	"~ \"id\":1,\"result\":{\"capabilities\":{\"tools\":{}},\"supportedVersions\":[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\",\"2025-03-26\",\"2024-11-05\"]\n"
	REQUEST("1", "server/discover", META("2026-07-28"))
	"~ \"resultType\":\"complete\",\"ttlMs\":3600000,\"cacheScope\":\"private\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"parclose\"\n"
	REQUEST("1", "tools/list", META("2026-07-28"))
	"~ \"resultType\":\"complete\",\"ttlMs\":3600000,\"cacheScope\":\"private\"\n"
	REQUEST("2", "tools/list", "")
	"~ \"id\":2,\"error\":{\"code\":-32602,\"message\":\"no protocol version was agreed on\n"
	REQUEST("3", "tools/list", META("1900-01-01"))
	"< {\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32022,\"message\":\"Unsupported protocol version\"," UNSUPPORTED_DATA "}}\n"
	REQUEST("4", "tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}")
	ERROR("4", "-32602", "/_meta/io.modelcontextprotocol~1clientCapabilities: an object is needed")
	REQUEST("4", "tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":7}")
	ERROR("4", "-32602", "/_meta/io.modelcontextprotocol~1protocolVersion: text is needed")
	REQUEST("5", "ping", META("2026-07-28")) ERROR("5", "-32601", "there is no such method")
	MODERN_CALL("\"x\"", "computer", "\"action\":\"left_click\",\"coordinate\":[1,2]")
	"< {\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" CLICKED "\"}," IMAGE_BLOCK "],"
		"\"structuredContent\":" CLICKED_STRUCTURED ",\"isError\":false,\"resultType\":\"complete\","
		"\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"parclose\",\"title\":\"Parclose\",\"version\":\"" PARCLOSE_VERSION "\"}}}}\n"
	"= click 1,2;\n"
	MODERN_CALL("6", "nothing", "") ERROR("6", "-32602", "Unknown tool: nothing")
	// a stream that has nothing to tell is open until it is cancelled
	REQUEST("7", "subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true}," META("2026-07-28"))
	"< {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"_meta\":"
		"{\"io.modelcontextprotocol/subscriptionId\":7},\"notifications\":{}}}\n"
	REQUEST("7", "tools/list", META("2026-07-28"))
	ERROR("7", "-32600", "another request with this id waits for its answer")
	CANCEL("7") "|\n"
	REQUEST("7", "server/discover", META("2026-07-28")) "~ \"id\":7,\"result\"\n",
	// both on one connection
	INITIALIZE("2025-06-18")
	REQUEST("1", "tools/list", META("2026-07-28")) "~ \"resultType\":\"complete\"\n"
	REQUEST("2", "ping", "") "< {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n"
	REQUEST("3", "tools/list", META("1900-01-01")) "~ \"code\":-32022\n",

	// acting, as every revision tells it
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"left_click\",\"coordinate\":[1,2]")
	"< {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" CLICKED "\"}," IMAGE_BLOCK "],"
		"\"structuredContent\":" CLICKED_STRUCTURED ",\"isError\":false}}\n"
	"= click 1,2;\n",
	INITIALIZE("2025-03-26")
	CALL("1", "computer", "\"action\":\"left_click\",\"coordinate\":[1,2]")
	"< {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" CLICKED "\"}," IMAGE_BLOCK "],\"isError\":false}}\n",

	// pictures
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"left_click\",\"image\":\"none\"")
	"~ \\\"y\\\":400}}\"}],\"structuredContent\"\n"
	CALL("1", "computer", "\"action\":\"left_click\",\"image\":\"jpeg\"")
	"~ {\"type\":\"image\",\"data\":\"SkpKSg==\",\"mimeType\":\"image/jpeg\"}\n"
	CALL("1", "computer", "\"action\":\"screenshot\"")
	"~ \\\"height\\\":800}}\"}," IMAGE_BLOCK "],\"structuredContent\":{\"effect\":\"delivered\",\"frame\":\n"
	CALL("1", "computer", "\"action\":\"zoom\",\"region\":[0,0,64,32],\"image\":\"none\"")
	"~ \"picture\":{\"format\":\"png\",\"width\":64,\"height\":32}\n"
	CALL("1", "screenshot", "\"region\":{\"x\":0,\"y\":0,\"width\":20,\"height\":10},\"format\":\"jpeg\"")
	"~ \"picture\":{\"format\":\"jpeg\",\"width\":20,\"height\":10}\n"
	CALL("1", "screenshot", "\"waitStable\":true")
	"~ \"settled\":true,\"settled_ms\":130,\"reason\":\"quiet\",\"picture\"\n"
	CALL("1", "wait_stable", "\"quietMs\":50,\"timeoutMs\":900")
	"~ \"settled\":true,\"settled_ms\":130\n"
	CALL("1", "computer", "\"action\":\"cursor_position\"")
	"~ \"content\":[{\"type\":\"text\",\"text\":\"{\\\"effect\\\":\\\"delivered\\\",\\\"message\\\":\\\"X=640,Y=400\\\",\\\"frame\\\":16,"
		"\\\"cursor\\\":{\\\"x\\\":640,\\\"y\\\":400}}\"}],\n"
	"= click 0,0;click 0,0;action 15;action 15;action 15;stable 0 0;action 15;stable 50 900;action 16;\n",

	// typed text says which way it went
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"type\",\"text\":\"abc\"")
	"~ \"characters\":3,\"ways\":[{\"first\":0,\"count\":3,\"way\":\"keymap\"}]\n",

	// acts that fail: no picture, and text to act on
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"left_click\",\"coordinate\":[5000,2]")
	"~ {\"content\":[{\"type\":\"text\",\"text\":\"failed: the point is not on the display\"},{\"type\":\"text\",\"text\":\"{\\\"effect\\\":\\\"failed\\\"\n"
	CALL("1", "computer", "\"action\":\"left_click\",\"coordinate\":[5000,2]") "~ ,\"isError\":true}}\n"
	CALL("1", "computer", "\"action\":\"key\",\"text\":\"Nonsense\"")
	"~ \"text\":\"unsupported: there is no key 'Nonsense'\"\n"
	CALL("1", "computer", "\"action\":\"fly\"")
	"~ \"text\":\"failed: /action: there is no action 'fly'; use screenshot, cursor_position,\n"
	CALL("1", "computer", "\"action\":\"left_click\",\"coordinate\":[1]")
	"~ \"text\":\"failed: /coordinate: not a point; use [x, y] in pixels\"\n"
	CALL("1", "screenshot", "\"region\":{\"x\":0,\"y\":0,\"width\":2000,\"height\":10}")
	"~ \"text\":\"failed: the region 0,0 2000x10 is not inside the display's 1280x800\"\n"
	CALL("1", "computer_gemini", "\"name\":\"navigate\",\"args\":{\"url\":\"x\"}")
	"~ \"text\":\"unsupported: /name: navigate is not done here\n",
	// arguments that are wrong: the protocol's error once, the tool's since 2025-11-25
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"left_click\",\"image\":7")
	"~ {\"content\":[{\"type\":\"text\",\"text\":\"/image: use png, jpeg or none\"}\n"
	INITIALIZE("2025-06-18")
	CALL("1", "computer", "\"action\":\"left_click\",\"image\":7")
	ERROR("1", "-32602", "/image: use png, jpeg or none")
	CALL("1", "computer", "\"action\":\"fly\"") "~ \"isError\":true\n"
	CALL("1", "windows", "\"action\":\"raise\"") ERROR("1", "-32602", "/id: the number of a window, as listed")
	CALL("1", "clipboard", "\"action\":\"set\"") ERROR("1", "-32602", "/action: use get, set (with `text`) or clear, and no other argument")
	CALL("1", "clipboard", "\"text\":\"x\"") ERROR("1", "-32602", "/action: use get, set (with `text`) or clear, and no other argument")
	CALL("1", "clipboard", "\"action\":\"get\",\"type\":\"x\"") ERROR("1", "-32602", "/action: use get, set (with `text`) or clear, and no other argument")
	CALL("1", "ask_user", "") ERROR("1", "-32602", "/text: say in a sentence what you need of the user")
	CALL("1", "ask_user", "\"text\":\"\"") ERROR("1", "-32602", "/text: say in a sentence what you need of the user")
	CALL("1", "ask_user", "\"text\":\"x\",\"to\":1") ERROR("1", "-32602", "/text: say in a sentence what you need of the user")
	CALL("1", "clipboard", "\"action\":7") ERROR("1", "-32602", "/action: use get, set (with `text`) or clear, and no other argument")
	CALL("1", "windows", "\"foo\":1") ERROR("1", "-32602", "there is no argument 'foo'; use action, id or image")
	CALL("1", "screenshot", "\"waitStable\":1") ERROR("1", "-32602", "/waitStable: use true or false")
	CALL("1", "launch", "\"command\":\"foot\"")
	ERROR("1", "-32602", "/command: an array of the program and its arguments is needed")
	CALL("1", "launch", "\"command\":[\"foot\",7]")
	ERROR("1", "-32602", "/command: an array of the program and its arguments is needed")
	CALL("1", "computer_batch", "\"actions\":{}")
	ERROR("1", "-32602", "/actions: an array of actions is needed, and nothing but `image` beside it")
	CALL("1", "computer_batch", "\"actions\":[]")
	ERROR("1", "-32602", "/actions: 0 actions; use 1 to 100 in one call. None was performed")
	"= \n",

	// several at once
	INITIALIZE("2025-11-25")
	CALL("1", "computer_batch", "\"actions\":[{\"action\":\"left_click\",\"coordinate\":[1,2]},{\"action\":\"type\",\"text\":\"x\"}],\"image\":\"none\"")
	"~ \"structuredContent\":{\"completed\":2,\"skipped\":0,\"results\":[{\"effect\":\"changed\",\n"
	"= click 1,2;text 'x';\n"
	CALL("1", "computer_batch", "\"actions\":[{\"action\":\"left_click\",\"coordinate\":[1,2]},{\"action\":\"left_click\",\"coordinate\":[5000,2]},{\"action\":\"type\",\"text\":\"x\"}]")
	"~ \"text\":\"action 2 of 3 failed: the point is not on the display. 1 done before it, 1 not tried\"\n"
	"= click 1,2;click 5000,2;\n"
	CALL("1", "computer_batch", "\"actions\":[{\"action\":\"left_click\",\"coordinate\":[1,2]},{\"action\":\"fly\"},{\"action\":\"type\",\"text\":\"x\"}]")
	"~ action 2 of 3 failed: /actions/1/action: there is no action 'fly'\n"
	"= click 1,2;\n"
	// pictures asked for within, and the one at the end
	CALL("1", "computer_batch", "\"actions\":[{\"action\":\"screenshot\"},{\"action\":\"left_click\",\"coordinate\":[1,2]}]")
	"~ " IMAGE_BLOCK "," IMAGE_BLOCK "],\"structuredContent\"\n"
	"= action 15;click 1,2;\n"
	CALL("1", "computer_openai", "\"actions\":[{\"type\":\"click\",\"x\":1,\"y\":2,\"button\":\"left\"},{\"type\":\"type\",\"text\":\"hi\"}]")
	"~ \"completed\":2,\"skipped\":0\n"
	CALL("1", "computer_openai", "\"action\":{\"type\":\"click\",\"x\":1,\"y\":2,\"button\":\"left\"}")
	"~ \"completed\":1,\"skipped\":0\n"
	CALL("1", "computer_openai", "\"action\":{\"type\":\"wait\"},\"actions\":[]")
	"~ either `action` or `actions`, not both\n"
	"= click 1,2;text 'hi';click 1,2;\n"
	// one action that comes to several: what changed is joined
	CALL("1", "computer_gemini", "\"name\":\"type_text_at\",\"args\":{\"x\":0,\"y\":0,\"text\":\"hi\",\"press_enter\":true}")
	"~ {\"effect\":\"changed\",\"changed\":{\"x\":0,\"y\":0,\"width\":110,\"height\":110}\n"
	"= click 0,0;key Control_L;key BackSpace;text 'hi';key Return;\n",

	// windows
	INITIALIZE("2025-11-25")
	CALL("1", "windows", "")
	"~ \"windows\":[{\"x\":0,\"y\":0,\"width\":1280,\"height\":800,\"id\":1,\"title\":\"a \\\"title\\\"\",\"appId\":\"foot\",\"pid\":4242,\"focused\":true}]\n"
	CALL("1", "windows", "\"action\":\"raise\",\"id\":1") "~ \"image/png\"\n"
	CALL("1", "windows", "\"action\":\"close\",\"id\":77") "~ \"text\":\"there is no such window; list them\"\n"
	CALL("1", "windows", "\"action\":\"cycle\"") "~ \"settled\":true\n"
	"= action 16;window 1 1;stable 0 0;window 2 77;window 3 0;stable 0 0;\n",
	// the clipboard
	INITIALIZE("2025-11-25")
	CALL("1", "clipboard", "") "~ \"effect\":\"failed\",\"message\":\"the session's clipboard is empty\"\n"
	CALL("1", "clipboard", "\"action\":\"set\",\"text\":\"hi\\u001b\\nyou\"") "~ {\"effect\":\"delivered\"}\n"
	CALL("1", "clipboard", "\"action\":\"get\"") "~ {\"effect\":\"delivered\",\"text\":\"hi\\nyou\"}\n"
	CALL("1", "clipboard", "\"action\":\"clear\"") "~ {\"effect\":\"delivered\"}\n"
	CALL("1", "ask_user", "\"text\":\"2 windows\"") "~ {\"effect\":\"delivered\",\"viewers\":2}\n"
	CALL("1", "ask_user", "\"text\":\"nobody\"") "~ no window shows this session\n"
	CALL("1", "ask_user", "\"text\":\"!\"") "~ you asked a moment ago\n"
	CALL("1", "clipboard", "\"action\":\"set\",\"text\":\"\"") "~ nothing in the text\n"
	CALL("1", "clipboard", "\"action\":\"set\",\"text\":\"z\"") CANCEL("1") "|\n"
	"= read;write text/plain;charset=utf-8 0;read;write text/plain;charset=utf-8 0;cancelled;\n",
	// the session
	INITIALIZE("2025-11-25")
	CALL("1", "session", "") "~ \"state\":\"none\",\"message\":\"no session runs; the first act or screenshot starts one\"\n"
	CALL("1", "windows", "") "~ \"isError\":false\n"
	CALL("1", "session", "\"action\":\"info\"")
	"~ \"structuredContent\":{\"name\":\"fake\",\"state\":\"running\",\"holder\":\"agent\",\"display\":{\"width\":1280,\"height\":800,\"ready\":true},"
		"\"windows\":1,\"policy\":{\"filesystem\":{\"readonlyPaths\":[\"/usr\"]},\"network\":{}}},\"isError\":false}}\n"
	CALL("1", "session", "\"action\":\"restart\"") "~ /action: use info or stop\n",

	// cancelling: no answer, and nothing goes on
	INITIALIZE("2025-11-25")
	CALL("1", "computer", "\"action\":\"wait\",\"duration\":50")
	CALL("2", "computer", "\"action\":\"left_click\"")
	CALL("3", "computer", "\"action\":\"type\",\"text\":\"x\"")
	// others are answered meanwhile
	REQUEST("4", "ping", "") "< {\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n"
	CALL("5", "session", "") "~ \"id\":5,\"result\"\n"
	REQUEST("1", "ping", "") ERROR("1", "-32600", "another request with this id waits for its answer")
	"|\n= \n"
	CANCEL("\"1\"") "|\n= \n" // another id: text
	CANCEL("2") "|\n= \n" // before its turn
	CANCEL("1") "~ \"id\":3,\"result\"\n"
	"= text 'x';\n|\n"
	CANCEL("1") CANCEL("3") "|\n"
	// in the middle of an act: what is pressed goes up
	CALL("4", "computer", "\"action\":\"hold_key\",\"text\":\"w\",\"duration\":50") "|\n= action 8;\n"
	CANCEL("4") "|\n= cancelled;\n"
	// what waits for its time, and then for the picture to rest
	CALL("5", "computer", "\"action\":\"wait\",\"duration\":0.08,\"image\":\"none\"") "|\n= \n~ \"settled\":true\n= wait 0;\n",

	// JSON-RPC batches are of 2025-03-26 alone
	"> [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n"
	ERROR("null", "-32600", "batches of messages belong to protocol version 2025-03-26 only")
	INITIALIZE("2025-06-18")
	"> [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n"
	ERROR("null", "-32600", "batches of messages belong to protocol version 2025-03-26 only")
	INITIALIZE("2025-03-26")
	"> []\n" ERROR("null", "-32600", "a batch has 1 to 32 messages")
	"> [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"},7,"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}]\n"
	"< [{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
		"\"not a JSON-RPC 2.0 message: jsonrpc is \\\"2.0\\\", an id is text of at most 256 bytes or a whole number\"}},"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32600,\"message\":\"initialize is not part of a batch\"}}]\n"
	"> [{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}]\n|\n"
	// answers that take their time come together, but for those that were cancelled
	"> [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"computer\",\"arguments\":{\"action\":\"left_click\",\"image\":\"none\"}}},"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"computer\",\"arguments\":{\"action\":\"wait\",\"duration\":50}}},"
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}]\n|\n"
	CANCEL("2") "~ [{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\"\n",
};
// clang-format on

static void test_conversations(void **state) {
	for (size_t i = 0; i < sizeof(conversations) / sizeof(conversations[0]); i++) {
		begin(false, NULL);
		converse(conversations[i]);
		end();
	}
}

// ---- the list of tools

static cJSON *list_tools(const char *version) {
	char line[300];
	if (strcmp(version, "2026-07-28") != 0) {
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			"\"protocolVersion\":\"%s\"}}",
			version);
		say(line);
		free(hear(100));
	}
	say(strcmp(version, "2026-07-28") != 0
			? "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
			: "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
			  "list\",\"params\":{" META("2026-07-28") "}}");
	char *text = hear(100);
	assert_non_null(text);
	cJSON *answer = cJSON_Parse(text);
	free(text);
	cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	cJSON *tools = cJSON_DetachItemFromObjectCaseSensitive(result, "tools");
	cJSON_Delete(answer);
	assert_non_null(tools);
	return tools;
}

static void test_tools(void **state) {
	static const char *const versions[] = {
		"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};
	static const char *const names[] = {"computer", "computer_batch", "computer_openai",
		"computer_gemini", "screenshot", "wait_stable", "windows", "clipboard", "launch",
		"ask_user", "session"};
	for (size_t i = 0; i < 5; i++) {
		begin(false, NULL);
		cJSON *tools = list_tools(versions[i]);
		assert_int_equal(cJSON_GetArraySize(tools), 11);
		size_t at = 0;
		const cJSON *tool;
		cJSON_ArrayForEach (tool, tools) {
			const cJSON *schema = cJSON_GetObjectItemCaseSensitive(tool, "inputSchema");
			assert_string_equal(
				cJSON_GetObjectItemCaseSensitive(tool, "name")->valuestring,
				names[at++]);
			assert_string_equal(
				cJSON_GetObjectItemCaseSensitive(schema, "type")->valuestring,
				"object");
			assert_int_equal(cJSON_HasObjectItem(tool, "annotations"), i >= 1);
			assert_int_equal(cJSON_HasObjectItem(tool, "outputSchema"), i >= 2);
			assert_int_equal(cJSON_HasObjectItem(tool, "title"), i >= 2);
		}
		char *text = cJSON_PrintUnformatted(tools);
		assert_true(strlen(text) < 13200); // a model reads it at every turn
		free(text);
		cJSON_Delete(tools);
		end();
	}
	// From inside: nothing that starts programs or ends the session.
	begin(true, NULL);
	cJSON *tools = list_tools("2025-11-25");
	assert_int_equal(cJSON_GetArraySize(tools), 10);
	cJSON_Delete(tools);
	converse(CALL("1", "launch", "\"command\":[\"sh\"]")
			ERROR("1", "-32602", "Unknown tool: launch") CALL("2", "session",
				"\"action\":\"stop\"") "~ \"text\":\"a session is ended from "
						       "outside it only\"\n" CALL("3", "windows",
							       "") "~ \"title\":\"a "
								   "\\\"title\\\"\",\"appId\":"
								   "\"foot\",\"focused\":true}]\n");
	assert_false(bench.session.stopped);
	end();
}

// ---- limits

static void test_requests_in_flight(void **state) {
	begin(false, NULL);
	converse(INITIALIZE("2025-11-25"));
	char line[300];
	for (int i = 1; i <= MCP_MAX_REQUESTS + 1; i++) {
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"computer\",\"arguments\":{\"action\":\"wait\",\"duration\":90}"
			"}}",
			i);
		say(line);
	}
	assert_int_equal(mcp_requests(bench.mcp), MCP_MAX_REQUESTS);
	converse(ERROR("33", "-32600", "32 requests wait for their answers already; wait for one")
			REQUEST("40", "ping",
				"") "< {\"jsonrpc\":\"2.0\",\"id\":40,\"result\":{}}\n|\n= \n");
	end(); // cancels them all
}

// Pictures are not piled up before a client that does not read them.
static void test_slow_client(void **state) {
	begin(false, NULL);
	bench.unread = MCP_MAX_UNREAD + 1;
	converse(INITIALIZE("2025-11-25") CALL("1", "screenshot", "") CALL("2", "screenshot", "")
			REQUEST("3", "ping",
				"") "< {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n|\n= \n");
	bench.unread = MCP_MAX_UNREAD;
	converse("~ \"id\":1,\n~ \"id\":2,\n= action 15;action 15;\n");
	bench.unread = MCP_MAX_UNREAD + 1;
	converse(CALL("4", "screenshot", "") "|\n" CANCEL("4") "|\n");
	end();
}

static void test_large_batch(void **state) {
	for (int len = 100; len <= 10000; len += 9900) {
		begin(false, NULL);
		converse(INITIALIZE("2025-11-25"));
		cJSON *message = cJSON_CreateObject();
		cJSON_AddStringToObject(message, "jsonrpc", "2.0");
		cJSON_AddNumberToObject(message, "id", 1);
		cJSON_AddStringToObject(message, "method", "tools/call");
		cJSON *params = cJSON_AddObjectToObject(message, "params");
		cJSON_AddStringToObject(params, "name", "computer_batch");
		cJSON *arguments = cJSON_AddObjectToObject(params, "arguments");
		cJSON *actions = cJSON_AddArrayToObject(arguments, "actions");
		for (int i = 0; i < len; i++) {
			cJSON *action = cJSON_CreateObject();
			cJSON_AddStringToObject(action, "action", "left_click");
			cJSON_AddItemToArray(actions, action);
		}
		mcp_message(bench.mcp, message);
		cJSON_Delete(message);
		converse(len == 100 ? "~ \"completed\":100,\"skipped\":0\n"
				    : "~ /actions: 10000 actions; use 1 to 100 in one call. None "
				      "was performed\n= \n");
		end();
	}
}

// A short text that is a large tree.
static void test_heavy_arguments(void **state) {
	for (int inside = 0; inside < 2; inside++) {
		begin(inside != 0, NULL);
		converse(INITIALIZE("2025-11-25"));
		// Ones that fit, until they no longer do together.
		size_t numbers = inside ? 8000 : 80000, taken = 0;
		for (;; taken++) {
			cJSON *message = cJSON_CreateObject();
			cJSON_AddStringToObject(message, "jsonrpc", "2.0");
			cJSON_AddNumberToObject(message, "id", (double)taken);
			cJSON_AddStringToObject(message, "method", "tools/call");
			cJSON *params = cJSON_AddObjectToObject(message, "params");
			cJSON_AddStringToObject(params, "name", "computer");
			cJSON *arguments = cJSON_AddObjectToObject(params, "arguments");
			cJSON_AddStringToObject(arguments, "action", "wait");
			cJSON_AddNumberToObject(arguments, "duration", 50);
			if (taken > 0) { // the first holds up the others
				cJSON *path = cJSON_AddArrayToObject(arguments, "path");
				for (size_t i = 0; i < numbers; i++) {
					cJSON_AddItemToArray(path, cJSON_CreateNumber(0));
				}
			}
			mcp_message(bench.mcp, message);
			cJSON_Delete(message);
			if (bench.lines_len > 0) {
				break;
			}
		}
		converse("~ \"code\":-32600,\"message\":\"the arguments of this and the calls that "
			 "wait "
			 "take too much memory\n");
		assert_uint_in_range(taken, 3, 6);
		// What is gone no longer counts.
		converse(CANCEL("1") CALL(
			"100", "computer", "\"action\":\"left_click\"") "|\n" CANCEL("100") "|\n");
		end();
	}
}

static void test_long_id(void **state) {
	begin(false, NULL);
	for (int len = MCP_MAX_ID_BYTES; len <= MCP_MAX_ID_BYTES + 1; len++) {
		char line[400];
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":\"%0*d\"}", len, 0);
		say(line);
		char *heard = hear(100);
		assert_non_null(heard);
		assert_int_equal(strstr(heard, "\"result\":{}") != NULL, len == MCP_MAX_ID_BYTES);
		free(heard);
	}
	end();
}

// Pictures that do not fit one answer.
static void test_large_pictures(void **state) {
	begin(false, NULL);
	bench.session.png_len = 4u << 20;
	bench.session.jpeg_len = 1u << 20;
	converse(INITIALIZE("2025-11-25") CALL("1", "screenshot",
		"") "~ "
		    "\"picture\":{\"format\":\"jpeg\",\"width\":1280,\"height\":800},\"note\":\"a "
		    "PNG of "
		    "4194304 bytes is too large for one answer: the picture is a JPEG\"\n");
	// Two fit, and the third does not.
	converse(CALL("1", "computer_batch",
		"\"actions\":[{\"action\":\"screenshot\"},{\"action\":\"screenshot\"},{\"action\":"
		"\"screenshot\"}]") "~ action 3 of 3 failed: the picture has 1048576 bytes, and "
				    "one "
				    "answer holds 524288 more; ask for a region, a smaller scale "
				    "or a lower quality. 2 done before it, 0 not tried\n");
	// The act was done all the same.
	bench.session.jpeg_len = 4u << 20;
	converse(CALL("1", "computer", "\"action\":\"left_click\"") "~ \"note\":\"the picture has "
								    "4194304 bytes\n");
	end();
}

// ---- the session's own life

static void test_session_states(void **state) {
	// None can be started.
	begin(false, NULL);
	bench.no_session = true;
	converse(INITIALIZE("2025-11-25") CALL("1", "computer",
		"\"action\":\"screenshot\"") "~ \"text\":\"no session could be started: the disk "
					     "is full\"\n" CALL("1", "launch",
						     "\"command\":[\"foot\"]") "~ "
									       "\"isError\":"
									       "true\n");
	end();

	// It is waited for, and other things are answered meanwhile.
	begin(false, NULL);
	bench.session.state = SESSION_STARTING;
	bench.session.frame = 0;
	converse(
		INITIALIZE("2025-11-25") CALL("1", "computer", "\"action\":\"screenshot\"") REQUEST(
			"2", "ping", "") "< {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n|\n= \n");
	bench.session.state = SESSION_RUNNING;
	converse("|\n"); // nothing is drawn yet
	bench.session.frame = 1;
	converse("~ \"id\":1,\"result\"\n= stable 0 0;action 15;\n");
	end();

	// It ends while it is waited for, and in the middle of an act.
	begin(false, NULL);
	bench.session.state = SESSION_STARTING;
	converse(INITIALIZE("2025-11-25") CALL("1", "computer", "\"action\":\"screenshot\"") "|\n");
	bench.session.state = SESSION_ENDED;
	converse("~ \"text\":\"failed: the session is ending\"\n");
	bench.session.state = SESSION_RUNNING;
	converse(CALL(
		"1", "computer", "\"action\":\"hold_key\",\"text\":\"w\",\"duration\":9") "|\n");
	fake_end(&bench.session, "it was killed");
	converse("~ \"text\":\"failed: the session ended: it was killed\"\n");
	bench.session.state = SESSION_RUNNING;
	converse(CALL("1", "computer", "\"action\":\"wait\",\"duration\":9") "|\n");
	fake_end(&bench.session, "it was killed");
	mcp_session_ended(bench.mcp, "it was killed");
	converse("~ \"text\":\"failed: the session ended: it was killed\"\n");
	end();

	// Cancelled while it is waited for.
	begin(false, NULL);
	bench.session.state = SESSION_STARTING;
	converse(INITIALIZE("2025-11-25") CALL("1", "computer", "\"action\":\"screenshot\"")
			CANCEL("1") "|\n");
	bench.session.state = SESSION_RUNNING;
	converse("|\n= \n");
	end();

	// Somebody else has it: acts are refused, looking is not.
	begin(false, NULL);
	bench.session.holder = HOLDER_HUMAN;
	converse(INITIALIZE("2025-11-25") CALL(
		"1", "computer", "\"action\":\"left_click\"") "~ \"effect\":\"refused\"\n" CALL("1",
		"windows", "\"action\":\"close\",\"id\":1") "~ \"effect\":\"refused\"\n" CALL("1",
		"launch", "\"command\":[\"foot\"]") "~ \"effect\":\"refused\"\n" CALL("1",
		"clipboard", "") "~ \"effect\":\"refused\"\n" CALL("1", "screenshot",
		"") "~ \"image/png\"\n"
		    "= click 0,0;action 15;\n");
	end();

	// And keeps what is on the display to itself.
	begin(false, NULL);
	bench.session.withholds = true;
	converse(INITIALIZE("2025-11-25") CALL("1", "screenshot",
		"") "~ \"text\":\"refused: the user has taken over and withholds pictures until "
		    "they hand the "
		    "session back\"\n" CALL("1", "computer",
			    "\"action\":\"left_click\"") "~ \"note\":\"the user has taken over and "
							 "withholds pictures\n");
	end();

	// No display at all.
	begin(false, NULL);
	bench.session.has_display = false;
	converse(INITIALIZE("2025-11-25") CALL(
		"1", "computer", "\"action\":\"left_click\"") "~ \"text\":\"unsupported: this "
							      "session has no display\"\n");
	end();

	// Stopped by its tool.
	begin(false, NULL);
	converse(INITIALIZE("2025-11-25")
			CALL("1", "session", "\"action\":\"stop\"") "~ \"state\":\"none\"\n" CALL(
				"1", "screenshot", "") "~ \"id\":1\n");
	assert_false(bench.session.stopped);
	converse(CALL("1", "session", "\"action\":\"stop\"") "~ \"state\":\"stopping\"\n");
	assert_true(bench.session.stopped);
	end();
}

static void test_launch(void **state) {
	begin(false, NULL);
	bench.session.exec_shows = true;
	converse(INITIALIZE("2025-11-25") CALL("1", "launch",
		"\"command\":[\"foot\",\"-e\"]") "~ "
						 "\"structuredContent\":{\"effect\":\"changed\"\n= "
						 "exec foot in -;stable 0 0;\n");
	assert_null(bench.session.exec_observer); // nobody watches it any more
	end();

	begin(false, NULL);
	bench.session.exec_fails = true;
	converse(INITIALIZE("2025-11-25") CALL("1", "launch",
		"\"command\":[\"x\"],\"cwd\":\"/tmp\"") "~ \"text\":\"there is no such "
							"program\"\n= exec x in /tmp;\n");
	end();

	begin(false, NULL);
	bench.session.exec_status = 3;
	converse(INITIALIZE("2025-11-25") CALL(
		"1", "launch", "\"command\":[\"x\"]") "~ \"text\":\"the program ended with exit "
						      "code 3 and showed no window\"\n");
	end();

	begin(false, NULL);
	bench.session.exec_status = 0;
	converse(INITIALIZE("2025-11-25") CALL("1", "launch",
		"\"command\":[\"x\"],\"image\":\"none\"") "~ \"effect\":\"nothing_changed\"\n");
	end();

	// Cancelled while its window is waited for: the program goes on.
	begin(false, NULL);
	converse(INITIALIZE("2025-11-25")
			CALL("1", "launch", "\"command\":[\"x\"]") "|\n" CANCEL("1") "|\n");
	assert_null(bench.session.exec_observer);
	end();
}

// ---- the sockets

static void test_service(void **state) {
	begin(false, &agent_service);
	converse(
		"> "
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"parclose/"
		"act\",\"params\":{\"actions\":["
		"{\"action\":\"click\",\"x\":1,\"y\":2},{\"action\":\"type\",\"text\":\"abc\"}]}}\n"
		"< "
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"completed\":2,\"skipped\":0,"
		"\"results\":["
		"{\"effect\":\"changed\",\"changed\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4},"
		"\"frame\":8,\"settled\":true,\"settled_ms\":120,\"reason\":\"quiet\",\"window\":1,"
		"\"cursor\":{\"x\":640,\"y\":400}},{\"effect\":\"changed\",\"changed\":{\"x\":100,"
		"\"y\":"
		"100,\"width\":10,\"height\":10},\"frame\":9,\"settled\":true,\"settled_ms\":120,"
		"\"reason\":\"quiet\",\"window\":1,\"cursor\":{\"x\":640,\"y\":400},\"characters\":"
		"3,"
		"\"ways\":[{\"first\":0,\"count\":3,\"way\":\"keymap\"}]}]}}\n"
		"= click 1,2;text 'abc';\n"
		// without waiting
		"> "
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"parclose/"
		"act\",\"params\":{\"actions\":["
		"{\"action\":\"click\",\"x\":1,\"y\":2}],\"settle\":false}}\n"
		"< "
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"completed\":1,\"skipped\":0,"
		"\"results\":["
		"{\"effect\":\"delivered\",\"frame\":10,\"window\":1,\"cursor\":{\"x\":640,\"y\":"
		"400}}]}}"
		"\n"
		// another vocabulary, and the first that fails
		"> "
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"parclose/"
		"act\",\"params\":{\"vocabulary\":"
		"\"openai\",\"as\":\"agent\",\"settle\":{\"quietMs\":50,\"timeoutMs\":100},"
		"\"actions\":[{"
		"\"type\":\"keypress\",\"keys\":[\"Nonsense\"]},{\"type\":\"wait\"}]}}\n"
		"~ "
		"\"result\":{\"completed\":0,\"skipped\":1,\"results\":[{\"effect\":"
		"\"unsupported\","
		"\"message\":\"there is no key 'Nonsense'\"\n"
		"= click 1,2;key Nonsense;\n"
		"> "
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"parclose/"
		"act\",\"params\":{\"actions\":[{"
		"\"action\":\"screenshot\"}]}}\n"
		"~ \"effect\":\"unsupported\",\"message\":\"pictures are not to be had here\"\n"
		// wrong parameters
		"> {\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"parclose/act\"}\n" ERROR(
			"4", "-32602", "/actions: use an array of 1 to 100 actions") REQUEST("4",
			"parclose/act", "\"actions\":[]") ERROR("4", "-32602",
			"/actions: use an array of 1 to 100 actions") REQUEST("4", "parclose/act",
			"\"actions\":[{}],\"vocabulary\":\"klingon\"") ERROR("4", "-32602",
			"/vocabulary: use parclose, anthropic, openai or "
			"gemini") REQUEST("4", "parclose/act",
			"\"actions\":[{}],\"as\":7") ERROR("4", "-32602",
			"/as: use agent or human") REQUEST("4", "parclose/act",
			"\"actions\":[{}],\"settle\":true") "~ /settle: use false or\n" REQUEST("4",
			"parclose/act", "\"actions\":[{}],\"x\":1") ERROR("4", "-32602",
			"the parameters are vocabulary, actions, settle and as")
		// MCP beside it
		INITIALIZE("2025-11-25") CALL("1", "computer",
			"\"action\":\"left_click\",\"coordinate\":[1,2]") "~ "
									  "\"effect\":\"changed\"\n"
		// and what nobody knows
		REQUEST("5", "parclose/nonsense", "")
			ERROR("5", "-32601", "there is no such method"));
	// Calls under way are bounded, and end with the connection.
	for (int i = 1; i <= 33; i++) {
		char line[200];
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"parclose/act\",\"params\":{"
			"\"actions\":[{\"action\":\"wait\",\"ms\":90000}]}}",
			i);
		say(line);
	}
	converse(ERROR(
		"33", "-32000", "32 calls wait for their answers already; wait for one") "|\n");
	end();

	// Not from inside.
	begin(true, &agent_service);
	converse(INITIALIZE("2025-11-25") REQUEST(
		"1", "parclose/act", "\"actions\":[{\"action\":\"click\"}]") ERROR("1", "-32601",
		"there is no such method") CALL("1", "computer",
		"\"action\":\"left_click\",\"coordinate\":[1,2]") "~ \"effect\":\"changed\"\n");
	end();
}

static void test_base64(void **state) {
	// RFC 4648, section 10
	static const struct {
		const char *plain, *coded;
	} rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd\xfb", "//79+w=="}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[20] = "";
		size_t len = strlen(rows[i].plain);
		assert_int_equal(base64_len(len), strlen(rows[i].coded));
		base64_encode((const uint8_t *)rows[i].plain, len, out);
		assert_string_equal(out, rows[i].coded);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_requests_in_flight),
		cmocka_unit_test(test_slow_client),
		cmocka_unit_test(test_large_batch),
		cmocka_unit_test(test_heavy_arguments),
		cmocka_unit_test(test_long_id),
		cmocka_unit_test(test_large_pictures),
		cmocka_unit_test(test_session_states),
		cmocka_unit_test(test_launch),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
