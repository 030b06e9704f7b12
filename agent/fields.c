#include "agent/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool field_refuse(struct reading *reading, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(reading->err->message, sizeof(reading->err->message), format, args);
	va_end(args);
	return false;
}

struct action *actions_add(struct vocabulary_actions *actions, enum act_kind kind) {
	// No table comes to more; test_tables in tests/unit/vocabulary-test.c holds them to it.
	if (actions->len == VOCABULARY_MAX_ACTIONS) {
		abort();
	}
	struct action *action = &actions->items[actions->len++];
	*action = (struct action){.kind = kind};
	return action;
}

static bool read_number(
	struct reading *reading, const cJSON *value, double least, double most, double *number) {
	if (!cJSON_IsNumber(value)) {
		return field_refuse(reading, "not a number");
	}
	if (value->valuedouble < least || value->valuedouble > most) {
		return field_refuse(reading, "%g is out of range; use %.10g to %.10g",
			value->valuedouble, least, most);
	}
	*number = value->valuedouble;
	return true;
}

// Within what fits; floor() would be all that parclose needs of libm.
static bool is_whole(double number) {
	return number == (double)(int64_t)number;
}

static bool read_int(
	struct reading *reading, const cJSON *value, double least, double most, int32_t *number) {
	double d = 0;
	if (!read_number(reading, value, least, most, &d)) {
		return false;
	}
	if (!is_whole(d)) {
		return field_refuse(reading, "%g is not a whole number", d);
	}
	*number = (int32_t)d;
	return true;
}

static bool read_bool(struct reading *reading, const cJSON *value, bool *is) {
	if (!cJSON_IsBool(value)) {
		return field_refuse(reading, "not true or false");
	}
	*is = cJSON_IsTrue(value);
	return true;
}

static bool read_string(struct reading *reading, const cJSON *value, const char **text) {
	if (!cJSON_IsString(value)) {
		return field_refuse(reading, "not text");
	}
	*text = value->valuestring;
	return true;
}

// ---- points

// Whether a point is on the display is the session's to say; here it is kept to what fits.
#define COORDINATE_LIMIT 100000

static bool read_coordinate(
	struct reading *reading, const cJSON *value, uint32_t size, int32_t *coordinate) {
	uint32_t grid = reading->vocabulary->grid;
	if (grid == 0) {
		return read_int(reading, value, -COORDINATE_LIMIT, COORDINATE_LIMIT, coordinate);
	}
	double d = 0;
	if (!read_number(reading, value, 0, grid, &d)) {
		return false;
	}
	// The far edge itself is outside: it stands for the last pixel.
	int32_t pixel = (int32_t)(d / grid * size);
	*coordinate = pixel < (int32_t)size ? pixel : (int32_t)size - 1;
	return true;
}

bool field_x(struct reading *reading, const cJSON *value) {
	reading->has_x = true;
	return read_coordinate(reading, value, reading->width, &reading->action.point.x);
}

bool field_y(struct reading *reading, const cJSON *value) {
	reading->has_y = true;
	return read_coordinate(reading, value, reading->height, &reading->action.point.y);
}

bool field_other_x(struct reading *reading, const cJSON *value) {
	reading->has_other_x = true;
	return read_coordinate(reading, value, reading->width, &reading->other.x);
}

bool field_other_y(struct reading *reading, const cJSON *value) {
	reading->has_other_y = true;
	return read_coordinate(reading, value, reading->height, &reading->other.y);
}

static bool read_pair(struct reading *reading, const cJSON *value, struct act_point *point) {
	const cJSON *x = cJSON_IsArray(value) ? value->child : NULL;
	if (x == NULL || x->next == NULL || x->next->next != NULL) {
		return field_refuse(reading, "not a point; use [x, y] in pixels");
	}
	return read_coordinate(reading, x, reading->width, &point->x) &&
	       read_coordinate(reading, x->next, reading->height, &point->y);
}

bool field_point(struct reading *reading, const cJSON *value) {
	reading->has_x = reading->has_y = true;
	return read_pair(reading, value, &reading->action.point);
}

bool field_other(struct reading *reading, const cJSON *value) {
	reading->has_other_x = reading->has_other_y = true;
	return read_pair(reading, value, &reading->other);
}

