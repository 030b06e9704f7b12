// The readers of hostile bytes, each with tables and with every place to cut a message.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "network/client-hello.h"
#include "network/dns.h"
#include "network/guard.h"
#include "network/http-head.h"
#include "tests/helpers/hello.h"

#define TEXT(s) (const unsigned char *)(s), sizeof(s) - 1

// ---- DNS

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define HEAD_EDNS "\x12\x34\x01\x10\x00\x01\x00\x00\x00\x00\x00\x01"
#define NAME \
	"\x03www\x07" \
	"Example\x03org\x00"
#define A_IN "\x00\x01\x00\x01"
#define OPT(flags, options) "\x00\x00\x29\x10\x00\x00" flags options

struct dns_row {
	const char *what;
	const char *bytes;
	size_t len;
	enum dns_parsed parsed;
	enum dns_rcode rcode;
	const char *name;
};
#define ROW(what, bytes, ...) {what, bytes, sizeof(bytes) - 1, __VA_ARGS__}

static const struct dns_row dns_rows[] = {
	ROW("plain", HEAD NAME A_IN, DNS_QUERY, 0, "www.Example.org"),
	ROW("the root", HEAD "\x00" A_IN, DNS_QUERY, 0, ""),
	ROW("edns", HEAD_EDNS NAME A_IN OPT("\x00\x80\x00", "\x00\x00"), DNS_QUERY, 0,
		"www.Example.org"),
	ROW("edns with a cookie",
		HEAD_EDNS NAME A_IN OPT("\x00\x00\x00", "\x00\x0c\x00\x0a\x00\x08"
							"cookie!!"),
		DNS_QUERY, 0, "www.Example.org"),
	ROW("edns of another version", HEAD_EDNS NAME A_IN OPT("\x01\x00\x00", "\x00\x00"),
		DNS_ERROR, DNS_BADVERS, NULL),
	ROW("edns options that overflow",
		HEAD_EDNS NAME A_IN OPT("\x00\x00\x00", "\x00\x06\x00\x0a\x00\x08"
							"co"),
		DNS_ERROR, DNS_FORMERR, NULL),
	ROW("edns promised and not there", HEAD_EDNS NAME A_IN, DNS_ERROR, DNS_FORMERR, NULL),
	ROW("bytes behind the end", HEAD NAME A_IN "x", DNS_ERROR, DNS_FORMERR, NULL),
	ROW("cut in the type", HEAD NAME "\x00", DNS_ERROR, DNS_FORMERR, NULL),
	ROW("cut in the name", HEAD "\x03ww", DNS_ERROR, DNS_FORMERR, NULL),
	ROW("a pointer to itself", HEAD "\xc0\x0c" A_IN, DNS_ERROR, DNS_FORMERR, NULL),
	ROW("a label of another kind",
		HEAD "\x41"
		     "a\x00" A_IN,
		DNS_ERROR, DNS_FORMERR, NULL),
	ROW("a dot in a label", HEAD "\x0fwww.example.org\x00" A_IN, DNS_QUERY, 0, ""),
	ROW("a NUL in a label",
		HEAD "\x03"
		     "a\0b\x03org\x00" A_IN,
		DNS_QUERY, 0, ""),
	ROW("an at sign",
		HEAD "\x03"
		     "a@b\x03org\x00" A_IN,
		DNS_QUERY, 0, ""),
	ROW("class CHAOS", HEAD NAME "\x00\x01\x00\x03", DNS_ERROR, DNS_REFUSED, NULL),
	ROW("class ANY", HEAD NAME "\x00\x01\x00\xff", DNS_ERROR, DNS_REFUSED, NULL),
	ROW("an update", "\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME A_IN, DNS_ERROR,
		DNS_NOTIMP, NULL),
	ROW("an answer", "\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME A_IN, DNS_SILENCE,
		0, NULL),
	ROW("two questions", "\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" NAME A_IN NAME A_IN,
		DNS_ERROR, DNS_FORMERR, NULL),
	ROW("no question", "\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", DNS_ERROR,
		DNS_FORMERR, NULL),
	ROW("an answer in a query", "\x12\x34\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00" NAME A_IN,
		DNS_ERROR, DNS_FORMERR, NULL),
	ROW("half a header", "\x12\x34\x01\x00\x00", DNS_SILENCE, 0, NULL),
};

