/*
 * What the supervisor makes of a broker's words, without a broker: which messages can be
 * (session/uplink-check.c), what is kept of decisions (network-audit.c), what is proposed after
 * learning (network-learn.c), and what a policy's network is made of (network-plan.c).
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "policy/network.h"
#include "policy/policy.h"
#include "session/network-audit.h"
#include "session/network-learn.h"
#include "session/network-plan.h"
#include "session/uplink.h"

// ---- messages

static struct broker_message decision(uint32_t kind, const char *name, uint32_t port) {
	struct broker_message message = {.type = BROKER_DECISION};
	message.decision.kind = kind;
	message.decision.allowed = 1;
	message.decision.protocol = kind == BROKER_LOOKUP ? 0 : IPPROTO_TCP;
	message.decision.port = port;
	snprintf(message.decision.untrusted_name, sizeof(message.decision.untrusted_name), "%s",
		name);
	snprintf(message.decision.untrusted_rule, sizeof(message.decision.untrusted_rule), "%s",
		"/network/egress/allow/0");
	return message;
}

static bool good(const struct broker_message *message) {
	struct broker_message checked;
	return uplink_check(message, sizeof(*message), &checked);
}

static void test_right(void **state) {
	(void)state;
	struct broker_message message = {.type = BROKER_READY};
	assert_true(good(&message));
	message = (struct broker_message){.type = BROKER_FATAL, .fatal.text = "no resolver"};
	assert_true(good(&message));
	message = (struct broker_message){.type = BROKER_NEED_SOCKET, .need_socket = {7, AF_INET6}};
	assert_true(good(&message));
	message = (struct broker_message){
		.type = BROKER_UPDATED, .updated = {1, BROKER_UPDATE_REFUSED, 0}};
	assert_true(good(&message));
	for (uint32_t kind = BROKER_LOOKUP; kind < BROKER_DECISION_KIND_COUNT; kind++) {
		message = decision(kind, "example.org", 65535);
		message.decision.id = 1;
		assert_true(good(&message));
	}
	message = decision(BROKER_CONNECT, "", 443);
	message.decision.family = AF_INET6;
	memset(message.decision.address, 0xff, 16);
	memset(message.decision.untrusted_detail, ' ', 255);
	message.decision.flags = BROKER_LEARNED;
	message.decision.reason = BROKER_REASON_COUNT - 1;
	assert_true(good(&message));
	memset(message.decision.untrusted_name, 'a', 255);
	memset(message.decision.untrusted_rule, 'a', 63);
	assert_true(good(&message));
	struct broker_message checked;
	assert_false(uplink_check(&message, sizeof(message) - 1, &checked));
	assert_false(uplink_check(&message, 0, &checked));
	assert_false(uplink_check(&message, sizeof(message) + 1, &checked));
}

#define WRONG(change) \
	do { \
		struct broker_message m = decision(BROKER_CONNECT, "example.org", 443); \
		assert_true(good(&m)); \
		change; \
		assert_false(good(&m)); \
	} while (0)

static void test_wrong(void **state) {
	(void)state;
	WRONG(m.type = 0);
	WRONG(m.type = BROKER_SETUP);
	WRONG(m.type = BROKER_STOP);
	WRONG(m.type = BROKER_DECISION + 1);
	WRONG(m.reserved = 1);
	WRONG(m.decision.kind = 0);
	WRONG(m.decision.kind = BROKER_DECISION_KIND_COUNT);
	WRONG(m.decision.allowed = 2);
	WRONG(m.decision.protocol = IPPROTO_ICMP);
	WRONG(m.decision.port = 65536);
	WRONG(m.decision.reason = BROKER_REASON_COUNT);
	WRONG(m.decision.flags = 2);
	WRONG(m.decision.reserved = 1);
	WRONG(m.decision.family = AF_UNIX);
	WRONG(m.decision.address[0] = 1); // of no family
	WRONG((m.decision.family = AF_INET, m.decision.address[4] = 1));
	WRONG(m.decision.bytes_in = 1); // of what has not ended
	WRONG(m.decision.bytes_out = 1);
	WRONG(m.decision.kind = BROKER_CLOSED); // without its mark
	WRONG((m.decision.kind = BROKER_CLOSED, m.decision.id = 1, m.decision.allowed = 0));
	WRONG(memset(m.decision.untrusted_name, 'a', 256)); // without an end
	WRONG(memset(m.decision.untrusted_detail, 'a', 256));
	WRONG(memset(m.decision.untrusted_rule, 'a', 64));
	WRONG(m.decision.untrusted_name[0] = '\x1b');
	WRONG(m.decision.untrusted_name[0] = ' ');
	WRONG(m.decision.untrusted_name[0] = '\n');
	WRONG(m.decision.untrusted_name[0] = (char)0xc3);
	WRONG(m.decision.untrusted_name[255] = 'x'); // behind the end
	WRONG(m.decision.untrusted_detail[0] = '\x7f');
	WRONG(m.decision.untrusted_rule[3] = '\t');
	struct broker_message message = {.type = BROKER_NEED_SOCKET, .need_socket = {0, AF_INET}};
	assert_false(good(&message));
	message.need_socket.token = 1;
	message.need_socket.family = AF_UNIX;
	assert_false(good(&message));
	message = (struct broker_message){
		.type = BROKER_UPDATED, .updated.status = BROKER_UPDATE_STATUS_COUNT};
	assert_false(good(&message));
	message = (struct broker_message){.type = BROKER_FATAL};
	memset(message.fatal.text, 'x', sizeof(message.fatal.text));
	assert_false(good(&message));
}

// ---- what is kept

#define SECOND 1000000000u

static const char *string(const cJSON *object, const char *key) {
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return value != NULL ? value : "";
}

static double number(const cJSON *object, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

static void test_lines(void **state) {
	(void)state;
	struct network_audit audit;
	network_audit_init(&audit, 0);
	struct broker_decision open = decision(BROKER_CONNECT, "example.org", 443).decision;
	open.id = 5;
	open.family = AF_INET;
	memcpy(open.address, (unsigned char[]){192, 0, 2, 7}, 4);
	cJSON *line = network_audit_take(&audit, &open, 0);
	assert_string_equal(string(line, "kind"), "connect");
	assert_string_equal(string(line, "name"), "example.org");
	assert_string_equal(string(line, "address"), "192.0.2.7");
	assert_string_equal(string(line, "protocol"), "tcp");
	assert_string_equal(string(line, "rule"), "/network/egress/allow/0");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "allowed")));
	assert_true(number(line, "port") == 443 && number(line, "id") == 5);
	cJSON_Delete(line);
	assert_int_equal(audit.connections, 1);
	struct broker_decision closed = open;
	closed.kind = BROKER_CLOSED;
	closed.bytes_in = 10;
	closed.bytes_out = 3;
	line = network_audit_take(&audit, &closed, 0);
	assert_true(number(line, "bytesIn") == 10 && number(line, "bytesOut") == 3);
	cJSON_Delete(line);
	assert_int_equal(audit.connections, 0);
	assert_int_equal(audit.bytes_in, 10);
	// One that never stood is not counted below nothing.
	cJSON_Delete(network_audit_take(&audit, &closed, 0));
	assert_int_equal(audit.connections, 0);
}

static void test_flood(void **state) {
	(void)state;
	struct network_audit audit;
	network_audit_init(&audit, 0);
	size_t lines = 0;
	for (unsigned int i = 0; i < 10000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "n%u.example", i);
		struct broker_decision denied = decision(BROKER_LOOKUP, name, 1).decision;
		denied.allowed = 0;
		cJSON *line = network_audit_take(&audit, &denied, 0);
		lines += line != NULL;
		cJSON_Delete(line);
	}
	assert_int_equal(lines, AUDIT_BURST);
	assert_int_equal(audit.denied, 10000);
	assert_int_equal(audit.last_len, AUDIT_DENIED);
	assert_string_equal(audit.last[0].decision.untrusted_name, "n9999.example");
	// What is allowed is still written down.
	struct broker_decision allowed = decision(BROKER_CONNECT, "example.org", 443).decision;
	cJSON *line = network_audit_take(&audit, &allowed, 0);
	assert_non_null(line);
	cJSON_Delete(line);
	// The counts come once lines may come again, and once.
	assert_null(network_audit_left_out(&audit, 0, false));
	line = network_audit_left_out(&audit, SECOND, false);
	assert_non_null(line);
	assert_true(number(line, "denied") == 10000 - AUDIT_BURST);
	assert_true(number(line, "allowed") == 0);
	cJSON_Delete(line);
	assert_null(network_audit_left_out(&audit, 2 * SECOND, true));
	struct broker_decision denied = decision(BROKER_LOOKUP, "again.example", 1).decision;
	denied.allowed = 0;
	lines = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		line = network_audit_take(&audit, &denied, 2 * SECOND);
		lines += line != NULL;
		cJSON_Delete(line);
	}
	assert_int_equal(lines, 2 * AUDIT_A_SECOND);
	line = network_audit_left_out(&audit, 2 * SECOND, true); // at the end, at once
	assert_non_null(line);
	cJSON_Delete(line);
	assert_int_equal(audit.last[0].count, 1000);
}

static void test_last_denied(void **state) {
	(void)state;
	struct network_audit audit;
	network_audit_init(&audit, 0);
	static const char *const names[] = {"a.example", "b.example", "a.example"};
	for (size_t i = 0; i < 3; i++) {
		for (uint32_t type = 1; type <= 28; type += 27) { // A and AAAA are one attempt
			struct broker_decision denied =
				decision(BROKER_LOOKUP, names[i], type).decision;
			denied.allowed = 0;
			cJSON_Delete(network_audit_take(&audit, &denied, 0));
		}
	}
	cJSON *object = cJSON_CreateObject();
	network_audit_inspect(&audit, object);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "lastDenied");
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_string_equal(string(cJSON_GetArrayItem(list, 0), "name"), "a.example");
	assert_true(number(cJSON_GetArrayItem(list, 0), "count") == 4);
	assert_true(number(cJSON_GetArrayItem(list, 1), "count") == 2);
	assert_true(number(object, "denied") == 6);
	cJSON_Delete(object);
}

// ---- what is learned

static void learn(struct network_learn *learned, uint32_t kind, const char *name, uint32_t port,
	const char *address, const char *rule) {
	struct broker_decision checked = decision(kind, name, port).decision;
	struct network_address bytes;
	checked.protocol = kind == BROKER_FLOW ? IPPROTO_UDP : IPPROTO_TCP;
	checked.id = 1;
	checked.flags = BROKER_LEARNED;
	snprintf(checked.untrusted_rule, sizeof(checked.untrusted_rule), "%s", rule);
	if (address != NULL) {
		assert_true(network_address_parse(address, &bytes));
		checked.family = (uint32_t)bytes.family;
		memcpy(checked.address, bytes.bytes, sizeof(checked.address));
	}
	network_learn_take(learned, &checked);
}

static char *propose(const struct network_learn *learned, const char *base_text) {
	cJSON *base = cJSON_Parse(base_text);
	cJSON *proposal = network_learn_propose(learned, base);
	char *text = cJSON_PrintUnformatted(proposal);
	cJSON_Delete(base);
	cJSON_Delete(proposal);
	return text;
}

#define DEFAULT "/network/egress/default"

static void test_proposal(void **state) {
	(void)state;
	struct network_learn learned = {0};
	learn(&learned, BROKER_CONNECT, "b.example", 443, "93.184.215.14", DEFAULT);
	learn(&learned, BROKER_CONNECT, "a.example", 443, "93.184.215.15", DEFAULT);
	learn(&learned, BROKER_CONNECT, "a.example", 443, "93.184.215.16", DEFAULT);
	learn(&learned, BROKER_CONNECT, "c.example", 22, "93.184.215.14", DEFAULT);
	learn(&learned, BROKER_CONNECT, "c.example", 443, "93.184.215.14", DEFAULT);
	learn(&learned, BROKER_LOOKUP, "only-looked-up.example", 1, NULL, DEFAULT);
	learn(&learned, BROKER_FLOW, "", 3478, "2a00::1", DEFAULT);
	learn(&learned, BROKER_CONNECT, "inside.example", 8443, "10.1.2.3", DEFAULT);
	learn(&learned, BROKER_CONNECT, NETWORK_HOST_NAME, 5432, "127.0.0.1",
		"/network/ingress/hostLoopback");
	learn(&learned, BROKER_CONNECT, "evil.example", 443, "93.184.215.17",
		"/network/egress/deny/0");
	char *text = propose(&learned,
		"{\"parclose\":1,\"filesystem\":{\"readonlyPaths\":[\"/srv\"]},"
		"\"network\":{\"egress\":{\"default\":\"allow\","
		"\"deny\":[{\"to\":[{\"domain\":\"evil.example\"}],\"ports\":[{\"protocol\":"
		"\"tcp\",\"port\":443}]}]}}}");
	assert_string_equal(text,
		"{\"parclose\":1,\"filesystem\":{\"readonlyPaths\":[\"/srv\"]},"
		"\"network\":{\"egress\":{\"default\":\"deny\",\"allow\":["
		"{\"to\":[{\"cidr\":\"10.1.2.3/32\"},{\"domain\":\"inside.example\"}],"
		"\"ports\":[{\"protocol\":\"tcp\",\"port\":8443}]},"
		"{\"to\":[{\"cidr\":\"2a00::1/"
		"128\"}],\"ports\":[{\"protocol\":\"udp\",\"port\":3478}]}"
		","
		"{\"to\":[{\"domain\":\"a.example\"},{\"domain\":\"b.example\"}],"
		"\"ports\":[{\"protocol\":\"tcp\",\"port\":443}]},"
		"{\"to\":[{\"domain\":\"c.example\"}],"
		"\"ports\":[{\"protocol\":\"tcp\",\"port\":22},{\"protocol\":\"tcp\",\"port\":443}]"
		"}],"
		"\"deny\":[{\"to\":[{\"domain\":\"evil.example\"}],\"ports\":[{\"protocol\":"
		"\"tcp\","
		"\"port\":443}]}]},"
		"\"ingress\":{\"hostLoopback\":[{\"port\":5432}]}}}");
	// It is a policy, and lets all of that but what is denied by hand.
	struct policy_error err;
	struct policy *policy = policy_load(text, strlen(text), "proposal", &err);
	if (policy == NULL) {
		fail_msg("%s", err.message);
	}
	assert_int_equal(network_learn_refused(&learned, &policy->network), 1);
	policy_destroy(policy);
	free(text);
	network_learn_finish(&learned);
	text = propose(&learned, "{\"parclose\":1}");
	assert_string_equal(text,
		"{\"parclose\":1,\"network\":{\"egress\":{\"default\":\"deny\",\"allow\":[]}}}");
	free(text);
}

static void test_learning_is_bounded(void **state) {
	(void)state;
	struct network_learn learned = {0};
	for (unsigned int i = 0; i < LEARN_MAX + 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "n%u.example", i);
		learn(&learned, BROKER_CONNECT, name, 443, NULL, DEFAULT);
	}
	assert_int_equal(learned.places_len, LEARN_MAX);
	assert_int_equal(learned.too_many, 100);
	network_learn_finish(&learned);
}

// ---- what it is made of

static struct policy *load(const char *network) {
	char text[2048];
	snprintf(text, sizeof(text), "{\"parclose\":1,%s}", network);
	struct policy_error err;
	struct policy *policy = policy_load(text, strlen(text), "test", &err);
	if (policy == NULL) {
		fail_msg("%s", err.message);
	}
	return policy;
}

// "tcp:443 udp:53@127.0.0.53 …", then the routes.
static const char *describe(const char *network, bool learning) {
	static char text[4096];
	struct policy *policy = load(network);
	struct network_plan plan;
	assert_true(network_plan_init(&plan, &policy->network, learning));
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < plan.sandbox.sockets_len; i++) {
		const struct sandbox_socket *socket = &plan.sandbox.sockets[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%u%s=%d",
			i > 0 ? " " : "", socket->type == SOCK_STREAM ? "tcp" : "udp", socket->port,
			socket->every_port ? "*"
			: socket->address  ? "@"
					   : "",
			(int)plan.kinds[i]);
	}
	for (size_t i = 0; i < plan.sandbox.routes_len; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %d/%u",
			plan.routes[i].family == AF_INET ? 4 : 6, plan.routes[i].prefix);
	}
	snprintf(text + used, sizeof(text) - used, "%s",
		plan.sandbox.resolver != NULL ? " dns" : "");
	network_plan_finish(&plan);
	policy_destroy(policy);
	return text;
}

#define ALLOW(rules) "\"network\":{\"egress\":{\"allow\":[" rules "]}}"
#define TO(to, ports) "{\"to\":[" to "],\"ports\":[" ports "]}"
#define NAME(name) "{\"domain\":\"" name "\"}"
#define TCP(port) "{\"protocol\":\"tcp\",\"port\":" port "}"
#define UDP(port) "{\"protocol\":\"udp\",\"port\":" port "}"

static void test_plan(void **state) {
	(void)state;
	assert_string_equal(describe("\"network\":{}", false), "");
	assert_string_equal(
		describe("\"network\":{}", true), "tcp:1*=4 udp:53@=1 tcp:53@=2 4/0 6/0 dns");
	assert_string_equal(describe(ALLOW(TO(NAME("a.example"), TCP("443") "," TCP("80"))), false),
		"tcp:80=3 tcp:443=3 udp:53@=1 tcp:53@=2 4/15 6/64 dns");
	assert_string_equal(describe(ALLOW(TO("{\"cidr\":\"192.0.2.0/24\"}", UDP("3478"))), false),
		"udp:3478=5 udp:53@=1 tcp:53@=2 4/24 4/15 6/64 dns");
	// A port that goes out and is published leads out by another way.
	assert_string_equal(describe("\"network\":{\"egress\":{\"allow\":[" TO(NAME("a.example"),
					     TCP("3000")) "]},\"ingress\":{\"publish\":[{\"host\":"
							  "8080,\"port\":3000}]}}",
				    false),
		"tcp:1*=4 udp:53@=1 tcp:53@=2 4/15 6/64 dns");
	assert_string_equal(
		describe("\"runtimeConfig\":{\"networkProxy\":\"http://127.0.0.1:3128\"}", false),
		"tcp:3128@=7 udp:53@=1 tcp:53@=2 4/15 6/64 dns");
}

// What a session that was started with `old` lacks for `next`.
static const char *missing(const char *old, const char *next) {
	static char text[512];
	struct policy *a = load(old), *b = load(next);
	struct network_plan plan, more;
	assert_true(network_plan_init(&plan, &a->network, false));
	assert_true(network_plan_missing(&plan, &b->network, &more));
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < more.sandbox.sockets_len; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u=%d ",
			more.sockets[i].port, (int)more.kinds[i]);
	}
	for (size_t i = 0; i < more.sandbox.routes_len; i++) {
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "/%u ", more.routes[i].prefix);
	}
	// With it, nothing is missing any more.
	struct network_plan nothing;
	assert_true(network_plan_add(&plan, &more));
	assert_true(network_plan_missing(&plan, &b->network, &nothing));
	assert_int_equal(nothing.sandbox.sockets_len + nothing.sandbox.routes_len, 0);
	network_plan_finish(&nothing);
	network_plan_finish(&more);
	network_plan_finish(&plan);
	policy_destroy(a);
	policy_destroy(b);
	return text;
}

static void test_another(void **state) {
	(void)state;
	const char *web = ALLOW(TO(NAME("a.example"), TCP("443") "," TCP("80")));
	const char *open = "\"network\":{\"egress\":{\"default\":\"allow\"}}";
	const char *range = ALLOW(TO("{\"cidr\":\"192.0.2.0/24\"}", TCP("443")));
	assert_string_equal(missing(web, ALLOW(TO(NAME("b.example"), TCP("80")))), "");
	assert_string_equal(missing(web, "\"network\":{}"), "");
	assert_string_equal(missing(web, ALLOW(TO(NAME("a.example"), TCP("22")))), "22=3 ");
	assert_string_equal(missing(web, open), "1=4 /0 /0 ");
	assert_string_equal(missing(web, range), "/24 ");
	assert_string_equal(missing(open, web), "");
	assert_string_equal(missing(open, range), "");
	assert_string_equal(
		missing(open, ALLOW(TO("{\"cidr\":\"192.0.2.0/24\"}", UDP("9")))), "9=5 ");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_last_denied),
		cmocka_unit_test(test_proposal),
		cmocka_unit_test(test_learning_is_bounded),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