static bool read_path_point(struct reading *reading, const cJSON *value, struct act_point *point) {
	if (!cJSON_IsObject(value)) {
		return read_pair(reading, value, point);
	}
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(value, "x");
	const cJSON *y = cJSON_GetObjectItemCaseSensitive(value, "y");
	if (x == NULL || y == NULL || cJSON_GetArraySize(value) != 2) {
		return field_refuse(reading, "not a point; use {\"x\", \"y\"} in pixels");
	}
	return read_coordinate(reading, x, reading->width, &point->x) &&
	       read_coordinate(reading, y, reading->height, &point->y);
}

bool field_path(struct reading *reading, const cJSON *value) {
	struct action *action = &reading->action;
	size_t least = action->kind == ACT_TOUCH ? 1 : 2;
	size_t len = cJSON_IsArray(value) ? (size_t)cJSON_GetArraySize(value) : 0;
	if (len < least || len > ACT_MAX_PATH) {
		return field_refuse(reading, "not a path; use an array of %zu to %d points", least,
			ACT_MAX_PATH);
	}
	action->path = calloc(len, sizeof(*action->path));
	if (action->path == NULL) {
		return field_refuse(reading, "out of memory");
	}
	const cJSON *point;
	cJSON_ArrayForEach (point, value) {
		if (!read_path_point(reading, point, &action->path[action->path_len])) {
			return false;
		}
		action->path_len++;
	}
	return true;
}

static bool read_region(struct reading *reading, const double numbers[4]) {
	for (size_t i = 0; i < 4; i++) {
		if (numbers[i] < (i < 2 ? 0 : 1) || numbers[i] > COORDINATE_LIMIT ||
			!is_whole(numbers[i])) {
			return field_refuse(reading,
				"not a region: x and y are whole pixels from 0, width and height "
				"from 1");
		}
	}
	struct channel_box box = {
		(int32_t)numbers[0], (int32_t)numbers[1], (int32_t)numbers[2], (int32_t)numbers[3]};
	if (reading->action.kind == ACT_WAIT_STABLE) {
		reading->action.settle.region = box;
	} else {
		reading->action.picture.region = box;
	}
	return true;
}

bool field_region(struct reading *reading, const cJSON *value) {
	static const char *const names[] = {"x", "y", "width", "height"};
	double numbers[4];
	for (size_t i = 0; i < 4; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(value, names[i]);
		if (!cJSON_IsObject(value) || !cJSON_IsNumber(item) ||
			cJSON_GetArraySize(value) != 4) {
			return field_refuse(reading, "not a region; use {\"x\", \"y\", \"width\", "
						     "\"height\"} in pixels");
		}
		numbers[i] = item->valuedouble;
	}
	return read_region(reading, numbers);
}

bool field_corners(struct reading *reading, const cJSON *value) {
	double corners[4];
	const cJSON *item = cJSON_IsArray(value) ? value->child : NULL;
	for (size_t i = 0; i < 4; i++, item = item->next) {
		if (!cJSON_IsNumber(item) || (i == 3 && item->next != NULL)) {
			return field_refuse(
				reading, "not a region; use [x0, y0, x1, y1] in pixels");
		}
		corners[i] = item->valuedouble;
	}
	if (corners[2] <= corners[0] || corners[3] <= corners[1]) {
		return field_refuse(reading,
			"the second corner [%g, %g] is not right of and below "
			"the first [%g, %g]",
			corners[2], corners[3], corners[0], corners[1]);
	}
	corners[2] -= corners[0];
	corners[3] -= corners[1];
	return read_region(reading, corners);
}

// ---- buttons and keys

bool field_button(struct reading *reading, const cJSON *value) {
	static const struct {
		const char *name;
		enum act_button button;
	} buttons[] = {{"left", ACT_LEFT}, {"right", ACT_RIGHT}, {"middle", ACT_MIDDLE},
		{"wheel", ACT_MIDDLE}, {"back", ACT_BACK}, {"forward", ACT_FORWARD}};
	for (size_t i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++) {
		if (cJSON_IsString(value) && strcmp(value->valuestring, buttons[i].name) == 0) {
			reading->action.button = buttons[i].button;
			return true;
		}
	}
	return field_refuse(reading, "not a button; use left, right, middle, back or forward");
}

