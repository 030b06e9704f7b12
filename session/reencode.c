#include "session/reencode.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clipboard/picture.h"
#include "compositor/channel.h"
#include "session/internal.h"

struct reencode {
	struct session *session;
	reencode_done done;
	void *data;
	struct reencode_result result;
	bool encoding; // the second of the two runs
	int in, out; // memfds: what it reads, what it writes; -1: none
	pid_t pid; // 0: none runs
	int pidfd;
	struct wl_event_source *ended, *deadline, *idle;
};

static void stop_run(struct reencode *reencode) {
	if (reencode->ended != NULL) {
		wl_event_source_remove(reencode->ended);
		reencode->ended = NULL;
	}
	if (reencode->pid > 0) {
		kill(reencode->pid, SIGKILL);
		while (waitpid(reencode->pid, NULL, 0) < 0 && errno == EINTR) {}
		reencode->pid = 0;
	}
	if (reencode->pidfd >= 0) {
		close(reencode->pidfd);
		reencode->pidfd = -1;
	}
}

static void free_reencode(struct reencode *reencode) {
	stop_run(reencode);
	if (reencode->deadline != NULL) {
		wl_event_source_remove(reencode->deadline);
	}
	if (reencode->idle != NULL) {
		wl_event_source_remove(reencode->idle);
	}
	int fds[] = {reencode->in, reencode->out, reencode->result.fd};
	for (size_t i = 0; i < 3; i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	free(reencode);
}

void reencode_cancel(struct reencode *reencode) {
	free_reencode(reencode);
}

static void handle_over(void *data) {
	struct reencode *reencode = data;
	reencode->idle = NULL;
	struct reencode_result result = reencode->result;
	reencode->result.fd = -1;
	reencode_done done = reencode->done;
	void *done_data = reencode->data;
	free_reencode(reencode);
	done(done_data, &result);
}

static void end_reencode(struct reencode *reencode, const char *why) {
	if (reencode->idle != NULL) {
		return;
	}
	snprintf(reencode->result.why, sizeof(reencode->result.why), "%s", why != NULL ? why : "");
	stop_run(reencode);
	reencode->idle = wl_event_loop_add_idle(reencode->session->loop, handle_over, reencode);
}

static int handle_deadline(void *data) {
	end_reencode(data, "the picture takes too long to be made anew");
	return 0;
}

// In the new process: what it reads, what it writes, and nothing else.
static void exec_helper(int program, int in, int out, const char *what) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	// Out of the way of 0..2 first.
	in = fcntl(in, F_DUPFD_CLOEXEC, 10);
	out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(null_fd, 2) < 0) {
		_exit(126);
	}
	const struct rlimit no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	char *const argv[] = {(char *)"parclose-picture", (char *)what, NULL};
	char *const env[] = {NULL};
	execveat(program, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

static int handle_ended(int fd, uint32_t mask, void *data);

static bool start_run(struct reencode *reencode, const char **why) {
	static struct sandbox_error err;
	reencode->out =
		memfd_create("parclose-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int program = open(reencode->session->picture_path, O_PATH | O_CLOEXEC);
	if (reencode->out < 0 || program < 0) {
		if (program >= 0) {
			close(program);
		}
		*why = "the program parclose-picture cannot be started";
		return false;
	}
	pid_t pid = sandbox_clone_isolated(&reencode->pidfd, &err);
	if (pid == 0) {
		exec_helper(program, reencode->in, reencode->out,
			reencode->encoding ? "encode" : "decode");
	}
	close(program);
	if (pid < 0) {
		*why = err.message;
		return false;
	}
	reencode->pid = pid;
	wl_event_source_timer_update(reencode->deadline, REENCODE_DEADLINE_MS);
	reencode->ended = wl_event_loop_add_fd(reencode->session->loop, reencode->pidfd,
		WL_EVENT_READABLE, handle_ended, reencode);
	*why = "out of memory";
	return reencode->ended != NULL;
}

// What a run wrote, unchangeable from here on. False: it is not there.
static bool seal_output(const struct reencode *reencode, size_t *bytes) {
	struct stat st;
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	if (fcntl(reencode->out, F_ADD_SEALS, seals) != 0 || fstat(reencode->out, &st) != 0 ||
		st.st_size <= 0 || (size_t)st.st_size > PICTURE_MAX_BYTES) {
		return false;
	}
	*bytes = (size_t)st.st_size;
	return true;
}

// Of the pixels only the head is looked at.
static bool check_pixels(struct reencode *reencode, size_t bytes) {
	void *untrusted = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, reencode->out, 0);
	if (untrusted == MAP_FAILED) {
		return false;
	}
	bool ok =
		picture_check(untrusted, bytes, &reencode->result.width, &reencode->result.height);
	munmap(untrusted, bytes);
	return ok;
}

static const char *flaw_words(int status) {
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : 0) {
	case PICTURE_NONE:
		return "the item is no whole PNG or JPEG picture";
	case PICTURE_TOO_LARGE:
		return "the picture has more pixels than one may have";
	case PICTURE_FAILED:
	case 126:
	case 127:
		return "the program parclose-picture could not do its work";
	default:
		return "the program that decoded the picture crashed over it";
	}
}

static int handle_ended(int fd, uint32_t mask, void *data) {
	struct reencode *reencode = data;
	int status = -1;
	while (waitpid(reencode->pid, &status, 0) < 0 && errno == EINTR) {}
	reencode->pid = 0;
	stop_run(reencode);
	size_t bytes;
	const char *why = NULL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		end_reencode(reencode, flaw_words(status));
	} else if (!seal_output(reencode, &bytes) ||
		   (!reencode->encoding && !check_pixels(reencode, bytes))) {
		end_reencode(reencode, "what decoded the picture made no sense");
	} else if (reencode->encoding) {
		reencode->result.fd = reencode->out;
		reencode->result.bytes = bytes;
		reencode->out = -1;
		end_reencode(reencode, NULL);
	} else {
		close(reencode->in);
		reencode->in = reencode->out;
		reencode->out = -1;
		reencode->encoding = true;
		if (!start_run(reencode, &why)) {
			end_reencode(reencode, why);
		}
	}
	return 0;
}

struct reencode *reencode_begin(struct session *session, int untrusted_fd, reencode_done done,
	void *data, const char **why) {
	struct reencode *reencode =
		session->picture_path != NULL ? calloc(1, sizeof(*reencode)) : NULL;
	if (reencode == NULL) {
		close(untrusted_fd);
		*why = session->picture_path != NULL
			       ? "out of memory"
			       : "the program parclose-picture is not installed";
		return NULL;
	}
	*reencode = (struct reencode){
		.session = session,
		.done = done,
		.data = data,
		.result.fd = -1,
		.in = untrusted_fd,
		.out = -1,
		.pidfd = -1,
	};
	reencode->deadline = wl_event_loop_add_timer(session->loop, handle_deadline, reencode);
	*why = "out of memory";
	if (reencode->deadline == NULL || !start_run(reencode, why)) {
		free_reencode(reencode);
		return NULL;
	}
	return reencode;
}
