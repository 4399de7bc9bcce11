// SPDX-License-Identifier: GPL-2.0
/* Writeback: the pool is full, and swap pages move on to their devices. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "files.h"

#define GROUP "vmtest"
#define FRONTSWAP_DEBUG "/sys/kernel/debug/frontswap/"

/* Pages of a full pool, about: two or three times as many are stored. */
#define POOL	1000UL

static void small_pool(void)
{
	char percent[8];

	snprintf(percent, sizeof(percent), "%lu",
		 (POOL * 100 + meminfo("MemTotal") - 1) / meminfo("MemTotal"));
	zc_set("max_pool_percent", percent);
}

/* How long the worker sleeps at a point where others could come in between. */
static void delay(const char *point, unsigned int ms)
{
	char path[96];

	snprintf(path, sizeof(path), FRONTSWAP_DEBUG "delay_%s", point);
	write_file(path, "%u", ms);
}

static void no_delays(void)
{
	delay("pick", 0);
	delay("own", 0);
	delay("write", 0);
}

/* Wait until a counter of swap pages has grown, or for so many seconds. */
static long grown(const char *counter, long from, long by, double seconds)
{
	struct box box = box_start(seconds);

	while (zc(counter) < from + by && box_open(&box))
		nap(20);
	return zc(counter) - from;
}

/* The checks of all structures want them to stay as they are. */
static void validate_quiet(void)
{
	long before;

	do {
		before = zc("writebacks") + zc("writeback_skips");
		nap(300);
	} while (zc("writebacks") + zc("writeback_skips") != before);
	zc_validate();
}

static void frames_gone(double seconds)
{
	struct box box = box_start(seconds);

	while (zc("frames") && box_open(&box))
		nap(20);
}

/* All that is in frames is written. Returns how many pages are left. */
static long drain(double seconds)
{
	struct box box = box_start(seconds);

	zc_set("drain", "0");
	while (zc("zpages") && box_open(&box))
		nap(20);
	return zc("zpages");
}

