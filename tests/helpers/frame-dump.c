/*
 * A stand-in for the supervisor: starts parclose-compositor, lets one real program connect, and
 * after a while writes what the display shows as a PPM picture. For looking, and for measuring the
 * compositor alone.
 *
 *   frame-dump COMPOSITOR OUT.ppm WxH MILLISECONDS [COMMAND ARG...]
 *
 * Says on stderr: milliseconds to READY and to each frame's count, the windows, and the
 * compositor's pid.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compositor/channel.h"

#ifdef FRAME_DUMP_ISOLATED
#include "sandbox/sandbox.h"
#endif

static uint32_t width, height;
static uint8_t *memory;
static int channel = -1;
static int newest = -1;
static unsigned int frames;
static struct channel_message cursor;

static double now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what) {
	fprintf(stderr, "frame-dump: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void send_message(const struct channel_message *message, int fd) {
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(channel, &header, MSG_NOSIGNAL) != (ssize_t)sizeof(*message)) {
		die("send");
	}
}

static pid_t start(const char *path, int channel_fd) {
#ifdef FRAME_DUMP_ISOLATED
	struct sandbox_error error = {0};
	int pidfd = -1;
	pid_t pid = sandbox_clone_isolated(&pidfd, &error);
	if (pid < 0) {
		fprintf(stderr, "frame-dump: %s\n", error.message);
		exit(EXIT_FAILURE);
	}
#else
	pid_t pid = fork();
#endif
	if (pid == 0) {
		if (channel_fd == CHANNEL_FD) {
			fcntl(CHANNEL_FD, F_SETFD, 0);
		} else {
			dup2(channel_fd, CHANNEL_FD);
		}
		char *const argv[] = {(char *)path, NULL};
		char *const env[] = {(char *)"LANG=C.UTF-8", NULL};
		execve(path, argv, env);
		_exit(127);
	}
	return pid;
}

static void write_picture(const char *path) {
	FILE *out = fopen(path, "wb");
	if (out == NULL || newest < 0) {
		die(path);
	}
	size_t slot = channel_slot_bytes(width, height);
	const uint32_t *frame = (const uint32_t *)(memory + slot * (size_t)newest);
	const uint32_t *image = (const uint32_t *)(memory + slot * CHANNEL_SLOTS);
	fprintf(out, "P6\n%u %u\n255\n", width, height);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			uint32_t p = frame[(size_t)y * width + x];
			int64_t cx = (int64_t)x - cursor.cursor.x + cursor.cursor.hot_x;
			int64_t cy = (int64_t)y - cursor.cursor.y + cursor.cursor.hot_y;
			uint32_t over = 0;
			if (cursor.cursor.visible && cx >= 0 && cy >= 0 &&
				cx < cursor.cursor.width && cy < cursor.cursor.height) {
				over = image[cy * CHANNEL_CURSOR_MAX + cx];
			}
			uint8_t rgb[3];
			for (int i = 0; i < 3; i++) {
				uint32_t k = (p >> (16 - 8 * i)) & 0xff;
				uint32_t o = (over >> (16 - 8 * i)) & 0xff;
				rgb[i] = (uint8_t)(o + k * (255 - (over >> 24)) / 255);
			}
			fwrite(rgb, 1, 3, out);
		}
	}
	if (fclose(out) != 0) {
		die(path);
	}
}

// What apps say is not fit for a terminal as it is.
static const char *plain(char *out, size_t size, const char *untrusted, size_t untrusted_size) {
	size_t i = 0;
	for (; i + 1 < size && i < untrusted_size && untrusted[i] != '\0'; i++) {
		out[i] = untrusted[i] >= 0x20 && untrusted[i] <= 0x7e ? untrusted[i] : '?';
	}
	out[i] = '\0';
	return out;
}

static void handle(const struct channel_message *m, double started) {
	double at = now_ms() - started;
	char title[128], app_id[64];
	switch (m->type) {
	case CHANNEL_READY:
		fprintf(stderr, "ready %.1f ms\n", at);
		break;
	case CHANNEL_FRAME:
		if (newest >= 0) {
			struct channel_message release = {.type = CHANNEL_RELEASE};
			release.release.slot = (uint32_t)newest;
			send_message(&release, -1);
		}
		newest = (int)m->frame.slot;
		if (++frames <= 3) {
			fprintf(stderr, "frame %u %.1f ms\n", frames, at);
		}
		break;
	case CHANNEL_CURSOR:
		cursor = *m;
		break;
	case CHANNEL_WINDOW:
		fprintf(stderr,
			"window %u client %u parent %u state %u %dx%d+%d+%d '%s' '%s' %.1f ms\n",
			m->window.id, m->window.client, m->window.parent, m->window.state,
			m->window.box.width, m->window.box.height, m->window.box.x, m->window.box.y,
			plain(title, sizeof(title), m->window.untrusted_title,
				sizeof(m->window.untrusted_title)),
			plain(app_id, sizeof(app_id), m->window.untrusted_app_id,
				sizeof(m->window.untrusted_app_id)),
			at);
		break;
	case CHANNEL_CLIENT_GONE:
		fprintf(stderr, "client %u gone %.1f ms\n", m->client.id, at);
		break;
	case CHANNEL_FATAL:
		fprintf(stderr, "fatal: %.255s\n", m->fatal.text);
		break;
	default:
		fprintf(stderr, "unknown message %u\n", m->type);
	}
}

int main(int argc, char **argv) {
	if (argc < 5 || sscanf(argv[3], "%ux%u", &width, &height) != 2) {
		fprintf(stderr,
			"usage: frame-dump COMPOSITOR OUT.ppm WxH MILLISECONDS [COMMAND...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	double for_ms = strtod(argv[4], NULL);
	size_t bytes = channel_memory_bytes(width, height);
	int memfd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, (off_t)bytes) != 0 ||
		fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		die("memfd");
	}
	memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, memfd, 0);
	int pair[2];
	if (memory == MAP_FAILED ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		die("set-up");
	}
	channel = pair[0];
	double started = now_ms();
	pid_t compositor = start(argv[1], pair[1]);
	close(pair[1]);
	struct channel_message setup = {.type = CHANNEL_SETUP, .setup.layout = "us"};
	setup.setup.version = CHANNEL_VERSION;
	setup.setup.width = width;
	setup.setup.height = height;
	setup.setup.refresh = 60;
	send_message(&setup, memfd);
	fprintf(stderr, "compositor pid %d\n", compositor);

	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/frame-dump-XXXXXX";
	if (mkdtemp(dir) == NULL) {
		die("mkdtemp");
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/wayland-0", dir);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(listener, 16) != 0) {
		die("listen");
	}
	pid_t child = -1;
	if (argc > 5) {
		child = fork();
		if (child == 0) {
			setpgid(0, 0);
			setenv("WAYLAND_DISPLAY", address.sun_path, 1);
			unsetenv("DISPLAY");
			execvp(argv[5], argv + 5);
			_exit(127);
		}
	}
	uint32_t next_id = 1;
	bool alive = true;
	while (alive && now_ms() - started < for_ms) {
		struct pollfd fds[] = {{channel, POLLIN, 0}, {listener, POLLIN, 0}};
		double left = for_ms - (now_ms() - started);
		if (poll(fds, 2, left > 0 ? (int)left + 1 : 0) < 0 && errno != EINTR) {
			die("poll");
		}
		if (fds[0].revents) {
			struct channel_message message;
			ssize_t n = recv(channel, &message, sizeof(message), 0);
			if (n != (ssize_t)sizeof(message)) {
				fprintf(stderr, "the compositor is gone\n");
				alive = false;
				break;
			}
			handle(&message, started);
		}
		if (fds[1].revents) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0) {
				struct channel_message client = {.type = CHANNEL_CLIENT};
				client.client.id = next_id++;
				send_message(&client, fd);
				close(fd);
			}
		}
	}
	fprintf(stderr, "frames %u\n", frames);
	if (newest >= 0) {
		write_picture(argv[2]);
	}
	if (alive) {
		char path[64], line[256];
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", compositor);
		FILE *smaps = fopen(path, "r");
		while (smaps != NULL && fgets(line, sizeof(line), smaps) != NULL) {
			if (strncmp(line, "Pss", 3) == 0 || strncmp(line, "Rss", 3) == 0) {
				fprintf(stderr, "%s", line);
			}
		}
	}
	if (child > 0) {
		kill(-child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	close(channel);
	int status = 0;
	waitpid(compositor, &status, 0);
	fprintf(stderr, "compositor status %d\n", status);
	unlink(address.sun_path);
	rmdir(dir);
	return alive ? EXIT_SUCCESS : EXIT_FAILURE;
}
