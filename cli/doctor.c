#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.h"
#include "sandbox/sandbox.h"
#include "session/runtime.h"

static const char help[] = "Usage: parclose doctor [--json]\n"
			   "\n"
			   "Tries every layer for real and says what this machine can enforce, and "
			   "what to do where it cannot.\n"
			   "Exits 0 when a session with the built-in policy can run, else 1.\n";

// Lowest Landlock ABI whose rights the built-in policies rest on: both scopes came with it
// (Linux 6.12).
#define LANDLOCK_WANTED 6

struct doctor {
	cJSON *checks; // array
	bool able;
};

/*
 * One finding. `needed`: without it no session starts; otherwise it only limits what a policy may
 * ask for.
 */
static void check(struct doctor *doctor, const char *name, bool ok, bool needed, const char *found,
	const char *remedy) {
	cJSON *item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "name", name);
	cJSON_AddBoolToObject(item, "ok", ok);
	cJSON_AddBoolToObject(item, "needed", needed);
	cJSON_AddStringToObject(item, "found", found);
	if (!ok) {
		cJSON_AddStringToObject(item, "remedy", remedy);
	}
	cJSON_AddItemToArray(doctor->checks, item);
	doctor->able = doctor->able && (ok || !needed);
}

static void visit_nothing(void *data, const char *name, bool alive) {
}

static void examine(struct doctor *doctor) {
	struct utsname kernel;
	uname(&kernel);
	check(doctor, "kernel", true, true, kernel.release, "");

	struct sandbox_probe probe;
	sandbox_probe(&probe);
	check(doctor, "user namespaces", probe.userns, true,
		probe.userns ? "they work" : probe.userns_why,
		"on Ubuntu install the AppArmor profile contrib/apparmor/parclose; elsewhere: "
		"sysctl "
		"user.max_user_namespaces above 0 and kernel.unprivileged_userns_clone=1");
	check(doctor, "fresh /proc", probe.proc, true,
		probe.proc ? "it can be mounted" : "it cannot be mounted in a user namespace",
		"a container hides parts of /proc: start it with an unmasked /proc, or run outside "
		"of it");
	char text[96];
	snprintf(text, sizeof(text), "ABI %u, errata 0x%x", probe.landlock, probe.landlock_errata);
	check(doctor, "Landlock", probe.landlock >= LANDLOCK_WANTED, true,
		probe.landlock == 0 ? "not there" : text,
		"boot a kernel of 6.12 or later with CONFIG_SECURITY_LANDLOCK=y and landlock in "
		"lsm=");
	check(doctor, "seccomp", probe.seccomp, true,
		probe.seccomp ? "filters work" : "filters do not work",
		"boot a kernel with CONFIG_SECCOMP_FILTER=y");
	check(doctor, "cgroup", probe.cgroup_memory, false, probe.cgroup,
		"limits.memory needs a memory controller that you may write to: start Parclose in "
		"a delegated "
		"cgroup (systemd-run --user --scope -p Delegate=yes parclose …), or as root");
	check(doctor, "pause", probe.freezer, false,
		probe.freezer ? "by a cgroup v2 that freezes"
			      : "by signals, which a program can undo for itself",
		"to pause programs that mean harm, start Parclose where a cgroup of v2 is yours "
		"(a "
		"systemd user session), or as root");
	check(doctor, "network", probe.network, false,
		probe.network ? probe.ipv6 ? "routes and sockets inside, IPv4 and IPv6"
					   : "routes and sockets inside, IPv4 only"
			      : "no routes can be made in a network namespace",
		"policies with network rules need a kernel with CONFIG_NET_NS and policy routing");
	check(doctor, "network, all ports", probe.every_port, false,
		probe.every_port ? "nf_tables with tproxy"
				 : "no nf_tables with tproxy in a network namespace",
		"policies that allow more than 64 ports, or all, need CONFIG_NFT_TPROXY: modprobe "
		"nft_tproxy; or name the ports in the policy");
	if (geteuid() == 0) {
		check(doctor, "idmapped mounts", probe.idmap, false,
			probe.idmap ? "they work" : "they do not work here",
			"as root, granting paths needs a file system with idmapped mounts (ext4, "
			"xfs, btrfs, "
			"tmpfs on Linux 6.3); run as an ordinary user instead");
	}

	struct runtime_why why = {""};
	bool runtime = runtime_each(visit_nothing, NULL, &why) == 0;
	check(doctor, "runtime directory", runtime, true, runtime ? "private and yours" : why.text,
		"set XDG_RUNTIME_DIR to a directory of yours with mode 0700");
	char path[4096];
	bool compositor = find_helper("parclose-compositor", path, sizeof(path));
	check(doctor, "compositor", compositor, true, compositor ? path : "not found",
		"install Parclose whole");
	bool broker = have_helper("parclose-network", path, sizeof(path));
	check(doctor, "network broker", broker, false, broker ? path : "not found",
		"install Parclose whole");
}

int verb_doctor(int argc, char *argv[]) {
	bool json;
	int code;
	if (!json_option(argc, argv, help, &json, &code)) {
		return code;
	}
	if (optind < argc) {
		return wrong_usage("doctor", "'%s' is one word too many", argv[optind]);
	}
	struct doctor doctor = {.checks = cJSON_CreateArray(), .able = true};
	examine(&doctor);
	if (json) {
		cJSON *out = cJSON_CreateObject();
		cJSON_AddBoolToObject(out, "able", doctor.able);
		cJSON_AddItemToObject(out, "checks", doctor.checks);
		return print_json(out) != 0 || !doctor.able;
	}
	const cJSON *item;
	cJSON_ArrayForEach (item, doctor.checks) {
		bool ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "ok"));
		bool needed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "needed"));
		printf("%-8s %-18s %s\n",
			ok       ? "ok"
			: needed ? "MISSING"
				 : "limited",
			cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring,
			cJSON_GetObjectItemCaseSensitive(item, "found")->valuestring);
		const char *remedy =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "remedy"));
		if (remedy != NULL) {
			printf("%-8s %-18s remedy: %s\n", "", "", remedy);
		}
	}
	cJSON_Delete(doctor.checks);
	puts(doctor.able ? "Sessions can run here." : "Sessions cannot run here yet.");
	return doctor.able ? 0 : 1;
}