SCENARIO(wb_full, 180, "zcache",
	 "more pages than the pool may hold: the rest are on the device, all intact")
{
	long written = zc("writebacks"), most;
	struct region r;
	struct rng rng;

	rng_init(&rng, 20);
	swap_start(disk0);
	small_pool();
	region_map(&r, 6 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	most = zc("frames") * 4;
	check(most <= zc_pool("pool_limit_pages"), "%ld pages in a pool of %ld",
	      most, zc_pool("pool_limit_pages"));
	zexpect(grown("writebacks", written, POOL, 10) >= (long)POOL,
		"only %ld pages were written back", zc("writebacks") - written);
	validate_quiet();
	region_verify(&r);
	region_churn(&r, &rng, 4000, 40);
	region_pageout(&r);
	region_verify(&r);
	region_unmap(&r);
	zc_none_stored("after their end");
}

SCENARIO(wb_coldest, 120, "zcache",
	 "what was stored first is written first, what was stored last is still here")
{
	struct region old, new;
	long hits, written;

	swap_start(disk0);
	small_pool();
	region_map(&old, POOL / 2, TEXT);
	region_map(&new, 4 * POOL, TEXT);
	region_fill(&old);
	region_pageout(&old);
	hits = zc("hits");
	written = zc("writebacks");
	region_fill(&new);
	region_pageout(&new);
	grown("writebacks", written, 4 * POOL, 2);
	region_verify(&old);
	check(zc("hits") - hits <= (long)POOL / 20,
	      "%ld of %lu old pages were still stored", zc("hits") - hits, POOL / 2);
	zexpect(zc("writebacks") - written > (long)POOL / 2,
		"only %ld pages were written back", zc("writebacks") - written);
	region_unmap(&old);
	region_unmap(&new);
}

SCENARIO(wb_drain, 120, "zcache",
	 "all swap pages are written on request, and come back from the device")
{
	long errors = zc("writeback_errors"), loads, hits, patterns;
	struct region r;

	swap_start(disk0);
	region_map(&r, 3000, MIXED);
	region_fill(&r);
	region_pageout(&r);
	zexpect(zc("zpages") > 1000, "only %ld pages are stored", zc("zpages"));
	check(!drain(20), "%ld pages are still in frames", zc("zpages"));
	check(zc("writeback_errors") == errors, "%ld pages could not be written",
	      zc("writeback_errors") - errors);
	loads = zc("loads");
	hits = zc("hits");
	patterns = zc("same_filled_pages");
	region_verify(&r);
	check(zc("hits") - hits <= patterns, "of %ld loads %ld were hits",
	      zc("loads") - loads, zc("hits") - hits);
	region_unmap(&r);
	zc_none_stored("after their end");
}

SCENARIO(wb_switch, 60, "zcache",
	 "nothing is written while writeback is switched off")
{
	long written = zc("writebacks");
	struct region r;

	swap_start(disk0);
	small_pool();
	zc_set("writeback", "0");
	region_map(&r, 4 * POOL, TEXT);
	region_fill(&r);
	region_pageout(&r);
	nap(500);
	check(zc("writebacks") == written, "%ld pages were written back",
	      zc("writebacks") - written);
	check(zc("reject_limit") > 0, "the pool was never full");
	region_verify(&r);
}

SCENARIO(wb_ramdisk, 60, "zcache brd",
	 "pages of a swap device that is memory stay in the pool")
{
	long written = zc("writebacks");
	struct region r;

	swap_start(ramdisk);
	small_pool();
	region_map(&r, 4 * POOL, TEXT);
	region_fill(&r);
	region_pageout(&r);
	drain(2);
	check(zc("writebacks") == written, "%ld pages were written back",
	      zc("writebacks") - written);
	check(zc("stored_pages") > 0, "nothing is stored");
	region_verify(&r);
}

/* What the block layer counted for a disk: requests to read are the first field. */
#define DISK_READS	1
#define DISK_DISCARDS	12

static long disk_stat(const char *disk, int field)
{
	char path[64], line[256], *at = line;
	struct stat st;
	FILE *f;

	if (stat(disk, &st))
		fail_errno("%s", disk);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(st.st_rdev),
		 minor(st.st_rdev));
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		fail_errno("%s", path);
	fclose(f);
	while (--field)
		strtol(at, &at, 10);
	return strtol(at, NULL, 10);
}

/* A file on ext4. */
static void swap_file_create(unsigned int mib)
{
	int fd;

	mkdir(TEST_FILES, 0755);
	if (mount("/dev/swap2", TEST_FILES, "ext4", 0, NULL))
		fail_errno("mount /dev/swap2");
	fd = open(TEST_FILES "/swapfile", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, mib * MIB))
		fail_errno("swapfile");
	close(fd);
}

static void swap_file_remove(void)
{
	if (unlink(TEST_FILES "/swapfile") || umount(TEST_FILES))
		fail_errno("umount " TEST_FILES);
}

