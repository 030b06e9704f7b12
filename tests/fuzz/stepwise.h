#ifndef PARCLOSE_TESTS_STEPWISE_H
#define PARCLOSE_TESTS_STEPWISE_H

// One stream through the guard, whole and in pieces: the outcome may not depend on the pieces.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "network/guard.h"

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

struct outcome {
	enum guard_word word;
	enum broker_reason reason;
	size_t passed;
};

// Each piece in memory of its own, for a byte read beyond it to be seen.
static struct outcome feed(const uint8_t *data, size_t size, size_t step) {
	struct guard guard;
	struct outcome outcome = {.word = GUARD_MORE};
	guard_init(&guard, "a.example", 80, NULL, NULL);
	for (size_t end = 0; end < size && outcome.word == GUARD_MORE;) {
		end = size - end < step ? size : end + step;
		size_t len = end - outcome.passed, pass = 0;
		unsigned char *copy = malloc(len);
		require(copy != NULL);
		memcpy(copy, data + outcome.passed, len);
		outcome.word = guard_client(&guard, copy, len, false, &pass);
		free(copy);
		require(pass <= len);
		outcome.passed += outcome.word == GUARD_REFUSE ? 0 : pass;
		require(outcome.word != GUARD_MORE || guard.waiting == (outcome.passed < end));
		if (outcome.word == GUARD_FRESH) {
			guard_renew(&guard);
			outcome.word = GUARD_MORE;
			end = outcome.passed; // as the relay: it is shown again at once
		}
	}
	outcome.reason = outcome.word == GUARD_REFUSE ? guard.reason : BROKER_BY_RULE;
	for (size_t i = 0; guard.untrusted_detail[i] != '\0'; i++) {
		require(guard.untrusted_detail[i] > ' ' && guard.untrusted_detail[i] <= '~');
	}
	return outcome;
}

static void compare(const uint8_t *data, size_t size, size_t step) {
	struct outcome whole = feed(data, size, size), pieces = feed(data, size, step);
	require(whole.word == pieces.word && whole.reason == pieces.reason);
	// Text that may yet become a request goes while nobody knows.
	size_t early = pieces.passed > whole.passed ? pieces.passed - whole.passed : 0;
	require(whole.word != GUARD_MORE ||
		(whole.passed <= pieces.passed && early <= GUARD_BEGUN_MAX));
}

#endif
