// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the messages of ramster (proto.c). Built for user space too,
 * see tests/user: under the sanitizers this is their fuzz target.
 *
 * Options: ramster_proto_kunit.seed=, ramster_proto_kunit.rounds=,
 * ramster_proto_kunit.ops= set the first seed, the number of seeds, and the
 * messages of each that are mutated.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/xdr.h>
#include <linux/unaligned.h>

#include "../ramster/proto.h"
#include "model.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "first seed of the random messages");

static unsigned long rounds = 5;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "number of seeds of the random messages");

static unsigned long ops = 20000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "random messages per seed");

/* Room for any message, and for what a mutation adds. */
#define SIZE	(RAMSTER_MAX_BATCH + 256)

/**
 * struct wire - buffers of a case
 * @in: a message
 * @out: what was read, written again
 * @batch: zpages of a STORE
 */
struct wire {
	u8 in[SIZE];
	u8 out[SIZE];
	u8 batch[SIZE];
};

static void start_encode(struct xdr_stream *xdr, struct xdr_buf *buf, void *to,
			 size_t size)
{
	xdr_buf_init(buf, to, size);
	buf->head[0].iov_len = 0;
	xdr_init_encode(xdr, buf, NULL, NULL);
}

static void start_decode(struct xdr_stream *xdr, struct xdr_buf *buf, void *from,
			 size_t len)
{
	xdr_buf_init(buf, from, len);
	buf->len = len;
	xdr_init_decode(xdr, buf, NULL, NULL);
}

/*
 * Each kind of message is read and written again. -EBADMSG: it was refused; any
 * other error is a mistake, for what one side accepts the other may send.
 */

static int again_hello(struct xdr_stream *in, struct xdr_stream *out)
{
	struct ramster_hello hello;
	int err = ramster_decode_hello(in, &hello);

	/* As its reader does. */
	if (!err && hello.version != RAMSTER_VERSION)
		err = hello.features || hello.epoch ? -EINVAL : -EBADMSG;
	return err ?: ramster_encode_hello(out, &hello);
}

static int again_welcome(struct xdr_stream *in, struct xdr_stream *out)
{
	struct ramster_welcome res;

	return ramster_decode_welcome(in, &res) ?: ramster_encode_welcome(out, &res);
}

static int again_sealed(struct xdr_stream *in, struct xdr_stream *out, u32 nr,
			bool may_be_missing)
{
	struct ramster_sealed sealed;
	int err = 0;

	while (nr-- && !err) {
		err = ramster_decode_sealed(in, &sealed);
		if (!err && !sealed.len && !may_be_missing)
			err = -EBADMSG;
		if (!err)
			err = ramster_encode_sealed(out, &sealed);
	}
	return err ?: ramster_decode_end(in);
}

static int again_store(struct xdr_stream *in, struct xdr_stream *out)
{
	struct ramster_token token;
	u32 nr;
	int err;

	err = ramster_decode_store(in, &token, &nr);
	if (!err)
		err = ramster_encode_store(out, &token, nr);
	return err ?: again_sealed(in, out, nr, false);
}

static int again_stored(struct xdr_stream *in, struct xdr_stream *out)
{
	enum ramster_status status;
	u64 taken;

	return ramster_decode_stored(in, &status, &taken) ?:
	       ramster_encode_stored(out, status, taken);
}

static int again_numbers(struct xdr_stream *in, struct xdr_stream *out, u32 max)
{
	struct ramster_token token;
	u64 *numbers;
	int err;
	u32 nr;

	/* Of this size, so that the sanitizers see the end of it. */
	numbers = kmalloc_array(max, sizeof(*numbers), GFP_KERNEL);
	if (!numbers)
		return -ENOMEM;
	err = ramster_decode_numbers(in, &token, numbers, &nr, max);
	if (!err)
		err = ramster_encode_numbers(out, &token, numbers, nr, max);
	kfree(numbers);
	return err;
}

static int again_load(struct xdr_stream *in, struct xdr_stream *out)
{
	return again_numbers(in, out, RAMSTER_MAX_LOAD);
}

static int again_loaded(struct xdr_stream *in, struct xdr_stream *out)
{
	enum ramster_status status;
	u32 nr;
	int err;

	err = ramster_decode_loaded(in, &status, &nr);
	if (!err)
		err = ramster_encode_loaded(out, status, nr);
	return err ?: again_sealed(in, out, nr, true);
}

