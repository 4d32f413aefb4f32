// SPDX-License-Identifier: GPL-2.0
// Owns azattest-domain's options, which domains are meant, and what is printed of each.

#include <userspace/domain/domain.h>

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libvirt/virterror.h>

#include <userspace/common/common.h>

/* virsh's variable; and not what libvirt would choose for a user without rights. */
#define URI_VARIABLE	"LIBVIRT_DEFAULT_URI"
#define URI		"qemu:///system"

struct action {
	const char *what, *how;
	work_fn work;
	bool looks;	/* and changes nothing */
};

static const struct action actions[] = {
	{ "vsock", "show", vsock_show, true },
	{ "vsock", "on", vsock_on, false },
	{ "vsock", "off", vsock_off, false },
	{ "rest", "on", rest_on, false },
	{ "rest", "off", rest_off, false },
};

static bool dry_run, all;
static int number, of;	/* the line, of how many */

static int usage(FILE *to)
{
	fputs("usage: azattest-domain [--dry-run] vsock show|on|off [--all|DOMAIN...]\n"
	      "       azattest-domain [--dry-run] rest on|off [--all|DOMAIN...]\n"
	      "Changes libvirt's domains for azattestctl, with the rights of who runs it; " URI_VARIABLE "\n"
	      "names the libvirt (" URI "). Prints a JSON object a line.\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : 2;
}

/* ---- outcomes ---- */

static void fill(struct outcome *o, const char *format, va_list args)
{
	vsnprintf(o->text, sizeof(o->text), format, args);
	o->text[strcspn(o->text, "\n")] = 0;
}

void outcome_say(struct outcome *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(o, format, args);
	va_end(args);
}

void outcome_fail(struct outcome *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(o, format, args);
	va_end(args);
	o->failed = true;
}

static void print(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

/* Text that somebody else wrote may be no UTF-8. */
static json_t *text_json(const char *text)
{
	return json_string(text) ?: json_string("?");
}

static void print_outcome(const struct domain *d, const struct outcome *o)
{
	print(json_pack("{s:s, s:o, s:b, s:b, s:b, s:I, s:b, s:b, s:i, s:i, s:o}", "uuid", d->uuid,
			"name", text_json(d->name), "running", d->running, "live", o->live,
			"defined", o->defined, "cid", (json_int_t)o->cid, "restart", o->restart,
			"changed", o->changed, "number", ++number, "of", of, o->failed ? "error" : "text", text_json(o->text)));
}

/* ---- one domain ---- */

bool domain_look(struct domain *d, struct outcome *o)
{
	int active = virDomainIsActive(d->handle), persistent = virDomainIsPersistent(d->handle);

	d->name = virDomainGetName(d->handle);
	virDomainGetUUIDString(d->handle, d->uuid);
	d->running = active == 1;
	d->persistent = persistent == 1;
	if (d->running)
		d->live = virDomainGetXMLDesc(d->handle, 0);
	if (d->persistent)
		d->defined = virDomainGetXMLDesc(d->handle, VIR_DOMAIN_XML_INACTIVE);
	if (active >= 0 && persistent >= 0 && !d->live == !d->running && !d->defined == !d->persistent)
		return true;
	outcome_fail(o, "cannot be looked at: %s", virGetLastErrorMessage());
	return false;
}

void domain_forget(struct domain *d)
{
	free(d->live);
	free(d->defined);
}

static int handle_one(virDomainPtr handle, work_fn work)
{
	struct domain d = { .handle = handle, .dry_run = dry_run, .one_of_all = all };
	struct outcome o = { .live = false };

	if (domain_look(&d, &o))
		work(&d, &o);
	print_outcome(&d, &o);
	domain_forget(&d);
	return o.failed ? EXIT_FAILED : 0;
}

/* @where: what libvirt's reason is about, or "". */
static int no_libvirt(const char *where, bool absent)
{
	struct outcome o;

	outcome_say(&o, "%s%s%s", where, *where ? ": " : "", virGetLastErrorMessage());
	print(json_pack("{s:o, s:b}", "error", text_json(o.text), "absent", absent));
	return EXIT_NO_LIBVIRT;
}

/* ---- which domains ---- */

static int handle_all(virConnectPtr connection, work_fn work)
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(connection, &domains, 0), failed = 0;

	of = count;
	for (int i = 0; i < count; i++) {
		int ret = handle_one(domains[i], work);

		failed = ret ? ret : failed;
		virDomainFree(domains[i]);
	}
	free(domains);
	return count < 0 ? no_libvirt("", false) : failed;
}

static int handle_word(virConnectPtr connection, const char *word, work_fn work)
{
	virDomainPtr domain = virDomainLookupByUUIDString(connection, word);
	int ret;

	if (!domain)
		domain = virDomainLookupByName(connection, word);
	if (!domain && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
		print(json_pack("{s:o, s:b}", "word", text_json(word), "unknown", 1));
		return EXIT_FAILED;
	}
	if (!domain)
		return no_libvirt("", false);
	ret = handle_one(domain, work);
	virDomainFree(domain);
	return ret;
}

static int handle(virConnectPtr connection, int count, char **words, work_fn work)
{
	int failed = 0;

	if (!count)
		return handle_all(connection, work);
	of = count;
	for (int i = 0; i < count; i++) {
		int ret = handle_word(connection, words[i], work);

		failed = ret ? ret : failed;
	}
	return failed;
}

/* ---- the connection ---- */

/* libvirt itself prints what it says to us as well. */
static void be_quiet(void *arg, virErrorPtr error)
{
	(void)arg;
	(void)error;
}

/* No libvirtd is there: other than one that refuses. */
static bool is_absent(void)
{
	const virError *error = virGetLastError();

	return error && error->code == VIR_ERR_SYSTEM_ERROR &&
	       (error->int1 == ENOENT || error->int1 == ECONNREFUSED);
}

static int run(int count, char **words, const struct action *action)
{
	const char *uri = getenv(URI_VARIABLE);
	virConnectPtr connection;
	int ret;

	uri = uri && *uri ? uri : URI;
	virSetErrorFunc(NULL, be_quiet);
	connection = action->looks ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
	if (!connection)
		return no_libvirt(uri, is_absent());
	ret = handle(connection, count, words, action->work);
	virConnectClose(connection);
	return ret;
}

static const struct action *find(char **words)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(actions[i].what, words[0]) && !strcmp(actions[i].how, words[1]))
			return &actions[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "all", no_argument, NULL, 'a' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const struct action *action;
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'd': dry_run = true; break;
		case 'a': all = true; break;
		case 'v':
			puts("azattest-domain " AZATTEST_PRODUCT_VERSION);
			return EXIT_SUCCESS;
		default:
			return usage(c == 'h' ? stdout : stderr);
		}
	}
	action = argc - optind >= 2 ? find(argv + optind) : NULL;
	if (!action || all == (argc - optind > 2))
		return usage(stderr);
	return run(argc - optind - 2, argv + optind + 2, action);
}
