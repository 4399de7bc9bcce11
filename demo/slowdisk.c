// SPDX-License-Identifier: GPL-2.0
/*
 * slowdisk: makes the disk images of a virtual machine behave like one disk.
 *
 * Preloaded (LD_PRELOAD) into User Mode Linux or QEMU, whose threads serve the
 * guest's disk with pread() and pwrite() on an image file. The real transfer
 * is done at once, then the thread sleeps until a disk would have been done.
 *
 * The model. All images lie on one disk, which serves one request after the
 * other in the order of arrival: a request starts when the disk is idle and
 * keeps it busy for
 *
 *	seek	unless it continues the one before on the same image, or skips
 *		at most 1 MiB ahead, which costs what passes under the head
 *	request	unless it adjoins the one before in the same direction: the
 *		virtual machine cuts one request into many small transfers
 *	KiB	for every KiB that is moved
 *	flush	for every cache flush, in place of all the above
 *
 * There is no write cache, no reordering in the disk, no rotational position,
 * and a seek costs the same at any distance. It is a model: the figures are
 * given by the user, and results hold for them.
 *
 * Environment:
 *	SLOWDISK		"seek,request,KiB,flush" in nanoseconds
 *	SLOWDISK_IMAGES		"path:path...", at most MAX_DISKS; anything else
 *				the process reads or writes is left alone
 *	SLOWDISK_CONTROL	file to share struct control through
 *	SLOWDISK_CPU		optional: the CPU for threads that wait here, so
 *				that they do not take time from the guest
 *
 * In User Mode Linux the serving process shares memory and thread-local data
 * with the guest kernel. So nothing here may touch errno (every call that is
 * made succeeds or reports otherwise), keep thread-local data, take a lock of
 * libc or use much stack.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_DISKS	2
#define SKIP_MAX	(1L << 20)
/* A sleep ends up to this much late; the rest is spent spinning. */
#define SPIN_NS		60000L
/*
 * What a request takes at most while the disk is fast, in parallel with others:
 * about as much as with a slow SSD. Faster than that, it would look as if keeping
 * pages of it did not pay, and what comes next would begin with that.
 */
#define FAST_NS		150000L

enum direction { READ, WRITE };

/* What run.sh reads and writes. All fields are 64 bits wide. */
struct control {
	_Atomic uint64_t fast;		/* not 0: see FAST_NS, nothing counted */
	_Atomic uint64_t busy_ns;	/* time the disk worked */
	_Atomic uint64_t seeks;
	_Atomic uint64_t flushes;
	struct {
		_Atomic uint64_t requests[2];	/* by direction */
		_Atomic uint64_t bytes[2];
	} disk[MAX_DISKS];
};

static struct {
	int64_t seek, request, kib, flush;
} model;

static struct {
	dev_t dev;
	ino_t ino;
} image[MAX_DISKS];

static int nr_images;
static struct control *control;
static int cpu = -1;

/* The state of the disk, under the lock. */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static int64_t busy_until;
static int last_disk = -1;
static enum direction last_dir;
static int64_t last_end;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void fail(const char *what, const char *value)
{
	fprintf(stderr, "slowdisk: %s: %s\n", what, value ? value : "not set");
	exit(125);
}

static void add_image(const char *path)
{
	struct stat st;

	if (nr_images == MAX_DISKS)
		fail("too many images in SLOWDISK_IMAGES, first too many", path);
	if (stat(path, &st))
		fail("no such image", path);
	image[nr_images].dev = st.st_dev;
	image[nr_images].ino = st.st_ino;
	nr_images++;
}

static void map_control(const char *path)
{
	int fd = path ? open(path, O_RDWR) : -1;
	void *mem;

	if (fd < 0 || ftruncate(fd, sizeof(*control)))
		fail("cannot open SLOWDISK_CONTROL", path);
	mem = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	if (mem == MAP_FAILED)
		fail("cannot map SLOWDISK_CONTROL", path);
	close(fd);
	control = mem;
}

__attribute__((constructor)) static void setup(void)
{
	const char *figures = getenv("SLOWDISK");
	char *images = getenv("SLOWDISK_IMAGES");
	char *path, *next;

	if (!figures)
		return;
	if (sscanf(figures, "%ld,%ld,%ld,%ld", &model.seek, &model.request,
		   &model.kib, &model.flush) != 4)
		fail("SLOWDISK is not \"seek,request,KiB,flush\" in ns", figures);
	if (!images)
		fail("SLOWDISK_IMAGES", NULL);
	images = strdup(images);
	for (path = strtok_r(images, ":", &next); path;
	     path = strtok_r(NULL, ":", &next))
		add_image(path);
	free(images);
	if (getenv("SLOWDISK_CPU"))
		cpu = atoi(getenv("SLOWDISK_CPU"));
	map_control(getenv("SLOWDISK_CONTROL"));
}