static int again_invalidate(struct xdr_stream *in, struct xdr_stream *out)
{
	return again_numbers(in, out, RAMSTER_MAX_INVALIDATE);
}

static int again_token(struct xdr_stream *in, struct xdr_stream *out)
{
	struct ramster_token token;

	return ramster_decode_token(in, &token) ?: ramster_encode_token(out, &token);
}

static int again_status(struct xdr_stream *in, struct xdr_stream *out)
{
	enum ramster_status status;

	return ramster_decode_status(in, &status) ?: ramster_encode_status(out, status);
}

static int again_health(struct xdr_stream *in, struct xdr_stream *out)
{
	struct ramster_health res;

	return ramster_decode_health(in, &res) ?: ramster_encode_health(out, &res);
}

/*
 * A message with known values of each kind, and before it what it must be on the
 * wire, word by word as the head of proto.c says.
 */

static const struct ramster_token session = {
	.bytes = { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xaf },
};

static const u64 some_numbers[] = { 1, 0x000fffffffffffffULL, 0x0000000300000004ULL };

static const u32 hello_words[] = { 1, 0, 0x01020304, 0x05060708 };

static int write_hello(struct xdr_stream *xdr)
{
	return ramster_encode_hello(xdr, &(struct ramster_hello) {
		.version = RAMSTER_VERSION, .epoch = 0x0102030405060708ULL,
	});
}

static const u32 welcome_words[] = {
	0, 0xa0010203, 0x04050607, 0x08090a0b, 0x0c0d0eaf,
	0, 0x01020304, 0x05060708, 0x0100, 0,
};

static int write_welcome(struct xdr_stream *xdr)
{
	return ramster_encode_welcome(xdr, &(struct ramster_welcome) {
		.status = RAMSTER_OK, .token = session,
		.epoch = 0x0102030405060708ULL, .quota_pages = 0x010000000000ULL,
	});
}

static int write_sealed(struct xdr_stream *xdr, u64 number, u32 len)
{
	static const u8 bytes[] = { 0x51, 0x52, 0x53, 0x54, 0x55 };

	return ramster_encode_sealed(xdr, &(struct ramster_sealed) {
		.number = number, .data = bytes, .len = len,
	});
}

static const u32 store_words[] = {
	0xa0010203, 0x04050607, 0x08090a0b, 0x0c0d0eaf, 2,
	0, 7, 5, 0x51525354, 0x55000000,
	3, 4, 4, 0x51525354,
};

static int write_store(struct xdr_stream *xdr)
{
	return ramster_encode_store(xdr, &session, 2) ?:
	       write_sealed(xdr, 7, 5) ?: write_sealed(xdr, some_numbers[2], 4);
}

static const u32 stored_words[] = { 0, 0x80000000, 1 };

static int write_stored(struct xdr_stream *xdr)
{
	return ramster_encode_stored(xdr, RAMSTER_OK, 0x8000000000000001ULL);
}

static const u32 load_words[] = {
	0xa0010203, 0x04050607, 0x08090a0b, 0x0c0d0eaf, 3,
	0, 1, 0x000fffff, 0xffffffff, 3, 4,
};

static int write_load(struct xdr_stream *xdr)
{
	return ramster_encode_numbers(xdr, &session, some_numbers, 3, RAMSTER_MAX_LOAD);
}

static const u32 loaded_words[] = {
	0, 3,
	0, 7, 5, 0x51525354, 0x55000000,
	0, 9, 0,
	3, 4, 4, 0x51525354,
};

static int write_loaded(struct xdr_stream *xdr)
{
	return ramster_encode_loaded(xdr, RAMSTER_OK, 3) ?: write_sealed(xdr, 7, 5) ?:
	       write_sealed(xdr, 9, 0) ?: write_sealed(xdr, some_numbers[2], 4);
}

static const u32 invalidate_words[] = {
	0xa0010203, 0x04050607, 0x08090a0b, 0x0c0d0eaf, 3,
	0, 1, 0x000fffff, 0xffffffff, 3, 4,
};

static int write_invalidate(struct xdr_stream *xdr)
{
	return ramster_encode_numbers(xdr, &session, some_numbers, 3,
				      RAMSTER_MAX_INVALIDATE);
}

