// SPDX-License-Identifier: GPL-2.0
/*
 * xref: tells from memory where the words of a source tree are used.
 *
 * It does what a code search server or the index of an editor does: reads all
 * sources once, notes every use of every word on the heap, and then answers
 * from there. The answers to one question lie all over the heap.
 *
 * Usage: xref LIST MIB	in the folder that the paths in LIST start from
 *
 * Indexes the files of LIST in this order until MIB of heap are in use, then
 * reads commands from standard input:
 *
 *	ask FILE MAX	for every word of FILE that has 2 to MAX uses, once per
 *			word: list its uses, and read the text of the latest
 *			one from disk. Reports numbers and a hash of all that.
 *	verify		read all sources again and take every use off the index;
 *			each must be exactly what the source says. Then end.
 *
 * Each step reports with one line, after lines that begin with "progress". The
 * same files give the same answers on every machine, so a run where memory is
 * plenty tells what is right.
 */
#include <ctype.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS		(1u << 19)
#define LINE_SIZE	512
#define PAGE		4096
#define FNV_START	0xcbf29ce484222325u
#define FNV_PRIME	0x100000001b3u

struct file {
	struct file *older;
	uint64_t hash;		/* of the path */
	uint32_t tokens;
	uint32_t listed;	/* how often it was part of an answer */
	char path[];
};

/* One use of a word; the latest comes first. */
struct use {
	struct use *older;
	struct file *file;
	uint32_t line;
	uint32_t column;
};

struct word {
	struct word *next;	/* in the bucket */
	struct use *latest;
	uint64_t hash;
	uint32_t uses;
	uint16_t len;
	bool asked;
	char text[];
};

/* A word where it stands in a source text. */
struct token {
	const char *text;
	uint32_t len;
	uint32_t line;
	uint32_t column;
};

/* The words of one source file, in order. */
struct source {
	char *text;
	size_t text_size;
	struct token *tokens;
	size_t max_tokens;
	size_t nr_tokens;
};

struct answers {
	uint64_t uses;
	uint64_t hash;
};

static struct word *buckets[BUCKETS];
static struct file *last_file;
static size_t heap = sizeof(buckets);
static uint64_t nr_files, nr_words, nr_uses;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "xref: %s%s%s\n", what, name ? ": " : "",
		name ? name : "");
	exit(1);
}

/* Memory of the index. */
static void *take(size_t size)
{
	void *mem = malloc(size);

	if (!mem)
		die("out of memory", NULL);
	heap += malloc_usable_size(mem) + sizeof(size_t);
	return mem;
}

/* Memory for the source at hand. */
static void *grow(void *mem, size_t size)
{
	mem = realloc(mem, size);
	if (!mem)
		die("out of memory", NULL);
	return mem;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		hash = (hash ^ *p++) * FNV_PRIME;
	return hash;
}

static uint64_t hash_text(const char *text)
{
	return hash_bytes(FNV_START, text, strlen(text));
}

/* One line at most every two seconds. */
static void progress(uint64_t done, uint64_t total)
{
	static time_t last;
	time_t t = time(NULL);

	if (t < last + 2)
		return;
	last = t;
	printf("progress %lu %lu\n", done, total);
	fflush(stdout);
}

static FILE *open_file(const char *path)
{
	FILE *in = fopen(path, "r");

	if (!in)
		die("cannot read", path);
	return in;
}

