// SPDX-License-Identifier: GPL-2.0
/* Asynchronous I/O, and devices that can be made to fail. See files.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "files.h"

/* ---- Asynchronous I/O, without a library ---- */

void *dio_buffer(void)
{
	static void *buf;

	if (!buf && posix_memalign(&buf, PAGE, DIO_MAX))
		fail("no memory for a buffer");
	return buf;
}

void aio_begin(struct aio *aio, int fd, const void *buf, unsigned long at,
	       unsigned long len)
{
	aio_context_t context = 0;
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd,
		.aio_buf = (uintptr_t)buf, .aio_nbytes = len, .aio_offset = at,
	}, *list = &cb;

	if (syscall(SYS_io_setup, 1, &context))
		fail_errno("io_setup");
	aio->context = context;
	if (syscall(SYS_io_submit, context, 1, &list) != 1)
		fail_errno("io_submit");
	aio->busy = true;
}

long aio_end(struct aio *aio)
{
	struct io_event event = { 0 };

	while (syscall(SYS_io_getevents, aio->context, 1, 1, &event, NULL) != 1)
		if (errno != EINTR)
			fail_errno("io_getevents");
	syscall(SYS_io_destroy, aio->context);
	aio->busy = false;
	return event.res;
}

/* ---- Device mapper ---- */

struct request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char options[256];
};

static int try_control(unsigned long command, struct request *r,
		       const char *name)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	r->head.version[0] = DM_VERSION_MAJOR;
	r->head.data_size = sizeof(*r);
	r->head.data_start = sizeof(r->head);
	if (name)
		strncpy(r->head.name, name, sizeof(r->head.name) - 1);
	if (ioctl(fd, command, r))
		err = -errno;
	close(fd);
	return err;
}

static void control(unsigned long command, struct request *r, const char *name)
{
	int err = try_control(command, r, name);

	if (err) {
		errno = -err;
		fail_errno("device mapper, command %lx", command);
	}
}

static uint64_t sectors_of(const struct fs *fs)
{
	char path[32];
	uint64_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/dev/fs-%s", fs->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		fail_errno("size of %s", path);
	close(fd);
	return bytes / 512;
}

/* The next table; it is used from the next resume on. */
static void load(const char *name, const struct fs *fs, const char *target,
		 const char *options)
{
	struct request r = { .head.target_count = 1 };

	r.target.length = sectors_of(fs);
	strcpy(r.target.target_type, target);
	snprintf(r.options, sizeof(r.options), "%s", options);
	control(DM_TABLE_LOAD, &r, name);
}

static void suspend(const char *name, unsigned int flags)
{
	struct request r = { .head.flags = flags };

	control(DM_DEV_SUSPEND, &r, name);
}

static const char *straight(const struct fs *fs)
{
	static char options[48];

	snprintf(options, sizeof(options), "/dev/fs-%s 0", fs->name);
	return options;
}

void dm_make(const char *name, const struct fs *fs)
{
	struct request r = { .head.flags = 0 };

	control(DM_DEV_CREATE, &r, name);
	load(name, fs, "linear", straight(fs));
	suspend(name, 0);	/* without the flag it is a resume */
}

/*
 * Replace what the device does. The file system on it is not asked, as no
 * failing disk asks. @target NULL: all is well again.
 */
void dm_switch(const char *name, const struct fs *fs, const char *target,
	       const char *options)
{
	load(name, fs, target ? target : "linear",
	     target ? options : straight(fs));
	suspend(name, DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG);
	suspend(name, DM_SKIP_LOCKFS_FLAG);
}

/* NULL: all of them. */
void dm_remove(const char *name)
{
	struct request r = { .head.flags = 0 };

	if (name)
		control(DM_DEV_REMOVE, &r, name);
	else
		try_control(DM_REMOVE_ALL, &r, NULL);
}

char *dm_path(const char *name)
{
	struct request r = { .head.flags = 0 };
	static char path[32];

	control(DM_DEV_STATUS, &r, name);
	snprintf(path, sizeof(path), "/dev/dm-%u", minor(r.head.dev));
	return path;
}
