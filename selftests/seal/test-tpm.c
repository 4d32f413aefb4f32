// SPDX-License-Identifier: GPL-2.0
// Promises of what the TPM is asked to do: it unseals in one state of one TPM, and says why not.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <selftests/seal/swtpm.h>
#include <userspace/seal/seal.h>

static char top[] = "/tmp/azattest-tpm-XXXXXX";
static struct swtpm host;
static struct seal_kek kek;
static uint8_t key[SEAL_KEY_LEN], out[SEAL_KEY_LEN];
static char why[400];

static const char *in_top(const char *name)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static int seal_at(struct swtpm *tpm, uint32_t pcrs)
{
	struct seal_tpm *t;
	int ret = seal_tpm_open(&t, tpm->tcti, why, sizeof(why));

	if (ret)
		return ret;
	memset(&kek, 0, sizeof(kek));
	memset(key, 7, sizeof(key));
	kek.pcrs = pcrs;
	ret = seal_tpm_seal(t, &kek, key, why, sizeof(why));
	seal_tpm_close(t);
	return ret;
}

static int unseal_at(struct swtpm *tpm)
{
	struct seal_tpm *t;
	int ret;

	*why = 0;
	memset(out, 0, sizeof(out));
	ret = seal_tpm_open(&t, tpm->tcti, why, sizeof(why));
	if (ret)
		return ret;
	ret = seal_tpm_unseal(t, &kek, out, why, sizeof(why));
	seal_tpm_close(t);
	return ret;
}

static void need_good(void)
{
	int ret = unseal_at(&host);

	tap_need_msg(!ret, "%s", why);
	tap_need(!memcmp(out, key, sizeof(out)));
}

static void need_refused(int error, const char *words)
{
	static const uint8_t nothing[SEAL_KEY_LEN];
	int ret = unseal_at(&host);

	tap_need_eq(ret, error);
	tap_need_msg(strstr(why, words), "\"%s\" lacks \"%s\"", why, words);
	tap_need(!strchr(why, '\n'));
	tap_need(!memcmp(out, nothing, sizeof(out)));
}

static void make(const char *name)
{
	swtpm_make(&host, in_top(name));
	tap_need_msg(!seal_at(&host, 1u << 0 | 1u << 7), "%s", why);
	need_good();
}

static void what_was_sealed_comes_back_after_a_reboot(void)
{
	make("reboot");
	swtpm_reboot(&host);
	need_good();
	tap_need_eq(swtpm_tool(&host, "pcrextend 8:sha256=$(printf %064d 1)"), 0);
	need_good();
}

static void a_changed_pcr_is_named_and_refused(void)
{
	make("pcr");
	tap_need_eq(swtpm_tool(&host, "pcrextend 7:sha256=$(printf %064d 1)"), 0);
	need_refused(-ESTALE, "PCR 7 has changed since the key was sealed");
	swtpm_reboot(&host);
	need_good();
}

/* The comparison before it is for the words alone. */
static void the_tpm_refuses_by_itself(void)
{
	make("alone");
	tap_need_eq(swtpm_tool(&host, "pcrextend 0:sha256=$(printf %064d 1)"), 0);
	memcpy(kek.pcr[0], "\x16\xab\xab\x34\x1f\xb7\xf3\x70", 8);
	need_refused(-ESTALE, "PCR 0 has changed");
	{
		struct seal_tpm *t;
		struct seal_kek now = { .pcrs = kek.pcrs };

		tap_need(!seal_tpm_open(&t, host.tcti, why, sizeof(why)));
		tap_need(!seal_tpm_seal(t, &now, key, why, sizeof(why)));
		seal_tpm_close(t);
		memcpy(kek.pcr, now.pcr, sizeof(kek.pcr));
	}
	need_refused(-EIO, "it does not unseal");
}

static void a_cleared_tpm_is_told(void)
{
	make("clear");
	tap_need_eq(swtpm_tool(&host, "clear -c platform"), 0);
	need_refused(-ESTALE, "this one was cleared");
}

static void another_hosts_tpm_is_told(void)
{
	struct swtpm other;

	make("mine");
	swtpm_make(&other, in_top("thiefs"));
	swtpm_stop(&host);
	host = other;
	need_refused(-ESTALE, "sealed by another TPM");
	/* Nor if who stole it says that it is this one's. */
	{
		struct seal_kek mine = kek;

		tap_need(!seal_at(&host, kek.pcrs));
		memcpy(mine.parent, kek.parent, sizeof(kek.parent));
		kek = mine;
	}
	need_refused(-EBADMSG, "it is damaged");
}

static void no_tpm_is_told(void)
{
	make("gone");
	swtpm_stop(&host);
	need_refused(-ENODEV, "no TPM: swtpm:path=");
	strcpy(host.tcti, "device:/nonexistent/tpmrm0");
	need_refused(-ENODEV, "no TPM: /nonexistent/tpmrm0: No such file or directory");
}

static void a_damaged_blob_is_refused_at_every_byte(void)
{
	struct seal_kek whole;
	struct seal_tpm *t;

	make("damage");
	whole = kek;
	tap_need(!seal_tpm_open(&t, host.tcti, why, sizeof(why)));
	for (unsigned int i = 0; i < whole.private_len; i++) {
		kek = whole;
		kek.private[i] ^= 1;
		tap_need_msg(seal_tpm_unseal(t, &kek, out, why, sizeof(why)) < 0, "private %u", i);
		kek = whole;
		kek.private_len = (uint16_t)i;
		tap_need_msg(seal_tpm_unseal(t, &kek, out, why, sizeof(why)) < 0, "private cut %u", i);
	}
	for (unsigned int i = 0; i < whole.public_len; i++) {
		kek = whole;
		kek.public[i] ^= 1;
		tap_need_msg(seal_tpm_unseal(t, &kek, out, why, sizeof(why)) < 0, "public %u", i);
		kek = whole;
		kek.public_len = (uint16_t)i;
		tap_need_msg(seal_tpm_unseal(t, &kek, out, why, sizeof(why)) < 0, "public cut %u", i);
	}
	kek = whole;
	tap_need(!seal_tpm_unseal(t, &kek, out, why, sizeof(why)));
	seal_tpm_close(t);
}

