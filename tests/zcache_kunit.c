// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of zcache: every page comes back bit-exact, or not at all. A swap
 * page that was stored comes back, a file page may be gone.
 *
 * They switch zcache on and off and are skipped when it is on already
 * (zcache=1). zcache_kunit.seed= sets the seed of the random ones.
 */
#include <kunit/test.h>
#include <linux/cleancache.h>
#include <linux/crypto.h>
#include <linux/frontswap.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/oom.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <linux/zcache.h>
#include <linux/zsmalloc.h>
#include <linux/zswap.h>

#include "../zcache.h"
#include "files.h"
#include "folios.h"
#include "model.h"
#include "pages.h"
#include "testers.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random tests");

#define POOL_ID		200	/* no swap device has it */
#define FILE_POOL_ID	201
#define SWAP_TYPE	(MAX_SWAPFILES - 1)
#define SWAP_SLOTS	16384
#define STRETCH		4096	/* slots of a swap device in one object */
#define METADATA_BUDGET	40	/* bytes a page, dense index */

/**
 * struct bench - what a case works with
 * @pool: a pool that belongs to no swap device
 * @files: a pool that belongs to no file system
 * @fs: what the file side calls it; without a device
 * @swap: there is a swap device as well
 * @reclaimable: what counts as reclaimable kernel memory without us, in pages
 * @page: goes in
 * @out: comes out
 */
struct bench {
	struct tmem_pool *pool;
	struct tmem_pool *files;
	struct zcache_fs fs;
	bool swap;
	long reclaimable;
	struct page *page;
	struct page *out;
};

static long count_of(enum tmem_pool_type type, enum zcache_counter nr)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(zcache_counters, cpu).n[type][nr];
	return sum;
}

static long counter(enum zcache_counter nr)
{
	return count_of(TMEM_PERSISTENT, nr);
}

static long file_counter(enum zcache_counter nr)
{
	return count_of(TMEM_EPHEMERAL, nr);
}

/* With what the CPUs have not added to the sum yet. */
static long reclaimable_pages(void)
{
	long sum = global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
	struct per_cpu_nodestat *stat;
	struct pglist_data *pgdat;
	int cpu;

	for_each_online_pgdat(pgdat) {
		for_each_possible_cpu(cpu) {
			stat = per_cpu_ptr(pgdat->per_cpu_nodestats, cpu);
			sum += stat->vm_node_stat_diff[NR_KERNEL_MISC_RECLAIMABLE];
		}
	}
	return sum;
}

static swp_entry_t slot(pgoff_t offset)
{
	return swp_entry(SWAP_TYPE, offset);
}

static int set_knob(const char *name, const char *value)
{
	unsigned int i;

	for (i = 0; i < zcache_nr_knobs; i++)
		if (!strcmp(zcache_knobs[i].name, name))
			return zcache_knob_set(&zcache_knobs[i], value);
	return -ENXIO;
}

/* Life of a case */

static void at_end(struct kunit *test, void (*action)(void *), void *arg)
{
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, action, arg));
}

static void free_page_action(void *page)
{
	__free_page(page);
}

static struct page *test_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	at_end(test, free_page_action, page);
	return page;
}

static int zcache_test_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	if (frontswap_state() != FRONTSWAP_OFF)
		kunit_skip(test, "zcache is in use");
	b->page = test_page(test);
	b->out = test_page(test);
	KUNIT_ASSERT_EQ(test, 0, set_knob("compressor", "lzo"));
	KUNIT_ASSERT_EQ(test, 0, set_knob("max_pool_percent", "80"));
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "1"));
	b->pool = zcache_pool_create(XA_LIMIT(POOL_ID, POOL_ID),
				     TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->pool);
	b->files = zcache_pool_create(XA_LIMIT(FILE_POOL_ID, FILE_POOL_ID),
				      TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->files);
	b->fs.pool = b->files;
	spin_lock_init(&b->fs.reads.lock);
	b->reclaimable = reclaimable_pages();
	test->priv = b;
	return 0;
}

/* Every page and every frame must go with the pool. */
static void zcache_test_exit(struct kunit *test)
{
	struct bench *b = test->priv;

	if (!b)
		return;
	if (b->swap) {
		frontswap_invalidate(slot(0), SWAP_SLOTS);
		frontswap_swapoff(SWAP_TYPE);
		zswap_swapoff(SWAP_TYPE);
	}
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(b->pool));
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	zcache_pool_destroy(b->pool);
	zcache_pool_destroy(b->files);
	KUNIT_EXPECT_EQ(test, 0, set_knob("enabled", "0"));
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, frontswap_state());
	KUNIT_EXPECT_EQ(test, 0, zcache_pool_pages());
	KUNIT_EXPECT_EQ(test, 0, zcache_stored_pages());
	KUNIT_EXPECT_EQ(test, 0, counter(ZCACHE_SAME_FILLED_PAGES));
	KUNIT_EXPECT_EQ(test, b->reclaimable, reclaimable_pages());
	/* Nothing ever makes room at the cost of a swap page. */
	KUNIT_EXPECT_EQ(test, 0, counter(ZCACHE_EVICTIONS));
	set_knob("compressor", ZCACHE_DEFAULT_COMPRESSOR);
	set_knob("max_pool_percent", "80");
	set_knob("file_admission", "auto");
}

static struct tmem_key key_of(u64 nr)
{
	return (struct tmem_key) { nr / STRETCH, nr % STRETCH };
}

static int store(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	return zcache_store_page(b->pool, &key, b->page, 0);
}

/* Load into a page of rubbish, so that nothing old looks right. */
static int load(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	memset(page_address(b->out), 0x5a, PAGE_SIZE);
	return zcache_load_page(b->pool, &key, b->out, 0);
}

static void drop(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	tmem_invalidate(b->pool, &key, 1);
}

static void make(struct bench *b, enum page_kind kind, u64 nr)
{
	page_make(kind, nr, page_address(b->page));
}

static bool loads_back(struct bench *b, u64 nr)
{
	return !load(b, nr) && !memcmp(page_address(b->page),
				       page_address(b->out), PAGE_SIZE);
}

/* Content */

static const char * const compressors[] = {
	"lzo", "lzo-rle", "lz4", "lz4hc", "zstd", "deflate", "842",
};

static void compressor_name(const char * const *compressor, char *name)
{
	strscpy(name, *compressor, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(compressor, compressors, compressor_name);

/* Pages of every kind, twice under the same key, by every compressor. */
static void zcache_round_trip(struct kunit *test)
{
	const char *compressor = *(const char * const *)test->param_value;
	struct bench *b = test->priv;
	unsigned int stored = 0;
	enum page_kind kind;
	u64 nr;

	if (!crypto_has_comp(compressor, 0, 0))
		kunit_skip(test, "%s is not configured", compressor);
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "0"));
	KUNIT_ASSERT_EQ(test, 0, set_knob("compressor", compressor));
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "1"));

	for (kind = PAGE_TEXT; kind < PAGE_RANDOM; kind++) {
		for (nr = 0; nr < 60; nr++) {
			make(b, kind, nr);
			if (store(b, nr % 50) == -E2BIG) {
				drop(b, nr % 50);
				continue;
			}
			KUNIT_EXPECT_TRUE(test, loads_back(b, nr % 50));
			stored++;
		}
		/* They are all still there, and not mixed up. */
		for (nr = 10; nr < 50; nr++) {
			make(b, kind, nr);
			if (load(b, nr) != -ENOENT)
				KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
		}
	}
	KUNIT_EXPECT_GT(test, stored, 200);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(b->pool));
}

static const struct pattern {
	const char *name;
	u64 word;
	unsigned int odd;	/* byte that differs, PAGE_SIZE: none */
	bool same;
} patterns[] = {
	{ "zeroes", 0, PAGE_SIZE, true },
	{ "ones", U64_MAX, PAGE_SIZE, true },
	{ "32-bit pattern", 0x1234567812345678, PAGE_SIZE, true },
	{ "top bit", 0x8000000080000000, PAGE_SIZE, true },
	{ "64-bit pattern", 0x1234567887654321, PAGE_SIZE, false },
	{ "first byte differs", 0, 0, false },
	{ "byte 4 differs", 0, 4, false },
	{ "byte 8 differs", 0, 8, false },
	{ "one in the middle differs", 0, 2000, false },
	{ "last but one word differs", 0, PAGE_SIZE - 9, false },
	{ "last byte differs", 0, PAGE_SIZE - 1, false },
};

KUNIT_ARRAY_PARAM_DESC(pattern, patterns, name);

static void zcache_same_filled(struct kunit *test)
{
	const struct pattern *p = test->param_value;
	struct bench *b = test->priv;
	u8 *bytes = page_address(b->page);

	memset64((u64 *)bytes, p->word, PAGE_SIZE / sizeof(u64));
	if (p->odd < PAGE_SIZE)
		bytes[p->odd] ^= 0x40;
	KUNIT_EXPECT_EQ(test, 0, store(b, 7));
	KUNIT_EXPECT_EQ(test, p->same, counter(ZCACHE_SAME_FILLED_PAGES));
	KUNIT_EXPECT_EQ(test, p->same ? 0 : ZBUD_FRAME_PAGES,
			zcache_pool_pages());
	KUNIT_EXPECT_TRUE(test, loads_back(b, 7));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(b->pool));

	/* Another page takes its place, and it the other's. */
	make(b, PAGE_TEXT, 1);
	KUNIT_EXPECT_EQ(test, 0, store(b, 7));
	KUNIT_EXPECT_TRUE(test, loads_back(b, 7));
	KUNIT_EXPECT_EQ(test, 0, counter(ZCACHE_SAME_FILLED_PAGES));
	memset64((u64 *)bytes, p->word, PAGE_SIZE / sizeof(u64));
	KUNIT_EXPECT_EQ(test, 0, store(b, 7));
	KUNIT_EXPECT_TRUE(test, loads_back(b, 7));
	drop(b, 7);
	KUNIT_EXPECT_EQ(test, -ENOENT, load(b, 7));
}

static void zcache_counts(struct kunit *test)
{
	static const enum zcache_counter watched[] = {
		ZCACHE_STORES, ZCACHE_LOADS, ZCACHE_HITS, ZCACHE_MISSES,
		ZCACHE_REJECT_COMPRESS_POOR, ZCACHE_LOAD_CORRUPT,
	};
	static const long expected[ARRAY_SIZE(watched)] = { 2, 5, 3, 2, 1, 0 };
	struct bench *b = test->priv;
	long before[ARRAY_SIZE(watched)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watched); i++)
		before[i] = counter(watched[i]);
	make(b, PAGE_TEXT, 1);
	KUNIT_EXPECT_EQ(test, 0, store(b, 1));
	KUNIT_EXPECT_EQ(test, 0, load(b, 1));
	KUNIT_EXPECT_EQ(test, 0, load(b, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, load(b, 2));
	memset(page_address(b->page), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, store(b, 3));
	KUNIT_EXPECT_EQ(test, 0, load(b, 3));
	make(b, PAGE_RANDOM, 1);
	KUNIT_EXPECT_EQ(test, -E2BIG, store(b, 4));
	KUNIT_EXPECT_EQ(test, -ENOENT, load(b, 4));
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		KUNIT_EXPECT_EQ_MSG(test, expected[i],
				    counter(watched[i]) - before[i],
				    "counter %d", watched[i]);
}

