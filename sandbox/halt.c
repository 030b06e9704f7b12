#include "sandbox/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLITE_MS 200 // for those who watch their children; then everything is stopped at once
#define STOP_TIMEOUT_MS 1500

/*
 * Stops and continues everything inside by signals, from pid 1: for sandboxes that have no control
 * group to freeze. kill(-1) is one act to the kernel: a process that forks meanwhile gets the
 * signal before its child is there, so not even a fork bomb gets past it (kernel/fork.c,
 * "signals that arrive during fork").
 */

struct process {
	pid_t pid, parent;
	unsigned int depth; // 0: a child of pid 1's, or one whose parent is not known
	char state; // as in proc_pid_stat(5)
	bool parental; // has children
};

struct processes {
	struct process *list; // owned, by pid
	size_t len, cap;
};

static bool read_process(int proc, const char *name, struct process *process) {
	char path[32], text[512];
	snprintf(path, sizeof(path), "%.16s/stat", name);
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	const char *end = strrchr(text, ')'); // the name before it may hold anything
	char state;
	int parent;
	if (!end || sscanf(end, ") %c %d", &state, &parent) != 2) {
		return false;
	}
	*process = (struct process){
		.pid = (pid_t)strtol(name, NULL, 10), .parent = (pid_t)parent, .state = state};
	return process->pid > 1;
}

static int by_pid(const void *a, const void *b) {
	const struct process *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_depth(const void *a, const void *b) {
	const struct process *x = a, *y = b;
	return (x->depth > y->depth) - (x->depth < y->depth);
}

static struct process *find_process(const struct processes *processes, pid_t pid) {
	const struct process key = {.pid = pid};
	return bsearch(&key, processes->list, processes->len, sizeof(key), by_pid);
}

// Fills in `depth` and `parental`, and puts parents before their children.
static void order_processes(struct processes *processes) {
	for (size_t i = 0; i < processes->len; i++) {
		struct process *process = &processes->list[i];
		struct process *parent = find_process(processes, process->parent);
		if (parent) {
			parent->parental = true;
		}
		for (; parent && process->depth < processes->len; process->depth++) {
			parent = find_process(processes, parent->parent);
		}
	}
	if (processes->len > 0) {
		qsort(processes->list, processes->len, sizeof(*processes->list), by_depth);
	}
}

// Every process inside but pid 1, by pid. False: they cannot be listed.
static bool list_processes(struct processes *processes) {
	*processes = (struct processes){0};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	while (proc && (entry = readdir(proc))) {
		struct process process;
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!read_process(dirfd(proc), entry->d_name, &process)) {
			continue;
		}
		if (processes->len == processes->cap) {
			size_t cap = processes->cap ? processes->cap * 2 : 64;
			struct process *list = realloc(processes->list, cap * sizeof(*list));
			if (!list) {
				break;
			}
			processes->list = list;
			processes->cap = cap;
		}
		processes->list[processes->len++] = process;
	}
	if (proc) {
		closedir(proc);
	}
	if (processes->len > 0) {
		qsort(processes->list, processes->len, sizeof(*processes->list), by_pid);
	}
	return proc != NULL;
}

static bool runs(char state) {
	// Not one in an uninterruptible sleep, such as the parent in a vfork.
	return state == 'R' || state == 'S';
}

static bool something_runs(void) {
	struct processes processes;
	list_processes(&processes);
	bool found = false;
	for (size_t i = 0; i < processes.len; i++) {
		found = found || runs(processes.list[i].state);
	}
	free(processes.list);
	return found;
}

static void pause_ms(void) {
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/*
 * Stops those who have children, from the top, each before its children: a shell that still runs
 * when its job stops takes the job for stopped by the user, and the terminal away from it.
 */
static void stop_parents(struct processes *processes) {
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int ms = 0;
	for (size_t i = 0; proc >= 0 && i < processes->len && ms < POLITE_MS; i++) {
		const struct process *process = &processes->list[i];
		char name[16];
		struct process now;
		snprintf(name, sizeof(name), "%d", (int)process->pid);
		if (!process->parental || !runs(process->state) || kill(process->pid, SIGSTOP)) {
			continue;
		}
		while (ms < POLITE_MS && read_process(proc, name, &now) && runs(now.state)) {
			pause_ms();
			ms++;
		}
	}
	close_fd(&proc);
}

static void stop_all(struct halt *halt) {
	struct processes processes;
	list_processes(&processes);
	order_processes(&processes);
	// Those that job control stopped already are not ours to continue.
	free(halt->kept);
	halt->kept_len = 0;
	halt->kept = processes.len ? calloc(processes.len, sizeof(*halt->kept)) : NULL;
	for (size_t i = 0; halt->kept && i < processes.len; i++) {
		if (processes.list[i].state == 'T') {
			halt->kept[halt->kept_len++] = processes.list[i].pid;
		}
	}
	stop_parents(&processes);
	free(processes.list);
	(void)kill(-1, SIGSTOP);
	halt->on = true;
}

bool halt_stop(struct halt *halt) {
	if (!halt->on) {
		stop_all(halt);
	}
	// On a busy machine it takes its time until the last of them has been given a processor to
	// stop on.
	bool still = !something_runs();
	for (unsigned int ms = 0; !still && ms < STOP_TIMEOUT_MS; ms++) {
		pause_ms();
		still = !something_runs();
	}
	return still;
}

static bool is_kept(const struct halt *halt, pid_t pid) {
	for (size_t i = 0; i < halt->kept_len; i++) {
		if (halt->kept[i] == pid) {
			return true;
		}
	}
	return false;
}

void halt_continue(struct halt *halt) {
	if (!halt->on) {
		return;
	}
	halt->on = false;
	struct processes processes;
	if (!list_processes(&processes) || !processes.list) {
		(void)kill(-1, SIGCONT);
		return;
	}
	// Children before their parents, for the same reason.
	order_processes(&processes);
	for (size_t i = processes.len; i-- > 0;) {
		if (!is_kept(halt, processes.list[i].pid)) {
			(void)kill(processes.list[i].pid, SIGCONT);
		}
	}
	free(processes.list);
}