static void dns_table(void **unused) {
	for (size_t i = 0; i < sizeof(dns_rows) / sizeof(dns_rows[0]); i++) {
		const struct dns_row *row = &dns_rows[i];
		struct dns_query query;
		enum dns_parsed parsed =
			dns_parse((const unsigned char *)row->bytes, row->len, &query);
		if (parsed != row->parsed || (parsed == DNS_ERROR && query.rcode != row->rcode)) {
			print_error("%s: %d, code %d\n", row->what, parsed, query.rcode);
		}
		assert_int_equal(parsed, row->parsed);
		if (parsed == DNS_ERROR) {
			assert_int_equal(query.rcode, row->rcode);
		}
		if (row->name != NULL) {
			assert_string_equal(query.untrusted_name, row->name);
		}
	}
}

// A query that is cut anywhere is no query, and nothing beyond its end is read.
static void dns_cut(void **unused) {
	static const char whole[] =
		HEAD_EDNS NAME A_IN OPT("\x00\x00\x00", "\x00\x0c\x00\x0a\x00\x08"
							"cookie!!");
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		unsigned char *copy = malloc(len > 0 ? len : 1);
		struct dns_query query;
		memcpy(copy, whole, len);
		enum dns_parsed parsed = dns_parse(copy, len, &query);
		assert_int_equal(parsed, len < 12 ? DNS_SILENCE : DNS_ERROR);
		free(copy);
	}
}

static void dns_longest_name(void **unused) {
	unsigned char bytes[400] = HEAD;
	size_t at = 12;
	for (int i = 0; i < 4; i++) {
		size_t len = i < 3 ? 63 : 61;
		bytes[at++] = (unsigned char)len;
		memset(bytes + at, 'a', len);
		at += len;
	}
	memcpy(bytes + at, "\x00" A_IN, 5);
	struct dns_query query;
	assert_int_equal(dns_parse(bytes, at + 5, &query), DNS_QUERY);
	assert_int_equal(strlen(query.untrusted_name), 253);
	unsigned char out[DNS_MAX_ANSWER];
	unsigned char address[16] = {0xfd};
	query.edns = true;
	assert_int_equal(
		dns_answer(&query, DNS_NOERROR, address, 16, 60, out), 12 + 259 + 12 + 16 + 11);
	bytes[12 + 64 * 3] = 62; // one byte more
	memset(bytes + 12 + 64 * 3 + 1, 'a', 62);
	memcpy(bytes + 12 + 64 * 3 + 63, "\x00" A_IN, 5);
	assert_int_equal(dns_parse(bytes, at + 6, &query), DNS_ERROR);
}

static void dns_answers(void **unused) {
	static const char asked[] = HEAD_EDNS NAME A_IN OPT("\x00\x80\x00", "\x00\x00");
	static const char answer[] = "\x12\x34\x81\x90\x00\x01\x00\x01\x00\x00\x00\x01" NAME A_IN
				     "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x12\x00"
				     "\x01\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";
	static const unsigned char address[4] = {198, 18, 0, 1};
	unsigned char out[DNS_MAX_ANSWER];
	struct dns_query query;
	dns_parse(TEXT(asked), &query);
	size_t len = dns_answer(&query, DNS_NOERROR, address, 4, 60, out);
	assert_int_equal(len, sizeof(answer) - 1);
	assert_memory_equal(out, answer, len);
	dns_parse(TEXT(HEAD_EDNS NAME A_IN OPT("\x01\x00\x00", "\x00\x00")), &query);
	len = dns_answer(&query, DNS_BADVERS, NULL, 0, 0, out);
	assert_int_equal(out[3] & 0xf, 0);
	assert_int_equal(out[len - 6], 1); // the upper bits of 16
}

// ---- ClientHello

