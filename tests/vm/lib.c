// SPDX-License-Identifier: GPL-2.0
/* See lib.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

struct vm_env env = { .scenario = "init", .box = 3, .verdict = -1 };
struct vm_shared *shared;

/* ---- Reporting ---- */

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "vm: %s: ", env.scenario);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "%s\n", line);
}

/* How a process ends that called fail() or too_little(). */
enum { WRONG = 1, TOO_LITTLE = 2 };

static void __attribute__((noreturn)) vfail(int status, const char *fmt,
					    va_list ap, const char *tail)
{
	char reason[400];

	vsnprintf(reason, sizeof(reason), fmt, ap);
	say("FAIL (process %d): %s%s", getpid(), reason, tail);
	if (status == WRONG)
		shared->wrong = true;
	/* The first reason is the cause, later ones its consequences. */
	if (__atomic_fetch_add(&shared->failed, 1, __ATOMIC_SEQ_CST) == 0)
		dprintf(env.verdict, "fail %s %s%s\n", env.scenario, reason, tail);
	_exit(status);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(WRONG, fmt, ap, "");
}

void too_little(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(TOO_LITTLE, fmt, ap, "");
}

void fail_errno(const char *fmt, ...)
{
	char tail[64];
	va_list ap;

	snprintf(tail, sizeof(tail), ": %s", strerror(errno));
	va_start(ap, fmt);
	vfail(WRONG, fmt, ap, tail);
}

/* ---- Random numbers ---- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

void rng_init(struct rng *rng, uint64_t stream)
{
	rng->state = mix(env.seed + mix(stream + 1));
}

uint64_t rng_next(struct rng *rng)
{
	rng->state += 0x9e3779b97f4a7c15ULL;
	return mix(rng->state);
}

unsigned long rng_below(struct rng *rng, unsigned long limit)
{
	return (rng_next(rng) >> 16) % limit;
}

/* ---- Time ---- */

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

struct box box_start(double seconds)
{
	return (struct box){ .end = now() + seconds };
}

struct box box_default(void)
{
	return box_start(env.box);
}

bool box_open(const struct box *box)
{
	return now() < box->end;
}

void nap(unsigned int milliseconds)
{
	usleep(milliseconds * 1000);
}

/* ---- Content of pages ---- */

#define WORDS (PAGE / sizeof(uint64_t))

static unsigned int kind_of(uint64_t id, unsigned int kinds)
{
	static const unsigned char dice[16] = {
		HEAP, TEXT, NOISE, HEAP, TEXT, SAME, HEAP, TEXT,
		NOISE, HEAP, TEXT, ZERO, HEAP, NOISE, HEAP, HEAP,
	};
	unsigned int i = id & 15;

	if (!(kinds & (kinds - 1)))
		return kinds;
	while (!(dice[i & 15] & kinds))
		i++;
	return dice[i & 15];
}

/* Small objects: pointers into one arena, sizes, flags, unused fields. */
static void make_heap(uint64_t *w, struct rng *rng)
{
	uint64_t arena = 0x00007f3a00000000ULL | (rng_next(rng) & 0xfff0000);
	unsigned int i, j;

	for (i = 3; i < WORDS; i += 4) {
		uint64_t bits = rng_next(rng);

		for (j = i; j < i + 4 && j < WORDS; j++, bits >>= 16) {
			if (bits & 1)
				w[j] = 0;
			else if (bits & 2)
				w[j] = arena | (bits & 0xff0);
			else
				w[j] = (bits >> 2) & 0x3f;
		}
	}
}

static void make_text(char *text, struct rng *rng)
{
	static const char words[64][8] = {
		"the ", "of ", "and ", "page ", "swap ", "in ", "memory ",
		"a ", "is ", "it ", "to ", "that ", "kernel ", "was ", "for ",
		"lock ", "with ", "as ", "be ", "has ", "by ", "this ", "on ",
		"not ", "store ", "are ", "load ", "but ", "from ", "or ",
		"have ", "an ", "they ", "which ", "one ", "you ", "were ",
		"all ", "her ", "she ", "there ", "would ", "their ", "we ",
		"him ", "been ", "who ", "when ", "will ", "no ", "more ",
		"if ", "out ", "so ", "up ", "said ", "what ", "its ",
		"about ", "than ", "into ", "them ", "can ", ".\n",
	};
	unsigned int at = 24, left = 0;
	uint64_t bits = 0;

	while (at + 8 <= PAGE) {
		const char *word;

		if (!left) {
			bits = rng_next(rng);
			left = 10;
		}
		word = words[bits & 63];
		memcpy(text + at, word, 8);
		at += strnlen(word, 8);
		bits >>= 6;
		left--;
	}
	memset(text + at, ' ', PAGE - at);
}