static const u32 token_words[] = { 0xa0010203, 0x04050607, 0x08090a0b, 0x0c0d0eaf };

static int write_token(struct xdr_stream *xdr)
{
	return ramster_encode_token(xdr, &session);
}

static const u32 status_words[] = { 5 };

static int write_status(struct xdr_stream *xdr)
{
	return ramster_encode_status(xdr, RAMSTER_BUSY);
}

static const u32 health_words[] = {
	0, 5, 6, 0x00100000, 0, 0x0100, 0, 1, 0, 0x00100000, 0,
};

static int write_health(struct xdr_stream *xdr)
{
	return ramster_encode_health(xdr, &(struct ramster_health) {
		.status = RAMSTER_OK, .pages = 0x0000000500000006ULL,
		.oldest = 0x0010000000000000ULL, .room_pages = 0x010000000000ULL,
		.is_short = true, .lost = 0x0010000000000000ULL,
	});
}

/**
 * struct kind - a kind of message
 * @name: of the procedure, call or answer
 * @write: write the one with known values
 * @again: read any and write it again
 * @nr: words of @words
 * @words: what @write writes
 */
struct kind {
	const char *name;
	int (*write)(struct xdr_stream *xdr);
	int (*again)(struct xdr_stream *in, struct xdr_stream *out);
	unsigned int nr;
	const u32 *words;
};

#define KIND(kind) {							\
	#kind, write_##kind, again_##kind,				\
	ARRAY_SIZE(kind##_words), kind##_words,				\
}

static const struct kind kinds[] = {
	KIND(hello),
	KIND(welcome),
	KIND(store),
	KIND(stored),
	KIND(load),
	KIND(loaded),
	KIND(invalidate),
	KIND(token),
	KIND(status),
	KIND(health),
};

KUNIT_ARRAY_PARAM_DESC(kind, kinds, name);

static const struct kind *kind_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static size_t put_words(void *to, const struct kind *kind)
{
	unsigned int i;

	for (i = 0; i < kind->nr; i++)
		put_unaligned_be32(kind->words[i], to + 4 * i);
	return 4 * kind->nr;
}

/* Read @len bytes and write them again, to exactly as much room. */
static int read_again(const struct kind *kind, void *in, void *out, size_t len,
		      size_t *written)
{
	struct xdr_stream from, to;
	struct xdr_buf a, b;
	int err;

	start_decode(&from, &a, in, len);
	start_encode(&to, &b, out, len);
	err = kind->again(&from, &to);
	*written = b.len;
	return err;
}

/* Is it refused, where not a byte more than @len may be touched? */
static int read_exactly(const struct kind *kind, const void *in, size_t len)
{
	u8 *copy = kmalloc(len, GFP_KERNEL), *out = kmalloc(len, GFP_KERNEL);
	int err = -ENOMEM;
	size_t written;

	if (copy && out) {
		memcpy(copy, in, len);
		err = read_again(kind, copy, out, len, &written);
		if (!err && (written != len || memcmp(copy, out, len)))
			err = -EILSEQ;
	}
	kfree(copy);
	kfree(out);
	return err;
}

static int proto_test_init(struct kunit *test)
{
	struct wire *w = kvzalloc(sizeof(*w), GFP_KERNEL);

	test->priv = w;
	return w ? 0 : -ENOMEM;
}

static void proto_test_exit(struct kunit *test)
{
	kvfree(test->priv);
}

static void proto_layout(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct wire *w = test->priv;
	size_t len = put_words(w->in, kind);
	struct xdr_stream xdr;
	struct xdr_buf buf;

	start_encode(&xdr, &buf, w->out, len);
	KUNIT_EXPECT_EQ(test, 0, kind->write(&xdr));
	KUNIT_EXPECT_EQ(test, len, (size_t)buf.len);
	KUNIT_EXPECT_MEMEQ(test, w->in, w->out, len);
	KUNIT_EXPECT_EQ(test, 0, read_exactly(kind, w->in, len));
}

/* Cut off anywhere, or longer, it is refused. Nothing is written without room. */
static void proto_exact_length(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct wire *w = test->priv;
	size_t len = put_words(w->in, kind), part;
	struct xdr_stream xdr;
	struct xdr_buf buf;
	u8 *out;

	for (part = 0; part < len; part++) {
		KUNIT_EXPECT_EQ(test, -EBADMSG, read_exactly(kind, w->in, part));
		out = kmalloc(part, GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, out);
		start_encode(&xdr, &buf, out, part);
		KUNIT_EXPECT_EQ(test, -EMSGSIZE, kind->write(&xdr));
		kfree(out);
	}
	for (part = 1; part <= 8; part++)
		KUNIT_EXPECT_EQ(test, -EBADMSG, read_exactly(kind, w->in, len + part));
}

