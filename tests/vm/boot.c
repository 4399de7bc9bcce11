// SPDX-License-Identifier: GPL-2.0
/* What the boot line may say, each in a boot of its own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "files.h"

#define PARAM "/sys/module/zcache/parameters/"

static void knob_is(const char *name, const char *value)
{
	char path[128], text[64] = "";

	strcat(strcpy(path, PARAM), name);
	if (try_read(path, text, sizeof(text)) < 0)
		fail("cannot read %s", path);
	text[strcspn(text, "\n")] = '\0';
	check(!strcmp(text, value), "%s is \"%s\", not \"%s\"", name, text, value);
}

/* Swap some pages; are they stored? Right they must be anyway. */
static void stores(bool yes)
{
	long before = zc("stores");
	struct region r;

	swap_start(disk0);
	region_map(&r, 500, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	if (yes)
		check(zc("stores") > before + 400, "nothing is stored");
	else
		check(zc("stores") == before, "pages are stored");
	region_verify(&r);
}

/* And file pages, all that are clean? */
static void stores_files(bool yes)
{
	long before = zc_file("stores");
	const struct fs *fs = fs_start("ext4");
	struct file f;

	file_create(&f, fs, "file", 200, HEAP | TEXT);
	file_fill(&f, 200);
	file_evict(&f);
	if (yes)
		check(zc_file("stores") > before + 150, "no file page is stored");
	else
		check(zc_file("stores") == before, "file pages are stored");
	file_verify(&f, READ);
	file_delete(&f);
	fs_umount(fs);
}

static void defaults(void)
{
	knob_is("enabled", "1");
	knob_is("compressor", "lzo");
	knob_is("max_pool_percent", "80");
	knob_is("file_admission", "auto");
	stores(true);
	stores_files(true);
}

BOOTTEST(boot_absent, "nothing=of-zcache", "without a word zcache is off")
{
	knob_is("enabled", "0");
	zc_expect_state("off");
	stores(false);
	stores_files(false);
}

BOOTTEST(boot_off, "zcache=0", "zcache=0: off")
{
	knob_is("enabled", "0");
	stores(false);
}

BOOTTEST(boot_no, "zcache=no", "zcache=no: off, and not a compressor called no")
{
	knob_is("enabled", "0");
	stores(false);
}

BOOTTEST(boot_word, "zcache", "zcache: on, with the defaults")
{
	defaults();
}

BOOTTEST(boot_compressor, "zcache=zstd", "zcache=zstd: on, with zstd")
{
	knob_is("enabled", "1");
	knob_is("compressor", "zstd");
	stores(true);
}

BOOTTEST(boot_unknown, "zcache=nosuch",
	 "an unknown compressor: one line that names the known, and the default")
{
	defaults();
	check(said_by_kernel("zcache: ", "nosuch"), "the log does not name it");
	check(said_by_kernel("nosuch", "zstd"), "the log does not name others");
}

BOOTTEST(boot_parameters,
	 "zcache.enabled=1 zcache.compressor=lz4 zcache.max_pool_percent=20",
	 "the knobs as parameters")
{
	knob_is("enabled", "1");
	knob_is("compressor", "lz4");
	knob_is("max_pool_percent", "20");
	stores(true);
}

BOOTTEST(boot_bad_percent, "zcache=1 zcache.max_pool_percent=200",
	 "a bad value: one line with what is allowed, and the default")
{
	defaults();
	check(said_by_kernel("max_pool_percent", "200"), "the log does not name it");
}

BOOTTEST(boot_bad_parameter, "zcache=1 zcache.nosuch=3",
	 "an unknown parameter: one line with those that are known")
{
	defaults();
	check(said_by_kernel("nosuch", "max_pool_percent"), "the log does not name it");
}

BOOTTEST(boot_nofrontswap, "zcache=1 nofrontswap",
	 "nofrontswap: zcache gets file pages only, swapping works")
{
	stores(false);
	stores_files(true);
	zc_expect_state("off");
}

BOOTTEST(boot_nocleancache, "zcache=1 nocleancache",
	 "nocleancache: zcache gets swap pages only, files work")
{
	stores(true);
	stores_files(false);
}

BOOTTEST(boot_never, "zcache=1 nocleancache nofrontswap",
	 "both: zcache says that there is nothing to do, and is off")
{
	knob_is("enabled", "0");
	check(said_by_kernel("zcache: ", "nothing to do"), "the log does not say why");
	stores(false);
	stores_files(false);
}
