// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cleancache and its hooks: real mounts, inodes, page cache and
 * reclaim above a back end and a disk of their own. Skipped when there is a back
 * end already (zcache=1).
 */
#include <kunit/test.h>
#include <linux/cleancache.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/random.h>
#include <linux/spinlock.h>

#include "files.h"
#include "model.h"
#include "testers.h"

#define COPIES	256

/* As many bits as cleancache.c has: mappings of one hash share a window. */
#define WINDOW_BITS	10

/**
 * struct copy - what the back end keeps of one page
 * @held: is there one
 * @sb: its file system, which is its pool
 * @object: its inode
 * @index: its place in it
 * @number: what the page repeats
 */
struct copy {
	bool held;
	struct super_block *sb;
	u64 object;
	pgoff_t index;
	u64 number;
};

/**
 * struct gate - a place in the back end where the next who comes has to wait
 * @shut: there is one to come
 * @reached: he has come
 * @open: he may go on
 */
struct gate {
	bool shut;
	struct completion reached;
	struct completion open;
};

/**
 * struct fake - the back end
 * @lock: covers @copy
 * @copy: what it keeps
 * @stores: calls, also those that failed
 * @loads: calls
 * @refaults: calls
 * @invalidates: calls
 * @drops: calls of drop_all
 * @mounts: file systems that it was told of
 * @umounts: file systems that have gone
 * @wrong: it was asked for what cannot be
 * @workingset: of the last store
 * @no_pool: it takes no file system
 * @fail_at: the index that it does not take
 * @nap: it takes its time
 * @store_gate: at the begin of a store
 * @load_gate: at the begin of a load
 */
static struct fake {
	spinlock_t lock;	/* copy */
	struct copy copy[COPIES];
	atomic_long_t stores;
	atomic_long_t loads;
	atomic_long_t refaults;
	atomic_long_t invalidates;
	atomic_long_t drops;
	int mounts;
	int umounts;
	const char *wrong;
	bool workingset;
	bool no_pool;
	pgoff_t fail_at;
	bool nap;
	struct gate store_gate;
	struct gate load_gate;
} fake;

static struct file_system_type kept_type =
	FILES_TYPE("tmem_test", FS_CLEANCACHE);

/* One that did not opt in. */
static struct file_system_type plain_type = FILES_TYPE("tmem_plain", 0);

/* The back end */

static void shut_gate(struct gate *gate)
{
	init_completion(&gate->reached);
	init_completion(&gate->open);
	WRITE_ONCE(gate->shut, true);
}

static void pass_gate(struct gate *gate)
{
	if (!READ_ONCE(gate->shut))
		return;
	WRITE_ONCE(gate->shut, false);
	complete(&gate->reached);
	wait_for_completion(&gate->open);
}

static void fake_nap(void)
{
	if (READ_ONCE(fake.nap) && !get_random_u32_below(4))
		usleep_range(1, 10);
}

static void fake_check(struct super_block *sb, u64 object)
{
	struct inode *inode = __va(object * __alignof__(struct inode));

	if (inode->i_sb != sb)
		WRITE_ONCE(fake.wrong, "the pool is of another file system");
}

/* The next copy in a range, after @c (or NULL for the first). */
static struct copy *fake_next(struct copy *c, struct super_block *sb,
			      u64 object, pgoff_t index, unsigned long nr)
{
	lockdep_assert_held(&fake.lock);
	for (c = c ? c + 1 : fake.copy; c < fake.copy + COPIES; c++)
		if (c->held && c->sb == sb && c->object == object &&
		    c->index >= index && c->index - index < nr)
			return c;
	return NULL;
}

static void *fake_mount(struct super_block *sb)
{
	/* Those of the machine that the test runs on are none of its business. */
	if (sb->s_type != &kept_type)
		return NULL;
	fake.mounts++;
	return fake.no_pool ? NULL : sb;
}

static void fake_umount(void *pool)
{
	struct copy *c;

	spin_lock(&fake.lock);
	for (c = fake.copy; c < fake.copy + COPIES; c++)
		if (c->held && c->sb == pool)
			WRITE_ONCE(fake.wrong, "a copy outlives its file system");
	spin_unlock(&fake.lock);
	fake.umounts++;
}

static int fake_put(struct super_block *sb, u64 object, pgoff_t index,
		    u64 number)
{
	struct copy *c;
	int err = -ENOSPC;

	spin_lock(&fake.lock);
	if (fake_next(NULL, sb, object, index, 1))
		WRITE_ONCE(fake.wrong, "a page in the page cache had a copy");
	for (c = fake.copy; err && c < fake.copy + COPIES; c++) {
		if (c->held)
			continue;
		*c = (struct copy) { true, sb, object, index, number };
		err = 0;
	}
	spin_unlock(&fake.lock);
	return err;
}

static int fake_store(void *pool, u64 object, pgoff_t index, struct page *page,
		      unsigned int hints)
{
	int err = -ENOMEM;

	pass_gate(&fake.store_gate);
	fake_check(pool, object);
	fake_nap();
	if (index != READ_ONCE(fake.fail_at))
		err = fake_put(pool, object, index, file_page_number(page));
	fake_nap();
	WRITE_ONCE(fake.workingset, hints & CLEANCACHE_WORKINGSET);
	atomic_long_inc(&fake.stores);
	return err;
}

static int fake_load(void *pool, u64 object, pgoff_t index, struct page *page)
{
	struct copy *c;

	pass_gate(&fake.load_gate);
	fake_check(pool, object);
	fake_nap();
	atomic_long_inc(&fake.loads);
	spin_lock(&fake.lock);
	c = fake_next(NULL, pool, object, index, 1);
	if (c) {
		file_fill_page(page, c->number);
		c->held = false;
	}
	spin_unlock(&fake.lock);
	fake_nap();
	return c ? 0 : -ENOENT;
}

static void fake_refault(void *pool, u64 object, pgoff_t index)
{
	fake_check(pool, object);
	atomic_long_inc(&fake.refaults);
}

static void fake_invalidate(void *pool, u64 object, pgoff_t index,
			    unsigned long nr)
{
	struct copy *c = NULL;

	fake_check(pool, object);
	atomic_long_inc(&fake.invalidates);
	spin_lock(&fake.lock);
	while ((c = fake_next(c, pool, object, index, nr)))
		c->held = false;
	spin_unlock(&fake.lock);
}

static unsigned long fake_count(void *pool, u64 object, pgoff_t index,
				unsigned long nr)
{
	unsigned long count = 0;
	struct copy *c = NULL;

	fake_check(pool, object);
	spin_lock(&fake.lock);
	while ((c = fake_next(c, pool, object, index, nr)))
		count++;
	spin_unlock(&fake.lock);
	return count;
}

static void fake_drop_all(void)
{
	int i;

	atomic_long_inc(&fake.drops);
	spin_lock(&fake.lock);
	for (i = 0; i < COPIES; i++)
		fake.copy[i].held = false;
	spin_unlock(&fake.lock);
}

