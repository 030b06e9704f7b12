#ifndef PARCLOSE_SESSION_NETWORK_AUDIT_H
#define PARCLOSE_SESSION_NETWORK_AUDIT_H

/*
 * What is kept of the broker's decisions: a line each in the audit log, as far as they do not
 * flood it; sums of all of them; and the last that were denied, for `inspect` and the viewer. Pure:
 * time is given, lines go out by the caller.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "network/channel.h"

#define AUDIT_DENIED 16 // different ones that are kept

/*
 * A program that tries ten thousand names a second fills no disk: of denied and of allowed
 * decisions so many lines may come at once, and so many a second afterwards. What is left out is
 * counted, and the counts make a line of their own.
 */
#define AUDIT_BURST 256
#define AUDIT_A_SECOND 32

struct audit_bucket {
	double tokens;
	uint64_t filled_ns;
	uint64_t left_out; // since the last line of counts
};

struct audit_denied {
	struct broker_decision decision; // the newest of its kind
	time_t when;
	uint64_t count;
};

struct network_audit {
	struct audit_bucket denied_lines, allowed_lines;
	uint64_t allowed, denied; // lookups, connections, flows and requests
	uint64_t connections; // open now
	uint64_t bytes_in, bytes_out; // of those that have ended
	struct audit_denied last[AUDIT_DENIED]; // newest first, `last_len`
	size_t last_len;
};

void network_audit_init(struct network_audit *audit, uint64_t now_ns);

/*
 * Takes one decision. Returns the fields of its line for the audit log, which the caller writes or
 * frees; NULL: it is one too many, or there is no memory.
 */
cJSON *network_audit_take(
	struct network_audit *audit, const struct broker_decision *checked, uint64_t now_ns);

// The fields of the line of counts that is due, or NULL. `last`: nothing will come any more.
cJSON *network_audit_left_out(struct network_audit *audit, uint64_t now_ns, bool last);

// One decision as an object: what a line of the audit log has.
cJSON *network_audit_fields(const struct broker_decision *checked);

// "connections", "allowed", "denied", "bytesIn", "bytesOut" and "lastDenied" into `object`.
void network_audit_inspect(const struct network_audit *audit, cJSON *object);

// One line for a person: "denied: TCP to example.org port 25 (no rule allows it)".
void network_audit_words(const struct broker_decision *checked, char *out, size_t size);

#endif
