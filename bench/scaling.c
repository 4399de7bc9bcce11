// SPDX-License-Identifier: GPL-2.0
/*
 * scaling: stores and loads at once, of two CPUs by those of one.
 *
 * Usage: scaling FILE MILLISECONDS RUNS
 *	Takes 32 MiB of FILE, and two CPUs that do nothing else. (Where there is but
 *	one it works, and measures nothing.)
 *
 * The pages of FILE are touched at random by a thread on each CPU, with a little
 * memory for them and a pool behind it: a page that leaves memory is stored, one
 * that comes back is loaded. A page belongs to one of the threads, as the lock
 * of a page in the kernel sees to it; everything else is shared.
 *
 * tmem and zbud are the kernel's. Spinlocks and RCU are those of native/, which
 * cost a second CPU what the kernel's would; compressors are one for each CPU.
 *
 * Prints a line of JSON for each sort of pool and run: operations a second of one
 * CPU (the mean of the two, each alone), of two together, of two with a pool each
 * (what this machine can do at best), and how often one waited for a lock of the
 * other, for each operation.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "native/rcu.h"
#include "pool.h"

#define SET		8192	/* pages of FILE that are used */
#define OWN		(SET / NATIVE_THREADS)
#define MEMORY		1024	/* of each thread's, not compressed */
#define WARM		(4 * OWN)

enum kind { SWAP, ONE_FILE, TWO_FILES, NR_KINDS };

static const char * const kind_name[NR_KINDS] = {
	"swap", "one file", "two files",
};

static struct worker {
	pthread_t thread;
	unsigned int nr;
	unsigned int cpu;
	enum kind kind;
	struct tmem_pool *pool;
	u64 random;
	unsigned int fifo[MEMORY];	/* what is in memory, oldest first */
	unsigned int next;
	bool present[OWN];
	unsigned long ops;
	unsigned long waits;
} __attribute__((aligned(256))) worker[NATIVE_THREADS];

static unsigned char set[SET][PAGE_SIZE];
static pthread_barrier_t warm;
static bool stop __attribute__((aligned(256)));

/* Pages lie by turns in those of one thread and of the other. */
static struct tmem_key key_of(const struct worker *w, unsigned int own)
{
	unsigned int nr = own * NATIVE_THREADS + w->nr;

	switch (w->kind) {
	case SWAP:
		return (struct tmem_key) { nr >> 12, nr & 4095 };
	case TWO_FILES:
		return (struct tmem_key) { 1 + w->nr, own };
	default:
		return (struct tmem_key) { 1, nr };
	}
}

static const void *data_of(const struct worker *w, unsigned int own)
{
	return set[own * NATIVE_THREADS + w->nr];
}

static unsigned int random_below(struct worker *w, unsigned int n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (w->random >> 16) % n;
}

static void store_page(struct worker *w, unsigned int own)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct tmem_key key = key_of(w, own);

	while (store(w->pool, &key, data_of(w, own)) == -ENOSPC) {
		take_pages(pages);
		zbud_add_frame(w->pool->private, pages);
	}
}

/* False if it is not there, since it does not compress. */
static bool load_page(struct worker *w, unsigned int own)
{
	struct tmem_key key = key_of(w, own);
	unsigned long handle;

	if (!pin_and_load(w->pool, &key, &handle))
		return false;
	need(!memcmp(page, data_of(w, own), PAGE_SIZE), "wrong bytes");
	if (w->kind == SWAP) {
		zbud_unpin(w->pool->private, handle);
		tmem_invalidate(w->pool, &key, 1);
	} else {
		need(tmem_erase(w->pool, &key, handle), "erase");
		zbud_unpin(w->pool->private, handle);
	}
	return true;
}

