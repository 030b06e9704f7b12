// policy/policy.h: what is refused and with which words, what is accepted and how it is stored.

#include "policy/policy.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ---- memory that runs out: the linker sends the policy's allocations here

static long allocations_left = -1; // -1: no end

static bool may_allocate(void) {
	if (allocations_left == 0) {
		return false;
	}
	allocations_left -= allocations_left > 0;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
FILE *__real_open_memstream(char **data, size_t *len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
FILE *__wrap_open_memstream(char **data, size_t *len);

void *__wrap_malloc(size_t size) {
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
	return may_allocate() ? __real_realloc(old, size) : NULL;
}

FILE *__wrap_open_memstream(char **data, size_t *len) {
	return may_allocate() ? __real_open_memstream(data, len) : NULL;
}

// ---- documents: written with ' for "

static char *quoted(const char *document) {
	size_t len = strlen(document);
	// No NUL at the end, so that a sanitizer sees one byte too far.
	char *text = __real_malloc(len + (len == 0));
	assert_non_null(text);
	memcpy(text, document, len);
	for (size_t i = 0; i < len; i++) {
		text[i] = text[i] == '\'' ? '"' : text[i];
	}
	return text;
}

static struct policy *load(const char *document, struct policy_error *err) {
	char *text = quoted(document);
	struct policy *policy = policy_load(text, strlen(document), "p.json", err);
	free(text);
	return policy;
}

static struct policy *must_load(const char *document) {
	struct policy_error err;
	struct policy *policy = load(document, &err);
	if (!policy) {
		fail_msg("%s: %s", document, err.message);
	}
	return policy;
}

// clang-format off
static const struct {
	const char *document, *message; // without "p.json:"
} rejected[] = {
	{"",
		"1:1: the document is empty"},
	{"[]",
		"1:1: expected an object, found an array"},
	{"null",
		"1:1: expected an object, found null"},
	{"{}",
		"1:1: 'parclose' is missing; MXC documents without \"parclose\": 1 are not read by this version: add it"},
	{"{'process':{}}",
		"1:1: 'parclose' is missing; MXC documents without \"parclose\": 1 are not read by this version: add it"},
	{"{'version':'0.8.0-alpha','process':{'commandLine':'echo hi'}}",
		"1:1: 'parclose' is missing; MXC documents without \"parclose\": 1 are not read by this version: add it"},
	{"{'parclose':2}",
		"1:13 /parclose: 2 is a format this version does not read; use 1"},
	{"{'parclose':'1'}",
		"1:13 /parclose: expected the number 1, found a string"},
	{"{'parclose':1.5}",
		"1:13 /parclose: 1.5 is a format this version does not read; use 1"},
	{"{'parclose':1}x",
		"1:15: more text after the end of the document"},
	{"{'parclose':1,'ui':{},'ui':{}}",
		"1:23 /ui: duplicate key 'ui'"},
	{"{'parclose':1,'colour':1}",
		"1:15 /colour: unknown key 'colour'; known here: parclose, containment, process, filesystem, network, runtimeConfig, ui, display, clipboard, limits, session, audit, require, $schema, _comment"},
	{"{'parclose':1,'Process':{}}",
		"1:15 /Process: unknown key 'Process'; did you mean 'process'?"},
	{"{'parclose':1,'a/b~':1}",
		"1:15 /a~1b~0: unknown key 'a/b~'; known here: parclose, containment, process, filesystem, network, runtimeConfig, ui, display, clipboard, limits, session, audit, require, $schema, _comment"},
	{"{'parclose':1,'\\u001b[31m':1}",
		"1:15 /\\u001b[31m: unknown key '\\u001b[31m'; known here: parclose, containment, process, filesystem, network, runtimeConfig, ui, display, clipboard, limits, session, audit, require, $schema, _comment"},
	{"{'parclose':1,'version':'1.0.0'}",
		"1:15 /version: unknown key 'version'; known here: parclose, containment, process, filesystem, network, runtimeConfig, ui, display, clipboard, limits, session, audit, require, $schema, _comment"},
	{"{'parclose':1,'containment':'vm'}",
		"1:29 /containment: 'vm' is not known; use 'session' or 'process'"},
	{"{'parclose':1,'containment':null}",
		"1:29 /containment: expected a string, found null"},
	{"{'parclose':1,'containment':'process','ui':{'disable':false}}",
		"1:55 /ui/disable: false asks for a display, but \"containment\": \"process\" has none; remove one of the two"},
	{"{'parclose':1,'process':[]}",
		"1:25 /process: expected an object, found an array"},
	{"{'parclose':1,'process':{'commandLine':''}}",
		"1:40 /process/commandLine: the command is empty; write one or remove the key"},
	{"{'parclose':1,'process':{'commandLine':' \\t'}}",
		"1:40 /process/commandLine: the command is empty; write one or remove the key"},
	{"{'parclose':1,'process':{'commandLine':['ls']}}",
		"1:40 /process/commandLine: expected a string, found an array"},
	{"{'parclose':1,'process':{'commandLine':'a\\u0000b'}}",
		"1:42 /process/commandLine: \\u0000 is not allowed"},
	{"{'parclose':1,'process':{'cwd':'work'}}",
		"1:32 /process/cwd: 'work' is not absolute; begin it with '/'"},
	{"{'parclose':1,'process':{'cwd':''}}",
		"1:32 /process/cwd: the path is empty; name a file or directory"},
	{"{'parclose':1,'process':{'cwd':'/a/../b'}}",
		"1:32 /process/cwd: '/a/../b' contains '..'; write the path resolved"},
	{"{'parclose':1,'process':{'env':'LANG=C'}}",
		"1:32 /process/env: expected an array, found a string"},
	{"{'parclose':1,'process':{'env':['LANG']}}",
		"1:33 /process/env/0: 'LANG' has no '='; write NAME=VALUE"},
	{"{'parclose':1,'process':{'env':['=x']}}",
		"1:33 /process/env/0: '' is not the name of a variable; use letters, digits and '_'"},
	{"{'parclose':1,'process':{'env':['1A=secret']}}",
		"1:33 /process/env/0: '1A' is not the name of a variable; use letters, digits and '_'"},
	{"{'parclose':1,'process':{'env':['A=1','B=2','A=secret']}}",
		"1:45 /process/env/2: 'A' is set a second time; keep one"},
	{"{'parclose':1,'process':{'env':['A=1',2]}}",
		"1:39 /process/env/1: expected a string, found a number"},
	{"{'parclose':1,'process':{'timeout':-1}}",
		"1:36 /process/timeout: -1 is out of range; use 0 to 4294967295"},
	{"{'parclose':1,'process':{'timeout':4294967296}}",
		"1:36 /process/timeout: 4294967296 is out of range; use 0 to 4294967295"},
	{"{'parclose':1,'process':{'timeout':1.5}}",
		"1:36 /process/timeout: 1.5 is not a whole number; use 0 to 4294967295"},
	{"{'parclose':1,'process':{'timeout':'1s'}}",
		"1:36 /process/timeout: expected a number, found a string"},
	{"{'parclose':1,'process':{'executables':[]}}",
		"1:40 /process/executables: an empty list lets nothing run, not even the command; name a path or remove the key"},
	{"{'parclose':1,'process':{'executables':['sh']}}",
		"1:41 /process/executables/0: 'sh' is not absolute; begin it with '/'"},
	{"{'parclose':1,'process':{'executables':['/usr/../bin/']}}",
		"1:41 /process/executables/0: '/usr/../bin/' contains '..'; write the path resolved"},
	{"{'parclose':1,'process':{'nestedSandbox':1}}",
		"1:42 /process/nestedSandbox: expected true or false, found a number"},
	{"{'parclose':1,'process':{'nestedsandbox':true}}",
		"1:26 /process/nestedsandbox: unknown key 'nestedsandbox'; did you mean 'nestedSandbox'?"},
	{"{'parclose':1,\n\t'filesystem': {\n\t\t'readOnlyPath': []\n\t}}",
		"3:3 /filesystem/readOnlyPath: unknown key 'readOnlyPath'; did you mean 'readonlyPaths'?"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':'/srv'}}",
		"1:45 /filesystem/readonlyPaths: expected an array, found a string"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':['/srv','srv']}}",
		"1:53 /filesystem/readonlyPaths/1: 'srv' is not absolute; begin it with '/'"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':[' ']}}",
		"1:46 /filesystem/readonlyPaths/0: the path is empty; name a file or directory"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':[7]}}",
		"1:46 /filesystem/readonlyPaths/0: expected a string, found a number"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':['/srv/..']}}",
		"1:46 /filesystem/readonlyPaths/0: '/srv/..' contains '..'; write the path resolved"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':['/srv\\u0000/x']}}",
		"1:51 /filesystem/readonlyPaths/0: \\u0000 is not allowed"},
	{"{'parclose':1,'filesystem':{'readwritePaths':['/']}}",
		"1:47 /filesystem/readwritePaths/0: '/' is everything; name the directories meant"},
	{"{'parclose':1,'filesystem':{'readwritePaths':['//./']}}",
		"1:47 /filesystem/readwritePaths/0: '/' is everything; name the directories meant"},
	{"{'parclose':1,'filesystem':{'deniedPaths':['/']}}",
		"1:44 /filesystem/deniedPaths/0: '/' is everything; name the directories meant"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':['/proc']}}",
		"1:46 /filesystem/readonlyPaths/0: '/proc' lies in /proc, which the sandbox makes itself and never shares; remove it"},
	{"{'parclose':1,'filesystem':{'readonlyPaths':['/./sys/class']}}",
		"1:46 /filesystem/readonlyPaths/0: '/./sys/class' lies in /sys, which the sandbox makes itself and never shares; remove it"},
	{"{'parclose':1,'filesystem':{'readwritePaths':['//dev/dri/']}}",
		"1:47 /filesystem/readwritePaths/0: '//dev/dri/' lies in /dev, which the sandbox makes itself and never shares; remove it"},
	{"{'parclose':1,'filesystem':{'deniedPaths':['/run/user/1000']}}",
		"1:44 /filesystem/deniedPaths/0: '/run/user/1000' lies in /run, which the sandbox makes itself and never shares; remove it"},
	{"{'parclose':1,'filesystem':{'home':'persistent'}}",
		"1:36 /filesystem/home: 'persistent' is not known; use 'ephemeral'"},
	{"{'parclose':1,'network':true}",
		"1:25 /network: expected an object, found true or false"},
	{"{'parclose':1,'network':{'defaultPolicy':'block'}}",
		"1:26 /network/defaultPolicy: unknown key 'defaultPolicy'; known here: egress, ingress"},
	{"{'parclose':1,'network':{'egress':{'default':'block'}}}",
		"1:46 /network/egress/default: 'block' is not known; use 'deny' or 'allow'"},
	{"{'parclose':1,'ui':{'disable':'no'}}",
		"1:31 /ui/disable: expected true or false, found a string"},
	{"{'parclose':1,'ui':{'clipboard':'sometimes'}}",
		"1:33 /ui/clipboard: 'sometimes' is not known; use 'none', 'read', 'write' or 'all'"},
	{"{'parclose':1,'ui':{'clipboard':'read'},'clipboard':{'mimeTypes':['text/html','image/gif']}}",
		"1:79 /clipboard/mimeTypes/1: 'image/gif' cannot cross: only text in "
		"UTF-8, as text/plain;charset=utf-8, image/png and image/jpeg can be checked; "
		"remove it, or set ui.clipboard to \"none\""},
	{"{'parclose':1,'ui':{'clipboard':'all'},'clipboard':{'mimeTypes':['text/plain;charset=latin1']}}",
		"1:66 /clipboard/mimeTypes/0: 'text/plain;charset=latin1' cannot cross: only "
		"text in UTF-8, as text/plain;charset=utf-8, image/png and image/jpeg can be "
		"checked; remove it, or set ui.clipboard to \"none\""},
	{"{'parclose':1,'ui':{'injection':true}}",
		"1:33 /ui/injection: true lets programs inside drive a display that \"disable\" keeps from them; set \"disable\": false, or remove this"},
	{"{'parclose':1,'ui':{'injection':1}}",
		"1:33 /ui/injection: expected true or false, found a number"},
	{"{'parclose':1,'ui':{'ime':true}}",
		"1:27 /ui/ime: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'ui':{'displaySettings':true}}",
		"1:39 /ui/displaySettings: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'display':{'keyboardLayout':7}}",
		"1:43 /display/keyboardLayout: expected a string, found a number"},
	{"{'parclose':1,'display':{'keyboardLayout':'US'}}",
		"1:43 /display/keyboardLayout: 'US' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':'us,de'}}",
		"1:43 /display/keyboardLayout: 'us,de' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':''}}",
		"1:43 /display/keyboardLayout: '' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':'de()'}}",
		"1:43 /display/keyboardLayout: 'de()' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':'de(neo'}}",
		"1:43 /display/keyboardLayout: 'de(neo' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':'de(neo)x'}}",
		"1:43 /display/keyboardLayout: 'de(neo)x' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'keyboardLayout':'../evil'}}",
		"1:43 /display/keyboardLayout: '../evil' is not a keyboard layout; write it like 'us' or 'de(neo)'"},
	{"{'parclose':1,'display':{'width':0}}",
		"1:34 /display/width: 0 is out of range; use 64 to 8192"},
	{"{'parclose':1,'display':{'width':8193}}",
		"1:34 /display/width: 8193 is out of range; use 64 to 8192"},
	{"{'parclose':1,'display':{'height':63.5}}",
		"1:35 /display/height: 63.5 is not a whole number; use 64 to 8192"},
	{"{'parclose':1,'display':{'refresh':241}}",
		"1:36 /display/refresh: 241 is out of range; use 1 to 240"},
	{"{'parclose':1,'display':{'refersh':60}}",
		"1:26 /display/refersh: unknown key 'refersh'; did you mean 'refresh'?"},
	{"{'parclose':1,'display':{'xwayland':true}}",
		"1:37 /display/xwayland: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'display':{'gpu':true}}",
		"1:32 /display/gpu: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'clipboard':{'confirm':0}}",
		"1:38 /clipboard/confirm: expected true or false, found a number"},
	{"{'parclose':1,'clipboard':{'maxBytes':16777217}}",
		"1:39 /clipboard/maxBytes: 16777217 is out of range; use 1 to 16777216"},
	{"{'parclose':1,'clipboard':{'maxFileBytes':268435457}}",
		"1:43 /clipboard/maxFileBytes: 268435457 is out of range; use 1 to 268435456"},
	{"{'parclose':1,'clipboard':{'mimeTypes':['text']}}",
		"1:41 /clipboard/mimeTypes/0: 'text' is not a MIME type; write it like text/plain"},
	{"{'parclose':1,'clipboard':{'mimeTypes':['text/plain',null]}}",
		"1:54 /clipboard/mimeTypes/1: expected a string, found null"},
	{"{'parclose':1,'limits':{'memory':'2 G'}}",
		"1:34 /limits/memory: '2 G' is not a size; write it like \"512M\" (K, M, G, T)"},
	{"{'parclose':1,'limits':{'memory':'2GB'}}",
		"1:34 /limits/memory: '2GB' is not a size; write it like \"512M\" (K, M, G, T)"},
	{"{'parclose':1,'limits':{'memory':'1K'}}",
		"1:34 /limits/memory: '1K' is out of range; use 16M to 1024T, or 0 for no limit"},
	{"{'parclose':1,'limits':{'memory':'9999999T'}}",
		"1:34 /limits/memory: '9999999T' is out of range; use 16M to 1024T, or 0 for no limit"},
	{"{'parclose':1,'limits':{'memory':1.5}}",
		"1:34 /limits/memory: 1.5 is not a whole number of bytes"},
	{"{'parclose':1,'limits':{'memory':-1}}",
		"1:34 /limits/memory: -1 is out of range; use 16M to 1024T, or 0 for no limit"},
	{"{'parclose':1,'limits':{'memory':true}}",
		"1:34 /limits/memory: expected a size like \"512M\" or a number of bytes, found true or false"},
	{"{'parclose':1,'limits':{'tmp':0}}",
		"1:31 /limits/tmp: 0 is out of range; use 1M to 1024T"},
	{"{'parclose':1,'limits':{'tmp':'1023K'}}",
		"1:31 /limits/tmp: '1023K' is out of range; use 1M to 1024T"},
	{"{'parclose':1,'limits':{'processes':0}}",
		"1:37 /limits/processes: 0 is out of range; use 1 to 4194304"},
	{"{'parclose':1,'limits':{'cpus':0.001}}",
		"1:32 /limits/cpus: 0.001 is out of range; use 0.01 to 1024, or 0 for no limit"},
	{"{'parclose':1,'limits':{'cpus':1025}}",
		"1:32 /limits/cpus: 1025 is out of range; use 0.01 to 1024, or 0 for no limit"},
	{"{'parclose':1,'limits':{'cpus':'2'}}",
		"1:32 /limits/cpus: expected a number, found a string"},
	{"{'parclose':1,'limits':{'openFiles':63}}",
		"1:37 /limits/openFiles: 63 is out of range; use 64 to 1048576"},
	{"{'parclose':1,'limits':{'openfiles':64}}",
		"1:25 /limits/openfiles: unknown key 'openfiles'; did you mean 'openFiles'?"},
	{"{'parclose':1,'session':{'dbus':true}}",
		"1:33 /session/dbus: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'session':{'accessibility':true}}",
		"1:42 /session/accessibility: true cannot be enforced yet by this version; remove it"},
	{"{'parclose':1,'session':{'record':'yes'}}",
		"1:35 /session/record: expected true or false, found a string"},
	{"{'parclose':1,'containment':'process','session':{'record':true}}",
		"1:59 /session/record: true asks for a recording of the display, but \"containment\": \"process\" has none; remove one of the two"},
	{"{'parclose':1,'audit':{'level':'full'}}",
		"1:32 /audit/level: 'full' is not available yet; use 'standard'"},
	{"{'parclose':1,'audit':{'level':'all'}}",
		"1:32 /audit/level: 'all' is not known; use 'standard', 'minimal' or 'full'"},
	{"{'parclose':1,'audit':{'failClosed':false}}",
		"1:37 /audit/failClosed: false is not available yet; remove it"},
	{"{'parclose':1,'require':'userns'}",
		"1:25 /require: expected an array, found a string"},
	{"{'parclose':1,'require':['selinux']}",
		"1:26 /require/0: 'selinux' is not a layer; use 'userns', 'landlock', 'landlock:N' (N from 1), 'seccomp' or 'cgroup'"},
	{"{'parclose':1,'require':['landlock:0']}",
		"1:26 /require/0: 'landlock:0' is not a layer; use 'userns', 'landlock', 'landlock:N' (N from 1), 'seccomp' or 'cgroup'"},
	{"{'parclose':1,'require':['landlock:06']}",
		"1:26 /require/0: 'landlock:06' is not a layer; use 'userns', 'landlock', 'landlock:N' (N from 1), 'seccomp' or 'cgroup'"},
	{"{'parclose':1,'require':['landlock','landlock:6']}",
		"1:37 /require/1: 'landlock' is required a second time; keep one"},
	{"{'parclose':1,'require':[6]}",
		"1:26 /require/0: expected a string, found a number"},
};
// clang-format on

static void test_rejected(void **state) {
	assert_true(sizeof(rejected) / sizeof(rejected[0]) >= 60);
	for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
		struct policy_error err;
		struct policy *policy = load(rejected[i].document, &err);
		if (policy) {
			fail_msg("accepted: %s", rejected[i].document);
		}
		assert_memory_equal(err.message, "p.json:", 7);
		assert_string_equal(err.message + 7, rejected[i].message);
		// The parts say the same as the whole.
		char start[256];
		snprintf(start, sizeof(start), "%u:%u%s%s: ", err.line, err.column,
			err.pointer[0] != '\0' ? " " : "", err.pointer);
		assert_memory_equal(err.message + 7, start, strlen(start));
	}
}

// `before`, then `len` times `c`, then `after`.
static char *padded(const char *before, char c, size_t len, const char *after) {
	size_t n = strlen(before), size = n + len + strlen(after) + 1;
	char *text = __real_malloc(size);
	assert_non_null(text);
	memcpy(text, before, n);
	memset(text + n, c, len);
	memcpy(text + n + len, after, strlen(after) + 1);
	return text;
}

static void expect_padded(
	const char *before, char c, size_t len, const char *after, const char *message) {
	char *document = padded(before, c, len, after);
	struct policy_error err = {0};
	struct policy *policy = load(document, &err);
	assert_int_equal(policy == NULL, message != NULL);
	if (message) {
		assert_string_equal(err.message, message);
	}
	policy_destroy(policy);
	free(document);
}

static void test_sizes(void **state) {
	expect_padded("{'parclose':1}", ' ', POLICY_MAX_BYTES - 14, "", NULL);
	expect_padded("{'parclose':1}", ' ', POLICY_MAX_BYTES - 13, "",
		"p.json: the document has 1048577 bytes; at most 1048576 are read");
	expect_padded("{'parclose':1,'process':{'cwd':'/", 'a', 4094, "'}}", NULL);
	expect_padded("{'parclose':1,'process':{'cwd':'/", 'a', 4095, "'}}",
		"p.json:1:32 /process/cwd: 4096 bytes long; at most 4095 are allowed");
	expect_padded("{'parclose':1,'process':{'commandLine':'", 'a', 65536, "'}}", NULL);
	expect_padded("{'parclose':1,'process':{'commandLine':'", 'a', 65537, "'}}",
		"p.json:1:40 /process/commandLine: 65537 bytes long; at most 65536 are allowed");
	expect_padded("{'parclose':1,'require':", '[', 32, "",
		"p.json:1:56 "
		"/require/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: "
		"nested deeper than 32 levels");
}

static size_t write_paths(char *document, size_t size, size_t entries) {
	size_t len = (size_t)snprintf(
		document, size, "{\"parclose\":1,\"filesystem\":{\"readonlyPaths\":[");
	for (size_t i = 0; i < entries; i++) {
		len += (size_t)snprintf(
			document + len, size - len, "%s\"/srv/%zu\"", i > 0 ? "," : "", i);
	}
	return len + (size_t)snprintf(document + len, size - len, "]}}");
}

static void test_too_many_entries(void **state) {
	size_t size = 32 * 1100;
	char *document = __real_malloc(size);
	assert_non_null(document);
	for (size_t entries = 1024; entries <= 1025; entries++) {
		size_t len = write_paths(document, size, entries);
		struct policy_error err;
		struct policy *policy = policy_load(document, len, "p.json", &err);
		assert_int_equal(policy != NULL, entries == 1024);
		if (!policy) {
			assert_string_equal(err.pointer, "/filesystem/readonlyPaths");
			assert_non_null(strstr(
				err.message, ": too many entries; at most 1024 are allowed"));
		}
		policy_destroy(policy);
	}
	free(document);
}

// A key of any length makes a whole message: cut, terminated, at its right place.
static void test_long_key(void **state) {
	char *document = padded("{'parclose':1,\n 'ui': {'", '/', 100000, "':1}}");
	struct policy_error err;
	assert_null(load(document, &err));
	assert_int_equal(err.line, 2);
	assert_int_equal(err.column, 9);
	assert_true(strlen(err.pointer) < sizeof(err.pointer));
	assert_memory_equal(err.pointer, "/ui/~1~1~1", 10);
	assert_non_null(strstr(err.message, "...: unknown key '////"));
	assert_non_null(strstr(err.message, "known here: disable, clipboard"));
	free(document);
}

// The label of the document is shown without what could write to a terminal.
static void test_source_is_shown(void **state) {
	struct policy_error err;
	assert_null(policy_load("[]", 2, "a\x1b[31m\n.json", &err));
	assert_string_equal(
		err.message, "a\\u001b[31m\\u000a.json:1:1: expected an object, found an array");
}

static void test_defaults(void **state) {
	struct policy *p = must_load("{'parclose':1}");
	assert_string_equal(p->source, "p.json");
	assert_int_equal(p->containment, POLICY_CONTAINMENT_SESSION);
	assert_null(p->process.command_line);
	assert_null(p->process.cwd);
	assert_int_equal(p->process.env_len, 0);
	assert_int_equal(p->process.timeout_ms, 0);
	assert_false(p->process.executables_set);
	assert_false(p->process.nested_sandbox);
	assert_int_equal(p->filesystem.paths_len, 0);
	assert_true(p->ui.disable);
	assert_int_equal(p->ui.clipboard, POLICY_CLIPBOARD_NONE);
	assert_false(p->ui.injection || p->ui.ime || p->ui.display_settings);
	assert_int_equal(p->display.width, 1280);
	assert_int_equal(p->display.height, 800);
	assert_int_equal(p->display.refresh, 60);
	assert_string_equal(p->display.keyboard_layout, "us");
	assert_false(p->display.xwayland || p->display.gpu);
	assert_true(p->clipboard.confirm);
	assert_int_equal(p->clipboard.max_bytes, 65536);
	assert_int_equal(p->clipboard.mime_types_len, 1);
	assert_string_equal(p->clipboard.mime_types[0], "text/plain;charset=utf-8");
	assert_int_equal(p->limits.memory, 0);
	assert_int_equal(p->limits.processes, 1024);
	assert_int_equal(p->limits.cpus_milli, 0);
	assert_int_equal(p->limits.open_files, 4096);
	assert_int_equal(p->limits.tmp, 512u << 20);
	assert_int_equal(p->require_len, 0);
	policy_destroy(p);
}

// Every key, each with a value that differs from its default where this version has another.
static const char everything[] =
	"{'$schema':'x','_comment':[{}],'parclose':1,'containment':'session',"
	"'process':{'commandLine':'echo \\'hi\\' \\u001b \xc3\xa9','cwd':'/srv/w',"
	"'env':['LANG=C.UTF-8','EMPTY=','LD_PRELOAD=/x.so','_a1=b=c'],'timeout':4294967295,"
	"'executables':['/usr/bin/','/opt/x'],'nestedSandbox':true},"
	"'filesystem':{'readonlyPaths':['/srv/ref','/'],'readwritePaths':['/home/me/w','/tmp/x','/"
	"etc/y'],"
	"'deniedPaths':['/home/me/w/.env'],'home':'ephemeral'},"
	"'network':{'egress':{'default':'deny','allow':[{'to':[{'domain':'*.b\xc3\xbc"
	"cher.org'},{'cidr':'10.0.0.0/8','except':['10.0.0.1']}],"
	"'ports':[{'port':443}],'tls':'any'},{}],'deny':[{},{'to':[{'domain':'*.a-1.org'},"
	"{'cidr':'192.0.2.7'},{'cidr':'2001:db8::/32','except':['2001:db8:1::/48']}],"
	"'ports':[{'protocol':'udp'},{'port':1,'endPort':65535},{'protocol':'icmp'}]}]},"
	"'ingress':{'default':'deny','hostLoopback':[{'port':5432}],"
	"'publish':[{'host':8080,'port':3000}]}},'runtimeConfig':{'networkProxy':null},"
	"'ui':{'disable':false,'clipboard':'none','injection':true,'ime':false,'displaySettings':"
	"false},"
	"'display':{'width':64,'height':8192,'refresh':240,'keyboardLayout':'de(neo_qwertz-1)','"
	"xwayland':false,'gpu':false},"
	"'clipboard':{'confirm':false,'maxBytes':16777216,'maxFileBytes':1,'mimeTypes':['image/"
	"png','text/html']},"
	"'limits':{'memory':'2G','processes':4194304,'cpus':1.5,'openFiles':64,'tmp':1048576},"
	"'session':{'dbus':false,'accessibility':false,'record':false},"
	"'audit':{'level':'standard','failClosed':true},"
	"'require':['cgroup','landlock:6','userns','seccomp']}";

static void test_everything(void **state) {
	struct policy *p = must_load(everything);
	assert_string_equal(p->process.command_line, "echo \"hi\" \x1b \xc3\xa9");
	assert_string_equal(p->process.cwd, "/srv/w");
	assert_int_equal(p->process.env_len, 4);
	assert_string_equal(p->process.env[3], "_a1=b=c");
	assert_int_equal(p->process.timeout_ms, UINT32_MAX);
	assert_true(p->process.executables_set);
	assert_int_equal(p->process.executables_len, 2);
	assert_string_equal(p->process.executables[0], "/usr/bin/");
	assert_true(p->process.nested_sandbox);
	assert_int_equal(p->filesystem.paths_len, 6);
	assert_string_equal(p->filesystem.paths[2].path, "/home/me/w");
	assert_int_equal(p->filesystem.paths[2].access, POLICY_ACCESS_READWRITE);
	assert_string_equal(p->filesystem.paths[2].pointer, "/filesystem/readwritePaths/0");
	assert_int_equal(p->filesystem.paths[5].access, POLICY_ACCESS_DENIED);
	assert_int_equal(p->network.rules_len, 4);
	assert_string_equal(p->network.rules[0].to[0].name, "xn--bcher-kva.org");
	assert_string_equal(p->network.rules[3].pointer, "/network/egress/deny/1");
	assert_int_equal(p->network.host_loopback[0], 5432);
	assert_int_equal(p->network.publish[0].host, 8080);
	assert_int_equal(p->network.publish[0].port, 3000);
	assert_false(p->ui.disable);
	assert_int_equal(p->display.width, 64);
	assert_int_equal(p->display.height, 8192);
	assert_int_equal(p->display.refresh, 240);
	assert_false(p->clipboard.confirm);
	assert_int_equal(p->clipboard.max_bytes, 16777216);
	assert_int_equal(p->clipboard.mime_types_len, 2);
	assert_int_equal(p->limits.memory, 2ull << 30);
	assert_int_equal(p->limits.processes, 4194304);
	assert_int_equal(p->limits.cpus_milli, 1500);
	assert_int_equal(p->limits.open_files, 64);
	assert_int_equal(p->limits.tmp, 1048576);
	assert_int_equal(p->require_len, 4);
	assert_int_equal(p->require[1].layer, POLICY_LAYER_LANDLOCK);
	assert_int_equal(p->require[1].version, 6);
	policy_destroy(p);
}

static const char *const accepted[] = {
	"{'parclose':1.0}",
	"{'parclose':1,'containment':'process'}",
	"{'parclose':1,'containment':'process','ui':{'disable':true}}",
	"{'ui':{'disable':false},'containment':'session','parclose':1}",
	"{'parclose':1,'process':{'commandLine':null,'cwd':null,'executables':null}}",
	"{'parclose':1,'filesystem':{'readonlyPaths':['/procedures','/developer','/srv/dev']}}",
	"{'parclose':1,'filesystem':{'deniedPaths':['/srv/..a','/srv/...','/home/agent/x']}}",
	"{'parclose':1,'limits':{'memory':'16384K','tmp':'1T','cpus':0.01}}",
	"{'parclose':1,'limits':{'memory':'1024T','tmp':1125899906842624,'cpus':1024}}",
	"{'parclose':1,'limits':{'memory':0,'cpus':0}}",
	"{'parclose':1,'clipboard':{'mimeTypes':[]}}",
	"{'parclose':1,'session':{'record':true}}",
	"{'parclose':1,'network':{},'ui':{},'display':{},'session':{},'audit':{},'require':[]}",
	"{'parclose':1,'require':['landlock:999']}",
};

// What a policy says as JSON loads again and says the same: nothing gets lost on the way.
static void check_round_trip(const struct policy *policy) {
	char *first = policy_to_json(policy);
	assert_non_null(first);
	assert_null(strchr(first, '\n'));
	struct policy_error err;
	struct policy *again = policy_load(first, strlen(first), "again", &err);
	if (!again) {
		fail_msg("%s: %s", first, err.message);
	}
	char *second = policy_to_json(again);
	assert_non_null(second);
	assert_string_equal(first, second);
	assert_int_equal(policy->process.executables_set, again->process.executables_set);
	assert_int_equal(policy->filesystem.paths_len, again->filesystem.paths_len);
	policy_destroy(again);
	free(first);
	free(second);
}

static void test_accepted(void **state) {
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		struct policy *policy = must_load(accepted[i]);
		check_round_trip(policy);
		policy_destroy(policy);
	}
}