static const struct cleancache_ops fake_ops = {
	.mount = fake_mount,
	.umount = fake_umount,
	.store = fake_store,
	.load = fake_load,
	.refault = fake_refault,
	.invalidate = fake_invalidate,
	.count = fake_count,
	.drop_all = fake_drop_all,
};

/* What it keeps of a file */

static u64 object_of(const struct test_file *f)
{
	return __pa(f->inode) / __alignof__(struct inode);
}

static unsigned long copies_in(struct test_file *f, pgoff_t index,
			       unsigned long nr)
{
	return fake_count(f->inode->i_sb, object_of(f), index, nr);
}

static unsigned long copies(struct test_file *f)
{
	return copies_in(f, 0, ULONG_MAX);
}

/* Behind the back of cleancache, as if it had been stored. */
static void put_copy(struct test_file *f, pgoff_t index, u64 number)
{
	set_bit(AS_CLEANCACHE, &f->mapping->flags);
	fake_put(f->inode->i_sb, object_of(f), index, number);
}

/* Read, reclaimed and stored by all the real code there is. */
static void make_copy(struct kunit *test, struct test_file *f, pgoff_t index)
{
	KUNIT_ASSERT_EQ(test, f->disk[index], read_file(f, index));
	KUNIT_ASSERT_TRUE(test, evict_page(f, index));
	KUNIT_ASSERT_EQ(test, 1, copies_in(f, index, 1));
}

/*
 * Offer a page that is in the page cache, as reclaim does before it takes it
 * out. It stays, so its copy goes again.
 */
static bool offer(struct test_file *f, pgoff_t index)
{
	struct folio *folio;
	bool stored;

	lru_add_drain_all();
	folio = filemap_lock_folio(f->mapping, index);
	if (IS_ERR(folio))
		return false;
	stored = cleancache_store(f->mapping, folio);
	if (stored)
		cleancache_invalidate_folio(f->mapping, folio);
	folio_unlock(folio);
	folio_put(folio);
	return stored;
}

/* Life of a case */

struct bench {
	struct vfsmount *mnt;
	struct test_file *f;
	bool registered;
};

static int cleancache_test_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	memset(&fake, 0, sizeof(fake));
	spin_lock_init(&fake.lock);
	fake.fail_at = ULONG_MAX;
	b->mnt = mount_files(test, &kept_type);
	b->f = make_file(test, b->mnt->mnt_sb);
	if (cleancache_register(&fake_ops))
		kunit_skip(test, "cleancache has a back end already");
	b->registered = true;
	test->priv = b;
	return 0;
}

static void cleancache_test_exit(struct kunit *test)
{
	struct bench *b = test->priv;

	if (!b || !b->registered)
		return;
	cleancache_disable();
	KUNIT_EXPECT_EQ(test, CLEANCACHE_OFF, cleancache_state());
	KUNIT_EXPECT_EQ(test, 0, cleancache_unregister(&fake_ops));
	KUNIT_EXPECT_NULL(test, b->mnt->mnt_sb->s_cleancache);
	if (fake.wrong)
		KUNIT_FAIL(test, "%s", fake.wrong);
}

static struct test_file *the_file(struct kunit *test)
{
	struct bench *b = test->priv;

	return b->f;
}

static struct test_file *another_file(struct kunit *test)
{
	struct bench *b = test->priv;

	return make_file(test, b->mnt->mnt_sb);
}

/* The file of the bench, with cleancache on. */
static struct test_file *switch_on(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, cleancache_enable());
	return the_file(test);
}

/* Life cycle */

static void cleancache_attaches(struct kunit *test)
{
	const struct cleancache_ops other_ops = fake_ops;

	KUNIT_EXPECT_EQ(test, -EBUSY, cleancache_register(&other_ops));
	KUNIT_EXPECT_EQ(test, -EBUSY, cleancache_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, -ENODEV, cleancache_unregister(&other_ops));
	KUNIT_EXPECT_EQ(test, CLEANCACHE_OFF, cleancache_state());
	KUNIT_EXPECT_FALSE(test, cleancache_active());

	KUNIT_EXPECT_EQ(test, 0, cleancache_enable());
	KUNIT_EXPECT_EQ(test, 0, cleancache_enable());
	KUNIT_EXPECT_EQ(test, CLEANCACHE_ON, cleancache_state());
	KUNIT_EXPECT_TRUE(test, cleancache_active());
	KUNIT_EXPECT_EQ(test, -EBUSY, cleancache_unregister(&fake_ops));
	cleancache_disable();
	cleancache_disable();
	KUNIT_EXPECT_EQ(test, CLEANCACHE_OFF, cleancache_state());
	KUNIT_EXPECT_FALSE(test, cleancache_active());
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.drops));
}

/* File systems may be there before the back end, come after it, and stay. */
static void cleancache_attaches_late(struct kunit *test)
{
	struct bench *b = test->priv;
	struct super_block *sb = b->mnt->mnt_sb, *second;

	KUNIT_EXPECT_EQ(test, 1, fake.mounts);
	KUNIT_EXPECT_PTR_EQ(test, (void *)sb, sb->s_cleancache);
	second = mount_files(test, &kept_type)->mnt_sb;
	KUNIT_EXPECT_EQ(test, 2, fake.mounts);
	KUNIT_EXPECT_PTR_EQ(test, (void *)second, second->s_cleancache);

	KUNIT_EXPECT_EQ(test, 0, cleancache_unregister(&fake_ops));
	KUNIT_EXPECT_EQ(test, 2, fake.umounts);
	KUNIT_EXPECT_NULL(test, sb->s_cleancache);
	KUNIT_EXPECT_NULL(test, second->s_cleancache);
	KUNIT_EXPECT_EQ(test, -ENODEV, cleancache_enable());
	KUNIT_EXPECT_EQ(test, -ENODEV, cleancache_unregister(&fake_ops));
	KUNIT_EXPECT_EQ(test, CLEANCACHE_OFF, cleancache_state());

	KUNIT_EXPECT_EQ(test, 0, cleancache_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, 4, fake.mounts);
	KUNIT_EXPECT_PTR_EQ(test, (void *)sb, sb->s_cleancache);
	KUNIT_EXPECT_PTR_EQ(test, (void *)second, second->s_cleancache);
}

/* Mounted once more, a super block keeps its pool. */
static void cleancache_mounts_once(struct kunit *test)
{
	struct bench *b = test->priv;
	struct super_block *sb = b->mnt->mnt_sb;

	down_write(&sb->s_umount);
	cleancache_mount(sb);
	up_write(&sb->s_umount);
	KUNIT_EXPECT_EQ(test, 1, fake.mounts);
	KUNIT_EXPECT_PTR_EQ(test, (void *)sb, sb->s_cleancache);
}

