// SPDX-License-Identifier: GPL-2.0
// Promises of azattestd and its signers as they run, with a module that is a file.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include <selftests/azattestd/fakemodule.h>
#include <selftests/lib/tap.h>
#include <userspace/azattestd/azattestd.h>

static char top[] = "/tmp/azattest-daemon-XXXXXX";
static char bin[400];		/* where the programs are */
static char dir[64];		/* of this promise */
static struct fakemodule *module;
static pid_t daemon_pid;

#define SIGNERS	"[host]\nname = node1.test\n[signer]\nuser = nobody\nkey-type = p-256\n" \
		"processes = 2\n"
#define P256	"[key]\nlevel = host-key\n" SIGNERS
#define PLAIN	"[key]\nlevel = file\n" SIGNERS

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned int turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

static void write_config(const char *text)
{
	FILE *out = fopen(in_dir("conf"), "w");

	tap_need(out && fputs(text, out) >= 0 && !fclose(out));
}

static int exec_daemon(void *arg)
{
	char program[500], signer[500];
	int log = open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)arg;
	snprintf(program, sizeof(program), "%s/azattestd-asan", bin);
	snprintf(signer, sizeof(signer), "%s/azattest-signer-fake", bin);
	dup2(log, STDERR_FILENO);
	execl(program, "azattestd", "--config", in_dir("conf"), "--state", in_dir("state"),
	      "--run", in_dir("run"), "--device", in_dir("device"), "--signer", signer, NULL);
	return 126;
}

/* tap_spawn() children die with us: so does the daemon, so do its signers. */
static void start(void)
{
	daemon_pid = tap_spawn(exec_daemon, NULL, -1);
}

static void prepare(const char *name, const char *config)
{
	if (geteuid())
		tap_skip("needs root to change users");
	snprintf(dir, sizeof(dir), "%s/%s", top, name);
	tap_need(!mkdir(dir, 0755));
	write_config(config);
	module = fakemodule_make(in_dir("device"));
	tap_need(module);
}

static int connect_control(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/azattestd.sock", dir);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size && (n = read(fd, buf + length, size - length)) > 0)
		length += (size_t)n;
	return length;
}

/* NULL when nobody answers. */
static json_t *ask(const char *line)
{
	static char answer[65536];
	int fd = connect_control();
	size_t length;

	if (fd < 0)
		return NULL;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) {
		close(fd);
		return NULL;
	}
	length = read_all(fd, answer, sizeof(answer));
	close(fd);
	return json_loadb(answer, length, 0, NULL);
}

static json_t *status(void)
{
	static json_t *last;

	json_decref(last);
	last = ask("{\"request\":\"status\"}\n");
	return last;
}

static json_t *member(json_t *object, const char *a, const char *b)
{
	return json_object_get(json_object_get(object, a), b);
}

static long long number(const char *a, const char *b)
{
	return json_integer_value(member(status(), a, b));
}

static bool host_is(const char *state)
{
	const char *is = json_string_value(member(status(), "host", "state"));

	return is && !strcmp(is, state);
}

static bool all_ready(void)
{
	return host_is("Active") && number("signers", "ready") == number("signers", "wanted");
}

static bool log_has(const char *text)
{
	static char log[262144];
	int fd = open(in_dir("log"), O_RDONLY | O_CLOEXEC);
	size_t length;

	if (fd < 0)
		return false;
	length = read_all(fd, log, sizeof(log) - 1);
	close(fd);
	log[length] = 0;
	return strstr(log, text);
}

static void need_log(const char *text)
{
	if (tap_wait(log_has(text)))
		return;
	tap_fail(__FILE__, __LINE__, "the log never said \"%s\"", text);
}

static void start_ready(const char *name, const char *config)
{
	prepare(name, config);
	start();
	tap_need_wait(all_ready());
}

static void need_end(int code)
{
	int end = tap_join(daemon_pid);

	tap_need_eq(end, code);
	tap_need(!log_has("ERROR: AddressSanitizer") && !log_has("ERROR: LeakSanitizer"));
}

static void stop(void)
{
	kill(daemon_pid, SIGTERM);
	need_end(0);
}

static pid_t signer_pid(size_t index)
{
	return (pid_t)json_integer_value(json_array_get(member(status(), "signers", "pids"), index));
}