static void test_to_json(void **state) {
	struct policy *policy = must_load(
		"{'parclose':1,'process':{'commandLine':'a\\\\\\n','env':['A=\\u0007']},"
		"'filesystem':{'deniedPaths':['/d'],'readonlyPaths':['/r']},'ui':{'disable':false},"
		"'limits':{'cpus':0.25,'memory':'64M'},'require':['landlock','userns']}");
	check_round_trip(policy);
	char *json = policy_to_json(policy);
	assert_non_null(json);
	assert_string_equal(json,
		"{\"parclose\":1,\"containment\":\"session\",\"process\":{\"commandLine\":"
		"\"a\\\\\\u000a\",\"cwd\":null,\"env\":[\"A=\\u0007\"],\"timeout\":0,"
		"\"executables\":null,"
		"\"nestedSandbox\":false},\"filesystem\":{\"readonlyPaths\":[\"/r\"],"
		"\"readwritePaths\":[],\"deniedPaths\":[\"/d\"],\"home\":\"ephemeral\"},"
		"\"network\":{\"egress\":{\"default\":\"deny\",\"allow\":[],\"deny\":[]},"
		"\"ingress\":"
		"{\"default\":\"deny\",\"hostLoopback\":\"deny\",\"publish\":[]}},"
		"\"runtimeConfig\":{\"networkProxy\":null},\"ui\":{"
		"\"disable\":"
		"false,\"clipboard\":\"none\",\"injection\":false,\"ime\":false,"
		"\"displaySettings\":"
		"false},\"display\":{\"width\":1280,\"height\":800,\"refresh\":60,"
		"\"keyboardLayout\":\"us\",\"xwayland\":"
		"false,"
		"\"gpu\":false},\"clipboard\":{\"confirm\":true,\"maxBytes\":65536,"
		"\"maxFileBytes\":16777216,\"mimeTypes\":"
		"[\"text/"
		"plain;charset=utf-8\"]},\"limits\":{\"memory\":67108864,\"processes\":1024,"
		"\"cpus\":0.250,\"openFiles\":4096,\"tmp\":536870912},\"session\":{\"dbus\":false,"
		"\"accessibility\":false,\"record\":false},\"audit\":{\"level\":\"standard\","
		"\"failClosed\":true},\"require\":[\"landlock\",\"userns\"]}");
	free(json);
	policy_destroy(policy);

	policy = must_load(everything);
	check_round_trip(policy);
	policy_destroy(policy);
}

