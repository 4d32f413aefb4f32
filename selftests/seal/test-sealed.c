// SPDX-License-Identifier: GPL-2.0
// Promises of a host whose keys are sealed: what goes on, what is refused, and the way back.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <selftests/seal/tpmrig.h>

static struct rig rig;
static struct swtpm tpm;

static void configure_cmp(const char *key)
{
	tpmrig_key(&rig, &tpm, key);
	rig_configure(&rig, RIG_CMP, rig.port);
}

static void open_cmp(const char *name, const char *key)
{
	tpmrig_open(&rig, &tpm, name, key);
	rig_start_ca(&rig, "");
	configure_cmp(key);
}

static void a_sealed_key_signs_after_a_restart(void)
{
	tpmrig_open_embedded(&rig, &tpm, "restart", "level = tpm");
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "tpm"));
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "! grep -rl 'PRIVATE KEY' state && test -e state/leaf-000001/key.sealed && "
			      "test -e state/ca/issuing.sealed"), 0);
	rig_stop(&rig);
	swtpm_reboot(&tpm);
	rig_start_active(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	rig_need_document(&rig);
	/* The CA's key opens too, and one wrapping key serves them all. */
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "test $(ls -d state/seal-* | wc -l) = 1 && test ! -e state/leaf-000001"), 0);
	rig_stop(&rig);
}

static void a_changed_pcr_stops_documents_and_sync_is_the_way_back(void)
{
	open_cmp("pcr", "level = tpm");
	rig_start_active(&rig);
	rig_stop(&rig);
	swtpm_extend(&tpm, 7);
	rig_start(&rig);
	tpmrig_need_error(&rig, "key: PCR 7 has changed since the key was sealed: boot as before, or");
	/* A boot as before needs no administrator. */
	rig_stop(&rig);
	swtpm_reboot(&tpm);
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop(&rig);
	swtpm_extend(&tpm, 7);
	rig_start(&rig);
	tpmrig_need_error(&rig, "PCR 7");
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_wait(rig_all_ready(&rig));
	tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "test $(ls -d state/seal-* | wc -l) = 1"), 0);
	rig_stop(&rig);
}

static void a_root_of_its_own_is_given_up_by_hand_only(void)
{
	tpmrig_open_embedded(&rig, &tpm, "own-root", "level = tpm");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "cp state/ca/root.pem first"), 0);
	rig_stop(&rig);
	swtpm_extend(&tpm, 0);
	rig_start(&rig);
	tpmrig_need_error(&rig, "PCR 0");
	tap_need(strstr(rig_sync(&rig), "/ca/issuing.sealed: cannot be opened, its wrapping key is lost"));
	tap_need_eq(rig_shell(&rig, "cmp state/ca/root.pem first && test -e state/leaf-000001"), 0);
	tap_need_eq(rig_shell(&rig, "rm -r state/ca"), 0);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_wait(rig_all_ready(&rig));
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "cmp -s state/ca/root.pem first"), 1);
	rig_stop(&rig);
}

static void a_stolen_disk_is_worth_nothing(void)
{
	struct swtpm thiefs;

	open_cmp("stolen", "level = tpm");
	rig_start_active(&rig);
	rig_stop(&rig);
	swtpm_make(&thiefs, rig_path(&rig, "thief"));
	swtpm_stop(&tpm);
	tpm = thiefs;
	configure_cmp("level = tpm");
	rig_start(&rig);
	tpmrig_need_error(&rig, "the key was sealed by another TPM, or this one was cleared");
	rig_stop(&rig);
	/* Nor does any other level open it. */
	configure_cmp("level = host-key");
	rig_start(&rig);
	tpmrig_need_error(&rig, "sealed by another TPM");
	rig_stop(&rig);
}

