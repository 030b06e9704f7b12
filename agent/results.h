#ifndef PARCLOSE_AGENT_RESULTS_H
#define PARCLOSE_AGENT_RESULTS_H

/*
 * What came of acts as JSON (docs/agents.md lists the members), and what a tool answers: content
 * for a model, structuredContent for its harness. Functions return NULL when out of memory.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "agent/acts.h"

// One action's.
cJSON *results_outcome(const struct acts_outcome *outcome);

// Of several: {"completed", "skipped", "results"}.
cJSON *results_report(const struct acts_report *report);

/*
 * A tool's answer before it is made into the form of an era (agent/eras.h): `structured` (consumed,
 * an object) for the harness, and the same as text for the model, after `sentence` (may be NULL)
 * when it is an error. Pictures go with what is no error only: an API takes nothing but text in a
 * tool's error.
 */
cJSON *results_tool(cJSON *structured, const char *sentence, bool is_error,
	const struct acts_picture *pictures, size_t pictures_len);

// {"x", "y", "width", "height"}
cJSON *results_box(const struct channel_box *box);

#endif
