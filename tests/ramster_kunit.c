// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of ramster that need a kernel: seals (seal.c), and messages that
 * lie across pages (proto.c). Those of messages alone are in
 * ramster_proto_kunit.c.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/xdr.h>
#include <linux/vmalloc.h>

#include "../ramster/proto.h"
#include "../ramster/ramster.h"

#define TAG	RAMSTER_SEAL_TAG
#define LARGEST	(RAMSTER_MAX_SEALED - TAG)

/**
 * struct seals - buffers of a case
 * @plain: what is sealed
 * @buf: where it is sealed and opened, with room around it
 * @copy: what was sealed
 */
struct seals {
	u8 plain[RAMSTER_MAX_SEALED];
	u8 buf[RAMSTER_MAX_SEALED + 128];
	u8 copy[RAMSTER_MAX_SEALED + 128];
};

/* The cases of all runs together seal each number once, as it has to be. */
static u64 next_number(void)
{
	static u64 number;

	return ++number;
}

static int seal_test_init(struct kunit *test)
{
	struct seals *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < sizeof(s->plain); i++)
		s->plain[i] = i * 7 + (i >> 8);
	test->priv = s;
	return ramster_seal_start();
}

/* Seal @len bytes at @buf; its number. */
static u64 seal(struct kunit *test, u8 *buf, unsigned int len)
{
	struct seals *s = test->priv;
	u64 number = next_number();

	memcpy(buf, s->plain, len);
	KUNIT_ASSERT_EQ(test, 0, ramster_seal(number, buf, len));
	return number;
}

static void round_trip(struct kunit *test, u8 *buf, unsigned int len)
{
	struct seals *s = test->priv;
	u64 number = seal(test, buf, len);

	if (len >= 16)
		KUNIT_EXPECT_TRUE(test, memcmp(s->plain, buf, len));
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, buf, len + TAG));
	KUNIT_EXPECT_MEMEQ(test, s->plain, buf, len);
}

/* Every length, at every offset, and not a byte beside. */
static void seal_round_trip(struct kunit *test)
{
	struct seals *s = test->priv;
	unsigned int len, at;

	for (len = 1; len <= LARGEST; len++) {
		at = 1 + len % 64;
		memset(s->buf, 0xee, sizeof(s->buf));
		round_trip(test, s->buf + at, len);
		KUNIT_ASSERT_EQ(test, 0xee, s->buf[at - 1]);
		KUNIT_ASSERT_EQ(test, 0xee, s->buf[at + len + TAG]);
	}
}

/* Buffers that the crypto API itself could not be given. */
static void seal_anywhere(struct kunit *test)
{
	u8 *buf = vmalloc(2 * PAGE_SIZE);
	u8 stack[64];

	KUNIT_ASSERT_NOT_NULL(test, buf);
	round_trip(test, buf + PAGE_SIZE - 1001, 2500);
	vfree(buf);
	round_trip(test, stack, 48);
}

/* Seal @len bytes, and have it refused after each bit was changed. */
static void refuse_bits(struct kunit *test, unsigned int len, unsigned int step)
{
	struct seals *s = test->priv;
	u64 number = seal(test, s->buf, len);
	unsigned int bit;

	memcpy(s->copy, s->buf, len + TAG);
	for (bit = 0; bit < 8 * (len + TAG); bit += step) {
		s->buf[bit / 8] ^= 1 << bit % 8;
		s->copy[bit / 8] ^= 1 << bit % 8;
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				ramster_open(number, s->buf, len + TAG));
		/* Nothing of what is not verified is given away. */
		KUNIT_EXPECT_MEMEQ(test, s->copy, s->buf, len + TAG);
		s->buf[bit / 8] ^= 1 << bit % 8;
		s->copy[bit / 8] ^= 1 << bit % 8;
	}
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, s->buf, len + TAG));
	KUNIT_EXPECT_MEMEQ(test, s->plain, s->buf, len);
}

static void seal_refuses_flipped_bits(struct kunit *test)
{
	refuse_bits(test, 1, 1);
	refuse_bits(test, 45, 1);
	refuse_bits(test, 1000, 1);
	refuse_bits(test, LARGEST, 61);
}

static void seal_refuses_other_number(struct kunit *test)
{
	struct seals *s = test->priv;
	u64 number = seal(test, s->buf, 100);
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				ramster_open(number ^ BIT_ULL(bit), s->buf, 100 + TAG));
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, s->buf, 100 + TAG));
}

/* The first bytes, and whatever follows as a tag: the length is sealed, too. */
static void seal_refuses_other_length(struct kunit *test)
{
	struct seals *s = test->priv;
	u64 number = seal(test, s->buf, 100);
	unsigned int len;

	for (len = 0; len < 300; len++)
		if (len != 100 + TAG)
			KUNIT_EXPECT_EQ(test, -EBADMSG,
					ramster_open(number, s->buf, len));
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, s->buf, 100 + TAG));
}

