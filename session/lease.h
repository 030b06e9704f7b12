#ifndef PARCLOSE_SESSION_LEASE_H
#define PARCLOSE_SESSION_LEASE_H

/*
 * Who has the wheel: the agent, or the person at the workstation, through one viewer or through
 * `parclose takeover`. Never both. While the session is paused nobody has it, and whoever had it
 * has it again afterwards.
 *
 * A viewer that goes away while it has the wheel leaves it with the person: an agent gets it back
 * only from somebody who hands it back.
 */

#include <stdbool.h>
#include <stdint.h>

struct session;
struct viewer;

/*
 * The person takes the wheel, from the agent or from another viewer. `viewer` NULL: not through a
 * viewer. `withhold`: the agent gets no picture until it is handed back. `who` is for the log.
 */
void lease_take(
	struct session *session, const struct viewer *viewer, bool withhold, const char *who);

// The agent has it again. Nothing happens when it has it already.
void lease_hand_back(struct session *session, const char *who);

// The viewer is gone.
void lease_forget_viewer(struct session *session, const struct viewer *viewer);

// May this viewer's input reach the programs now?
bool lease_is_mine(const struct session *session, const struct viewer *viewer);

// Is the agent to get no picture now?
bool lease_withholds(const struct session *session);

// Pausing began or ended: the holder of the session (session/act.h) follows.
void lease_follow_pause(struct session *session);

#endif
