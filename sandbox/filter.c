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

int filter_load(bool nested_userns, bool pin_cpus) {
	static const struct filter filters[2][2] = {
		{FILTER(filter_plain), FILTER(filter_pinned)},
		{FILTER(filter_nested), FILTER(filter_nested_pinned)},
	};
	return load(&filters[nested_userns][pin_cpus]);
}

int filter_load_server(void) {
	static const struct filter filter = FILTER(filter_server);
	return load(&filter);
}