/* Corruption */

/* The bytes of what is stored as @nr; nobody else moves or frees it here. */
static void find_zpage(struct kunit *test, u64 nr, struct zbud_zpage *zpage)
{
	struct tmem_key key = key_of(nr);
	struct bench *b = test->priv;
	unsigned long handle;

	KUNIT_ASSERT_EQ(test, 0, tmem_pin(b->pool, &key, &handle));
	zbud_read(handle, zpage);
	zbud_unpin(zcache_frames(TMEM_PERSISTENT), handle);
}

/*
 * Whichever bit is wrong, the reader gets an error, as often as it asks, and
 * never another page. Right again, the page comes back.
 */
static void expect_corrupt(struct kunit *test, u64 nr, u8 *byte)
{
	struct bench *b = test->priv;
	unsigned int bit = (unsigned long)byte % 8;

	*byte ^= 1 << bit;
	KUNIT_EXPECT_EQ(test, -EIO, load(b, nr));
	KUNIT_EXPECT_EQ(test, -EIO, load(b, nr));
	*byte ^= 1 << bit;
	KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
}

static void zcache_detects_corruption(struct kunit *test)
{
	struct bench *b = test->priv;
	struct zbud_zpage z;
	unsigned int i, part;
	u64 nr;

	/* Enough to have one that lies across two pages. */
	for (nr = 0; nr < 6; nr++) {
		make(b, PAGE_TEXT, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
	}
	kunit_info(test, "complaints of corrupt pages are expected here\n");
	for (nr = 0; nr < 6; nr++) {
		make(b, PAGE_TEXT, nr);
		find_zpage(test, nr, &z);
		/* The header that names the owner and the sum. */
		for (i = 1; i <= 16; i++)
			expect_corrupt(test, nr, (u8 *)z.part[0].addr - i);
		for (part = 0; part < 2; part++)
			for (i = 0; i < z.part[part].len; i += 97)
				expect_corrupt(test, nr,
					       (u8 *)z.part[part].addr + i);
	}
}

/* A page found under another's key, whole as it is, is not that key's page. */
static void zcache_detects_wrong_owner(struct kunit *test)
{
	struct zbud *zbud = zcache_frames(TMEM_PERSISTENT);
	struct tmem_key other = key_of(STRETCH + 2);
	struct bench *b = test->priv;
	u8 *bytes = page_address(b->out);
	struct zbud_zpage z;
	unsigned long handle;

	make(b, PAGE_TEXT, 1);
	KUNIT_ASSERT_EQ(test, 0, store(b, 1));
	find_zpage(test, 1, &z);
	memcpy(bytes, z.part[0].addr, z.part[0].len);
	if (z.part[1].len)
		memcpy(bytes + z.part[0].len, z.part[1].addr, z.part[1].len);
	KUNIT_ASSERT_EQ(test, 0, zbud_alloc(zbud, 0, &z.key, z.len, z.checksum,
					    &handle));
	zbud_write(handle, bytes);
	KUNIT_EXPECT_EQ(test, 0,
			tmem_store(b->pool, &other, handle, MODEL_GFP));
	zbud_unpin(zbud, handle);

	kunit_info(test, "complaints of a corrupt page are expected here\n");
	KUNIT_EXPECT_EQ(test, -EIO, load(b, STRETCH + 2));
	KUNIT_EXPECT_GT(test, tmem_validate(b->pool), 0);
	KUNIT_EXPECT_TRUE(test, loads_back(b, 1));
	drop(b, STRETCH + 2);
}

/* Refusals */

/* Half a page when compressed. */
static void make_middling(struct bench *b, u64 nr)
{
	page_of_size(nr, PAGE_SIZE / 2, page_address(b->page));
}

/* At the limit stores are refused; what is stored stays right. */
static void zcache_limit(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned long limit;
	u64 nr, stored;
	long before;

	KUNIT_ASSERT_EQ(test, 0, set_knob("max_pool_percent", "1"));
	limit = zcache_pool_limit();
	before = counter(ZCACHE_REJECT_LIMIT);
	for (stored = 0; stored < limit * 3; stored++) {
		make_middling(b, stored);
		if (store(b, stored))
			break;
	}
	KUNIT_ASSERT_EQ(test, -ENOSPC, store(b, stored));
	KUNIT_EXPECT_EQ(test, 2, counter(ZCACHE_REJECT_LIMIT) - before);
	KUNIT_EXPECT_LE(test, zcache_pool_pages(), limit);
	KUNIT_EXPECT_GT(test, zcache_pool_pages(),
			limit - 2 * ZBUD_FRAME_PAGES);
	KUNIT_EXPECT_GT(test, stored, limit);

	/* A small one still fits where this one does not. */
	make(b, PAGE_SPARSE, 1);
	KUNIT_EXPECT_EQ(test, 0, store(b, stored));
	for (nr = 0; nr < stored; nr += 13) {
		make_middling(b, nr);
		KUNIT_ASSERT_TRUE(test, loads_back(b, nr));
	}
	/* Room that is given back is used again. */
	for (nr = 0; nr < 100; nr++)
		drop(b, nr);
	for (nr = 0; nr < 50; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
	}
}

/* Whichever allocation of a store fails, nothing is lost and nothing leaks. */
static void zcache_failed_allocations(struct kunit *test)
{
	struct bench *b = test->priv;
	bool failed = true;
	unsigned int nth;
	int err, errors = 0;

	if (!model_can_fail_alloc())
		kunit_skip(test, "needs CONFIG_FAILSLAB");
	make(b, PAGE_TEXT, 1);
	for (nth = 1; failed && nth < 30; nth++) {
		model_fail_alloc(nth);
		err = store(b, 100);
		failed = model_alloc_failed();
		KUNIT_EXPECT_TRUE(test, !err || (err == -ENOMEM && failed));
		KUNIT_EXPECT_TRUE(test, err ? load(b, 100) == -ENOENT :
					      loads_back(b, 100));
		errors += !!err;
		drop(b, 100);
		KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&b->pool->nr_pages));
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, errors, 0);
}

/* As swap sees it */

/* The pages of @folio are those of @kind from @nr on. */
static void fill_folio(struct folio *folio, enum page_kind kind, u64 nr)
{
	long i;

	for (i = 0; i < folio_nr_pages(folio); i++)
		page_make(kind, nr + i, page_address(folio_page(folio, i)));
}

static bool folio_holds(struct bench *b, struct folio *folio,
			enum page_kind kind, u64 nr)
{
	long i;

	for (i = 0; i < folio_nr_pages(folio); i++) {
		make(b, kind, nr + i);
		if (memcmp(page_address(b->page),
			   page_address(folio_page(folio, i)), PAGE_SIZE))
			return false;
	}
	return true;
}

static bool store_folio(struct folio *folio, pgoff_t offset)
{
	folio->swap = slot(offset);
	return frontswap_store(folio);
}

/* Empty the folio first; true if frontswap has answered for the device. */
static bool load_folio(struct folio *folio, pgoff_t offset)
{
	fill_folio(folio, PAGE_RANDOM, 1000);
	folio_clear_uptodate(folio);
	folio_clear_dirty(folio);
	folio->swap = slot(offset);
	return frontswap_load(folio, false);
}

/* A swap device of which only its slots exist. */
static void swap_device_comes(struct kunit *test)
{
	struct bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, 0, zswap_swapon(SWAP_TYPE, SWAP_SLOTS));
	frontswap_swapon(SWAP_TYPE, SWAP_SLOTS);
	b->swap = true;
}

/* Large folios lie at multiples of their size; two around a stretch's end. */
static void zcache_swaps_folios(struct kunit *test)
{
	static const pgoff_t offsets[] = {
		0, 16, STRETCH - 4, STRETCH, SWAP_SLOTS - 4,
	};
	struct bench *b = test->priv;
	pgoff_t at;
	unsigned int order, i;

	swap_device_comes(test);
	for (order = 0; order < 3; order++) {
		struct folio *folio = make_swap_folio(test, order);

		for (i = 0; i < ARRAY_SIZE(offsets); i++) {
			at = offsets[i];
			fill_folio(folio, PAGE_TEXT, at);
			KUNIT_EXPECT_TRUE(test, store_folio(folio, at));
		}
		for (i = 0; i < ARRAY_SIZE(offsets); i++) {
			at = offsets[i];
			KUNIT_EXPECT_TRUE(test, load_folio(folio, at));
			KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
			KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
			KUNIT_EXPECT_TRUE(test, folio_holds(b, folio, PAGE_TEXT,
							    at));
			/* The folio has taken the place of the copies. */
			KUNIT_EXPECT_FALSE(test, load_folio(folio, at));
		}
	}
	KUNIT_EXPECT_EQ(test, 0, zcache_stored_pages());
}

/* Without the swap cache the fault may back out: the copy stays. */
static void zcache_keeps_copy_of_direct_load(struct kunit *test)
{
	struct folio *folio = make_swap_folio(test, 2);
	struct bench *b = test->priv;
	int i;

	swap_device_comes(test);
	fill_folio(folio, PAGE_TEXT, 40);
	KUNIT_ASSERT_TRUE(test, store_folio(folio, 40));
	folio_clear_swapcache(folio);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, load_folio(folio, 40));
		KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
		KUNIT_EXPECT_FALSE(test, folio_test_dirty(folio));
		KUNIT_EXPECT_TRUE(test, folio_holds(b, folio, PAGE_TEXT, 40));
	}
	KUNIT_EXPECT_EQ(test, 4, zcache_stored_pages());
}

/* One page that does not compress: the device gets all of the folio. */
static void zcache_refuses_whole_folio(struct kunit *test)
{
	struct folio *folio = make_swap_folio(test, 2);
	int i;

	swap_device_comes(test);
	for (i = 0; i < 4; i++) {
		fill_folio(folio, PAGE_TEXT, 40);
		KUNIT_ASSERT_TRUE(test, store_folio(folio, 40));
		KUNIT_EXPECT_EQ(test, 4, zcache_stored_pages());
		page_make(PAGE_RANDOM, 1, page_address(folio_page(folio, i)));
		KUNIT_EXPECT_FALSE(test, store_folio(folio, 40));
		KUNIT_EXPECT_EQ(test, 0, zcache_stored_pages());
		KUNIT_EXPECT_FALSE(test, load_folio(folio, 40));
	}
}

