// SPDX-License-Identifier: GPL-2.0
/* Memory that cannot be had, and stored pages that rot. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "files.h"

#define ENABLED "/sys/module/zcache/parameters/enabled"

static const char *const attrs[] = {
	"/sys/kernel/debug/failslab/",
	"/sys/kernel/debug/fail_page_alloc/",
};

static void set_attr(unsigned int i, const char *knob, const char *fmt,
		     unsigned long value)
{
	char path[96];

	snprintf(path, sizeof(path), "%s%s", attrs[i], knob);
	if (exists(path))
		write_file(path, fmt, value);
}

static bool is_ours(const char *name)
{
	static const char *const prefixes[] = {
		"zcache_", "zbud_", "tmem_", "frontswap_", "__frontswap_",
		"cleancache_", "__cleancache_",
	};
	unsigned int i;

	/* The compiler moves unlikely pieces to another place. */
	if (strstr(name, ".cold"))
		return false;
	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Where our code lies: between its first and its last function. */
static void our_code(unsigned long *start, unsigned long *end)
{
	unsigned long addr, first = -1UL, last = 0, stop = 0;
	char line[256], type, name[160];
	unsigned int pass;
	FILE *f;

	/* First the end of the text: what comes after it ran at boot. */
	for (pass = 0; pass < 2; pass++) {
		f = fopen("/proc/kallsyms", "re");
		if (!f)
			fail_errno("/proc/kallsyms");
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%lx %c %159s", &addr, &type, name) != 3 ||
			    (type != 't' && type != 'T'))
				continue;
			if (pass == 0 && !strcmp(name, "_etext"))
				stop = addr;
			if (pass == 0 || addr >= stop || !is_ours(name))
				continue;
			first = addr < first ? addr : first;
			last = addr > last ? addr : last;
		}
		fclose(f);
	}
	*start = first;
	*end = last + 4096;	/* the last function is not longer */
	check(first < last && last - first < 256 * 1024,
	      "cannot tell where our code lies: %lx to %lx", first, last);
	say("our code lies from %lx to %lx", first, last);
}

/* Only allocations with our code in their backtrace are to fail. */
static void aim_at_us(void)
{
	unsigned long start, end;
	unsigned int i;

	our_code(&start, &end);
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		set_attr(i, "require-start", "0x%lx", start);
		set_attr(i, "require-end", "0x%lx", end);
		set_attr(i, "stacktrace-depth", "%lu", 32);
		set_attr(i, "interval", "%lu", 1);
		set_attr(i, "times", "%ld", -1);
		set_attr(i, "space", "%lu", 0);
		set_attr(i, "verbose", "%lu", 0);
		set_attr(i, "cache-filter", "%lu", 0);
		set_attr(i, "ignore-gfp-wait", "%lu", 0);
		set_attr(i, "ignore-gfp-highmem", "%lu", 0);
		set_attr(i, "min-order", "%lu", 0);
	}
}

static void fail_percent(unsigned long slab, unsigned long pages)
{
	set_attr(0, "probability", "%lu", slab);
	set_attr(1, "probability", "%lu", pages);
}

/* One allocation fails, about the n-th from now on. */
static void fail_once_in(unsigned long n)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		set_attr(i, "interval", "%lu", n);
		set_attr(i, "times", "%lu", 1);
		set_attr(i, "probability", "%lu", 100);
	}
}

static bool failed_once(void)
{
	char path[96];
	unsigned int i;
	long left = 0;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		snprintf(path, sizeof(path), "%stimes", attrs[i]);
		left += read_number(path);
	}
	return left < (long)ARRAY_SIZE(attrs);
}

static long refused(void)
{
	return zc("reject_frame") + zc("reject_node");
}

/* The n-th allocation of this task that is aimed at fails. False: it had less. */
static bool fail_nth_was_used(void)
{
	return read_number("/proc/self/fail-nth") == 0;
}