static void cleancache_refuses_file_systems(struct kunit *test)
{
	struct bench *b = test->priv;
	struct super_block *plain = mount_files(test, &plain_type)->mnt_sb;
	struct super_block *sb = b->mnt->mnt_sb;

	KUNIT_EXPECT_NULL(test, plain->s_cleancache);

	KUNIT_EXPECT_EQ(test, 0, cleancache_unregister(&fake_ops));
	sb->s_blocksize = 2 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 0, cleancache_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, 1, fake.mounts);
	KUNIT_EXPECT_NULL(test, sb->s_cleancache);
	KUNIT_EXPECT_NULL(test, plain->s_cleancache);

	KUNIT_EXPECT_EQ(test, 0, cleancache_unregister(&fake_ops));
	sb->s_blocksize = PAGE_SIZE;
	fake.no_pool = true;
	KUNIT_EXPECT_EQ(test, 0, cleancache_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, 2, fake.mounts);
	KUNIT_EXPECT_NULL(test, sb->s_cleancache);

	/* Nobody is asked about the pages of such a file system. */
	switch_on(test);
	KUNIT_EXPECT_EQ(test, 1, read_file(b->f, 3));
	KUNIT_EXPECT_FALSE(test, offer(b->f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(b->f, 3));
	KUNIT_EXPECT_EQ(test, 1, read_file(b->f, 3));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.loads));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.refaults));
	KUNIT_EXPECT_FALSE(test, cleancache_may_have_copies(b->f->mapping));
}

/* The pool goes when the last inode is gone, and each takes its copies along. */
static void cleancache_umounts(struct kunit *test)
{
	struct test_file *f = switch_on(test), *other, *kept;
	struct vfsmount *mnt = mount_files(test, &kept_type);

	make_copy(test, f, 3);
	other = make_file(test, mnt->mnt_sb);
	kept = make_file(test, mnt->mnt_sb);
	make_copy(test, other, 3);
	make_copy(test, kept, 3);
	KUNIT_EXPECT_EQ(test, 1, copies(kept));
	kunit_release_action(test, put_file, other->inode);
	KUNIT_EXPECT_EQ(test, 0, fake_count(mnt->mnt_sb, object_of(kept), 4, 1));
	KUNIT_EXPECT_EQ(test, 1, copies(kept));

	/* fake_umount() looks whether a copy is left. */
	kunit_release_action(test, put_file, kept->inode);
	kunit_release_action(test, unmount_files, mnt);
	KUNIT_EXPECT_EQ(test, 1, fake.umounts);
	KUNIT_EXPECT_EQ(test, 1, copies(f));
}

static void cleancache_off_does_nothing(struct kunit *test)
{
	struct test_file *f = the_file(test);

	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_FALSE(test, offer(f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&f->reads));
	truncate_pages(f, 0, FILE_PAGES - 1);
	cleancache_drop_all();
	KUNIT_EXPECT_EQ(test, 0, cleancache_global_pages());
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.loads));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.refaults));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.invalidates));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.drops));
	KUNIT_EXPECT_FALSE(test, cleancache_may_have_copies(f->mapping));
}

/* Off and on again: what was stored before does not come back. */
static void cleancache_forgets_when_off(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	make_copy(test, f, 3);
	cleancache_disable();
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	write_disk(f, 3, 2);
	KUNIT_EXPECT_EQ(test, 0, cleancache_enable());
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
	cleancache_drop_all();
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&fake.drops));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* What is stored */

/**
 * struct eligible_case - one reason not to store, or not to load
 * @name: the reason
 * @spoil: bring it about; false if that cannot be here
 */
struct eligible_case {
	const char *name;
	bool (*spoil)(struct test_file *f);
};

static bool is_directory(struct test_file *f)
{
	f->inode->i_mode = S_IFDIR | 0700;
	return true;
}

static bool is_symlink(struct test_file *f)
{
	f->inode->i_mode = S_IFLNK | 0777;
	return true;
}

static bool is_block_device(struct test_file *f)
{
	f->inode->i_mode = S_IFBLK | 0600;
	return true;
}

static bool has_no_read_folio(struct test_file *f)
{
	static const struct address_space_operations aops = {
		.dirty_folio = noop_dirty_folio,
	};

	f->mapping->a_ops = &aops;
	return true;
}

static bool is_dax(struct test_file *f)
{
	f->inode->i_flags |= S_DAX;
	return S_DAX;
}

static bool is_verity(struct test_file *f)
{
	f->inode->i_flags |= S_VERITY;
	return true;
}

static bool is_swapfile(struct test_file *f)
{
	f->inode->i_flags |= S_SWAPFILE;
	return true;
}

static bool has_large_blocks(struct test_file *f)
{
	mapping_set_folio_min_order(f->mapping, 1);
	return mapping_min_folio_order(f->mapping);
}

static bool ends_before(struct test_file *f)
{
	i_size_write(f->inode, 3 * PAGE_SIZE);
	return true;
}

static const struct eligible_case eligible_cases[] = {
	{ "directory", is_directory },
	{ "symbolic link", is_symlink },
	{ "block device", is_block_device },
	{ "not read by read_folio", has_no_read_folio },
	{ "DAX", is_dax },
	{ "fs-verity", is_verity },
	{ "swap file", is_swapfile },
	{ "blocks above the page size", has_large_blocks },
	{ "beyond i_size", ends_before },
};

KUNIT_ARRAY_PARAM_DESC(eligible_case, eligible_cases, name);

/* Each reason by itself: the page is not stored, the one before it was. */
static void cleancache_stores_eligible(struct kunit *test)
{
	const struct eligible_case *c = test->param_value;
	struct test_file *f = switch_on(test);

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 4));
	KUNIT_EXPECT_TRUE(test, offer(f, 3));
	if (!c->spoil(f))
		kunit_skip(test, "cannot be in this kernel");
	KUNIT_EXPECT_FALSE(test, offer(f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 4));
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* What has become so since it was stored is not loaded, and dropped. */
static void cleancache_loads_eligible(struct kunit *test)
{
	const struct eligible_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct folio *folio;

	make_copy(test, f, 3);
	if (!c->spoil(f))
		kunit_skip(test, "cannot be in this kernel");
	folio = filemap_alloc_folio(GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	KUNIT_EXPECT_EQ(test, 0, filemap_add_folio_load(f->mapping, folio, 3,
							GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	folio_unlock(folio);
	folio_put(folio);
}

/* The same inode, but pages that belong to another mapping, as metadata do. */
static void cleancache_keeps_to_i_data(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct address_space *other;
	struct folio *folio;

	other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	address_space_init_once(other);
	other->host = f->inode;
	other->a_ops = &file_aops;

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	lru_add_drain_all();
	folio = filemap_lock_folio(f->mapping, 3);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	KUNIT_EXPECT_FALSE(test, cleancache_store(other, folio));
	KUNIT_EXPECT_FALSE(test, cleancache_store(NULL, folio));
	KUNIT_EXPECT_TRUE(test, cleancache_store(f->mapping, folio));
	cleancache_invalidate_folio(f->mapping, folio);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.stores));
	folio_unlock(folio);
	folio_put(folio);
}

static void cleancache_needs_opt_in(struct kunit *test)
{
	struct vfsmount *mnt = mount_files(test, &plain_type);
	struct test_file *plain = make_file(test, mnt->mnt_sb);

	switch_on(test);
	KUNIT_ASSERT_EQ(test, 1, read_file(plain, 3));
	KUNIT_EXPECT_FALSE(test, offer(plain, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(plain, 3));
	KUNIT_EXPECT_EQ(test, 1, read_file(plain, 3));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&plain->reads));
	KUNIT_EXPECT_FALSE(test, cleancache_may_have_copies(plain->mapping));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.refaults));
}

