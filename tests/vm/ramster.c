// SPDX-License-Identifier: GPL-2.0
/* See ramster.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ramster.h"

/* ---- Counters ---- */

static const char *const counters[] = {
	"pushed", "pushed_bytes", "push_refused", "push_failed", "loads",
	"hits", "prefetched", "prefetch_hits", "misses", "load_failed",
	"forged", "forgotten", "forget_lost", "strays", "mirror_failed", "lent_stores", "lent_refused",
	"lent_loads", "lent_hits", "lent_dropped", "lent_migrated", "lent_rejected",
};

static long marks[ARRAY_SIZE(counters)];

long rs_now(const char *counter)
{
	char path[96];

	snprintf(path, sizeof(path), RS_DEBUG "%s", counter);
	return read_number(path);
}

long rs_since(const char *counter)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (!strcmp(counters[i], counter))
			return rs_now(counter) - marks[i];
	fail("no counter %s", counter);
}

long rs_wait(const char *counter, long atleast, double seconds)
{
	struct box box = box_start(seconds);

	while (rs_since(counter) < atleast && box_open(&box))
		nap(20);
	return rs_since(counter);
}

void rs_never_forged(void)
{
	check(!rs_since("forged"), "%ld pages came back and did not open",
	      rs_since("forged"));
}

/* What happened, for the log. */
void rs_report(void)
{
	char line[400];
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (rs_since(counters[i]))
			n += snprintf(line + n, sizeof(line) - n, " %s %ld",
				      counters[i], rs_since(counters[i]));
	say("%s", line);
}

/* ---- Configuration ---- */

char *rs_path(const char *folder, const char *file)
{
	static char path[400];

	snprintf(path, sizeof(path), RS_CONFIG "%s%s%s", folder,
		 *file ? "/" : "", file);
	return path;
}

static void mount_configfs(void)
{
	if (mount("configfs", "/sys/kernel/config", "configfs", 0, NULL) &&
	    errno != EBUSY)
		fail_errno("configfs");
	check(exists(RS_CONFIG "lender"), "no " RS_CONFIG "lender");
}

void rs_ready(void)
{
	unsigned int i;

	mount_configfs();
	net_switch(LOOPBACK, true);
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		marks[i] = rs_now(counters[i]);
}

void rs_lend(const char *listen)
{
	write_file(rs_path("lender", "listen"), "%s", listen);
	write_file(rs_path("lender", "percent"), "40");
	write_file(rs_path("lender", "headroom_percent"), "5");
	write_file(rs_path("lender", "enabled"), "1");
}

void rs_lend_no_more(void)
{
	write_file(rs_path("lender", "enabled"), "0");
}

void rs_peer_add(const struct rs_peer *peer)
{
	const char *name = peer->name;

	if (mkdir(rs_path(name, ""), 0755))
		fail_errno("mkdir %s", rs_path(name, ""));
	write_file(rs_path(name, "address"), "%s", peer->address);
	if (peer->port)
		write_file(rs_path(name, "port"), "%u", peer->port);
	write_file(rs_path(name, "security"), "%s",
		   peer->security ? peer->security : "insecure");
	write_file(rs_path(name, "soft_ms"), "%u", RS_SOFT_MS);
	write_file(rs_path(name, "hard_ms"), "%u", RS_HARD_MS);
	if (peer->quota)
		write_file(rs_path(name, "quota"), "%u", peer->quota);
	if (peer->borrow)
		write_file(rs_path(name, "borrow"), "1");
}

void rs_peer_remove(const char *name)
{
	if (rmdir(rs_path(name, "")))
		fail_errno("rmdir %s", rs_path(name, ""));
}

bool rs_peer_up(const char *name, double seconds)
{
	struct box box = box_start(seconds);
	char state[64];

	do {
		nap(20);
		if (try_read(rs_path(name, "state"), state, sizeof(state)) <= 0)
			fail("cannot read the state of peer %s", name);
		/* There is a session; it may be slow, or want no pages. */
		if (!strcmp(state, "up\n") || !strcmp(state, "slow\n") ||
		    !strcmp(state, "short\n"))
			return true;
	} while (box_open(&box));
	state[strcspn(state, "\n")] = '\0';
	say("peer %s is %s", name, state);
	return false;
}

