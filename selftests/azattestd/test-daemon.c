// SPDX-License-Identifier: GPL-2.0
// Promises of azattestd as it runs: what ends it, reloads, restarts, the end of its
// certificate, and its control socket.

#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <userspace/azattestd/azattestd.h>

static void module_of_another_version_ends_the_daemon(void)
{
	rig_prepare("version", RIG_P256);
	rig_module->version = AZATTEST_SIGNER_VERSION + 1;
	rig_start();
	rig_need_end(EXIT_MODULE);
	rig_need_log("the loaded module speaks signer protocol 2, this azattestd 1");
}

static void missing_module_ends_the_daemon(void)
{
	rig_prepare("missing", RIG_P256);
	unlink(rig_path("device"));
	rig_start();
	rig_need_end(EXIT_MODULE);
	rig_need_log("modprobe azattest");
	tap_need(access(rig_path("state"), F_OK));
}

static void bad_configuration_and_state_end_with_their_codes(void)
{
	rig_prepare("codes", "[signer]\nbogus = 1\n");
	rig_start();
	rig_need_end(EXIT_CONFIG);
	rig_need_log("conf:2: bogus: no such key");
	rig_config(RIG_P256);
	tap_need(!mkdir(rig_path("state"), 0755));
	rig_start();
	rig_need_end(EXIT_STATE);
	rig_need_log("others may use");
}

/* Between two looks at the lock. */
static bool daemon_sleeps(void)
{
	char path[40];
	long number = -1;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/syscall", rig_daemon);
	in = fopen(path, "r");
	if (!in)
		return false;
	if (fscanf(in, "%ld", &number) != 1)
		number = -1;
	fclose(in);
	return number == SYS_clock_nanosleep;
}