static void fail_nth(unsigned long n)
{
	write_file("/proc/self/fail-nth", "%lu", n);
}

SCENARIO(alloc_fails, 300, "zcache fault",
	 "some, most, all allocations of frames and index nodes fail under load")
{
	static const unsigned long percent[][2] = {
		{ 20, 0 }, { 0, 20 }, { 50, 50 }, { 100, 0 }, { 0, 100 },
		{ 100, 100 }, { 0, 0 },
	};
	struct region r;
	struct rng rng;
	unsigned int i;
	long before;

	aim_at_us();
	rng_init(&rng, 2);
	swap_start(disk0);
	region_map(&r, 1200, MIXED);
	region_fill(&r);
	for (i = 0; i < ARRAY_SIZE(percent); i++) {
		before = refused();
		fail_percent(percent[i][0], percent[i][1]);
		region_pageout(&r);
		region_churn(&r, &rng, 600, 30);
		region_pageout(&r);
		fail_percent(0, 0);
		if (percent[i][0] + percent[i][1] >= 100)
			check(refused() > before,
			      "%lu %% and %lu %% failed, but no store was refused",
			      percent[i][0], percent[i][1]);
		region_verify(&r);
		region_fill(&r);
	}
	region_unmap(&r);
	zc_none_stored("after unmapping");
	zc_validate();
}

static long files_refused(void)
{
	return zc_file("reject_frame") + zc_file("reject_node");
}

SCENARIO(fs_alloc_fails, 180, "zcache fault",
	 "some, most, all allocations fail while pages of a file are stored")
{
	static const unsigned long percent[][2] = {
		{ 20, 20 }, { 50, 50 }, { 100, 0 }, { 0, 100 }, { 0, 0 },
	};
	const struct fs *fs = fs_start("ext4");
	unsigned int i;
	struct file f;
	long before;

	aim_at_us();
	file_create(&f, fs, "file", 512, HEAP | TEXT);
	file_fill(&f, 512);
	for (i = 0; i < ARRAY_SIZE(percent); i++) {
		drop_caches();
		file_verify(&f, READ);
		before = files_refused();
		fail_percent(percent[i][0], percent[i][1]);
		file_evict(&f);
		file_verify(&f, READ);
		file_evict(&f);
		fail_percent(0, 0);
		if (percent[i][0] + percent[i][1] >= 100)
			check(files_refused() > before,
			      "%lu %% and %lu %% failed, but no store was refused",
			      percent[i][0], percent[i][1]);
		file_verify(&f, READ);
		file_fill(&f, 512);
	}
	file_close(&f);
	fs_umount(fs);
	zc_validate();
}

/*
 * One after the other: for each allocation that our code makes in swapon, while
 * being switched on, and in storing, a run in which just that one fails.
 */
