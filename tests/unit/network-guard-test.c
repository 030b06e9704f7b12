// What a connection to a name may carry, cut at every place.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "network/client-hello.h"
#include "network/guard.h"
#include "tests/helpers/hello.h"

/*
 * Feeds `len` bytes from the client, at most `step` at a time, as the relay would: what may not go
 * is shown again with more. Returns the last word; *passed: how many bytes went.
 */
static enum guard_word feed(
	struct guard *guard, const unsigned char *bytes, size_t len, size_t step, size_t *passed) {
	enum guard_word word = GUARD_MORE;
	*passed = 0;
	for (size_t end = 0; end < len && word == GUARD_MORE;) {
		end = len - end < step ? len : end + step;
		size_t pass = 0;
		unsigned char *copy = malloc(end - *passed + 1);
		memcpy(copy, bytes + *passed, end - *passed);
		word = guard_client(guard, copy, end - *passed, false, &pass);
		free(copy);
		assert_true(pass <= end - *passed);
		*passed += pass;
	}
	return word;
}

static bool deny_b(void *data, const char *name) {
	return strcmp(name, "b.example") == 0;
}

static const size_t steps[] = {1, 2, 3, 5, 16, 1 << 20};

// Who waits for an answer to what may yet become a request does not wait for ever: it goes, but for
// the end of its line.
static void short_text_goes(void **unused) {
	static const char *const texts[] = {"a", "ping", "GET", "12", "hello world", "CONNECT {"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct guard guard;
		size_t pass = 0, len = strlen(texts[i]);
		guard_init(&guard, "a.example", 8080, NULL, NULL);
		assert_int_equal(
			guard_client(&guard, (const unsigned char *)texts[i], len, false, &pass),
			GUARD_MORE);
		assert_int_equal(pass, len);
		assert_true(guard.undecided && !guard.waiting);
	}
	// And is remembered: the rest makes it a request for another host.
	struct guard guard;
	size_t pass = 0;
	guard_init(&guard, "a.example", 8080, NULL, NULL);
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)"GE", 2, false, &pass), GUARD_MORE);
	static const char rest[] = "T / HTTP/1.1\r\nHost: b.example\r\n\r\n";
	pass = 0;
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)rest, strlen(rest), false, &pass),
		GUARD_REFUSE);
	assert_int_equal(guard.reason, BROKER_HTTP_OTHER_HOST);
	// Text that goes on without an end of line, and is none.
	char text[2000];
	memset(text, 'x', sizeof(text));
	text[1500] = '\n';
	for (size_t step = 100; step < 2000; step += 133) {
		guard_init(&guard, "a.example", 8080, NULL, NULL);
		size_t passed;
		assert_int_equal(
			feed(&guard, (const unsigned char *)text, sizeof(text), step, &passed),
			GUARD_FREE);
	}
}

// ---- HTTP

#define GET_A "GET / HTTP/1.1\r\nHost: A.example.\r\n\r\n"
#define GET_B "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"