bool field_count(struct reading *reading, const cJSON *value) {
	int32_t count = 0;
	if (!read_int(reading, value, 1, ACT_MAX_CLICKS, &count)) {
		return false;
	}
	reading->action.count = (uint32_t)count;
	return true;
}

static bool read_chords(struct reading *reading, const cJSON *value, size_t most) {
	char why[200];
	enum key_case key_case = reading->vocabulary->key_case;
	if (cJSON_IsString(value)) {
		reading->chords_len = keys_chords(
			value->valuestring, key_case, reading->chords, most, why, sizeof(why));
		return reading->chords_len > 0 || field_refuse(reading, "%s", why);
	}
	if (!cJSON_IsArray(value) || value->child == NULL) {
		return field_refuse(
			reading, "not keys; use a chord such as \"ctrl+s\" or an array of names");
	}
	struct key_chord *chord = &reading->chords[0];
	chord->len = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, value) {
		struct key_chord part;
		if (!cJSON_IsString(item)) {
			return field_refuse(reading, "an array of keys holds their names");
		}
		if (keys_chords(item->valuestring, KEYS_AS_WRITTEN, &part, 1, why, sizeof(why)) ==
			0) {
			return field_refuse(reading, "%s", why);
		}
		for (size_t i = 0; i < part.len; i++) {
			if (!keys_add(chord, part.names[i], strlen(part.names[i]), why,
				    sizeof(why))) {
				return field_refuse(reading, "%s", why);
			}
		}
	}
	keys_fold(chord, key_case);
	reading->chords_len = 1;
	return true;
}

static void set_keys(struct action *action, const struct key_chord *chord) {
	memcpy(action->keys, chord->names, sizeof(action->keys));
	action->keys_len = chord->len;
}

bool field_keys(struct reading *reading, const cJSON *value) {
	// An empty list of held keys is how some say that none is.
	bool none = (cJSON_IsArray(value) && value->child == NULL) ||
		    (cJSON_IsString(value) && value->valuestring[0] == '\0');
	bool held = reading->action.kind != ACT_KEY && reading->action.kind != ACT_HOLD &&
		    reading->action.kind != ACT_KEY_DOWN && reading->action.kind != ACT_KEY_UP;
	if (none && held) {
		return true;
	}
	if (!read_chords(reading, value, 1)) {
		return false;
	}
	set_keys(&reading->action, &reading->chords[0]);
	return true;
}

bool field_chords(struct reading *reading, const cJSON *value) {
	return read_chords(reading, value, VOCABULARY_MAX_ACTIONS);
}

bool expand_chords(struct reading *reading, struct vocabulary_actions *actions) {
	for (size_t i = 0; i < reading->chords_len; i++) {
		set_keys(actions_add(actions, ACT_KEY), &reading->chords[i]);
	}
	return true;
}

bool expand_drag(struct reading *reading, struct vocabulary_actions *actions, struct act_point from,
	struct act_point to) {
	struct act_point *path = calloc(2, sizeof(*path));
	if (path == NULL) {
		return field_refuse(reading, "out of memory");
	}
	path[0] = from;
	path[1] = to;
	struct action *drag = actions_add(actions, ACT_DRAG);
	*drag = reading->action; // keys, button
	drag->has_point = false;
	drag->path = path;
	drag->path_len = 2;
	return true;
}

// ---- text

bool field_text(struct reading *reading, const cJSON *value) {
	const char *text = NULL;
	if (!read_string(reading, value, &text)) {
		return false;
	}
	if (strlen(text) > CHANNEL_MAX_TEXT) {
		return field_refuse(reading,
			"%zu bytes are too many for one action; use at most %u at a time",
			strlen(text), CHANNEL_MAX_TEXT);
	}
	reading->action.text = strdup(text);
	return reading->action.text != NULL || field_refuse(reading, "out of memory");
}

bool expand_text(struct reading *reading, struct vocabulary_actions *actions) {
	if (reading->action.text[0] == '\0') {
		return field_refuse(reading, "the text is empty");
	}
	*actions_add(actions, ACT_TEXT) = reading->action;
	reading->action.text = NULL;
	return true;
}