static void seal_limits(struct kunit *test)
{
	struct seals *s = test->priv;

	memcpy(s->copy, s->buf, sizeof(s->buf));
	KUNIT_EXPECT_EQ(test, -EINVAL, ramster_seal(next_number(), s->buf, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, ramster_seal(next_number(), s->buf, LARGEST + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, ramster_seal(next_number(), s->buf, UINT_MAX));
	KUNIT_EXPECT_EQ(test, -EBADMSG, ramster_open(1, s->buf, TAG));
	KUNIT_EXPECT_EQ(test, -EBADMSG, ramster_open(1, s->buf, RAMSTER_MAX_SEALED + 1));
	KUNIT_EXPECT_EQ(test, -EBADMSG, ramster_open(1, s->buf, UINT_MAX));
	KUNIT_EXPECT_MEMEQ(test, s->copy, s->buf, sizeof(s->buf));
	KUNIT_EXPECT_EQ(test, 3584, ZBUD_MAX_SIZE);
	KUNIT_EXPECT_EQ(test, LARGEST, RAMSTER_MAX_ZPAGE + RAMSTER_SEAL_HEADER);
}

/*
 * With one nonce for two pages the key stream would be the same, and who has
 * both could subtract it. Zeroes show the stream itself.
 */
static void seal_nonce_differs(struct kunit *test)
{
	struct seals *s = test->priv;
	u64 first = next_number();
	unsigned int bit;

	memset(s->copy, 0, sizeof(s->copy));
	KUNIT_ASSERT_EQ(test, 0, ramster_seal(first | BIT_ULL(51), s->copy, 64));
	for (bit = 32; bit < 51; bit++) {
		memset(s->buf, 0, 64);
		KUNIT_ASSERT_EQ(test, 0, ramster_seal(first | BIT_ULL(bit), s->buf, 64));
		KUNIT_EXPECT_TRUE(test, memcmp(s->copy, s->buf, 16));
		KUNIT_EXPECT_TRUE(test, memcmp(s->copy + 48, s->buf + 48, 16));
		KUNIT_EXPECT_TRUE(test, memcmp(s->copy + 64, s->buf + 64, TAG));
	}
}

/* A machine that is put back to a snapshot gives numbers out again. */
static void seal_renew(struct kunit *test)
{
	struct seals *s = test->priv;
	u64 number = seal(test, s->buf, 100);

	memcpy(s->copy, s->buf, 100 + TAG);
	KUNIT_EXPECT_EQ(test, 0, ramster_seal_renew());
	KUNIT_EXPECT_EQ(test, -EBADMSG, ramster_open(number, s->buf, 100 + TAG));
	memcpy(s->buf, s->plain, 100);
	KUNIT_ASSERT_EQ(test, 0, ramster_seal(number, s->buf, 100));
	KUNIT_EXPECT_MEMNEQ(test, s->copy, s->buf, 100);
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, s->buf, 100 + TAG));
	KUNIT_EXPECT_MEMEQ(test, s->plain, s->buf, 100);
}

/* A second start must not change the key: what was sealed would be lost. */
static void seal_starts_once(struct kunit *test)
{
	struct seals *s = test->priv;
	u64 number = seal(test, s->buf, 100);

	KUNIT_EXPECT_EQ(test, 0, ramster_seal_start());
	KUNIT_EXPECT_EQ(test, 0, ramster_open(number, s->buf, 100 + TAG));
	KUNIT_EXPECT_MEMEQ(test, s->plain, s->buf, 100);
}

static struct kunit_case seal_cases[] = {
	KUNIT_CASE(seal_round_trip),
	KUNIT_CASE(seal_anywhere),
	KUNIT_CASE(seal_refuses_flipped_bits),
	KUNIT_CASE(seal_refuses_other_number),
	KUNIT_CASE(seal_refuses_other_length),
	KUNIT_CASE(seal_limits),
	KUNIT_CASE(seal_nonce_differs),
	KUNIT_CASE(seal_starts_once),
	KUNIT_CASE(seal_renew),
	{}
};

static struct kunit_suite seal_suite = {
	.name = "ramster_seal",
	.init = seal_test_init,
	.test_cases = seal_cases,
};

#define PAGES	18

/**
 * struct paged - a message in pages, as the transport has it
 * @pages: the pages
 * @buf: the message
 * @scratch: where what lies across two pages is put together
 * @bytes: of a zpage
 */
struct paged {
	struct page *pages[PAGES];
	struct xdr_buf buf;
	u8 scratch[RAMSTER_MAX_SEALED];
	u8 bytes[RAMSTER_MAX_SEALED];
};

static int paged_test_init(struct kunit *test)
{
	struct paged *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	test->priv = p;
	if (!p)
		return -ENOMEM;
	for (i = 0; i < PAGES; i++) {
		p->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!p->pages[i])
			return -ENOMEM;
	}
	return 0;
}