static void a_tpm_that_is_gone_is_told_and_waited_for(void)
{
	tpmrig_open_embedded(&rig, &tpm, "gone", "level = auto");
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "tpm"));
	rig_stop(&rig);
	swtpm_stop(&tpm);
	rig_start(&rig);
	tpmrig_need_error(&rig, "the key is sealed by the TPM, and: no TPM: ");
	rig_stop(&rig);
	swtpm_start(&tpm);
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void auto_takes_the_best_that_works(void)
{
	tpmrig_open_embedded(&rig, &tpm, "auto", "level = auto");
	swtpm_stop(&tpm);
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "host-key"));
	tap_need(rig_says(&rig, "key", "reason", "no TPM: "));
	rig_stop(&rig);
	swtpm_start(&tpm);
	rig_start_active(&rig);
	/* Better now: a new key, and the CA's follows. */
	tap_need_wait(tpmrig_level_is(&rig, "tpm") && rig_all_ready(&rig));
	tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
	rig_need_document(&rig);
	rig_stop(&rig);
	swtpm_reboot(&tpm);
	rig_start_active(&rig);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_eq(rig_shell(&rig, "test $(ls -d state/seal-* | wc -l) = 1"), 0);
	rig_stop(&rig);
}

static void a_required_level_is_kept_or_nothing_is_signed(void)
{
	tpmrig_open_embedded(&rig, &tpm, "require", "level = file");
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "file"));
	rig_stop(&rig);
	swtpm_stop(&tpm);
	tpmrig_embedded(&rig, &tpm, "require-level = tpm");
	rig_start(&rig);
	tpmrig_need_error(&rig, "require-level is tpm and only host-key works here (no TPM: ");
	tap_need(strstr(rig_sync(&rig), "require-level is tpm"));
	rig_stop(&rig);
	swtpm_start(&tpm);
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "tpm"));
	tap_need_eq(rig_shell(&rig, "! grep -rl 'PRIVATE KEY' state"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void a_dead_keeper_is_replaced(void)
{
	tpmrig_open_embedded(&rig, &tpm, "keeper", "level = tpm");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "pkill -KILL -P %d -x azattest-keeper", rig.daemon), 0);
	kill(rig_signer(&rig, 0), SIGKILL);
	tap_need_wait(rig_number(&rig, "signers", "restarts") == 1 && rig_all_ready(&rig));
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* each file that a key needs */

static void need_refused_file(const char *command, const char *words)
{
	tap_need_eq(rig_shell(&rig, "cp -a state kept && %s", command), 0);
	rig_start(&rig);
	if (strstr(words, "must be root"))
		tap_need_eq(tap_join(rig.daemon), 4);
	else
		tpmrig_need_error(&rig, words);
	if (!strstr(words, "must be root"))
		rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "rm -r state && mv kept state"), 0);
}

static void damaged_and_open_files_are_refused(void)
{
	tpmrig_open_embedded(&rig, &tpm, "files", "level = tpm");
	rig_start_active(&rig);
	rig_stop(&rig);
	need_refused_file("truncate -s -1 state/seal-*/kek", "the wrapping key is damaged");
	need_refused_file("truncate -s 0 state/seal-*/kek", "the wrapping key is damaged");
	need_refused_file("rm state/seal-*/kek", "/kek: No such file");
	need_refused_file("chmod 0640 state/seal-*/kek", "mode is 0640: others may use what holds keys");
	need_refused_file("chown nobody state/seal-*/kek", "belongs to user");
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void a_host_key_is_a_file_of_its_own(void)
{
	open_cmp("host-key", "level = host-key");
	rig_start_active(&rig);
	tap_need(tpmrig_level_is(&rig, "host-key"));
	tap_need_eq(rig_shell(&rig, "! grep -rl 'PRIVATE KEY' state && "
			      "test $(stat -c %%a:%%u state/seal-*/kek) = 600:0"), 0);
	rig_stop(&rig);
	rig_start_active(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	rig_need_document(&rig);
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "rm state/seal-*/kek"), 0);
	rig_start(&rig);
	tpmrig_need_error(&rig, "/kek: No such file");
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void a_credential_wraps_and_is_needed_again(void)
{
	open_cmp("credential", "level = host-key");
	tap_need_eq(rig_shell(&rig, "mkdir creds && umask 077 && echo 0123456789abcdef0123 >creds/azattest-key"), 0);
	setenv("CREDENTIALS_DIRECTORY", rig_path(&rig, "creds"), 1);
	rig_start_active(&rig);
	rig_stop(&rig);
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "echo 0123456789abcdef0124 >creds/azattest-key"), 0);
	rig_start(&rig);
	tap_need_wait(rig_log_has(&rig, "the sealed key does not open: damaged, or another host's"));
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "rm creds/azattest-key"), 0);
	rig_start(&rig);
	tpmrig_need_error(&rig, "the key was wrapped by the credential azattest-key, which the service manager");
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "umask 077; echo short >creds/azattest-key"), 0);
	rig_start(&rig);
	tpmrig_need_error(&rig, "too short to guard a key");
	rig_stop(&rig);
}