SCENARIO(alloc_nth, 300, "zcache fault",
	 "each allocation of swapon, switching on and storing fails once by turns")
{
	unsigned int n, at_swapon, at_enable = 0, at_store = 0, stored;
	struct region r;

	aim_at_us();
	region_map(&r, 64, HEAP | TEXT);
	region_fill(&r);
	swap_make(disk0);
	for (n = 1; ; n++) {
		fail_nth(n);
		swap_on(disk0, -1);	/* works, if need be without zcache */
		if (!fail_nth_was_used())
			break;
		fail_nth(0);
		region_pageout(&r);
		region_verify(&r);
		swap_off(disk0);
		check(n < 200, "swapon allocates for ever");
	}
	at_swapon = n - 1;
	fail_nth(0);
	swap_off(disk0);
	/* Streams are made by other tasks: one in n fails, whoever asks. */
	for (n = 1; n < 60; n++) {
		zc_set("enabled", "0");
		zc_set("compressor", n & 1 ? "zstd" : "lz4");
		fail_once_in(n);
		try_write(ENABLED, "1");
		at_enable += failed_once();
		fail_percent(0, 0);
		/* Whether that had worked or not. */
		zc_set("enabled", "1");
		if (n % 6)
			continue;
		swap_on(disk0, -1);
		region_fill(&r);
		region_pageout(&r);
		region_verify(&r);
		swap_off(disk0);
	}
	/* With nothing at all to be had it may say no, but must stay usable. */
	aim_at_us();
	zc_set("enabled", "0");
	fail_percent(100, 100);
	try_write(ENABLED, "1");
	fail_percent(0, 0);
	zc_set("enabled", "1");
	/* Page by page; a new region each time, so that the index grows. */
	for (n = 1; n < 12; n++) {
		region_unmap(&r);
		swap_on(disk0, -1);
		region_map(&r, 64, HEAP | TEXT);
		region_fill(&r);
		for (stored = 0; stored < r.nr; stored++) {
			fail_nth(n);
			pageout(r.mem + stored * PAGE, 1);
			at_store += fail_nth_was_used();
			fail_nth(0);
		}
		region_verify(&r);
		swap_off(disk0);
		zc_empty("after swapoff");
	}
	say("failed: %u in swapon, %u in switching on, %u in storing",
	    at_swapon, at_enable, at_store);
	check(at_swapon && at_enable && at_store, "nothing failed");
	zc_validate();
}

/* ---- Rotten pages ---- */

static sigjmp_buf on_sigbus;

static void caught(int sig)
{
	(void)sig;
	siglongjmp(on_sigbus, 1);
}

/* True if the page can be read; then it has been verified. */
static bool readable(struct region *r, unsigned long nr)
{
	if (sigsetjmp(on_sigbus, 1))
		return false;
	region_verify_page(r, nr);
	return true;
}

SCENARIO(corrupt, 120, "zcache debug",
	 "a stored page that changed is SIGBUS to its reader, never wrong bytes")
{
	struct sigaction action = { .sa_handler = caught };
	const unsigned long rotten = 20;
	unsigned long i, lost = 0, again = 0;
	long corrupt = zc("load_corrupt");
	struct region r;

	sigaction(SIGBUS, &action, NULL);
	write_file("/proc/sys/vm/page-cluster", "0");
	swap_start(disk0);
	region_map(&r, 300, HEAP | TEXT);
	region_fill(&r);
	write_file("/sys/kernel/debug/zcache/corrupt", "%lu", rotten);
	region_pageout(&r);
	for (i = 0; i < r.nr; i++)
		lost += !readable(&r, i);
	check(lost == rotten, "%lu pages are lost, %lu were corrupted", lost,
	      rotten);
	check(zc("load_corrupt") >= corrupt + (long)rotten,
	      "only %ld corrupt pages were counted",
	      zc("load_corrupt") - corrupt);
	/* The loss is for good, until the page is given up. */
	for (i = 0; i < r.nr; i++)
		again += !readable(&r, i);
	check(again == rotten, "%lu pages are lost when read again, not %lu",
	      again, rotten);
	region_unmap(&r);
	zc_none_stored("after unmapping");
}

/* swapoff has to give up a lost page, and only that. */
SCENARIO(corrupt_swapoff, 120, "zcache debug poison",
	 "swapoff with a corrupted page: the page is lost, swapoff works")
{
	struct sigaction action = { .sa_handler = caught };
	unsigned long i, lost = 0;
	struct region r;

	sigaction(SIGBUS, &action, NULL);
	swap_start(disk0);
	region_map(&r, 200, HEAP | TEXT);
	region_fill(&r);
	write_file("/sys/kernel/debug/zcache/corrupt", "3");
	region_pageout(&r);
	swap_off(disk0);
	zc_empty("after swapoff");
	for (i = 0; i < r.nr; i++)
		lost += !readable(&r, i);
	check(lost == 3, "%lu pages are lost, 3 were corrupted", lost);
	region_unmap(&r);
}
