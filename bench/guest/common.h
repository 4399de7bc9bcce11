/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the work programs of the guests share. Each is one file and includes
 * this once. They talk with the first process of the guest, a line at a time,
 * see bench/guest/init.sh.
 */
#ifndef COMMON_H
#define COMMON_H

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE		4096UL
#define PAGE_WORDS	(PAGE / sizeof(uint64_t))
#define PAGES_PER_MIB	256UL
#define BLOCK		(32 * PAGE)	/* that is read at once */
/* The clock is a system call, which costs much in User Mode Linux. */
#define CLOCK_EVERY	16

/* Which page is touched next: popular ones, scattered. See make_law(). */
struct law {
	double *cdf;		/* by rank */
	uint32_t *page;		/* of a rank */
	uint64_t pages;
};

static inline void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	exit(1);
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* After a line that asks for it. */
static inline void wait_for_go(void)
{
	fflush(stdout);
	need(getchar() == '\n', "standard input");
}

/* The same numbers in every run: the same pages for everything compared. */
static inline uint64_t random_bits(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* From 0 to less than 1. */
static inline double random_share(void)
{
	return (random_bits() >> 11) / 9007199254740992.0;
}

/* Depends on every bit and on the place of every word. */
static inline uint64_t checksum(const uint64_t *words, size_t nr)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < nr; i++) {
		sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 32;
	}
	return sum;
}

/*
 * Puts random elements of the array into its first places: an order that has
 * nothing to do with the one before.
 */
static inline void shuffle(uint32_t *array, uint64_t size, uint64_t places)
{
	for (uint64_t i = 0; i < places && i < size; i++) {
		uint64_t j = i + random_bits() % (size - i);
		uint32_t element = array[i];

		array[i] = array[j];
		array[j] = element;
	}
}

/* A Zipf law of exponent @theta; 0 is uniform. */
static inline void make_law(struct law *law, uint64_t pages, double theta)
{
	double sum = 0;

	law->pages = pages;
	law->cdf = malloc(pages * sizeof(*law->cdf));
	law->page = malloc(pages * sizeof(*law->page));
	need(law->cdf && law->page, "memory");
	for (uint64_t i = 0; i < pages; i++) {
		sum += pow(i + 1, -theta);
		law->cdf[i] = sum;
		law->page[i] = i;
	}
	shuffle(law->page, pages, pages);
}

static inline uint64_t choose(const struct law *law)
{
	double at = random_share() * law->cdf[law->pages - 1];
	uint64_t low = 0, high = law->pages - 1;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (law->cdf[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return law->page[low];
}

#endif /* COMMON_H */
