// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl module reload": the order in which all lets go of the module and comes back.

#include "program.h"
#include "reload.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMCTL	"/usr/bin/systemctl"
#define MODPROBE	"/usr/sbin/modprobe"
#define RMMOD		"/usr/sbin/rmmod"
#define MODINFO		"/usr/sbin/modinfo"

/* Who asks the module stops before who answers; they come back the other way round. */
static const char *const units[] = { "azattest-restd.service", "azattest-hostd.service",
				     "azattestd.service" };

struct reload {
	const char *root;
	bool was_active[COUNT(units)];
	char said[300];		/* the last line of what failed */
};

/* 0, or what the program ends with; its last line is kept. */
static int run(struct reload *reload, const char *program, const char *one, const char *two)
{
	char path[PATH_MAX];
	char *argv[] = { path, (char *)one, (char *)two, NULL };

	snprintf(path, sizeof(path), "%s%s", reload->root, program);
	return program_run(argv, reload->said, sizeof(reload->said));
}

/* What is not running stays so. */
static int stop_units(struct reload *reload)
{
	for (size_t i = 0; i < COUNT(units); i++) {
		reload->was_active[i] = !run(reload, SYSTEMCTL, "is-active", units[i]);
		if (reload->was_active[i] && run(reload, SYSTEMCTL, "stop", units[i])) {
			say("module reload: %s does not stop: %s", units[i], reload->said);
			return EXIT_REFUSED;
		}
	}
	return 0;
}

static int start_units(struct reload *reload)
{
	int exit = 0;

	for (size_t i = COUNT(units); i-- > 0;) {
		if (reload->was_active[i] && run(reload, SYSTEMCTL, "start", units[i])) {
			say("module reload: %s does not start: journalctl -u %s -n 20", units[i], units[i]);
			exit = EXIT_REFUSED;
		}
	}
	return exit;
}

/* Not modprobe -r: it would take vhost_vsock along, which running VMMs have open, and fail of that. */
static int exchange(struct reload *reload)
{
	if (run(reload, RMMOD, "azattest", NULL)) {
		say("module reload: it does not unload: %s", reload->said);
		return EXIT_REFUSED;
	}
	if (run(reload, MODPROBE, "azattest", NULL)) {
		say("module reload: it is unloaded and does not load: %s: azattestctl doctor", reload->said);
		return EXIT_REFUSED;
	}
	return 0;
}

/* Whatever happens in between: what ran before is started. */
static int stop_exchange_start(struct reload *reload)
{
	int exit = stop_units(reload), started;

	if (!exit)
		exit = exchange(reload);
	started = start_units(reload);
	return exit ? exit : started;
}

/* Who holds a device and is no unit of ours cannot be asked to let go. */
static int check_pins(const struct pins *pins)
{
	int exit = 0;

	for (size_t i = 0; i < pins->count && i < PINS_MAX; i++) {
		if (*pins->pin[i].unit)
			continue;
		say("module reload: process %d (%s) holds the module: its VM would lose its identity: end "
		    "it, or move the VM to another host", pins->pin[i].pid, pins->pin[i].name);
		exit = EXIT_REFUSED;
	}
	if (!exit && pins->count > PINS_MAX) {
		say("module reload: %zu processes hold the module: too many to look at", pins->count);
		exit = EXIT_REFUSED;
	}
	return exit;
}

/* Unloading is only the half of it: there must be something to load. */
static int check_module(struct reload *reload, char *version, size_t size)
{
	struct stat st;

	if (host_stat(reload->root, "/sys/module/azattest", &st)) {
		say("module reload: it is not loaded: modprobe azattest");
		return EXIT_NO_DAEMON;
	}
	if (run(reload, MODINFO, "--field=version", "azattest")) {
		say("module reload: there is none for this kernel: %s: dkms autoinstall", reload->said);
		return EXIT_REFUSED;
	}
	snprintf(version, size, "%s", reload->said);
	return 0;
}

/* Ctrl-C must not leave the daemons stopped. */
static void hold_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < COUNT(signals); i++)
		signal(signals[i], SIG_IGN);
}

int reload_run(const char *root, int (*confirm)(const struct pins *pins, const char *version))
{
	struct reload reload = { .root = root };
	char version[sizeof(reload.said)];
	struct pins pins;
	int exit;

	exit = check_module(&reload, version, sizeof(version));
	if (exit)
		return exit;
	pins_find(root, &pins);
	exit = check_pins(&pins);
	if (exit)
		return exit;
	exit = confirm(&pins, version);
	if (exit != RELOAD_GO)
		return exit;
	hold_signals();
	exit = stop_exchange_start(&reload);
	if (!exit)
		printf("version %s is loaded; VMs are bound anew: azattestctl vm list\n", version);
	return exit;
}

static void list_pins(const struct pins *pins, FILE *to)
{
	for (size_t i = 0; i < pins->count; i++)
		fprintf(to, "  process %d (%s), %s\n", pins->pin[i].pid, pins->pin[i].name,
			pins->pin[i].unit);
}

static int told(const struct pins *pins, const char *version)
{
	(void)version;
	list_pins(pins, stdout);
	return RELOAD_GO;
}

static int shown(const struct pins *pins, const char *version)
{
	printf("would load version %s", version);
	if (pins->count)
		printf("; these hold the module, and would be stopped and started again:");
	putchar('\n');
	list_pins(pins, stdout);
	return EXIT_SUCCESS;
}

/* Only the whole word counts; who has no terminal says --yes. */
static int asked(const struct pins *pins, const char *version)
{
	char line[16] = "";

	(void)version;
	if (!isatty(STDIN_FILENO)) {
		say("module reload: asks before it stops the daemons, and there is no terminal: give --yes");
		return EXIT_USAGE;
	}
	fputs("These hold the module; their units are stopped and started again:\n", stderr);
	list_pins(pins, stderr);
	fputs("Guests' connections are reset and VMs are bound anew, with new generations.\n"
	      "Type yes to go on: ", stderr);
	if (fgets(line, sizeof(line), stdin) && !strcmp(line, "yes\n"))
		return RELOAD_GO;
	say("module reload: not confirmed: nothing was changed");
	return EXIT_USAGE;
}

static bool read_options(int argc, char **argv, bool *yes)
{
	static const struct option table[] = { { "yes", no_argument, NULL, 'y' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'y')
			return false;
		*yes = true;
	}
	return arguments_none_left(argc, argv);
}

int module_reload_command(const struct ctl *ctl, int argc, char **argv)
{
	bool yes = false;
	int exit;

	if (!read_options(argc, argv, &yes))
		return EXIT_USAGE;
	if (geteuid()) {
		say("module reload: stops daemons and loads modules, for which one must be root");
		return EXIT_REFUSED;
	}
	exit = reload_run("", ctl->dry_run ? shown : yes ? told : asked);
	return exit ? exit : output_end(argv[0]);
}
