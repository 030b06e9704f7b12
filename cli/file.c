#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/crossing.h"
#include "sandbox/file.h"

#define MAX_FILE (256u << 20) // what a policy may allow at most

static const char put_help[] =
	"Usage: parclose put [OPTION…] NAME FILE…\n"
	"\n"
	"Puts files into the session NAME. The policy's ui.clipboard must open the way in; where "
	"it "
	"wants\n"
	"every item confirmed you are shown each file, and asked on your terminal.\n"
	"\n"
	"  -d, --to DIR  a directory inside, which must be there (/home/agent)\n"
	"  -f, --force   replace files of the same name\n"
	"  -y, --yes     do not ask: you know what they are\n"
	"  -j, --json    what crossed, as a JSON object for each file\n";

static const char get_help[] =
	"Usage: parclose get [OPTION…] NAME PATH…\n"
	"\n"
	"Takes files out of the session NAME. PATH is inside, relative to /home/agent unless "
	"absolute;\n"
	"links are not followed. The policy's ui.clipboard must open the way out; where it wants "
	"every item\n"
	"confirmed you are shown each file, and asked on your terminal. What crosses is what you "
	"were shown.\n"
	"\n"
	"  -d, --to DIR  a directory of yours (the current one)\n"
	"  -f, --force   replace files of the same name\n"
	"  -y, --yes     do not ask: you know what they are\n"
	"  -j, --json    what crossed, as a JSON object for each file\n";

struct file_verb {
	const char *verb, *session, *to;
	bool force, yes, json;
	struct client *client;
	int dir; // of `get`: what is taken out goes here; -1
};

static const char *last_part(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static bool perform(
	const struct file_verb *verb, const char *path, int item_fd, struct client_answer *answer) {
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "verb", verb->verb);
	cJSON_AddStringToObject(params, "path", path);
	if (item_fd >= 0) {
		cJSON_AddBoolToObject(params, "replace", verb->force);
	}
	const struct crossing_ask ask = {.method = "parclose/file",
		.verb = verb->verb,
		.session = verb->session,
		.yes = verb->yes};
	return crossing_perform(verb->client, &ask, params, item_fd, answer);
}

static int tell(const struct file_verb *verb, struct client_answer *answer, const char *file) {
	if (!verb->json) {
		return 0;
	}
	cJSON_AddStringToObject(answer->result, "file", file);
	int ret = print_json(answer->result);
	answer->result = NULL;
	return ret;
}

// A regular file of the user's own, through links of their own.
static int open_own(const char *file) {
	struct stat st;
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		complain("%s: %s", file, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		complain("%s %s", file, file_words(S_ISDIR(st.st_mode) ? EISDIR : ESPIPE));
	} else {
		return fd;
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

static int put_one(const struct file_verb *verb, const char *file) {
	char path[FILE_MAX_PATH];
	int len = snprintf(path, sizeof(path), "%s/%s", verb->to != NULL ? verb->to : "/home/agent",
		last_part(file));
	if (len < 0 || (size_t)len >= sizeof(path)) {
		complain("%s: %s", file, strerror(ENAMETOOLONG));
		return 1;
	}
	int fd = open_own(file);
	int item_fd = fd < 0 ? -1 : crossing_read(fd, file, MAX_FILE);
	if (fd >= 0) {
		close(fd);
	}
	if (item_fd < 0) {
		return 1;
	}
	struct client_answer answer;
	int ret = perform(verb, path, item_fd, &answer) ? tell(verb, &answer, file) : 1;
	client_answer_finish(&answer);
	close(item_fd);
	return ret;
}

static int get_one(const struct file_verb *verb, const char *path) {
	const char *name = last_part(path);
	struct client_answer answer;
	struct stat st;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		complain("%s %s", path, file_words(EINVAL));
		return 1;
	}
	if (!verb->force && fstatat(verb->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		complain("%s %s", name, file_words(EEXIST)); // before anybody is asked
		return 1;
	}
	if (!perform(verb, path, -1, &answer)) {
		client_answer_finish(&answer);
		return 1;
	}
	int ret = answer.fd < 0 || fstat(answer.fd, &st) != 0
			  ? -EIO
			  : file_write_in(
				    verb->dir, name, answer.fd, (uint64_t)st.st_size, verb->force);
	if (ret < 0) {
		complain("%s %s", name, file_words(-ret));
	}
	ret = ret < 0 ? 1 : tell(verb, &answer, name);
	client_answer_finish(&answer);
	return ret;
}

// Returns an exit code, or -1: go on, `optind` is at the first word.
static int take_options(struct file_verb *verb, int argc, char *argv[], const char *help) {
	static const struct option long_options[] = {
		{"to", required_argument, NULL, 'd'},
		{"force", no_argument, NULL, 'f'},
		{"yes", no_argument, NULL, 'y'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "d:fyjh", long_options, NULL)) != -1) {
		switch (option) {
		case 'd':
			verb->to = optarg;
			break;
		case 'f':
			verb->force = true;
			break;
		case 'y':
			verb->yes = true;
			break;
		case 'j':
			verb->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage(verb->verb, "unknown option, or --to without DIR");
		}
	}
	return argc - optind < 2 ? wrong_usage(verb->verb,
					   "a session's NAME is needed, and at least one file")
				 : -1;
}

static int run(struct file_verb *verb, int argc, char *argv[], const char *help,
	int (*one)(const struct file_verb *verb, const char *file)) {
	int code = take_options(verb, argc, argv, help);
	if (code >= 0) {
		return code;
	}
	verb->session = argv[optind];
	verb->client = client_open(verb->session, false);
	code = verb->client == NULL;
	// What failed is said, and ends it: the rest may have depended on it.
	for (int i = optind + 1; i < argc && code == 0; i++) {
		code = one(verb, argv[i]);
	}
	client_close(verb->client);
	return code;
}

int verb_put(int argc, char *argv[]) {
	struct file_verb verb = {.verb = "put", .dir = -1};
	return run(&verb, argc, argv, put_help, put_one);
}

static int get_into_directory(const struct file_verb *asked, const char *path) {
	struct file_verb verb = *asked;
	const char *to = verb.to != NULL ? verb.to : ".";
	verb.dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (verb.dir < 0) {
		complain("%s: %s", to, strerror(errno));
		return 1;
	}
	int ret = get_one(&verb, path);
	close(verb.dir);
	return ret;
}

int verb_get(int argc, char *argv[]) {
	struct file_verb verb = {.verb = "get", .dir = -1};
	return run(&verb, argc, argv, get_help, get_into_directory);
}
