#ifndef PARCLOSE_SESSION_NETWORK_LEARN_H
#define PARCLOSE_SESSION_NETWORK_LEARN_H

/*
 * What a session that learns has used of the network, and the smallest policy that would have let
 * it. A proposal: it lets what one run did, wanted or not.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/channel.h"

#define LEARN_MAX 4096 // different places; of more, it is only said that there were

struct learned {
	uint32_t protocol; // IPPROTO_TCP or IPPROTO_UDP
	uint16_t port;
	uint32_t family; // of an address that a rule has to name, 0: none
	unsigned char address[16];
	bool denied; // by a deny rule: it is not proposed
	char name[BROKER_NAME_BYTES]; // empty: dialled by its address
};

struct network_learn {
	struct learned *places; // owned, `places_len`
	size_t places_len, places_size;
	size_t too_many;
};

void network_learn_take(struct network_learn *learn, const struct broker_decision *checked);
void network_learn_finish(struct network_learn *learn);

struct policy_network;
// How many of the places these rules would not let through.
size_t network_learn_refused(
	const struct network_learn *learn, const struct policy_network *network);

/*
 * `base` (a policy's document, parsed) with a network section made of what was used in place of its
 * own; its deny rules stay, and what they name is not allowed. The caller frees; NULL: out of
 * memory.
 */
cJSON *network_learn_propose(const struct network_learn *learn, const cJSON *base);

#endif
