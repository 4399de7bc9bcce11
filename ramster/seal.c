// SPDX-License-Identifier: GPL-2.0-only
/*
 * What leaves this machine is sealed
 *
 * A zpage is encrypted before it leaves and verified when it comes back, with
 * AES-256-GCM. A lender can neither read nor change it, nor give another page or
 * an older one in its place: the number of the page is part of what is verified,
 * and a number is never used again. What does not verify is a miss.
 *
 * Where the CPU has no instructions for AES it is ChaCha20-Poly1305, as in TLS: AES
 * in C is slow, and how long it takes depends on the key. Key, nonce and tag are of
 * the same sizes.
 *
 *	key	32 random bytes, made at boot, in the transform only. After a
 *		reboot nobody can open what was pushed before, nobody wants to.
 *	nonce	a random salt of 4 bytes, made at boot, and the number, 8 bytes,
 *		big endian. Both are broken by two pages with one nonce: a number
 *		must be sealed once only. Sending it again is no harm.
 *	AAD	number and length of the plaintext, 8 bytes each, big endian
 *	tag	16 bytes, behind the ciphertext
 *
 * Zpages are sealed in a buffer of ours and copied, which costs little beside
 * the encryption. So the caller's may be anywhere (on the stack or in vmalloc
 * space, at any offset), the crypto API never has to allocate a bounce buffer
 * for one that crosses a page, and no plaintext reaches anyone before it is
 * verified. There is a seat (buffer and request) for each CPU that was there at
 * the start, and any may be used from any CPU: a mutex keeps the users apart, for
 * they may sleep or be moved. Nothing is allocated under it.
 *
 * A virtual machine that is put back to a snapshot, or cloned, would seal other pages
 * with numbers that were used. When the kernel is told of it there is a new key and a
 * new salt (ramster_seal_renew()): what was pushed before opens no more.
 *
 * Locks: ramster_key_sem, read for each zpage, written when the key changes; then the
 * mutex of a seat.
 *
 * Hardware on a bus is not used, one could wait for it for ever. The fast
 * implementations of some architectures call themselves asynchronous, since they
 * would defer work if the vector registers were in use; from a task they are not.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <crypto/aead.h>
#include <crypto/gcm.h>
#include <linux/build_bug.h>
#include <linux/cpumask.h>
#include <linux/crypto.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "proto.h"
#include "ramster.h"

#define RAMSTER_KEY_LEN		32

/* Neither hardware on a bus, nor one that allocates for each request. */
#define RAMSTER_AVOID	(CRYPTO_ALG_KERN_DRIVER_ONLY | CRYPTO_ALG_ALLOCATES_MEMORY)

/* The crypto API's priority of what is plain C. */
#define RAMSTER_PLAIN_C	100

/**
 * struct ramster_seal_buffer - what one sealing reads and writes
 * @data: plaintext or ciphertext, and the tag; aligned for any implementation
 * @number: of the zpage, with @len what is authenticated beside the data
 * @len: of the plaintext in bytes
 * @nonce: salt and number
 */
struct ramster_seal_buffer {
	u8 data[RAMSTER_MAX_SEALED];
	__be64 number;
	__be64 len;
	u8 nonce[GCM_AES_IV_SIZE];
};

/* It is in one page. */
static_assert(sizeof(struct ramster_seal_buffer) <= PAGE_SIZE);
static_assert(RAMSTER_MAX_ZPAGE + RAMSTER_SEAL_HEADER + RAMSTER_SEAL_TAG <=
	      RAMSTER_MAX_SEALED);

/**
 * struct ramster_seat - where zpages are sealed
 * @lock: held while one is
 * @req: set up once, but for the length
 * @wait: for @req
 * @sg: the buffer
 * @buf: the buffer
 */
struct ramster_seat {
	struct mutex lock;	/* one zpage at a time */
	struct aead_request *req;
	struct crypto_wait wait;
	struct scatterlist sg[2];
	struct ramster_seal_buffer *buf;
};