static void hello_is_read(void **unused) {
	static unsigned char bytes[1 << 17];
	static const size_t records[] = {0, 1, 2, 3, 7, 64, 300};
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		const struct hello_wish wish = {
			.name = "www.example.org", .record = records[i], .padding = 200};
		size_t len = hello_make(&wish, bytes, sizeof(bytes));
		struct client_hello hello;
		for (size_t cut = 0; cut < len; cut++) {
			assert_int_equal(client_hello_read(bytes, cut, &hello), CLIENT_HELLO_MORE);
		}
		memcpy(bytes + len, "more", 4);
		assert_int_equal(client_hello_read(bytes, len + 4, &hello), CLIENT_HELLO_DONE);
		assert_int_equal(hello.len, len);
		assert_true(hello.has_name);
		assert_false(hello.encrypted);
		assert_string_equal(hello.untrusted_name, "www.example.org");
	}
}

static enum client_hello_result read_wish(
	const struct hello_wish *wish, struct client_hello *hello) {
	static unsigned char bytes[1 << 17];
	return client_hello_read(bytes, hello_make(wish, bytes, sizeof(bytes)), hello);
}

static void hello_wishes(void **unused) {
	char name[300];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct client_hello hello;
	struct hello_wish wish = {0};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_DONE);
	assert_false(hello.has_name);
	wish = (struct hello_wish){.no_extensions = true};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_DONE);
	wish = (struct hello_wish){.name = "a.example", .encrypted = true};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_DONE);
	assert_true(hello.encrypted && hello.has_name);
	wish = (struct hello_wish){.name = "a.example", .twice = true};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
	wish = (struct hello_wish){.name = "a.example", .doubled = true};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
	wish = (struct hello_wish){.name = "a.example", .trailing = true};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
	wish = (struct hello_wish){.name = name};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
	wish = (struct hello_wish){.name = ""};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
	wish = (struct hello_wish){.name = "a.example", .padding = 40000};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_DONE);
	wish = (struct hello_wish){.name = "a.example", .padding = 60000};
	assert_int_equal(read_wish(&wish, &hello), CLIENT_HELLO_BAD);
}

// Whatever one byte becomes, nothing is read beyond the end, and no other name than the one that
// stands there.
static void hello_one_byte_wrong(void **unused) {
	unsigned char good[1024];
	const struct hello_wish wish = {.name = "www.example.org", .record = 50};
	size_t len = hello_make(&wish, good, sizeof(good));
	for (size_t at = 0; at < len; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			unsigned char *bytes = malloc(len);
			struct client_hello hello;
			memcpy(bytes, good, len);
			bytes[at] = (unsigned char)value;
			if (client_hello_read(bytes, len, &hello) == CLIENT_HELLO_DONE) {
				assert_true(hello.len <= len);
			}
			free(bytes);
		}
	}
	struct client_hello hello;
	good[0] = 23;
	assert_int_equal(client_hello_read(good, len, &hello), CLIENT_HELLO_BAD);
	assert_int_equal(client_hello_read(TEXT("\x16\x03\x01\x00\x00"), &hello), CLIENT_HELLO_BAD);
	assert_int_equal(client_hello_read(TEXT("\x16\x02"), &hello), CLIENT_HELLO_BAD);
	assert_int_equal(
		client_hello_read(TEXT("\x16\x03\x01\x00\x04\x02"), &hello), CLIENT_HELLO_BAD);
}

static const unsigned char retry[] = {22, 3, 3, 0, 88, 2, 0, 0, 84, 3, 3, 0xcf, 0x21, 0xad, 0x74,
	0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
	0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c, 0x20};

static void server_hellos(void **unused) {
	unsigned char other[sizeof(retry)];
	for (size_t len = 0; len < SERVER_HELLO_BYTES; len++) {
		assert_int_equal(server_hello_look(retry, len), SERVER_HELLO_MORE);
	}
	assert_int_equal(server_hello_look(retry, sizeof(retry)), SERVER_HELLO_RETRY);
	memcpy(other, retry, sizeof(other));
	other[30] ^= 1;
	assert_int_equal(server_hello_look(other, sizeof(other)), SERVER_HELLO_FINAL);
	assert_int_equal(server_hello_look(TEXT("\x15\x03\x03\x00\x02")), SERVER_HELLO_FINAL);
}