/* Ranges that begin and end anywhere, across the ends of stretches. */
static void zcache_invalidates_slots(struct kunit *test)
{
	static const struct {
		pgoff_t offset;
		unsigned long nr;
	} ranges[] = {
		{ 0, 1 }, { STRETCH - 8, 16 }, { STRETCH - 1, 2 },
		{ STRETCH, 1 }, { STRETCH - 1, STRETCH + 2 },
		{ 0, SWAP_SLOTS }, { 5, SWAP_SLOTS - 5 },
	};
	struct folio *folio = make_swap_folio(test, 0);
	unsigned long held;
	unsigned int i;
	pgoff_t at;

	swap_device_comes(test);
	fill_folio(folio, PAGE_SPARSE, 1);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		held = 0;
		for (at = 0; at < SWAP_SLOTS; at += 1 + at % 5) {
			KUNIT_ASSERT_TRUE(test, store_folio(folio, at));
			held += at >= ranges[i].offset &&
				at - ranges[i].offset < ranges[i].nr;
		}
		KUNIT_EXPECT_EQ(test, held,
				__frontswap_count(slot(ranges[i].offset),
						  ranges[i].nr));
		held = zcache_stored_pages() - held;
		frontswap_invalidate(slot(ranges[i].offset), ranges[i].nr);
		KUNIT_EXPECT_EQ(test, held, zcache_stored_pages());
		KUNIT_EXPECT_EQ(test, 0,
				__frontswap_count(slot(ranges[i].offset),
						  ranges[i].nr));
	}
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
}

/* Called for each zpage of a frame; evicts none of them. */
static void corrupt_zpage(const struct zbud_key *key, unsigned long handle,
			  void *arg)
{
	unsigned int *corrupted = arg;
	struct zbud_zpage z;

	zbud_read(handle, &z);
	*(u8 *)z.part[0].addr ^= 1;
	++*corrupted;
}

/* A lost page is an I/O error of its reader, never a read of the device. */
static void zcache_reports_lost_page(struct kunit *test)
{
	struct zbud *zbud = zcache_frames(TMEM_PERSISTENT);
	struct folio *folio = make_swap_folio(test, 0);
	struct page *pages[ZBUD_FRAME_PAGES];
	unsigned int corrupted = 0;
	struct tmem_footprint fp;
	struct zbud_stats stats;

	swap_device_comes(test);
	fill_folio(folio, PAGE_TEXT, 40);
	KUNIT_ASSERT_TRUE(test, store_folio(folio, 40));
	zcache_footprint(&fp);
	KUNIT_EXPECT_EQ(test, 1, fp.objects);
	zbud_stats(zbud, &stats);
	KUNIT_EXPECT_EQ(test, 1, stats.zpages);
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());

	kunit_info(test, "complaints of a corrupt page are expected here\n");
	KUNIT_ASSERT_EQ(test, -EBUSY,
			zbud_evict(zbud, page_to_nid(folio_page(folio, 0)),
				   corrupt_zpage, &corrupted, pages));
	KUNIT_ASSERT_EQ(test, 1, corrupted);
	KUNIT_EXPECT_GT(test, zcache_validate(), 0);
	KUNIT_EXPECT_TRUE(test, load_folio(folio, 40));
	KUNIT_EXPECT_FALSE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_dirty(folio));
	KUNIT_EXPECT_EQ(test, 1, zcache_stored_pages());
}

/* File pages */

static int store_file(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	return zcache_store_page(b->files, &key, b->page, 0);
}

static int load_file(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	memset(page_address(b->out), 0x5a, PAGE_SIZE);
	return zcache_load_page(b->files, &key, b->out, 0);
}

static bool holds_file(struct bench *b, u64 nr)
{
	struct tmem_key key = key_of(nr);

	return tmem_count(b->files, &key, 1);
}

/* Whether it comes back as it is in b->page; it is gone then. */
static bool file_loads_back(struct bench *b, u64 nr)
{
	return !load_file(b, nr) && !memcmp(page_address(b->page),
					    page_address(b->out), PAGE_SIZE);
}

/*
 * Read, and the entry is another one by now: it moved to another machine meanwhile. No
 * copy may stay beside the folio.
 */
static void zcache_files_moved_while_read(struct kunit *test)
{
	struct bench *b = test->priv;
	struct tmem_key key = key_of(3);
	unsigned long handle;

	make(b, PAGE_TEXT, 3);
	KUNIT_ASSERT_EQ(test, 0, store_file(b, 3));
	KUNIT_ASSERT_EQ(test, 0, tmem_pin(b->files, &key, &handle));
	KUNIT_ASSERT_EQ(test, 0, store_file(b, 3));
	KUNIT_EXPECT_EQ(test, -ENOENT, zcache_erase_loaded(b->files, &key, handle));
	zcache_unpin(b->files, handle);
	KUNIT_EXPECT_FALSE(test, holds_file(b, 3));

	KUNIT_ASSERT_EQ(test, 0, store_file(b, 3));
	KUNIT_ASSERT_EQ(test, 0, tmem_pin(b->files, &key, &handle));
	KUNIT_EXPECT_EQ(test, 0, zcache_erase_loaded(b->files, &key, handle));
	zcache_unpin(b->files, handle);
	KUNIT_EXPECT_FALSE(test, holds_file(b, 3));
}

static unsigned long file_frames(void)
{
	struct zbud_stats stats;

	zbud_stats(zcache_frames(TMEM_EPHEMERAL), &stats);
	return stats.frames;
}

static unsigned long file_zpages(void)
{
	struct zbud_stats stats;

	zbud_stats(zcache_frames(TMEM_EPHEMERAL), &stats);
	return stats.zpages;
}

/* A file page comes back once: its place is in the page cache then. */
static void zcache_files_round_trip(struct kunit *test)
{
	/* Those that always compress well enough. */
	static const enum page_kind kinds[] = {
		PAGE_TEXT, PAGE_HEAP, PAGE_SPARSE,
	};
	long hits = file_counter(ZCACHE_HITS), misses;
	long loads = file_counter(ZCACHE_LOADS);
	struct bench *b = test->priv;
	u64 nr, stored = 0;
	unsigned int i;

	misses = file_counter(ZCACHE_MISSES);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (nr = 0; nr < 40; nr++) {
			make(b, kinds[i], nr);
			KUNIT_EXPECT_EQ(test, 0, store_file(b, nr));
			/* Another page of the same key takes its place. */
			make(b, kinds[i], nr + 100);
			KUNIT_EXPECT_EQ(test, 0, store_file(b, nr));
		}
		KUNIT_EXPECT_EQ(test, 40, zcache_type_pages(TMEM_EPHEMERAL));
		KUNIT_EXPECT_EQ(test, 0, zcache_validate());
		for (nr = 0; nr < 40; nr++) {
			make(b, kinds[i], nr + 100);
			KUNIT_EXPECT_TRUE(test, file_loads_back(b, nr));
			KUNIT_EXPECT_EQ(test, -ENOENT, load_file(b, nr));
			stored++;
		}
		KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	}
	KUNIT_EXPECT_EQ(test, stored, file_counter(ZCACHE_HITS) - hits);
	KUNIT_EXPECT_EQ(test, stored, file_counter(ZCACHE_MISSES) - misses);
	KUNIT_EXPECT_EQ(test, 2 * stored, file_counter(ZCACHE_LOADS) - loads);
	/* What held them can be used again: no more than one step of growth. */
	KUNIT_EXPECT_EQ(test, 0, file_zpages());
	KUNIT_EXPECT_LE(test, file_frames(), 16);
}

/* One pattern again and again is in a frame too, or eviction would miss it. */
static void zcache_files_same_filled(struct kunit *test)
{
	struct bench *b = test->priv;

	memset(page_address(b->page), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, store_file(b, 7));
	KUNIT_EXPECT_EQ(test, 0, file_counter(ZCACHE_SAME_FILLED_PAGES));
	KUNIT_EXPECT_EQ(test, 1, file_zpages());
	KUNIT_EXPECT_TRUE(test, file_loads_back(b, 7));
}

/* The bytes of a stored file page. */
static void find_file_zpage(struct kunit *test, u64 nr, struct zbud_zpage *zpage)
{
	struct tmem_key key = key_of(nr);
	struct bench *b = test->priv;
	unsigned long handle;

	KUNIT_ASSERT_EQ(test, 0, tmem_pin(b->files, &key, &handle));
	zbud_read(handle, zpage);
	zbud_unpin(zcache_frames(TMEM_EPHEMERAL), handle);
}

/* What is damaged is read from the disk again, and never looked at again. */
static void zcache_files_detect_corruption(struct kunit *test)
{
	long corrupt = file_counter(ZCACHE_LOAD_CORRUPT);
	struct bench *b = test->priv;
	struct zbud_zpage z;
	u64 nr;

	kunit_info(test, "complaints of corrupt pages are expected here\n");
	for (nr = 0; nr < 40; nr++) {
		make(b, PAGE_TEXT, nr);
		KUNIT_ASSERT_EQ(test, 0, store_file(b, nr));
		find_file_zpage(test, nr, &z);
		/* The header in front of it, and content. */
		if (nr < 16)
			*((u8 *)z.part[0].addr - 1 - nr) ^= 1 << (nr % 8);
		else
			*((u8 *)z.part[0].addr + 7 * nr % z.part[0].len) ^=
				1 << (nr % 8);
		KUNIT_EXPECT_EQ(test, -ENOENT, load_file(b, nr));
		KUNIT_EXPECT_FALSE(test, holds_file(b, nr));
		KUNIT_EXPECT_EQ(test, -ENOENT, load_file(b, nr));
	}
	KUNIT_EXPECT_EQ(test, 40, file_counter(ZCACHE_LOAD_CORRUPT) - corrupt);
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
}

/* One that loads a page, and waits for a stream after it has found it. */
struct loader {
	struct bench *bench;
	struct tmem_pool *pool;
	struct tmem_key key;
	struct completion started, done;
	int evicted;
	int err;
};

static int loader_main(void *arg)
{
	struct loader *l = arg;

	complete(&l->started);
	l->err = zcache_load_page(l->pool, &l->key, l->bench->out, 0);
	complete(&l->done);
	return 0;
}

