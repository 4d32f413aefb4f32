// SPDX-License-Identifier: GPL-2.0
// Owns azattest-keeper: when one is started, what it has said, and when it replaces another.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A TPM that is not there yet, or is busy; and a keeper that died. */
#define RETRY_MS	30000
#define START_MS	120000
#define KEK_FILE	"kek"

bool keeper_needed(struct azattestd *d)
{
	uint8_t id[SEAL_ID_LEN];

	if (d->retire.since)
		return false;
	return d->config.key_level != SEAL_FILE || d->leaf.sealed || keeper_next_id(d, NULL, id);
}

/* wrapping keys on the disk */

struct search {
	const uint8_t *above;	/* NULL: any */
	uint8_t *found;
	bool any;
};

static void look_at_name(struct state *state, const char *name, void *arg)
{
	struct search *search = arg;
	uint8_t id[SEAL_ID_LEN];

	(void)state;
	if (!seal_folder_id(name, id) ||
	    (search->above && memcmp(id, search->above, sizeof(id)) <= 0) ||
	    (search->any && memcmp(id, search->found, sizeof(id)) >= 0))
		return;
	memcpy(search->found, id, sizeof(id));
	search->any = true;
}

/* In the order of their names, so that no list is needed. */
bool keeper_next_id(struct azattestd *d, const uint8_t *above, uint8_t id[SEAL_ID_LEN])
{
	struct search search = { .above = above, .found = id };

	state_each(&d->state, look_at_name, &search);
	return search.any;
}

static bool is_id(const uint8_t a[SEAL_ID_LEN], const uint8_t b[SEAL_ID_LEN])
{
	return !memcmp(a, b, SEAL_ID_LEN);
}

static int open_kek(struct azattestd *d, struct keeper_process *k, const uint8_t id[SEAL_ID_LEN],
		    int fds[KEEPER_KEKS], struct failure *failure)
{
	char folder[SEAL_FOLDER_LEN];
	int fd;

	if (k->count == KEEPER_KEKS)
		return 0;
	seal_folder(id, folder);
	fd = state_open_file(&d->state, folder, KEK_FILE, failure);
	if (fd < 0)
		return fd;
	fds[k->count] = fd;
	memcpy(k->given[k->count++], id, SEAL_ID_LEN);
	return 0;
}

/* The leaf's first: that one must open. */
static int open_keks(struct azattestd *d, struct keeper_process *k, bool renew,
		     int fds[KEEPER_KEKS], struct failure *failure)
{
	uint8_t id[SEAL_ID_LEN], *above = NULL;
	struct failure ignored;
	int ret = 0;

	if (d->leaf.sealed)
		ret = open_kek(d, k, d->leaf.head.kek, fds, failure);
	if (renew)
		ret = 0;
	while (!ret && keeper_next_id(d, above, id)) {
		if (!d->leaf.sealed || !is_id(id, d->leaf.head.kek))
			open_kek(d, k, id, fds, &ignored);
		memcpy(k->above, id, sizeof(id));
		above = k->above;
	}
	return ret;
}

/* starting */

static void fill_setup(struct azattestd *d, struct keeper_process *k, bool renew,
		       struct keeper_setup *setup)
{
	const struct config *config = &d->config;
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	setup->magic = KEEPER_MAGIC;
	setup->size = sizeof(*setup);
	setup->parent = getpid();
	setup->uid = config->uid;
	setup->gid = config->gid;
	setup->level = config->key_level;
	setup->require = config->key_require;
	setup->pcrs = config->pcrs;
	setup->extend = config->extend_pcr;
	setup->count = k->count;
	setup->required = !renew && d->leaf.sealed;
	setup->no_file = (uint32_t)k->no_file;
	memcpy(setup->id, k->id, sizeof(setup->id));
	strcpy(setup->tcti, config->tcti);
	if (credentials && strlen(credentials) < KEEPER_PATH_MAX - 16)
		snprintf(setup->credential, sizeof(setup->credential), "%.200s/azattest-key", credentials);
	if (*setup->credential && access(setup->credential, F_OK))
		*setup->credential = 0;
}

