#include "network/channel.h"

static const struct {
	const char *word, *words;
} reasons[BROKER_REASON_COUNT] = {
	[BROKER_BY_RULE] = {"rule", "the policy's rule"},
	[BROKER_BAD_NAME] = {"bad-name", "what was asked for is not a host name"},
	[BROKER_BAD_TYPE] = {"bad-type", "only addresses are told of names"},
	[BROKER_BAD_QUERY] = {"bad-query", "not a well-formed question for a name"},
	[BROKER_POOL_FULL] = {"pool-full", "too many names are in use at once"},
	[BROKER_STALE_ADDRESS] = {"stale-address", "the address stands for no name any more"},
	[BROKER_OWN_LOOPBACK] = {"own-loopback", "the session's own loopback is not served"},
	[BROKER_NO_ADDRESS] = {"no-address", "the host's resolver knows no address for the name"},
	[BROKER_PRIVATE_ADDRESS] = {"private-address",
		"the name leads to an address that no rule names"},
	[BROKER_UNREACHABLE] = {"unreachable", "nothing answered there"},
	[BROKER_TLS_NO_NAME] = {"tls-no-name", "the TLS handshake names no host"},
	[BROKER_TLS_OTHER_NAME] = {"tls-other-name", "the TLS handshake names another host"},
	[BROKER_TLS_ENCRYPTED_NAME] = {"tls-encrypted-name",
		"the TLS handshake hides its host behind another one"},
	[BROKER_TLS_BAD] = {"tls-bad", "a TLS handshake that cannot be read"},
	[BROKER_HTTP_OTHER_HOST] = {"http-other-host", "an HTTP request for another host"},
	[BROKER_HTTP_BAD] = {"http-bad", "an HTTP request that is read in more than one way"},
	[BROKER_TOO_MANY] = {"too-many", "too many connections at once"},
	[BROKER_TOO_SLOW] = {"too-slow", "a time limit"},
	[BROKER_DONE] = {"done", "both sides ended it"},
	[BROKER_RESET] = {"reset", "one side broke it off"},
	[BROKER_POLICY_CHANGED] = {"policy-changed", "the policy forbids it now"},
	[BROKER_STOPPED] = {"stopped", "the session ended"},
	[BROKER_FAILED] = {"failed", "the machine lacks memory, descriptors or ports"},
};

const char *broker_reason_words(uint32_t reason) {
	return reason < BROKER_REASON_COUNT ? reasons[reason].words : NULL;
}

const char *broker_reason_word(uint32_t reason) {
	return reason < BROKER_REASON_COUNT ? reasons[reason].word : NULL;
}