static void http_rows(void **unused) {
	static const struct {
		const char *text;
		enum guard_word word;
		enum broker_reason reason;
		size_t passed; // at most, when refused: nothing of the bad request goes
	} rows[] = {
		{GET_A, GUARD_MORE, 0, 0},
		{GET_A GET_A GET_A, GUARD_MORE, 0, 0},
		{"\r\n\n\r\n" GET_A, GUARD_MORE, 0, 0},
		{"GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", GUARD_MORE, 0, 0},
		{"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", GUARD_MORE, 0, 0},
		{"PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nGET b HTT" GET_A,
			GUARD_MORE, 0, 0},
		{"PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n" GET_A,
			GUARD_MORE, 0, 0},
		// The Host is swapped.
		{GET_B, GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, 0},
		{GET_A GET_B, GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, sizeof(GET_A) - 1},
		{"\r\n" GET_B, GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, 2},
		{"PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc" GET_B,
			GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, 60},
		{"PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\n" GET_B,
			GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, 76},
		{"PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n1\r\nab" GET_B,
			GUARD_REFUSE, BROKER_HTTP_BAD, 76},
		{"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"GET http://a.example@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
			GUARD_REFUSE, BROKER_HTTP_OTHER_HOST, 0},
		{"GET / HTTP/1.1\r\nHost: a.example:80\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"GET / HTTP/1.1\r\nHost: a.example b.example\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"GET / HTTP/1.1\r\nHost: 203.0.113.10\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"GET / HTTP/1.1\r\n\r\n", GUARD_REFUSE, BROKER_HTTP_BAD, 0},
		{"GET /\r\n\r\n", GUARD_REFUSE, BROKER_HTTP_BAD, 0},
		{"FOO / HTTP/1.1\r\nHost: b.example\r\n\r\n", GUARD_REFUSE, BROKER_HTTP_OTHER_HOST,
			0},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", GUARD_REFUSE, BROKER_HTTP_BAD, 0},
		// Tunnels.
		{"CONNECT b.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{"CONNECT a.example:22 HTTP/1.1\r\nHost: a.example\r\n\r\n", GUARD_REFUSE,
			BROKER_HTTP_OTHER_HOST, 0},
		{GET_A "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n",
			GUARD_FRESH, 0, 0},
		// Other protocols.
		{"EHLO a\r\n" GET_B, GUARD_FREE, 0, 0},
		{"SSH-2.0-x\r\n", GUARD_FREE, 0, 0},
		{"\x01\x02", GUARD_FREE, 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct guard guard;
			size_t passed, len = strlen(rows[i].text);
			guard_init(&guard, "a.example", 8080, NULL, NULL);
			enum guard_word word = feed(&guard, (const unsigned char *)rows[i].text,
				len, steps[j], &passed);
			if (word != rows[i].word) {
				print_error("%s by %zu: %d\n", rows[i].text, steps[j], word);
			}
			assert_int_equal(word, rows[i].word);
			if (word == GUARD_REFUSE) {
				assert_int_equal(guard.reason, rows[i].reason);
				// Text that was not yet a request may have gone, but no line of it.
				assert_true(passed <= rows[i].passed ||
					    !memchr(rows[i].text + rows[i].passed, '\n',
						    passed - rows[i].passed));
			} else if (word == GUARD_MORE) {
				assert_int_equal(passed, len);
				assert_false(guard.waiting);
			}
		}
	}
}

#define UPGRADE \
	"GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

static enum guard_word serve(struct guard *guard, const char *text, size_t *pass) {
	*pass = 0;
	return guard_server(guard, (const unsigned char *)text, strlen(text), false, pass);
}

static void tunnels(void **unused) {
	struct guard guard;
	size_t passed, pass;
	static const char both[] = UPGRADE GET_B;
	guard_init(&guard, "a.example", 80, NULL, NULL);
	assert_int_equal(feed(&guard, (const unsigned char *)both, sizeof(both) - 1, 7, &passed),
		GUARD_MORE);
	assert_int_equal(passed, sizeof(UPGRADE) - 1);
	assert_int_equal(serve(&guard, "HTTP/1.1 10", &pass), GUARD_MORE);
	assert_int_equal(pass, 0);
	struct guard before = guard;
	// Accepted: it is another protocol now, to the same name.
	assert_int_equal(serve(&guard, "HTTP/1.1 101 Yes\r\n\r\n", &pass), GUARD_FREE);
	pass = 0;
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)GET_B, sizeof(GET_B) - 1, false, &pass),
		GUARD_FREE);
	// Not accepted: what waited is a request like any other.
	guard = before;
	assert_int_equal(serve(&guard, "HTTP/1.1 426 No\r\n\r\n", &pass), GUARD_FREE);
	pass = 0;
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)GET_B, sizeof(GET_B) - 1, false, &pass),
		GUARD_REFUSE);
	assert_int_equal(pass, 0);
	// No answer that anybody could read.
	guard = before;
	assert_int_equal(serve(&guard, "hello", &pass), GUARD_REFUSE);
	// In HTTP/2 the requests would name hosts again.
	static const char http2[] =
		"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: foo, H2C\r\n\r\n";
	guard_init(&guard, "a.example", 80, NULL, NULL);
	assert_int_equal(feed(&guard, (const unsigned char *)http2, sizeof(http2) - 1, 1, &passed),
		GUARD_MORE);
	assert_int_equal(serve(&guard, "HTTP/1.1 101 Yes\r\n\r\n", &pass), GUARD_REFUSE);
	// On a used connection it waits for another one, where it is the first.
	static const char used[] = GET_A UPGRADE;
	guard_init(&guard, "a.example", 80, NULL, NULL);
	assert_int_equal(
		feed(&guard, (const unsigned char *)used, sizeof(used) - 1, 1 << 20, &passed),
		GUARD_FRESH);
	assert_int_equal(passed, sizeof(GET_A) - 1);
	pass = 0;
	assert_int_equal(guard_client(&guard, (const unsigned char *)UPGRADE, sizeof(UPGRADE) - 1,
				 false, &pass),
		GUARD_MORE);
	assert_int_equal(pass, 0);
	guard_renew(&guard);
	assert_int_equal(guard_client(&guard, (const unsigned char *)UPGRADE, sizeof(UPGRADE) - 1,
				 false, &pass),
		GUARD_MORE);
	assert_int_equal(pass, sizeof(UPGRADE) - 1);
	assert_int_equal(serve(&guard, "HTTP/1.1 101 Yes\r\n\r\n", &pass), GUARD_FREE);
	// CONNECT to itself.
	static const char connect[] = "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n";
	guard_init(&guard, "a.example", 80, NULL, NULL);
	assert_int_equal(
		feed(&guard, (const unsigned char *)connect, sizeof(connect) - 1, 1, &passed),
		GUARD_MORE);
	assert_int_equal(serve(&guard, "HTTP/1.1 200 OK\r\n\r\n", &pass), GUARD_FREE);
	pass = 0;
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)"x", 1, false, &pass), GUARD_FREE);
}

