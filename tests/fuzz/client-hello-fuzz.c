/*
 * Any bytes as the beginning of TLS, cut into pieces by the first of them. What is let pass begins
 * with a ClientHello for the one name.
 */

#include "network/client-hello.h"
#include "tests/fuzz/stepwise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 2) {
		return 0;
	}
	size_t step = 1 + data[0] % 64;
	data++;
	size--;
	struct client_hello hello;
	enum client_hello_result result = client_hello_read(data, size, &hello);
	if (result == CLIENT_HELLO_DONE) {
		require(hello.len <= size);
		require(!hello.has_name || memchr(hello.untrusted_name, '\0', 256) != NULL);
		struct client_hello again;
		require(client_hello_read(data, hello.len, &again) == CLIENT_HELLO_DONE);
		require(client_hello_read(data, hello.len - 1, &again) == CLIENT_HELLO_MORE);
		require(strcmp(hello.untrusted_name, again.untrusted_name) == 0 || !again.has_name);
	}
	server_hello_look(data, size);
	if (tls_begins(data, size) == TLS_BEGINS) {
		struct outcome outcome = feed(data, size, step);
		require(outcome.word != GUARD_FREE);
		require(outcome.passed == 0 || result == CLIENT_HELLO_DONE);
		require(outcome.passed == 0 || strcasecmp(hello.untrusted_name, "a.example") == 0 ||
			strcasecmp(hello.untrusted_name, "a.example.") == 0);
		compare(data, size, step);
	}
	return 0;
}
