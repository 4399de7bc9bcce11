// SPDX-License-Identifier: GPL-2.0
/* Anonymous memory: more of it than fits, shared by fork, paged out on demand. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib.h"

#ifndef MADV_FREE
#define MADV_FREE 8
#endif

struct worker {
	unsigned long pages;
	unsigned int kinds;
	unsigned int writes;	/* percent */
	unsigned int stream;
};

/* Fill, then verify and rewrite at random until time is up, then verify all. */
static void churn(void *arg)
{
	const struct worker *w = arg;
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, w->stream);
	region_map(&r, w->pages, w->kinds);
	region_fill(&r);
	do {
		region_churn(&r, &rng, 500, w->writes);
	} while (box_open(&box));
	region_verify(&r);
}

/* @share percent of what is available, by @procs processes. */
static void churn_all(unsigned int procs, unsigned int share,
		      unsigned int kinds)
{
	unsigned long pages = mem_available() * share / 100 / procs;
	int pids[8];
	unsigned int i;

	for (i = 0; i < procs; i++) {
		struct worker w = { pages, kinds, 10 + 30 * (i & 1), i };

		pids[i] = spawn(churn, &w);
	}
	for (i = 0; i < procs; i++)
		join(pids[i]);
}

SCENARIO(anon, 300, "",
	 "three processes use a third more memory than there is, verify and rewrite it")
{
	long stores = zc("stores"), hits = zc("hits");

	swap_start(disk0);
	churn_all(3, 130, MIXED);
	zexpect(zc("stores") > stores + 1000, "hardly anything was stored");
	zexpect(zc("hits") > hits + 1000, "hardly anything was loaded");
}

SCENARIO(incompressible, 300, "",
	 "memory that does not compress goes to the device and comes back right")
{
	long poor = zc("reject_compress_poor"), out = vmstat("pswpout");

	swap_start(disk0);
	churn_all(2, 110, NOISE);
	zexpect(zc("reject_compress_poor") > poor + 1000,
		"incompressible pages were not refused");
	check(vmstat("pswpout") > out + 1000,
	      "incompressible pages did not reach the device");
}

SCENARIO(same_filled, 120, "",
	 "pages of one repeated word take no room in the pool")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 2048, SAME);
	region_fill(&r);
	region_pageout(&r);
	zexpect(zc("same_filled_pages") > 1900, "only %ld pages are kept as same-filled",
		zc("same_filled_pages"));
	zcheck(!zc("stored_bytes"), "%ld bytes of pool for same-filled pages",
	       zc("stored_bytes"));
	region_verify(&r);
	region_unmap(&r);
	zc_none_stored("after unmapping");
}

SCENARIO(pageout, 120, "",
	 "madvise(MADV_PAGEOUT) round by round, each page verified and some rewritten")
{
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, 1);
	swap_start(disk0);
	region_map(&r, 2048, MIXED);
	region_fill(&r);
	do {
		region_pageout(&r);
		region_verify(&r);
		region_churn(&r, &rng, 300, 100);
	} while (box_open(&box));
	region_unmap(&r);
	zc_none_stored("after unmapping");
}

/* A slot is free for reuse at once, also while it waits in a per-CPU cache. */
SCENARIO(free_slots, 120, "",
	 "unmapping swapped memory leaves nothing stored, though swap stays on")
{
	unsigned int round;
	struct region r;

	swap_start(disk0);
	for (round = 0; round < 4; round++) {
		region_map(&r, 1000 + 333 * round, HEAP | TEXT);
		region_fill(&r);
		region_pageout(&r);
		zexpect(zc("stored_pages") > 900, "only %ld pages are stored",
			zc("stored_pages"));
		if (round & 1)
			region_verify(&r);
		region_unmap(&r);
		zc_none_stored("after unmapping");
	}
}

struct family {
	struct region *r;
	unsigned int writes;
	unsigned int stream;
};

/* The copy of the child: what it writes is its own from here on. */
static void child_of_fork(void *arg)
{
	const struct family *f = arg;
	struct rng rng;

	rng_init(&rng, 100 + f->stream);
	region_churn(f->r, &rng, 1500, f->writes);
	region_pageout(f->r);
	region_churn(f->r, &rng, 1500, f->writes);
	region_verify(f->r);
}

