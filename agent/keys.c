#include "agent/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *alias; // lower-case, without underscores and hyphens
	const char *name;
} aliases[] = {
	// modifiers
	{"ctrl", "Control_L"},
	{"control", "Control_L"},
	{"controlormeta", "Control_L"},
	{"ctrll", "Control_L"},
	{"controll", "Control_L"},
	{"ctrlleft", "Control_L"},
	{"controlleft", "Control_L"},
	{"ctrlr", "Control_R"},
	{"controlr", "Control_R"},
	{"ctrlright", "Control_R"},
	{"controlright", "Control_R"},
	{"shift", "Shift_L"},
	{"shiftl", "Shift_L"},
	{"shiftleft", "Shift_L"},
	{"shiftr", "Shift_R"},
	{"shiftright", "Shift_R"},
	{"alt", "Alt_L"},
	{"option", "Alt_L"},
	{"opt", "Alt_L"},
	{"altl", "Alt_L"},
	{"altleft", "Alt_L"},
	{"optionleft", "Alt_L"},
	{"altr", "Alt_R"},
	{"altright", "Alt_R"},
	{"optionright", "Alt_R"},
	{"altgr", "ISO_Level3_Shift"},
	{"altgraph", "ISO_Level3_Shift"},
	{"isolevel3shift", "ISO_Level3_Shift"},
	{"super", "Super_L"},
	{"cmd", "Super_L"},
	{"command", "Super_L"},
	{"win", "Super_L"},
	{"windows", "Super_L"},
	{"meta", "Super_L"},
	{"os", "Super_L"},
	{"superl", "Super_L"},
	{"superleft", "Super_L"},
	{"metaleft", "Super_L"},
	{"winleft", "Super_L"},
	{"cmdleft", "Super_L"},
	{"superr", "Super_R"},
	{"superright", "Super_R"},
	{"metaright", "Super_R"},
	{"winright", "Super_R"},
	{"cmdright", "Super_R"},
	{"metal", "Meta_L"},
	{"metar", "Meta_R"},
	{"hyper", "Hyper_L"},
	// editing and moving
	{"return", "Return"},
	{"enter", "Return"},
	{"tab", "Tab"},
	{"backspace", "BackSpace"},
	{"bksp", "BackSpace"},
	{"delete", "Delete"},
	{"del", "Delete"},
	{"forwarddelete", "Delete"},
	{"insert", "Insert"},
	{"ins", "Insert"},
	{"escape", "Escape"},
	{"esc", "Escape"},
	{"space", "space"},
	{"spacebar", "space"},
	{"left", "Left"},
	{"arrowleft", "Left"},
	{"leftarrow", "Left"},
	{"right", "Right"},
	{"arrowright", "Right"},
	{"rightarrow", "Right"},
	{"up", "Up"},
	{"arrowup", "Up"},
	{"uparrow", "Up"},
	{"down", "Down"},
	{"arrowdown", "Down"},
	{"downarrow", "Down"},
	{"home", "Home"},
	{"end", "End"},
	{"pageup", "Page_Up"},
	{"pgup", "Page_Up"},
	{"prior", "Page_Up"},
	{"pagedown", "Page_Down"},
	{"pgdn", "Page_Down"},
	{"pgdown", "Page_Down"},
	{"next", "Page_Down"},
	// locks and the rest of the top row
	{"capslock", "Caps_Lock"},
	{"caps", "Caps_Lock"},
	{"numlock", "Num_Lock"},
	{"scrolllock", "Scroll_Lock"},
	{"print", "Print"},
	{"printscreen", "Print"},
	{"prtsc", "Print"},
	{"sysrq", "Sys_Req"},
	{"pause", "Pause"},
	{"break", "Break"},
	{"menu", "Menu"},
	{"contextmenu", "Menu"},
	{"apps", "Menu"},
	{"help", "Help"},
	// characters by their names
	{"plus", "plus"},
	{"minus", "minus"},
	{"hyphen", "minus"},
	{"dash", "minus"},
	{"equal", "equal"},
	{"equals", "equal"},
	{"comma", "comma"},
	{"period", "period"},
	{"dot", "period"},
	{"slash", "slash"},
	{"forwardslash", "slash"},
	{"backslash", "backslash"},
	{"semicolon", "semicolon"},
	{"colon", "colon"},
	{"quote", "apostrophe"},
	{"apostrophe", "apostrophe"},
	{"doublequote", "quotedbl"},
	{"backquote", "grave"},
	{"backtick", "grave"},
	{"grave", "grave"},
	{"tilde", "asciitilde"},
	{"underscore", "underscore"},
	{"bracketleft", "bracketleft"},
	{"leftbracket", "bracketleft"},
	{"bracketright", "bracketright"},
	{"rightbracket", "bracketright"},
	// the keypad
	{"multiply", "KP_Multiply"},
	{"numpadmultiply", "KP_Multiply"},
	{"add", "KP_Add"},
	{"numpadadd", "KP_Add"},
	{"separator", "KP_Separator"},
	{"subtract", "KP_Subtract"},
	{"numpadsubtract", "KP_Subtract"},
	{"decimal", "KP_Decimal"},
	{"numpaddecimal", "KP_Decimal"},
	{"divide", "KP_Divide"},
	{"numpaddivide", "KP_Divide"},
	{"kpenter", "KP_Enter"},
	{"numpadenter", "KP_Enter"},
};