static int begin_folder(struct azattestd *d, struct keeper_process *k, struct failure *failure)
{
	char folder[SEAL_FOLDER_LEN];
	int file;

	if (getrandom(k->id, sizeof(k->id), 0) != sizeof(k->id))
		return failure_set(failure, EXIT_FAILURE, -errno, "getrandom: %s", strerror(errno));
	seal_folder(k->id, folder);
	k->folder = state_begin(&d->state, folder, failure);
	if (k->folder < 0)
		return k->folder;
	file = state_create(k->folder, KEK_FILE, failure);
	return file;
}

/* A disk that is full or read-only matters only if there is a key to write: the keeper knows. */
static int open_new(struct azattestd *d, struct keeper_process *k)
{
	struct failure failure;
	int fd = begin_folder(d, k, &failure);

	if (fd >= 0)
		return fd;
	k->no_file = -fd;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void end_folder(struct azattestd *d, struct keeper_process *k)
{
	char folder[SEAL_FOLDER_LEN];

	if (k->folder < 0)
		return;
	close(k->folder);
	k->folder = -1;
	seal_folder(k->id, folder);
	state_abandon(&d->state, folder);
}

static void hear(struct watch *watch, uint32_t events);

static int spawn_keeper(struct azattestd *d, struct keeper_process *k, int setup, int fds[],
			struct failure *failure)
{
	char *const argv[] = { (char *)"azattest-keeper", NULL };
	struct spawn spawn = { .path = d->keeper_path, .argv = argv, .count = SPAWN_FDS };
	int ask[2], report[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ask))
		return failure_set(failure, EXIT_FAILURE, -errno, "socketpair: %s", strerror(errno));
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK)) {
		close(ask[0]);
		close(ask[1]);
		return failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
	}
	memcpy(spawn.fds, (int [SPAWN_FDS]) { setup, ask[1], report[1], fds[0], fds[1], fds[2],
					      fds[3], fds[4] }, sizeof(spawn.fds));
	k->pid = spawn_signer(&spawn);
	close(ask[1]);
	close(report[1]);
	k->ask = ask[0];
	k->since_ms = watch_now_ms();
	k->heard = 0;
	k->watch = (struct watch) { .fd = report[0], .ready = hear, .owner = d };
	if (k->pid < 0)
		return failure_set(failure, EXIT_FAILURE, k->pid, "fork: %s", strerror(-k->pid));
	return watch_add(&k->watch, EPOLLIN);
}

static int give_setup(struct azattestd *d, struct keeper_process *k, bool renew, int fds[],
		      struct failure *failure)
{
	int pipe[2], ret = 0;

	if (pipe2(pipe, O_CLOEXEC))
		return failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
	fill_setup(d, k, renew, &k->setup);
	if (setup_write_bytes(pipe[1], &k->setup, sizeof(k->setup)))
		ret = failure_set(failure, EXIT_FAILURE, -EIO, "pipe: cannot be written");
	close(pipe[1]);
	if (!ret)
		ret = spawn_keeper(d, k, pipe[0], fds, failure);
	close(pipe[0]);
	return ret;
}

/* A process and what it had of us. */
static void drop(struct azattestd *d, struct keeper_process *k)
{
	if (k->pid > 0)
		kill(k->pid, SIGKILL);
	watch_close(&k->watch);
	if (k->ask >= 0)
		close(k->ask);
	end_folder(d, k);
	*k = (struct keeper_process) { .watch.fd = -1, .ask = -1, .folder = -1 };
}

/* The older one, if there is one, goes on; what an administrator asked for is tried first. */
static void failed(struct azattestd *d, const char *why)
{
	struct keeper *keeper = &d->keeper;

	bool final = keeper->renewing || !d->renew.wanted;

	if (strcmp(keeper->error, why))
		log_line(LOG_CRIT, "key: %s", why);
	snprintf(keeper->error, sizeof(keeper->error), "%s", why);
	drop(d, &keeper->next);		/* and with it, maybe, @why */
	keeper->next_ms = watch_now_ms() + RETRY_MS;
	keeper->renewing = false;
	if (!keeper_ready(d) && final) {
		d->renew.wanted = false;
		control_sync_ended(d, keeper->error);
	}
	status_update(d);
}