/* A page comes into memory, and the oldest there goes into the pool. */
static void touch(struct worker *w)
{
	unsigned int own = random_below(w, OWN), *slot;

	if (w->present[own])
		return;
	w->ops += load_page(w, own);
	slot = &w->fifo[w->next++ % MEMORY];
	if (w->next > MEMORY) {
		w->present[*slot] = false;
		store_page(w, *slot);
		w->ops++;
	}
	*slot = own;
	w->present[own] = true;
	native_quiescent();
}

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(w->cpu, &cpus);
	need(!sched_setaffinity(0, sizeof(cpus), &cpus), "no such CPU");
	native_enter(w->nr);
	for (unsigned int i = 0; i < WARM; i++)
		touch(w);
	pthread_barrier_wait(&warm);
	w->ops = 0;
	native_waits = 0;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		touch(w);
	w->waits = native_waits;
	native_leave();
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void destroy(struct tmem_pool *pool)
{
	struct zbud *zbud = pool->private;

	tmem_pool_destroy(pool);
	rcu_barrier();
	zbud_destroy(zbud);
}

/* measure: operations a second of workers @from to @to - 1, with @nr_pools. */
static double measure(enum kind kind, const unsigned int *cpu, unsigned int from,
		      unsigned int to, unsigned int nr_pools, unsigned int ms,
		      double *waits)
{
	enum tmem_pool_type type = kind == SWAP ? TMEM_PERSISTENT : TMEM_EPHEMERAL;
	struct tmem_pool *pool[NATIVE_THREADS];
	unsigned long ops = 0, waited = 0;
	double start, seconds;
	unsigned int i;

	for (i = 0; i < nr_pools; i++)
		pool[i] = make_pool(i, type, i, free_pages);
	stop = false;
	pthread_barrier_init(&warm, NULL, to - from + 1);
	for (i = from; i < to; i++) {
		worker[i] = (struct worker) {
			.nr = i, .cpu = cpu[i], .kind = kind,
			.pool = pool[i % nr_pools],
			.random = 88172645463325252u + i,
		};
		need(!pthread_create(&worker[i].thread, NULL, work, &worker[i]),
		     "no thread");
	}
	pthread_barrier_wait(&warm);
	start = now();
	usleep(1000 * ms);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	seconds = now() - start;
	for (i = from; i < to; i++) {
		pthread_join(worker[i].thread, NULL);
		ops += worker[i].ops;
		waited += worker[i].waits;
	}
	pthread_barrier_destroy(&warm);
	for (i = 0; i < nr_pools; i++)
		destroy(pool[i]);
	need(ops, "nothing was done");
	*waits = (double)waited / ops;
	return ops / seconds;
}

static void choose_cpus(unsigned int *cpu)
{
	unsigned int n = 0;
	cpu_set_t cpus;

	need(!sched_getaffinity(0, sizeof(cpus), &cpus), "CPUs");
	for (unsigned int i = 0; n < NATIVE_THREADS; i = (i + 1) % CPU_SETSIZE)
		if (CPU_ISSET(i, &cpus))
			cpu[n++] = i;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 4 ? fopen(argv[1], "r") : NULL;
	unsigned int cpu[NATIVE_THREADS];
	double one, together, apart, waits, none;
	unsigned int ms, runs;

	need(in && fread(set, PAGE_SIZE, SET, in) == SET,
	     "usage: scaling FILE (of 32 MiB) MILLISECONDS RUNS");
	ms = atoi(argv[2]);
	runs = atoi(argv[3]);
	choose_cpus(cpu);
	for (unsigned int run = 1; run <= runs; run++) {
		for (enum kind kind = 0; kind < NR_KINDS; kind++) {
			one = (measure(kind, cpu, 0, 1, 1, ms, &none) +
			       measure(kind, cpu, 1, 2, 1, ms, &none)) / 2;
			together = measure(kind, cpu, 0, 2, 1, ms, &waits);
			apart = measure(kind, cpu, 0, 2, 2, ms, &none);
			printf("{\"pool\":\"%s\",\"run\":%u,\"one\":%.0f,\"together\":%.0f,\"apart\":%.0f,\"waits\":%.4f}\n",
			       kind_name[kind], run, one, together, apart, waits);
			fflush(stdout);
		}
	}
	return 0;
}