/* Whether the answer in that place is a document that verifies by its own leaf. */
static bool is_document(int place)
{
	const struct fakemodule_request *r = &module->request[place];
	const unsigned char *p = r->document;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)r->answer.length);
	bool ok = p7 && PKCS7_verify(p7, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1;

	PKCS7_free(p7);
	return ok;
}

static uint32_t ask_status(uint32_t version, const char *nonce, const char *profile)
{
	int place = fakemodule_ask(module, version, nonce, profile);
	uint32_t end;

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(module, place));
	end = module->request[place].answer.status;
	if (end == AZATTEST_STATUS_OK)
		tap_need(is_document(place));
	fakemodule_free(module, place);
	return end;
}

static void every_request_gets_its_answer(void)
{
	struct azattest_signer_request odd = {
		.type = 9, .attempt = 1, .api_version = 20181001, .transport = 1,
	};
	int place;

	start_ready("answers", P256 "[profile gold]\nsku = x\n");
	tap_need_eq(ask_status(20201001, "abc-_123", ""), AZATTEST_STATUS_OK);
	tap_need_eq(ask_status(20201001, "", ""), AZATTEST_STATUS_OK);
	tap_need_eq(ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need_eq(ask_status(20201001, "a", "default"), AZATTEST_STATUS_OK);
	tap_need_eq(ask_status(20201001, "a", "silver"), AZATTEST_STATUS_DENIED);
	tap_need_eq(ask_status(20180402, "a", ""), AZATTEST_STATUS_UNSUPPORTED);
	tap_need_eq(ask_status(0, "a", ""), AZATTEST_STATUS_UNSUPPORTED);
	tap_need_eq(ask_status(20201001, "a\"b", ""), AZATTEST_STATUS_BAD_REQUEST);
	place = fakemodule_queue(module, &odd);
	tap_need_wait(fakemodule_answered(module, place));
	tap_need_eq(module->request[place].answer.status, AZATTEST_STATUS_UNSUPPORTED);
	odd.type = AZATTEST_FRAME_ISSUER;
	place = fakemodule_queue(module, &odd);
	tap_need_wait(fakemodule_answered(module, place));
	tap_need_eq(module->request[place].answer.status, AZATTEST_STATUS_OK);
	tap_need_wait(number("counters", "issued") == 4 && number("counters", "issuer") == 1);
	tap_need_eq(json_integer_value(json_object_get(member(status(), "counters", "refused"),
						       "denied")), 1);
	need_log("issued vm=aabb0100-0000-0000-0000-000000000000 name=\"test vm\" cid=42 binding=7 "
		 "via=vsock api-version=2020-10-01 nonce=given attempt=1 expires=");
	need_log("status=denied");
	stop();
}

static void sign_batch(void);

/* A signer tells of its losses with its next report, so both have to answer again. */
static bool one_more_and_all_counted(unsigned int *batches)
{
	sign_batch();
	(*batches)++;
	tap_pause();
	return number("counters", "lines_lost") > 0 &&
	       number("counters", "lines_lost") + number("counters", "issued") ==
	       *batches * FAKEMODULE_REQUESTS;
}

static void stopped_journal_never_stops_signing(void)
{
	unsigned int batches;

	start_ready("journal", P256 "[journal]\ndocuments = none\n");
	kill(daemon_pid, SIGSTOP);
	for (batches = 0; batches < 40; batches++)	/* two pipes hold 16 to 25 of them */
		sign_batch();
	kill(daemon_pid, SIGCONT);
	tap_need_wait(one_more_and_all_counted(&batches));
	need_log("lines about documents were lost");
	stop();
}

/* As many at once as there are places; one of them is looked into. */
static void sign_batch(void)
{
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		tap_need(fakemodule_ask(module, 20201001, "n", "") == i);
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		tap_need_wait(fakemodule_answered(module, i));
	tap_need(is_document(0));
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++) {
		tap_need_eq(module->request[i].answer.status, AZATTEST_STATUS_OK);
		fakemodule_free(module, i);
	}
}

/*
 * P-256 reseeds its generator after 65,536 calls, RSA renews its blinding after
 * 32: both are system calls that a shorter test would not meet.
 */
static void sign_many(const char *name, const char *config, unsigned int count)
{
	start_ready(name, config);
	for (unsigned int done = 0; done < count; done += FAKEMODULE_REQUESTS)
		sign_batch();
	tap_need_eq(number("signers", "restarts"), 0);
	stop();
}