// ---- HTTP

static void http_begins_table(void **unused) {
	static const struct {
		const char *text;
		enum http_begins begins;
	} rows[] = {
		{"GET / HTTP/1.1\r\n", HTTP_BEGINS_REQUEST},
		{"GET ", HTTP_BEGINS_REQUEST},
		{"get\t", HTTP_BEGINS_REQUEST},
		{"G", HTTP_BEGINS_MORE},
		{"GE", HTTP_BEGINS_MORE},
		{"POST ", HTTP_BEGINS_MORE},
		{"POST /", HTTP_BEGINS_REQUEST},
		{"POST / HTTP/1.1\r\n", HTTP_BEGINS_REQUEST},
		{"brew /pot http/1.1\n", HTTP_BEGINS_REQUEST},
		{"AVERYLONGMETHODTHATNOBODYKNOWS / HTTP/1.1\r\n", HTTP_BEGINS_REQUEST},
		{" GET / HTTP/1.1\r\n", HTTP_BEGINS_REQUEST},
		{"PRI * HTTP/2.0\r\n", HTTP_BEGINS_REQUEST},
		{"SSH-2.0-OpenSSH_10\r\n", HTTP_BEGINS_OTHER},
		{"SSH-2.0-", HTTP_BEGINS_MORE},
		{"EHLO me\r\n", HTTP_BEGINS_OTHER},
		{"EHLO me", HTTP_BEGINS_MORE},
		{"*1\r\n$4\r\nPING\r\n", HTTP_BEGINS_OTHER},
		{"OPTIONS rtsp://cam/ RTSP/1.0\r\n", HTTP_BEGINS_REQUEST}, // node serves it
		{"FOO x\x01", HTTP_BEGINS_MORE},
		{"FOO / x\x01", HTTP_BEGINS_REQUEST},
		{"OPTIONS sip:a SIP/2.0\r\n", HTTP_BEGINS_OTHER},
		{"FOO\v/\vHTTP/1.1", HTTP_BEGINS_REQUEST},
		{"HTTP/1.1 200 OK\r\n", HTTP_BEGINS_OTHER},
		{"<?xml", HTTP_BEGINS_OTHER},
		{"{\"a\"", HTTP_BEGINS_OTHER},
		{"\x01", HTTP_BEGINS_OTHER},
		{"\xff\xfb", HTTP_BEGINS_OTHER},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum http_begins begins =
			http_begins((const unsigned char *)rows[i].text, strlen(rows[i].text));
		if (begins != rows[i].begins) {
			print_error("%s: %d\n", rows[i].text, begins);
		}
		assert_int_equal(begins, rows[i].begins);
	}
}

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a.example\r\n"