/* The number of the modelled disk behind @fd, or -1. */
static int disk_of(int fd)
{
	struct stat st;

	if (!control || fstat(fd, &st))
		return -1;
	for (int i = 0; i < nr_images; i++)
		if (st.st_dev == image[i].dev && st.st_ino == image[i].ino)
			return i;
	return -1;
}

/* Timer slack and CPU belong to a thread; ours are told apart by number. */
static void prepare_thread(void)
{
	static _Atomic pid_t prepared;
	pid_t tid = syscall(SYS_gettid);
	cpu_set_t set;

	if (prepared == tid)
		return;
	prepared = tid;
	prctl(PR_SET_TIMERSLACK, 1);
	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void wait_until(int64_t t)
{
	int64_t early = t - SPIN_NS;
	struct timespec ts = { early / 1000000000L, early % 1000000000L };

	prepare_thread();
	if (now() < early)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	while (now() < t)
		__builtin_ia32_pause();
}

/* Keep the disk busy for @ns from @start on. Returns when it will be done. */
static int64_t occupy(int64_t start, int64_t ns)
{
	if (busy_until < start)
		busy_until = start;
	busy_until += ns;
	control->busy_ns += ns;
	return busy_until;
}

static int64_t cost(int disk, enum direction dir, int64_t pos, int64_t len)
{
	int64_t skip = pos - last_end;
	int64_t ns = len * model.kib / 1024;

	if (disk != last_disk || dir != last_dir || skip) {
		ns += model.request;
		control->disk[disk].requests[dir]++;
	}
	if (disk != last_disk || skip < 0 || skip > SKIP_MAX) {
		ns += model.seek;
		control->seeks++;
	} else if (model.seek) {
		ns += skip * model.kib / 1024;
	}
	control->disk[disk].bytes[dir] += len;

	last_disk = disk;
	last_dir = dir;
	last_end = pos + len;
	return ns;
}

static int64_t fast_cost(int64_t len)
{
	int64_t ns = model.seek + model.request + len * model.kib / 1024;

	return ns < FAST_NS ? ns : FAST_NS;
}

static void transfer(int disk, enum direction dir, int64_t start, int64_t pos,
		     int64_t len)
{
	int64_t done;

	if (control->fast) {
		if (pos != last_end)
			wait_until(start + fast_cost(len));
		last_end = pos + len;
		return;
	}
	while (atomic_flag_test_and_set(&lock))
		__builtin_ia32_pause();
	done = occupy(start, cost(disk, dir, pos, len));
	atomic_flag_clear(&lock);
	wait_until(done);
}

static int flush(int fd, long nr)
{
	int64_t start = now();
	int64_t done;

	if (disk_of(fd) < 0)
		return syscall(nr, fd);
	/* The images die with the run: nothing has to reach the real disk. */
	if (control->fast)
		return 0;
	while (atomic_flag_test_and_set(&lock))
		__builtin_ia32_pause();
	control->flushes++;
	done = occupy(start, model.flush);
	atomic_flag_clear(&lock);
	wait_until(done);
	return 0;
}

/* One transfer: the real one by system call @nr, then the time it takes. */
static ssize_t serve(long nr, enum direction dir, int fd, uintptr_t buf,
		     size_t len, off64_t pos)
{
	int64_t start = now();
	ssize_t done = syscall(nr, fd, buf, len, pos, 0);
	int disk = done > 0 ? disk_of(fd) : -1;

	if (disk >= 0)
		transfer(disk, dir, start, pos, done);
	return done;
}

ssize_t pread64(int fd, void *buf, size_t len, off64_t pos)
{
	return serve(SYS_pread64, READ, fd, (uintptr_t)buf, len, pos);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t pos)
{
	return serve(SYS_pwrite64, WRITE, fd, (uintptr_t)buf, len, pos);
}

ssize_t preadv64(int fd, const struct iovec *iov, int nr, off64_t pos)
{
	return serve(SYS_preadv, READ, fd, (uintptr_t)iov, nr, pos);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int nr, off64_t pos)
{
	return serve(SYS_pwritev, WRITE, fd, (uintptr_t)iov, nr, pos);
}

int fsync(int fd)
{
	return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return flush(fd, SYS_fdatasync);
}
