// SPDX-License-Identifier: GPL-2.0
// Promises of keys at rest: what is wrapped opens whole, with its own key, or not at all.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/seal/seal.h>

#define PLAIN_LEN	121	/* as a P-256 key in DER */
#define BLOB_LEN	(PLAIN_LEN + SEAL_EXTRA)
#define HEAD_LEN	sizeof(struct seal_head)
#define FILLER		0x55

static const uint8_t kek_id[SEAL_ID_LEN] = "wrapping key one";
static const uint8_t blob_id[SEAL_ID_LEN] = "the first blob..";
static uint8_t wrapping_key[SEAL_KEY_LEN], plain[PLAIN_LEN], blob[BLOB_LEN];
static struct seal_grant grant;

static void wrap(void)
{
	memset(wrapping_key, 7, sizeof(wrapping_key));
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(0x80 + i);
	tap_need(!seal_grant_make(&grant, kek_id, wrapping_key, blob_id));
	tap_need_eq(seal_wrap(&grant, plain, sizeof(plain), blob), BLOB_LEN);
}

/* On the heap and of the exact size, so that the sanitizer sees a byte too many. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	tap_need(copy);
	memcpy(copy, bytes, length);
	return copy;
}

static void need_opens(const uint8_t *bytes, size_t length)
{
	uint8_t *in = copy_of(bytes, length), *out = malloc(sizeof(plain));

	tap_need_eq(seal_open(&grant, in, length, out), PLAIN_LEN);
	tap_need(!memcmp(out, plain, sizeof(plain)));
	free(in);
	free(out);
}

/* GCM deciphers before it knows: of that nothing may be left. */
static void need_closed(const struct seal_grant *with, const uint8_t *bytes, size_t length,
			const char *what, size_t number)
{
	uint8_t *in = copy_of(bytes, length), *out = malloc(BLOB_LEN);

	memset(out, FILLER, BLOB_LEN);
	tap_need_msg(seal_open(with, in, length, out) == -EBADMSG, "%s %zu opens", what, number);
	for (size_t i = 0; i < BLOB_LEN; i++)
		tap_need_msg(out[i] == FILLER || !out[i], "%s %zu leaves 0x%02x at %zu", what, number,
			     out[i], i);
	free(in);
	free(out);
}

static void what_was_wrapped_opens_and_is_nowhere_in_clear(void)
{
	struct seal_head head;

	wrap();
	need_opens(blob, sizeof(blob));
	tap_need(!memmem(blob, sizeof(blob), plain, 8));
	tap_need(!memmem(blob, sizeof(blob), grant.key, 8));
	tap_need(!seal_peek(blob, sizeof(blob), &head));
	tap_need(!memcmp(head.kek, kek_id, SEAL_ID_LEN) && !memcmp(head.id, blob_id, SEAL_ID_LEN));
}

/* The same key and nonce twice would give away the keystream. */
static void no_two_blobs_have_the_same_nonce(void)
{
	uint8_t other[BLOB_LEN];

	wrap();
	tap_need_eq(seal_wrap(&grant, plain, sizeof(plain), other), BLOB_LEN);
	tap_need(memcmp(((struct seal_head *)other)->nonce, ((struct seal_head *)blob)->nonce, 12));
	tap_need(memcmp(other + HEAD_LEN, blob + HEAD_LEN, PLAIN_LEN));
	need_opens(other, sizeof(other));
}

static void a_blob_is_refused_at_every_length_but_its_own(void)
{
	uint8_t longer[BLOB_LEN + 20] = { 0 };
	struct seal_head head;

	wrap();
	for (size_t length = 0; length < BLOB_LEN; length++) {
		tap_need_eq(seal_peek(blob, length, &head), -EBADMSG);
		need_closed(&grant, blob, length, "cut to", length);
	}
	memcpy(longer, blob, BLOB_LEN);
	for (size_t length = BLOB_LEN + 1; length <= sizeof(longer); length++) {
		tap_need_eq(seal_peek(longer, length, &head), -EBADMSG);
		need_closed(&grant, longer, length, "grown to", length);
	}
	need_opens(blob, BLOB_LEN);
}

