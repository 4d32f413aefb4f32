// SPDX-License-Identifier: GPL-2.0
// Promises of where the bytes of keys are not: in files, in core dumps, on a host out of service.

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <selftests/seal/memory.h>
#include <selftests/seal/thief.h>
#include <selftests/seal/tpmrig.h>
#include <userspace/seal/seal.h>

#define CTL	"CTL='%s/azattestctl --socket run/azattestd.sock'; "

static struct rig rig;
static struct swtpm tpm;

static void open_host(const char *name, const char *level)
{
	char key[40];

	snprintf(key, sizeof(key), "level = %s", level);
	tpmrig_open_embedded(&rig, &tpm, name, key);
}

static bool opens_all(const char *folder, unsigned int leaf, struct thief_secrets *s)
{
	return thief_opens_all(rig_path(&rig, folder), &tpm, leaf, s);
}

/* searching */

static struct {
	const uint8_t *bytes;
	size_t length;
	unsigned int files, found;
} search;

static int look_into(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd = type == FTW_F && st->st_size ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	(void)ftw;
	if (fd < 0)
		return 0;
	map = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	tap_need(map != MAP_FAILED);
	search.files++;
	if (memmem(map, (size_t)st->st_size, search.bytes, search.length)) {
		tap_diag("found in %s", path);
		search.found++;
	}
	munmap(map, (size_t)st->st_size);
	return 0;
}

/* Files below @folder that have the bytes. */
static unsigned int files_with(const char *folder, const void *bytes, size_t length)
{
	memset(&search, 0, sizeof(search));
	search.bytes = bytes;
	search.length = length;
	tap_need(!nftw(rig_path(&rig, folder), look_into, 16, FTW_PHYS));
	return search.found;
}

static void need_no_secret_below(const char *folder, const struct thief_secrets *s)
{
	tap_need_eq(files_with(folder, s->grant, sizeof(s->grant)), 0);
	tap_need_eq(files_with(folder, s->leaf, sizeof(s->leaf)), 0);
	tap_need_eq(files_with(folder, s->ca, sizeof(s->ca)), 0);
	tap_need_eq(files_with(folder, s->leaf_pem, sizeof(s->leaf_pem)), 0);
	tap_need_eq(files_with(folder, s->ca_pem, sizeof(s->ca_pem)), 0);
}

/* files */

static void need_nothing_in_clear(const char *name, const char *level, unsigned int wrapping_keys)
{
	struct thief_secrets s;

	open_host(name, level);
	rig_start_active(&rig);
	rig_need_document(&rig);
	tap_need(opens_all("state", 1, &s));
	need_no_secret_below("state", &s);
	tap_need(search.files > 4);
	tap_need_eq(files_with("state", s.wrapping, sizeof(s.wrapping)), wrapping_keys);
	need_no_secret_below("run", &s);
	tap_need_eq(files_with("run", s.wrapping, sizeof(s.wrapping)), 0);
	rig_stop(&rig);
	need_no_secret_below("state", &s);
}

static void at_level_tpm_no_file_has_a_keys_bytes(void)
{
	need_nothing_in_clear("clear-tpm", "tpm", 0);
}

/* The one that is found shows that the search finds. */
static void at_level_host_key_one_file_has_the_wrapping_key_and_none_another(void)
{
	need_nothing_in_clear("clear-host-key", "host-key", 1);
}

/* the control process */

/* It opens the files and makes the pipes, at its start and for a renewal, but reads neither. */
static void need_daemon_without_keys(const char *name, const char *level)
{
	struct seal_head head;
	uint8_t blob[4096];
	struct thief_secrets s;

	open_host(name, level);
	rig_start_active(&rig);
	rig_stop(&rig);
	rig_start_active(&rig);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_wait(rig_all_ready(&rig));
	rig_need_document(&rig);
	tap_need(opens_all("state", 2, &s));
	/* The control: what it has to know, a wrapping key's name, is found. */
	tap_need(!seal_peek(blob, thief_read(rig_path(&rig, "state/leaf-000002/key.sealed"), blob,
					     sizeof(blob)), &head));
	tap_need(memory_with_bytes(rig.daemon, head.kek, sizeof(head.kek)));
	tap_need_eq(memory_with_bytes(rig.daemon, s.wrapping, sizeof(s.wrapping)), 0);
	tap_need_eq(memory_with_bytes(rig.daemon, s.grant, sizeof(s.grant)), 0);
	tap_need_eq(memory_with_bytes(rig.daemon, s.leaf, sizeof(s.leaf)), 0);
	tap_need_eq(memory_with_bytes(rig.daemon, s.leaf_pem, sizeof(s.leaf_pem)), 0);
	tap_need_eq(memory_with_bytes(rig.daemon, s.ca, sizeof(s.ca)), 0);
	tap_need_eq(memory_with_bytes(rig.daemon, s.ca_pem, sizeof(s.ca_pem)), 0);
	rig_stop(&rig);
}