/* The values next to a limit: those that are just right, and just not. */
static const struct limit {
	const char *name;
	const char *kind;
	unsigned int word;
	u32 values[2];
	unsigned int nr;
	bool good;
} limits[] = {
	{ "another version", "hello", 0, { 2 }, 1 },
	{ "welcome: any token", "welcome", 1, { 0 }, 1, true },
	{ "welcome: unknown status", "welcome", 0, { 6 }, 1 },
	{ "welcome: known status, but more", "welcome", 0, { 1 }, 1 },
	{ "welcome: unknown feature", "welcome", 5, { 1 }, 1 },
	{ "welcome: quota too large", "welcome", 8, { 0x0100, 1 }, 2 },
	{ "welcome: no quota", "welcome", 8, { 0, 0 }, 2, true },
	{ "store: nothing", "store", 4, { 0 }, 1 },
	{ "store: one of two", "store", 4, { 1 }, 1 },
	{ "store: three of two", "store", 4, { 3 }, 1 },
	{ "store: too many", "store", 4, { 65 }, 1 },
	{ "store: far too many", "store", 4, { 0xffffffff }, 1 },
	{ "store: number 0", "store", 5, { 0, 0 }, 2 },
	{ "store: largest number", "store", 5, { 0x000fffff, 0xffffffff }, 2, true },
	{ "store: number too large", "store", 5, { 0x00100000, 0 }, 2 },
	{ "store: no bytes", "store", 7, { 0 }, 1 },
	{ "store: length too short", "store", 7, { 4 }, 1 },
	{ "store: length beyond the end", "store", 7, { 25 }, 1 },
	{ "store: negative length", "store", 7, { 0xffffffff }, 1 },
	{ "store: length that wraps", "store", 7, { 0xfffffffd }, 1 },
	{ "store: first byte of padding", "store", 9, { 0x55010000 }, 1 },
	{ "store: last byte of padding", "store", 9, { 0x55000001 }, 1 },
	{ "stored: unknown status", "stored", 0, { 6 }, 1 },
	{ "stored: known status, but more", "stored", 0, { 5 }, 1 },
	{ "load: nothing", "load", 4, { 0 }, 1 },
	{ "load: two of three", "load", 4, { 2 }, 1 },
	{ "load: four of three", "load", 4, { 4 }, 1 },
	{ "load: too many", "load", 4, { 17 }, 1 },
	{ "load: count that wraps", "load", 4, { 0x20000003 }, 1 },
	{ "load: number 0", "load", 9, { 0, 0 }, 2 },
	{ "load: number too large", "load", 9, { 0x00100000, 0 }, 2 },
	{ "loaded: unknown status", "loaded", 0, { 6 }, 1 },
	{ "loaded: known status, but more", "loaded", 0, { 2 }, 1 },
	{ "loaded: nothing", "loaded", 1, { 0 }, 1 },
	{ "loaded: two of three", "loaded", 1, { 2 }, 1 },
	{ "loaded: four of three", "loaded", 1, { 4 }, 1 },
	{ "loaded: too many", "loaded", 1, { 17 }, 1 },
	{ "loaded: number 0", "loaded", 7, { 0, 0 }, 2 },
	{ "invalidate: nothing", "invalidate", 4, { 0 }, 1 },
	{ "invalidate: too many", "invalidate", 4, { 1025 }, 1 },
	{ "status: largest", "status", 0, { 5 }, 1, true },
	{ "status: unknown", "status", 0, { 6 }, 1 },
	{ "status: negative", "status", 0, { 0xffffffff }, 1 },
	{ "health: unknown status", "health", 0, { 6 }, 1 },
	{ "health: known status, but more", "health", 0, { 1 }, 1 },
	{ "health: too many pages", "health", 1, { 0x00100000, 1 }, 2 },
	{ "health: oldest too large", "health", 3, { 0x00100000, 1 }, 2 },
	{ "health: too much room", "health", 5, { 0x0100, 1 }, 2 },
	{ "health: not short", "health", 7, { 0 }, 1, true },
	{ "health: neither true nor false", "health", 7, { 2 }, 1 },
	{ "health: asks back", "health", 8, { 1 }, 1, true },
	{ "health: neither asks back nor not", "health", 8, { 2 }, 1 },
	{ "health: too many lost", "health", 9, { 0x00100000, 1 }, 2 },
};