static void filter_allows_140000_p256_signatures(void)
{
	sign_many("many-p256", P256 "[journal]\ndocuments = none\n", 140000);
}

static void filter_allows_hundreds_of_rsa_signatures(void)
{
	sign_many("many-rsa", "[host]\nname = a.b\n[signer]\nuser = nobody\nprocesses = 2\n", 300);
}

static void forbidden_call_kills_the_signer(void)
{
	char name[32];

	for (uint32_t defect = FAKEMODULE_DEFECT_OPEN; defect <= FAKEMODULE_DEFECT_MMAP; defect++) {
		snprintf(name, sizeof(name), "filter-%u", defect);
		start_ready(name, P256);
		module->defect = defect;
		fakemodule_wake(module);
		tap_need_wait(number("signers", "restarts") >= 1 || module->defect == UINT32_MAX);
		tap_need_msg(module->defect == defect, "call %u was allowed", defect);
		need_log("made a system call that its filter forbids");
		stop();
	}
}

static long status_line(pid_t pid, const char *file, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, field, strlen(field)))
			value = strtol(line + strlen(field), NULL, 16);
	if (in)
		fclose(in);
	return value;
}

static int count_fds(pid_t pid)
{
	char command[64];
	FILE *in;
	int count = -1;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", pid);
	in = popen(command, "r");
	if (in && fscanf(in, "%d", &count) != 1)
		count = -1;
	if (in)
		pclose(in);
	return count;
}

