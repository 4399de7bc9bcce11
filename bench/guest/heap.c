// SPDX-License-Identifier: GPL-2.0
/*
 * heap: anonymous memory full of real data, every page of which is checked.
 *
 * Usage:
 *	heap touch DATA MIB LAW WRITES WARM SECONDS
 *		touch single pages by a Zipf law of exponent LAW (0: uniform),
 *		WRITES per cent of them with a write of one word: WARM times,
 *		then report "warm", wait for a line on standard input, go on for
 *		SECONDS, report "stage after", wait, check every byte and report
 *		"result"
 *	heap pack DATA MIB ROUNDS SHARE
 *		swap all of it out and report "stage fill"; then ROUNDS times
 *		give SHARE per cent of the pages, chosen at random, the content
 *		of other pages of DATA and swap all of it out again; report
 *		"stage churn", check every byte and report "result". Wants
 *		vm.page-cluster to be 0, and memory enough for all of it
 *
 * The memory is filled with the pages of DATA, from its start again when it is
 * shorter. DATA is read past the page cache, and everything else that is used
 * here is locked: only the memory in question is reclaimed.
 *
 * Results: wrong, touches or pages that had not the content they should have;
 * touch: touches and ms; pack: pages, and those that were not in memory after
 * the fill (out_fill) and in the end (out_churn).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"

#define PROGRESS	64	/* reports during the warm-up */

/* The words of a page in heap touch; the rest is data. */
enum { INDEX, NR_WRITES, HEAD };

struct heap {
	uint64_t *words;
	uint64_t pages;
	size_t head;		/* words of a page that are no data: 0 or HEAD */
	uint64_t *sums;		/* of the data of each page */
};

struct data {
	int fd;
	uint64_t pages;
};

static uint64_t nr_wrong;

static void check(bool ok, uint64_t page)
{
	if (!ok && !nr_wrong++)
		fprintf(stderr, "heap: page %lu is wrong\n", page);
}

static void open_data(struct data *data, const char *path)
{
	struct stat stat;

	data->fd = open(path, O_RDONLY | O_DIRECT);
	need(data->fd >= 0 && fstat(data->fd, &stat) == 0, path);
	data->pages = stat.st_size / PAGE;
	errno = ENODATA;
	need(data->pages > 0, path);
}