SCENARIO(fork, 300, "",
	 "fork with swapped pages: parent and children see their own copies")
{
	struct box box = box_default();
	unsigned int round = 0, i;
	struct family f[3];
	struct region r;
	struct rng rng;
	int pids[3];

	rng_init(&rng, 3);
	swap_start(disk0);
	region_map(&r, 1500, MIXED);
	region_fill(&r);
	do {
		region_pageout(&r);
		for (i = 0; i < ARRAY_SIZE(pids); i++) {
			f[i] = (struct family){ &r, 40 * (i & 1), round++ };
			pids[i] = spawn(child_of_fork, &f[i]);
		}
		region_churn(&r, &rng, 2000, 30);
		region_pageout(&r);
		for (i = 0; i < ARRAY_SIZE(pids); i++)
			join(pids[i]);
		region_verify(&r);
	} while (box_open(&box));
}

/*
 * The kernel writes to pages that were swapped in by a read: a kernel that
 * does not mark them dirty drops them as unchanged afterwards and finds their
 * old content in the swap device. (User Mode Linux did, which is why this test
 * comes first there: it would be taken for a bug of zcache.)
 */
static void read_into(void)
{
	struct region r, file;
	unsigned long i, chunk = 64;
	int fd;

	region_map(&file, env.uml ? 4096 : 1024, MIXED);
	region_map(&r, file.nr, HEAP);
	region_fill(&file);
	fd = memfd_create("file", MFD_CLOEXEC);
	if (fd < 0 || write(fd, file.mem, file.nr * PAGE) !=
	    (ssize_t)(file.nr * PAGE))
		fail_errno("cannot make a file");
	region_fill(&r);
	region_pageout(&r);
	region_verify(&r);
	for (i = 0; i < r.nr; i += chunk)
		if (pread(fd, r.mem + i * PAGE, chunk * PAGE, i * PAGE) !=
		    (ssize_t)(chunk * PAGE))
			fail_errno("read over swapped memory");
	region_pageout(&r);
	/* Now its content is the file's. */
	r.seed = file.seed;
	r.kinds = file.kinds;
	memcpy(r.version, file.version, r.nr * sizeof(*r.version));
	region_verify(&r);
	/* And once more, straight into pages that are out. */
	region_pageout(&r);
	for (i = 0; i < r.nr; i += chunk)
		if (pread(fd, r.mem + i * PAGE, chunk * PAGE, i * PAGE) !=
		    (ssize_t)(chunk * PAGE))
			fail_errno("read into swapped memory");
	region_pageout(&r);
	region_verify(&r);
	close(fd);
	region_unmap(&file);
	region_unmap(&r);
}

SCENARIO(read_into, 180, "",
	 "read(2) into swapped pages, from the device alone and with zcache")
{
	zc_set("enabled", "0");
	swap_start(disk0);
	read_into();
	zc_set("enabled", "1");
	read_into();
}

SCENARIO(madv_free, 120, "",
	 "MADV_FREE: a page keeps its content or is zero; a rewritten one stays")
{
	unsigned long i, kept = 0, freed = 0;
	struct region r, zero;

	swap_start(disk0);
	region_map(&r, 2048, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	region_verify(&r);
	region_pageout(&r);
	/* Half of the pages come in first, the others are freed while out. */
	for (i = 0; i < r.nr; i += 2)
		region_verify_page(&r, i);
	if (madvise(r.mem, r.nr * PAGE, MADV_FREE))
		fail_errno("MADV_FREE");
	for (i = 0; i < r.nr; i += 3)
		region_write(&r, i);
	region_pageout(&r);
	region_adopt(&zero, r.mem, r.nr, ZERO);
	for (i = 0; i < r.nr; i++) {
		if (i % 3 && r.mem[i * PAGE] == 0 &&
		    page_holds(&zero, i, 0)) {
			freed++;
			continue;
		}
		kept++;
		region_verify_page(&r, i);
	}
	say("%lu pages kept, %lu freed", kept, freed);
	check(freed, "nothing was freed");
	region_unmap(&r);
	zc_none_stored("after unmapping");
}
