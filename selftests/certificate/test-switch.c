// SPDX-License-Identifier: GPL-2.0
// Promise of certificates that change under load: no request is lost, no key meets another's certificate.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include <selftests/certificate/rig.h>

#define PLACES	24	/* asked at once */
#define SYNCS	6

static struct rig rig;

struct load {
	int place[PLACES];	/* of the request */
	unsigned long serial[SYNCS + 2];	/* all that were seen, by their hash */
	unsigned int serials;
	unsigned int answers;
	X509_STORE *roots;
	STACK_OF(X509) *issuer;	/* the CA's, which no renewal changes */
};

static void load_begin(struct load *load)
{
	FILE *in = fopen(rig_path(&rig, "state/leaf-000001/issuer.pem"), "r");
	X509 *issuer = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;

	tap_need(issuer && !fclose(in));
	*load = (struct load) { .roots = X509_STORE_new(), .issuer = sk_X509_new_null() };
	tap_need(load->roots && load->issuer && sk_X509_push(load->issuer, issuer) == 1);
	tap_need(X509_STORE_load_file(load->roots, rig_path(&rig, "trust.pem")) == 1);
	for (int i = 0; i < PLACES; i++)
		load->place[i] = fakemodule_ask(rig.module, 20201001, "abc", "");
}

static void load_end(struct load *load)
{
	sk_X509_pop_free(load->issuer, X509_free);
	X509_STORE_free(load->roots);
}

static void note_serial(struct load *load, X509 *leaf)
{
	unsigned long serial = X509_issuer_and_serial_hash(leaf);

	for (unsigned int i = 0; i < load->serials; i++)
		if (load->serial[i] == serial)
			return;
	tap_need(load->serials < SYNCS + 2);
	load->serial[load->serials++] = serial;
}

static void need_chain(struct load *load, X509 *leaf)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	tap_need(context && X509_STORE_CTX_init(context, load->roots, leaf, load->issuer) == 1);
	tap_need_msg(X509_verify_cert(context) == 1, "%s",
		     X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	X509_STORE_CTX_free(context);
}

/* By the leaf in it, which leads to the CA's root. */
static void verify(struct load *load, const struct fakemodule_request *r)
{
	const unsigned char *p = r->document;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)r->answer.length);
	STACK_OF(X509) *signers;

	tap_need(p7 && PKCS7_verify(p7, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1);
	signers = PKCS7_get0_signers(p7, NULL, 0);
	tap_need(sk_X509_num(signers) == 1);
	need_chain(load, sk_X509_value(signers, 0));
	note_serial(load, sk_X509_value(signers, 0));
	sk_X509_free(signers);
	PKCS7_free(p7);
}

/* Each that was answered is asked anew. */
static void look(struct load *load)
{
	for (int i = 0; i < PLACES; i++) {
		int place = load->place[i];

		tap_need(place >= 0);
		if (!fakemodule_answered(rig.module, place))
			continue;
		tap_need_eq(rig.module->request[place].answer.status, AZATTEST_STATUS_OK);
		verify(load, &rig.module->request[place]);
		load->answers++;
		fakemodule_free(rig.module, place);
		load->place[i] = fakemodule_ask(rig.module, 20201001, "abc", "");
	}
}

/* Whether there were so many answers by now. */
static bool goes_on(struct load *load, unsigned int until)
{
	look(load);
	return load->answers >= until;
}

static int sync_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < SYNCS; i++)
		if (*rig_sync(&rig))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static bool all_answered(struct load *load)
{
	for (int i = 0; i < PLACES; i++)
		if (!fakemodule_answered(rig.module, load->place[i]))
			return false;
	return true;
}

static void switched_certificates_lose_no_request_and_mix_no_keys(void)
{
	struct load load;
	unsigned int seen;
	pid_t syncs;

	rig_open_cmp(&rig, "switch");
	rig_start_active(&rig);
	load_begin(&load);
	tap_need_wait(goes_on(&load, 2 * PLACES));
	tap_need_eq(load.serials, 1);
	syncs = tap_spawn(sync_many, NULL, -1);
	/* Two more than were there: the switch itself has been seen from both sides. */
	tap_need_wait(goes_on(&load, 0) && load.serials >= 3);
	tap_need_wait(goes_on(&load, 0) && rig_number(&rig, "signers", "generation") == 1 + SYNCS);
	tap_need_eq(tap_join(syncs), EXIT_SUCCESS);
	seen = load.answers;
	tap_need_wait(goes_on(&load, seen + 2 * PLACES));
	tap_need_wait(all_answered(&load));
	look(&load);
	tap_need_eq(rig_number(&rig, "sync", "failed"), 0);
	load_end(&load);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(switched_certificates_lose_no_request_and_mix_no_keys),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