static size_t read_text(struct source *src, const char *path)
{
	FILE *in = open_file(path);
	size_t len = 0;

	do {
		if (len == src->text_size) {
			src->text_size += 1 << 16;
			src->text = grow(src->text, src->text_size);
		}
		len += fread(src->text + len, 1, src->text_size - len, in);
	} while (len == src->text_size);
	fclose(in);
	return len;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void add_token(struct source *src, struct token token)
{
	if (src->nr_tokens == src->max_tokens) {
		src->max_tokens += 1 << 12;
		src->tokens = grow(src->tokens, src->max_tokens *
				   sizeof(*src->tokens));
	}
	src->tokens[src->nr_tokens++] = token;
}

/* The result is good until the next call. */
static const struct source *read_source(const char *path)
{
	static struct source src;
	size_t len = read_text(&src, path);
	const char *end = src.text + len;
	const char *line_start = src.text;
	uint32_t line = 1;

	src.nr_tokens = 0;
	for (const char *p = src.text; p < end; p++) {
		const char *start = p;

		while (p < end && in_word(*p))
			p++;
		if (p > start)
			add_token(&src, (struct token){ start, p - start, line,
						start - line_start });
		if (p < end && *p == '\n') {
			line++;
			line_start = p + 1;
		}
	}
	return &src;
}

static uint64_t hash_token(const struct token *token)
{
	return hash_bytes(FNV_START, token->text, token->len);
}

static struct word *find_word(const struct token *token)
{
	uint64_t hash = hash_token(token);
	struct word *word = buckets[hash % BUCKETS];

	while (word && (word->hash != hash || word->len != token->len ||
			memcmp(word->text, token->text, token->len)))
		word = word->next;
	return word;
}

static struct word *add_word(const struct token *token)
{
	struct word *word = take(sizeof(*word) + token->len);
	struct word **bucket;

	memcpy(word->text, token->text, token->len);
	word->len = token->len;
	word->hash = hash_token(token);
	word->latest = NULL;
	word->uses = 0;
	word->asked = false;
	bucket = &buckets[word->hash % BUCKETS];
	word->next = *bucket;
	*bucket = word;
	nr_words++;
	return word;
}

static struct file *add_file(const char *path)
{
	size_t size = strlen(path) + 1;
	struct file *file = take(sizeof(*file) + size);

	memcpy(file->path, path, size);
	file->hash = hash_text(path);
	file->tokens = 0;
	file->listed = 0;
	file->older = last_file;
	last_file = file;
	nr_files++;
	return file;
}

static void add_use(struct file *file, const struct token *token)
{
	struct word *word = find_word(token);
	struct use *use = take(sizeof(*use));

	if (!word)
		word = add_word(token);
	use->file = file;
	use->line = token->line;
	use->column = token->column;
	use->older = word->latest;
	word->latest = use;
	word->uses++;
	file->tokens++;
	nr_uses++;
}

static void index_files(const char *list, size_t limit)
{
	FILE *in = open_file(list);
	char path[LINE_SIZE];

	while (heap < limit && fgets(path, sizeof(path), in)) {
		const struct source *src;
		struct file *file;

		path[strcspn(path, "\n")] = '\0';
		src = read_source(path);
		file = add_file(path);
		for (size_t i = 0; i < src->nr_tokens; i++)
			add_use(file, &src->tokens[i]);
		progress(heap >> 20, limit >> 20);
	}
	fclose(in);
	if (heap < limit)
		die("the sources fill less heap than was asked for", list);
	printf("indexed files=%lu words=%lu uses=%lu heap_mib=%zu\n",
	       nr_files, nr_words, nr_uses, heap >> 20);
}

/* The text of the line that @use is on. */
static uint64_t hash_line_of(const struct use *use)
{
	FILE *in = open_file(use->file->path);
	char text[LINE_SIZE] = "";
	uint32_t line = 1;

	while (fgets(text, sizeof(text), in) && line < use->line)
		line += strchr(text, '\n') != NULL;
	fclose(in);
	return hash_text(text);
}

static void answer(struct word *word, struct answers *answers)
{
	for (struct use *use = word->latest; use; use = use->older) {
		uint64_t place[] = {
			word->hash, use->file->hash, use->line, use->column
		};

		use->file->listed++;
		answers->uses++;
		answers->hash += hash_bytes(FNV_START, place, sizeof(place));
	}
	answers->hash += hash_line_of(word->latest);
}

/* The words of a file to ask about, each one once. */
static size_t choose_words(const char *path, uint32_t max, struct word ***out)
{
	const struct source *src = read_source(path);
	struct word **chosen = grow(NULL, (src->nr_tokens + 1) *
				    sizeof(*chosen));
	size_t nr = 0;

	for (size_t i = 0; i < src->nr_tokens; i++) {
		struct word *word = find_word(&src->tokens[i]);

		if (!word || word->asked || word->uses < 2 || word->uses > max)
			continue;
		word->asked = true;
		chosen[nr++] = word;
	}
	*out = chosen;
	return nr;
}

static void ask(const char *path, uint32_t max)
{
	struct answers answers = { 0 };
	struct word **chosen;
	size_t nr = choose_words(path, max, &chosen);

	for (size_t i = 0; i < nr; i++) {
		answer(chosen[i], &answers);
		progress(i, nr);
	}
	free(chosen);
	printf("answered questions=%zu uses=%lu hash=%016lx\n", nr,
	       answers.uses, answers.hash);
}

/* The latest use must be the one that the source tells. Take it off. */
static bool unwind(const struct file *file, const struct token *token)
{
	struct word *word = find_word(token);
	struct use *use = word ? word->latest : NULL;

	if (!use || use->file != file || use->line != token->line ||
	    use->column != token->column)
		return false;
	word->latest = use->older;
	return true;
}

static bool unwind_file(const struct file *file)
{
	const struct source *src = read_source(file->path);
	size_t nr = src->nr_tokens;

	if (nr != file->tokens)
		return false;
	while (nr && unwind(file, &src->tokens[nr - 1]))
		nr--;
	return nr == 0;
}

/* Backwards through the sources, since the lists have the latest use first. */
static void verify(void)
{
	const struct file *file = last_file;
	uint64_t done = 0;

	while (file && unwind_file(file)) {
		progress(++done, nr_files);
		file = file->older;
	}
	if (file || done != nr_files)
		printf("wrong file=%s\n", file ? file->path : "(missing)");
	else
		printf("verified uses=%lu pages=%zu\n", nr_uses, heap / PAGE);
	exit(done != nr_files);
}

int main(int argc, char **argv)
{
	char line[LINE_SIZE], path[LINE_SIZE];
	unsigned int max;

	if (argc != 3 || atol(argv[2]) < 1)
		die("usage: xref LIST MIB", NULL);
	index_files(argv[1], (size_t)atol(argv[2]) << 20);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "ask %511s %u", path, &max) == 2)
			ask(path, max);
		else if (strcmp(line, "verify\n") == 0)
			verify();
		else
			die("unknown command", line);
		fflush(stdout);
	}
	return 0;
}
