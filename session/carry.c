#include "session/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/internal.h"

#define PART (256u << 10) // bytes of one turn of the loop
#define TURN_MS 1 // to the next one

enum kind {
	KIND_OUT,
	KIND_IN,
	KIND_MEASURE,
};

struct carry {
	enum kind kind;
	struct session *session;
	carry_done done;
	void *data;
	struct carry_result result;
	uint32_t id; // of the worker inside, 0: none, or it has ended
	bool exited, whole; // `whole`: the pipe has ended
	int pipe; // to read, -1: none
	size_t max_bytes, left;
	struct sha256 sha;
	struct wl_event_source *deadline, *readable, *turn, *idle;
	char part[PART];
};

static void free_carry(struct carry *carry) {
	struct wl_event_source **sources[] = {
		&carry->deadline, &carry->readable, &carry->turn, &carry->idle};
	for (size_t i = 0; i < 4; i++) {
		if (*sources[i] != NULL) {
			wl_event_source_remove(*sources[i]);
		}
	}
	if (carry->id != 0) {
		session_exec_release(carry->session, carry);
		session_exec_signal(carry->session, carry->id, SIGKILL);
	}
	if (carry->pipe >= 0) {
		close(carry->pipe);
	}
	if (carry->result.fd >= 0) {
		close(carry->result.fd);
	}
	free(carry);
}

void carry_cancel(struct carry *carry) {
	free_carry(carry);
}

static void handle_over(void *data) {
	struct carry *carry = data;
	carry->idle = NULL;
	struct carry_result result = carry->result;
	carry->result.fd = -1;
	carry_done done = carry->done;
	void *done_data = carry->data;
	free_carry(carry);
	done(done_data, &result);
}

// `why`, NULL: it was done.
static void end_carry(struct carry *carry, const char *why) {
	if (carry->idle != NULL) {
		return;
	}
	if (why != NULL) {
		snprintf(carry->result.why, sizeof(carry->result.why), "%s", why);
		if (carry->result.fd >= 0) {
			close(carry->result.fd);
			carry->result.fd = -1;
		}
	}
	if (carry->readable != NULL) {
		wl_event_source_remove(carry->readable);
		carry->readable = NULL;
	}
	if (carry->id != 0) {
		session_exec_release(carry->session, carry);
		session_exec_signal(carry->session, carry->id, SIGKILL);
		carry->id = 0;
	}
	wl_event_source_timer_update(carry->deadline, 0);
	carry->idle = wl_event_loop_add_idle(carry->session->loop, handle_over, carry);
}

static int handle_deadline(void *data) {
	end_carry(data, "the file could not be carried within thirty seconds");
	return 0;
}

static struct carry *begin(
	struct session *session, enum kind kind, carry_done done, void *data, const char **why) {
	if (session->state >= SESSION_STOPPING || session->sandbox == NULL) {
		*why = "the session is ending";
		return NULL;
	}
	if (session->pause.on && kind != KIND_MEASURE) {
		*why = "the session is paused, and its files with it; resume it first";
		return NULL;
	}
	struct carry *carry = calloc(1, sizeof(*carry));
	if (carry == NULL) {
		*why = "out of memory";
		return NULL;
	}
	carry->kind = kind;
	carry->session = session;
	carry->done = done;
	carry->data = data;
	carry->pipe = carry->result.fd = -1;
	sha256_begin(&carry->sha);
	carry->deadline = wl_event_loop_add_timer(session->loop, handle_deadline, carry);
	if (carry->deadline == NULL) {
		*why = "out of memory";
		free_carry(carry);
		return NULL;
	}
	wl_event_source_timer_update(carry->deadline, CARRY_DEADLINE_MS);
	return carry;
}

// ---- the worker inside

static void finish_out(struct carry *carry) {
	if (!carry->exited || !carry->whole) {
		return;
	}
	sha256_end(&carry->sha, carry->result.sha256);
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	if (carry->result.bytes == 0) {
		end_carry(carry, "the file is empty");
	} else if (fcntl(carry->result.fd, F_ADD_SEALS, seals) != 0) {
		end_carry(carry, "the file cannot be kept as it is");
	} else {
		end_carry(carry, NULL);
	}
}

static void handle_started(void *data, uint32_t id, const struct session_exec_result *result) {
	struct carry *carry = data;
	if (result->failed) {
		carry->id = 0;
		end_carry(carry, result->message);
	}
}

static void handle_exited(void *data, uint32_t id, int status) {
	struct carry *carry = data;
	carry->id = 0;
	carry->exited = true;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		end_carry(carry, "what carried the file inside was ended");
	} else if (carry->kind == KIND_IN) {
		end_carry(carry, NULL);
	} else {
		finish_out(carry);
	}
}