void page_make(void *page, uint64_t seed, uint64_t nr, uint32_t version,
	       unsigned int kinds)
{
	uint64_t id = mix(seed + mix(nr * 0x9e3779b97f4a7c15ULL + version));
	struct rng rng = { .state = id };
	uint64_t *w = page;
	unsigned int i;

	switch (kind_of(id >> 8, kinds)) {
	case ZERO:
		memset(page, 0, PAGE);
		return;
	case SAME:
		/* Never zero, that would be the other kind. */
		id = (uint32_t)id | 1;
		for (i = 0; i < WORDS; i++)
			w[i] = id << 32 | id;
		return;
	case NOISE:
		for (i = 3; i < WORDS; i++)
			w[i] = rng_next(&rng);
		break;
	case TEXT:
		make_text(page, &rng);
		break;
	default:
		make_heap(w, &rng);
	}
	/* So that a page in the wrong place can say where it belongs. */
	w[0] = seed;
	w[1] = nr;
	w[2] = version;
}

static bool is_zero(const unsigned char *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/* Say what the page is instead of what it should be. */
static void __attribute__((noreturn))
wrong_bytes(const unsigned char *got, const unsigned char *want, uint64_t seed,
	    uint64_t nr, uint32_t version, unsigned int kinds)
{
	unsigned int first = PAGE, wrong = 0, i;
	unsigned char now_read[PAGE], older[PAGE];
	const uint64_t *w = (const uint64_t *)got;
	const char *also = "";
	uint32_t back;

	memcpy(now_read, got, PAGE);
	for (i = 0; i < PAGE; i++) {
		if (now_read[i] == want[i])
			continue;
		if (first == PAGE)
			first = i;
		wrong++;
	}
	if (!wrong)
		fail("wrong bytes in page %lu: right when read again",
		     (unsigned long)nr);
	for (back = 1; back <= version && back <= 256; back++) {
		page_make(older, seed, nr, version - back, kinds);
		if (!memcmp(older, now_read, PAGE))
			fail("wrong bytes in page %lu: STALE, holds version %u instead of %u",
			     (unsigned long)nr, version - back, version);
	}
	if (is_zero(now_read))
		also = " (all zero)";
	else if (w[0] == seed && w[1] != nr)
		also = " (belongs to another page)";
	fail("wrong bytes in page %lu version %u: %u of %lu differ, first at %u: %02x, not %02x%s",
	     (unsigned long)nr, version, wrong, PAGE, first, now_read[first],
	     want[first], also);
}

void verify_bytes(const void *got, uint64_t seed, uint64_t nr,
		  uint32_t version, unsigned int kinds)
{
	unsigned char want[PAGE] __attribute__((aligned(PAGE)));

	page_make(want, seed, nr, version, kinds);
	if (memcmp(got, want, PAGE))
		wrong_bytes(got, want, seed, nr, version, kinds);
	__atomic_fetch_add(&shared->verified, 1, __ATOMIC_RELAXED);
}

/* ---- Regions ---- */

static void *map(unsigned long bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		fail_errno("cannot map %lu bytes", bytes);
	return mem;
}

void region_adopt(struct region *r, void *mem, unsigned long nr,
		  unsigned int kinds)
{
	static unsigned int count;

	r->mem = mem;
	r->nr = nr;
	r->kinds = kinds;
	/* The same in every run: processes of a scenario start in order. */
	r->seed = mix(env.seed + ((uint64_t)(getpid() - getpgrp()) << 16) +
		      ++count);
	r->version = map(nr * sizeof(*r->version));
}

void region_map(struct region *r, unsigned long nr, unsigned int kinds)
{
	region_adopt(r, map(nr * PAGE), nr, kinds);
}

/* Aligned to folios of 64 KiB and eligible for them. */
void region_map_thp(struct region *r, unsigned long blocks, unsigned int kinds)
{
	unsigned long align = BLOCK * PAGE;
	char *mem = map((blocks + 1) * align);

	mem += -(uintptr_t)mem & (align - 1);
	/* Not in every guest; those that are about it ask for a kernel with it. */
	if (exists(THP) && madvise(mem, blocks * align, MADV_HUGEPAGE))
		fail_errno("MADV_HUGEPAGE");
	region_adopt(r, mem, blocks * BLOCK, kinds);
}

void region_unmap(struct region *r)
{
	munmap(r->mem, r->nr * PAGE);
	munmap(r->version, r->nr * sizeof(*r->version));
	r->mem = NULL;
}

/* New content for a page. */
void region_write(struct region *r, unsigned long nr)
{
	page_make(r->mem + nr * PAGE, r->seed, nr, ++r->version[nr], r->kinds);
}

void region_fill(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->nr; i++)
		region_write(r, i);
}

