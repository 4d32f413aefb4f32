// SPDX-License-Identifier: GPL-2.0
// Promises of the memory of signers and the keeper: what root can read of it has nothing of a key.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/sha.h>

#include <selftests/lib/tap.h>
#include <selftests/seal/memory.h>
#include <selftests/seal/thief.h>
#include <selftests/seal/tpmrig.h>

static struct rig rig;
static struct swtpm tpm;

/* a host with keys, and who has its TPM */

static struct {
	struct thief_secrets secrets;
	char text[THIEF_TEXT_MAX];
	EVP_PKEY *key;
} host;

/* @starts: 1, its processes have made their keys; 2, they have opened them. */
static void open_host(const char *name, const char *key, const char *key_type, unsigned int starts)
{
	tpmrig_open(&rig, &tpm, name, key);
	rig.key_type = key_type;
	rig_configure(&rig, "source = embedded\n");
	for (unsigned int i = 0; i < starts; i++) {
		if (i)
			rig_stop(&rig);
		rig_start_active(&rig);
	}
	host.key = thief_leaf(rig_path(&rig, "state"), &tpm, 1, &host.secrets, host.text);
}

/* what is looked for */

static const char *const private_numbers[] = {
	OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static void add_key(struct memory_pieces *pieces, EVP_PKEY *key)
{
	unsigned int found = 0;

	for (size_t i = 0; i < TAP_COUNT(private_numbers); i++) {
		BIGNUM *number = NULL;

		if (EVP_PKEY_get_bn_param(key, private_numbers[i], &number) != 1)
			continue;
		memory_add_number(pieces, number);
		BN_clear_free(number);
		found++;
	}
	tap_need(found == (EVP_PKEY_is_a(key, "RSA") ? 6 : 1));
}

/* The private line of P-256's, the private exponent's lines of RSA's. */
static void add_text(struct memory_pieces *pieces, const char *text, EVP_PKEY *key)
{
	const unsigned int first = EVP_PKEY_is_a(key, "RSA") ? 8 : 1, lines = first == 8 ? 4 : 1;

	for (unsigned int i = 0; i < first + lines; i++) {
		const char *end = strchr(text, '\n');

		tap_need(end);
		if (i >= first)
			memory_add(pieces, text, (size_t)(end - text) < 40 ? (size_t)(end - text) : 40);
		text = end + 1;
	}
}

/* An ECDSA signature's nonce is as good as the key: k = (e + r d) / s. */
static void add_nonce(struct memory_pieces *pieces, PKCS7 *p7, EVP_PKEY *key)
{
	const ASN1_OCTET_STRING *content = p7->d.sign->contents->d.data;
	const ASN1_OCTET_STRING *bytes =
		sk_PKCS7_SIGNER_INFO_value(p7->d.sign->signer_info, 0)->enc_digest;
	const unsigned char *p = bytes->data;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, bytes->length);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *d = NULL, *k = BN_new(), *e, *s;
	const BIGNUM *n = EC_GROUP_get0_order(group);
	BN_CTX *ctx = BN_CTX_new();
	uint8_t digest[32];

	SHA256(content->data, (size_t)content->length, digest);
	e = BN_bin2bn(digest, sizeof(digest), NULL);
	tap_need(signature && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1);
	tap_need(BN_mod_mul(k, ECDSA_SIG_get0_r(signature), d, n, ctx) == 1 &&
		 BN_mod_add(k, k, e, n, ctx) == 1);
	s = BN_mod_inverse(NULL, ECDSA_SIG_get0_s(signature), n, ctx);
	tap_need(s && BN_mod_mul(k, k, s, n, ctx) == 1);
	memory_add_number(pieces, k);
	BN_free(e);
	BN_free(s);
	BN_free(d);
	BN_free(k);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
	ECDSA_SIG_free(signature);
}

/* promises */

static int have_and_wait(void *arg)
{
	uint8_t *copy = malloc(64);

	memcpy(copy, arg, 64);
	kill(getpid(), SIGSTOP);
	return copy[0];
}

