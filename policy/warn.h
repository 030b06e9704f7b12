#ifndef PARCLOSE_POLICY_WARN_H
#define PARCLOSE_POLICY_WARN_H

#include "policy/policy.h"

// `message` lives to the end of the call: "/network/egress/allow/0/to/1: '*.co.uk' is …".
typedef void (*policy_warn_fn)(const char *message, void *data);

/*
 * Calls `warn` for each thing that a policy may do but hardly anybody means: a wildcard at a public
 * suffix (*.co.uk, *.github.io: the names of many owners; publicsuffix.org, from libpsl, which is
 * opened only here so that no start of a session pays for it), a range that names of the pool hide,
 * a denied name that stays reachable by its address.
 */
void policy_warnings(const struct policy *policy, policy_warn_fn warn, void *data);

#endif
