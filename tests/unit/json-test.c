// policy/json.h: what is accepted, what is refused and where, and finding a value's place again.

#include "policy/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(s) s, sizeof(s) - 1

// clang-format off
static const struct {
	const char *text;
	size_t len;
	const char *reason, *pointer;
	uint32_t line, column;
} rejected[] = {
	{TEXT(""), "the document is empty", "", 1, 1},
	{TEXT(" \n\t "), "the document is empty", "", 1, 1},
	{TEXT("\xef\xbb\xbf{}"), "byte order mark; save the document without it", "", 1, 1},
	{TEXT("{} x"), "more text after the end of the document", "", 1, 4},
	{TEXT("{}\0"), "more text after the end of the document", "", 1, 3},
	{TEXT("1 2"), "more text after the end of the document", "", 1, 3},
	{TEXT("{\"a\":1,\"a\":2}"), "duplicate key 'a'", "/a", 1, 8},
	{TEXT("{\"a\":1,\n \"\\u0061\":2}"), "duplicate key 'a'", "/a", 2, 2},
	{TEXT("[{\"\xc3\xa9\":1,\"b\":2,\"\\u00e9\":3}]"), "duplicate key '\xc3\xa9'", "/0/\xc3\xa9", 1, 16},
	{TEXT("{\"\":1,\"\":2}"), "duplicate key ''", "/", 1, 7},
	{TEXT("{\"a/b~\":1,\"a/b~\":2}"), "duplicate key 'a/b~'", "/a~1b~0", 1, 11},
	{TEXT("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), "duplicate key '\xf0\x9f\x98\x80'",
		"/\xf0\x9f\x98\x80", 1, 19},
	{TEXT("{\"\\u001b[2J\":1,\"\\u001b[2J\":1}"), "duplicate key '\\u001b[2J'", "/\\u001b[2J", 1, 16},
	{TEXT("{\"b\":1,\"a\":1,\"b\":1,\"a\":1}"), "duplicate key 'b'", "/b", 1, 14},
	{TEXT("{\"a\":\"\xff\"}"), "invalid UTF-8", "/a", 1, 7},
	{TEXT("\"\xc0\x80\""), "invalid UTF-8", "", 1, 2},
	{TEXT("\"\xed\xa0\x80\""), "invalid UTF-8", "", 1, 2},
	{TEXT("\"\xf4\x90\x80\x80\""), "invalid UTF-8", "", 1, 2},
	{TEXT("\"\xe2\x82\""), "invalid UTF-8", "", 1, 2},
	{TEXT("\"a\\u0000b\""), "\\u0000 is not allowed", "", 1, 3},
	{TEXT("\"a\0b\""), "control character in a string; write it as \\u0000", "", 1, 3},
	{TEXT("\"a\tb\""), "control character in a string; write it as \\u0009", "", 1, 3},
	{TEXT("\"a\nb\""), "control character in a string; write it as \\u000a", "", 1, 3},
	{TEXT("[\"\\ud800\"]"), "lone surrogate \\ud800", "/0", 1, 3},
	{TEXT("[\"\\ud800\\u0041\"]"), "lone surrogate \\ud800", "/0", 1, 3},
	{TEXT("[\"\\ud800\\ud801\"]"), "lone surrogate \\ud800", "/0", 1, 3},
	{TEXT("[1,\"\\udc00\"]"), "lone surrogate \\udc00", "/1", 1, 5},
	{TEXT("\"\\u12g4\""), "\\u needs four hexadecimal digits", "", 1, 2},
	{TEXT("\"\\u12"), "\\u needs four hexadecimal digits", "", 1, 2},
	{TEXT("\"\\x41\""), "unknown escape; use \\\\ for a backslash", "", 1, 2},
	{TEXT("\"\\\0\""), "unknown escape; use \\\\ for a backslash", "", 1, 2},
	{TEXT("\"abc"), "string without a closing quote", "", 1, 1},
	{TEXT("\"abc\\"), "unknown escape; use \\\\ for a backslash", "", 1, 5},
	{TEXT("{\"a\":01}"), "number with a leading zero", "/a", 1, 6},
	{TEXT("-01"), "number with a leading zero", "", 1, 1},
	{TEXT("-"), "the document ends where a digit should be", "", 1, 2},
	{TEXT("1.}"), "expected a digit, found '}'", "", 1, 3},
	{TEXT("1e+"), "the document ends where a digit should be", "", 1, 4},
	{TEXT(".5"), "expected a value, found '.'", "", 1, 1},
	{TEXT("+1"), "expected a value, found '+'", "", 1, 1},
	{TEXT("0x10"), "more text after the end of the document", "", 1, 2},
	{TEXT("[1e309]"), "number too large", "/0", 1, 2},
	{TEXT("[-1e99999999999999999999]"), "number too large", "/0", 1, 2},
	{TEXT("1234567890123456789012345678901234567890123456789012345678901234"),
		"number of 64 bytes; at most 63", "", 1, 1},
	{TEXT("NaN"), "expected a value, found 'N'", "", 1, 1},
	{TEXT("nul"), "expected a value, found 'n'", "", 1, 1},
	{TEXT("True"), "expected a value, found 'T'", "", 1, 1},
	{TEXT("[1,]"), "comma before ']'", "/0", 1, 3},
	{TEXT("{\"a\":1,}"), "comma before '}'", "/a", 1, 7},
	{TEXT("[,1]"), "expected a value, found ','", "/0", 1, 2},
	{TEXT("[1 2]"), "expected ',' or ']', found '2'", "/0", 1, 4},
	{TEXT("{\"a\" 1}"), "expected ':', found '1'", "/a", 1, 6},
	{TEXT("{\"a\":1 \"b\":2}"), "expected ',' or '}', found '\"'", "/a", 1, 8},
	{TEXT("{a:1}"), "expected a key in double quotes, found 'a'", "", 1, 2},
	{TEXT("{'a':1}"), "expected a key in double quotes, found '''", "", 1, 2},
	{TEXT("{\"a\":\n\n  // x\n1}"), "comments are not JSON", "/a", 3, 3},
	{TEXT("/* x */ {}"), "comments are not JSON", "", 1, 1},
	{TEXT("{\"a\":[1,{\"b\":"), "the document ends where a value should be", "/a/1/b", 1, 14},
	{TEXT("[1"), "the document ends where ',' or ']' should be", "/0", 1, 3},
	{TEXT("[\v1]"), "expected a value, found byte 0x0b", "/0", 1, 2},
	{TEXT("[\xc2\xa0]"), "expected a value, found byte 0xc2", "/0", 1, 2},
	{TEXT("]"), "expected a value, found ']'", "", 1, 1},
};
// clang-format on

static void test_rejected(void **state) {
	for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
		// A copy of exactly this size, so that a sanitizer sees one byte too far.
		char *copy = malloc(rejected[i].len + (rejected[i].len == 0));
		assert_non_null(copy);
		memcpy(copy, rejected[i].text, rejected[i].len);
		struct json_error err;
		cJSON *tree = json_parse(copy, rejected[i].len, &err);
		if (tree) {
			fail_msg("accepted: %s", rejected[i].text);
		}
		if (strcmp(err.reason, rejected[i].reason) != 0 ||
			strcmp(err.pointer, rejected[i].pointer) != 0 ||
			err.line != rejected[i].line || err.column != rejected[i].column) {
			fail_msg("%s: got \"%s\" at '%s' %u:%u", rejected[i].text, err.reason,
				err.pointer, err.line, err.column);
		}
		free(copy);
	}
}