/* Run @meanwhile while a load of what is stored under @l->key is under way. */
static void load_and(struct kunit *test, struct loader *l,
		     void (*meanwhile)(struct loader *l))
{
	struct zcache_stream *stream;
	struct task_struct *task;
	int i;

	l->bench = test->priv;
	init_completion(&l->started);
	init_completion(&l->done);
	migrate_disable();
	stream = zcache_stream_get();
	task = kthread_run_on_cpu(loader_main, l, smp_processor_id(),
				  "kunit/loader");
	if (IS_ERR(task)) {
		zcache_stream_put(stream);
		migrate_enable();
		KUNIT_FAIL_AND_ABORT(test, "no thread");
	}
	wait_for_completion(&l->started);
	for (i = 0; i < 1000 && task_is_running(task); i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_FALSE(test, task_is_running(task));
	meanwhile(l);
	zcache_stream_put(stream);
	migrate_enable();
	wait_for_completion(&l->done);
}

static void invalidate_page(struct loader *l)
{
	tmem_invalidate(l->pool, &l->key, 1);
}

static void do_nothing(struct loader *l)
{
}

/* A frame in use is not even looked at. */
static void evict_frame(struct loader *l)
{
	struct page *pages[ZBUD_FRAME_PAGES];

	l->evicted = zbud_evict(zcache_frames(TMEM_EPHEMERAL),
				page_to_nid(l->bench->page), zcache_evict_zpage,
				NULL, pages);
}

/* What became invalid while it was read is not handed out. */
static void zcache_load_meets_invalidation(struct kunit *test)
{
	struct bench *b = test->priv;
	struct loader l = { .pool = b->files, .key = key_of(7) };

	make(b, PAGE_TEXT, 1);
	KUNIT_ASSERT_EQ(test, 0, store_file(b, 7));
	load_and(test, &l, do_nothing);
	KUNIT_EXPECT_EQ(test, 0, l.err);
	KUNIT_EXPECT_FALSE(test, holds_file(b, 7));

	KUNIT_ASSERT_EQ(test, 0, store_file(b, 7));
	load_and(test, &l, invalidate_page);
	KUNIT_EXPECT_EQ(test, -ENOENT, l.err);
	KUNIT_EXPECT_EQ(test, 0, file_zpages());

	KUNIT_ASSERT_EQ(test, 0, store_file(b, 7));
	load_and(test, &l, evict_frame);
	KUNIT_EXPECT_EQ(test, -ENOENT, l.evicted);
	KUNIT_EXPECT_EQ(test, 0, l.err);
	KUNIT_EXPECT_FALSE(test, memcmp(page_address(b->page),
					page_address(b->out), PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, file_zpages());

	/* A swap page is read under the lock of its folio: whole, or not. */
	l.pool = b->pool;
	KUNIT_ASSERT_EQ(test, 0, store(b, 7));
	load_and(test, &l, invalidate_page);
	KUNIT_EXPECT_EQ(test, 0, l.err);
	KUNIT_EXPECT_FALSE(test, memcmp(page_address(b->page),
					page_address(b->out), PAGE_SIZE));
}

/* What is stored as @nr; some of them small, so that frames differ. */
static void make_numbered(struct bench *b, u64 nr)
{
	page_of_size(nr, nr % 5 ? PAGE_SIZE / 2 : 200, page_address(b->page));
}

/* File pages up to the limit and once more as many; the number stored. */
static u64 fill_with_files(struct kunit *test)
{
	unsigned long limit;
	struct bench *b = test->priv;
	u64 nr;

	KUNIT_ASSERT_EQ(test, 0, set_knob("max_pool_percent", "1"));
	limit = zcache_pool_limit();
	for (nr = 0; nr < limit * 4; nr++) {
		make_numbered(b, nr);
		KUNIT_ASSERT_EQ(test, 0, store_file(b, nr));
		cond_resched();
	}
	KUNIT_EXPECT_LE(test, zcache_pool_pages(), limit);
	KUNIT_EXPECT_GT(test, zcache_pool_pages(), limit - 2 * ZBUD_FRAME_PAGES);
	return nr;
}

/* At the limit a file page takes the place of the oldest ones. */
static void zcache_files_evict_oldest(struct kunit *test)
{
	long evictions = file_counter(ZCACHE_EVICTIONS);
	struct bench *b = test->priv;
	u64 nr, stored, kept, first;

	stored = fill_with_files(test);
	kept = zcache_type_pages(TMEM_EPHEMERAL);
	KUNIT_EXPECT_EQ(test, stored - kept,
			file_counter(ZCACHE_EVICTIONS) - evictions);
	KUNIT_EXPECT_GT(test, kept, zcache_pool_limit());
	KUNIT_EXPECT_LT(test, kept, stored * 3 / 4);
	/* A frame that got a late small page is a young one. */
	for (first = 0; !holds_file(b, first); first++)
		;
	KUNIT_EXPECT_GT(test, first, (stored - kept) / 2);
	for (nr = stored - kept * 3 / 4; nr < stored; nr++) {
		make_numbered(b, nr);
		KUNIT_ASSERT_TRUE(test, file_loads_back(b, nr));
	}
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
}

/* Swap pages take the frames of file pages, and nobody takes theirs. */
static void zcache_ouroboros(struct kunit *test)
{
	long rejected = counter(ZCACHE_REJECT_LIMIT), file_rejected;
	struct bench *b = test->priv;
	unsigned long limit;
	u64 nr, stored;

	file_rejected = file_counter(ZCACHE_REJECT_LIMIT);
	fill_with_files(test);
	limit = zcache_pool_limit();
	for (stored = 0; stored < limit * 4; stored++) {
		make_middling(b, stored);
		if (store(b, stored))
			break;
		KUNIT_ASSERT_LE(test, zcache_pool_pages(), limit);
		cond_resched();
	}
	/* Refused is the first that finds no file page any more. */
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, 0, file_frames());
	KUNIT_EXPECT_EQ(test, b->reclaimable, reclaimable_pages());
	KUNIT_EXPECT_GT(test, stored, limit);
	KUNIT_EXPECT_EQ(test, -ENOSPC, store(b, stored));
	KUNIT_EXPECT_EQ(test, 2, counter(ZCACHE_REJECT_LIMIT) - rejected);

	KUNIT_EXPECT_EQ(test, -ENOSPC, store_file(b, 1));
	KUNIT_EXPECT_EQ(test, 1,
			file_counter(ZCACHE_REJECT_LIMIT) - file_rejected);
	for (nr = 0; nr < stored; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_TRUE(test, loads_back(b, nr));
	}
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
}

/* The frames of file pages, and only they, count as reclaimable. */
static void zcache_accounts_files(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 nr;

	for (nr = 0; nr < 300; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
	}
	KUNIT_EXPECT_GT(test, zcache_pool_pages(), 0);
	KUNIT_EXPECT_EQ(test, b->reclaimable, reclaimable_pages());
	for (nr = 0; nr < 300; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_EQ(test, 0, store_file(b, nr));
		KUNIT_ASSERT_EQ(test, file_frames() * ZBUD_FRAME_PAGES,
				reclaimable_pages() - b->reclaimable);
	}
	KUNIT_EXPECT_GT(test, file_frames(), 10);
	for (nr = 0; nr < 300; nr += 2) {
		make_middling(b, nr);
		KUNIT_ASSERT_TRUE(test, file_loads_back(b, nr));
	}
	KUNIT_EXPECT_EQ(test, file_frames() * ZBUD_FRAME_PAGES,
			reclaimable_pages() - b->reclaimable);
}

/* Some swap pages, and as many file pages of one size. */
static void store_both(struct kunit *test, unsigned int nr_pages)
{
	struct bench *b = test->priv;
	u64 nr;

	for (nr = 0; nr < nr_pages; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
		make_middling(b, 1);
		KUNIT_ASSERT_EQ(test, 0, store_file(b, nr));
	}
}

static void expect_swap_intact(struct kunit *test, unsigned int nr_pages)
{
	struct bench *b = test->priv;
	u64 nr;

	for (nr = 0; nr < nr_pages; nr++) {
		make_middling(b, nr);
		KUNIT_ASSERT_TRUE(test, loads_back(b, nr));
	}
}

/* The shrinker gives the oldest frames back, and never one of swap pages. */
static void zcache_shrinks(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned long frames, kept;
	long pool_pages;
	int tries;
	u64 nr;

	store_both(test, 1400);
	frames = file_frames();
	pool_pages = zcache_pool_pages();
	/* What is less than a batch is put off. */
	for (tries = 0; tries < 100 && file_frames() == frames; tries++)
		drop_slab();
	kept = zcache_type_pages(TMEM_EPHEMERAL);
	KUNIT_EXPECT_LT(test, file_frames(), frames);
	KUNIT_EXPECT_LT(test, kept, 1400);
	KUNIT_EXPECT_EQ(test, (frames - file_frames()) * ZBUD_FRAME_PAGES,
			pool_pages - zcache_pool_pages());
	KUNIT_EXPECT_EQ(test, file_frames() * ZBUD_FRAME_PAGES,
			reclaimable_pages() - b->reclaimable);
	for (nr = 0; nr < 1400; nr++)
		KUNIT_ASSERT_EQ(test, nr >= 1400 - kept, holds_file(b, nr));
	expect_swap_intact(test, 1400);
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
}

/* Before anyone is killed for memory all file pages go. */
static void zcache_frees_before_oom(struct kunit *test)
{
	struct oom_control oc = { .gfp_mask = GFP_KERNEL };
	struct bench *b = test->priv;
	bool freed;

	store_both(test, 300);
	mutex_lock(&oom_lock);
	freed = out_of_memory(&oc);
	mutex_unlock(&oom_lock);
	KUNIT_EXPECT_TRUE(test, freed);
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, 0, file_frames());
	KUNIT_EXPECT_EQ(test, b->reclaimable, reclaimable_pages());
	expect_swap_intact(test, 300);
}

