// SPDX-License-Identifier: GPL-2.0
/*
 * Reading: files larger than memory, by every way that leads to a page, on the
 * file systems whose pages are kept and on those that are left alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fscrypt.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"

/* Small enough for an emulated CPU: memory for ROOM, and what the kernel keeps free. */
#define ROOM	PAGES(env.uml ? 8 : 7)
#define LARGE	PAGES(env.uml ? 40 : 18)
#define SOME	256UL

struct readers {
	const struct file *file;
	struct box box;
	unsigned long *requests;	/* shared by all of them */
	unsigned long enough;		/* so many at least */
	enum way way;
};

/* Has descriptors and a mapping of its own. */
static void reader(void *arg)
{
	const struct readers *all = arg;
	struct box limit = box_start(20);
	struct file f = *all->file;
	struct rng rng;

	rng_init(&rng, 400 + all->way);
	file_open(&f);
	posix_fadvise(f.fd, 0, 0, POSIX_FADV_RANDOM);
	do {
		file_verify_page(&f, rng_below(&rng, f.max), all->way);
	} while ((__atomic_add_fetch(all->requests, 1, __ATOMIC_RELAXED) <
		  all->enough || box_open(&all->box)) && box_open(&limit));
	file_close(&f);
}

/* Returns the number of pages that were asked for. */
static unsigned long read_randomly(struct file *f, double seconds,
				   unsigned long enough, bool push)
{
	struct readers all = { .file = f, .box = box_start(seconds),
			       .enough = enough };
	unsigned long requests;
	struct rng rng;
	int pids[3];

	rng_init(&rng, 410);
	all.requests = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (all.way = READ; all.way <= SPLICE; all.way++)
		pids[all.way] = spawn(reader, &all);
	/* What is cached must go now and then, however much memory there is. */
	while (push && box_open(&all.box)) {
		nap(50);
		file_pageout(f, rng_below(&rng, f->max), f->max / 4);
	}
	for (all.way = READ; all.way <= SPLICE; all.way++)
		join(pids[all.way]);
	requests = *all.requests;
	munmap(all.requests, PAGE);
	return requests;
}

/* Files of which a page ends in zeros, or that have none. */
static void odd_files(const struct fs *fs)
{
	struct file f;
	char name[32];
	unsigned long i;
	enum way way;

	for (i = 0; i < ODD_FILES; i++) {
		snprintf(name, sizeof(name), "odd%lu", i);
		file_adopt_large(&f, fs, name, odd_size(i) / PAGE + 1, MIXED,
				 BIG_SEED + 1 + i);
		f.size = odd_size(i);
		for (way = READ; way <= SPLICE; way++) {
			file_verify(&f, way);
			file_evict(&f);
		}
		file_close(&f);
	}
}

/* What was pushed out comes back, and not from the disk. */
static void without_disk(struct file *f)
{
	unsigned long reads, nr;
	long hits;

	for (nr = 0; nr < SOME; nr++)
		file_verify_page(f, nr, READ);
	file_evict_range(f, 0, SOME);
	hits = zc_file("hits");
	reads = fs_pages_read(f->fs);
	for (nr = 0; nr < SOME; nr++)
		file_verify_page(f, nr, nr & 1 ? READ : MMAP);
	hits = zc_file("hits") - hits;
	reads = fs_pages_read(f->fs) - reads;
	say("%s: %ld hits of %lu, %lu pages from disk", f->fs->name, hits, SOME,
	    reads);
	zexpect(hits > (long)SOME * 3 / 4, "only %ld of %lu pages came back",
		hits, SOME);
	zexpect(reads < SOME / 4, "%lu pages were read from disk, %lu asked for",
		reads, SOME);
}

static void under_pressure(struct file *f)
{
	unsigned long reads = fs_pages_read(f->fs), requests;
	long hits = zc_file("hits"), misses = zc_file("misses");
	long stores = zc_file("stores"), kswapd = vmstat("pgsteal_kswapd");
	long direct = vmstat("pgsteal_direct");

	balloon(ROOM);
	requests = read_randomly(f, env.uml ? 2 : 3, LARGE, true);
	hits = zc_file("hits") - hits;
	misses = zc_file("misses") - misses;
	reads = fs_pages_read(f->fs) - reads;
	say("%s: %lu requests, %ld hits, %ld misses, %lu pages from disk",
	    f->fs->name, requests, hits, misses, reads);
	say("%s: %ld stores, %ld without a frame, reclaimed %ld by kswapd, %ld by others, pool %ld",
	    f->fs->name, zc_file("stores") - stores, zc_file("reject_frame"),
	    vmstat("pgsteal_kswapd") - kswapd,
	    vmstat("pgsteal_direct") - direct, zc_pool("pool_pages"));
	/*
	 * For a page that is missed a block of up to so many is read; and
	 * metadata, which leaves memory as well.
	 */
	zexpect(reads < misses * f->fs->read_block / PAGE * 5 / 4 + requests / 20,
		"%lu pages were read from disk for %ld misses", reads, misses);
	zexpect(hits > 50, "only %ld hits", hits);
}

