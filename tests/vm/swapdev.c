// SPDX-License-Identifier: GPL-2.0
/* Swap devices that come and go: swapoff under load, two devices, a file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib.h"

/* Verify, rewrite and page out until told to stop. */
static void churn_until(void *arg)
{
	volatile bool *stop = arg;
	struct region r;
	struct rng rng;

	rng_init(&rng, getpid() - getppid());
	region_map(&r, 1500, MIXED);
	region_fill(&r);
	while (!*stop) {
		region_pageout(&r);
		region_churn(&r, &rng, 700, 30);
	}
	region_verify(&r);
}

SCENARIO(swapoff_load, 300, "",
	 "swapoff while two processes swap, then swapon again, several times")
{
	struct box box = box_default();
	bool *stop = shared_flag();
	unsigned int rounds = 0, i;
	int pids[2];

	swap_start(disk0);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn(churn_until, stop);
	do {
		nap(500);
		swap_off(disk0);
		zc_empty("after swapoff");
		nap(100);
		swap_on(disk0, -1);
		rounds++;
	} while (box_open(&box) || rounds < 3);
	*stop = true;
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		join(pids[i]);
	say("%u times off and on", rounds);
}

SCENARIO(two_devices, 300, "",
	 "two swap devices of one priority; each goes and comes back under load")
{
	const char *const disks[] = { disk0, disk1 };
	struct box box = box_default();
	bool *stop = shared_flag();
	unsigned int rounds = 0, i;
	int pids[2];

	for (i = 0; i < ARRAY_SIZE(disks); i++) {
		swap_make(disks[i]);
		swap_on(disks[i], 5);
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn(churn_until, stop);
	do {
		nap(400);
		swap_off(disks[rounds & 1]);
		nap(200);
		swap_on(disks[rounds & 1], 5);
		rounds++;
	} while (box_open(&box) || rounds < 4);
	*stop = true;
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		join(pids[i]);
}

/*
 * The same slot numbers of another device, or of the same one in its next life,
 * must never answer: fill A, replace it by B, and look.
 */
SCENARIO(device_reuse, 120, "",
	 "a device that takes the place of another one finds none of its pages")
{
	unsigned int round;
	struct region r;

	region_map(&r, 1024, MIXED);
	for (round = 0; round < 6; round++) {
		const char *disk = round & 1 ? disk1 : disk0;

		swap_start(disk);
		region_fill(&r);
		region_pageout(&r);
		if (round & 2)
			region_verify(&r);
		swap_off(disk);
		zc_empty("after swapoff");
		region_verify(&r);
	}
}

#define MOUNTED TEST_FILES
#define FILE_NAME MOUNTED "/swapfile"

SCENARIO(swap_file, 180, "",
	 "a swap file on ext4, with and without a device beside it")
{
	struct region r;
	struct rng rng;
	int fd;

	rng_init(&rng, 9);
	mkdir(MOUNTED, 0755);
	if (mount("/dev/swap2", MOUNTED, "ext4", 0, NULL))
		fail_errno("mount /dev/swap2");
	fd = open(FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, 64 * MIB))
		fail_errno(FILE_NAME);
	close(fd);
	swap_start(FILE_NAME);
	region_map(&r, 3000, MIXED);
	region_fill(&r);
	region_pageout(&r);
	region_churn(&r, &rng, 2000, 40);
	region_pageout(&r);
	swap_start(disk1);
	region_churn(&r, &rng, 2000, 40);
	swap_off(FILE_NAME);
	region_pageout(&r);
	region_verify(&r);
	swap_off(disk1);
	zc_empty("after swapoff");
	region_verify(&r);
	if (unlink(FILE_NAME) || umount(MOUNTED))
		fail_errno("umount " MOUNTED);
}