static void signer_has_no_rights(void)
{
	static const char *const zero[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char path[64];
	struct stat st;
	pid_t pid;

	start_ready("rights", P256);
	pid = signer_pid(0);
	for (size_t i = 0; i < TAP_COUNT(zero); i++)
		tap_need_eq(status_line(pid, "status", zero[i]), 0);
	tap_need_eq(status_line(pid, "status", "Uid:"), 0x65534);
	tap_need_eq(status_line(pid, "status", "NoNewPrivs:"), 1);
	tap_need_eq(status_line(pid, "status", "Seccomp:"), 2);
	tap_need(status_line(pid, "status", "VmLck:") > 0);
	tap_need_eq(count_fds(pid), 5);
	/* not dumpable: its files under /proc are root's */
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	tap_need(!stat(path, &st) && st.st_uid == 0);
	stop();
}

static void killed_signer_is_replaced_and_its_request_answered(void)
{
	pid_t victim;
	int place;

	start_ready("replaced", P256);
	victim = signer_pid(0);
	kill(victim, SIGSTOP);
	place = fakemodule_ask(module, 20201001, "x", "");
	kill(victim, SIGKILL);
	tap_need_wait(number("signers", "restarts") == 1 && all_ready());
	fakemodule_requeue(module, victim);
	tap_need_wait(fakemodule_answered(module, place));
	tap_need(signer_pid(0) != victim && signer_pid(1) != victim);
	need_log("killed by signal 9");
	stop();
}

static void signers_that_always_die_are_said_and_not_hurried(void)
{
	prepare("always-die", P256);
	module->defect = FAKEMODULE_DEFECT_DIE_IN_JOIN;
	start();
	need_log("signers end again and again");
	tap_need_wait(host_is("Error"));
	tap_need(number("signers", "restarts") < 40);
	module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(all_ready());
	stop();
}

static void module_of_another_version_ends_the_daemon(void)
{
	prepare("version", P256);
	module->version = AZATTEST_SIGNER_VERSION + 1;
	start();
	need_end(EXIT_MODULE);
	need_log("the loaded module speaks signer protocol 2, this azattestd 1");
}

static void missing_module_ends_the_daemon(void)
{
	prepare("missing", P256);
	unlink(in_dir("device"));
	start();
	need_end(EXIT_MODULE);
	need_log("modprobe azattest");
	tap_need(access(in_dir("state"), F_OK));
}

static void bad_configuration_and_state_end_with_their_codes(void)
{
	prepare("codes", "[signer]\nbogus = 1\n");
	start();
	need_end(EXIT_CONFIG);
	need_log("conf:2: bogus: no such key");
	write_config(P256);
	tap_need(!mkdir(in_dir("state"), 0755));
	start();
	need_end(EXIT_STATE);
	need_log("others may use");
}

static void good_reload_replaces_all_signers_first_new_then_old(void)
{
	pid_t before;

	start_ready("reload", P256);
	before = signer_pid(0);
	tap_need_eq(ask_status(20201001, "a", "gold"), AZATTEST_STATUS_DENIED);
	write_config(P256 "[profile gold]\n");
	kill(daemon_pid, SIGHUP);
	tap_need_wait(number("signers", "epoch") == 2 && all_ready() && signer_pid(0) != before &&
		      signer_pid(1) != before);
	tap_need_wait(kill(before, 0) && errno == ESRCH);
	tap_need_eq(ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need_eq(number("signers", "generation"), 1);
	tap_need_eq(number("signers", "restarts"), 0);
	stop();
}

static void bad_reload_changes_nothing(void)
{
	pid_t before;

	start_ready("bad-reload", P256 "[profile gold]\n");
	before = signer_pid(0);
	write_config("[host]\nname = other.test\n[signer]\nbogus\n");
	kill(daemon_pid, SIGHUP);
	need_log("reload refused, the running configuration stays: ");
	tap_need(host_is("Active"));
	tap_need_eq(signer_pid(0), before);
	tap_need_eq(ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need(!strcmp(json_string_value(member(status(), "certificate", "name")), "node1.test"));
	stop();
}

static void reload_with_another_key_type_makes_a_new_generation(void)
{
	start_ready("new-key", P256);
	write_config("[host]\nname = node2.test\n[signer]\nuser = nobody\nprocesses = 3\n"
		     "key-type = rsa-2048\n");
	kill(daemon_pid, SIGHUP);
	tap_need_wait(number("signers", "generation") == 2 && all_ready() &&
		      number("signers", "wanted") == 3);
	tap_need(!strcmp(json_string_value(member(status(), "certificate", "name")), "node2.test"));
	tap_need_eq(ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	tap_need_wait(module->generation == 2);
	tap_need_wait(access(in_dir("state/leaf-000001"), F_OK));
	stop();
}

static void restart_keeps_key_and_certificate(void)
{
	char serial[80];

	start_ready("restart", P256);
	snprintf(serial, sizeof(serial), "%s",
		 json_string_value(member(status(), "certificate", "serial")));
	stop();
	start();
	tap_need_wait(all_ready());
	tap_need(!strcmp(serial, json_string_value(member(status(), "certificate", "serial"))));
	stop();
}

/* The leaf of generation 1 ends soon, and the CA that could make another is damaged. */
static void shorten_leaf(int seconds)
{
	FILE *key_file = fopen(in_dir("state/ca/issuing.key"), "r");
	FILE *in = fopen(in_dir("state/leaf-000001/cert.pem"), "r"), *out;
	EVP_PKEY *key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
	X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);

	fclose(key_file);
	fclose(in);
	tap_need(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
	tap_need(X509_sign(cert, key, EVP_sha256()) > 0);
	out = fopen(in_dir("state/leaf-000001/cert.pem"), "w");
	tap_need(PEM_write_X509(out, cert) == 1 && !fclose(out));
	tap_need(!truncate(in_dir("state/ca/issuing.key"), 10));
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void ended_certificate_is_expired_everywhere_at_once(void)
{
	start_ready("expired", PLAIN);
	stop();
	shorten_leaf(8);
	start();
	tap_need_wait(all_ready());
	tap_need_eq(ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	tap_need_eq(module->host_state, AZATTEST_HOST_READY);
	need_log("/ca/issuing.key: does not parse");
	tap_need_wait(host_is("Expired"));
	tap_need_wait(module->host_state == AZATTEST_HOST_EXPIRED);
	tap_need_eq(ask_status(20201001, "a", ""), AZATTEST_STATUS_EXPIRED);
	tap_need_eq(number("signers", "restarts"), 0);
	tap_need(strstr(json_string_value(member(status(), "host", "reason")), "renewal failing for "));
	stop();
}

static void kill_at_random_times_never_spoils_the_state(void)
{
	unsigned int loops = tap_loops(25, 500);

	prepare("random-kill", P256);
	srand(7);
	while (loops--) {
		start();
		usleep((useconds_t)(rand() % 400000));
		tap_kill(daemon_pid);
	}
	start();
	tap_need_wait(all_ready());
	tap_need_eq(ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	stop();
}

/* Gone, or dead and not yet buried by whoever inherited it. */
static bool is_dead(pid_t pid)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	read_all(fd, text, sizeof(text) - 1);
	close(fd);
	return strstr(text, ") Z");
}

static void dead_daemon_takes_its_signers_along(void)
{
	pid_t first, second;

	start_ready("orphans", P256);
	first = signer_pid(0);
	second = signer_pid(1);
	tap_kill(daemon_pid);
	tap_need_wait(is_dead(first) && is_dead(second));
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

	start_ready("control", P256);
	tap_need(!stat(in_dir("run/azattestd.sock"), &st));
	tap_need_eq(st.st_mode & 07777, 0666);
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		json_t *answer = ask(bad[i]);

		tap_need(json_is_false(json_object_get(answer, "ok")));
		tap_need(json_is_string(json_object_get(answer, "error")));
		json_decref(answer);
	}
	memset(buf, 'x', sizeof(buf));
	fd[0] = connect_control();
	tap_need(write(fd[0], buf, sizeof(buf)) > 0);
	tap_need_eq(read_all(fd[0], buf, sizeof(buf)), 0);
	/* Silent clients are sent away, and then others are heard again. */
	for (size_t i = 0; i < TAP_COUNT(fd); i++)
		fd[i] = connect_control();
	tap_need_wait(host_is("Active"));
	stop();
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
		if (connect_control() < 0)
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
	return host_is("Active") ? 0 : 2;
}

static void control_places_are_shared_by_users_and_kept_for_root(void)
{
	struct crowd *crowd = tap_shared(3 * sizeof(*crowd));
	uid_t other = 64003;

	start_ready("places", P256);
	crowd[0].uid = 64000;
	tap_spawn(hold_places, &crowd[0], -1);
	tap_need_wait(crowd[0].connected);
	tap_need_eq(tap_join(tap_spawn(ask_as_user, &other, -1)), 0);
	tap_need(host_is("Active"));
	for (unsigned int i = 1; i < 3; i++) {
		crowd[i].uid = 64000 + i;
		tap_spawn(hold_places, &crowd[i], -1);
		tap_need_wait(crowd[i].connected);
	}
	tap_need(host_is("Active"));
	/* those that are held lose them when their time is over, and then others are heard */
	tap_need_wait(!tap_join(tap_spawn(ask_as_user, &other, -1)));
	stop();
}

static void trust_is_the_root_and_the_issuing_certificate(void)
{
	json_t *trust;

	start_ready("trust", P256);
	trust = ask("{\"request\":\"trust\"}\n");
	tap_need(json_is_true(json_object_get(trust, "ok")));
	tap_need(strstr(json_string_value(json_object_get(trust, "root")), "BEGIN CERTIFICATE"));
	tap_need(strstr(json_string_value(json_object_get(trust, "issuing")), "BEGIN CERTIFICATE"));
	tap_need(!strstr(json_string_value(json_object_get(trust, "root")), "PRIVATE"));
	json_decref(trust);
	stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(every_request_gets_its_answer),
	TAP_TEST(stopped_journal_never_stops_signing),
	TAP_TEST(filter_allows_140000_p256_signatures),
	TAP_TEST(filter_allows_hundreds_of_rsa_signatures),
	TAP_TEST(forbidden_call_kills_the_signer),
	TAP_TEST(signer_has_no_rights),
	TAP_TEST(killed_signer_is_replaced_and_its_request_answered),
	TAP_TEST(signers_that_always_die_are_said_and_not_hurried),
	TAP_TEST(module_of_another_version_ends_the_daemon),
	TAP_TEST(missing_module_ends_the_daemon),
	TAP_TEST(bad_configuration_and_state_end_with_their_codes),
	TAP_TEST(good_reload_replaces_all_signers_first_new_then_old),
	TAP_TEST(bad_reload_changes_nothing),
	TAP_TEST(reload_with_another_key_type_makes_a_new_generation),
	TAP_TEST(restart_keeps_key_and_certificate),
	TAP_TEST(ended_certificate_is_expired_everywhere_at_once),
	TAP_TEST(kill_at_random_times_never_spoils_the_state),
	TAP_TEST(dead_daemon_takes_its_signers_along),
	TAP_TEST(control_socket_is_for_all_and_bounded),
	TAP_TEST(control_places_are_shared_by_users_and_kept_for_root),
	TAP_TEST(trust_is_the_root_and_the_issuing_certificate),
};

int main(int argc, char **argv)
{
	char command[64];
	int ret;
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);

	if (n <= 0 || !mkdtemp(top) || chmod(top, 0755))
		return 1;
	*strrchr(bin, '/') = 0;
	ret = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}