// ---- TLS

static size_t append(unsigned char *out, size_t len, const struct hello_wish *wish) {
	return len + hello_make(wish, out + len, 65536 - len);
}

static void tls_rows(void **unused) {
	static const struct {
		struct hello_wish wish;
		enum guard_word word;
		enum broker_reason reason;
	} rows[] = {
		{{.name = "a.example"}, GUARD_MORE, 0},
		{{.name = "A.EXAMPLE"}, GUARD_MORE, 0},
		{{.name = "a.example", .record = 1}, GUARD_MORE, 0},
		{{.name = "a.example", .encrypted = true}, GUARD_MORE, 0}, // as browsers pretend
		{{.name = "b.example"}, GUARD_REFUSE, BROKER_TLS_OTHER_NAME},
		{{.name = "b.example", .record = 1}, GUARD_REFUSE, BROKER_TLS_OTHER_NAME},
		{{.name = "x.a.example"}, GUARD_REFUSE, BROKER_TLS_OTHER_NAME},
		{{.name = "203.0.113.10"}, GUARD_REFUSE, BROKER_TLS_OTHER_NAME},
		{{.name = "outer.example", .encrypted = true}, GUARD_REFUSE,
			BROKER_TLS_ENCRYPTED_NAME},
		{{.name = NULL}, GUARD_REFUSE, BROKER_TLS_NO_NAME},
		{{.name = NULL, .encrypted = true}, GUARD_REFUSE, BROKER_TLS_NO_NAME},
		{{.name = "a.example", .twice = true}, GUARD_REFUSE, BROKER_TLS_BAD},
		{{.name = "a.example", .doubled = true}, GUARD_REFUSE, BROKER_TLS_BAD},
	};
	static unsigned char bytes[65536];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct guard guard;
			size_t passed, len = append(bytes, 0, &rows[i].wish);
			guard_init(&guard, "a.example", 443, NULL, NULL);
			assert_int_equal(feed(&guard, bytes, len, steps[j], &passed), rows[i].word);
			if (rows[i].word == GUARD_REFUSE) {
				assert_int_equal(guard.reason, rows[i].reason);
				assert_int_equal(passed, 0);
			} else {
				assert_int_equal(passed, len);
			}
		}
	}
}

static const unsigned char retry[] = {22, 3, 3, 0, 88, 2, 0, 0, 84, 3, 3, 0xcf, 0x21, 0xad, 0x74,
	0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
	0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c, 0x20};