static DECLARE_RWSEM(ramster_key_sem);
static struct crypto_aead *ramster_tfm;
static u32 ramster_salt;
static bool ramster_key_lost;
static struct ramster_seat *ramster_seats;
static unsigned int ramster_nr_seats;

static int ramster_seat_alloc(struct ramster_seat *seat)
{
	/* A page, so aligned to one. */
	seat->buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	seat->req = aead_request_alloc(ramster_tfm, GFP_KERNEL);
	if (!seat->buf || !seat->req)
		return -ENOMEM;
	mutex_init(&seat->lock);
	crypto_init_wait(&seat->wait);
	sg_init_table(seat->sg, 2);
	sg_set_buf(&seat->sg[0], &seat->buf->number, 2 * sizeof(__be64));
	sg_set_buf(&seat->sg[1], seat->buf->data, RAMSTER_MAX_SEALED);
	/* Without MAY_SLEEP: what could be allocated would be so at once. */
	aead_request_set_callback(seat->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  crypto_req_done, &seat->wait);
	aead_request_set_ad(seat->req, 2 * sizeof(__be64));
	return 0;
}

static void ramster_seats_free(void)
{
	unsigned int i;

	for (i = 0; i < ramster_nr_seats; i++) {
		kfree(ramster_seats[i].buf);
		aead_request_free(ramster_seats[i].req);
	}
	kfree(ramster_seats);
	ramster_seats = NULL;
}

static int ramster_seats_alloc(void)
{
	unsigned int i;
	int err = 0;

	ramster_nr_seats = num_online_cpus();
	ramster_seats = kcalloc(ramster_nr_seats, sizeof(*ramster_seats), GFP_KERNEL);
	if (!ramster_seats)
		return -ENOMEM;
	for (i = 0; i < ramster_nr_seats && !err; i++)
		err = ramster_seat_alloc(&ramster_seats[i]);
	if (err)
		ramster_seats_free();
	return err;
}

/* Waits for entropy, of which a machine that boots makes enough in a second. */
static int ramster_make_key(struct crypto_aead *tfm)
{
	u8 key[RAMSTER_KEY_LEN];
	int err;

	err = get_random_bytes_wait(key, sizeof(key));
	if (!err)
		err = crypto_aead_setkey(tfm, key, sizeof(key));
	memzero_explicit(key, sizeof(key));
	ramster_salt = get_random_u32();
	return err ?: crypto_aead_setauthsize(tfm, RAMSTER_SEAL_TAG);
}

static bool ramster_is_plain_c(struct crypto_aead *tfm)
{
	return crypto_aead_alg(tfm)->base.cra_priority <= RAMSTER_PLAIN_C;
}

static struct crypto_aead *ramster_cipher_alloc(void)
{
	struct crypto_aead *tfm = crypto_alloc_aead("gcm(aes)", 0, RAMSTER_AVOID);

	if (IS_ERR(tfm) || !ramster_is_plain_c(tfm))
		return tfm;
	crypto_free_aead(tfm);
	return crypto_alloc_aead("rfc7539(chacha20,poly1305)", 0, RAMSTER_AVOID);
}

/**
 * ramster_seal_start() - make the key
 *
 * Once; after that it does nothing, so that tests can call it as well.
 *
 * Context: May sleep. One caller at a time; nothing is being sealed.
 * Return: 0; -ENOENT if there is no cipher that can be used; -ENOMEM; another
 * -errno of the crypto API.
 */
int ramster_seal_start(void)
{
	struct crypto_aead *tfm;
	int err;

	if (ramster_tfm)
		return 0;
	tfm = ramster_cipher_alloc();
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	pr_info("pages are sealed by %s\n", crypto_tfm_alg_driver_name(crypto_aead_tfm(tfm)));
	err = ramster_make_key(tfm);
	if (err)
		goto free_tfm;
	ramster_tfm = tfm;
	err = ramster_seats_alloc();
	if (err)
		goto free_tfm;
	return 0;

free_tfm:
	ramster_tfm = NULL;
	crypto_free_aead(tfm);
	return err;
}