/* A file system goes, and takes only its own pages along. */
static void zcache_file_system_goes(struct kunit *test)
{
	struct bench *b = test->priv;
	struct tmem_pool *pool;
	u64 nr;

	pool = zcache_pool_create(XA_LIMIT(FILE_POOL_ID + 1, U16_MAX),
				  TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	for (nr = 0; nr < 200; nr++) {
		struct tmem_key key = key_of(nr);

		make(b, PAGE_TEXT, nr);
		KUNIT_EXPECT_EQ(test, 0, zcache_store_page(pool, &key, b->page, 0));
		make(b, PAGE_HEAP, nr);
		KUNIT_EXPECT_EQ(test, 0, store_file(b, nr));
	}
	KUNIT_EXPECT_EQ(test, 400, zcache_type_pages(TMEM_EPHEMERAL));
	zcache_pool_destroy(pool);
	KUNIT_EXPECT_EQ(test, 200, zcache_type_pages(TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	for (nr = 0; nr < 200; nr++) {
		make(b, PAGE_HEAP, nr);
		KUNIT_EXPECT_TRUE(test, file_loads_back(b, nr));
	}
}

/* Admission */

#define ADMISSION_KEYS	3200

static int offer_file(struct bench *b, u64 nr, bool workingset)
{
	return zcache_cleancache_ops.store(&b->fs, nr / 50, nr % 50, b->page,
					   workingset);
}

/* The hits of others have paid for nothing more. */
static void spend_credit(void)
{
	struct tmem_key key = {};
	unsigned long i;

	/* More than may be saved up. */
	for (i = 0; i < totalram_pages() / 16; i++)
		zcache_admission_allow(&key, false);
}

/* A page that comes back pays for some that have not proved anything yet. */
static void zcache_admission_credit(struct kunit *test)
{
	unsigned int i, admitted = 0;
	struct bench *b = test->priv;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	make(b, PAGE_SPARSE, 1);
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, 0, store_file(b, i));
	spend_credit();
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, 0,
				zcache_cleancache_ops.load(&b->fs, 0, i,
							   b->out));
	/* Misses pay for nothing. */
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, -ENOENT,
				zcache_cleancache_ops.load(&b->fs, 0, i,
							   b->out));
	for (i = 0; i < 200; i++)
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, i, false));
	spend_credit();
	for (i = 0; i < ADMISSION_KEYS; i++)
		admitted += !offer_file(b, i, false);
	KUNIT_EXPECT_LT(test, admitted, ADMISSION_KEYS / 24);
}

static void zcache_admission(struct kunit *test)
{
	long rejected = file_counter(ZCACHE_REJECT_ADMISSION);
	struct bench *b = test->priv;
	unsigned int admitted = 0;
	u64 nr;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	KUNIT_EXPECT_EQ(test, ZCACHE_ADMIT_AUTO, zcache_file_admission);
	spend_credit();
	make(b, PAGE_SPARSE, 1);
	/* Of a file each: samples are runs of pages. */
	for (nr = 0; nr < ADMISSION_KEYS * 50; nr += 50) {
		/* A page that came back, each time that it did. */
		zcache_cleancache_ops.refault(&b->fs, nr / 50, nr % 50);
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, nr, false));
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, nr, true));
		/* The proof is used up: one in 128 is a sample. */
		admitted += !offer_file(b, nr, false);
	}
	KUNIT_EXPECT_GT(test, admitted, ADMISSION_KEYS / 512);
	KUNIT_EXPECT_LT(test, admitted, ADMISSION_KEYS / 32);
	KUNIT_EXPECT_EQ(test, ADMISSION_KEYS - admitted,
			file_counter(ZCACHE_REJECT_ADMISSION) - rejected);
	kunit_info(test, "%u of %u pages without proof were kept\n", admitted,
		   ADMISSION_KEYS);
}

/* What the device did for 1000 pages that came back in so many runs. */
static void device_reads(struct bench *b, unsigned long requests, u64 ns)
{
	struct zcache_reads *reads = &b->fs.reads;

	reads->pages = 1000;
	reads->requests = requests;
	zcache_reads_learn(reads, reads->ios + requests, reads->ns + ns);
}

/* Copies of pages that the device brings about as fast are not made. */
static void zcache_admission_device(struct kunit *test)
{
	long refused = file_counter(ZCACHE_REJECT_FAST_DEVICE);
	struct bench *b = test->priv;
	unsigned int i, admitted = 0;
	u64 copy_ns;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	make(b, PAGE_SPARSE, 1);
	for (i = 0; i < 100 && !zcache_copy_ns(TMEM_EPHEMERAL); i++) {
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, i * 50, true));
		zcache_cleancache_ops.load(&b->fs, i, 0, b->out);
	}
	copy_ns = zcache_copy_ns(TMEM_EPHEMERAL);
	KUNIT_ASSERT_GT(test, copy_ns, 0);

	/* A request for each page, each as slow as a hundred copies. */
	device_reads(b, 1000, 1000 * 100 * copy_ns);
	KUNIT_EXPECT_EQ(test, 100 * copy_ns, b->fs.reads.page_ns);
	for (i = 0; i < 300; i++)
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, i * 50, true));
	/* Too few requests to learn from. */
	device_reads(b, 31, 1);
	KUNIT_EXPECT_EQ(test, 100 * copy_ns, b->fs.reads.page_ns);

	/* As slow, but for a hundred adjacent pages at once: it takes a while. */
	for (i = 0; i < 20; i++)
		device_reads(b, 100, 100 * copy_ns);
	for (i = 0; i < ADMISSION_KEYS; i++)
		admitted += !offer_file(b, i * 50, true);
	KUNIT_EXPECT_LT(test, admitted, ADMISSION_KEYS / 32);
	KUNIT_EXPECT_EQ(test, ADMISSION_KEYS - admitted,
			file_counter(ZCACHE_REJECT_FAST_DEVICE) - refused);

	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "always"));
	for (i = 0; i < 300; i++)
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, i * 50, false));
}

/* What a copy costs is known before the first one is made. */
static void zcache_copies_tried(struct kunit *test)
{
	u64 before[TMEM_NR_TYPES];
	enum tmem_pool_type type;
	enum zcache_cost cost;

	for (type = 0; type < TMEM_NR_TYPES; type++) {
		for (cost = 0; cost < ZCACHE_NR_COSTS; cost++)
			zcache_cost_end(type, cost, ktime_get_ns() - NSEC_PER_MSEC / 2);
		before[type] = zcache_copy_ns(type);
		KUNIT_ASSERT_GT(test, before[type], 0);
	}
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "0"));
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "1"));
	for (type = 0; type < TMEM_NR_TYPES; type++) {
		KUNIT_EXPECT_GT(test, zcache_copy_ns(type), 0);
		KUNIT_EXPECT_NE(test, before[type], zcache_copy_ns(type));
	}
}

/* Files that do not compress are left alone, but for the samples. */
static void zcache_admission_poor(struct kunit *test)
{
	unsigned int i, tried = 0, runs = 200;
	struct tmem_key key = {};
	struct bench *b = test->priv;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	make(b, PAGE_RANDOM, 1);
	for (i = 0; i < runs * 64; i++) {
		key.index = i;
		tried += zcache_admission_compresses(&key);
		KUNIT_ASSERT_EQ(test, -E2BIG,
				zcache_cleancache_ops.store(&b->fs, 0, i, b->page, true));
	}
	/* 4 of each run, and all of a sample of 1 in 128. */
	KUNIT_EXPECT_GE(test, tried, runs * 3);
	KUNIT_EXPECT_LE(test, tried, runs * 4 + 8 * 64);

	/* One that does compress, when it is tried, ends it. */
	key.index = 0;
	zcache_admission_compressed(&key, false);
	KUNIT_EXPECT_TRUE(test, zcache_admission_compresses(&key));
	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "always"));
	key.index = 64 * 100;
	KUNIT_EXPECT_TRUE(test, zcache_admission_compresses(&key));
}

static void zcache_admission_knob(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 nr;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	make(b, PAGE_SPARSE, 1);
	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "always"));
	for (nr = 0; nr < 300; nr++)
		KUNIT_ASSERT_EQ(test, 0, offer_file(b, nr, false));
	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "never"));
	for (nr = 0; nr < 300; nr++) {
		zcache_cleancache_ops.refault(&b->fs, nr / 50, nr % 50);
		KUNIT_ASSERT_EQ(test, -EAGAIN, offer_file(b, nr, true));
	}
	KUNIT_EXPECT_EQ(test, 300, zcache_type_pages(TMEM_EPHEMERAL));
}

/* Dropping everything means every file, and no swap page. */
static void zcache_drops_all_files(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 nr;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "always"));
	store_both(test, 100);
	make(b, PAGE_SPARSE, 1);
	for (nr = 0; nr < 3000; nr++)
		KUNIT_ASSERT_EQ(test, 0,
				zcache_cleancache_ops.store(&b->fs, 64 * nr,
							    1, b->page, false));
	zcache_cleancache_ops.drop_all();
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, 0, file_frames());
	KUNIT_EXPECT_EQ(test, b->reclaimable, reclaimable_pages());
	expect_swap_intact(test, 100);
}

/* The whole: page cache and reclaim above, cleancache, zcache. */

static struct file_system_type kept_type =
	FILES_TYPE("tmem_zcache_test", FS_CLEANCACHE);

/* All pages of a file, each with a number of its own. */
static void read_all(struct kunit *test, struct test_file *f)
{
	pgoff_t i;

	for (i = 0; i < FILE_PAGES; i++)
		KUNIT_EXPECT_EQ(test, f->disk[i], read_file(f, i));
}

static void evict_all(struct kunit *test, struct test_file *f)
{
	pgoff_t i;

	for (i = 0; i < FILE_PAGES; i++)
		KUNIT_EXPECT_TRUE(test, evict_page(f, i));
}

static void zcache_keeps_files(struct kunit *test)
{
	struct vfsmount *mnt;
	struct test_file *f;
	pgoff_t i;

	if (!IS_ENABLED(CONFIG_CLEANCACHE))
		kunit_skip(test, "needs CONFIG_CLEANCACHE");
	KUNIT_ASSERT_EQ(test, 0, set_knob("file_admission", "always"));
	mnt = mount_files(test, &kept_type);
	f = make_file(test, mnt->mnt_sb);
	for (i = 0; i < FILE_PAGES; i++)
		f->disk[i] = 1000 + i;
	read_all(test, f);
	evict_all(test, f);
	KUNIT_EXPECT_EQ(test, FILE_PAGES, zcache_type_pages(TMEM_EPHEMERAL));
	read_all(test, f);
	KUNIT_EXPECT_EQ(test, FILE_PAGES, atomic_long_read(&f->reads));
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));

	/* Overwritten on the disk and invalidated. */
	evict_all(test, f);
	for (i = 0; i < FILE_PAGES; i++)
		write_disk(f, i, 2000 + i);
	truncate_pages(f, 0, FILE_PAGES - 1);
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	read_all(test, f);
	KUNIT_EXPECT_EQ(test, 2 * FILE_PAGES, atomic_long_read(&f->reads));

	/* Switched off, overwritten, switched on. */
	evict_all(test, f);
	KUNIT_EXPECT_EQ(test, 0, set_knob("enabled", "0"));
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	for (i = 0; i < FILE_PAGES; i++)
		write_disk(f, i, 3000 + i);
	KUNIT_EXPECT_EQ(test, 0, set_knob("enabled", "1"));
	read_all(test, f);

	/* The file goes, and the file system. */
	evict_all(test, f);
	KUNIT_EXPECT_EQ(test, FILE_PAGES, zcache_type_pages(TMEM_EPHEMERAL));
	kunit_release_action(test, put_file, f->inode);
	KUNIT_EXPECT_EQ(test, 0, zcache_type_pages(TMEM_EPHEMERAL));
	kunit_release_action(test, unmount_files, mnt);
}