// The length of the UTF-8 sequence that `text` begins with, 0 when it is none or does not fit.
static size_t character_len(const char *text, size_t len) {
	unsigned char first = (unsigned char)text[0];
	size_t want = first < 0x80   ? 1
		      : first < 0xc2 ? 0
		      : first < 0xe0 ? 2
		      : first < 0xf0 ? 3
		      : first < 0xf5 ? 4
				     : 0;
	for (size_t i = 1; i < want; i++) {
		if (i >= len || ((unsigned char)text[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return want;
}

static bool is_ascii_letter(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static char to_lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// "f1" to "f35", "kp0" and "numpad0" to 9.
static bool numbered_name(const char *folded, char name[ACT_KEY_BYTES]) {
	static const struct {
		const char *prefix, *name;
		int least, most;
	} rows[] = {{"f", "F", 1, 35}, {"kp", "KP_", 0, 9}, {"numpad", "KP_", 0, 9}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t prefix = strlen(rows[i].prefix);
		const char *digits = folded + prefix;
		if (strncmp(folded, rows[i].prefix, prefix) != 0 || !is_digit(digits[0]) ||
			strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 2 ||
			(digits[0] == '0' && digits[1] != '\0')) {
			continue;
		}
		int number = (int)strtol(digits, NULL, 10);
		if (number >= rows[i].least && number <= rows[i].most) {
			snprintf(name, ACT_KEY_BYTES, "%s%d", rows[i].name, number);
			return true;
		}
	}
	return false;
}

bool keys_name(const char *untrusted_text, size_t len, char name[ACT_KEY_BYTES], char *why,
	size_t why_size) {
	if (len == 0) {
		snprintf(why, why_size, "a key's name is missing");
		return false;
	}
	unsigned char first = (unsigned char)untrusted_text[0];
	if (character_len(untrusted_text, len) == len) {
		if (first == '\n' || first == '\r') {
			memcpy(name, "Return", sizeof("Return"));
		} else if (first == '\t') {
			memcpy(name, "Tab", sizeof("Tab"));
		} else if (first == ' ') {
			memcpy(name, "space", sizeof("space"));
		} else if (first < 0x20 || first == 0x7f ||
			   (first == 0xc2 && (unsigned char)untrusted_text[1] < 0xa0)) {
			snprintf(why, why_size, "a control character is no key; use its name");
			return false;
		} else {
			memcpy(name, untrusted_text, len);
			name[len] = '\0';
		}
		return true;
	}
	if (len >= ACT_KEY_BYTES) {
		snprintf(why, why_size, "a key's name has at most %d bytes", ACT_KEY_BYTES - 1);
		return false;
	}
	char folded[ACT_KEY_BYTES];
	size_t folded_len = 0;
	for (size_t i = 0; i < len; i++) {
		char c = untrusted_text[i];
		if (!(is_ascii_letter(c) || is_digit(c) || c == '_' || c == '-')) {
			snprintf(why, why_size,
				"'%.*s' is no key; use an X keysym name such as Return, one "
				"character, or a chord such as ctrl+s",
				(int)len, untrusted_text);
			return false;
		}
		if (c != '_' && c != '-') {
			folded[folded_len++] = to_lower(c);
		}
	}
	folded[folded_len] = '\0';
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(folded, aliases[i].alias) == 0) {
			snprintf(name, ACT_KEY_BYTES, "%s", aliases[i].name);
			return true;
		}
	}
	if (!numbered_name(folded, name)) {
		memcpy(name, untrusted_text, len);
		name[len] = '\0';
	}
	return true;
}

bool keys_add(struct key_chord *chord, const char *untrusted_text, size_t len, char *why,
	size_t why_size) {
	if (chord->len == ACT_MAX_KEYS) {
		snprintf(why, why_size, "more than %d keys at a time", ACT_MAX_KEYS);
		return false;
	}
	if (!keys_name(untrusted_text, len, chord->names[chord->len], why, why_size)) {
		return false;
	}
	chord->len++;
	return true;
}

void keys_fold(struct key_chord *chord, enum key_case key_case) {
	if (key_case == KEYS_AS_WRITTEN || (key_case == KEYS_FOLD_CHORDS && chord->len < 2)) {
		return;
	}
	for (size_t i = 0; i < chord->len; i++) {
		if (chord->names[i][1] == '\0') {
			chord->names[i][0] = to_lower(chord->names[i][0]);
		}
	}
}

static const char *skip_spaces(const char *text) {
	return text + strspn(text, " ");
}

size_t keys_chords(const char *untrusted_text, enum key_case key_case, struct key_chord *chords,
	size_t most, char *why, size_t why_size) {
	const char *at = skip_spaces(untrusted_text);
	if (*at == '\0') {
		// Spaces alone are the key; nothing at all is none.
		chords[0].len = 0;
		return keys_add(&chords[0], untrusted_text, *untrusted_text != '\0', why, why_size);
	}
	size_t len = 0;
	while (*at != '\0') {
		if (len == most) {
			snprintf(why, why_size, "more than %zu chords in a row", most);
			return 0;
		}
		struct key_chord *chord = &chords[len++];
		chord->len = 0;
		for (;;) {
			// Where a name is due, a plus is the key of that name.
			size_t name_len = *at == '+' ? 1 : strcspn(at, "+ ");
			if (!keys_add(chord, at, name_len, why, why_size)) {
				return 0;
			}
			at += name_len;
			if (*at != '\0' && *at != '+' && *at != ' ') {
				snprintf(
					why, why_size, "'+' stands between two keys, as in ctrl+s");
				return 0;
			}
			const char *next = skip_spaces(at);
			if (*next != '+') {
				at = next;
				break;
			}
			at = skip_spaces(next + 1);
		}
		keys_fold(chord, key_case);
	}
	return len;
}