/* Where a mapping begins, by its name in /proc. */
static unsigned long find_mapping(pid_t pid, const char *name)
{
	unsigned long base = 0;
	char path[40], line[400];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	while (maps && !base && fgets(line, sizeof(line), maps))
		if (strstr(line, name))
			base = strtoul(line, NULL, 16);
	if (maps)
		fclose(maps);
	return base;
}

/* Errno of both ways, 0 where that was read. */
static void look_into(pid_t pid, int mem, unsigned long base, int error[2])
{
	char buf[64];
	struct iovec to = { buf, sizeof(buf) }, from = { (void *)base, sizeof(buf) };

	error[0] = pread(mem, buf, sizeof(buf), (off_t)base) < 0 ? errno : 0;
	error[1] = process_vm_readv(pid, &to, 1, &from, 1, 0) < 0 ? errno : 0;
}

/* Its program is read: it is the memory that refuses, not the process. */
static void need_unreadable(pid_t pid)
{
	unsigned long arena = find_mapping(pid, "secretmem"), code = find_mapping(pid, "/azattest-");
	int secret[2], control[2], mem;
	char path[40];

	tap_need(arena && code);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	tap_need(mem >= 0);
	look_into(pid, mem, code, control);
	look_into(pid, mem, arena, secret);
	close(mem);
	tap_need_eq(control[0], 0);
	tap_need_eq(control[1], 0);
	tap_need_eq(secret[0], EIO);
	tap_need_eq(secret[1], EFAULT);
}

static void root_cannot_read_where_keys_lie(void)
{
	tpmrig_open_embedded(&rig, &tpm, "memory", "level = tpm");
	rig_start_active(&rig);
	if (!rig_says(&rig, "key", "memory", "secret"))
		tap_skip("no memfd_secret here: the kernel has none, or wants secretmem.enable=1");
	need_unreadable(rig_keeper(&rig));
	need_unreadable(rig_signer(&rig, 0));
	rig_stop(&rig);
}

static void going_back_to_a_file_is_possible(void)
{
	tpmrig_open_embedded(&rig, &tpm, "back", "level = tpm");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "cp state/ca/root.pem first"), 0);
	rig_stop(&rig);
	tpmrig_embedded(&rig, &tpm, "level = file");
	rig_start(&rig);
	tap_need_wait(tpmrig_level_is(&rig, "file") && rig_all_ready(&rig));
	tap_need_eq(rig_shell(&rig, "cmp state/ca/root.pem first && ! ls -d state/seal-* 2>/dev/null"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_sealed_key_signs_after_a_restart),
	TAP_TEST(a_changed_pcr_stops_documents_and_sync_is_the_way_back),
	TAP_TEST(a_root_of_its_own_is_given_up_by_hand_only),
	TAP_TEST(a_stolen_disk_is_worth_nothing),
	TAP_TEST(a_tpm_that_is_gone_is_told_and_waited_for),
	TAP_TEST(auto_takes_the_best_that_works),
	TAP_TEST(a_required_level_is_kept_or_nothing_is_signed),
	TAP_TEST(a_dead_keeper_is_replaced),
	TAP_TEST(damaged_and_open_files_are_refused),
	TAP_TEST(a_host_key_is_a_file_of_its_own),
	TAP_TEST(a_credential_wraps_and_is_needed_again),
	TAP_TEST(root_cannot_read_where_keys_lie),
	TAP_TEST(going_back_to_a_file_is_possible),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
