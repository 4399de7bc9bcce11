// SPDX-License-Identifier: GPL-2.0
/*
 * reread: reads pages of a file again and again, and checks every one.
 *
 * Usage:
 *	reread noise MIB
 *		write so much of what does not compress to standard output
 *	reread sums FILE
 *		write a checksum for each page of FILE to standard output
 *	reread zipf FILE SUMS MIB THETA WARM SETTLE SECONDS
 *		pread() single pages of the first MIB of FILE by a Zipf law of
 *		exponent THETA, the popular ones scattered over the file: WARM
 *		times, then report "settle", wait for a line on standard input,
 *		go on for SETTLE seconds, report "warm", wait, go on for SECONDS
 *		and report "result"
 *	reread stream FILE SUMS MIB
 *		report "warm", wait, read the first MIB of FILE once from
 *		beginning to end and report "result"
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"

struct file {
	int fd;
	uint64_t *sums;
	uint64_t pages;		/* that are read */
};

static uint64_t nr_reads, nr_wrong;

static void check(const struct file *file, const void *buf, uint64_t page)
{
	nr_reads++;
	if (checksum(buf, PAGE_WORDS) == file->sums[page])
		return;
	if (!nr_wrong++)
		fprintf(stderr, "reread: page %lu is wrong\n", page);
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

static void end_warm_up(void)
{
	printf("warm reads=%lu\n", nr_reads);
	wait_for_go();
	nr_reads = 0;
}

static void report(double start)
{
	printf("result reads=%lu ms=%.0f wrong=%lu\n", nr_reads,
	       (now() - start) * 1000, nr_wrong);
	exit(nr_wrong != 0);
}

static void read_one(const struct file *file, const struct law *law)
{
	static uint64_t buf[PAGE_WORDS];
	uint64_t page = choose(law);

	need(pread(file->fd, buf, PAGE, page * PAGE) == (ssize_t)PAGE, "pread");
	check(file, buf, page);
}

static void read_for(const struct file *file, const struct law *law, double start,
		     double seconds)
{
	while (now() < start + seconds)
		for (int i = 0; i < CLOCK_EVERY; i++)
			read_one(file, law);
}

static void zipf(const struct file *file, double theta, uint64_t warm,
		 double settle, double seconds)
{
	struct law law;
	double start;

	make_law(&law, file->pages, theta);
	/* As those do who know that they read here and there. */
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_RANDOM);
	for (uint64_t i = 0; i < warm; i++)
		read_one(file, &law);
	puts("settle");
	wait_for_go();
	read_for(file, &law, now(), settle);
	end_warm_up();
	start = now();
	read_for(file, &law, start, seconds);
	report(start);
}

static void stream(const struct file *file)
{
	static char buf[BLOCK] __attribute__((aligned(PAGE)));
	double start;

	end_warm_up();
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
	static uint64_t buf[PAGE_WORDS];
	FILE *in = fopen(path, "r");

	need(in, path);
	while (fread(buf, 1, PAGE, in) == PAGE) {
		uint64_t sum = checksum(buf, PAGE_WORDS);

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
	} else if (strcmp(what, "zipf") == 0 && argc == 9) {
		open_file(&file, argv[2], argv[3], atol(argv[4]));
		zipf(&file, atof(argv[5]), atol(argv[6]), atof(argv[7]), atof(argv[8]));
	} else if (strcmp(what, "stream") == 0 && argc == 5) {
		open_file(&file, argv[2], argv[3], atol(argv[4]));
		stream(&file);
	} else {
		fprintf(stderr, "reread: wrong arguments, see reread.c\n");
		return 2;
	}
	return 0;
}