static const char *const accepted[] = {
	"{}",
	"[]",
	" \r\n\t{ } ",
	"null",
	"true",
	"false",
	"\"\"",
	"0",
	"-0",
	"-0.0e-0",
	"1E5",
	"1e+5",
	"1.7976931348623157e308",
	"1e-400",
	"9007199254740993",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	"\"\\ud83d\\ude00\"",
	"\"\\uD83D\\uDE00\"",
	"\"\x7f\"",
	"\"\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\"",
	"\"\xef\xbb\xbf\"",
	"{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]},\"A\":0}",
	"{\"\":1}",
	"123456789012345678901234567890123456789012345678901234567890123",
	"[[],{},[[1]],\"]\"]",
};

static void test_accepted(void **state) {
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		struct json_error err;
		size_t len = strlen(accepted[i]);
		char *copy = malloc(len);
		assert_non_null(copy);
		memcpy(copy, accepted[i], len);
		cJSON *tree = json_parse(copy, len, &err);
		if (!tree) {
			fail_msg("%s: %s", accepted[i], err.reason);
		}
		cJSON_Delete(tree);
		free(copy);
	}
}

static void test_values(void **state) {
	static const char text[] = "{\"s\":\"\\u00e9\\ud83d\\ude00/\",\"n\":-12.5,\"b\":[true]}";
	struct json_error err;
	cJSON *tree = json_parse(text, sizeof(text) - 1, &err);
	assert_non_null(tree);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(tree, "s")->valuestring,
		"\xc3\xa9\xf0\x9f\x98\x80/");
	assert_true(cJSON_GetObjectItemCaseSensitive(tree, "n")->valuedouble == -12.5);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "b")->child));
	cJSON_Delete(tree);
}

