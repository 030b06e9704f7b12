#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "policy/policy.h"
#include "policy/warn.h"

static const char help[] =
	"Usage: parclose policy check [--json] POLICY…\n"
	"       parclose policy explain [--json] POLICY\n"
	"       parclose policy update [--yes] [--json] NAME POLICY\n"
	"\n"
	"check says whether a policy would be accepted, and if not, where and why. explain says in "
	"words\n"
	"what it lets a program do; with --json it prints every key with its effective value. "
	"update has\n"
	"the network's rules of POLICY hold in the session NAME from now on, and ends connections "
	"that they\n"
	"forbid; what allows more than before is shown to you on your terminal, and asked about "
	"(--yes: do\n"
	"not ask). All else in POLICY must be what the session was started with.\n"
	"POLICY is a file, - for standard input, or a name: of "
	"$XDG_CONFIG_HOME/parclose/NAME.json, or of\n"
	"a built-in policy (locked, browser).\n";

// Reads at most one byte more than is allowed, so that too much shows. NULL with errno.
static char *read_all(int fd, size_t *len) {
	char *text = calloc(1, POLICY_MAX_BYTES + 2); // and a NUL
	*len = 0;
	while (text != NULL && *len < POLICY_MAX_BYTES + 1) {
		ssize_t n = read(fd, text + *len, POLICY_MAX_BYTES + 1 - *len);
		if (n == 0) {
			return text;
		}
		if (n < 0 && errno != EINTR) {
			int error = errno;
			free(text);
			errno = error;
			return NULL;
		}
		*len += n > 0 ? (size_t)n : 0;
	}
	return text;
}

// Opens $XDG_CONFIG_HOME/parclose/NAME.json; its name in `path`.
static int open_configured(const char *name, char *path, size_t size) {
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	if (config != NULL && config[0] == '/') {
		snprintf(path, size, "%s/parclose/%s.json", config, name);
	} else {
		snprintf(path, size, "%s/.config/parclose/%s.json", home != NULL ? home : "", name);
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

// Hands out the document (consumed, NULL: out of memory) of a policy that is right.
static struct policy *keep_document(
	struct policy *policy, char *text, char **document, struct policy_error *err) {
	if (policy != NULL && document != NULL && text != NULL) {
		*document = text;
		return policy;
	}
	if (policy != NULL && document != NULL) {
		snprintf(err->message, sizeof(err->message), "out of memory");
		policy_destroy(policy);
		policy = NULL;
	}
	free(text);
	return policy;
}

// As load_policy(), but the reason goes into *err.
static struct policy *load(const char *where, char **document, struct policy_error *err) {
	*err = (struct policy_error){0};
	if (document != NULL) {
		*document = NULL;
	}
	char path[4096];
	const char *source = where;
	bool is_name = strchr(where, '/') == NULL && strstr(where, ".json") == NULL;
	int fd = -1;
	if (strcmp(where, "-") == 0) {
		source = "<stdin>";
		fd = dup(0);
	} else if (is_name) {
		fd = open_configured(where, path, sizeof(path));
		if (fd >= 0) {
			source = path;
		} else if (policy_builtin(where) != NULL) {
			const char *text = policy_builtin(where);
			struct policy *policy = policy_load(text, strlen(text), where, err);
			return keep_document(policy, strdup(text), document, err);
		} else {
			fd = open(where, O_RDONLY | O_CLOEXEC);
		}
	} else {
		fd = open(where, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		int error = errno;
		snprintf(err->message, sizeof(err->message), "cannot open the policy %.300s: %s%s",
			where, strerror(error),
			is_name ? "; built-in ones are locked and browser" : "");
		return NULL;
	}
	size_t len = 0;
	char *text = read_all(fd, &len);
	if (text == NULL) {
		snprintf(err->message, sizeof(err->message), "cannot read the policy %.300s: %s",
			where, strerror(errno));
	}
	close(fd);
	struct policy *policy = text == NULL ? NULL : policy_load(text, len, source, err);
	return keep_document(policy, text, document, err);
}

struct policy *load_policy(const char *where, char **text) {
	struct policy_error err;
	struct policy *policy = load(where, text, &err);
	if (policy == NULL) {
		complain("%s", err.message);
	}
	return policy;
}

static void print_warning(const char *message, void *data) {
	complain("%s: warning: %s", (const char *)data, message);
}

static void add_warning(const char *message, void *data) {
	cJSON_AddItemToArray(data, cJSON_CreateString(message));
}

static cJSON *check_one(const char *where, bool json, bool *ok) {
	struct policy_error err;
	struct policy *policy = load(where, NULL, &err);
	*ok = policy != NULL;
	cJSON *out = NULL;
	if (json) {
		out = cJSON_CreateObject();
		cJSON_AddStringToObject(out, "policy", where);
		cJSON_AddBoolToObject(out, "valid", policy != NULL);
		if (policy == NULL) {
			cJSON_AddStringToObject(out, "message", err.message);
			cJSON_AddStringToObject(out, "pointer", err.pointer);
			cJSON_AddNumberToObject(out, "line", err.line);
			cJSON_AddNumberToObject(out, "column", err.column);
		} else {
			policy_warnings(
				policy, add_warning, cJSON_AddArrayToObject(out, "warnings"));
		}
	} else if (policy == NULL) {
		complain("%s", err.message);
	} else {
		printf("%s: valid\n", where);
		policy_warnings(policy, print_warning, (void *)where);
	}
	policy_destroy(policy);
	return out;
}

static int check(int argc, char *argv[], bool json) {
	bool all_ok = true;
	cJSON *results = json ? cJSON_CreateArray() : NULL;
	for (int i = 0; i < argc; i++) {
		bool ok;
		cJSON *result = check_one(argv[i], json, &ok);
		if (result != NULL) {
			cJSON_AddItemToArray(results, result);
		}
		all_ok = all_ok && ok;
	}
	if (json && print_json(results) != 0) {
		return 1;
	}
	return all_ok ? 0 : 1;
}

static int explain(const char *where, bool json) {
	struct policy *policy = load_policy(where, NULL);
	if (policy == NULL) {
		return 1;
	}
	int ret = 0;
	if (json) {
		char *text = policy_to_json(policy);
		cJSON *tree = text == NULL ? NULL : cJSON_Parse(text);
		ret = print_json(tree);
		free(text);
	} else {
		policy_explain(policy, stdout);
	}
	policy_destroy(policy);
	return ret;
}

int verb_policy(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"yes", no_argument, NULL, 'y'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false, yes = false;
	int option;
	while ((option = getopt_long(argc, argv, "yh", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'y':
			yes = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("policy", "unknown option");
		}
	}
	const char *what = optind < argc ? argv[optind] : "";
	int rest = argc - optind - 1;
	if (strcmp(what, "check") == 0 && rest >= 1) {
		return check(rest, argv + optind + 1, json);
	}
	if (strcmp(what, "explain") == 0 && rest == 1) {
		return explain(argv[optind + 1], json);
	}
	if (strcmp(what, "update") == 0 && rest == 2) {
		return policy_update(argv[optind + 1], argv[optind + 2], yes, json);
	}
	return wrong_usage("policy",
		"say check or explain, and which policy; or update, a session's "
		"NAME and a policy");
}
