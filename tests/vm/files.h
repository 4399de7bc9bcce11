/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios about files share: file systems on disks of their own,
 * files whose every byte is known, ways to push their pages out, devices that
 * fail.
 *
 * There are two sorts of files. Large ones hold page_make(seed, page number,
 * 0), nothing of them needs to be remembered. Small ones have a model in
 * locked memory that every change is made to as well.
 */
#ifndef VM_FILES_H
#define VM_FILES_H

#include <sys/types.h>
#include "lib.h"

/* What a file system can do. */
enum {
	KEPT		= 1 << 0,	/* its clean pages may be kept */
	DIRECT_IO	= 1 << 1,
	PUNCH		= 1 << 2,
	ZERO_RANGE	= 1 << 3,
	SHIFT		= 1 << 4,	/* collapse and insert range */
	CLONE		= 1 << 5,
	PREALLOC	= 1 << 6,
	READ_ONLY	= 1 << 7,
};

/**
 * struct fs - a file system with a disk of its own, or in memory
 * @name: of the disk, /dev/fs-NAME, and of the folder where it is mounted
 * @type: for mount()
 * @options: for mount()
 * @block: bytes
 * @can: what it can do
 * @read_block: bytes that it reads for one page
 */
struct fs {
	const char *name;
	const char *type;
	const char *options;
	unsigned long block;
	unsigned int can;
	unsigned long read_block;
};

const struct fs *fs_find(const char *name);
void mkdir_fs(const struct fs *fs);	/* where it will be mounted */
void fs_mount(const struct fs *fs);
void fs_mount_device(const struct fs *fs, const char *device);
void fs_umount(const struct fs *fs);
void fs_remount(const struct fs *fs);	/* umount and mount */
char *fs_path(const struct fs *fs, const char *name);
unsigned long fs_pages_read(const struct fs *fs);	/* from its disk, so far */
const struct fs *fs_start(const char *name);	/* mount, store all that is clean */
/* A folder whose files are encrypted, with a key that is made up. */
#define LOCKED_DIR "locked"
void fs_encrypt(const struct fs *fs);
void fs_reset(void);			/* what a failed scenario left */

/* How a page is read or written. */
enum way { READ, MMAP, SPLICE, DIRECT, ASYNC };

#define LOG_LINES 12

/**
 * struct file - a file of known content
 * @fs: where
 * @path: where
 * @fd: through the page cache
 * @direct: past it (-1: not possible)
 * @map: all of it, for eviction and access by memory
 * @model: what it must hold; NULL for a large file
 * @max: pages that it may grow to
 * @size: bytes
 * @seed: of its content
 * @kinds: what its pages may look like
 * @version: of the last change
 * @log: what was done to it last
 * @line: the next one of @log
 */
struct file {
	const struct fs *fs;
	char path[96];
	int fd;
	int direct;
	unsigned char *map;
	unsigned char *model;
	unsigned long max;
	unsigned long size;
	uint64_t seed;
	unsigned int kinds;
	uint32_t version;
	char log[LOG_LINES][64];
	unsigned int line;
};

void file_create(struct file *f, const struct fs *fs, const char *name,
		 unsigned long max, unsigned int kinds);
void file_create_large(struct file *f, const struct fs *fs, const char *name,
		       unsigned long pages, unsigned int kinds);
void file_adopt_large(struct file *f, const struct fs *fs, const char *name,
		      unsigned long pages, unsigned int kinds, uint64_t seed);
void file_open(struct file *f);
void file_close(struct file *f);
void file_delete(struct file *f);
unsigned long file_pages(const struct file *f);	/* up to its end */
void file_note(struct file *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Changes, of the file and of the model. */
void file_content(struct file *f, void *buf, unsigned long at,
		  unsigned long len);
void file_model_write(struct file *f, const void *data, unsigned long at,
		      unsigned long len);
void file_write(struct file *f, unsigned long at, unsigned long len,
		enum way way);
void file_fill(struct file *f, unsigned long pages);
void file_truncate(struct file *f, unsigned long size);
void file_fallocate(struct file *f, int mode, unsigned long at,
		    unsigned long len);
void file_sync(struct file *f);
void file_clone(struct file *from, struct file *to);

/* Comparison. Each page that is compared counts as verified. */
void file_check_page(struct file *f, unsigned long nr, const void *got,
		     const char *how);
void file_verify_page(struct file *f, unsigned long nr, enum way way);
void file_verify(struct file *f, enum way way);
void file_verify_all(struct file *f);	/* cache, memory, disk */

/* Pushing out. file_evict() writes out before, file_pageout() does not. */
unsigned long file_cached(struct file *f, unsigned long first,
			  unsigned long nr);
void file_pageout(struct file *f, unsigned long first, unsigned long nr);
void file_leave(struct file *f, unsigned long first, unsigned long nr);
						/* clean pages, out of memory */
void file_evict(struct file *f);		/* all, what is dirty is written */
void file_evict_range(struct file *f, unsigned long first, unsigned long nr);
void file_evict_stored(struct file *f);	/* and see that copies were made */
void drop_caches(void);
void balloon(unsigned long leave);
void hold_memory(unsigned long pages);
void take_memory(unsigned long pages);	/* and give it back */
void squeeze(unsigned int percent);	/* of what is left */

/* An asynchronous write past the page cache, in two steps. */
struct aio {
	unsigned long context;
	bool busy;
};
void aio_begin(struct aio *aio, int fd, const void *buf, unsigned long at,
	       unsigned long len);
long aio_end(struct aio *aio);	/* bytes written or -errno */
void *dio_buffer(void);		/* DIO_MAX bytes, aligned */
#define DIO_MAX (64 * PAGE)

/* Devices that can be made to fail, on top of those of file systems. */
void dm_make(const char *name, const struct fs *fs);
void dm_switch(const char *name, const struct fs *fs, const char *target,
	       const char *options);
void dm_remove(const char *name);
char *dm_path(const char *name);

/* Counters and knobs. */
#define CC_DEBUG "/sys/kernel/debug/cleancache/"
void cc_set(const char *knob, long value);
void cc_none_stored(const char *when);

int files_make(const char *dir);	/* on the host, for read-only images */

/* In the images that the host makes. */
#define BIG_FILE	"big"
#define BIG_SEED	0x6269676269676269ULL
#define BIG_PAGES	PAGES(96)
#define BIG_KINDS	(HEAP | TEXT | SAME)
#define ODD_FILES	24UL
unsigned long odd_size(unsigned long nr);

/* /dev/loop0. */
void loop_attach(const char *file, int flags);
void loop_detach(void);

#endif /* VM_FILES_H */