static void test_depth(void **state) {
	char text[2 * (JSON_MAX_DEPTH + 1)];
	for (size_t depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		struct json_error err;
		cJSON *tree = json_parse(text, 2 * depth, &err);
		assert_int_equal(tree != NULL, depth <= JSON_MAX_DEPTH);
		cJSON_Delete(tree);
		if (!tree) {
			assert_string_equal(err.reason, "nested deeper than 32 levels");
			assert_int_equal(err.column, JSON_MAX_DEPTH + 1);
		}
	}
}

// A long key is cut in reason and pointer at a character's border.
static void test_long_key(void **state) {
	char text[2100] = "{\"", *p = text + 2;
	for (int copy = 0; copy < 2; copy++) {
		for (int i = 0; i < 500; i++) {
			memcpy(p, "\xc3\xa9", 2);
			p += 2;
		}
		strncpy(p, copy == 0 ? "\":1,\"" : "\":1}", 8);
		p += strlen(p);
	}
	struct json_error err;
	assert_null(json_parse(text, (size_t)(p - text), &err));
	assert_memory_equal(err.reason, "duplicate key '\xc3\xa9", 17);
	assert_memory_equal(err.reason + strlen(err.reason) - 6, "\xc3\xa9...'", 6);
	assert_true(strlen(err.pointer) < sizeof(err.pointer));
	assert_int_equal((strlen(err.pointer) - 1) % 2, 0);
}

// A megabyte of keys takes no noticeable time; comparing each with each would take minutes.
static void test_many_keys(void **state) {
	size_t cap = 1u << 20, len = 1;
	char *text = malloc(cap + 32);
	assert_non_null(text);
	text[0] = '{';
	for (unsigned int i = 0; len < cap; i++) {
		len += (size_t)snprintf(text + len, 32, "%s\"%x\":0", i > 0 ? "," : "", i);
	}
	text[len++] = '}';
	struct json_error err;
	cJSON *tree = json_parse(text, len, &err);
	assert_non_null(tree);
	cJSON_Delete(tree);
	len += (size_t)snprintf(text + len - 1, 32, ",\"0\":0}") - 1;
	assert_null(json_parse(text, len, &err));
	assert_string_equal(err.reason, "duplicate key '0'");
	free(text);
}

static const char located[] = "{\n"
			      "  \"a\": [1, {\"b\\n\": \"x,]\"}],\n"
			      "\t\"a/b\": {\"~\": null}, \"\\u00e9\": [[], 7],\n"
			      "  \"\": -1}";

static const struct {
	const char *pointer;
	bool want_key, found;
	uint32_t line, column;
} places[] = {
	{"", false, true, 1, 1},
	{"", true, false, 0, 0},
	{"/a", false, true, 2, 8},
	{"/a", true, true, 2, 3},
	{"/a/0", false, true, 2, 9},
	{"/a/0", true, false, 0, 0},
	{"/a/1", false, true, 2, 12},
	{"/a/1/b\n", false, true, 2, 20},
	{"/a/1/b\n", true, true, 2, 13},
	{"/a/2", false, false, 0, 0},
	{"/a/01", false, false, 0, 0},
	{"/a/-", false, false, 0, 0},
	{"/a/", false, false, 0, 0},
	{"/a/0/0", false, false, 0, 0},
	{"/a~1b/~0", false, true, 3, 15},
	{"/a~1b/~0", true, true, 3, 10},
	{"/a~1b/~", false, false, 0, 0},
	{"/a~1b/~2", false, false, 0, 0},
	{"/\xc3\xa9/0", false, true, 3, 33},
	{"/\xc3\xa9/0/0", false, false, 0, 0},
	{"/\xc3\xa9/1", false, true, 3, 37},
	{"/", false, true, 4, 7},
	{"/", true, true, 4, 3},
	{"/b", false, false, 0, 0},
	{"a", false, false, 0, 0},
};

static void test_locate(void **state) {
	struct json_error err;
	cJSON *tree = json_parse(located, sizeof(located) - 1, &err);
	assert_non_null(tree);
	cJSON_Delete(tree);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint32_t line = 0, column = 0;
		bool found = json_locate(located, sizeof(located) - 1, places[i].pointer,
			places[i].want_key, &line, &column);
		if (found != places[i].found || line != places[i].line ||
			column != places[i].column) {
			fail_msg("'%s': got %d %u:%u", places[i].pointer, found, line, column);
		}
	}
}

// A caller that breaks the rule and passes a text cut anywhere gets an answer, not a crash.
static void test_locate_cut(void **state) {
	for (size_t len = 0; len < sizeof(located) - 1; len++) {
		char *copy = malloc(len + (len == 0));
		assert_non_null(copy);
		memcpy(copy, located, len);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			uint32_t line, column;
			json_locate(
				copy, len, places[i].pointer, places[i].want_key, &line, &column);
		}
		free(copy);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_locate),
		cmocka_unit_test(test_locate_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
