// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debugging aids of zcache: for tests, they do damage on request.
 */
#include <linux/atomic.h>
#include <linux/cleancache.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/frontswap.h>
#include <linux/fs.h>
#include <linux/seq_file.h>

#include "zcache.h"

static DECLARE_FAULT_ATTR(zcache_fail_store);

/* Zpages still to be corrupted. */
static atomic_t zcache_corrupt = ATOMIC_INIT(0);

/**
 * zcache_debug_fail_store() - shall this store fail?
 *
 * Return: true if fault injection says so.
 */
bool zcache_debug_fail_store(void)
{
	return should_fail(&zcache_fail_store, 1);
}

/**
 * zcache_debug_corrupt() - damage a zpage after its checksum was taken
 * @handle: the zpage, pinned
 */
void zcache_debug_corrupt(unsigned long handle)
{
	struct zbud_zpage zpage;

	if (atomic_dec_if_positive(&zcache_corrupt) < 0)
		return;
	zbud_read(handle, &zpage);
	/* In the middle: there compressors notice nothing, only the checksum. */
	((u8 *)zpage.part[0].addr)[zpage.part[0].len / 2] ^= 0x10;
}

static int zcache_validate_show(struct seq_file *m, void *v)
{
	int errors = zcache_validate();

	if (errors)
		seq_printf(m, "%d errors, see the kernel log\n", errors);
	else
		seq_puts(m, "ok\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(zcache_validate);

/**
 * zcache_debug_init() - make the files
 * @dir: the folder zcache in debugfs
 * @file: the folder cleancache there
 * @swap: the folder frontswap there
 */
void __init zcache_debug_init(struct dentry *dir, struct dentry *file,
			      struct dentry *swap)
{
	debugfs_create_file("validate", 0400, dir, NULL, &zcache_validate_fops);
	debugfs_create_atomic_t("corrupt", 0600, dir, &zcache_corrupt);
	fault_create_debugfs_attr("fail_store", dir, &zcache_fail_store);
	cleancache_debug_init(file);
	frontswap_debug_init(swap);
}