/* Who cuts the ciphertext can mend the head's length, which the tag covers. */
static void a_cut_blob_with_its_length_mended_is_refused(void)
{
	uint8_t cut[BLOB_LEN];

	wrap();
	for (size_t length = 0; length < PLAIN_LEN; length++) {
		struct seal_head head;

		memcpy(&head, blob, sizeof(head));
		memset(head.length, 0, sizeof(head.length));
		head.length[0] = (uint8_t)length;
		memcpy(cut, &head, sizeof(head));
		memcpy(cut + HEAD_LEN, blob + HEAD_LEN, length);
		memcpy(cut + HEAD_LEN + length, blob + HEAD_LEN + PLAIN_LEN, SEAL_TAG_LEN);
		tap_need(!seal_peek(cut, length + SEAL_EXTRA, &head));
		need_closed(&grant, cut, length + SEAL_EXTRA, "mended to", length);
	}
}

static void a_blob_is_refused_with_any_bit_flipped(void)
{
	wrap();
	for (size_t bit = 0; bit < 8 * BLOB_LEN; bit++) {
		blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
		need_closed(&grant, blob, sizeof(blob), "bit", bit);
		blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	need_opens(blob, sizeof(blob));
}

static void lengths_at_the_bounds(void)
{
	uint8_t empty[SEAL_EXTRA], out[1] = { FILLER };
	struct seal_head head;

	wrap();
	tap_need_eq(seal_wrap(&grant, plain, 0, empty), SEAL_EXTRA);
	tap_need_eq(seal_open(&grant, empty, sizeof(empty), out), 0);
	empty[SEAL_EXTRA - 1] ^= 1;
	tap_need_eq(seal_open(&grant, empty, sizeof(empty), out), -EBADMSG);
	tap_need_eq(out[0], FILLER);
	tap_need_eq(seal_peek(empty, sizeof(empty) - 1, &head), -EBADMSG);
	/* The cipher counts in int. */
	tap_need_eq(seal_wrap(&grant, plain, (size_t)INT32_MAX + 1, empty), -EIO);
	memset(empty + offsetof(struct seal_head, length), 0xff, 4);
	tap_need_eq(seal_peek(empty, sizeof(empty), &head), -EBADMSG);
}

/* grants */

static void need_useless(const uint8_t kek[SEAL_ID_LEN], const uint8_t key[SEAL_KEY_LEN],
			 const uint8_t id[SEAL_ID_LEN], const char *what)
{
	struct seal_grant other;

	tap_need(!seal_grant_make(&other, kek, key, id));
	tap_need(memcmp(other.key, grant.key, SEAL_KEY_LEN));
	need_closed(&other, blob, sizeof(blob), what, 0);
	/* Nor if who has it writes its names into the blob's head. */
	memcpy(blob + offsetof(struct seal_head, kek), kek, SEAL_ID_LEN);
	memcpy(blob + offsetof(struct seal_head, id), id, SEAL_ID_LEN);
	need_closed(&other, blob, sizeof(blob), what, 1);
	wrap();
}

static void a_grant_opens_its_own_blob_alone(void)
{
	wrap();
	for (size_t bit = 0; bit < 8 * SEAL_ID_LEN; bit++) {
		uint8_t id[SEAL_ID_LEN];

		memcpy(id, blob_id, sizeof(id));
		id[bit / 8] ^= (uint8_t)(1 << bit % 8);
		need_useless(kek_id, wrapping_key, id, "another blob's grant");
	}
}

static void a_grant_of_another_wrapping_key_opens_nothing(void)
{
	wrap();
	for (size_t bit = 0; bit < 8 * SEAL_KEY_LEN; bit++) {
		uint8_t key[SEAL_KEY_LEN];

		memcpy(key, wrapping_key, sizeof(key));
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		need_useless(kek_id, key, blob_id, "another wrapping key's grant");
	}
}

static void a_grant_is_not_the_wrapping_key(void)
{
	wrap();
	tap_need(!memmem(&grant, sizeof(grant), wrapping_key, 8));
	tap_need(!memcmp(grant.kek, kek_id, SEAL_ID_LEN) && !memcmp(grant.id, blob_id, SEAL_ID_LEN));
}

static void half_a_grant_is_no_grant(void)
{
	struct seal_grant got;
	int end[2];

	wrap();
	for (size_t length = 0; length <= sizeof(grant); length++) {
		tap_need(!pipe2(end, O_CLOEXEC));
		tap_need_eq(write(end[1], &grant, length), length);
		close(end[1]);
		tap_need_eq(seal_grant_read(end[0], &got), length < sizeof(grant) ? -ENOKEY : 0);
		close(end[0]);
	}
	tap_need(!memcmp(&got, &grant, sizeof(got)));
	tap_need_eq(seal_grant_read(end[0], &got), -EBADF);
}

static void an_ask_carries_a_pipe_that_the_asker_keeps_no_end_of(void)
{
	struct seal_ask ask = { .kek = "k", .id = "i" };
	struct seal_grant got;
	int sock[2], in;

	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock));
	in = seal_grant_ask(sock[0], &ask);
	tap_need(in >= 0);
	/* A keeper that is gone, with what it was sent, is an answer too. */
	close(sock[1]);
	tap_need_eq(seal_grant_read(in, &got), -ENOKEY);
	tap_need(seal_grant_ask(sock[0], &ask) < 0);
}