/* A page whose writing has failed is clean, but not what is on the disk. */
static void cleancache_mistrusts_after_error(struct kunit *test)
{
	struct test_file *f = switch_on(test), *other = another_file(test);

	make_copy(test, f, 3);
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 4));
	mapping_set_error(f->mapping, -EIO);
	KUNIT_EXPECT_FALSE(test, offer(f, 4));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 4));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
	/* What was stored before is what is on the disk. */
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&f->reads));
	make_copy(test, other, 4);
}

static void mark_dirty(struct folio *folio)
{
	folio_set_dirty(folio);
}

static void clean(struct folio *folio)
{
	folio_clear_dirty(folio);
}

static void mark_writeback(struct folio *folio)
{
	set_bit(PG_writeback, folio_flags(folio, 0));
}

static void end_writeback(struct folio *folio)
{
	clear_bit(PG_writeback, folio_flags(folio, 0));
}

static void mark_private(struct folio *folio)
{
	folio_set_private(folio);
}

static void clear_private(struct folio *folio)
{
	folio_clear_private(folio);
}

static void mark_swapbacked(struct folio *folio)
{
	folio_set_swapbacked(folio);
}

static void clear_swapbacked(struct folio *folio)
{
	folio_clear_swapbacked(folio);
}

static void mark_not_uptodate(struct folio *folio)
{
	folio_clear_uptodate(folio);
}

static void mark_uptodate(struct folio *folio)
{
	folio_mark_uptodate(folio);
}

static const struct folio_case {
	const char *name;
	void (*mark)(struct folio *folio);
	void (*unmark)(struct folio *folio);
} folio_cases[] = {
	{ "dirty", mark_dirty, clean },
	{ "writeback", mark_writeback, end_writeback },
	{ "private", mark_private, clear_private },
	{ "extra reference", folio_get, folio_put },
	{ "swap-backed", mark_swapbacked, clear_swapbacked },
	{ "not uptodate", mark_not_uptodate, mark_uptodate },
};

KUNIT_ARRAY_PARAM_DESC(folio_case, folio_cases, name);

/* Folios that reclaim would not take, or that are not what is on the disk. */
static void cleancache_stores_clean_folios(struct kunit *test)
{
	const struct folio_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	folio = filemap_get_folio(f->mapping, 3);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	folio_put(folio);
	c->mark(folio);
	KUNIT_EXPECT_FALSE(test, offer(f, 3));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_FALSE(test, cleancache_may_have_copies(f->mapping));
	c->unmark(folio);
	KUNIT_EXPECT_TRUE(test, offer(f, 3));
	KUNIT_EXPECT_TRUE(test, cleancache_may_have_copies(f->mapping));
}

/* A page that the back end does not take leaves the page cache all the same. */
static void cleancache_store_is_refused(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	fake.fail_at = 3;
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_FALSE(test, offer(f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&fake.stores));
	write_disk(f, 3, 2);
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
}

static void cleancache_tells_workingset(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_TRUE(test, offer(f, 3));
	KUNIT_EXPECT_FALSE(test, fake.workingset);
	folio = filemap_get_folio(f->mapping, 3);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	folio_set_workingset(folio);
	folio_put(folio);
	KUNIT_EXPECT_TRUE(test, offer(f, 3));
	KUNIT_EXPECT_TRUE(test, fake.workingset);
}

/* Large folios, which need not be in the tree for this. */

static void put_large_folio(void *ptr)
{
	struct folio *folio = ptr;

	folio->mapping = NULL;
	folio_unlock(folio);
	folio_put(folio);
}

static struct folio *large_folio(struct kunit *test, struct test_file *f,
				 pgoff_t index, unsigned int order)
{
	struct folio *folio = folio_alloc(GFP_KERNEL | __GFP_COMP, order);
	long i;

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_lock(folio);
	folio->mapping = f->mapping;
	folio->index = index;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_large_folio,
							   folio));
	for (i = 0; i < folio_nr_pages(folio); i++)
		file_fill_page(folio_page(folio, i), 100 + index + i);
	return folio;
}

static const struct large_case {
	const char *name;
	loff_t size;
	pgoff_t fail_at;
	unsigned long stored;	/* of the four from page 8 on */
} large_cases[] = {
	{ "in the middle", 64 * PAGE_SIZE, ULONG_MAX, 4 },
	{ "up to the end", 12 * PAGE_SIZE, ULONG_MAX, 4 },
	{ "a byte in the last page", 11 * PAGE_SIZE + 1, ULONG_MAX, 4 },
	{ "last page beyond the end", 11 * PAGE_SIZE, ULONG_MAX, 3 },
	{ "a byte in the first page", 8 * PAGE_SIZE + 1, ULONG_MAX, 1 },
	{ "all beyond the end", 8 * PAGE_SIZE, ULONG_MAX, 0 },
	{ "one refused", 64 * PAGE_SIZE, 9, 3 },
	{ "all others beyond", 9 * PAGE_SIZE, 8, 0 },
};

KUNIT_ARRAY_PARAM_DESC(large_case, large_cases, name);

/* Page by page, none beyond the end; true if there is something to drop. */
static void cleancache_stores_large(struct kunit *test)
{
	const struct large_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct folio *folio = large_folio(test, f, 8, 2);
	struct copy *copy;

	fake.fail_at = c->fail_at;
	i_size_write(f->inode, c->size);
	folio_mark_uptodate(folio);
	/* The references of the page cache. */
	folio_ref_add(folio, 4);
	KUNIT_EXPECT_EQ(test, !!c->stored, cleancache_store(f->mapping, folio));
	folio_ref_sub(folio, 4);
	KUNIT_EXPECT_EQ(test, c->stored, copies(f));
	KUNIT_EXPECT_EQ(test, c->stored, copies_in(f, 8, 4));
	for (copy = fake.copy; copy < fake.copy + COPIES; copy++)
		if (copy->held)
			KUNIT_EXPECT_EQ(test, 100 + copy->index, copy->number);
	cleancache_invalidate_folio(f->mapping, folio);
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* Copies are of single pages: all of its range go, though it wants them. */
static void cleancache_large_claim_drops(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct folio *folio = large_folio(test, f, 8, 2);
	pgoff_t i;

	for (i = 7; i < 13; i++)
		put_copy(f, i, 1);
	KUNIT_EXPECT_FALSE(test, cleancache_claim(f->mapping, folio, true, false));
	KUNIT_EXPECT_FALSE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_EQ(test, 0, copies_in(f, 8, 4));
	KUNIT_EXPECT_EQ(test, 2, copies(f));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.loads));
}