/**
 * ramster_seal_renew() - change the key: what was sealed opens no more
 *
 * Context: May sleep.
 * Return: 0, or -errno of the crypto API, and nothing opens or is sealed any more.
 */
int ramster_seal_renew(void)
{
	int err;

	down_write(&ramster_key_sem);
	err = ramster_make_key(ramster_tfm);
	ramster_key_lost = err;
	up_write(&ramster_key_sem);
	return err;
}

static struct ramster_seat *ramster_seat_take(u64 number, unsigned int len)
{
	struct ramster_seat *seat;

	down_read(&ramster_key_sem);
	seat = &ramster_seats[raw_smp_processor_id() % ramster_nr_seats];
	mutex_lock(&seat->lock);
	seat->buf->number = cpu_to_be64(number);
	seat->buf->len = cpu_to_be64(len);
	put_unaligned_be32(ramster_salt, seat->buf->nonce);
	put_unaligned_be64(number, seat->buf->nonce + sizeof(u32));
	return seat;
}

static void ramster_seat_leave(struct ramster_seat *seat)
{
	mutex_unlock(&seat->lock);
	up_read(&ramster_key_sem);
}

/**
 * ramster_seal() - encrypt a zpage
 * @number: its number; never sealed before
 * @buf: @len bytes, anywhere, and room for RAMSTER_SEAL_TAG more behind them.
 *	Unchanged if this fails.
 * @len: 1 to RAMSTER_MAX_SEALED - RAMSTER_SEAL_TAG
 *
 * Context: Process context, may sleep, in reclaim too; allocates nothing.
 * Return: 0; -EINVAL if @len is out of range; -ENOKEY if the key could not be renewed;
 * another -errno of the crypto API.
 */
int ramster_seal(u64 number, void *buf, unsigned int len)
{
	struct ramster_seat *seat;
	int err;

	if (!len || len > RAMSTER_MAX_SEALED - RAMSTER_SEAL_TAG)
		return -EINVAL;
	seat = ramster_seat_take(number, len);
	memcpy(seat->buf->data, buf, len);
	aead_request_set_crypt(seat->req, seat->sg, seat->sg, len, seat->buf->nonce);
	err = ramster_key_lost ? -ENOKEY :
	      crypto_wait_req(crypto_aead_encrypt(seat->req), &seat->wait);
	if (!err)
		memcpy(buf, seat->buf->data, len + RAMSTER_SEAL_TAG);
	ramster_seat_leave(seat);
	return err;
}

/**
 * ramster_open() - verify and decrypt a zpage
 * @number: the number by which it was sealed
 * @buf: @len bytes, anywhere, of which the last RAMSTER_SEAL_TAG are the tag. The
 *	plaintext, without a tag, replaces them; they are unchanged if this fails.
 * @len: bytes with the tag
 *
 * Context: Process context, may sleep, in reclaim too; allocates nothing.
 * Return: 0, or -EBADMSG if it is not what ramster_seal() made of that number.
 */
int ramster_open(u64 number, void *buf, unsigned int len)
{
	struct ramster_seat *seat;
	int err;

	if (len <= RAMSTER_SEAL_TAG || len > RAMSTER_MAX_SEALED)
		return -EBADMSG;
	seat = ramster_seat_take(number, len - RAMSTER_SEAL_TAG);
	memcpy(seat->buf->data, buf, len);
	aead_request_set_crypt(seat->req, seat->sg, seat->sg, len, seat->buf->nonce);
	err = ramster_key_lost ? -ENOKEY :
	      crypto_wait_req(crypto_aead_decrypt(seat->req), &seat->wait);
	if (!err)
		memcpy(buf, seat->buf->data, len - RAMSTER_SEAL_TAG);
	ramster_seat_leave(seat);
	return err ? -EBADMSG : 0;
}