static void paged_test_exit(struct kunit *test)
{
	struct paged *p = test->priv;
	unsigned int i;

	for (i = 0; p && i < PAGES && p->pages[i]; i++)
		__free_page(p->pages[i]);
}

static u32 length_of(unsigned int nr, unsigned int round)
{
	return (nr * 997 + round * 131) % RAMSTER_MAX_SEALED + 1;
}

/* The answer to a LOAD; all of it is in the pages when the last call returns. */
static int write_pages(struct paged *p, unsigned int round)
{
	struct ramster_sealed sealed = { .data = p->bytes };
	struct xdr_stream xdr;
	unsigned int i;
	int err;

	p->buf = (struct xdr_buf) { .pages = p->pages, .buflen = PAGES * PAGE_SIZE };
	xdr_init_encode_pages(&xdr, &p->buf, p->pages, NULL);
	err = ramster_encode_loaded(&xdr, RAMSTER_OK, RAMSTER_MAX_LOAD);
	for (i = 0; i < RAMSTER_MAX_LOAD && !err; i++) {
		sealed.number = i + 1;
		sealed.len = length_of(i, round);
		memset(p->bytes, i + 1, sealed.len);
		err = ramster_encode_sealed(&xdr, &sealed);
	}
	return err;
}

static int read_pages(struct paged *p, unsigned int round, size_t scratch)
{
	struct ramster_sealed sealed;
	enum ramster_status status;
	struct xdr_stream xdr;
	unsigned int i;
	u32 nr;
	int err;

	xdr_init_decode(&xdr, &p->buf, NULL, NULL);
	xdr_set_scratch_buffer(&xdr, p->scratch, scratch);
	err = ramster_decode_loaded(&xdr, &status, &nr);
	for (i = 0; i < RAMSTER_MAX_LOAD && !err; i++) {
		err = ramster_decode_sealed(&xdr, &sealed);
		memset(p->bytes, i + 1, RAMSTER_MAX_SEALED);
		if (!err && (sealed.number != i + 1 ||
			     sealed.len != length_of(i, round) ||
			     memcmp(sealed.data, p->bytes, sealed.len)))
			err = -EILSEQ;
	}
	return err ?: ramster_decode_end(&xdr);
}

static void pages_round_trip(struct kunit *test)
{
	struct paged *p = test->priv;
	unsigned int round;

	for (round = 0; round < 200; round++) {
		KUNIT_ASSERT_EQ(test, 0, write_pages(p, round));
		KUNIT_ASSERT_EQ(test, 0, read_pages(p, round, RAMSTER_MAX_SEALED));
	}
}

/* The last zpage of a message lies across two pages. */
static void pages_last_is_whole(struct kunit *test)
{
	struct paged *p = test->priv;
	struct ramster_sealed sealed = { .number = 1, .data = p->bytes };
	struct xdr_stream xdr;

	p->buf = (struct xdr_buf) { .pages = p->pages, .buflen = PAGES * PAGE_SIZE };
	xdr_init_encode_pages(&xdr, &p->buf, p->pages, NULL);
	sealed.len = 3000;
	memset(p->bytes, 1, sealed.len);
	KUNIT_ASSERT_EQ(test, 0, ramster_encode_sealed(&xdr, &sealed));
	memset(p->bytes, 2, sealed.len);
	KUNIT_ASSERT_EQ(test, 0, ramster_encode_sealed(&xdr, &sealed));

	xdr_init_decode(&xdr, &p->buf, NULL, NULL);
	xdr_set_scratch_buffer(&xdr, p->scratch, sizeof(p->scratch));
	KUNIT_ASSERT_EQ(test, 0, ramster_decode_sealed(&xdr, &sealed));
	KUNIT_ASSERT_EQ(test, 0, ramster_decode_sealed(&xdr, &sealed));
	KUNIT_EXPECT_EQ(test, 3000, sealed.len);
	KUNIT_EXPECT_MEMEQ(test, sealed.data, p->bytes, 3000);
	KUNIT_EXPECT_EQ(test, 0, ramster_decode_end(&xdr));
}

/* Without a scratch buffer it is malformed, and no more than that. */
static void pages_without_scratch(struct kunit *test)
{
	struct paged *p = test->priv;

	KUNIT_ASSERT_EQ(test, 0, write_pages(p, 0));
	KUNIT_EXPECT_EQ(test, -EBADMSG, read_pages(p, 0, 0));
}

static struct kunit_case paged_cases[] = {
	KUNIT_CASE(pages_round_trip),
	KUNIT_CASE(pages_last_is_whole),
	KUNIT_CASE(pages_without_scratch),
	{}
};

static struct kunit_suite paged_suite = {
	.name = "ramster_pages",
	.init = paged_test_init,
	.exit = paged_test_exit,
	.test_cases = paged_cases,
};

kunit_test_suites(&seal_suite, &paged_suite);

MODULE_DESCRIPTION("KUnit tests of ramster");
MODULE_LICENSE("GPL");