const struct rs_peer rs_self_peer = {
	.name = "self", .address = RS_HERE, .quota = 64, .borrow = true,
};

void rs_self(void)
{
	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&rs_self_peer);
	check(rs_peer_up("self", 5), "the lender does not come up");
}

/* ---- Two machines ---- */

/* To the far one and back, and what it does. */
static struct {
	int there[2];
	int back[2];
	void (*fn)(void);
	int pid;
} far;

static void signal_to(int fd)
{
	if (write(fd, "", 1) != 1)
		fail_errno("pipe");
}

static void wait_for(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		fail("the other process is gone");
}

/*
 * Has a namespace of its own, with the other end of the cable. It has to stay
 * until the end: the cable is in its hand.
 */
static void far_machine(void *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWNET))
		fail_errno("unshare");
	signal_to(far.back[1]);
	wait_for(far.there[0]);
	net_switch("far", true);
	net_address("far", RS_FAR, 24);
	far.fn();
	signal_to(far.back[1]);
	wait_for(far.there[0]);
}

void rs_far_begin(void (*fn)(void))
{
	if (pipe(far.there) || pipe(far.back))
		fail_errno("pipe");
	far.fn = fn;
	far.pid = spawn(far_machine, NULL);
	wait_for(far.back[0]);
	net_pair("near", "far", far.pid);
	net_switch("near", true);
	net_address("near", RS_NEAR, 24);
	signal_to(far.there[1]);
	wait_for(far.back[0]);
}

void rs_far_end(void)
{
	signal_to(far.there[1]);
	join(far.pid);
}

/* ---- The end ---- */

/* Whatever a scenario left. It does not matter if it never began. */
void rs_reset(void)
{
	struct dirent *entry;
	DIR *dir = opendir(RS_CONFIG);

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lender") &&
		    strcmp(entry->d_name, "durability"))
			rs_peer_remove(entry->d_name);
	closedir(dir);
	write_file(rs_path("durability", ""), "backed");
	rs_lend_no_more();
	write_file(rs_path("lender", "listen"), "\n");
	net_plain(LOOPBACK);
	net_switch(LOOPBACK, true);
	check(!rs_now("lent_pages"), "%ld pages are lent, and to nobody",
	      rs_now("lent_pages"));
}

/* ---- Memory ---- */

void rs_pool(unsigned long pages)
{
	char percent[8];

	snprintf(percent, sizeof(percent), "%lu",
		 (pages * 100 + meminfo("MemTotal") - 1) / meminfo("MemTotal"));
	zc_set("max_pool_percent", percent);
}

/* In pieces, so that the worker has a turn on the only CPU. */
#define PIECE 256UL

static unsigned long piece(unsigned long from, unsigned long nr)
{
	return nr - from < PIECE ? nr - from : PIECE;
}

void rs_pageout(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->nr; i += PIECE) {
		pageout(r->mem + i * PAGE, piece(i, r->nr));
		nap(10);
	}
}

void rs_evict(struct file *f)
{
	unsigned long i;

	file_sync(f);
	for (i = 0; i < file_pages(f); i += PIECE) {
		file_leave(f, i, piece(i, file_pages(f)));
		nap(10);
	}
}

void rs_push_and_verify(struct region *r)
{
	region_fill(r);
	rs_pageout(r);
	nap(500);
	region_verify(r);
}

void rs_nothing_leaves(const char *peer)
{
	struct region r;
	double began = now();

	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, 4 * RS_POOL, TEXT);
	rs_push_and_verify(&r);
	rs_report();
	check(!rs_since("pushed"), "%ld pages were pushed", rs_since("pushed"));
	check(!rs_since("lent_stores"), "%ld pages were taken",
	      rs_since("lent_stores"));
	check(now() - began < 20, "it took %.1f s", now() - began);
	began = now();
	rs_peer_remove(peer);
	check(now() - began < 4, "it took %.1f s to remove the peer",
	      now() - began);
}