/* What is loaded. The copy and the disk differ here, to tell which it was. */

static void cleancache_hits(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	make_copy(test, f, 3);
	make_copy(test, f, 4);
	f->disk[3] = 2;
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&f->reads));
	/* The page cache has the only copy now. */
	KUNIT_EXPECT_EQ(test, 0, copies_in(f, 3, 1));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
	truncate_pages(f, 3, 3);
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 3, atomic_long_read(&f->reads));
}

static void cleancache_misses(struct kunit *test)
{
	struct test_file *f = switch_on(test), *other = another_file(test);

	make_copy(test, f, 3);
	other->disk[3] = 7;
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 2));
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 4));
	KUNIT_EXPECT_EQ(test, 7, read_file(other, 3));
	KUNIT_EXPECT_EQ(test, 3, atomic_long_read(&f->reads));
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&other->reads));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
}

/* Only a page that was evicted before is a refault, and each hit is one. */
static void cleancache_notes_refaults(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.refaults));
	fake.fail_at = 3;
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.refaults));
	/* A hit without a shadow entry. */
	put_copy(f, 5, 1);
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 5));
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&fake.refaults));
}

/* Those who enter a folio to overwrite it, or to fill it in their own way. */
static void cleancache_drops_by_default(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct folio *folio;

	make_copy(test, f, 3);
	folio = __filemap_get_folio(f->mapping, 3, FGP_WRITEBEGIN, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	folio_unlock(folio);
	folio_put(folio);

	/* A fault wants the content, and no lock. */
	make_copy(test, f, 4);
	folio = __filemap_get_folio(f->mapping, 4, FGP_CREAT | FGP_FOR_MMAP,
				    GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_locked(folio));
	KUNIT_EXPECT_EQ(test, 1, file_page_number(folio_page(folio, 0)));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	folio_put(folio);
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&f->reads));
}

static int other_filler(struct file *unused, struct folio *folio)
{
	file_fill_page(folio_page(folio, 0), 55);
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	return 0;
}

/* A copy is what read_folio gives, not what another filler would. */
static void cleancache_keeps_to_read_folio(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct folio *folio;

	make_copy(test, f, 3);
	folio = read_cache_folio(f->mapping, 3, other_filler, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	KUNIT_EXPECT_EQ(test, 55, file_page_number(folio_page(folio, 0)));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	folio_put(folio);
}

/* Hits in the middle of a range: all others are read, and nothing is locked. */
static void cleancache_readahead(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	DEFINE_READAHEAD(ractl, NULL, NULL, f->mapping, 8);
	struct folio *folio;
	pgoff_t i;

	make_copy(test, f, 8);
	make_copy(test, f, 10);
	make_copy(test, f, 11);
	make_copy(test, f, 15);
	for (i = 8; i < 16; i++)
		f->disk[i] = 100 + i;
	page_cache_ra_unbounded(&ractl, 8, 0);
	KUNIT_EXPECT_EQ(test, 4 + 4, atomic_long_read(&f->reads));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	for (i = 8; i < 16; i++) {
		bool hit = i == 8 || i == 10 || i == 11 || i == 15;

		folio = filemap_get_folio(f->mapping, i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
		KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
		KUNIT_EXPECT_FALSE(test, folio_test_locked(folio));
		KUNIT_EXPECT_EQ(test, hit ? 1 : 100 + i,
				file_page_number(folio_page(folio, 0)));
		folio_put(folio);
	}
	KUNIT_EXPECT_FALSE(test, is_cached(f, 7));
	KUNIT_EXPECT_FALSE(test, is_cached(f, 16));
}

/* Invalidation */

static const struct range_case {
	const char *name;
	pgoff_t first, last;
	unsigned long left;	/* of pages 8 to 15 */
} range_cases[] = {
	{ "all there can be", 0, ULONG_MAX, 0 },
	{ "all but the first index", 1, ULONG_MAX, 0 },
	{ "from the middle on", 11, ULONG_MAX, 3 },
	{ "only the last index", ULONG_MAX, ULONG_MAX, 8 },
	{ "just these", 8, 15, 0 },
	{ "one", 8, 8, 7 },
	{ "two", 14, 15, 6 },
	{ "up to the first", 0, 8, 7 },
	{ "all before", 0, 7, 8 },
	{ "all behind", 16, ULONG_MAX, 8 },
	{ "nothing", 9, 8, 8 },
};

KUNIT_ARRAY_PARAM_DESC(range_case, range_cases, name);

static void put_eight(struct test_file *f)
{
	pgoff_t i;

	for (i = 8; i < 16; i++)
		put_copy(f, i, 1);
}

static void cleancache_ranges(struct kunit *test)
{
	const struct range_case *r = test->param_value;
	struct test_file *f = switch_on(test), *other = another_file(test);
	bool window;

	put_eight(f);
	put_eight(other);
	cleancache_invalidate_range(f->mapping, r->first, r->last);
	KUNIT_EXPECT_EQ(test, r->left, copies(f));

	cleancache_invalidate_inode(f->inode);
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	put_eight(f);
	window = cleancache_window_begin(f->mapping);
	KUNIT_EXPECT_TRUE(test, window);
	KUNIT_EXPECT_EQ(test, 8, copies(f));
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, r->first,
						      r->last, window));
	KUNIT_EXPECT_EQ(test, r->left, copies(f));
	KUNIT_EXPECT_EQ(test, 8, copies(other));
}

/* The pages of which a part is truncated change as well. */
static void cleancache_partial_pages(struct kunit *test)
{
	static const struct {
		loff_t start, end;	/* in bytes, inclusive */
		pgoff_t first, last;	/* pages that have to go */
	} cuts[] = {
		{ 10 * PAGE_SIZE, 12 * PAGE_SIZE - 1, 10, 11 },
		{ 10 * PAGE_SIZE + 1, 12 * PAGE_SIZE - 1, 10, 11 },
		{ 10 * PAGE_SIZE, 12 * PAGE_SIZE, 10, 12 },
		{ 10 * PAGE_SIZE + 5, 10 * PAGE_SIZE + 9, 10, 10 },
		{ 11 * PAGE_SIZE - 1, 11 * PAGE_SIZE, 10, 11 },
		{ 9 * PAGE_SIZE + 17, -1, 9, 15 },
		{ 0, -1, 8, 15 },
		{ 0, 8 * PAGE_SIZE - 1, 16, 16 },
	};
	struct test_file *f = switch_on(test);
	unsigned int i;
	pgoff_t page;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		cleancache_invalidate_inode(f->inode);
		put_eight(f);
		truncate_inode_pages_range(f->mapping, cuts[i].start,
					   cuts[i].end);
		for (page = 8; page < 16; page++)
			KUNIT_EXPECT_EQ_MSG(test, page < cuts[i].first ||
					    page > cuts[i].last,
					    copies_in(f, page, 1),
					    "cut %u, page %lu", i, page);
	}
}