KUNIT_ARRAY_PARAM_DESC(limit, limits, name);

static void proto_limits(struct kunit *test)
{
	const struct limit *limit = test->param_value;
	const struct kind *kind = kind_of(limit->kind);
	struct wire *w = test->priv;
	unsigned int i;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, kind);
	len = put_words(w->in, kind);
	for (i = 0; i < limit->nr; i++)
		put_unaligned_be32(limit->values[i], w->in + 4 * (limit->word + i));
	KUNIT_EXPECT_EQ(test, limit->good ? 0 : -EBADMSG,
			read_exactly(kind, w->in, len));
}

/* An answer that says no ends there. */
static void proto_refusal_is_short(struct kunit *test)
{
	static const char * const answers[] = {
		"welcome", "stored", "loaded", "status", "health",
	};
	u8 message[4] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		for (message[3] = 1; message[3] < 6; message[3]++)
			KUNIT_EXPECT_EQ(test, 0, read_exactly(kind_of(answers[i]),
							      message, 4));
		KUNIT_EXPECT_EQ(test, -EBADMSG, read_exactly(kind_of(answers[i]),
							     message, 4));
	}
}

/* A later version may be longer: it must be possible to tell why it is refused. */
static void proto_other_version(struct kunit *test)
{
	u8 message[24] = { 0, 0, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct ramster_hello hello;
	struct xdr_stream xdr;
	struct xdr_buf buf;

	start_decode(&xdr, &buf, message, sizeof(message));
	KUNIT_EXPECT_EQ(test, 0, ramster_decode_hello(&xdr, &hello));
	KUNIT_EXPECT_EQ(test, 2, hello.version);
	KUNIT_EXPECT_EQ(test, 0, hello.features);
	KUNIT_EXPECT_EQ(test, 0, hello.epoch);
}

/* What may not be sent is not sent. */
static void proto_encoders_refuse(struct kunit *test)
{
	struct ramster_welcome welcome = { .quota_pages = (1ULL << 40) + 1 };
	struct ramster_health health = { .room_pages = (1ULL << 40) + 1 };
	struct ramster_sealed sealed = { .number = 1, .len = 3585 };
	u64 number = 1ULL << 52;
	struct wire *w = test->priv;
	struct xdr_stream xdr;
	struct xdr_buf buf;

	sealed.data = w->in;
	start_encode(&xdr, &buf, w->out, SIZE);
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_welcome(&xdr, &welcome));
	welcome = (struct ramster_welcome) { .features = 1 };
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_welcome(&xdr, &welcome));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_health(&xdr, &health));
	health = (struct ramster_health) { .pages = (1ULL << 52) + 1 };
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_health(&xdr, &health));
	health = (struct ramster_health) { .oldest = (1ULL << 52) + 1 };
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_health(&xdr, &health));
	health = (struct ramster_health) { .lost = (1ULL << 52) + 1 };
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_health(&xdr, &health));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_status(&xdr, RAMSTER_NR_STATUS));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_sealed(&xdr, &sealed));
	sealed = (struct ramster_sealed) { .number = 0 };
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_sealed(&xdr, &sealed));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_store(&xdr, &session, 0));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_store(&xdr, &session, 65));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_loaded(&xdr, RAMSTER_OK, 0));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, ramster_encode_loaded(&xdr, RAMSTER_OK, 17));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			ramster_encode_numbers(&xdr, &session, &number, 1, 16));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			ramster_encode_numbers(&xdr, &session, &number, 17, 16));
}

/* Lay @nr zpages of @len bytes out behind the head of a STORE that says so. */
static size_t make_store(struct wire *w, u32 nr, u32 len)
{
	unsigned int used = 0;
	struct xdr_stream xdr;
	struct xdr_buf buf;
	u32 i;
	u8 *p;

	start_encode(&xdr, &buf, w->in, SIZE);
	if (ramster_encode_store(&xdr, &session, nr))
		return 0;
	for (i = 0; i < nr; i++) {
		p = ramster_batch_add(w->batch, &used, RAMSTER_MAX_BATCH, i + 1, len);
		if (!p)
			return 0;
		memset(p, i + 1, len);
	}
	memcpy(w->in + buf.len, w->batch, used);
	return buf.len + used;
}