void region_zero(struct region *r)
{
	unsigned long i;

	r->kinds = ZERO;
	for (i = 0; i < r->nr; i++)
		region_write(r, i);
}

void region_verify_page(struct region *r, unsigned long nr)
{
	verify_bytes(r->mem + nr * PAGE, r->seed, nr, r->version[nr], r->kinds);
}

void region_verify(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->nr; i++)
		region_verify_page(r, i);
}

bool page_holds(struct region *r, unsigned long nr, uint32_t version)
{
	unsigned char want[PAGE];

	page_make(want, r->seed, nr, version, r->kinds);
	return !memcmp(r->mem + nr * PAGE, want, PAGE);
}

/* Read a byte of each page: brings it in without verifying or dirtying it. */
void region_touch(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->nr; i++)
		*(volatile unsigned char *)(r->mem + i * PAGE);
}

void region_churn(struct region *r, struct rng *rng, unsigned long accesses,
		  unsigned int percent_writes)
{
	while (accesses--) {
		unsigned long nr = rng_below(rng, r->nr);

		region_verify_page(r, nr);
		if (rng_below(rng, 100) < percent_writes)
			region_write(r, nr);
	}
}

/* ---- Reclaim ---- */

void pageout(void *mem, unsigned long nr)
{
	if (madvise(mem, nr * PAGE, MADV_PAGEOUT))
		fail_errno("MADV_PAGEOUT");
}

void region_pageout(struct region *r)
{
	pageout(r->mem, r->nr);
}

static uint64_t pagemap(const void *mem)
{
	static int fd = -1, owner;
	uint64_t entry;

	if (owner != getpid()) {
		if (fd >= 0)
			close(fd);
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		owner = getpid();
		if (fd < 0)
			fail_errno("/proc/self/pagemap");
	}
	if (pread(fd, &entry, 8, (uintptr_t)mem / PAGE * 8) != 8)
		fail_errno("cannot read /proc/self/pagemap");
	return entry;
}

/* Does the page table hold a swap entry? If so: the slot, device included. */
bool page_swapped(const void *mem, unsigned long *slot)
{
	uint64_t entry = pagemap(mem);

	if (!(entry >> 62 & 1))
		return false;
	if (slot)
		*slot = (entry & 31) << 50 | (entry & ((1ULL << 55) - 1)) >> 5;
	return true;
}

/* Is the page part of a large folio? */
bool page_huge(const void *mem)
{
	uint64_t entry = pagemap(mem), flags;
	int fd;

	if (!(entry >> 63))
		return false;
	fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_errno("/proc/kpageflags");
	if (pread(fd, &flags, 8, (entry & ((1ULL << 55) - 1)) * 8) != 8)
		fail_errno("cannot read /proc/kpageflags");
	close(fd);
	return flags >> 15 & 3;	/* COMPOUND_HEAD, COMPOUND_TAIL */
}

unsigned long region_swapped(struct region *r)
{
	unsigned long i, nr = 0;

	for (i = 0; i < r->nr; i++)
		nr += page_swapped(r->mem + i * PAGE, NULL);
	return nr;
}

struct toucher {
	volatile unsigned char *volatile at;
	unsigned long nr;
	volatile bool stop;
};

static void *touch_chunk(void *arg)
{
	struct toucher *t = arg;
	unsigned long i;

	while (!t->stop)
		for (i = 0; i < t->nr; i++)
			t->at[i * PAGE];
	return NULL;
}