bool field_sensitive(struct reading *reading, const cJSON *value) {
	return read_bool(reading, value, &reading->action.sensitive);
}

bool field_clear(struct reading *reading, const cJSON *value) {
	reading->has_clear = true;
	return read_bool(reading, value, &reading->clear);
}

bool field_enter(struct reading *reading, const cJSON *value) {
	return read_bool(reading, value, &reading->enter);
}

// ---- time

bool field_ms(struct reading *reading, const cJSON *value) {
	int32_t ms = 0;
	if (!read_int(reading, value, 0, ACT_MAX_MS, &ms)) {
		return false;
	}
	reading->action.ms = (uint32_t)ms;
	return true;
}

bool field_seconds(struct reading *reading, const cJSON *value) {
	double seconds = 0;
	if (!read_number(reading, value, 0, ACT_MAX_MS / 1000, &seconds)) {
		return false;
	}
	reading->action.ms = (uint32_t)(seconds * 1000 + 0.5);
	return true;
}

bool field_quiet(struct reading *reading, const cJSON *value) {
	int32_t ms = 0;
	if (!read_int(reading, value, 1, 10000, &ms)) { // compositor/channel.h, `settle`
		return false;
	}
	reading->action.settle.quiet_ms = (uint32_t)ms;
	return true;
}

bool field_timeout(struct reading *reading, const cJSON *value) {
	int32_t ms = 0;
	if (!read_int(reading, value, 1, ACT_MAX_MS, &ms)) {
		return false;
	}
	reading->action.settle.timeout_ms = (uint32_t)ms;
	return true;
}

// ---- scrolling

bool field_dx(struct reading *reading, const cJSON *value) {
	return read_number(
		reading, value, -ACT_MAX_SCROLL_PIXELS, ACT_MAX_SCROLL_PIXELS, &reading->action.dx);
}

bool field_dy(struct reading *reading, const cJSON *value) {
	return read_number(
		reading, value, -ACT_MAX_SCROLL_PIXELS, ACT_MAX_SCROLL_PIXELS, &reading->action.dy);
}

bool field_unit(struct reading *reading, const cJSON *value) {
	bool pixels = cJSON_IsString(value) && strcmp(value->valuestring, "pixels") == 0;
	if (!pixels && (!cJSON_IsString(value) || strcmp(value->valuestring, "notches") != 0)) {
		return field_refuse(reading, "not a unit; use notches or pixels");
	}
	reading->action.pixels = pixels;
	return true;
}

bool field_direction(struct reading *reading, const cJSON *value) {
	static const char *const names[] = {"up", "down", "left", "right"};
	for (size_t i = 0; i < 4; i++) {
		if (cJSON_IsString(value) && strcmp(value->valuestring, names[i]) == 0) {
			reading->direction = names[i][0];
			return true;
		}
	}
	return field_refuse(reading, "not a direction; use up, down, left or right");
}

bool field_amount(struct reading *reading, const cJSON *value) {
	return read_number(reading, value, 0, ACT_MAX_SCROLL_NOTCHES, &reading->amount);
}

// ---- pictures

bool field_scale(struct reading *reading, const cJSON *value) {
	return read_number(reading, value, 0.05, 1, &reading->action.picture.scale);
}

bool field_format(struct reading *reading, const cJSON *value) {
	bool jpeg = cJSON_IsString(value) && strcmp(value->valuestring, "jpeg") == 0;
	if (!jpeg && (!cJSON_IsString(value) || strcmp(value->valuestring, "png") != 0)) {
		return field_refuse(reading, "not a format; use png or jpeg");
	}
	reading->action.picture.format = jpeg ? PICTURE_JPEG : PICTURE_PNG;
	return true;
}

bool field_quality(struct reading *reading, const cJSON *value) {
	int32_t quality = 0;
	if (!read_int(reading, value, 1, 100, &quality)) {
		return false;
	}
	reading->action.picture.quality = (uint32_t)quality;
	return true;
}

bool field_cursor(struct reading *reading, const cJSON *value) {
	return read_bool(reading, value, &reading->action.picture.cursor);
}

bool field_ignored(struct reading *reading, const cJSON *value) {
	(void)reading;
	(void)value;
	return true;
}