static void add_random(struct memory_pieces *pieces, BIGNUM *number)
{
	tap_need(BN_rand(number, 256, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
	memory_add_number(pieces, number);
}

/* The control of all that find nothing. */
static void a_part_of_a_number_in_ordinary_memory_is_found(void)
{
	static struct memory_pieces pieces;
	uint8_t bytes[64] = { 0 };
	BIGNUM *number = BN_new();
	int status;
	pid_t pid;

	add_random(&pieces, number);
	tap_need(BN_bn2lebinpad(number, bytes + 5, 32) == 32);
	memset(bytes + 5, 0, 12);
	pid = tap_spawn(have_and_wait, bytes, -1);
	tap_need_eq(waitpid(pid, &status, WUNTRACED), pid);
	tap_need(WIFSTOPPED(status));
	tap_need(memory_with(pid, &pieces) > 0);
	memset(&pieces, 0, sizeof(pieces));
	add_random(&pieces, number);	/* that it never had */
	tap_need_eq(memory_with(pid, &pieces), 0);
	tap_kill(pid);
	BN_free(number);
}

static void need_signers_without(const struct memory_pieces *pieces)
{
	pid_t pid;

	for (unsigned int i = 0; i < 2; i++) {
		pid = rig_signer(&rig, i);
		tap_need(pid > 0);
		tap_need_eq(memory_with(pid, pieces), 0);
	}
}

static void need_signed_in_secret(const char *name, const char *key_type)
{
	static struct memory_pieces pieces;
	PKCS7 *p7;

	open_host(name, "level = tpm", key_type, 2);
	for (unsigned int i = 0; i < 8; i++)
		PKCS7_free(rig_document(&rig));
	p7 = rig_document(&rig);
	add_key(&pieces, host.key);
	add_text(&pieces, host.text, host.key);
	memory_add(&pieces, host.secrets.grant, sizeof(host.secrets.grant));
	if (!EVP_PKEY_is_a(host.key, "RSA"))
		add_nonce(&pieces, p7, host.key);
	need_signers_without(&pieces);
	PKCS7_free(p7);
	EVP_PKEY_free(host.key);
	rig_stop(&rig);
}

static void signers_leave_nothing_of_a_p_256_key_or_its_nonces_outside_of_the_arena(void)
{
	need_signed_in_secret("memory-p-256", "p-256");
}

static void signers_leave_nothing_of_an_rsa_key_outside_of_the_arena(void)
{
	need_signed_in_secret("memory-rsa", "rsa-2048");
}

static void need_kept_in_secret(const char *name, const char *key, unsigned int starts)
{
	static struct memory_pieces pieces;

	open_host(name, key, "p-256", starts);
	memory_add(&pieces, host.secrets.wrapping, sizeof(host.secrets.wrapping));
	memory_add(&pieces, host.secrets.grant, sizeof(host.secrets.grant));
	tap_need_eq(memory_with(rig_keeper(&rig), &pieces), 0);
	EVP_PKEY_free(host.key);
	rig_stop(&rig);
}

static void the_keeper_leaves_nothing_of_an_unsealed_key_outside_of_the_arena(void)
{
	need_kept_in_secret("memory-tpm", "level = tpm", 2);
}

static void the_keeper_leaves_nothing_of_a_host_key_outside_of_the_arena(void)
{
	need_kept_in_secret("memory-host-key", "level = host-key", 2);
}

static void the_keeper_leaves_nothing_of_a_key_that_it_made_outside_of_the_arena(void)
{
	need_kept_in_secret("memory-made", "level = tpm", 1);
}

static void signers_and_the_keeper_have_a_stack_that_is_neither_swapped_nor_dumped(void)
{
	open_host("stack", "level = tpm", "p-256", 1);
	tap_need(!memory_stack_is_guarded(rig.daemon));		/* the control */
	for (unsigned int i = 0; i < 2; i++)
		tap_need(memory_stack_is_guarded(rig_signer(&rig, i)));
	tap_need(memory_stack_is_guarded(rig_keeper(&rig)));
	EVP_PKEY_free(host.key);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_part_of_a_number_in_ordinary_memory_is_found),
	TAP_TEST(signers_leave_nothing_of_a_p_256_key_or_its_nonces_outside_of_the_arena),
	TAP_TEST(signers_leave_nothing_of_an_rsa_key_outside_of_the_arena),
	TAP_TEST(the_keeper_leaves_nothing_of_an_unsealed_key_outside_of_the_arena),
	TAP_TEST(the_keeper_leaves_nothing_of_a_host_key_outside_of_the_arena),
	TAP_TEST(the_keeper_leaves_nothing_of_a_key_that_it_made_outside_of_the_arena),
	TAP_TEST(signers_and_the_keeper_have_a_stack_that_is_neither_swapped_nor_dumped),
};

int main(int argc, char **argv)
{
	setenv("TSS2_LOG", "all+NONE", 1);
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
