// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compression streams of zcache
 *
 * A stream is a transform of the crypto API and a buffer for the result. Each CPU
 * has one; a mutex, not disabled preemption, keeps its users apart, for they may be
 * moved to another CPU in between. Nothing is allocated under the mutex: it is taken
 * in reclaim.
 *
 * A stream is made when its CPU first comes up and then stays: a task that is
 * moved away while its old CPU goes down may go on using it. If a CPU comes up
 * and there is no memory for its stream, its tasks borrow that of another CPU.
 *
 * It is the plain interface to compressors (crypto_comp): from one buffer to another,
 * and synchronous, for waiting for hardware in the middle of reclaim could take for
 * ever. The one for requests (acomp) does the same work by the same code, but holds a
 * spinlock meanwhile, which keeps the CPU from others, and has 256 KiB of buffers for
 * each CPU.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/cpuhotplug.h>
#include <linux/crypto.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/uaccess.h>

#include "zcache.h"

/* A compressor may write more than it read before it notices. */
#define ZCACHE_BUFFER_SIZE	(2 * PAGE_SIZE)

/* Behind the result: a copy of what is compressed. */
#define ZCACHE_COPY_OFFSET	ZCACHE_BUFFER_SIZE

/**
 * struct zcache_stream - what one compression or decompression needs
 * @lock: held from zcache_stream_get() to zcache_stream_put()
 * @tfm: the transform, NULL as long as there is no stream
 * @buffer: the result, ZCACHE_BUFFER_SIZE bytes, and room for a page
 */
struct zcache_stream {
	struct mutex lock;	/* from get to put */
	struct crypto_comp *tfm;
	u8 *buffer;
};

static DEFINE_PER_CPU(struct zcache_stream, zcache_streams);

/* State of the CPU hotplug callback, 0 while there are no streams. */
static int zcache_cpuhp_state;

/* What the streams that are made compress with. */
static char zcache_streams_name[CRYPTO_MAX_ALG_NAME];

static void zcache_stream_free(struct zcache_stream *stream)
{
	if (!stream->tfm)
		return;
	crypto_free_comp(stream->tfm);
	kfree(stream->buffer);
	stream->tfm = NULL;
	stream->buffer = NULL;
}

/* Publish a stream only when all of it is there: @tfm is set last. */
static int zcache_stream_alloc(struct zcache_stream *stream, unsigned int cpu)
{
	struct crypto_comp *tfm;
	u8 *buffer;

	buffer = kmalloc_node(ZCACHE_BUFFER_SIZE + PAGE_SIZE, GFP_KERNEL,
			      cpu_to_node(cpu));
	if (!buffer)
		return -ENOMEM;
	tfm = crypto_alloc_comp(zcache_streams_name, 0, 0);
	if (IS_ERR(tfm)) {
		kfree(buffer);
		return PTR_ERR(tfm);
	}
	mutex_lock(&stream->lock);
	stream->buffer = buffer;
	WRITE_ONCE(stream->tfm, tfm);
	mutex_unlock(&stream->lock);
	return 0;
}

/* A CPU must come up even if there is no memory for its stream. */
static int zcache_stream_prepare(unsigned int cpu)
{
	struct zcache_stream *stream = per_cpu_ptr(&zcache_streams, cpu);

	if (!stream->tfm && zcache_stream_alloc(stream, cpu))
		pr_warn("no memory for CPU %u: it borrows the buffers of another\n",
			cpu);
	return 0;
}

static struct zcache_stream *zcache_any_stream(void)
{
	struct zcache_stream *stream;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		stream = per_cpu_ptr(&zcache_streams, cpu);
		if (READ_ONCE(stream->tfm))
			return stream;
	}
	return NULL;
}

/**
 * zcache_streams_setup() - once, at boot
 */
void __init zcache_streams_setup(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		mutex_init(&per_cpu_ptr(&zcache_streams, cpu)->lock);
}

/**
 * zcache_streams_start() - make the streams
 * @compressor: name of the algorithm, as checked by zcache_compressor_check()
 *
 * Context: May sleep. No page is stored, or @compressor is the one in use.
 * Return: 0, or -errno with no stream made.
 */
int zcache_streams_start(const char *compressor)
{
	int err;

	if (zcache_cpuhp_state && !strcmp(compressor, zcache_streams_name))
		return 0;
	zcache_streams_stop();
	strscpy(zcache_streams_name, compressor);
	err = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "mm/zcache:prepare",
				zcache_stream_prepare, NULL);
	if (err < 0)
		return err;
	zcache_cpuhp_state = err;
	if (zcache_any_stream())
		return 0;
	zcache_streams_stop();
	return -ENOMEM;
}

/**
 * zcache_streams_stop() - free the streams
 *
 * Context: May sleep. No page is stored and no store is in flight.
 */
void zcache_streams_stop(void)
{
	unsigned int cpu;

	if (!zcache_cpuhp_state)
		return;
	cpuhp_remove_state_nocalls(zcache_cpuhp_state);
	zcache_cpuhp_state = 0;
	for_each_possible_cpu(cpu)
		zcache_stream_free(per_cpu_ptr(&zcache_streams, cpu));
}