/* the wrapping key's file */

static uint8_t file[SEAL_KEK_MAX];

static struct seal_kek make_tpm(uint32_t pcrs, uint16_t public_len, uint16_t private_len)
{
	struct seal_kek kek = {
		.level = SEAL_TPM, .pcrs = pcrs, .public_len = public_len,
		.private_len = private_len,
	};

	memcpy(kek.id, kek_id, sizeof(kek.id));
	for (unsigned int i = 0; i < SEAL_PCR_COUNT; i++)
		if (pcrs >> i & 1)
			memset(kek.pcr[i], (int)i + 1, SEAL_PCR_LEN);
	memset(kek.parent, 0xaa, sizeof(kek.parent));
	memset(kek.public, 0xbb, public_len);
	memset(kek.private, 0xcc, private_len);
	return kek;
}

static struct seal_kek make_host_key(bool credential)
{
	struct seal_kek kek = { .level = SEAL_HOST_KEY, .credential = credential };

	memcpy(kek.id, kek_id, sizeof(kek.id));
	if (!credential)
		memset(kek.key, 7, sizeof(kek.key));
	return kek;
}

static int read_exact(struct seal_kek *kek, const uint8_t *bytes, size_t length)
{
	uint8_t *in = copy_of(bytes, length);
	int ret = seal_kek_read(kek, in, length);

	free(in);
	return ret;
}

static bool same(const struct seal_kek *a, const struct seal_kek *b)
{
	return a->level == b->level && a->pcrs == b->pcrs && a->credential == b->credential &&
	       !memcmp(a->id, b->id, sizeof(a->id)) && !memcmp(a->key, b->key, sizeof(a->key)) &&
	       !memcmp(a->pcr, b->pcr, sizeof(a->pcr)) &&
	       !memcmp(a->parent, b->parent, sizeof(a->parent)) &&
	       a->public_len == b->public_len && a->private_len == b->private_len &&
	       !memcmp(a->public, b->public, sizeof(a->public)) &&
	       !memcmp(a->private, b->private, sizeof(a->private));
}

/* Its bytes, which are refused at every other length. */
static size_t need_round_trip(const struct seal_kek *kek)
{
	uint8_t longer[SEAL_KEK_MAX + 1] = { 0 };
	struct seal_kek back;
	size_t length = seal_kek_write(kek, file);

	tap_need(length);
	tap_need(!read_exact(&back, file, length) && same(kek, &back));
	for (size_t cut = 0; cut < length; cut++)
		tap_need_msg(read_exact(&back, file, cut) == -EBADMSG, "cut to %zu is taken", cut);
	memcpy(longer, file, length);
	tap_need_eq(read_exact(&back, longer, length + 1), -EBADMSG);
	return length;
}

static void a_wrapping_key_comes_back_from_its_file_and_from_no_part_of_it(void)
{
	struct seal_kek kek;

	kek = make_host_key(false);
	need_round_trip(&kek);
	kek = make_host_key(true);
	need_round_trip(&kek);
	kek = make_tpm(1 << 0 | 1 << 7, 78, 158);
	need_round_trip(&kek);
	kek = make_tpm(1 << 23, 0, 0);
	need_round_trip(&kek);
	kek = make_tpm((1 << SEAL_PCR_COUNT) - 1, SEAL_PUBLIC_MAX, SEAL_PRIVATE_MAX);
	tap_need(need_round_trip(&kek) <= SEAL_KEK_MAX);
}

