/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios share: memory whose every byte is known, ways to push it
 * out to swap, swap devices, knobs and counters, processes.
 *
 * The content of a page follows from (seed, page number, version) alone, so
 * verifying it needs no second copy that could have been swapped, too. A page
 * that fails says what it holds instead: an older version of itself, zeros, or
 * something else.
 *
 * A scenario is a function that returns when everything was right and calls
 * fail() otherwise. All run as children of init (init.c), which checks the
 * kernel after each of them.
 */
#ifndef VM_LIB_H
#define VM_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096UL
#define MIB		(1024UL * 1024)
#define PAGES(mib)	((mib) * MIB / PAGE)
#define BLOCK		16UL	/* pages of a 64 KiB folio */
#define TEST_TMPFS	"/tmp/shm"	/* where scenarios mount file systems */
#define TEST_FILES	"/tmp/files"
#define ZC_STORED	"/sys/kernel/debug/frontswap/stored_pages"
#define ZSWAP_STORED	"/sys/kernel/debug/zswap/stored_pages"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct scenario - one entry of the list that all files add to
 * @name: what one types
 * @what: one line for people
 * @needs: space separated features that a guest must have, see tools/vm.sh
 * @expect: NULL, or how the harness must call this boot (self tests only):
 *	an extended regular expression for the reason of the failure
 * @boot: NULL, or what the kernel's command line says of zcache instead of
 *	zcache=1; then it has a boot of its own
 * @seconds: limit; beyond it the scenario hangs
 * @run: does it
 */
struct scenario {
	const char *name;
	const char *what;
	const char *needs;
	const char *expect;
	const char *boot;
	unsigned int seconds;
	void (*run)(void);
};

#define SCENARIO_FULL(id, limit, features, reason, line, text)		\
	static void run_##id(void);					\
	static const struct scenario scenario_##id = {			\
		.name = #id, .what = text, .needs = features,		\
		.expect = reason, .boot = line,				\
		.seconds = limit, .run = run_##id,			\
	};								\
	__attribute__((used, section("scenarios"), aligned(8)))		\
	static const struct scenario *const entry_##id = &scenario_##id;\
	static void run_##id(void)

#define SCENARIO(id, limit, features, text) \
	SCENARIO_FULL(id, limit, features, NULL, NULL, text)
#define SELFTEST(id, limit, features, reason, text) \
	SCENARIO_FULL(id, limit, features, reason, NULL, text)
#define BOOTTEST(id, line, text) \
	SCENARIO_FULL(id, 60, "zcache uml", NULL, line, text)

/* Set by init from the kernel's command line, the same in all processes. */
struct vm_env {
	const char *scenario;	/* the one that runs */
	uint64_t seed;
	unsigned int box;	/* seconds that an open-ended loop may take */
	unsigned int cpus;
	bool plain;		/* zcache is absent or off: do not ask it */
	bool uml;
	bool thp;
	int verdict;		/* descriptor of the port for results */
	const char *net;	/* which machine of a group it is, see rsnet.c */
};
extern struct vm_env env;

/* Counters in memory that all processes of a boot share. */
struct vm_shared {
	unsigned long verified;	/* pages compared byte by byte */
	unsigned long failed;	/* processes that called one of the below */
	bool wrong;		/* one of them fail() */
};
extern struct vm_shared *shared;
bool *shared_flag(void);	/* another one, false; always the same */

/* Reporting. These end the process; the first message wins. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void too_little(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail_errno(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#define check(cond, ...) do { if (!(cond)) fail(__VA_ARGS__); } while (0)
/* Only where zcache is on: what it promises beyond right bytes. */
#define zcheck(cond, ...) \
	do { if (!env.plain && !(cond)) fail(__VA_ARGS__); } while (0)
/*
 * How much zcache did. That depends on what the kernel chose to reclaim, so the
 * harness tries such a scenario once more, in a boot of its own, before it counts
 * as failed. Never for what may not happen even once.
 */
#define zexpect(cond, ...) \
	do { if (!env.plain && !(cond)) too_little(__VA_ARGS__); } while (0)