SCENARIO(wb_swap_file, 120, "zcache",
	 "the pool is full of pages of a swap file and of a device")
{
	long written = zc("writebacks");
	struct region r;
	struct rng rng;

	rng_init(&rng, 21);
	swap_file_create(16);
	swap_make(TEST_FILES "/swapfile");
	swap_on(TEST_FILES "/swapfile", 5);
	swap_start(disk1);
	small_pool();
	region_map(&r, 8 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	zexpect(grown("writebacks", written, POOL / 5, 10) >= (long)POOL / 5,
		"only %ld pages were written back", zc("writebacks") - written);
	region_churn(&r, &rng, 3000, 40);
	region_verify(&r);
	swap_off(TEST_FILES "/swapfile");
	region_verify(&r);
	swap_off(disk1);
	zc_empty("after swapoff");
	region_verify(&r);
	swap_file_remove();
}

SCENARIO(wb_discard, 120, "zcache",
	 "the device is told what it need not keep, while pages are written to it")
{
	long written = zc("writebacks"), discards;
	struct region r;
	struct rng rng;

	rng_init(&rng, 24);
	swap_file_create(40);
	loop_attach(TEST_FILES "/swapfile", 0);
	/* Slots of a hard disk are not freed in clusters, and not discarded. */
	write_file("/sys/block/loop0/queue/rotational", "0");
	swap_make("/dev/loop0");
	if (swapon("/dev/loop0", SWAP_FLAG_DISCARD))
		fail_errno("swapon /dev/loop0");
	/* Those of swapon, of the whole device, do not count. */
	discards = disk_stat("/dev/loop0", DISK_DISCARDS);
	small_pool();
	/* Clusters of slots are used again, and discarded before. */
	region_map(&r, 8 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	region_churn(&r, &rng, 6000, 60);
	region_pageout(&r);
	region_verify(&r);
	region_unmap(&r);
	region_map(&r, 8 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	region_verify(&r);
	zexpect(zc("writebacks") - written > 0, "nothing was written back");
	check(disk_stat("/dev/loop0", DISK_DISCARDS) > discards, "nothing was discarded");
	swap_off("/dev/loop0");
	zc_empty("after swapoff");
	region_verify(&r);
	loop_detach();
	swap_file_remove();
}

/* ---- Races ---- */

/* Verify, rewrite, share and page out until told to stop. */
static void work_until(void *arg)
{
	volatile bool *stop = arg;
	struct region r;
	struct rng rng;
	int pid;

	rng_init(&rng, getpid());
	region_map(&r, 3 * POOL, HEAP | TEXT);
	region_fill(&r);
	while (!*stop) {
		region_pageout(&r);
		pid = spawn((proc_fn)region_verify, &r);
		region_churn(&r, &rng, 700, 30);
		join(pid);
	}
	region_verify(&r);
}

static void work_with_delay(const char *point, bool swapoff, long least)
{
	static const char *const disks[] = { "/dev/swap0", "/dev/swap1" };
	long written = zc("writebacks");
	struct box box = box_default();
	bool *stop = shared_flag();
	unsigned int rounds = 0, i;
	int pids[2];

	swap_start(disks[0]);
	swap_start(disks[1]);
	small_pool();
	delay(point, 1);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn(work_until, stop);
	do {
		nap(300);
		if (!swapoff)
			continue;
		swap_off(disks[rounds & 1]);
		nap(100);
		swap_on(disks[rounds++ & 1], -1);
	} while (box_open(&box) || (swapoff && rounds < 4));
	*stop = true;
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		join(pids[i]);
	no_delays();
	zexpect(zc("writebacks") - written >= least,
		"only %ld pages were written back", zc("writebacks") - written);
	validate_quiet();
	swap_off_all();
	zc_empty("after swapoff");
}

SCENARIO(wb_race_pick, 300, "zcache debug",
	 "slots are loaded, freed and used again after they were chosen")
{
	/* Hardly any is still there when its turn comes. */
	work_with_delay("pick", false, 5);
}

SCENARIO(wb_race_own, 300, "zcache debug",
	 "slots are wanted while they are about to be written")
{
	work_with_delay("own", false, 20);
}

SCENARIO(wb_race_write, 300, "zcache debug",
	 "slots are wanted when they have left the pool and are not written yet")
{
	work_with_delay("write", false, 20);
}

SCENARIO(wb_race_swapoff, 300, "zcache debug",
	 "swapoff of one and the other device while their pages are written")
{
	work_with_delay("own", true, 20);
}

/* Fewer slots than there are: so those that are freed are used again. */
static void swap_make_small(const char *path, uint32_t pages)
{
	int fd;

	swap_make(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, &pages, sizeof(pages), 1024 + 4) < 0)
		fail_errno("%s", path);
	close(fd);
}

/*
 * Slots are chosen, then freed, then used by pages that are not stored. The folio
 * that was made for such a slot must not be left empty: swapoff, which waits for it,
 * would take the page for lost.
 */
static void reuse_slots(void *arg)
{
	struct region r;

	(void)arg;
	cgroup_enter(GROUP);
	region_map(&r, POOL, TEXT);
	region_fill(&r);
	region_pageout(&r);
	delay("pick", 1000);
	zc_set("drain", "0");
	nap(100);
	/* New content, which goes to the device and not only to the swap cache. */
	r.kinds = NOISE;
	region_fill(&r);
	region_pageout(&r);
	nap(100);
	try_write(cgroup_path(GROUP, "memory.reclaim"), "8M");
	delay("pick", 0);
	delay("own", 10);
	nap(1100);
	swap_off(disk0);
	no_delays();
	region_verify(&r);
}

SCENARIO(wb_reused_slots, 180, "zcache debug memcg",
	 "swapoff finds slots in hand that are not stored any more")
{
	long skips = zc("writeback_skips");
	unsigned int round;

	cgroup_make(GROUP);
	for (round = 0; round < 3; round++) {
		swap_make_small(disk0, POOL + POOL / 5);
		swap_on(disk0, -1);
		join(spawn(reuse_slots, NULL));
		/* The frames are in hand until all their slots were looked at. */
		frames_gone(10);
		zc_empty("after swapoff");
	}
	cgroup_remove(GROUP);
	say("%ld slots were left alone", zc("writeback_skips") - skips);
}

/* ---- Devices that fail or are slow ---- */

#define DEVICE	"swapdm"

/* As device mapper wants it: /dev/fs-NAME. */
static const struct fs below = { .name = "swapdm" };

static const char *start_device(void)
{
	static char path[32];

	unlink("/dev/fs-swapdm");
	if (symlink("/dev/swap1", "/dev/fs-swapdm"))
		fail_errno("symlink");
	dm_make(DEVICE, &below);
	snprintf(path, sizeof(path), "%s", dm_path(DEVICE));
	swap_start(path);
	return path;
}

static void end_device(const char *path)
{
	swap_off(path);
	zc_empty("after swapoff");
	dm_remove(DEVICE);
}

SCENARIO(wb_write_errors, 180, "zcache",
	 "the device takes no writes for a while: pages stay, nothing is lost")
{
	const char *path = start_device();
	long errors = zc("writeback_errors"), written;
	struct region r;

	region_map(&r, 4 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	dm_switch(DEVICE, &below, "flakey",
		  "/dev/fs-swapdm 0 0 60 1 error_writes");
	zc_set("drain", "0");
	zexpect(grown("writeback_errors", errors, 1, 10) > 0,
		"no write has failed");
	region_verify(&r);
	region_pageout(&r);
	validate_quiet();
	dm_switch(DEVICE, &below, NULL, NULL);
	written = zc("writebacks");
	check(!drain(40), "%ld pages could not be written", zc("zpages"));
	zexpect(zc("writebacks") > written, "nothing was written afterwards");
	region_verify(&r);
	end_device(path);
	region_verify(&r);
}

SCENARIO(wb_device_gone, 180, "zcache",
	 "the device answers nothing but errors for a while, then it is back")
{
	const char *path = start_device();
	long errors = zc("writeback_errors");
	struct region r;

	region_map(&r, 4 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	zexpect(zc("stored_pages") > 3 * (long)POOL, "only %ld pages are stored",
		zc("stored_pages"));
	dm_switch(DEVICE, &below, "error", "");
	zc_set("drain", "0");
	zexpect(grown("writeback_errors", errors, 1, 10) > 0,
		"no write has failed");
	nap(1000);
	dm_switch(DEVICE, &below, NULL, NULL);
	region_verify(&r);
	end_device(path);
	region_verify(&r);
}

SCENARIO(wb_slow_device, 240, "zcache",
	 "a device that takes its time: pages are wanted while they are written")
{
	const char *path = start_device();
	long written = zc("writebacks");
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, 22);
	small_pool();
	dm_switch(DEVICE, &below, "delay",
		  "/dev/fs-swapdm 0 0 /dev/fs-swapdm 0 100");
	region_map(&r, 5 * POOL, HEAP | TEXT);
	region_fill(&r);
	do {
		region_pageout(&r);
		region_churn(&r, &rng, 500, 30);
	} while (box_open(&box));
	zexpect(zc("writebacks") > written, "nothing was written back");
	dm_switch(DEVICE, &below, NULL, NULL);
	region_verify(&r);
	end_device(path);
	region_verify(&r);
}

/* ---- Pages that cannot be written ---- */

static void read_lost(void *arg)
{
	signal(SIGBUS, SIG_DFL);
	region_verify_page(arg, 0);
}

SCENARIO(wb_corrupt, 60, "zcache debug",
	 "a stored page that has changed is not written, and stays lost")
{
	struct region r;
	int status;

	swap_start(disk0);
	region_map(&r, 1, TEXT);
	write_file("/sys/kernel/debug/zcache/corrupt", "1");
	region_fill(&r);
	region_pageout(&r);
	zexpect(zc("zpages") == 1, "%ld pages are stored", zc("zpages"));
	check(drain(2) == 1, "the lost page is not stored any more");
	status = join_status(spawn(read_lost, &r));
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	      "the lost page could be read: status %x", status);
	region_unmap(&r);
	zc_none_stored("after its end");
}

SCENARIO(wb_no_memory, 180, "zcache fault",
	 "no memory can be had for writeback but its reserve")
{
	long written = zc("writebacks");
	struct region r;

	swap_start(disk0);
	region_map(&r, 4 * POOL, TEXT);
	region_fill(&r);
	region_pageout(&r);
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/times", "-1");
	write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/probability", "90");
	zc_set("drain", "0");
	grown("writebacks", written, 32, 10);
	write_file("/sys/kernel/debug/fail_page_alloc/probability", "0");
	check(zc("writebacks") - written >= 32, "only %ld pages were written",
	      zc("writebacks") - written);
	region_verify(&r);
}

/* ---- Devices that are as fast as zcache ---- */

SCENARIO(wb_probe, 60, "zcache",
	 "a swap device is known before it is used, unless it is a hard disk")
{
	long reads = disk_stat(disk1, DISK_READS), slow = disk_stat(disk0, DISK_READS);

	swap_start(disk1);
	swap_start(disk0);
	reads = disk_stat(disk1, DISK_READS) - reads;
	slow = disk_stat(disk0, DISK_READS) - slow;
	check(reads >= slow + 9, "%ld reads of the disk, %ld of the hard disk", reads,
	      slow);
	check(zc("read_ns") > 0, "and nothing was learned");
}

SCENARIO(wb_fast_device, 180, "zcache",
	 "a swap device as fast as memory: its pages leave the pool and stay away")
{
	long rejects = zc("reject_fast_device");
	struct box box = box_start(60);
	struct region r;
	struct rng rng;

	rng_init(&rng, 23);
	swap_start(disk1);
	region_map(&r, 8 * POOL, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	check(zc("zpages") > (long)POOL, "only %ld pages are stored", zc("zpages"));
	zc_set("swap_admission", "auto");
	while (zc("reject_fast_device") == rejects && box_open(&box)) {
		region_pageout(&r);
		region_churn(&r, &rng, 4000, 30);
	}
	zexpect(zc("reject_fast_device") > rejects,
		"a copy takes %ld ns, the device %ld, and nobody noticed",
		zc("copy_ns"), zc("read_ns"));
	region_pageout(&r);
	validate_quiet();
	check(zc("frames") * 4 < zc_pool("pool_limit_pages") / 8,
	      "%ld frames are still there", zc("frames"));
	region_verify(&r);
	zc_set("swap_admission", "always");
	region_fill(&r);
	region_pageout(&r);
	zexpect(zc("zpages") > (long)POOL, "only %ld pages are stored",
		zc("zpages"));
	region_verify(&r);
}

SCENARIO(wb_hard_disk, 60, "zcache",
	 "no page goes to a hard disk only to learn how slow it is")
{
	long samples = zc("reject_sample");
	struct region r;

	zc_set("swap_admission", "auto");
	swap_start(disk0);
	region_map(&r, 3 * POOL, TEXT);
	region_fill(&r);
	region_pageout(&r);
	check(zc("reject_sample") == samples, "%ld pages went there",
	      zc("reject_sample") - samples);
	region_verify(&r);
}