static void what_does_not_fit_is_not_written(void)
{
	struct seal_kek kek = make_tpm(1, SEAL_PUBLIC_MAX, SEAL_PRIVATE_MAX);

	kek.public_len++;
	tap_need_eq(seal_kek_write(&kek, file), 0);
	kek = make_tpm(1, SEAL_PUBLIC_MAX, SEAL_PRIVATE_MAX);
	kek.private_len++;
	tap_need_eq(seal_kek_write(&kek, file), 0);
	kek = make_tpm(1, 1, 1);
	kek.pcrs |= 1 << SEAL_PCR_COUNT;
	tap_need_eq(seal_kek_write(&kek, file), 0);
	kek = make_host_key(false);
	kek.level = SEAL_FILE;
	tap_need_eq(seal_kek_write(&kek, file), 0);
	kek.level = SEAL_AUTO;
	tap_need_eq(seal_kek_write(&kek, file), 0);
}

/* What the file's owner would do with it: the grant of the blob, if it is that key's. */
static bool opens_blob(const struct seal_kek *kek)
{
	struct seal_grant other;
	uint8_t out[PLAIN_LEN];

	if (kek->level != SEAL_HOST_KEY || memcmp(kek->id, kek_id, SEAL_ID_LEN))
		return false;
	return !seal_grant_make(&other, kek->id, kek->key, blob_id) &&
	       seal_open(&other, blob, sizeof(blob), out) == PLAIN_LEN;
}

/* The TPM judges its own parts (test-tpm); here no bit is lost, or read past the end. */
static void a_flipped_bit_of_the_file_is_refused_or_opens_nothing(void)
{
	struct seal_kek keks[] = { make_host_key(false), make_host_key(true), make_tpm(0x81, 78, 158) };
	struct seal_kek back;

	wrap();
	for (size_t i = 0; i < TAP_COUNT(keks); i++) {
		size_t length = seal_kek_write(&keks[i], file);

		for (size_t bit = 0; bit < 8 * length; bit++) {
			file[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (!read_exact(&back, file, length))
				tap_need_msg(!same(&keks[i], &back) &&
					     (back.credential || !opens_blob(&back)),
					     "file %zu: bit %zu does not matter", i, bit);
			file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	/* The control: the first file, as it was, opens it. */
	tap_need(!read_exact(&back, file, seal_kek_write(&keks[0], file)) && opens_blob(&back));
}

static void only_a_folder_that_was_named_so_is_one(void)
{
	static const char *const bad[] = {
		"", "seal-", "seal-0123456789abcdef0123456789abcde",
		"seal-0123456789abcdef0123456789abcdef0", "seal-0123456789ABCDEF0123456789abcdef",
		"seal-0123456789abcdef0123456789abcdeg", "seal-0123456789abcdef0123456789abcd f",
		"Seal-0123456789abcdef0123456789abcdef", "seal-0x23456789abcdef0123456789abcdef",
	};
	uint8_t id[SEAL_ID_LEN];
	char name[SEAL_FOLDER_LEN];

	seal_folder(kek_id, name);
	tap_need(seal_folder_id(name, id) && !memcmp(id, kek_id, sizeof(id)));
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(!seal_folder_id(bad[i], id), "\"%s\" is taken", bad[i]);
}

static const struct tap_test tests[] = {
	TAP_TEST(what_was_wrapped_opens_and_is_nowhere_in_clear),
	TAP_TEST(no_two_blobs_have_the_same_nonce),
	TAP_TEST(a_blob_is_refused_at_every_length_but_its_own),
	TAP_TEST(a_cut_blob_with_its_length_mended_is_refused),
	TAP_TEST(a_blob_is_refused_with_any_bit_flipped),
	TAP_TEST(lengths_at_the_bounds),
	TAP_TEST(a_grant_opens_its_own_blob_alone),
	TAP_TEST(a_grant_of_another_wrapping_key_opens_nothing),
	TAP_TEST(a_grant_is_not_the_wrapping_key),
	TAP_TEST(half_a_grant_is_no_grant),
	TAP_TEST(an_ask_carries_a_pipe_that_the_asker_keeps_no_end_of),
	TAP_TEST(a_wrapping_key_comes_back_from_its_file_and_from_no_part_of_it),
	TAP_TEST(what_does_not_fit_is_not_written),
	TAP_TEST(a_flipped_bit_of_the_file_is_refused_or_opens_nothing),
	TAP_TEST(only_a_folder_that_was_named_so_is_one),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