/* The ways in which the kernel forgets pages that it does not have. */
static void cleancache_invalidates(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	make_copy(test, f, 8);
	KUNIT_EXPECT_EQ(test, 0, f->mapping->nrpages);
	KUNIT_EXPECT_EQ(test, 0, invalidate_inode_pages2_range(f->mapping, 8, 8));
	KUNIT_EXPECT_EQ(test, 0, copies(f));

	make_copy(test, f, 8);
	invalidate_mapping_pages(f->mapping, 0, -1);
	KUNIT_EXPECT_EQ(test, 0, copies(f));

	make_copy(test, f, 8);
	KUNIT_EXPECT_EQ(test, 0, filemap_invalidate_inode(f->inode, false, 0,
							  LLONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, copies(f));

	make_copy(test, f, 8);
	truncate_inode_pages_final(f->mapping);
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* "No pages" does not mean "nothing cached", for as long as the inode lives. */
static void cleancache_sticky_bit(struct kunit *test)
{
	struct test_file *f = switch_on(test);

	KUNIT_EXPECT_FALSE(test, mapping_has_cached_data(f->mapping));
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_FALSE(test, cleancache_may_have_copies(f->mapping));
	KUNIT_EXPECT_TRUE(test, mapping_has_cached_data(f->mapping));
	truncate_pages(f, 3, 3);
	KUNIT_EXPECT_FALSE(test, mapping_has_cached_data(f->mapping));

	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_FALSE(test, cleancache_has_copies(f->mapping, 3, 1));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 0, f->mapping->nrpages);
	KUNIT_EXPECT_TRUE(test, cleancache_may_have_copies(f->mapping));
	KUNIT_EXPECT_TRUE(test, mapping_has_cached_data(f->mapping));
	KUNIT_EXPECT_TRUE(test, cleancache_has_copies(f->mapping, 0, 4));
	KUNIT_EXPECT_FALSE(test, cleancache_has_copies(f->mapping, 4, 4));

	truncate_pages(f, 0, FILE_PAGES - 1);
	KUNIT_EXPECT_FALSE(test, cleancache_has_copies(f->mapping, 0, 4));
	KUNIT_EXPECT_TRUE(test, cleancache_may_have_copies(f->mapping));
	cleancache_disable();
	KUNIT_EXPECT_TRUE(test, mapping_has_cached_data(f->mapping));
}

/* Windows */

/* While one is open, nothing moves from a copy into the page cache. */
static void cleancache_window_misses(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	bool outer, inner;

	make_copy(test, f, 3);
	make_copy(test, f, 4);
	write_disk(f, 3, 2);
	write_disk(f, 4, 2);
	outer = cleancache_window_begin(f->mapping);
	inner = cleancache_window_begin(f->mapping);
	KUNIT_EXPECT_TRUE(test, outer && inner);
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 0, copies_in(f, 3, 1));
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, 50, 50, inner));
	/* The outer one is open still. */
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 4));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, 50, 50, outer));

	make_copy(test, f, 5);
	f->disk[5] = 9;
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 5));
}

/* None for a file without copies; the first copy makes the scan be repeated. */
static void cleancache_window_first_copy(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	bool window;

	window = cleancache_window_begin(f->mapping);
	KUNIT_EXPECT_FALSE(test, window);
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, 0, ULONG_MAX,
						      window));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.invalidates));

	window = cleancache_window_begin(f->mapping);
	make_copy(test, f, 3);
	KUNIT_EXPECT_FALSE(test, cleancache_window_end(f->mapping, 0, ULONG_MAX,
						       window));
	window = cleancache_window_begin(f->mapping);
	KUNIT_EXPECT_TRUE(test, window);
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, 0, ULONG_MAX,
						      window));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

static unsigned int window_of(const struct test_file *f)
{
	return hash_ptr(f->mapping, WINDOW_BITS);
}

/* Another file whose window is that of @f (or is not). */
static struct test_file *find_file(struct kunit *test, struct test_file *f,
				   bool same)
{
	struct test_file *other;
	int i;

	for (i = 0; i < 20000; i++) {
		other = another_file(test);
		if ((window_of(f) == window_of(other)) == same)
			return other;
	}
	KUNIT_FAIL_AND_ABORT(test, "no file found");
	return NULL;
}

/* Two mappings may share a counter: that costs misses and nothing else. */
static void cleancache_window_collision(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct test_file *same = find_file(test, f, true);
	struct test_file *apart = find_file(test, f, false);
	bool window;

	make_copy(test, f, 3);
	make_copy(test, same, 3);
	make_copy(test, same, 4);
	make_copy(test, apart, 3);
	window = cleancache_window_begin(f->mapping);
	KUNIT_EXPECT_EQ(test, 1, read_file(apart, 3));
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&apart->reads));
	KUNIT_EXPECT_EQ(test, 1, read_file(same, 3));
	KUNIT_EXPECT_EQ(test, 3, atomic_long_read(&same->reads));
	KUNIT_EXPECT_TRUE(test, cleancache_window_end(f->mapping, 0, ULONG_MAX,
						      window));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	KUNIT_EXPECT_EQ(test, 1, copies(same));
	KUNIT_EXPECT_EQ(test, 1, read_file(same, 4));
	KUNIT_EXPECT_EQ(test, 3, atomic_long_read(&same->reads));
}

/*
 * Interleavings. A second thread runs into a locked folio or a shut gate of the
 * back end, and is held there while others move.
 */

struct runner {
	struct test_file *f;
	pgoff_t first, last;
	void (*run)(struct runner *me);
	u64 result;
	bool started;
	struct completion done;
};

static int runner_main(void *arg)
{
	struct runner *me = arg;

	me->run(me);
	complete(&me->done);
	return 0;
}

static void runner_start(struct kunit *test, struct runner *me,
			 void (*run)(struct runner *me), struct test_file *f,
			 pgoff_t first, pgoff_t last)
{
	*me = (struct runner) {
		.f = f, .first = first, .last = last, .run = run,
	};
	init_completion(&me->done);
	me->started = !IS_ERR(kthread_run(runner_main, me, "kunit/runner"));
	KUNIT_EXPECT_TRUE(test, me->started);
}

static void runner_wait(struct runner *me)
{
	if (me->started)
		wait_for_completion(&me->done);
}

static void run_truncate(struct runner *me)
{
	truncate_pages(me->f, me->first, me->last);
}