/*
 * Get pages that are in memory, in the swap cache, writable without a fault,
 * and whose older content is stored as well: the state in which a missing
 * invalidation turns into old bytes. It arises when a page is touched just
 * while it is being stored: it is then kept in memory, its slot and the copy
 * too. So one thread touches what another one pages out, @chunk pages at a
 * time. @counter tells how many copies there are; it must be 0 before. Returns
 * that number.
 */
unsigned long resident_copies(struct region *r, unsigned long chunk,
			      const char *counter, unsigned long want)
{
	struct toucher t = { .at = r->mem, .nr = chunk };
	struct box box = box_start(60);
	pthread_t thread;
	unsigned long i;
	long copies;

	check(read_number(counter) == 0, "%s is not 0 at the start", counter);
	do {
		t.stop = false;
		if (pthread_create(&thread, NULL, touch_chunk, &t))
			fail("cannot create a thread");
		for (i = 0; i + chunk <= r->nr; i += chunk) {
			t.at = r->mem + i * PAGE;
			pageout(r->mem + i * PAGE, chunk);
		}
		t.stop = true;
		pthread_join(thread, NULL);
		/* What is only out comes in, which drops its copy. */
		region_touch(r);
		copies = read_number(counter);
	} while (copies < (long)want && box_open(&box));
	check(copies >= (long)want,
	      "cannot provoke the race: %ld copies of resident pages, not %lu",
	      copies, want);
	say("%ld pages are in memory and stored, too", copies);
	return copies;
}

unsigned long meminfo(const char *key)
{
	char line[128];
	unsigned long kib = 0;
	size_t len = strlen(key);
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		fail_errno("/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':')
			kib = strtoul(line + len + 1, NULL, 10);
	fclose(f);
	return kib / 4;
}

unsigned long mem_available(void)
{
	return meminfo("MemAvailable");
}

bool *shared_flag(void)
{
	/* The rest of the page that all processes share. */
	bool *flag = (bool *)(shared + 1);

	*flag = false;
	return flag;
}

/* ---- Swap devices ---- */

const char *const disk0 = "/dev/swap0", *const disk1 = "/dev/swap1";
const char *const ramdisk = "/dev/ram0";

/* The header that mkswap would write. */
void swap_make(const char *path)
{
	unsigned char page[PAGE] = { 0 };
	uint64_t bytes;
	struct stat st;
	uint32_t *info;
	int fd;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail_errno("%s", path);
	bytes = st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes))
		fail_errno("size of %s", path);
	info = (uint32_t *)(page + 1024);
	info[0] = 1;			/* version */
	info[1] = bytes / PAGE - 1;	/* last page */
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, page, PAGE, 0) != (ssize_t)PAGE || fsync(fd))
		fail_errno("cannot write to %s", path);
	close(fd);
}

void swap_on(const char *path, int priority)
{
	int flags = priority < 0 ? 0 : SWAP_FLAG_PREFER | priority;

	if (swapon(path, flags))
		fail_errno("swapon %s", path);
}

int try_swap_off(const char *path)
{
	return swapoff(path) ? -errno : 0;
}

void swap_off(const char *path)
{
	if (swapoff(path))
		fail_errno("swapoff %s", path);
}

void swap_start(const char *path)
{
	swap_make(path);
	swap_on(path, -1);
}

void swap_off_all(void)
{
	char line[256], *end;
	FILE *f;

	/* The list changes as we go: start over after each. */
	for (;;) {
		f = fopen("/proc/swaps", "re");
		if (!f)
			fail_errno("/proc/swaps");
		if (!fgets(line, sizeof(line), f) ||
		    !fgets(line, sizeof(line), f))
			break;
		fclose(f);
		end = strpbrk(line, " \t");
		if (end)
			*end = '\0';
		swap_off(line);
	}
	fclose(f);
}

long vmstat(const char *key)
{
	char line[128];
	size_t len = strlen(key);
	long value = 0;
	FILE *f = fopen("/proc/vmstat", "re");

	if (!f)
		fail_errno("/proc/vmstat");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ' ')
			value = strtol(line + len, NULL, 10);
	fclose(f);
	return value;
}

/* ---- Files and knobs ---- */

bool exists(const char *path)
{
	return !access(path, F_OK);
}

static int vtry_write(const char *path, const char *fmt, va_list ap)
{
	char text[512];
	int fd, n, err = 0;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != n)
		err = -errno;
	close(fd);
	return err;
}