static const struct session_exec_observer observer = {
	.started = handle_started,
	.exited = handle_exited,
};

static bool start(struct carry *carry, const char *path, enum sandbox_carry what, int in, int out,
	const char **why) {
	static struct sandbox_error err;
	const char *const argv[] = {path, NULL};
	const struct sandbox_command command = {
		.carry = what, .argv = argv, .stdio = {in, out, -1}};
	carry->id = session_exec(carry->session, &command, &observer, carry, &err);
	*why = err.message;
	return carry->id != 0;
}

// ---- out

static bool keep(struct carry *carry, const char *bytes, size_t len) {
	sha256_add(&carry->sha, bytes, len);
	while (len > 0) {
		ssize_t n = write(carry->result.fd, bytes, len);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct carry *carry = data;
	ssize_t n = read(fd, carry->part, sizeof(carry->part));
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			end_carry(carry, "the file cannot be read");
		}
		return 0;
	}
	carry->result.bytes += (size_t)n;
	if (carry->result.bytes > carry->max_bytes) {
		char why[160];
		snprintf(why, sizeof(why),
			"the file has more than the %zu bytes that one may have: see "
			"clipboard.maxFileBytes of the session's policy",
			carry->max_bytes);
		end_carry(carry, why);
	} else if (n == 0) {
		carry->whole = true;
		wl_event_source_remove(carry->readable);
		carry->readable = NULL;
		finish_out(carry);
	} else if (!keep(carry, carry->part, (size_t)n)) {
		end_carry(carry, "there is no memory for the file");
	}
	return 0;
}

struct carry *carry_out(struct session *session, const char *path, size_t max_bytes,
	carry_done done, void *data, const char **why) {
	struct carry *carry = begin(session, KIND_OUT, done, data, why);
	if (carry == NULL) {
		return NULL;
	}
	int ends[2] = {-1, -1};
	carry->max_bytes = max_bytes;
	carry->result.fd =
		memfd_create("parclose-file", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	bool ok = carry->result.fd >= 0 && pipe2(ends, O_CLOEXEC) == 0;
	carry->pipe = ends[0];
	if (ok) {
		fcntl(carry->pipe, F_SETFL, O_NONBLOCK);
		fcntl(carry->pipe, F_SETPIPE_SZ, 1 << 20); // where it is allowed
		carry->readable = wl_event_loop_add_fd(
			session->loop, carry->pipe, WL_EVENT_READABLE, handle_readable, carry);
		ok = carry->readable != NULL;
	}
	*why = "cannot make room for the file";
	ok = ok && start(carry, path, SANDBOX_CARRY_OUT, -1, ends[1], why);
	if (ends[1] >= 0) {
		close(ends[1]);
	}
	if (!ok) {
		free_carry(carry);
		return NULL;
	}
	return carry;
}

// ---- in

struct carry *carry_in(struct session *session, const char *path, int fd, bool replace,
	carry_done done, void *data, const char **why) {
	struct carry *carry = begin(session, KIND_IN, done, data, why);
	if (carry != NULL &&
		!start(carry, path, replace ? SANDBOX_CARRY_OVER : SANDBOX_CARRY_IN, fd, -1, why)) {
		free_carry(carry);
		return NULL;
	}
	return carry;
}

static int handle_turn(void *data) {
	struct carry *carry = data;
	size_t part = carry->left < PART ? carry->left : PART;
	if (part > 0) {
		ssize_t n = pread(carry->result.fd, carry->part, part,
			(off_t)(carry->result.bytes - carry->left));
		if (n <= 0) {
			end_carry(carry, "the file cannot be read");
			return 0;
		}
		sha256_add(&carry->sha, carry->part, (size_t)n);
		carry->left -= (size_t)n;
	}
	if (carry->left > 0) {
		wl_event_source_timer_update(carry->turn, TURN_MS);
		return 0;
	}
	sha256_end(&carry->sha, carry->result.sha256);
	end_carry(carry, NULL);
	return 0;
}

struct carry *carry_measure(struct session *session, int fd, size_t bytes, carry_done done,
	void *data, const char **why) {
	struct carry *carry = begin(session, KIND_MEASURE, done, data, why);
	if (carry == NULL) {
		close(fd);
		return NULL;
	}
	carry->result.fd = fd;
	carry->result.bytes = carry->left = bytes;
	carry->turn = wl_event_loop_add_timer(session->loop, handle_turn, carry);
	if (carry->turn == NULL) {
		*why = "out of memory";
		free_carry(carry);
		return NULL;
	}
	handle_turn(carry);
	return carry;
}