void keeper_start(struct azattestd *d, bool renew)
{
	struct keeper_process *k = &d->keeper.next;
	int fds[1 + KEEPER_KEKS] = { -1, -1, -1, -1, -1 };
	struct failure failure;
	int ret;

	drop(d, k);
	d->keeper.renewing = renew;
	d->renew.run += renew;	/* whose failure is told to who asked for it */
	ret = open_keks(d, k, renew, fds + 1, &failure);
	if (!ret) {
		fds[0] = open_new(d, k);
		ret = give_setup(d, k, renew, fds, &failure);
	}
	for (unsigned int i = 0; i < 1 + KEEPER_KEKS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ret < 0)
		failed(d, failure.text);
}

/* A PCR was extended behind what it has unsealed: no other one gets that in this boot. */
static bool is_last(const struct azattestd *d)
{
	const struct keeper_process *k = &d->keeper.now;
	const struct config *config = &d->config;

	return keeper_ready(d) && k->report.level == SEAL_TPM &&
	       k->setup.extend != KEEPER_NO_EXTEND && k->setup.extend == config->extend_pcr &&
	       k->setup.level == config->key_level && k->setup.pcrs == config->pcrs &&
	       !strcmp(k->setup.tcti, config->tcti);
}

void keeper_reload(struct azattestd *d)
{
	if (!keeper_needed(d))
		return;
	if (!is_last(d)) {
		keeper_start(d, false);
		return;
	}
	/* What another configuration could not have, nobody asks for any more. */
	drop(d, &d->keeper.next);
	*d->keeper.error = 0;
}

/* what it says */

static int store_made(struct azattestd *d, struct keeper_process *k, struct failure *failure)
{
	char folder[SEAL_FOLDER_LEN];
	int ret;

	seal_folder(k->id, folder);
	ret = state_publish(&d->state, folder, k->folder, failure);
	if (!ret) {
		close(k->folder);
		k->folder = -1;
	}
	return ret;
}

static void replace(struct azattestd *d)
{
	struct keeper *keeper = &d->keeper;

	/* Before the older one goes: they might not have their keys of it yet. */
	supervise_start_over(d);
	drop(d, &keeper->now);
	keeper->now = keeper->next;
	keeper->next = (struct keeper_process) { .watch.fd = -1, .ask = -1, .folder = -1 };
	watch_close(&keeper->now.watch);
	end_folder(d, &keeper->now);
	*keeper->error = 0;
	keeper->renewing = false;
	log_line(LOG_INFO, "keys are kept at level %s, in %s memory%s%s",
		 seal_levels[keeper->now.report.level],
		 keeper_memory(keeper->now.report.memory),
		 *keeper->now.report.why ? ": " : "", keeper->now.report.why);
	daemon_keys_open(d);
}

static void on_report(struct azattestd *d)
{
	struct keeper_process *k = &d->keeper.next;
	struct failure failure;

	k->report.why[sizeof(k->report.why) - 1] = 0;
	if (k->report.magic != KEEPER_MAGIC || k->report.level > SEAL_TPM)
		failed(d, "azattest-keeper: speaks another language: install all programs of one release");
	else if (!k->report.ok)
		failed(d, k->report.why);
	else if (k->report.made && store_made(d, k, &failure))
		failed(d, failure.text);
	else
		replace(d);
}

static void hear(struct watch *watch, uint32_t events)
{
	struct azattestd *d = watch->owner;
	struct keeper_process *k = &d->keeper.next;
	ssize_t n;

	(void)events;
	n = read(watch->fd, (uint8_t *)&k->report + k->heard, sizeof(k->report) - k->heard);
	if (n > 0)
		k->heard += (size_t)n;
	else if (!n)
		watch_close(watch);	/* its end is told to reap */
	if (k->heard == sizeof(k->report))
		on_report(d);
}