// MXC: the same path in several lists has the most restrictive access of them.
static void test_merge(void **state) {
	struct policy *p = must_load("{'parclose':1,'filesystem':{"
				     "'readwritePaths':['/a','/b/','/c','/e','/e'],"
				     "'deniedPaths':['/b','//c/.'],"
				     "'readonlyPaths':['/a','/./c','/d','/ab']}}");
	static const struct {
		const char *path;
		enum policy_access access;
		const char *pointer;
	} expected[] = {
		{"/a", POLICY_ACCESS_READONLY, "/filesystem/readonlyPaths/0"},
		{"/b", POLICY_ACCESS_DENIED, "/filesystem/deniedPaths/0"},
		{"//c/.", POLICY_ACCESS_DENIED, "/filesystem/deniedPaths/1"},
		{"/e", POLICY_ACCESS_READWRITE, "/filesystem/readwritePaths/3"},
		{"/d", POLICY_ACCESS_READONLY, "/filesystem/readonlyPaths/2"},
		{"/ab", POLICY_ACCESS_READONLY, "/filesystem/readonlyPaths/3"},
	};
	assert_int_equal(p->filesystem.paths_len, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < p->filesystem.paths_len; i++) {
		assert_string_equal(p->filesystem.paths[i].path, expected[i].path);
		assert_int_equal(p->filesystem.paths[i].access, expected[i].access);
		assert_string_equal(p->filesystem.paths[i].pointer, expected[i].pointer);
	}
	check_round_trip(p);
	policy_destroy(p);
}