static void read_kept(const char *name)
{
	const struct fs *fs = fs_start(name);
	struct file f;

	if (fs->can & READ_ONLY)
		file_adopt_large(&f, fs, BIG_FILE, LARGE, BIG_KINDS, BIG_SEED);
	else
		file_create_large(&f, fs, "large", LARGE, BIG_KINDS);
	without_disk(&f);
	if (fs->can & READ_ONLY)
		odd_files(fs);
	under_pressure(&f);
	file_close(&f);
	if (!(fs->can & READ_ONLY))
		unlink(f.path);
	fs_umount(fs);
	cc_none_stored("after umount");
}

#define READ_KEPT(id, name)						\
	SCENARIO(id, 120, "", "a file larger than memory on " name	\
		 ": read, mmap, splice; pages come back without the disk") \
	{ read_kept(name); }

READ_KEPT(fs_read_ext4, "ext4")
READ_KEPT(fs_read_ext4_1k, "ext4-1k")
READ_KEPT(fs_read_xfs, "xfs")
READ_KEPT(fs_read_vfat, "vfat")
READ_KEPT(fs_read_exfat, "exfat")
READ_KEPT(fs_read_isofs, "isofs")
READ_KEPT(fs_read_squashfs, "squashfs")
READ_KEPT(fs_read_erofs, "erofs")

/* ---- Left alone ---- */

/* @f is read under pressure, and nothing of it is stored. */
static void read_alone(struct file *f, const char *what)
{
	long stores = zc_file("stores"), stored = zc_file("stored_pages");

	file_verify(f, READ);
	file_evict(f);
	balloon(ROOM);
	read_randomly(f, 1, ROOM, true);
	file_verify(f, READ);
	zcheck(zc_file("stores") == stores && zc_file("stored_pages") <= stored,
	       "%ld pages were stored of %s", zc_file("stores") - stores, what);
}

static void alone_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	struct file f;

	file_create_large(&f, fs, "alone", ROOM, BIG_KINDS);
	read_alone(&f, name);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

SCENARIO(fs_alone_btrfs, 120, "", "btrfs is left alone, its bytes are right")
{
	alone_on("btrfs");
}

SCENARIO(fs_alone_f2fs, 120, "", "f2fs is left alone, its bytes are right")
{
	alone_on("f2fs");
}

/* Without swap its pages stay where they are. */
SCENARIO(fs_alone_tmpfs, 120, "", "tmpfs is left alone, its bytes are right")
{
	const struct fs *fs = fs_find("tmpfs");
	long stores = zc_file("stores");
	struct file f;

	zc_set("file_admission", "always");
	fs_mount_device(fs, "tmpfs");
	file_create_large(&f, fs, "alone", 1024, MIXED);
	file_pageout(&f, 0, f.max);
	squeeze(70);
	file_verify(&f, READ);
	file_verify(&f, MMAP);
	zcheck(zc_file("stores") == stores, "%ld pages of tmpfs were stored",
	       zc_file("stores") - stores);
	file_close(&f);
	fs_umount(fs);
}

/* A load would skip the verification of a page. */
SCENARIO(fs_verity, 120, "", "a file with fs-verity is left alone")
{
	struct fsverity_enable_arg arg = {
		.version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
		.block_size = 4096,
	};
	const struct fs *fs = fs_start("ext4");
	struct fs sealed = *fs;
	struct file f;
	int fd;

	sealed.can = READ_ONLY;
	file_create_large(&f, fs, "verity", ROOM, BIG_KINDS);
	file_evict_stored(&f);	/* copies from before must not survive */
	file_close(&f);
	fd = open(f.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_ENABLE_VERITY, &arg))
		fail_errno("FS_IOC_ENABLE_VERITY");
	close(fd);
	/* What was cached before may stay so; all the rest is verified. */
	drop_caches();
	f.fs = &sealed;
	file_open(&f);
	read_alone(&f, "a file with fs-verity");
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

