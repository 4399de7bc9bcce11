// SPDX-License-Identifier: GPL-2.0
/*
 * The harness is tested, too: each of these goes wrong on purpose, in a boot
 * of its own, and counts as passed if the harness reports just that.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>
#include "lib.h"

#define PROVOKE "/sys/kernel/debug/provoke-crash/DIRECT"

SELFTEST(self_wrong_byte, 60, "", "wrong bytes in page 77 .*first at 1234:",
	 "must fail: one bit of one page is changed before it is swapped out")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 256, TEXT);
	region_fill(&r);
	r.mem[77 * PAGE + 1234] ^= 4;
	region_pageout(&r);
	region_verify(&r);
}

SELFTEST(self_stale, 60, "", "page 78: STALE, holds version 1 instead of 3",
	 "must fail: a page holds what it held two writes before")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 256, HEAP);
	region_fill(&r);
	r.version[78] += 2;
	region_pageout(&r);
	region_verify(&r);
}

SELFTEST(self_panic, 60, "sysrq", "the guest died",
	 "must crash: sysrq-c")
{
	write_file("/proc/sysrq-trigger", "c");
}

SELFTEST(self_exit, 60, "", "the guest died",
	 "must be noticed: the guest powers off before its tests are done")
{
	reboot(env.uml ? RB_POWER_OFF : RB_AUTOBOOT);
}

SELFTEST(self_hang, 3, "", "hangs: not done after 3 seconds",
	 "must be noticed: a scenario does not end")
{
	pause();
}

SELFTEST(self_warn, 60, "lkdtm", "kernel: WARNING",
	 "must fail: the kernel warns while all bytes are right")
{
	write_file(PROVOKE, "WARNING");
}

SELFTEST(self_kasan, 60, "lkdtm kasan", "kernel: BUG: KASAN",
	 "must fail: the kernel uses freed memory")
{
	try_write(PROVOKE, "READ_AFTER_FREE");
}

/* Lockdep says so at once, unless it is time for another task just then. */
SELFTEST(self_lockdep, 60, "lkdtm lockdep",
	 "kernel: (WARNING: lock held when|BUG: (sleeping|scheduling while atomic))",
	 "must fail: the kernel forgets to unlock")
{
	try_write(PROVOKE, "SPINLOCKUP");
}

/*
 * The list of what a poll() waits for lies in allocated memory that only the
 * stack of the sleeper refers to: without stacks it looks leaked.
 */
static void sleep_in_poll(void *arg)
{
	static struct pollfd none[1000];
	unsigned int i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(none); i++)
		none[i].fd = -1;
	poll(none, ARRAY_SIZE(none), -1);
}

SELFTEST(self_leak, 60, "kmemleak", "kmemleak: memory that nothing refers to",
	 "must fail: kmemleak is made to overlook who refers to some memory")
{
	unsigned int i;

	write_file("/sys/kernel/debug/kmemleak", "stack=off");
	/* Many: some are found by chance, in a register or an old copy. */
	for (i = 0; i < 20; i++)
		spawn(sleep_in_poll, NULL);
	nap(500);
}