static void run_invalidate(struct runner *me)
{
	me->result = invalidate_inode_pages2_range(me->f->mapping, me->first,
						   me->last);
}

static void run_evict(struct runner *me)
{
	me->result = evict_page(me->f, me->first);
}

static void run_read(struct runner *me)
{
	me->result = read_file(me->f, me->first);
}

static void run_disable(struct runner *me)
{
	cleancache_disable();
}

/* Until someone sleeps for the lock of the folio. */
static void wait_for_waiter(struct kunit *test, struct folio *folio)
{
	int i;

	for (i = 0; i < 5000 && !folio_test_waiters(folio); i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_TRUE(test, folio_test_waiters(folio));
}

static const struct scan_case {
	const char *name;
	void (*run)(struct runner *me);
} scan_cases[] = {
	{ "truncate_inode_pages_range", run_truncate },
	{ "invalidate_inode_pages2_range", run_invalidate },
};

KUNIT_ARRAY_PARAM_DESC(scan_case, scan_cases, name);

/* A scan has passed an index of which there is a copy when it is read. */
static void cleancache_load_behind_scan(struct kunit *test)
{
	const struct scan_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct folio *folio;
	struct runner r;

	make_copy(test, f, 3);
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 4));
	folio = filemap_lock_folio(f->mapping, 4);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	write_disk(f, 3, 2);
	write_disk(f, 4, 2);
	runner_start(test, &r, c->run, f, 3, 4);
	wait_for_waiter(test, folio);
	/* A load now would bring in what nobody looks at again. */
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	folio_unlock(folio);
	folio_put(folio);
	runner_wait(&r);
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 4));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* The first copy of a file is made behind a scan that opened no window. */
static void cleancache_first_copy_behind_scan(struct kunit *test)
{
	const struct scan_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct folio *folio;
	struct runner r;

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 4));
	folio = filemap_lock_folio(f->mapping, 4);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	runner_start(test, &r, c->run, f, 3, 4);
	wait_for_waiter(test, folio);
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 3));
	KUNIT_EXPECT_TRUE(test, evict_page(f, 3));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
	write_disk(f, 3, 2);
	folio_unlock(folio);
	folio_put(folio);
	runner_wait(&r);
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
}

/* A page on its way into a copy is found by the scan, or by the drop. */
static void cleancache_store_during_scan(struct kunit *test)
{
	const struct scan_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct runner evict, scan;
	struct folio *folio;

	make_copy(test, f, 5);
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	folio = filemap_get_folio(f->mapping, 3);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	folio_put(folio);
	shut_gate(&fake.store_gate);
	runner_start(test, &evict, run_evict, f, 3, 3);
	wait_for_completion(&fake.store_gate.reached);
	write_disk(f, 3, 2);
	runner_start(test, &scan, c->run, f, 3, 3);
	wait_for_waiter(test, folio);
	complete(&fake.store_gate.open);
	runner_wait(&evict);
	runner_wait(&scan);
	KUNIT_EXPECT_EQ(test, 0, copies_in(f, 3, 1));
	KUNIT_EXPECT_EQ(test, 1, copies(f));
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
}

/* A load that has seen no window is found by the scan that comes then. */
static void cleancache_load_before_scan(struct kunit *test)
{
	const struct scan_case *c = test->param_value;
	struct test_file *f = switch_on(test);
	struct runner read, scan;
	struct folio *folio;

	make_copy(test, f, 3);
	shut_gate(&fake.load_gate);
	runner_start(test, &read, run_read, f, 3, 3);
	wait_for_completion(&fake.load_gate.reached);
	folio = filemap_get_folio(f->mapping, 3);
	KUNIT_EXPECT_FALSE(test, IS_ERR(folio));
	write_disk(f, 3, 2);
	runner_start(test, &scan, c->run, f, 3, 3);
	wait_for_waiter(test, folio);
	complete(&fake.load_gate.open);
	runner_wait(&read);
	runner_wait(&scan);
	folio_put(folio);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.loads));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
	KUNIT_EXPECT_EQ(test, 2, read_file(f, 3));
}

/* Stores in flight are waited for, new ones refused, and then all is dropped. */
static void cleancache_drains(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct runner evict, disable;
	int i;

	make_copy(test, f, 5);
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	KUNIT_ASSERT_EQ(test, 1, read_file(f, 4));
	shut_gate(&fake.store_gate);
	runner_start(test, &evict, run_evict, f, 3, 3);
	wait_for_completion(&fake.store_gate.reached);
	runner_start(test, &disable, run_disable, f, 0, 0);
	for (i = 0; i < 5000 && cleancache_state() == CLEANCACHE_ON; i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_EQ(test, CLEANCACHE_DRAINING, cleancache_state());
	KUNIT_EXPECT_TRUE(test, cleancache_active());
	KUNIT_EXPECT_FALSE(test, offer(f, 4));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.drops));
	/* Loads and invalidations go on. */
	f->disk[5] = 9;
	KUNIT_EXPECT_EQ(test, 1, read_file(f, 5));
	complete(&fake.store_gate.open);
	runner_wait(&evict);
	runner_wait(&disable);
	KUNIT_EXPECT_EQ(test, CLEANCACHE_OFF, cleancache_state());
	KUNIT_EXPECT_FALSE(test, cleancache_active());
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.drops));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/* A folio that is used again after its copy was made stays, and the copy goes. */
static void cleancache_folio_stays(struct kunit *test)
{
	struct test_file *f = switch_on(test);
	struct runner evict;
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, 1, read_file(f, 3));
	lru_add_drain_all();
	shut_gate(&fake.store_gate);
	runner_start(test, &evict, run_evict, f, 3, 3);
	wait_for_completion(&fake.store_gate.reached);
	folio = filemap_get_folio(f->mapping, 3);
	KUNIT_EXPECT_FALSE(test, IS_ERR(folio));
	complete(&fake.store_gate.open);
	runner_wait(&evict);
	folio_put(folio);
	KUNIT_EXPECT_EQ(test, 0, evict.result);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&fake.stores));
	KUNIT_EXPECT_TRUE(test, is_cached(f, 3));
	KUNIT_EXPECT_EQ(test, 0, copies(f));
}

/*
 * Threads: readers, writers past and through the page cache, and reclaim, while
 * cleancache is switched on and off. The numbers on the disk only grow. Once a
 * writer has invalidated what it overwrote, nobody may read a smaller one.
 */

#define CROWD_FILES	2
#define CROWD_PAGES	24
#define SWITCHES	25

struct crowd {
	struct test_file *f[CROWD_FILES];
	u64 written[CROWD_FILES][CROWD_PAGES];
	struct member {
		struct tester t;
		struct crowd *crowd;
		unsigned long reads;
		unsigned long evictions;
	} member[TESTERS];
};