// A server may ask for a second ClientHello, which is not to name another host either.
static void tls_second_hello(void **unused) {
	static unsigned char bytes[65536];
	static const unsigned char early[] = {23, 3, 3, 0, 3, 1, 2, 3, 20, 3, 3, 0, 1, 1};
	for (int other = 0; other < 2; other++) {
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			for (int late = 0; late < 2;
				late++) { // the server's word comes first or last
				struct guard guard;
				const struct hello_wish one = {.name = "a.example", .early = true},
							two = {.name = other ? "b.example"
									     : "a.example"};
				size_t first, passed, pass = 0;
				size_t len = append(bytes, 0, &one);
				guard_init(&guard, "a.example", 443, NULL, NULL);
				assert_int_equal(
					feed(&guard, bytes, len, steps[j], &first), GUARD_MORE);
				assert_int_equal(first, len);
				if (late == 0) {
					assert_int_equal(
						guard_server(&guard, retry, 20, false, &pass),
						GUARD_MORE);
					assert_int_equal(guard_server(&guard, retry, sizeof(retry),
								 false, &pass),
						GUARD_FREE);
				}
				memcpy(bytes, early, sizeof(early));
				len = append(bytes, sizeof(early), &two);
				enum guard_word word = feed(&guard, bytes, len, steps[j], &passed);
				assert_int_equal(word, other  ? GUARD_REFUSE
						       : late ? GUARD_MORE
							      : GUARD_FREE);
				assert_true(!other || passed == sizeof(early));
			}
		}
	}
	// The server has chosen: what follows is theirs.
	struct guard guard;
	const struct hello_wish wish = {.name = "a.example"};
	size_t passed, pass = 0, len = append(bytes, 0, &wish);
	unsigned char chosen[sizeof(retry)];
	memcpy(chosen, retry, sizeof(retry));
	chosen[20] ^= 1;
	guard_init(&guard, "a.example", 443, NULL, NULL);
	assert_int_equal(feed(&guard, bytes, len, 1 << 20, &passed), GUARD_MORE);
	assert_int_equal(guard_server(&guard, chosen, sizeof(chosen), false, &pass), GUARD_FREE);
	assert_int_equal(
		guard_client(&guard, (const unsigned char *)"x", 1, false, &pass), GUARD_FREE);
}

// ---- without a name