bool said_by_kernel(const char *a, const char *b)
{
	char record[8192];
	bool found = false;
	ssize_t n;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fail_errno("/dev/kmsg");
	while (!found && (n = read(fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		found = strstr(record, a) && strstr(record, b);
	}
	close(fd);
	return found;
}

int try_write(const char *path, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vtry_write(path, fmt, ap);
	va_end(ap);
	return err;
}

void write_file(const char *path, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vtry_write(path, fmt, ap);
	va_end(ap);
	if (err) {
		char text[64];

		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		errno = -err;
		fail_errno("cannot write \"%s\" to %s", text, path);
	}
}

int try_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, at = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + at, size - 1 - at)) > 0)
		at += n;
	n = n < 0 ? -errno : at;
	close(fd);
	buf[at] = '\0';
	return n;
}

long read_number(const char *path)
{
	char text[64], *end;
	int n = try_read(path, text, sizeof(text));
	long value;

	if (n < 0) {
		errno = -n;
		fail_errno("%s", path);
	}
	value = strtol(text, &end, 0);
	check(end != text, "%s holds no number: %s", path, text);
	return value;
}

#define ZC_DEBUG "/sys/kernel/debug/zcache/"
#define FRONTSWAP "/sys/kernel/debug/frontswap/"
#define ZC_PARAM "/sys/module/zcache/parameters/"
#define ZSWAP_ENABLED "/sys/module/zswap/parameters/enabled"

static long zc_counter(const char *folder, const char *counter)
{
	char path[128];

	if (env.plain)
		return 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", folder, counter);
	return read_number(path);
}

long zc(const char *counter)
{
	return zc_counter("frontswap", counter);
}

long zc_file(const char *counter)
{
	return zc_counter("cleancache", counter);
}

long zc_pool(const char *counter)
{
	return zc_counter("zcache", counter);
}

void zc_set(const char *parameter, const char *value)
{
	char path[128];

	if (env.plain)
		return;
	snprintf(path, sizeof(path), ZC_PARAM "%s", parameter);
	write_file(path, "%s", value);
}

/* The subsystem walks all its structures and says "ok" or what is wrong. */
void zc_validate(void)
{
	char text[1024];
	int n;

	if (env.plain || !exists(ZC_DEBUG "validate"))
		return;
	n = try_read(ZC_DEBUG "validate", text, sizeof(text));
	check(n > 0, "cannot read zcache/validate: %s", strerror(-n));
	check(!strcmp(text, "ok\n"), "zcache/validate: %s", text);
}

void zc_none_stored(const char *when)
{
	zcheck(!zc("stored_pages"), "%s: %ld pages are still stored", when,
	       zc("stored_pages"));
	zcheck(!zc("stored_bytes"), "%s: %ld bytes are still stored", when,
	       zc("stored_bytes"));
	zcheck(!zc("same_filled_pages"), "%s: %ld pages are still same-filled",
	       when, zc("same_filled_pages"));
}

/*
 * A frame may be kept for the next store; swapoff gives it back, too. File pages
 * go with the page cache.
 */
void zc_empty(const char *when)
{
	zc_none_stored(when);
	write_file("/proc/sys/vm/drop_caches", "1");
	zcheck(!zc_file("stored_pages"), "%s: %ld file pages are still stored",
	       when, zc_file("stored_pages"));
	zcheck(!zc_pool("pool_pages"), "%s: the pool still has %ld pages", when,
	       zc_pool("pool_pages"));
}

void zc_expect_state(const char *state)
{
	char text[32];

	if (env.plain)
		return;
	if (try_read(FRONTSWAP "state", text, sizeof(text)) <= 0)
		fail("cannot read frontswap/state");
	text[strcspn(text, "\n")] = '\0';
	check(!strcmp(text, state), "frontswap is %s instead of %s", text, state);
}

static void set_if_there(const char *path, const char *value)
{
	if (exists(path))
		write_file(path, "%s", value);
}