static void the_control_process_never_has_a_key(void)
{
	need_daemon_without_keys("control-tpm", "tpm");
}

static void the_control_process_never_has_a_host_key_either(void)
{
	need_daemon_without_keys("control-host-key", "host-key");
}

/* core dumps */

#define NOBODY	65534

static char cores[200];

static void make_cores_folder(void)
{
	snprintf(cores, sizeof(cores), "%s", rig_path(&rig, "cores"));
	tap_need(!mkdir(cores, 0777) && !chmod(cores, 01777) && !chdir(cores));
}

static unsigned int count_cores(void)
{
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir = opendir(cores);

	tap_need(dir);
	while ((entry = readdir(dir)))
		count += *entry->d_name != '.';
	closedir(dir);
	return count;
}

/* As far as we may; children have it from here. */
static void allow_cores(void)
{
	struct rlimit limit = { 0, 0 };

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	tap_need(!setrlimit(RLIMIT_CORE, &limit));
}

/* The files in /proc of who is not dumpable are root's, whoever runs it. */
static bool is_dumpable(pid_t pid)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	tap_need(!stat(path, &st));
	tap_need(!st.st_uid || st.st_uid == NOBODY);
	return st.st_uid;
}

/* As a signer, but for what keeps a signer from being dumped. */
static int be_dumped(void *arg)
{
	uint8_t *copy = malloc(32);

	memcpy(copy, arg, 32);
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return 1;
	kill(getpid(), SIGSTOP);
	return 1;
}

/* The control: here a core is written where we look, and what was in memory is in it. */
static void need_cores_work(const struct thief_secrets *s)
{
	pid_t pid = tap_spawn(be_dumped, (void *)s->leaf, -1);
	int status;

	tap_need_eq(waitpid(pid, &status, WUNTRACED), pid);
	tap_need(WIFSTOPPED(status) && is_dumpable(pid));
	kill(pid, SIGABRT);
	kill(pid, SIGCONT);
	tap_need_eq(tap_join(pid), 128 + SIGABRT);
	if (!count_cores())
		tap_skip("no core files in the folder of a process: kernel.core_pattern or ulimit -c");
	tap_need_eq(files_with("cores", s->leaf, sizeof(s->leaf)), 1);
	tap_need_eq(rig_shell(&rig, "rm -f cores/*"), 0);
}

/* The limit is raised again where we may (CAP_SYS_RESOURCE): it is not all there is. */
static void need_no_core_of(pid_t pid)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	prlimit(pid, RLIMIT_CORE, &all, NULL);
	tap_need(!kill(pid, SIGABRT));
	tap_need_wait(kill(pid, 0));
	tap_need_eq(count_cores(), 0);
}

/* Soft and hard, as /proc says them: prlimit() of another user's takes more rights. */
static bool has_no_cores(pid_t pid)
{
	char path[40], line[200];
	bool none = false;
	FILE *limits;

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	limits = fopen(path, "r");
	tap_need(limits);
	while (fgets(line, sizeof(line), limits)) {
		char soft[24], hard[24];

		if (sscanf(line, "Max core file size %23s %23s", soft, hard) == 2)
			none = !strcmp(soft, "0") && !strcmp(hard, "0");
	}
	fclose(limits);
	return none;
}

static void need_guarded(pid_t pid)
{
	tap_need(!is_dumpable(pid));
	tap_need(has_no_cores(pid));
}

static void signers_and_the_keeper_are_not_dumpable_and_limited(void)
{
	open_host("dumpable", "tpm");
	allow_cores();
	rig_start_active(&rig);
	need_guarded(rig_signer(&rig, 0));
	need_guarded(rig_keeper(&rig));
	rig_stop(&rig);
}