/* Of one that was killed, a renewal that is not gone yet. */
static void lock_that_is_let_go_is_waited_for(void)
{
	int dir;

	rig_prepare("lock", RIG_P256);
	tap_need(!mkdir(rig_path("state"), 0700));
	dir = open(rig_path("state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tap_need(dir >= 0 && !flock(dir, LOCK_EX));
	rig_start();
	tap_need_wait(daemon_sleeps());
	close(dir);
	tap_need_wait(rig_all_ready());
	rig_stop();
}

static void good_reload_replaces_all_signers_first_new_then_old(void)
{
	pid_t before, other;

	rig_start_ready("reload", RIG_P256);
	before = rig_signer(0);
	other = rig_signer(1);
	tap_need_eq(rig_ask_status(20201001, "a", "gold"), AZATTEST_STATUS_DENIED);
	rig_config(RIG_P256 "[profile gold]\n");
	kill(rig_daemon, SIGHUP);
	tap_need_wait(rig_number("signers", "epoch") == 2 && rig_all_ready() && rig_signer(0) != before &&
		      rig_signer(1) != before);
	tap_need_wait(kill(before, 0) && errno == ESRCH);
	tap_need_wait(kill(other, 0) && errno == ESRCH);
	tap_need_eq(rig_ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need_eq(rig_number("signers", "generation"), 1);
	tap_need_eq(rig_number("signers", "restarts"), 0);
	rig_stop();
}

static void bad_reload_changes_nothing(void)
{
	pid_t before;

	rig_start_ready("bad-reload", RIG_P256 "[profile gold]\n");
	before = rig_signer(0);
	rig_config("[host]\nname = other.test\n[signer]\nbogus\n");
	kill(rig_daemon, SIGHUP);
	rig_need_log("reload refused, the running configuration stays: ");
	tap_need(rig_host_is("Active"));
	tap_need_eq(rig_signer(0), before);
	tap_need_eq(rig_ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need(!strcmp(json_string_value(rig_member(rig_status(), "certificate", "name")), "node1.test"));
	rig_stop();
}

static void reload_with_another_key_type_makes_a_new_generation(void)
{
	rig_start_ready("new-key", RIG_P256);
	rig_config("[host]\nname = node2.test\n[signer]\nuser = nobody\nprocesses = 3\n"
		   "key-type = rsa-2048\n");
	kill(rig_daemon, SIGHUP);
	tap_need_wait(rig_number("signers", "generation") == 2 && rig_all_ready() &&
		      rig_number("signers", "wanted") == 3);
	tap_need(!strcmp(json_string_value(rig_member(rig_status(), "certificate", "name")), "node2.test"));
	tap_need_eq(rig_ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	tap_need_wait(rig_module->generation == 2);
	tap_need_wait(access(rig_path("state/leaf-000001"), F_OK));
	rig_stop();
}

/* Also of that name a self-test has to verify its signature before it goes live. */
static void the_other_digest_name_is_signed_with_too(void)
{
	rig_start_ready("azure", "[key]\nlevel = file\n[host]\nname = node1.test\n[signer]\n"
			"user = nobody\nprocesses = 2\nenvelope = azure-exact\n");
	tap_need_eq(rig_ask_status(20201001, "n", ""), AZATTEST_STATUS_OK);
	rig_stop();
}

static void restart_keeps_key_and_certificate(void)
{
	char serial[80];

	rig_start_ready("restart", RIG_P256);
	snprintf(serial, sizeof(serial), "%s",
		 json_string_value(rig_member(rig_status(), "certificate", "serial")));
	rig_stop();
	rig_start();
	tap_need_wait(rig_all_ready());
	tap_need(!strcmp(serial, json_string_value(rig_member(rig_status(), "certificate", "serial"))));
	rig_stop();
}

/* The leaf of generation 1 ends soon, and the CA that could make another is damaged. */
static void shorten_leaf(int seconds)
{
	FILE *key_file = fopen(rig_path("state/ca/issuing.key"), "r");
	FILE *in = fopen(rig_path("state/leaf-000001/cert.pem"), "r"), *out;
	EVP_PKEY *key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
	X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);

	fclose(key_file);
	fclose(in);
	tap_need(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
	tap_need(X509_sign(cert, key, EVP_sha256()) > 0);
	out = fopen(rig_path("state/leaf-000001/cert.pem"), "w");
	tap_need(PEM_write_X509(out, cert) == 1 && !fclose(out));
	tap_need(!truncate(rig_path("state/ca/issuing.key"), 10));
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void ended_certificate_is_expired_everywhere_at_once(void)
{
	rig_start_ready("expired", RIG_PLAIN);
	rig_stop();
	shorten_leaf(8);
	rig_start();
	tap_need_wait(rig_all_ready());
	tap_need_eq(rig_ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	tap_need_eq(rig_module->host_state, AZATTEST_HOST_READY);
	rig_need_log("/ca/issuing.key: does not parse");
	tap_need_wait(rig_host_is("Expired"));
	tap_need_wait(rig_module->host_state == AZATTEST_HOST_EXPIRED);
	tap_need_eq(rig_ask_status(20201001, "a", ""), AZATTEST_STATUS_EXPIRED);
	tap_need_eq(rig_number("signers", "restarts"), 0);
	tap_need(strstr(json_string_value(rig_member(rig_status(), "host", "reason")), "renewal failing for "));
	rig_stop();
}

static void kill_at_random_times_never_spoils_the_state(void)
{
	unsigned int loops = tap_loops(25, 150);

	rig_prepare("random-kill", RIG_P256);
	srand(7);
	while (loops--) {
		rig_start();
		usleep((useconds_t)(rand() % 400000));
		tap_kill(rig_daemon);
	}
	rig_start();
	tap_need_wait(rig_all_ready());
	tap_need_eq(rig_ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	rig_stop();
}

static void control_socket_is_for_all_and_bounded(void)
{
	static const char *const bad[] = {
		"\n", "{}\n", "[]\n", "{\"request\":1}\n", "{\"request\":\"stop\"}\n", "\xff\n",
		"{\"request\":\"status\",\"request\":\"trust\"}\n",
	};
	char buf[2048];
	struct stat st;
	int fd[40];

	rig_start_ready("control", RIG_P256);
	tap_need(!stat(rig_path("run/azattestd.sock"), &st));
	tap_need_eq(st.st_mode & 07777, 0666);
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		json_t *answer = rig_ask(bad[i]);

		tap_need(json_is_false(json_object_get(answer, "ok")));
		tap_need(json_is_string(json_object_get(answer, "error")));
		json_decref(answer);
	}
	memset(buf, 'x', sizeof(buf));
	fd[0] = rig_connect();
	tap_need(write(fd[0], buf, sizeof(buf)) > 0);
	tap_need_eq(rig_read(fd[0], buf, sizeof(buf)), 0);
	/* Silent clients are sent away, and then others are heard again. */
	for (size_t i = 0; i < TAP_COUNT(fd); i++)
		fd[i] = rig_connect();
	tap_need_wait(rig_host_is("Active"));
	rig_stop();
}

struct crowd {
	uid_t uid;
	uint32_t connected;	/* 1: it has all that it gets */
};

/* Holds as many places as it gets, until it is killed. */
static int hold_places(void *arg)
{
	struct crowd *crowd = arg;

	if (setgid(crowd->uid) || setuid(crowd->uid))
		return 1;
	for (int i = 0; i < 12; i++)
		if (rig_connect() < 0)
			return 1;
	crowd->connected = 1;
	for (;;)
		pause();
}

static int ask_as_user(void *arg)
{
	uid_t *uid = arg;

	if (setgid(*uid) || setuid(*uid))
		return 1;
	return rig_host_is("Active") ? 0 : 2;
}

static void control_places_are_shared_by_users_and_kept_for_root(void)
{
	struct crowd *crowd = tap_shared(3 * sizeof(*crowd));
	uid_t other = 64003;

	rig_start_ready("places", RIG_P256);
	crowd[0].uid = 64000;
	tap_spawn(hold_places, &crowd[0], -1);
	tap_need_wait(crowd[0].connected);
	tap_need_eq(tap_join(tap_spawn(ask_as_user, &other, -1)), 0);
	tap_need(rig_host_is("Active"));
	for (unsigned int i = 1; i < 3; i++) {
		crowd[i].uid = 64000 + i;
		tap_spawn(hold_places, &crowd[i], -1);
		tap_need_wait(crowd[i].connected);
	}
	tap_need(rig_host_is("Active"));
	/* those that are held lose them when their time is over, and then others are heard */
	tap_need_wait(!tap_join(tap_spawn(ask_as_user, &other, -1)));
	rig_stop();
}

static void trust_is_the_root_and_the_issuing_certificate(void)
{
	json_t *trust;

	rig_start_ready("trust", RIG_P256);
	trust = rig_ask("{\"request\":\"trust\"}\n");
	tap_need(json_is_true(json_object_get(trust, "ok")));
	tap_need(strstr(json_string_value(json_object_get(trust, "root")), "BEGIN CERTIFICATE"));
	tap_need(strstr(json_string_value(json_object_get(trust, "issuing")), "BEGIN CERTIFICATE"));
	tap_need(!strstr(json_string_value(json_object_get(trust, "root")), "PRIVATE"));
	json_decref(trust);
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(module_of_another_version_ends_the_daemon),
	TAP_TEST(missing_module_ends_the_daemon),
	TAP_TEST(bad_configuration_and_state_end_with_their_codes),
	TAP_TEST(lock_that_is_let_go_is_waited_for),
	TAP_TEST(good_reload_replaces_all_signers_first_new_then_old),
	TAP_TEST(bad_reload_changes_nothing),
	TAP_TEST(reload_with_another_key_type_makes_a_new_generation),
	TAP_TEST(the_other_digest_name_is_signed_with_too),
	TAP_TEST(restart_keeps_key_and_certificate),
	TAP_TEST(ended_certificate_is_expired_everywhere_at_once),
	TAP_TEST(kill_at_random_times_never_spoils_the_state),
	TAP_TEST(control_socket_is_for_all_and_bounded),
	TAP_TEST(control_places_are_shared_by_users_and_kept_for_root),
	TAP_TEST(trust_is_the_root_and_the_issuing_certificate),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