static void proto_batch(struct kunit *test)
{
	const struct kind *store = kind_of("store");
	struct wire *w = test->priv;
	unsigned int used;
	size_t len;
	u32 bytes;

	/* Each length, as ramster_encode_sealed() would have written it. */
	for (bytes = 1; bytes <= 3584; bytes += bytes < 16 ? 1 : 223) {
		/* What was there before must not be seen in the padding. */
		memset(w->batch, 0xff, SIZE);
		len = make_store(w, 3, bytes);
		KUNIT_ASSERT_GT(test, len, 0);
		KUNIT_EXPECT_EQ(test, 0, read_exactly(store, w->in, len));
	}
	len = make_store(w, 64, 1000);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_EXPECT_EQ(test, 0, read_exactly(store, w->in, len));

	/* 18 of the largest fit, 19 do not. */
	KUNIT_EXPECT_GT(test, make_store(w, 18, 3584), 0);
	KUNIT_EXPECT_EQ(test, make_store(w, 19, 3584), 0);

	used = 100;
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, 119, 1, 5));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, 99, 1, 5));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, SIZE, 0, 5));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, SIZE, 1ULL << 52, 5));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, SIZE, 1, 0));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, SIZE, 1, 3585));
	KUNIT_EXPECT_NULL(test, ramster_batch_add(w->batch, &used, SIZE, 1, U32_MAX));
	KUNIT_EXPECT_EQ(test, 100, used);
	KUNIT_EXPECT_PTR_EQ(test, w->batch + 112,
			    (u8 *)ramster_batch_add(w->batch, &used, 120, 1, 5));
	KUNIT_EXPECT_EQ(test, 120, used);
}

/* The largest zpage is read, and 64 KiB of them, but no more. */
static void proto_largest_store(struct kunit *test)
{
	const struct kind *store = kind_of("store");
	struct wire *w = test->priv;
	struct ramster_token who;
	struct xdr_stream xdr;
	struct xdr_buf buf;
	u32 nr;

	KUNIT_ASSERT_EQ(test, make_store(w, 1, 3584), 32 + 3584);
	KUNIT_EXPECT_EQ(test, 0, read_exactly(store, w->in, 32 + 3584));
	memset(w->in + 32 + 3584, 0, 64);
	for (nr = 3585; nr < 3585 + 16; nr++) {
		put_unaligned_be32(nr, w->in + 28);
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				read_exactly(store, w->in, 32 + xdr_align_size(nr)));
	}
	start_decode(&xdr, &buf, w->in, 20 + RAMSTER_MAX_BATCH);
	KUNIT_EXPECT_EQ(test, 0, ramster_decode_store(&xdr, &who, &nr));
	start_decode(&xdr, &buf, w->in, 20 + RAMSTER_MAX_BATCH + 4);
	KUNIT_EXPECT_EQ(test, -EBADMSG, ramster_decode_store(&xdr, &who, &nr));
}

/* The most numbers there may be. */
static void proto_most_numbers(struct kunit *test)
{
	static u64 numbers[RAMSTER_MAX_INVALIDATE];
	struct wire *w = test->priv;
	struct xdr_stream xdr;
	struct xdr_buf buf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		numbers[i] = i + 1;
	start_encode(&xdr, &buf, w->in, SIZE);
	KUNIT_EXPECT_EQ(test, 0, ramster_encode_numbers(&xdr, &session, numbers, 1024,
							RAMSTER_MAX_INVALIDATE));
	KUNIT_EXPECT_EQ(test, 0, read_exactly(kind_of("invalidate"), w->in, buf.len));
	KUNIT_EXPECT_EQ(test, -EBADMSG, read_exactly(kind_of("load"), w->in, buf.len));
	start_encode(&xdr, &buf, w->in, SIZE);
	KUNIT_EXPECT_EQ(test, 0, ramster_encode_numbers(&xdr, &session, numbers, 16,
							RAMSTER_MAX_LOAD));
	KUNIT_EXPECT_EQ(test, 0, read_exactly(kind_of("load"), w->in, buf.len));
}