/* Random numbers, reproducible from the seed of the boot. */
struct rng { uint64_t state; };
void rng_init(struct rng *rng, uint64_t stream);
uint64_t rng_next(struct rng *rng);
unsigned long rng_below(struct rng *rng, unsigned long limit);

/* Time. */
double now(void);
struct box { double end; };
struct box box_start(double seconds);
struct box box_default(void);
bool box_open(const struct box *box);
void nap(unsigned int milliseconds);

/* What a page looks like to a compressor. */
enum {
	HEAP	= 1,	/* pointers and small numbers: a third or less */
	TEXT	= 2,	/* words: about half */
	SAME	= 4,	/* one 32-bit word repeated */
	ZERO	= 8,
	NOISE	= 16,	/* does not compress */
};
#define MIXED	(HEAP | TEXT | SAME | ZERO | NOISE)

void page_make(void *page, uint64_t seed, uint64_t nr, uint32_t version,
	       unsigned int kinds);

/**
 * struct region - pages of known content
 * @mem: where
 * @nr: pages
 * @seed: of this region
 * @kinds: what its pages may look like
 * @version: what each page must hold
 */
struct region {
	unsigned char *mem;
	unsigned long nr;
	uint64_t seed;
	unsigned int kinds;
	uint32_t *version;
};

void region_map(struct region *r, unsigned long nr, unsigned int kinds);
void region_map_thp(struct region *r, unsigned long blocks, unsigned int kinds);
void region_adopt(struct region *r, void *mem, unsigned long nr,
		  unsigned int kinds);
void region_unmap(struct region *r);
void region_write(struct region *r, unsigned long nr);
void region_fill(struct region *r);
void region_zero(struct region *r);
void region_verify_page(struct region *r, unsigned long nr);
void region_verify(struct region *r);
void region_touch(struct region *r);
void region_churn(struct region *r, struct rng *rng, unsigned long accesses,
		  unsigned int percent_writes);
bool page_holds(struct region *r, unsigned long nr, uint32_t version);
void verify_bytes(const void *got, uint64_t seed, uint64_t nr,
		  uint32_t version, unsigned int kinds);

/* Pushing memory out. */
void pageout(void *mem, unsigned long nr);
void region_pageout(struct region *r);
unsigned long region_swapped(struct region *r);
bool page_swapped(const void *mem, unsigned long *slot);
bool page_huge(const void *mem);
unsigned long resident_copies(struct region *r, unsigned long chunk,
			      const char *counter, unsigned long want);
unsigned long mem_available(void);	/* pages */
unsigned long meminfo(const char *key);	/* pages */

/* Swap devices: a rotating disk, one that is not (only such take large folios as
 * a whole), a RAM disk.
 */
extern const char *const disk0, *const disk1, *const ramdisk;
void swap_make(const char *path);
void swap_on(const char *path, int priority);
void swap_off(const char *path);
int try_swap_off(const char *path);
void swap_start(const char *path);	/* make and on */
void swap_off_all(void);
long vmstat(const char *key);

/* Files and knobs. */
bool exists(const char *path);
int try_write(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void write_file(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int try_read(const char *path, char *buf, size_t size);
long read_number(const char *path);
bool said_by_kernel(const char *a, const char *b);	/* in one line, since the boot */
long zc(const char *counter);		/* of swap pages, 0 if plain */
long zc_file(const char *counter);	/* of file pages */
long zc_pool(const char *counter);	/* of the pool */
void zc_set(const char *parameter, const char *value);
void zc_validate(void);
void zc_none_stored(const char *when);
void zc_empty(const char *when);	/* nor is any memory held */
void zc_expect_state(const char *state);
void settings_reset(void);

/* Processes. spawn() runs fn(arg) in a child; join() fails if one failed. */
typedef void (*proc_fn)(void *arg);
int spawn(proc_fn fn, void *arg);
void join(int pid);
int join_status(int pid);

/* Control groups below the one of the scenario. */
void cgroup_make(const char *name);
void cgroup_enter(const char *name);
void cgroup_set(const char *name, const char *knob, const char *value);
long cgroup_event(const char *name, const char *file, const char *key);
long cgroup_charged(const char *name);
void cgroup_remove(const char *name);
char *cgroup_path(const char *name, const char *knob);

#endif /* VM_LIB_H */