static void a_signer_and_the_keeper_leave_no_core(void)
{
	struct thief_secrets s;

	open_host("core", "tpm");
	make_cores_folder();
	allow_cores();
	rig_start_active(&rig);
	tap_need(opens_all("state", 1, &s));
	need_cores_work(&s);
	need_no_core_of(rig_signer(&rig, 0));
	need_no_core_of(rig_keeper(&rig));
	tap_need_wait(rig_number(&rig, "signers", "restarts") == 1 && rig_all_ready(&rig));
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* out of service */

static int name_is_a_keys(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	(void)type;
	return !strncmp(name, "seal-", 5) || !strncmp(name, "leaf-", 5) || !strcmp(name, "kek") ||
	       !strcmp(name, "ca") || strstr(name, ".sealed");
}

/* Neither in the folder, nor where its files lay on the disk. */
static void need_nothing_left(const struct thief_secrets *s)
{
	struct thief_secrets again;

	tap_need(!nftw(rig_path(&rig, "state"), name_is_a_keys, 16, FTW_PHYS));
	tap_need_eq(rig_shell(&rig, "! cat lay/* | tr -d '\\0' | grep -q ."), 0);
	need_no_secret_below("state", s);
	tap_need_eq(files_with("state", s->wrapping, sizeof(s->wrapping)), 0);
	tap_need_eq(rig_shell(&rig, "rm -rf copy && cp -a state copy"), 0);
	tap_need(!opens_all("copy", 1, &again));
	/* Nor with a blob from elsewhere, a backup's: what opened it is gone. */
	tap_need_eq(rig_shell(&rig, "cp -a before/leaf-000001 copy/"), 0);
	tap_need(!thief_opens_leaf(rig_path(&rig, "copy"), &tpm, 1, &again));
}

static void need_destroyed(const char *name, const char *level)
{
	struct thief_secrets first, second;

	open_host(name, level);
	rig_start_active(&rig);
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "cp -a state before && mkdir lay && ln state/seal-*/kek lay/ && "
			      "ln state/ca/issuing.sealed lay/ && ln state/leaf-000001/key.sealed lay/"), 0);
	tap_need(opens_all("before", 1, &first));
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes >said", rig.bin), 0);
	need_nothing_left(&first);
	/* And who held the wrapping key in memory is gone, and stays so. */
	tap_need_eq(rig_shell(&rig, "pgrep -P %d -x azattest-keeper", rig.daemon), 1);
	rig_stop(&rig);
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "host", "sub", "decommissioned"));
	need_nothing_left(&first);
	tap_need_eq(rig_shell(&rig, CTL "$CTL recommission >said", rig.bin), 0);
	tap_need_wait(rig_all_ready(&rig));
	rig_need_document(&rig);
	tap_need(rig_says(&rig, "key", "level", level));
	tap_need(opens_all("state", 2, &second));
	tap_need(memcmp(first.wrapping, second.wrapping, sizeof(first.wrapping)) &&
		 memcmp(first.leaf, second.leaf, sizeof(first.leaf)) &&
		 memcmp(first.ca, second.ca, sizeof(first.ca)));
	rig_stop(&rig);
}

static void a_decommissioned_hosts_keys_do_not_open_with_its_own_tpm(void)
{
	need_destroyed("gone-tpm", "tpm");
}

static void a_decommissioned_hosts_host_key_is_gone_too(void)
{
	need_destroyed("gone-host-key", "host-key");
}

static const struct tap_test tests[] = {
	TAP_TEST(at_level_tpm_no_file_has_a_keys_bytes),
	TAP_TEST(at_level_host_key_one_file_has_the_wrapping_key_and_none_another),
	TAP_TEST(the_control_process_never_has_a_key),
	TAP_TEST(the_control_process_never_has_a_host_key_either),
	TAP_TEST(signers_and_the_keeper_are_not_dumpable_and_limited),
	TAP_TEST(a_signer_and_the_keeper_leave_no_core),
	TAP_TEST(a_decommissioned_hosts_keys_do_not_open_with_its_own_tpm),
	TAP_TEST(a_decommissioned_hosts_host_key_is_gone_too),
};

int main(int argc, char **argv)
{
	setenv("TSS2_LOG", "all+NONE", 1);
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