static void addresses(void **unused) {
	static unsigned char bytes[65536];
	static const struct {
		struct hello_wish wish;
		enum guard_word word;
	} rows[] = {
		{{.name = "a.example"}, GUARD_MORE},
		{{.name = NULL}, GUARD_MORE},
		{{.name = "203.0.113.10"}, GUARD_MORE},
		{{.name = "B.example"}, GUARD_REFUSE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guard guard;
		size_t passed, len = append(bytes, 0, &rows[i].wish);
		guard_init(&guard, NULL, 443, deny_b, NULL);
		assert_int_equal(feed(&guard, bytes, len, 9, &passed), rows[i].word);
	}
	struct guard guard;
	size_t passed;
	guard_init(&guard, NULL, 80, deny_b, NULL);
	static const char two[] = "GET / HTTP/1.1\r\nHost: 203.0.113.10:8080\r\n\r\n" GET_B;
	assert_int_equal(feed(&guard, (const unsigned char *)two, sizeof(two) - 1, 3, &passed),
		GUARD_REFUSE);
	assert_string_equal(guard.untrusted_detail, "b.example");
}

// ---- what servers take for more than it is
// Each row is one that a real server has taken for TLS or HTTP to whom it names.

struct row {
	const char *words, *bytes;
	size_t len;
};
#define B(text) text, sizeof(text) - 1
#define EVIL "\r\nHost: evil.example\r\n\r\n"

static const struct row requests[] = {
	// node takes these, and for the host they say.
	{"HTTP/0.9 by another method", B("POST /x" EVIL)},
	{"HTTP/0.9 with an absolute target", B("POST http://evil.example/x" EVIL)},
	{"RTSP's version", B("DESCRIBE /x RTSP/1.0" EVIL)},
	{"RTSP's version and scheme", B("OPTIONS rtsp://evil.example/x RTSP/1.0" EVIL)},
	{"Icecast's version", B("SOURCE / ICE/1.0" EVIL)},
	{"CONNECT in HTTP/0.9", B("CONNECT evil.example:443" EVIL)},
	{"M-SEARCH", B("M-SEARCH *" EVIL)},
	// python's http.server takes these.
	{"white space first", B(" GET /x" EVIL)},
	{"other white space first", B("\x0b\x1c\xa0GET /x" EVIL)},
	{"a control character in the target", B("POST /\x01x HTTP/1.1" EVIL)},
	{"NUL in the target", B("POST x\0 HTTP/1.1" EVIL)},
	{"other white space behind the method", B("POST\x0b/x\x0bHTTP/1.1" EVIL)},
	{"Latin-1 white space", B("POST\x85x\xa0HTTP/1.1" EVIL)},
	{"CR behind the method", B("POST\rx HTTP/1.1" EVIL)},
	{"CR behind the target", B("POST x\r HTTP/1.1" EVIL)},
	{"HTTP/2 with prior knowledge", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
};

#define HELLO "\x16\3\1\0\4\1\0\0\0"

static const struct row handshakes[] = {
	// Go takes a ClientHello behind an alert, and in a record of any version below 16.0.
	{"an alert before the ClientHello", B("\x15\3\1\0\2\1\x64" HELLO)},
	{"ChangeCipherSpec before it", B("\x14\3\3\0\1\1" HELLO)},
	{"early data before it", B("\x17\3\3\0\1x" HELLO)},
	{"another version of the record", B("\x16\2\0\0\4\1\0\0\0")},
	{"version 0 of the record", B("\x16\0\0\0\4\1\0\0\0")},
	{"an empty record", B("\x16\3\1\0\0" HELLO)},
	{"the ClientHello of SSL 2.0", B("\x80\x1f\1\3\3\0\6\0\0\0\x10\0\0\x9c")},
};

// All of these say nobody's name, and name and port have decided.
static const struct row others[] = {
	{"git", B("0032git-upload-pack /project\0host=example.org\0")},
	{"mail", B("EHLO there\r\nMAIL FROM:<a@b>\r\n")},
	{"ssh", B("SSH-2.0-OpenSSH_9.9 x\r\n")},
	{"NATS", B("CONNECT {\"verbose\":false}\r\nPING\r\n")},
	{"Redis", B("*1\r\n$4\r\nPING\r\n")},
	{"IRC", B("NICK somebody\r\nUSER a b c :d\r\n")},
	{"SIP", B("OPTIONS sip:example.org SIP/2.0\r\n")},
	{"IMAP", B("a1 LOGIN name word\r\n")},
	{"PostgreSQL", B("\0\0\0\x08\x04\xd2\x16\x2f")},
	{"MySQL", B("\x20\0\0\1\x0d\xa6")},
	{"AMQP", B("AMQP\0\0\x09\1")},
	{"MQTT", B("\x10\x0c\0\4MQTT")},
	{"SunRPC", B("\x80\0\1\3\0\0\0\1")},
	{"Thrift", B("\x80\1\0\1\0\0\0\4ping")},
	{"gopher", B("/path\r\n")},
	{"rsync", B("@RSYNCD: 31.0\n")},
	{"BitTorrent", B("\x13"
			 "BitTorrent protocol\0\0")},
	{"RFB", B("RFB 003.008\n")},
};

// Feeds each row in every way: what is not to be free passes
// nothing, or of `lines` not the end of the first one.
static void feed_rows(const struct row *rows, size_t len, bool is_free, bool lines) {
	for (size_t i = 0; i < len * (sizeof(steps) / sizeof(steps[0])); i++) {
		const struct row *row = &rows[i % len];
		struct guard guard;
		size_t passed, step = steps[i / len];
		const char *end = lines ? memchr(row->bytes, '\n', row->len) : NULL;
		guard_init(&guard, "a.example", 80, NULL, NULL);
		enum guard_word word =
			feed(&guard, (const unsigned char *)row->bytes, row->len, step, &passed);
		if ((word == GUARD_FREE) != is_free ||
			(!is_free && passed > (size_t)(end != NULL ? end - row->bytes : 0))) {
			fail_msg("%s by %zu: %d, %zu bytes went", row->words, step, word, passed);
		}
	}
}

static void seeming_protocols(void **unused) {
	// Of a line that became a request all may have gone but its end.
	feed_rows(requests, sizeof(requests) / sizeof(requests[0]), false, true);
	feed_rows(handshakes, sizeof(handshakes) / sizeof(handshakes[0]), false, false);
	feed_rows(others, sizeof(others) / sizeof(others[0]), true, true);
}

// An end of the stream decides what was waited for.
static void ends(void **unused) {
	static const struct {
		const char *text;
		enum guard_word word;
	} rows[] = {
		{"hello", GUARD_FREE},
		{"\r\n", GUARD_FREE},
		{"", GUARD_FREE},
		{"\x16", GUARD_FREE},
		{"\x16\x03\x01", GUARD_REFUSE},
		{"\x16\x45", GUARD_FREE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guard guard;
		size_t pass = 0;
		guard_init(&guard, "a.example", 80, NULL, NULL);
		assert_int_equal(guard_client(&guard, (const unsigned char *)rows[i].text,
					 strlen(rows[i].text), true, &pass),
			rows[i].word);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_text_goes),
		cmocka_unit_test(http_rows),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(tls_rows),
		cmocka_unit_test(tls_second_hello),
		cmocka_unit_test(addresses),
		cmocka_unit_test(seeming_protocols),
		cmocka_unit_test(ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