static void dictionary_lockout_changes_nothing(void)
{
	make("lockout");
	tap_need_eq(swtpm_tool(&host, "dictionarylockout -s -n 1 -t 1000 -l 1000"), 0);
	tap_need_eq(swtpm_tool(&host, "nvdefine 0x1500001 -s 8 -p good -a 'authread|authwrite'"), 0);
	tap_need(swtpm_tool(&host, "nvread 0x1500001 -P bad"));
	tap_need(swtpm_tool(&host, "nvread 0x1500001 -P good"));
	need_good();
}

static void an_owner_password_is_told(void)
{
	make("owner");
	tap_need_eq(swtpm_tool(&host, "changeauth -c owner secret"), 0);
	need_refused(-EIO, "its owner hierarchy has a password");
}

static void an_extended_pcr_locks_until_the_reboot(void)
{
	struct seal_tpm *t;

	make("extend");
	tap_need(!seal_tpm_open(&t, host.tcti, why, sizeof(why)));
	tap_need_msg(!seal_tpm_extend(t, 7, why, sizeof(why)), "%s", why);
	tap_need_eq(seal_tpm_unseal(t, &kek, out, why, sizeof(why)), -EALREADY);
	tap_need_msg(strstr(why, "unsealed once in this boot, then PCR 7 was extended"), "%s", why);
	seal_tpm_close(t);
	swtpm_reboot(&host);
	need_good();
}

/* Who taps the bus: a socket in front of the TPM's. */
static int listen_before(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char control[120], link[120];

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/tap", dir);
	snprintf(control, sizeof(control), "%s/socket.ctrl", dir);
	snprintf(link, sizeof(link), "%s/tap.ctrl", dir);
	tap_need(!bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 4));
	tap_need(!symlink(control, link));
	return fd;
}

static bool pass_on(int from, int to, FILE *tape)
{
	uint8_t buf[8192];
	ssize_t n = read(from, buf, sizeof(buf));

	return n > 0 && fwrite(buf, 1, (size_t)n, tape) == (size_t)n && !fflush(tape) &&
	       write(to, buf, (size_t)n) == n;
}

static void relay(int client, const char *dir, FILE *tape)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int tpm = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd fds[2] = { { client, POLLIN, 0 }, { tpm, POLLIN, 0 } };
	bool on = true;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/socket", dir);
	if (connect(tpm, (struct sockaddr *)&address, sizeof(address)))
		return;
	while (on && poll(fds, 2, -1) > 0)
		on = fds[0].revents ? pass_on(client, tpm, tape) : pass_on(tpm, client, tape);
	close(tpm);
}

static int tap_bus(void *arg)
{
	int listener = *(int *)arg, client;
	char path[120];
	FILE *tape;

	snprintf(path, sizeof(path), "%s/tape", host.dir);
	tape = fopen(path, "w");
	while (tape && (client = accept(listener, NULL, NULL)) >= 0) {
		relay(client, host.dir, tape);
		close(client);
	}
	return 1;
}

/* What is searched for is a run of the key's byte; the control is a PCR's, which goes in clear. */
static bool tape_has(uint8_t byte)
{
	uint8_t tape[65536], run[SEAL_KEY_LEN / 2];
	char path[120];
	size_t length;
	FILE *in;

	snprintf(path, sizeof(path), "%s/tape", host.dir);
	in = fopen(path, "r");
	tap_need(in);
	length = fread(tape, 1, sizeof(tape), in);
	fclose(in);
	tap_need(length > 1000 && length < sizeof(tape));
	memset(run, byte, sizeof(run));
	return memmem(tape, length, run, sizeof(run));
}

static void the_key_never_crosses_the_bus_in_clear(void)
{
	int listener;
	pid_t pid;

	make("bus");
	listener = listen_before(host.dir);
	pid = tap_spawn(tap_bus, &listener, listener);
	snprintf(host.tcti, sizeof(host.tcti), "swtpm:path=%.70s/tap", host.dir);
	tap_need_msg(!seal_at(&host, 1), "%s", why);
	need_good();
	tap_kill(pid);
	tap_need(tape_has(0));
	tap_need(!tape_has(7));
}

static const struct tap_test tests[] = {
	TAP_TEST(what_was_sealed_comes_back_after_a_reboot),
	TAP_TEST(a_changed_pcr_is_named_and_refused),
	TAP_TEST(the_tpm_refuses_by_itself),
	TAP_TEST(a_cleared_tpm_is_told),
	TAP_TEST(another_hosts_tpm_is_told),
	TAP_TEST(no_tpm_is_told),
	TAP_TEST(a_damaged_blob_is_refused_at_every_byte),
	TAP_TEST(dictionary_lockout_changes_nothing),
	TAP_TEST(an_owner_password_is_told),
	TAP_TEST(an_extended_pcr_locks_until_the_reboot),
	TAP_TEST(the_key_never_crosses_the_bus_in_clear),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	setenv("TSS2_LOG", "all+NONE", 1);
	if (!mkdtemp(top))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