bool keeper_ended(struct azattestd *d, pid_t pid, int status)
{
	struct keeper *keeper = &d->keeper;
	char why[100];

	if (pid == keeper->next.pid) {
		keeper->next.pid = 0;
		while (keeper->next.watch.fd >= 0 && keeper->next.heard < sizeof(struct keeper_report))
			hear(&keeper->next.watch, 0);
		snprintf(why, sizeof(why), "azattest-keeper ended without a word (status %d): look into "
			 "the journal", status);
		if (keeper->next.ask >= 0)
			failed(d, why);
		return true;
	}
	if (pid != keeper->now.pid)
		return false;
	log_line(LOG_ERR, "azattest-keeper ended (status %d): it is started again", status);
	keeper->now.pid = 0;
	drop(d, &keeper->now);
	keeper->next_ms = 0;
	return true;
}

/* time */

void keeper_tick(struct azattestd *d)
{
	struct keeper *keeper = &d->keeper;

	if (keeper->next.pid > 0) {
		if (watch_now_ms() - keeper->next.since_ms > START_MS)
			failed(d, "azattest-keeper: the TPM does not answer in time: is it in use, or broken?");
		return;
	}
	if (!keeper_needed(d) || (keeper_ready(d) && !*keeper->error))
		return;
	/* What cannot be opened is given up on an administrator's word only. */
	if (*keeper->error && d->renew.wanted && !keeper_ready(d))
		keeper_start(d, true);
	else if (watch_now_ms() >= keeper->next_ms)
		keeper_start(d, false);
}

bool keeper_ready(const struct azattestd *d)
{
	const struct keeper_process *k = &d->keeper.now;

	return k->pid > 0 && k->report.level >= d->config.key_require;
}

bool keeper_has(const struct azattestd *d, const uint8_t id[SEAL_ID_LEN])
{
	const struct keeper_process *k = &d->keeper.now;

	if (k->pid <= 0)
		return false;
	if (k->report.made && is_id(id, k->report.id))
		return true;
	for (unsigned int i = 0; i < k->count; i++)
		if (k->report.opened >> i & 1 && is_id(id, k->given[i]))
			return true;
	return false;
}

const char *keeper_memory(uint32_t memory)
{
	return memory == ARENA_SECRET ? "secret" : "locked";
}

/* ends */

static void drop_unfinished(struct state *state, const char *name, void *arg)
{
	(void)arg;
	if (!strncmp(name, "seal-", 5) && strlen(name) != SEAL_FOLDER_LEN - 1)
		state_drop(state, name);
}

void keeper_open(struct azattestd *d)
{
	state_each(&d->state, drop_unfinished, NULL);
	d->keeper.now = d->keeper.next =
		(struct keeper_process) { .watch.fd = -1, .ask = -1, .folder = -1 };
}

void keeper_stop(struct azattestd *d)
{
	struct keeper_process *const both[] = { &d->keeper.next, &d->keeper.now };

	for (int i = 0; i < 2; i++) {
		pid_t pid = both[i]->pid;

		drop(d, both[i]);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

/* Whatever opens no key that is in use goes, once a new leaf has proved itself. */
void keeper_prune(struct azattestd *d)
{
	const struct keeper_process *k = &d->keeper.now;
	uint8_t id[SEAL_ID_LEN], last[SEAL_ID_LEN], ca[SEAL_ID_LEN], *above = NULL;
	int ret = embedded_kek(&d->state, ca);
	char folder[SEAL_FOLDER_LEN];

	if (ret && ret != -ENOENT)
		return;		/* what cannot be read may need any of them */
	while (keeper_next_id(d, above, id)) {
		bool used = (d->leaf.sealed && is_id(id, d->leaf.head.kek)) ||
			    (!ret && is_id(id, ca)) ||
			    (k->pid > 0 && k->report.level != SEAL_FILE && is_id(id, k->report.id));

		seal_folder(id, folder);
		if (!used)
			state_drop(&d->state, folder);
		memcpy(last, id, sizeof(id));
		above = last;
	}
}
