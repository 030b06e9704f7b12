#include "sandbox/internal.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "filters.inc"

struct filter {
	const struct sock_filter *code;
	size_t len;
};

#define FILTER(name) {name, sizeof(name) / sizeof((name)[0])}

static int load(const struct filter *filter) {
	const struct sock_fprog program = {
		.len = (unsigned short)filter->len,
		.filter = (struct sock_filter *)filter->code,
	};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}

int filter_load(bool nested_userns, bool pin_cpus, bool listed_executables) {
	static const struct filter filters[] = {FILTER(filter_0), FILTER(filter_1),
		FILTER(filter_2), FILTER(filter_3), FILTER(filter_4), FILTER(filter_5),
		FILTER(filter_6), FILTER(filter_7)};
	return load(&filters[(nested_userns ? 1 : 0) | (pin_cpus ? 2 : 0) |
			     (listed_executables ? 4 : 0)]);
}

int filter_load_server(void) {
	static const struct filter filter = FILTER(filter_server);
	return load(&filter);
}

int filter_load_broker(void) {
	static const struct filter filter = FILTER(filter_broker);
	return load(&filter);
}