/* What to offer to someone who asked for a compressor that there is not. */
static void zcache_list_compressors(char *buf, size_t size)
{
	static const char * const known[] = {
		"lzo", "lzo-rle", "lz4", "lz4hc", "zstd", "deflate", "842",
	};
	unsigned int i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (crypto_has_comp(known[i], 0, 0))
			len += scnprintf(buf + len, size - len, " %s",
					 known[i]);
}

/**
 * zcache_compressor_check() - can this compressor be used?
 * @compressor: name of the algorithm
 *
 * Says in the log what is wrong and what there is.
 *
 * Context: May sleep and load modules.
 * Return: 0; -ENOENT if there is no such compressor, or only an asynchronous one;
 * another -errno if it cannot be set up.
 */
int zcache_compressor_check(const char *compressor)
{
	struct crypto_comp *tfm;
	char available[96];

	if (!crypto_has_comp(compressor, 0, 0)) {
		zcache_list_compressors(available, sizeof(available));
		pr_err("compressor '%s' is not known; available:%s; default: %s\n",
		       compressor, available, ZCACHE_DEFAULT_COMPRESSOR);
		return -ENOENT;
	}
	tfm = crypto_alloc_comp(compressor, 0, 0);
	if (IS_ERR(tfm)) {
		pr_err("compressor '%s' cannot be set up: error %ld\n",
		       compressor, PTR_ERR(tfm));
		return PTR_ERR(tfm);
	}
	crypto_free_comp(tfm);
	return 0;
}

/**
 * zcache_stream_get() - take a stream
 *
 * Context: May sleep, in reclaim too. Nothing may be allocated before
 * zcache_stream_put().
 * Return: a stream; there always is one while stores or loads can run.
 */
struct zcache_stream *zcache_stream_get(void)
{
	struct zcache_stream *stream = raw_cpu_ptr(&zcache_streams);

	/* A stream that is there stays, so this may be tested without @lock. */
	if (unlikely(!READ_ONCE(stream->tfm)))
		stream = zcache_any_stream();
	mutex_lock(&stream->lock);
	return stream;
}

/**
 * zcache_stream_put() - let a stream go
 * @stream: the stream
 */
void zcache_stream_put(struct zcache_stream *stream)
{
	mutex_unlock(&stream->lock);
}

/*
 * A clean page that is thrown away is not read by anyone else. If its memory is
 * bad, reading it where a machine check cannot be handled would end the system
 * for a page that nobody needs. Only some architectures can handle it at all.
 */
static void *zcache_copy_unread(struct zcache_stream *stream, struct page *page)
{
	void *copy = stream->buffer + ZCACHE_COPY_OFFSET;
	void *src = kmap_local_page(page);
	unsigned long left = copy_mc_to_kernel(copy, src, PAGE_SIZE);

	kunmap_local(src);
	return left ? NULL : copy;
}

/**
 * zcache_compress() - compress a page
 * @stream: taken by the caller
 * @page: the page; it may change meanwhile
 * @unread: nobody else would read the page: expect that its memory is bad
 * @dst: where the address of the result is put; valid until the stream goes
 * @len: where its length is put, in bytes
 *
 * Context: May sleep.
 * Return: 0; -E2BIG if it is no smaller than worth keeping; -EHWPOISON if the
 * memory of the page is bad; another -errno if the compressor failed.
 */
int zcache_compress(struct zcache_stream *stream, struct page *page,
		    bool unread, const void **dst, unsigned int *len)
{
	void *copy = NULL, *src;
	int err;

	if (unread && IS_ENABLED(CONFIG_ARCH_HAS_COPY_MC)) {
		copy = zcache_copy_unread(stream, page);
		if (!copy)
			return -EHWPOISON;
	}
	src = kmap_local_page(page);
	*len = ZCACHE_BUFFER_SIZE;
	err = crypto_comp_compress(stream->tfm, copy ?: src, PAGE_SIZE,
				   stream->buffer, len);
	kunmap_local(src);
	if (err)
		return err;
	*dst = stream->buffer;
	return *len > ZBUD_MAX_SIZE ? -E2BIG : 0;
}

/* A zpage across two pages goes through the buffer. */
static const void *zcache_in_one_piece(struct zcache_stream *stream,
				       const struct zbud_zpage *zpage)
{
	if (!zpage->part[1].len)
		return zpage->part[0].addr;
	memcpy(stream->buffer, zpage->part[0].addr, zpage->part[0].len);
	memcpy(stream->buffer + zpage->part[0].len, zpage->part[1].addr,
	       zpage->part[1].len);
	return stream->buffer;
}

/**
 * zcache_decompress() - decompress a zpage
 * @stream: taken by the caller
 * @zpage: the zpage, pinned
 * @page: where it goes
 *
 * Context: May sleep; allocates nothing.
 * Return: 0, or -EIO if the result is not exactly a page.
 */
int zcache_decompress(struct zcache_stream *stream,
		      const struct zbud_zpage *zpage, struct page *page)
{
	const void *src = zcache_in_one_piece(stream, zpage);
	unsigned int len = PAGE_SIZE;
	void *dst;
	int err;

	dst = kmap_local_page(page);
	err = crypto_comp_decompress(stream->tfm, src, zpage->len, dst, &len);
	kunmap_local(dst);
	flush_dcache_page(page);
	return err || len != PAGE_SIZE ? -EIO : 0;
}