static void crowd_read(struct member *me, unsigned int file, pgoff_t index)
{
	u64 least, number;

	/* Pairs with the release in crowd_write(). */
	least = smp_load_acquire(&me->crowd->written[file][index]);
	number = read_file(me->crowd->f[file], index);
	me->reads++;
	model_check(&me->t.m, number >= least,
		    "page %lu has %llu, but %llu was written", index, number,
		    least);
}

/* Past the page cache, as direct I/O and the file system itself. */
static void crowd_write_disk(struct member *me, struct test_file *f,
			     pgoff_t index)
{
	int err = 0;

	write_disk(f, index, f->disk[index] + 1);
	if (model_one_in(&me->t.m, 2))
		truncate_pages(f, index, index);
	else if (mapping_has_cached_data(f->mapping))
		err = invalidate_inode_pages2_range(f->mapping, index, index);
	model_check(&me->t.m, !err, "invalidation failed: %d", err);
}

/* Through the page cache, and written back at once. */
static void crowd_write_cache(struct member *me, struct test_file *f,
			      pgoff_t index)
{
	struct folio *folio;
	u64 number = f->disk[index] + 1;

	folio = __filemap_get_folio(f->mapping, index, FGP_WRITEBEGIN,
				    GFP_KERNEL);
	if (!model_check(&me->t.m, !IS_ERR(folio), "no folio"))
		return;
	file_fill_page(folio_page(folio, 0), number);
	folio_mark_uptodate(folio);
	write_disk(f, index, number);
	folio_unlock(folio);
	folio_put(folio);
}

static void crowd_write(struct member *me, unsigned int file, pgoff_t index)
{
	struct crowd *c = me->crowd;
	struct test_file *f = c->f[file];

	inode_lock(f->inode);
	if (model_one_in(&me->t.m, 4))
		crowd_write_cache(me, f, index);
	else
		crowd_write_disk(me, f, index);
	/* What is older must have gone by now. */
	smp_store_release(&c->written[file][index], f->disk[index]);
	inode_unlock(f->inode);
}

static void crowd_step(struct tester *t)
{
	struct member *me = container_of(t, struct member, t);
	unsigned int file = model_below(&t->m, CROWD_FILES);
	pgoff_t index = model_below(&t->m, CROWD_PAGES);

	switch (model_below(&t->m, 8)) {
	case 0 ... 3:
		return crowd_read(me, file, index);
	case 4 ... 6:
		me->evictions += evict_page(me->crowd->f[file], index);
		return;
	default:
		return crowd_write(me, file, index);
	}
}

static void cleancache_threads(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned long reads = 0, evictions = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < CROWD_FILES; i++)
		c->f[i] = another_file(test);
	fake.nap = true;
	for (i = 0; i < TESTERS; i++) {
		c->member[i].crowd = c;
		c->member[i].t.step = crowd_step;
		tester_start(test, &c->member[i].t, i, 1, ULONG_MAX);
	}
	for (i = 0; i < SWITCHES; i++) {
		KUNIT_EXPECT_EQ(test, 0, cleancache_enable());
		msleep(60);
		cleancache_disable();
		msleep(20);
	}
	for (i = 0; i < TESTERS; i++) {
		WRITE_ONCE(c->member[i].t.stop, true);
		tester_wait(test, &c->member[i].t);
		reads += c->member[i].reads;
		evictions += c->member[i].evictions;
	}
	for (i = 0; i < CROWD_FILES * CROWD_PAGES; i++)
		KUNIT_EXPECT_EQ(test, c->f[i % CROWD_FILES]->disk[i / CROWD_FILES],
				read_file(c->f[i % CROWD_FILES], i / CROWD_FILES));
	KUNIT_EXPECT_GT(test, atomic_long_read(&fake.stores), 100);
	KUNIT_EXPECT_GT(test, atomic_long_read(&fake.loads), 100);
	kunit_info(test, "%lu reads, %lu evictions, %ld stores, %ld loads by %d threads\n",
		   reads, evictions, atomic_long_read(&fake.stores),
		   atomic_long_read(&fake.loads), TESTERS);
}

static struct kunit_case cleancache_cases[] = {
	KUNIT_CASE(cleancache_attaches),
	KUNIT_CASE(cleancache_attaches_late),
	KUNIT_CASE(cleancache_mounts_once),
	KUNIT_CASE(cleancache_refuses_file_systems),
	KUNIT_CASE(cleancache_umounts),
	KUNIT_CASE(cleancache_off_does_nothing),
	KUNIT_CASE(cleancache_forgets_when_off),
	KUNIT_CASE_PARAM(cleancache_stores_eligible, eligible_case_gen_params),
	KUNIT_CASE_PARAM(cleancache_loads_eligible, eligible_case_gen_params),
	KUNIT_CASE(cleancache_keeps_to_i_data),
	KUNIT_CASE(cleancache_needs_opt_in),
	KUNIT_CASE(cleancache_mistrusts_after_error),
	KUNIT_CASE_PARAM(cleancache_stores_clean_folios, folio_case_gen_params),
	KUNIT_CASE(cleancache_store_is_refused),
	KUNIT_CASE(cleancache_tells_workingset),
	KUNIT_CASE_PARAM(cleancache_stores_large, large_case_gen_params),
	KUNIT_CASE(cleancache_large_claim_drops),
	KUNIT_CASE(cleancache_hits),
	KUNIT_CASE(cleancache_misses),
	KUNIT_CASE(cleancache_notes_refaults),
	KUNIT_CASE(cleancache_drops_by_default),
	KUNIT_CASE(cleancache_keeps_to_read_folio),
	KUNIT_CASE(cleancache_readahead),
	KUNIT_CASE_PARAM(cleancache_ranges, range_case_gen_params),
	KUNIT_CASE(cleancache_partial_pages),
	KUNIT_CASE(cleancache_invalidates),
	KUNIT_CASE(cleancache_sticky_bit),
	KUNIT_CASE(cleancache_window_misses),
	KUNIT_CASE(cleancache_window_first_copy),
	KUNIT_CASE(cleancache_window_collision),
	KUNIT_CASE_PARAM(cleancache_load_behind_scan, scan_case_gen_params),
	KUNIT_CASE_PARAM(cleancache_first_copy_behind_scan, scan_case_gen_params),
	KUNIT_CASE_PARAM(cleancache_store_during_scan, scan_case_gen_params),
	KUNIT_CASE_PARAM(cleancache_load_before_scan, scan_case_gen_params),
	KUNIT_CASE(cleancache_drains),
	KUNIT_CASE(cleancache_folio_stays),
	KUNIT_CASE_SLOW(cleancache_threads),
	{}
};

static struct kunit_suite cleancache_suite = {
	.name = "tmem_cleancache",
	.init = cleancache_test_init,
	.exit = cleancache_test_exit,
	.test_cases = cleancache_cases,
};

kunit_test_suite(cleancache_suite);

MODULE_DESCRIPTION("KUnit tests of cleancache");
MODULE_LICENSE("GPL");