/* Knobs */

/* Longer than any knob takes, and filled when it is used. */
static char long_value[ZCACHE_KNOB_LEN + 2];

static const struct knob_case {
	const char *name;
	const char *knob;
	const char *value;
	int err;
} knob_cases[] = {
	{ "percent, smallest", "max_pool_percent", "1", 0 },
	{ "percent, largest", "max_pool_percent", "80\n", 0 },
	{ "percent 0", "max_pool_percent", "0", -EINVAL },
	{ "percent too large", "max_pool_percent", "81", -EINVAL },
	{ "percent negative", "max_pool_percent", "-1", -EINVAL },
	{ "percent of 33 bits", "max_pool_percent", "4294967297", -EINVAL },
	{ "percent, no number", "max_pool_percent", "many", -EINVAL },
	{ "percent, empty", "max_pool_percent", "", -EINVAL },
	{ "enabled, no truth", "enabled", "maybe", -EINVAL },
	{ "enabled, empty", "enabled", "\n", -EINVAL },
	{ "enabled again", "enabled", " 1\n", 0 },
	{ "compressor in use", "compressor", "lzo", 0 },
	{ "other compressor", "compressor", "lzo-rle", -EBUSY },
	{ "compressor, empty", "compressor", "", -EINVAL },
	{ "a long value", "compressor", long_value, -EINVAL },
	{ "admission, all", "file_admission", "always", 0 },
	{ "admission, none", "file_admission", " never\n", 0 },
	{ "admission, default", "file_admission", "auto", 0 },
	{ "admission, part of a word", "file_admission", "alway", -EINVAL },
	{ "admission, number", "file_admission", "1", -EINVAL },
	{ "admission, empty", "file_admission", "", -EINVAL },
	{ "threshold, smallest", "accept_threshold_percent", "1", 0 },
	{ "threshold, largest", "accept_threshold_percent", "100", 0 },
	{ "threshold, default", "accept_threshold_percent", "90", 0 },
	{ "threshold 0", "accept_threshold_percent", "0", -EINVAL },
	{ "threshold too large", "accept_threshold_percent", "101", -EINVAL },
	{ "writeback, no truth", "writeback", "2x", -EINVAL },
	{ "writeback off", "writeback", "0", 0 },
	{ "writeback on", "writeback", "1", 0 },
	{ "swap admission, all", "swap_admission", "always", 0 },
	{ "swap admission, default", "swap_admission", "auto", 0 },
	{ "swap admission, none", "swap_admission", "never", -EINVAL },
	{ "drain too large", "drain", "101", -EINVAL },
	{ "drain, empty", "drain", "", -EINVAL },
	{ "drain nothing", "drain", "100", 0 },
};

KUNIT_ARRAY_PARAM_DESC(knob_case, knob_cases, name);

/* While zcache is on. A bad value changes nothing. */
static void zcache_knobs_check(struct kunit *test)
{
	const struct knob_case *c = test->param_value;
	enum zcache_admission admission = zcache_file_admission;
	unsigned int threshold = zcache_accept_threshold;
	unsigned int percent = zcache_max_pool_percent;
	struct bench *b = test->priv;

	memset(long_value, '1', sizeof(long_value) - 1);
	make(b, PAGE_TEXT, 1);
	KUNIT_ASSERT_EQ(test, 0, store(b, 1));
	KUNIT_EXPECT_EQ(test, c->err, set_knob(c->knob, c->value));
	if (c->err) {
		KUNIT_EXPECT_EQ(test, percent, zcache_max_pool_percent);
		KUNIT_EXPECT_EQ(test, admission, zcache_file_admission);
		KUNIT_EXPECT_EQ(test, threshold, zcache_accept_threshold);
		KUNIT_EXPECT_TRUE(test, zcache_writeback);
	}
	KUNIT_EXPECT_TRUE(test, zcache_enabled);
	KUNIT_EXPECT_STREQ(test, "lzo", zcache_compressor);
	KUNIT_EXPECT_TRUE(test, loads_back(b, 1));
}

static void zcache_unknown_compressor(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, set_knob("enabled", "0"));
	KUNIT_EXPECT_EQ(test, -ENOENT, set_knob("compressor", "no-such"));
	KUNIT_EXPECT_STREQ(test, "lzo", zcache_compressor);
	KUNIT_EXPECT_EQ(test, 0, set_knob("compressor", "lzo"));
	KUNIT_EXPECT_EQ(test, 0, set_knob("enabled", "1"));
}

/*
 * Pages of frames are moved, by those who move them in earnest.
 */

static struct folio *new_place(struct folio *folio, unsigned long private)
{
	return folio_alloc(GFP_KERNEL, 0);
}

/* Return: true if all of them are elsewhere, or have been freed. */
static bool migrate_list(struct list_head *list)
{
	int left = migrate_pages(list, new_place, NULL, 0, MIGRATE_SYNC,
				 MR_COMPACTION, NULL);

	if (left)
		putback_movable_pages(list);
	return !left;
}

static bool isolate_to(struct list_head *list, struct page *page)
{
	if (!isolate_movable_page(page, ISOLATE_UNEVICTABLE))
		return false;
	list_add(&page->lru, list);
	return true;
}

static bool migrate_page(struct page *page)
{
	LIST_HEAD(list);

	return isolate_to(&list, page) && migrate_list(&list);
}

/* The pages of a zpage: first that of its frame, from which its handle is made. */
#define ZPAGE_PAGES	3

static bool pages_of(struct tmem_pool *pool, const struct tmem_key *key,
		     struct page **pages, unsigned long *handle)
{
	struct zbud_zpage z;

	if (tmem_pin(pool, key, handle))
		return false;
	zbud_read(*handle, &z);
	pages[0] = pfn_to_page(*handle >> 8);
	pages[1] = virt_to_page(z.part[0].addr);
	pages[2] = z.part[1].len ? virt_to_page(z.part[1].addr) : pages[1];
	zbud_unpin(zcache_frames(pool->type), *handle);
	return true;
}

static struct page *first_page_of(struct kunit *test, struct tmem_pool *pool,
				  u64 nr)
{
	struct tmem_key key = key_of(nr);
	struct page *pages[ZPAGE_PAGES];
	unsigned long handle;

	KUNIT_ASSERT_TRUE(test, pages_of(pool, &key, pages, &handle));
	return pages[0];
}

static void need_migration(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_COMPACTION))
		kunit_skip(test, "pages cannot be moved");
}

#define MOVED_KEYS	120