static void http_requests(void **unused) {
	static const struct {
		const char *text;
		enum http_result result;
		enum http_body body;
		const char *target;
	} rows[] = {
		{GET HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE, ""},
		{"GET / HTTP/1.0\r\n" HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE, ""},
		{"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE, ""},
		{"PUT /x HTTP/1.1\r\n" HOST "Content-Length: 7\r\n\r\n", HTTP_DONE,
			HTTP_BODY_LENGTH, ""},
		{"PUT /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", HTTP_DONE, HTTP_BODY_NONE,
			""},
		{"PUT /x HTTP/1.1\r\n" HOST "transfer-encoding:Chunked\r\n\r\n", HTTP_DONE,
			HTTP_BODY_CHUNKED, ""},
		{"GET http://a.example/x?y HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE,
			"a.example"},
		{"GET HTTP://b.example:80 HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE,
			"b.example:80"},
		{"GET http://a.example@b.example/ HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE,
			HTTP_BODY_NONE, "a.example@b.example"},
		{"GET http://b.example?@a.example/ HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE,
			HTTP_BODY_NONE, "b.example"},
		{"CONNECT b.example:443 HTTP/1.1\r\n" HOST "\r\n", HTTP_DONE, HTTP_BODY_NONE,
			"b.example:443"},
		// What is read in more than one way.
		{GET "\r\n", HTTP_BAD, 0, NULL},
		{GET HOST HOST "\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "host:a.example\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET "Host: \r\n\r\n", HTTP_BAD, 0, NULL},
		{GET "Host : a.example\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET " Host: b.example\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "X: y\r\n b.example\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "X: y\n\r\n", HTTP_BAD, 0, NULL},
		{"GET / HTTP/1.1\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "X: y\r\n\n", HTTP_BAD, 0, NULL},
		{GET HOST "X: a\rHost: b.example\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "X\x01: a\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "no colon\r\n\r\n", HTTP_BAD, 0, NULL},
		{"GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET / HTTP/1.1 \r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET\t/ HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET / x HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET /\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET / HTTP/2.0\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET / HTTP/1.10\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"get / http/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET https://a.example/ HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET a.example HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"GET http:///x HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{"CONNECT http://b/ HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length: 1, 1\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length: +1\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length: 99999999999999999999\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length:\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_BAD, 0,
			NULL},
		{GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			HTTP_BAD, 0, NULL},
		{GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP_BAD, 0, NULL},
		{GET HOST "Transfer-Encoding: \x0b"
			  "chunked\r\n\r\n",
			HTTP_BAD, 0, NULL},
		{GET HOST "Transfer_Encoding: chunked\r\n\r\n", HTTP_BAD, 0, NULL},
		{"GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", HTTP_BAD, 0, NULL},
		{"\r\n" GET HOST "\r\n", HTTP_BAD, 0, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request request;
		size_t scanned = 0, len = strlen(rows[i].text);
		enum http_result result = http_request_read(
			(const unsigned char *)rows[i].text, len, &scanned, &request);
		if (result != rows[i].result) {
			print_error("%s: %d\n", rows[i].text, result);
		}
		assert_int_equal(result, rows[i].result);
		if (result == HTTP_DONE) {
			assert_int_equal(request.len, len);
			assert_int_equal(request.body, rows[i].body);
			assert_string_equal(request.untrusted_target, rows[i].target);
			assert_string_equal(request.untrusted_host, "a.example");
		}
		// The same however it comes.
		struct http_request again;
		scanned = 0;
		for (size_t cut = 0; cut < len; cut++) {
			enum http_result early = http_request_read(
				(const unsigned char *)rows[i].text, cut, &scanned, &again);
			assert_true(early == HTTP_MORE || result == HTTP_BAD);
			if (early != HTTP_MORE) {
				break;
			}
		}
	}
}

static void http_heads_are_bounded(void **unused) {
	static unsigned char bytes[HTTP_HEAD_MAX + 1024];
	struct http_request request;
	size_t scanned = 0;
	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, GET HOST "X: ", sizeof(GET HOST "X: ") - 1);
	assert_int_equal(
		http_request_read(bytes, HTTP_HEAD_MAX - 1, &scanned, &request), HTTP_MORE);
	assert_int_equal(http_request_read(bytes, HTTP_HEAD_MAX, &scanned, &request), HTTP_BAD);
	scanned = 0;
	for (size_t at = sizeof(GET HOST) - 1; at + 4 < HTTP_HEAD_MAX; at += 5) {
		memcpy(bytes + at, "a: \r\n", 5);
	}
	memcpy(bytes + 30000, "\r\n\r\n", 4);
	assert_int_equal(http_request_read(bytes, 40000, &scanned, &request), HTTP_BAD);
	assert_int_equal(http_begins(bytes + 7, HTTP_HEAD_MAX), HTTP_BEGINS_OTHER);
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(http_begins(bytes, HTTP_HEAD_MAX), HTTP_BEGINS_REQUEST);
	assert_int_equal(http_begins(TEXT("0032git-upload-pack /p\0")), HTTP_BEGINS_OTHER);
}

static void http_bodies(void **unused) {
	static const struct {
		const char *text;
		enum http_result result;
		size_t taken;
	} rows[] = {
		{"0\r\n\r\nGET", HTTP_DONE, 5},
		{"3\r\nabc\r\n0\r\n\r\n", HTTP_DONE, 13},
		{"A;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\n", HTTP_DONE, 33},
		{"3\r\nabcd\r\n", HTTP_BAD, 6},
		{"3\nabc\r\n", HTTP_BAD, 1},
		{"3 \r\nabc\r\n", HTTP_BAD, 1},
		{"+3\r\nabc\r\n", HTTP_BAD, 0},
		{"0x3\r\nabc\r\n", HTTP_BAD, 1},
		{"\r\n", HTTP_BAD, 0},
		{";x\r\n", HTTP_BAD, 0},
		{"ffffffffffffffff\r\n", HTTP_BAD, 15},
		{"0\r\nT: v\r\n folded\r\n\r\n", HTTP_BAD, 9},
		{"0\r\nT: v\n\r\n", HTTP_BAD, 7},
		{"3\r\nab", HTTP_MORE, 5},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);
		for (size_t cut = 0; cut <= len; cut++) { // in two parts, at every place
			struct http_chunks chunks = {0};
			size_t first = 0, second = 0;
			enum http_result result = http_chunks_read(
				&chunks, (const unsigned char *)rows[i].text, cut, &first);
			if (result == HTTP_MORE) {
				assert_int_equal(first, cut);
				result = http_chunks_read(&chunks,
					(const unsigned char *)rows[i].text + cut, len - cut,
					&second);
			}
			if (result != rows[i].result || first + second != rows[i].taken) {
				print_error("%s cut at %zu: %d, %zu\n", rows[i].text, cut, result,
					first + second);
			}
			assert_int_equal(result, rows[i].result);
			assert_int_equal(first + second, rows[i].taken);
		}
	}
}

static void http_statuses(void **unused) {
	static const struct {
		const char *text;
		enum http_result result;
		unsigned int status;
	} rows[] = {
		{"HTTP/1.1 101 Switching Protocols\r\n", HTTP_DONE, 101},
		{"HTTP/1.1 200\r\n", HTTP_DONE, 200},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 x", HTTP_DONE, 404},
		{"HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 101 x", HTTP_DONE, 101},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1", HTTP_MORE, 0},
		{"HTTP/1.1 10", HTTP_MORE, 0},
		{"HTTP/2 101 what\r\n\r\n", HTTP_BAD, 0},
		{"HTTP/1.1 1x1 what", HTTP_BAD, 0},
		{"hello", HTTP_BAD, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int status = 0;
		assert_int_equal(http_status_read((const unsigned char *)rows[i].text,
					 strlen(rows[i].text), &status),
			rows[i].result);
		assert_int_equal(status, rows[i].status);
	}
}

static void http_authorities(void **unused) {
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool good;
	} rows[] = {
		{"a.example", "a.example", 0, true},
		{"a.example:80", "a.example", 80, true},
		{"[::1]:80", "[::1]", 80, true},
		{"a.example:", "", 0, false},
		{"a.example:0", "", 0, false},
		{"a.example:65536", "", 0, false},
		{"a.example:080x", "", 0, false},
		{"a.example:80:81", "", 0, false},
		{"[::1", "", 0, false},
		{":80", "", 0, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char host[300];
		uint16_t port;
		assert_int_equal(http_authority_split(rows[i].text, host, &port), rows[i].good);
		if (rows[i].good) {
			assert_string_equal(host, rows[i].host);
			assert_int_equal(port, rows[i].port);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_table),
		cmocka_unit_test(dns_cut),
		cmocka_unit_test(dns_longest_name),
		cmocka_unit_test(dns_answers),
		cmocka_unit_test(hello_is_read),
		cmocka_unit_test(hello_wishes),
		cmocka_unit_test(hello_one_byte_wrong),
		cmocka_unit_test(server_hellos),
		cmocka_unit_test(http_begins_table),
		cmocka_unit_test(http_requests),
		cmocka_unit_test(http_heads_are_bounded),
		cmocka_unit_test(http_bodies),
		cmocka_unit_test(http_statuses),
		cmocka_unit_test(http_authorities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