static void open_heap(struct heap *heap, uint64_t mib, size_t head)
{
	heap->pages = mib * PAGES_PER_MIB;
	heap->head = head;
	heap->sums = malloc(heap->pages * sizeof(*heap->sums));
	need(heap->sums, "memory");
	/* What is mapped after this is not locked. */
	need(mlockall(MCL_CURRENT) == 0, "mlockall");
	heap->words = mmap(NULL, heap->pages * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(heap->words != MAP_FAILED, "memory");
}

static uint64_t *page_of(const struct heap *heap, uint64_t page)
{
	return heap->words + page * PAGE_WORDS;
}

static uint64_t sum_of(const struct heap *heap, uint64_t page)
{
	return checksum(page_of(heap, page) + heap->head,
			PAGE_WORDS - heap->head);
}

/* nr pages of the heap become those of the data, neither beyond its end. */
static void put(struct heap *heap, uint64_t page, const struct data *data,
		uint64_t from, uint64_t nr)
{
	static char buf[BLOCK] __attribute__((aligned(PAGE)));

	need(pread(data->fd, buf, nr * PAGE, from * PAGE) ==
	     (ssize_t)(nr * PAGE), "data");
	memcpy(page_of(heap, page), buf, nr * PAGE);
	for (; nr > 0; nr--, page++) {
		if (heap->head) {
			page_of(heap, page)[INDEX] = page;
			page_of(heap, page)[NR_WRITES] = 0;
		}
		heap->sums[page] = sum_of(heap, page);
	}
}

static void fill(struct heap *heap, const struct data *data)
{
	uint64_t nr;

	for (uint64_t page = 0; page < heap->pages; page += nr) {
		uint64_t from = page % data->pages;

		nr = BLOCK / PAGE;
		if (nr > heap->pages - page)
			nr = heap->pages - page;
		if (nr > data->pages - from)
			nr = data->pages - from;
		put(heap, page, data, from, nr);
	}
}

static void end_stage(const char *name)
{
	printf("stage %s\n", name);
	wait_for_go();
}

/* ---- touch ---- */

static void touch(struct heap *heap, const struct law *law, uint32_t *writes,
		  unsigned int percent)
{
	uint64_t page = choose(law);
	uint64_t *words = page_of(heap, page);

	check(words[INDEX] == page && words[NR_WRITES] == writes[page], page);
	if (random_bits() % 100 < percent)
		words[NR_WRITES] = ++writes[page];
}

static void warm_up(struct heap *heap, const struct law *law, uint32_t *writes,
		    unsigned int percent, uint64_t touches)
{
	for (uint64_t i = 0; i < touches; i++) {
		if (i % (touches / PROGRESS + 1) == 0) {
			printf("progress %lu %lu\n", i, touches);
			fflush(stdout);
		}
		touch(heap, law, writes, percent);
	}
	puts("warm");
	wait_for_go();
}

static void check_touched(const struct heap *heap, const uint32_t *writes)
{
	for (uint64_t page = 0; page < heap->pages; page++) {
		const uint64_t *words = page_of(heap, page);

		check(words[INDEX] == page && words[NR_WRITES] == writes[page] &&
		      sum_of(heap, page) == heap->sums[page], page);
	}
}

static void run_touch(const struct data *data, uint64_t mib, double theta,
		      unsigned int percent, uint64_t warm, double seconds)
{
	uint64_t touches = 0;
	uint32_t *writes = calloc(mib * PAGES_PER_MIB, sizeof(*writes));
	double start, end;
	struct heap heap;
	struct law law;

	need(writes, "memory");
	make_law(&law, mib * PAGES_PER_MIB, theta);
	open_heap(&heap, mib, HEAD);
	fill(&heap, data);
	warm_up(&heap, &law, writes, percent, warm);
	start = now();
	do {
		for (int i = 0; i < CLOCK_EVERY; i++)
			touch(&heap, &law, writes, percent);
		touches += CLOCK_EVERY;
		end = now();
	} while (end < start + seconds);
	end_stage("after");
	check_touched(&heap, writes);
	printf("result touches=%lu ms=%.0f wrong=%lu\n", touches,
	       (end - start) * 1000, nr_wrong);
}

/* ---- pack ---- */

/*
 * Pages that were not asked for would stay in the swap cache, where nobody can
 * swap them out.
 */
static void need_no_readahead(void)
{
	static const char path[] = "/proc/sys/vm/page-cluster";
	FILE *file = fopen(path, "r");

	need(file, path);
	errno = EINVAL;
	need(fgetc(file) == '0', "/proc/sys/vm/page-cluster is not 0");
	fclose(file);
}

/* Returns how many pages are out. */
static uint64_t swap_out(const struct heap *heap)
{
	static unsigned char there[BLOCK];
	uint64_t out = 0, nr;

	need(madvise(heap->words, heap->pages * PAGE, MADV_PAGEOUT) == 0,
	     "MADV_PAGEOUT");
	for (uint64_t page = 0; page < heap->pages; page += nr) {
		nr = heap->pages - page;
		if (nr > sizeof(there))
			nr = sizeof(there);
		need(mincore(page_of(heap, page), nr * PAGE, there) == 0,
		     "mincore");
		for (uint64_t i = 0; i < nr; i++)
			out += !(there[i] & 1);
	}
	return out;
}

static void churn(struct heap *heap, const struct data *data, uint32_t *order,
		  uint64_t pages)
{
	shuffle(order, heap->pages, pages);
	for (uint64_t i = 0; i < pages; i++)
		put(heap, order[i], data, random_bits() % data->pages, 1);
}

static void run_pack(const struct data *data, uint64_t mib,
		     unsigned int rounds, unsigned int percent)
{
	uint64_t out_fill, out_churn;
	struct heap heap;
	uint32_t *order = malloc(mib * PAGES_PER_MIB * sizeof(*order));

	need(order, "memory");
	for (uint64_t page = 0; page < mib * PAGES_PER_MIB; page++)
		order[page] = page;
	need_no_readahead();
	open_heap(&heap, mib, 0);
	fill(&heap, data);
	out_fill = out_churn = swap_out(&heap);
	end_stage("fill");
	for (unsigned int i = 0; i < rounds; i++) {
		churn(&heap, data, order, heap.pages * percent / 100);
		out_churn = swap_out(&heap);
	}
	end_stage("churn");
	for (uint64_t page = 0; page < heap.pages; page++)
		check(sum_of(&heap, page) == heap.sums[page], page);
	printf("result pages=%lu out_fill=%lu out_churn=%lu wrong=%lu\n",
	       heap.pages, out_fill, out_churn, nr_wrong);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct data data;

	if (strcmp(what, "touch") == 0 && argc == 8) {
		open_data(&data, argv[2]);
		run_touch(&data, atol(argv[3]), atof(argv[4]), atoi(argv[5]),
			  atol(argv[6]), atof(argv[7]));
	} else if (strcmp(what, "pack") == 0 && argc == 6) {
		open_data(&data, argv[2]);
		run_pack(&data, atol(argv[3]), atoi(argv[4]), atoi(argv[5]));
	} else {
		fprintf(stderr, "heap: wrong arguments, see heap.c\n");
		return 2;
	}
	return nr_wrong != 0;
}
