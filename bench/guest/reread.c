// SPDX-License-Identifier: GPL-2.0
/*
 * reread: reads pages of a file again and again, and checks every one.
 *
 * Usage:
 *	reread noise MIB
 *		write so much of what does not compress to standard output
 *	reread sums FILE
 *		write a checksum for each page of FILE to standard output
 *	reread zipf FILE SUMS MIB THETA WARM SECONDS
 *		pread() single pages of the first MIB of FILE by a Zipf law of
 *		exponent THETA, the popular ones scattered over the file: WARM
 *		times, then report "warm", wait for a line on standard input, go
 *		on for SECONDS and report "result"
 *	reread stream FILE SUMS MIB
 *		report "warm", wait, read the first MIB of FILE once from
 *		beginning to end and report "result"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define PAGES_PER_MIB	256UL
#define BLOCK		(32 * PAGE)	/* that a stream is read in */
/* The clock is a system call, which costs much in User Mode Linux. */
#define CLOCK_EVERY	16

struct file {
	int fd;
	uint64_t *sums;
	uint64_t pages;		/* that are read */
};

struct law {
	double *cdf;		/* by rank */
	uint32_t *page;		/* of a rank */
};

static uint64_t nr_reads, nr_wrong;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "reread: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t random_bits(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static double random_share(void)
{
	return (random_bits() >> 11) / 9007199254740992.0;
}

/* Depends on every bit and on the place of every word. */
static uint64_t checksum(const uint64_t *page)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < PAGE / sizeof(*page); i++) {
		sum = (sum ^ page[i]) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 32;
	}
	return sum;
}

static void check(const struct file *file, const void *buf, uint64_t page)
{
	nr_reads++;
	if (checksum(buf) == file->sums[page])
		return;
	if (!nr_wrong++)
		fprintf(stderr, "reread: page %lu is wrong\n", page);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void open_file(struct file *file, const char *path, const char *sums,
		      unsigned long mib)
{
	uint64_t size = mib * PAGES_PER_MIB * sizeof(*file->sums);
	FILE *in = fopen(sums, "r");

	need(in, sums);
	file->pages = mib * PAGES_PER_MIB;
	file->sums = malloc(size);
	need(file->sums && fread(file->sums, 1, size, in) == size, sums);
	fclose(in);
	file->fd = open(path, O_RDONLY);
	need(file->fd >= 0, path);
}

static void wait_for_go(void)
{
	printf("warm reads=%lu\n", nr_reads);
	fflush(stdout);
	need(getchar() == '\n', "standard input");
	nr_reads = 0;
}

static void report(double start)
{
	printf("result reads=%lu ms=%.0f wrong=%lu\n", nr_reads,
	       (now() - start) * 1000, nr_wrong);
	exit(nr_wrong != 0);
}

static void make_law(struct law *law, uint64_t pages, double theta)
{
	double sum = 0;

	law->cdf = malloc(pages * sizeof(*law->cdf));
	law->page = malloc(pages * sizeof(*law->page));
	need(law->cdf && law->page, "memory");
	for (uint64_t i = 0; i < pages; i++) {
		sum += pow(i + 1, -theta);
		law->cdf[i] = sum;
		law->page[i] = i;
	}
	for (uint64_t i = pages - 1; i > 0; i--) {
		uint64_t j = random_bits() % (i + 1);
		uint32_t page = law->page[i];

		law->page[i] = law->page[j];
		law->page[j] = page;
	}
}

static uint64_t choose(const struct law *law, uint64_t pages)
{
	double at = random_share() * law->cdf[pages - 1];
	uint64_t low = 0, high = pages - 1;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (law->cdf[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return law->page[low];
}

static void read_one(const struct file *file, const struct law *law)
{
	static uint64_t buf[PAGE / sizeof(uint64_t)];
	uint64_t page = choose(law, file->pages);

	need(pread(file->fd, buf, PAGE, page * PAGE) == (ssize_t)PAGE, "pread");
	check(file, buf, page);
}

static void zipf(const struct file *file, double theta, uint64_t warm,
		 double seconds)
{
	struct law law;
	double start;

	make_law(&law, file->pages, theta);
	/* As those do who know that they read here and there. */
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_RANDOM);
	for (uint64_t i = 0; i < warm; i++)
		read_one(file, &law);
	wait_for_go();
	start = now();
	do {
		for (int i = 0; i < CLOCK_EVERY; i++)
			read_one(file, &law);
	} while (now() < start + seconds);
	report(start);
}

static void stream(const struct file *file)
{
	static char buf[BLOCK] __attribute__((aligned(PAGE)));
	double start;

	wait_for_go();
	start = now();
	for (uint64_t page = 0; page < file->pages; page += BLOCK / PAGE) {
		need(read(file->fd, buf, BLOCK) == (ssize_t)BLOCK, "read");
		for (uint64_t i = 0; i < BLOCK / PAGE; i++)
			check(file, buf + i * PAGE, page + i);
	}
	report(start);
}

static void noise(unsigned long mib)
{
	for (uint64_t i = 0; i < mib << 17; i++) {
		uint64_t word = random_bits() * 0x9e3779b97f4a7c15u;

		need(fwrite(&word, sizeof(word), 1, stdout) == 1, "write");
	}
}

static void sums(const char *path)
{
	static uint64_t buf[PAGE / sizeof(uint64_t)];
	FILE *in = fopen(path, "r");

	need(in, path);
	while (fread(buf, 1, PAGE, in) == PAGE) {
		uint64_t sum = checksum(buf);

		need(fwrite(&sum, sizeof(sum), 1, stdout) == 1, "write");
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct file file;

	if (strcmp(what, "noise") == 0 && argc == 3) {
		noise(atol(argv[2]));
	} else if (strcmp(what, "sums") == 0 && argc == 3) {
		sums(argv[2]);
	} else if (strcmp(what, "zipf") == 0 && argc == 8) {
		open_file(&file, argv[2], argv[3], atol(argv[4]));
		zipf(&file, atof(argv[5]), atol(argv[6]), atof(argv[7]));
	} else if (strcmp(what, "stream") == 0 && argc == 5) {
		open_file(&file, argv[2], argv[3], atol(argv[4]));
		stream(&file);
	} else {
		fprintf(stderr, "reread: wrong arguments, see reread.c\n");
		return 2;
	}
	return 0;
}