/* The settings that every scenario starts from. */
void settings_reset(void)
{
	static const char *const defaults[][2] = {
		{ "/proc/sys/vm/overcommit_memory", "1" },
		{ "/proc/sys/vm/swappiness", "60" },
		{ "/proc/sys/vm/page-cluster", "3" },
		{ "/sys/module/zswap/parameters/max_pool_percent", "20" },
		{ "/sys/kernel/debug/failslab/probability", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/probability", "0" },
		{ "/sys/kernel/debug/zcache/fail_store/probability", "0" },
		{ "/sys/kernel/debug/zcache/corrupt", "0" },
		{ "/sys/kernel/debug/cleancache/delay_window", "0" },
		{ "/sys/kernel/debug/cleancache/delay_load", "0" },
		{ "/sys/kernel/debug/frontswap/delay_pick", "0" },
		{ "/sys/kernel/debug/frontswap/delay_own", "0" },
		{ "/sys/kernel/debug/frontswap/delay_write", "0" },
		{ "/proc/sys/vm/dirty_ratio", "20" },
		{ "/proc/sys/vm/dirty_background_ratio", "10" },
		{ "/sys/devices/system/cpu/cpu1/online", "1" },
		{ THP "enabled", "madvise" },
		{ THP "hugepages-2048kB/enabled", "never" },
		{ THP "hugepages-64kB/enabled", "never" },
		{ THP "hugepages-64kB/shmem_enabled", "never" },
	};
	unsigned int i;
	char text[32];

	for (i = 0; i < ARRAY_SIZE(defaults); i++)
		set_if_there(defaults[i][0], defaults[i][1]);
	/* Even writing what it is makes zswap ready, which ends large swap-in. */
	if (try_read(ZSWAP_ENABLED, text, sizeof(text)) > 0 && text[0] == 'Y')
		write_file(ZSWAP_ENABLED, "0");
	if (env.plain)
		return;
	zc_set("max_pool_percent", "80");
	zc_set("file_admission", "auto");
	/* The disks of the guests are as fast as memory. */
	zc_set("swap_admission", "always");
	zc_set("accept_threshold_percent", "90");
	zc_set("writeback", "1");
	/* It cannot be changed while pages may be stored. */
	try_read(ZC_PARAM "compressor", text, sizeof(text));
	if (strcmp(text, "lzo\n")) {
		zc_set("enabled", "0");
		zc_set("compressor", "lzo");
	}
	zc_set("enabled", "1");
}

/* ---- Processes ---- */

int spawn(proc_fn fn, void *arg)
{
	int pid = fork();

	if (pid < 0)
		fail_errno("fork");
	if (pid)
		return pid;
	fn(arg);
	_exit(0);
}

int join_status(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail_errno("waitpid");
	return status;
}

void join(int pid)
{
	int status = join_status(pid);

	if (WIFSIGNALED(status))
		fail("process %d was killed by signal %d", pid, WTERMSIG(status));
	if (WEXITSTATUS(status) == TOO_LITTLE)
		_exit(TOO_LITTLE);
	if (WEXITSTATUS(status))
		fail("process %d failed", pid);
}

/* ---- Control groups ---- */

#define CGROUP "/sys/fs/cgroup/"

char *cgroup_path(const char *name, const char *knob)
{
	static char path[160];

	snprintf(path, sizeof(path), CGROUP "%s/%s", name, knob);
	return path;
}

void cgroup_make(const char *name)
{
	if (mkdir(cgroup_path(name, ""), 0755) && errno != EEXIST)
		fail_errno("mkdir %s", cgroup_path(name, ""));
}

void cgroup_enter(const char *name)
{
	write_file(cgroup_path(name, "cgroup.procs"), "%d", getpid());
}

void cgroup_set(const char *name, const char *knob, const char *value)
{
	write_file(cgroup_path(name, knob), "%s", value);
}

long cgroup_event(const char *name, const char *file, const char *key)
{
	char text[4096], *line;
	size_t len = strlen(key);
	int n = try_read(cgroup_path(name, file), text, sizeof(text));

	check(n > 0, "cannot read %s", cgroup_path(name, file));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, key, len) && line[len] == ' ')
			return strtol(line + len, NULL, 10);
	fail("no %s in %s", key, cgroup_path(name, file));
}

/* Compressed bytes of swap pages that the group and those below it pay for. */
long cgroup_charged(const char *name)
{
	char text[1024];

	/* Reading this makes the kernel add up what its CPUs have counted. */
	if (try_read(cgroup_path(name, "cpu.stat"), text, sizeof(text)) < 0)
		fail("no cpu.stat in %s", name);
	return read_number(cgroup_path(name, "memory.zswap.current"));
}

void cgroup_remove(const char *name)
{
	if (rmdir(cgroup_path(name, "")))
		fail_errno("rmdir %s", cgroup_path(name, ""));
}