/* Near to all limits that there are. */
static u32 likely_word(struct model *m)
{
	static const u32 words[] = {
		0, 1, 2, 4, 5, 6, 15, 16, 17, 63, 64, 65, 256, 1023, 1024, 1025,
		3580, 3583, 3584, 3585, 65535, 65536, 0xfffff, 0x100000, 0x20000000,
		0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffd, 0xffffffff,
	};

	return words[model_below(m, ARRAY_SIZE(words))];
}

/* Change @len bytes in one place; how many there are then. */
static size_t mutate(struct model *m, u8 *p, size_t len)
{
	size_t at = len ? model_below(m, len) : 0;

	if (!len || model_one_in(m, 8)) {
		put_unaligned_be32(likely_word(m), p + len);
		return len + 1 + model_below(m, 4);
	}
	switch (model_below(m, 5)) {
	case 0:
		p[at] ^= 1 << model_below(m, 8);
		break;
	case 1:
		p[at] = model_random(m);
		break;
	case 2:
		put_unaligned_be32(likely_word(m), p + round_down(at, 4));
		break;
	case 3:
		memmove(p, p + at, len - at);
		return len - at;
	default:
		return at;
	}
	return len;
}

/* A message, and then it is changed, or one that is random all through. */
static size_t random_message(struct model *m, struct wire *w)
{
	size_t len, i;
	u32 n;

	if (model_one_in(m, 8)) {
		len = model_below(m, 200);
		for (i = 0; i < len; i++)
			w->in[i] = model_random(m);
		return len;
	}
	n = model_below(m, ARRAY_SIZE(kinds) + 1);
	if (n < ARRAY_SIZE(kinds))
		len = put_words(w->in, &kinds[n]);
	else
		len = make_store(w, 1 + model_below(m, 4), 1 + model_below(m, 3584));
	/* One that is whole now and then: it must be taken. */
	for (n = model_below(m, 4); n; n--)
		len = mutate(m, w->in, len);
	return len;
}

/*
 * Any reader gets any bytes: it refuses them, or has read all that is in them,
 * so that they come out again when it is written.
 */
static void proto_mutated_run(struct model *m, struct wire *w, unsigned long *taken)
{
	unsigned int i;
	size_t len;
	int err;

	for (m->step = 0; m->step < m->ops && !model_failed(m); m->step++) {
		len = random_message(m, w);
		for (i = 0; i < ARRAY_SIZE(kinds); i++) {
			err = read_exactly(&kinds[i], w->in, len);
			model_check(m, !err || err == -EBADMSG, "%s: error %d",
				    kinds[i].name, err);
			*taken += !err;
		}
	}
}

static void proto_mutated(struct kunit *test)
{
	unsigned long i, taken = 0;
	struct model m;

	for (i = 0; i < rounds; i++) {
		model_start(&m, seed + i, ops);
		proto_mutated_run(&m, test->priv, &taken);
		if (model_failed(&m)) {
			KUNIT_FAIL(test, "%s", m.why);
			return;
		}
	}
	/* Or the mutations were too rough to get anywhere. */
	KUNIT_EXPECT_GT(test, taken, rounds * ops / 10);
	kunit_info(test, "%lu messages each from the seeds %lu to %lu, %lu taken\n",
		   ops, seed, seed + rounds - 1, taken);
}

static struct kunit_case proto_cases[] = {
	KUNIT_CASE_PARAM(proto_layout, kind_gen_params),
	KUNIT_CASE_PARAM(proto_exact_length, kind_gen_params),
	KUNIT_CASE_PARAM(proto_limits, limit_gen_params),
	KUNIT_CASE(proto_refusal_is_short),
	KUNIT_CASE(proto_other_version),
	KUNIT_CASE(proto_encoders_refuse),
	KUNIT_CASE(proto_batch),
	KUNIT_CASE(proto_largest_store),
	KUNIT_CASE(proto_most_numbers),
	KUNIT_CASE_SLOW(proto_mutated),
	{}
};

static struct kunit_suite proto_suite = {
	.name = "ramster_proto",
	.init = proto_test_init,
	.exit = proto_test_exit,
	.test_cases = proto_cases,
};

kunit_test_suite(proto_suite);

MODULE_DESCRIPTION("KUnit tests of the messages of ramster");
MODULE_LICENSE("GPL");