static char *explained(const struct policy *policy) {
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	policy_explain(policy, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_builtins(void **state) {
	assert_null(policy_builtin("open"));
	static const char *const names[] = {"locked", "browser"};
	for (size_t i = 0; i < 2; i++) {
		const char *text = policy_builtin(names[i]);
		assert_non_null(text);
		struct policy_error err;
		struct policy *p = policy_load(text, strlen(text), names[i], &err);
		if (!p) {
			fail_msg("%s", err.message);
		}
		assert_false(p->ui.disable);
		assert_int_equal(p->ui.clipboard, POLICY_CLIPBOARD_NONE);
		assert_int_equal(p->filesystem.paths_len, 0);
		assert_int_equal(p->require_len, 3);
		assert_int_equal(p->process.nested_sandbox, i == 1);
		assert_int_equal(p->limits.processes, i == 1 ? 2048 : 1024);
		assert_int_equal(p->limits.open_files, i == 1 ? 8192 : 4096);
		check_round_trip(p);
		policy_destroy(p);
	}
}

static void test_explain_locked(void **state) {
	const char *text = policy_builtin("locked");
	struct policy_error err;
	struct policy *policy = policy_load(text, strlen(text), "locked", &err);
	assert_non_null(policy);
	char *got = explained(policy);
	assert_string_equal(got,
		"Policy locked\n"
		"\n"
		"Program\n"
		"  command          none; it must be given at the start\n"
		"  starts in        the home directory\n"
		"  environment      made by the sandbox; nothing of yours\n"
		"  time             no limit\n"
		"  may execute      every program it can see\n"
		"  user namespaces  may not be made inside\n"
		"Files\n"
		"  system files     read-only\n"
		"  home directory   empty at the start, read-write, gone at the end\n"
		"  everything else  is not there\n"
		"Network\n"
		"  out              nothing, no name lookups either\n"
		"  in               nothing\n"
		"Display\n"
		"  screen           of its own, 1280x800 pixels at 60 Hz\n"
		"  keyboard layout  us\n"
		"  programs inside  may open windows on it, and see no other display\n"
		"  X11 programs     cannot run\n"
		"  GPU              out of reach\n"
		"  input            programs inside cannot make keyboard or pointer events\n"
		"  input methods    none\n"
		"  display settings cannot be changed inside\n"
		"  recording        only when you ask for it\n"
		"Clipboard\n"
		"  session to you   nothing crosses, in neither direction\n"
		"  among programs   copy and paste inside the session works\n"
		"Limits\n"
		"  memory           no limit of ours\n"
		"  processes        1024, threads counted\n"
		"  CPUs             no limit of ours\n"
		"  open files       4096 a process\n"
		"  temporary files  512 MiB in each private file system (/tmp, home, /dev/shm)\n"
		"Required of this machine, else nothing starts\n"
		"  userns\n"
		"  landlock\n"
		"  seccomp\n");
	free(got);
	policy_destroy(policy);
}

static void test_explain_everything(void **state) {
	struct policy *policy = must_load(everything);
	char *got = explained(policy);
	static const char *const expected[] = {
		"sh -c 'echo \"hi\" \\u001b \xc3\xa9'",
		"LD_PRELOAD=/x.so\n",
		"/srv/w\n",
		"4294967295 ms",
		"only what lies at or beneath:",
		"/opt/x\n",
		"more of the kernel is within reach",
		"  read-write       /home/me/w\n",
		"  denied           /home/me/w/.env\n",
		"64x8192 pixels at 240 Hz",
		"  memory           2 GiB\n",
		"  CPUs             1.500\n",
		"  landlock, version 6 or later\n",
		"  cgroup\n",
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (!strstr(got, expected[i])) {
			fail_msg("'%s' is not in:\n%s", expected[i], got);
		}
	}
	free(got);
	policy_destroy(policy);
	// Without a display nothing may read as if there were one.
	policy = must_load("{'parclose':1,'containment':'process'}");
	got = explained(policy);
	assert_null(strstr(got, "of its own"));
	assert_null(strstr(got, "copy and paste"));
	free(got);
	policy_destroy(policy);
}

// Every allocation fails once: an error that says so, nothing leaked (the sanitizer's word), no
// crash.
static void test_out_of_memory(void **state) {
	char *text = quoted(everything);
	cJSON_InitHooks(&(cJSON_Hooks){__wrap_malloc, free});
	struct policy *policy = NULL;
	struct policy_error err;
	long n = 0;
	for (; !policy && n < 10000; n++) {
		allocations_left = n;
		policy = policy_load(text, strlen(everything), "p.json", &err);
		allocations_left = -1;
		if (!policy) {
			assert_string_equal(err.message, "p.json: out of memory");
			assert_int_equal(err.line, 0);
		}
	}
	assert_non_null(policy);
	assert_true(n > 100);
	free(text);
	allocations_left = 0;
	assert_null(policy_to_json(policy));
	allocations_left = -1;
	policy_destroy(policy);

	// The pointer of an unknown key.
	static const char unknown[] = "{\"parclose\":1,\"zz\":1}";
	for (n = 0; n < 10000; n++) {
		allocations_left = n;
		assert_null(policy_load(unknown, strlen(unknown), "p.json", &err));
		allocations_left = -1;
		if (strstr(err.message, "unknown key")) {
			break;
		}
		assert_string_equal(err.message, "p.json: out of memory");
	}
	assert_true(n > 0 && n < 10000);
	cJSON_InitHooks(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_too_many_entries),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_source_is_shown),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_to_json),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_builtins),
		cmocka_unit_test(test_explain_locked),
		cmocka_unit_test(test_explain_everything),
		cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
