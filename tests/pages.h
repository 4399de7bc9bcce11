/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages for tests: by kind and number, so the same page can be made again.
 */
#ifndef _MM_TMEM_TESTS_PAGES_H
#define _MM_TMEM_TESTS_PAGES_H

#include <asm/sections.h>
#include <linux/string.h>

#include "model.h"

enum page_kind {
	PAGE_TEXT,	/* like source code */
	PAGE_HEAP,	/* like structures of a program: pointers, small numbers */
	PAGE_CODE,	/* real: the code of this kernel */
	PAGE_SPARSE,	/* a few bytes in zeroes */
	PAGE_HALF,	/* one half random, the other text */
	PAGE_RANDOM,	/* does not compress */
};

static void page_random(struct model *m, u8 *to, unsigned int len)
{
	unsigned int at;
	u64 word;

	for (at = 0; at + sizeof(word) <= len; at += sizeof(word)) {
		word = model_random(m);
		memcpy(to + at, &word, sizeof(word));
	}
}

static void page_text(struct model *m, u8 *to, unsigned int len)
{
	static const char * const words[] = {
		"if (", "return ", "struct ", "unsigned int ", "static ",
		"->", ";\n\t", ";\n\t\t", ") {\n\t", "}\n\n", " = ", " == ",
		"NULL", "page", "folio", "list", "index", "lock(&", "unlock(&",
		"err", "goto out", "const ", "void ", "u64 ", "flags", "size",
		"/* ", " */\n", "for (i = 0; i < nr; i++)", "sizeof(*", ", ",
		"count", "next", "prev", "state", "node", "zone", "EXPORT_",
	};
	unsigned int names = 1 + model_below(m, 6);
	unsigned int at = 0, n;
	const char *word;

	while (at < len) {
		/* Some words are frequent, some pages full of names. */
		n = model_below(m, 1 + model_below(m, ARRAY_SIZE(words)));
		word = words[n];
		while (*word && at < len)
			to[at++] = *word++;
		for (n = model_below(m, names); n && at < len; n--)
			to[at++] = 'a' + model_below(m, 26);
	}
}

static void page_heap(struct model *m, u8 *to, unsigned int len)
{
	u64 base = 0x00007f0000000000ULL | (model_random(m) & 0xffff000000ULL);
	unsigned int at;
	u64 word;

	for (at = 0; at + sizeof(word) <= len; at += sizeof(word)) {
		switch (model_below(m, 8)) {
		case 0 ... 1:	/* a pointer */
			word = base + (model_random(m) & 0xfffff0);
			break;
		case 2:		/* two small numbers */
			word = model_below(m, 100) |
			       (u64)model_below(m, 4) << 32;
			break;
		case 3:		/* flags */
			word = 1ULL << model_below(m, 16);
			break;
		case 4:		/* part of a string */
			page_text(m, (u8 *)&word, sizeof(word));
			break;
		default:
			word = 0;
		}
		memcpy(to + at, &word, sizeof(word));
	}
}

static void page_sparse(struct model *m, u8 *to, unsigned int len)
{
	unsigned int n = 1 + model_below(m, 40);

	memset(to, 0, len);
	while (n--)
		to[model_below(m, len)] = model_random(m);
}

static void page_code(u8 *to, u64 nr)
{
	unsigned long pages = (_etext - _stext) / PAGE_SIZE;

	memcpy(to, _stext + (nr % pages) * PAGE_SIZE, PAGE_SIZE);
}

/* Make the @nr-th page of a kind. */
static void page_make(enum page_kind kind, u64 nr, u8 *to)
{
	struct model m;

	model_start(&m, nr * 64 + kind, 0);
	switch (kind) {
	case PAGE_TEXT:
		return page_text(&m, to, PAGE_SIZE);
	case PAGE_HEAP:
		return page_heap(&m, to, PAGE_SIZE);
	case PAGE_CODE:
		return page_code(to, nr);
	case PAGE_SPARSE:
		return page_sparse(&m, to, PAGE_SIZE);
	case PAGE_HALF:
		page_random(&m, to, PAGE_SIZE / 2);
		return page_text(&m, to + PAGE_SIZE / 2, PAGE_SIZE / 2);
	case PAGE_RANDOM:
		return page_random(&m, to, PAGE_SIZE);
	}
}

/* The @nr-th page that compresses to about @size bytes. */
static void page_of_size(u64 nr, unsigned int size, u8 *to)
{
	/* What the compressor adds to that which it cannot compress. */
	unsigned int noise = size - min(size, 24 + size / 256);
	struct model m;

	model_start(&m, nr, 0);
	page_random(&m, to, noise);
	memset(to + noise / 8 * 8, 0, PAGE_SIZE - noise / 8 * 8);
	to[PAGE_SIZE - 1] = 1;	/* never same-filled */
}

#endif /* _MM_TMEM_TESTS_PAGES_H */