void fs_encrypt(const struct fs *fs)
{
	struct {
		struct fscrypt_add_key_arg arg;
		unsigned char raw[64];
	} key = { .arg.raw_size = 64 };
	struct fscrypt_policy_v2 policy = {
		.version = FSCRYPT_POLICY_V2,
		.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
		.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
	};
	int dir;

	memset(key.raw, 0x5a, sizeof(key.raw));
	key.arg.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
	mkdir(fs_path(fs, LOCKED_DIR), 0755);
	dir = open(fs_path(fs, LOCKED_DIR), O_RDONLY | O_CLOEXEC);
	if (dir < 0 || ioctl(dir, FS_IOC_ADD_ENCRYPTION_KEY, &key.arg))
		fail_errno("FS_IOC_ADD_ENCRYPTION_KEY");
	memcpy(policy.master_key_identifier, key.arg.key_spec.u.identifier,
	       FSCRYPT_KEY_IDENTIFIER_SIZE);
	if (ioctl(dir, FS_IOC_SET_ENCRYPTION_POLICY, &policy))
		fail_errno("FS_IOC_SET_ENCRYPTION_POLICY");
	close(dir);
}

SCENARIO(fs_crypt, 120, "", "an encrypted file, read and written under pressure")
{
	const struct fs *fs = fs_start("ext4");
	struct file f;
	unsigned long i;

	fs_encrypt(fs);
	file_create(&f, fs, LOCKED_DIR "/file", 600, HEAP | TEXT);
	file_fill(&f, f.max);
	for (i = 0; i < 4; i++) {
		file_evict(&f);
		file_verify(&f, READ + i % 3);
		file_write(&f, i * 70 * PAGE + 100, 5000, READ);
	}
	balloon(ROOM);
	squeeze(80);
	file_verify_all(&f);
	file_delete(&f);
	rmdir(fs_path(fs, LOCKED_DIR));
	fs_umount(fs);
}

/* ---- Layers and groups ---- */

static void make_folders(const struct fs *fs)
{
	static const char *const names[] = { "lower", "upper", "work" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		mkdir(fs_path(fs, names[i]), 0755);
}

/* The pages belong to the inode below, whatever one looks through. */
SCENARIO(fs_overlay, 120, "",
	 "overlayfs: the lower file, read under pressure, then copied up and written")
{
	const struct fs overlay = { .name = "overlay", .type = "overlay",
				    .block = 4096, .can = KEPT };
	const struct fs *fs = fs_start("ext4");
	struct file lower, upper;
	char options[256], to[96];

	make_folders(fs);
	file_create(&lower, fs, "lower/file", 800, HEAP | TEXT);
	file_fill(&lower, lower.max);
	strcpy(to, fs_path(fs, ""));
	snprintf(options, sizeof(options),
		 "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", to, to,
		 to);
	mkdir_fs(&overlay);
	if (mount("overlay", fs_path(&overlay, ""), "overlay", 0, options))
		fail_errno("mount overlay");
	file_evict_stored(&lower);
	upper = lower;
	upper.fs = &overlay;
	strcpy(upper.path, fs_path(&overlay, "file"));
	/* Opening it for writing copies it up, out of the copies. */
	file_open(&upper);
	upper.model = lower.model;
	file_verify(&upper, READ);
	file_evict(&upper);
	file_verify(&upper, MMAP);
	/* From here on they differ: the lower one keeps what it had. */
	file_close(&lower);
	file_write(&upper, 5 * PAGE + 17, 3 * PAGE, READ);
	file_evict(&upper);
	file_verify(&upper, READ);
	file_close(&upper);
	fs_reset();
}

#define GROUP "files"

static void in_small_group(void *arg)
{
	struct file *f = arg;

	cgroup_enter(GROUP);
	read_randomly(f, 1, PAGES(12), false);
	file_verify(f, READ);
}

/* It may push out its own pages only, and not fill the memory of all others. */
SCENARIO(fs_group, 120, "memcg",
	 "a group too small for the file that it reads: nothing is stored")
{
	const struct fs *fs = fs_start("ext4");
	struct file f;
	long stores;

	file_create_large(&f, fs, "file", PAGES(24), HEAP | TEXT);
	drop_caches();
	cgroup_make(GROUP);
	cgroup_set(GROUP, "memory.max", "6M");
	stores = zc_file("stores");
	join(spawn(in_small_group, &f));
	zcheck(zc_file("stores") == stores, "%ld pages were stored by the limit",
	       zc_file("stores") - stores);
	check(cgroup_event(GROUP, "memory.events", "max") > 0,
	      "the limit was never reached");
	cgroup_remove(GROUP);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}