/* Every page of a frame, that of the handles too, and not a byte is lost. */
static void zcache_migrates_pages(struct kunit *test)
{
	long before = counter(ZCACHE_PAGES_MIGRATED) +
		      file_counter(ZCACHE_PAGES_MIGRATED);
	struct bench *b = test->priv;
	struct tmem_pool *pools[] = { b->pool, b->files };
	struct page *pages[ZPAGE_PAGES];
	unsigned long handle, old;
	unsigned int type, i;
	struct tmem_key key;
	u64 nr;

	need_migration(test);
	for (nr = 0; nr < MOVED_KEYS; nr++) {
		make(b, nr % PAGE_HALF, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
		KUNIT_ASSERT_EQ(test, 0, store_file(b, nr));
	}
	for (nr = 0; nr < MOVED_KEYS; nr++) {
		key = key_of(nr);
		for (type = 0; type < 2; type++) {
			for (i = 0; i < ZPAGE_PAGES; i++) {
				KUNIT_ASSERT_TRUE(test,
						  pages_of(pools[type], &key,
							   pages, &old));
				get_page(pages[i]);
				KUNIT_EXPECT_TRUE(test, migrate_page(pages[i]));
				/* It is nobody else's any more. */
				KUNIT_EXPECT_EQ(test, 1, page_count(pages[i]));
				put_page(pages[i]);
				KUNIT_ASSERT_TRUE(test,
						  pages_of(pools[type], &key,
							   pages, &handle));
				if (!i)
					KUNIT_EXPECT_NE(test, old, handle);
			}
		}
		make(b, nr % PAGE_HALF, nr);
		KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
	}
	KUNIT_EXPECT_EQ(test, 2 * ZPAGE_PAGES * MOVED_KEYS,
			counter(ZCACHE_PAGES_MIGRATED) +
			file_counter(ZCACHE_PAGES_MIGRATED) - before);
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	for (nr = 0; nr < MOVED_KEYS; nr++) {
		make(b, nr % PAGE_HALF, nr);
		KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
		KUNIT_EXPECT_TRUE(test, file_loads_back(b, nr));
	}
}

/* What is read stays where it is. */
static void migrate_loaded(struct loader *l)
{
	struct page *pages[ZPAGE_PAGES];
	unsigned long handle;

	l->evicted = -ENOENT;
	if (pages_of(l->pool, &l->key, pages, &handle))
		l->evicted = migrate_page(pages[0]) || migrate_page(pages[1]);
}

static void zcache_page_in_use_stays(struct kunit *test)
{
	struct bench *b = test->priv;
	struct loader l = { .pool = b->pool, .key = key_of(7) };

	need_migration(test);
	make(b, PAGE_TEXT, 1);
	KUNIT_ASSERT_EQ(test, 0, store(b, 7));
	load_and(test, &l, migrate_loaded);
	KUNIT_EXPECT_EQ(test, 0, l.evicted);
	KUNIT_EXPECT_EQ(test, 0, l.err);
	KUNIT_EXPECT_FALSE(test, memcmp(page_address(b->page),
					page_address(b->out), PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, migrate_page(first_page_of(test, b->pool, 7)));
	KUNIT_EXPECT_TRUE(test, loads_back(b, 7));
}

/* A header that is wrong leads to no owner: none of its frame changes. */
static void zcache_damaged_frame_stays(struct kunit *test)
{
	struct bench *b = test->priv;
	struct zbud_zpage z;
	u64 nr;

	need_migration(test);
	for (nr = 0; nr < 5; nr++) {
		make(b, PAGE_TEXT, nr);
		KUNIT_ASSERT_EQ(test, 0, store(b, nr));
	}
	find_zpage(test, 3, &z);
	((u8 *)z.part[0].addr)[-14] ^= 1;
	KUNIT_EXPECT_FALSE(test, migrate_page(first_page_of(test, b->pool, 0)));
	find_zpage(test, 3, &z);
	((u8 *)z.part[0].addr)[-14] ^= 1;
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	KUNIT_EXPECT_TRUE(test, migrate_page(first_page_of(test, b->pool, 0)));
	for (nr = 0; nr < 5; nr++) {
		make(b, PAGE_TEXT, nr);
		KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
	}
}

static const struct parting {
	const char *name;
	bool held;	/* by one more */
	bool migrate;
} partings[] = {
	{ "and moved", false, true },
	{ "and left", false, false },
	{ "and moved, held", true, true },
	{ "and left, held", true, false },
};

KUNIT_ARRAY_PARAM_DESC(parting, partings, name);

/* A frame may go while a page of it is about to be moved. */
static void zcache_isolated_page_is_freed(struct kunit *test)
{
	const struct parting *p = test->param_value;
	struct bench *b = test->priv;
	unsigned long pages;
	struct page *page;
	LIST_HEAD(list);

	need_migration(test);
	make(b, PAGE_TEXT, 1);
	KUNIT_ASSERT_EQ(test, 0, store_file(b, 7));
	pages = zcache_pool_pages();
	page = first_page_of(test, b->files, 7);
	if (p->held)
		get_page(page);
	KUNIT_ASSERT_TRUE(test, isolate_to(&list, page));
	KUNIT_EXPECT_FALSE(test, isolate_movable_page(page, 0));
	KUNIT_EXPECT_TRUE(test, file_loads_back(b, 7));
	KUNIT_EXPECT_EQ(test, pages - ZBUD_FRAME_PAGES, zcache_pool_pages());
	if (!p->migrate)
		putback_movable_pages(&list);
	else
		KUNIT_EXPECT_EQ(test, !p->held, migrate_list(&list));
	if (!p->held)
		return;
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
}

#define ISOLATED	50

/* Frames of file pages become those of swap pages, while pages are isolated. */
static void zcache_isolated_page_changes_hands(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned int isolated = 0;
	u64 nr, n, stored = 0;
	LIST_HEAD(list);
	long before;

	need_migration(test);
	n = fill_with_files(test);
	for (nr = n; nr-- && isolated < ISOLATED;)
		if (holds_file(b, nr))
			isolated += isolate_to(&list, first_page_of(test,
								    b->files,
								    nr));
	KUNIT_EXPECT_GT(test, isolated, 3);
	before = counter(ZCACHE_PAGES_MIGRATED);
	/* As many as there is room for: no frame is left to file pages. */
	for (nr = 0; nr < n; nr++) {
		make_numbered(b, nr);
		if (store(b, nr))
			break;
		stored++;
	}
	KUNIT_EXPECT_EQ(test, 0, file_frames());
	KUNIT_EXPECT_TRUE(test, migrate_list(&list));
	KUNIT_EXPECT_EQ(test, isolated,
			counter(ZCACHE_PAGES_MIGRATED) - before);
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	for (nr = 0; nr < stored; nr++) {
		make_numbered(b, nr);
		KUNIT_EXPECT_TRUE(test, loads_back(b, nr));
	}
}

/*
 * Threads: each has its keys, as the folio lock gives them to one task, but
 * frames, streams and trees are shared. The pool is as full of others' file
 * pages as it may be, so frames are emptied and change hands all the time.
 */

#define THREAD_STEPS	4000
#define OWN_KEYS	40
#define OWN_FIRST	1000000	/* behind those that fill the pool */
#define PASSING_POOLS	60

struct crowd {
	struct tmem_pool *pool[TMEM_NR_TYPES];
	struct member {
		struct tester t;
		struct crowd *crowd;
		/* + 1 of what is stored, 0: nothing */
		u64 page_nr[TMEM_NR_TYPES][OWN_KEYS];
		unsigned long loads[TMEM_NR_TYPES];
		unsigned long migrated;
		struct page *page, *out;
	} member[TESTERS];
};

/* A file page may be gone, but it is never another one. */
static void crowd_load(struct member *me, enum tmem_pool_type type,
		       const struct tmem_key *key, u64 *page)
{
	int err = zcache_load_page(me->crowd->pool[type], key, me->out, 0);
	u64 nr = *page;

	if (type == TMEM_EPHEMERAL)
		*page = 0;
	model_check(&me->t.m, err == (nr ? 0 : -ENOENT) ||
		    (err == -ENOENT && type == TMEM_EPHEMERAL),
		    "a page was lost or came back: %d", err);
	if (err)
		return;
	me->loads[type]++;
	page_make((nr - 1) % PAGE_HALF, nr - 1, page_address(me->page));
	model_check(&me->t.m, !memcmp(page_address(me->page),
				      page_address(me->out), PAGE_SIZE),
		    "another page was loaded");
}

/* Under the pin its frame stays, and then the page by what is held of it. */
static void crowd_migrate(struct member *me, struct tmem_pool *pool,
			  const struct tmem_key *key)
{
	unsigned long handle;
	struct page *page;

	if (tmem_pin(pool, key, &handle))
		return;
	page = pfn_to_page(handle >> 8);
	get_page(page);
	zbud_unpin(zcache_frames(pool->type), handle);
	me->migrated += migrate_page(page);
	put_page(page);
}

static void crowd_step(struct tester *t)
{
	struct member *me = container_of(t, struct member, t);
	enum tmem_pool_type type = model_below(&t->m, TMEM_NR_TYPES);
	unsigned int own = model_below(&t->m, OWN_KEYS);
	struct tmem_pool *pool = me->crowd->pool[type];
	struct tmem_key key = key_of(OWN_FIRST + own * 1000 + t->nr);
	u64 *page = &me->page_nr[type][own];
	u64 nr;

	switch (model_below(&me->t.m, 9)) {
	case 0 ... 2:
		nr = model_below(&me->t.m, 500);
		page_make(nr % PAGE_HALF, nr, page_address(me->page));
		*page = 0;
		if (!zcache_store_page(pool, &key, me->page, 0))
			*page = nr + 1;
		else
			tmem_invalidate(pool, &key, 1);
		return;
	case 3 ... 5:
		return crowd_load(me, type, &key, page);
	case 6:
		return crowd_migrate(me, pool, &key);
	default:
		tmem_invalidate(pool, &key, 1);
		*page = 0;
	}
}

/* File systems come and go meanwhile, with pages in the frames of others. */
static void pass_pools(struct kunit *test)
{
	struct bench *b = test->priv;
	struct tmem_pool *pool;
	int round;
	u64 nr;

	make(b, PAGE_TEXT, 5);
	for (round = 0; round < PASSING_POOLS; round++) {
		pool = zcache_pool_create(XA_LIMIT(FILE_POOL_ID + 1, U16_MAX),
					  TMEM_EPHEMERAL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
		for (nr = 0; nr < 100; nr++) {
			struct tmem_key key = key_of(nr * 77);

			if (zcache_store_page(pool, &key, b->page, 0))
				tmem_invalidate(pool, &key, 1);
		}
		usleep_range(100, 1000);
		zcache_pool_destroy(pool);
		if (round % 8 == 0)
			zcache_drop_pages(TMEM_EPHEMERAL);
	}
}

static void zcache_threads(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned long loads[TMEM_NR_TYPES] = {}, migrated = 0;
	struct bench *b = test->priv;
	enum tmem_pool_type type;
	unsigned int i;
	long evictions;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->pool[TMEM_PERSISTENT] = b->pool;
	c->pool[TMEM_EPHEMERAL] = b->files;
	for (i = 0; i < TESTERS; i++) {
		c->member[i].crowd = c;
		c->member[i].page = test_page(test);
		c->member[i].out = test_page(test);
		c->member[i].t.step = crowd_step;
	}
	fill_with_files(test);
	evictions = file_counter(ZCACHE_EVICTIONS);
	for (i = 0; i < TESTERS; i++)
		tester_start(test, &c->member[i].t, i, seed, THREAD_STEPS);
	pass_pools(test);
	for (i = 0; i < TESTERS; i++) {
		tester_wait(test, &c->member[i].t);
		for (type = 0; type < TMEM_NR_TYPES; type++)
			loads[type] += c->member[i].loads[type];
		migrated += c->member[i].migrated;
	}
	evictions = file_counter(ZCACHE_EVICTIONS) - evictions;
	KUNIT_EXPECT_EQ(test, 0, zcache_validate());
	KUNIT_EXPECT_GT(test, loads[TMEM_PERSISTENT], THREAD_STEPS / 8);
	KUNIT_EXPECT_GT(test, loads[TMEM_EPHEMERAL], THREAD_STEPS / 16);
	KUNIT_EXPECT_GT(test, evictions, 0);
	if (IS_ENABLED(CONFIG_COMPACTION))
		KUNIT_EXPECT_GT(test, migrated, THREAD_STEPS / 32);
	kunit_info(test, "%lu loads of swap pages, %lu of file pages, %ld evictions, %lu pages moved by %d threads\n",
		   loads[TMEM_PERSISTENT], loads[TMEM_EPHEMERAL], evictions,
		   migrated, TESTERS);
}

/*
 * Density: the same compressed pages in zcache and in zsmalloc. Stored bytes
 * by memory used, frames and index of ours counted, of zsmalloc only its pages.
 */

/* Enough that half-filled size classes do not weigh on zsmalloc. */
#define DENSITY_PAGES	(4 * STRETCH)
#define CHURN_ROUNDS	6

#define QUANTILES	32

/*
 * How pages of 4 KiB compress with lzo: quantiles of the sizes up to
 * ZBUD_MAX_SIZE, measured on source code of Linux 6.12, on the programs and
 * libraries of a Debian 12, and on the heap of a Python that holds syntax
 * trees. An allocator sees no more of a page than this.
 */
static const struct density_case {
	const char *name;
	unsigned int size[QUANTILES + 1];
} density_cases[] = {
	{ "source code", {
		144, 1043, 1281, 1424, 1526, 1619, 1695, 1753, 1803, 1846,
		1885, 1922, 1953, 1984, 2010, 2039, 2067, 2092, 2117, 2144,
		2168, 2191, 2214, 2237, 2263, 2291, 2317, 2347, 2379, 2417,
		2466, 2539, 2963,
	} },
	{ "programs", {
		44, 883, 1037, 1202, 1374, 1588, 1769, 1878, 1972, 2062, 2164,
		2220, 2313, 2398, 2469, 2526, 2578, 2633, 2708, 2805, 2902,
		2990, 3063, 3128, 3182, 3227, 3272, 3314, 3357, 3399, 3445,
		3500, 3584,
	} },
	{ "heap", {
		70, 262, 321, 485, 536, 573, 590, 607, 621, 640, 665, 728, 778,
		826, 878, 920, 955, 963, 1005, 1065, 1096, 1117, 1131, 1143,
		1154, 1164, 1176, 1198, 1247, 1318, 1555, 1705, 3567,
	} },
};

KUNIT_ARRAY_PARAM_DESC(density_case, density_cases, name);

struct density {
	struct bench *bench;
	struct model m;			/* for its random numbers */
	const struct density_case *sizes;
	struct zs_pool *zs;
	unsigned long *zs_handle;	/* by key, 0 if nothing is stored */
	u16 *len;
	unsigned long stored;
	unsigned long bytes;
};

/* What zcache has just stored as @nr goes to zsmalloc as well. */
static int density_copy(struct density *d, u64 nr, struct zbud_zpage *z)
{
	unsigned long handle = zs_malloc(d->zs, z->len, GFP_KERNEL);
	u8 *to;

	if (IS_ERR_VALUE(handle))
		return (int)handle;
	to = zs_map_object(d->zs, handle, ZS_MM_WO);
	memcpy(to, z->part[0].addr, z->part[0].len);
	if (z->part[1].len)
		memcpy(to + z->part[0].len, z->part[1].addr, z->part[1].len);
	zs_unmap_object(d->zs, handle);
	d->zs_handle[nr] = handle;
	d->len[nr] = z->len;
	d->stored++;
	d->bytes += z->len;
	return 0;
}

/* A size from the distribution. */
static unsigned int density_size(struct density *d)
{
	unsigned int i = model_below(&d->m, QUANTILES);
	unsigned int low = d->sizes->size[i], high = d->sizes->size[i + 1];

	return low + model_below(&d->m, high - low + 1);
}

/* Store a page; should it be too large after all, another one. */
static int density_store(struct kunit *test, struct density *d, u64 nr)
{
	void *page = page_address(d->bench->page);
	struct zbud_zpage z;
	int err;

	do {
		page_of_size(model_random(&d->m), density_size(d), page);
		err = store(d->bench, nr);
		cond_resched();
	} while (err == -E2BIG);
	if (err)
		return err;
	find_zpage(test, nr, &z);
	return density_copy(d, nr, &z);
}

static void density_drop(struct density *d, u64 nr)
{
	drop(d->bench, nr);
	zs_free(d->zs, d->zs_handle[nr]);
	d->zs_handle[nr] = 0;
	d->stored--;
	d->bytes -= d->len[nr];
}

/* Fill up to @want pages, keys in order. */
static int density_fill(struct kunit *test, struct density *d,
			unsigned long want)
{
	u64 nr;
	int err;

	for (nr = 0; nr < DENSITY_PAGES && d->stored < want; nr++) {
		if (d->zs_handle[nr])
			continue;
		err = density_store(test, d, nr);
		if (err)
			return err;
	}
	return 0;
}

/* Drop two of five and fill up, again and again. */
static int density_churn(struct kunit *test, struct density *d)
{
	int round, err;
	u64 nr;

	for (round = 0; round < CHURN_ROUNDS; round++) {
		for (nr = 0; nr < DENSITY_PAGES; nr++)
			if (d->zs_handle[nr] && model_below(&d->m, 5) < 2)
				density_drop(d, nr);
		err = density_fill(test, d, round % 2 ? DENSITY_PAGES / 10 * 9 :
						DENSITY_PAGES);
		if (err)
			return err;
	}
	return 0;
}

/* In thousandths. */
static unsigned long density_of(unsigned long bytes, unsigned long memory)
{
	return bytes * 1000 / memory;
}

/*
 * Never less dense than zsmalloc, though what zswap needs for each page beside
 * it is not counted against it; and our own metadata within the budget.
 */
static void density_report(struct kunit *test, struct density *d,
			   const char *when)
{
	unsigned long frames, ours, with_index, theirs, metadata;
	struct tmem_footprint fp;
	struct zbud_stats stats;

	zbud_stats(zcache_frames(TMEM_PERSISTENT), &stats);
	tmem_pool_footprint(d->bench->pool, &fp);
	frames = stats.frames * ZBUD_FRAME_PAGES * PAGE_SIZE;
	ours = density_of(d->bytes, frames);
	with_index = density_of(d->bytes, frames + fp.bytes);
	theirs = density_of(d->bytes, zs_get_total_pages(d->zs) * PAGE_SIZE);
	metadata = (stats.overhead + fp.bytes) * 10 / d->stored;
	kunit_info(test,
		   "%-11s %lu pages of %4lu bytes: zbud 0.%03lu, with the index 0.%03lu, zsmalloc 0.%03lu; metadata %lu.%lu bytes a page\n",
		   when, d->stored, d->bytes / d->stored, ours, with_index,
		   theirs, metadata / 10, metadata % 10);
	KUNIT_EXPECT_EQ(test, stats.bytes, d->bytes);
	KUNIT_EXPECT_EQ(test, stats.zpages, d->stored);
	KUNIT_EXPECT_GE(test, ours, theirs);
	KUNIT_EXPECT_LE(test, metadata, METADATA_BUDGET * 10);
}

static void free_zs_pool(void *pool)
{
	zs_destroy_pool(pool);
}

static void free_vmalloc(void *ptr)
{
	vfree(ptr);
}

static void *density_array(struct kunit *test, size_t size)
{
	void *array = vzalloc(size * DENSITY_PAGES);

	KUNIT_ASSERT_NOT_NULL(test, array);
	at_end(test, free_vmalloc, array);
	return array;
}

static void zcache_density(struct kunit *test)
{
	struct density *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	u64 nr;

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->bench = test->priv;
	d->sizes = test->param_value;
	model_start(&d->m, seed, 0);
	d->zs_handle = density_array(test, sizeof(*d->zs_handle));
	d->len = density_array(test, sizeof(*d->len));
	d->zs = zs_create_pool("zcache_kunit");
	KUNIT_ASSERT_NOT_NULL(test, d->zs);
	at_end(test, free_zs_pool, d->zs);

	KUNIT_EXPECT_EQ(test, 0, density_fill(test, d, DENSITY_PAGES));
	density_report(test, d, "after fill");
	KUNIT_EXPECT_EQ(test, 0, density_churn(test, d));
	density_report(test, d, "after churn");
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(d->bench->pool));

	for (nr = 0; nr < DENSITY_PAGES; nr++)
		if (d->zs_handle[nr])
			density_drop(d, nr);
}

/*
 * Metadata of file pages: headers and directories in the frames, and an index
 * in which each file has a tree of its own.
 */

#define METADATA_PAGES	8192

static const struct metadata_case {
	const char *name;
	unsigned int pages;		/* of each file */
	unsigned int budget;		/* bytes a page; 0: only reported */
} metadata_cases[] = {
	{ "files of 1 page", 1, 0 },
	{ "files of 4 pages", 4, 0 },
	{ "files of 16 pages", 16, 0 },
	{ "files of 64 pages", 64, METADATA_BUDGET },
	/* A last leaf that is mostly empty weighs, and a root above few leaves. */
	{ "files of 100 pages", 100, 0 },
	{ "files of 256 pages", 256, METADATA_BUDGET + 1 },
	{ "files of 4096 pages", 4096, METADATA_BUDGET },
};

KUNIT_ARRAY_PARAM_DESC(metadata_case, metadata_cases, name);

static void zcache_files_metadata(struct kunit *test)
{
	const struct metadata_case *c = test->param_value;
	struct bench *b = test->priv;
	struct tmem_footprint fp;
	struct zbud_stats stats;
	unsigned long metadata;
	u64 nr;

	make_middling(b, 1);
	for (nr = 0; nr < METADATA_PAGES; nr++) {
		struct tmem_key key = { nr / c->pages * 128, nr % c->pages };

		KUNIT_ASSERT_EQ(test, 0,
				zcache_store_page(b->files, &key, b->page, 0));
	}
	tmem_pool_footprint(b->files, &fp);
	zbud_stats(zcache_frames(TMEM_EPHEMERAL), &stats);
	KUNIT_EXPECT_EQ(test, METADATA_PAGES, stats.zpages);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(METADATA_PAGES, c->pages), fp.objects);
	metadata = (stats.overhead + fp.bytes) * 10 / METADATA_PAGES;
	kunit_info(test, "%s: metadata %lu.%lu bytes a page\n", c->name,
		   metadata / 10, metadata % 10);
	if (c->budget)
		KUNIT_EXPECT_LE(test, metadata, c->budget * 10);
}

static struct kunit_case zcache_cases[] = {
	KUNIT_CASE_PARAM(zcache_round_trip, compressor_gen_params),
	KUNIT_CASE_PARAM(zcache_same_filled, pattern_gen_params),
	KUNIT_CASE(zcache_counts),
	KUNIT_CASE(zcache_detects_corruption),
	KUNIT_CASE(zcache_detects_wrong_owner),
	KUNIT_CASE_SLOW(zcache_limit),
	KUNIT_CASE(zcache_failed_allocations),
	KUNIT_CASE(zcache_swaps_folios),
	KUNIT_CASE(zcache_keeps_copy_of_direct_load),
	KUNIT_CASE(zcache_refuses_whole_folio),
	KUNIT_CASE(zcache_invalidates_slots),
	KUNIT_CASE(zcache_reports_lost_page),
	KUNIT_CASE(zcache_files_round_trip),
	KUNIT_CASE(zcache_files_moved_while_read),
	KUNIT_CASE(zcache_files_same_filled),
	KUNIT_CASE(zcache_files_detect_corruption),
	KUNIT_CASE(zcache_load_meets_invalidation),
	KUNIT_CASE_SLOW(zcache_files_evict_oldest),
	KUNIT_CASE_SLOW(zcache_ouroboros),
	KUNIT_CASE(zcache_accounts_files),
	KUNIT_CASE(zcache_shrinks),
	KUNIT_CASE(zcache_frees_before_oom),
	KUNIT_CASE(zcache_file_system_goes),
	KUNIT_CASE(zcache_admission),
	KUNIT_CASE(zcache_admission_credit),
	KUNIT_CASE(zcache_admission_device),
	KUNIT_CASE(zcache_copies_tried),
	KUNIT_CASE(zcache_admission_poor),
	KUNIT_CASE(zcache_admission_knob),
	KUNIT_CASE(zcache_drops_all_files),
	KUNIT_CASE(zcache_keeps_files),
	KUNIT_CASE_PARAM(zcache_knobs_check, knob_case_gen_params),
	KUNIT_CASE(zcache_unknown_compressor),
	KUNIT_CASE(zcache_migrates_pages),
	KUNIT_CASE(zcache_page_in_use_stays),
	KUNIT_CASE(zcache_damaged_frame_stays),
	KUNIT_CASE_PARAM(zcache_isolated_page_is_freed, parting_gen_params),
	KUNIT_CASE_SLOW(zcache_isolated_page_changes_hands),
	KUNIT_CASE_SLOW(zcache_threads),
	KUNIT_CASE_PARAM(zcache_files_metadata, metadata_case_gen_params),
	KUNIT_CASE_PARAM_ATTR(zcache_density, density_case_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite zcache_suite = {
	.name = "tmem_zcache",
	.init = zcache_test_init,
	.exit = zcache_test_exit,
	.test_cases = zcache_cases,
};

kunit_test_suite(zcache_suite);

MODULE_DESCRIPTION("KUnit tests of zcache");
MODULE_LICENSE("GPL");
