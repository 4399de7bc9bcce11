/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files for tests, of a file system whose disk is an array of numbers: a page of
 * a file repeats one of them. All above the disk is real: mounts, inodes, the
 * page cache, reclaim, and their hooks.
 */
#ifndef _MM_TMEM_TESTS_FILES_H
#define _MM_TMEM_TESTS_FILES_H

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/swap.h>

#include "../../internal.h"

#define FILE_PAGES	64

/**
 * struct test_file - an inode and its disk
 * @inode: without a name
 * @mapping: its page cache
 * @disk: the number that each page repeats; what is not written is 1
 * @reads: pages read from it
 */
struct test_file {
	struct inode *inode;
	struct address_space *mapping;
	u64 disk[FILE_PAGES];
	atomic_long_t reads;
};

/* The file system */

static int files_fill_super(struct super_block *sb, struct fs_context *fc)
{
	static const struct tree_descr nothing[] = { { "" } };

	return simple_fill_super(sb, 0x746d656d, nothing);
}

static int files_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, files_fill_super);
}

static const struct fs_context_operations files_context_ops = {
	.get_tree = files_get_tree,
};

static int files_init_fs_context(struct fs_context *fc)
{
	fc->ops = &files_context_ops;
	return 0;
}

#define FILES_TYPE(_name, _flags) {			\
	.owner = THIS_MODULE,				\
	.name = _name,					\
	.fs_flags = _flags,				\
	.init_fs_context = files_init_fs_context,	\
	.kill_sb = kill_litter_super,			\
}

static void unmount_files(void *mnt)
{
	kern_unmount(mnt);
}

/* Until the end of the test, or until unmount_files() is released. */
static struct vfsmount *mount_files(struct kunit *test,
				    struct file_system_type *type)
{
	struct vfsmount *mnt = kern_mount(type);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unmount_files, mnt));
	return mnt;
}

/* Its disk */

static void file_fill_page(struct page *page, u64 number)
{
	memset64(page_address(page), number, PAGE_SIZE / sizeof(number));
}

/* The number that a page repeats, 0 if it does not. */
static u64 file_page_number(struct page *page)
{
	const u64 *words = page_address(page);
	u64 number = words[0];

	return memchr_inv(words, 0, PAGE_SIZE) &&
	       !memcmp(words, words + 1, PAGE_SIZE - sizeof(number)) ? number : 0;
}

static int file_read_folio(struct file *unused, struct folio *folio)
{
	struct test_file *f = folio->mapping->host->i_private;

	atomic_long_inc(&f->reads);
	/* The folio is in the tree; pairs with the barrier in write_disk(). */
	smp_mb();
	file_fill_page(folio_page(folio, 0), READ_ONCE(f->disk[folio->index]));
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	return 0;
}

static const struct address_space_operations file_aops = {
	.read_folio = file_read_folio,
	.dirty_folio = noop_dirty_folio,
};

/* What is on the disk now is not what is in the page cache. */
static void write_disk(struct test_file *f, pgoff_t index, u64 number)
{
	WRITE_ONCE(f->disk[index], number);
	/* Whoever is not found in the page cache from here on reads this. */
	smp_mb();
}

static void put_file(void *inode)
{
	iput(inode);
}

static struct test_file *make_file(struct kunit *test, struct super_block *sb)
{
	struct test_file *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->inode = new_inode(sb);
	KUNIT_ASSERT_NOT_NULL(test, f->inode);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_file,
							   f->inode));
	f->mapping = f->inode->i_mapping;
	f->inode->i_mode = S_IFREG | 0600;
	f->inode->i_private = f;
	f->mapping->a_ops = &file_aops;
	i_size_write(f->inode, FILE_PAGES * PAGE_SIZE);
	for (i = 0; i < FILE_PAGES; i++)
		f->disk[i] = 1;
	return f;
}

/* Its page cache */

/* As read(2) does. 0 if it fails or the page repeats no number. */
static u64 read_file(struct test_file *f, pgoff_t index)
{
	struct folio *folio = read_mapping_folio(f->mapping, index, NULL);
	u64 number;

	if (IS_ERR(folio))
		return 0;
	number = file_page_number(folio_page(folio, 0));
	folio_put(folio);
	return number;
}

static inline bool is_cached(struct test_file *f, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(f->mapping, index);

	if (IS_ERR(folio))
		return false;
	folio_put(folio);
	return true;
}

/* Reclaim takes it, by itself. True if it has left the page cache. */
static bool evict_page(struct test_file *f, pgoff_t index)
{
	struct folio *folio;
	LIST_HEAD(list);

	lru_add_drain_all();
	folio = filemap_get_folio(f->mapping, index);
	if (IS_ERR(folio))
		return false;
	if (folio_isolate_lru(folio))
		list_add(&folio->lru, &list);
	folio_put(folio);
	return reclaim_pages(&list);
}

static inline loff_t page_start(pgoff_t index)
{
	return (loff_t)index << PAGE_SHIFT;
}

/* As truncate(2) and punching holes do. */
static inline void truncate_pages(struct test_file *f, pgoff_t first, pgoff_t last)
{
	truncate_inode_pages_range(f->mapping, page_start(first),
				   page_start(last + 1) - 1);
}

#endif /* _MM_TMEM_TESTS_FILES_H */
