/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios about RAMster share: a lender and borrowers in one kernel,
 * which is both, over the loopback interface or between two network namespaces.
 *
 * Names of settings and counters are those of Documentation/admin-guide/mm/
 * ramster.rst.
 */
#ifndef VM_RAMSTER_H
#define VM_RAMSTER_H

#include "files.h"
#include "net.h"

#define RS		"ramster zcache"	/* what all scenarios need */
#define RS_CONFIG	"/sys/kernel/config/ramster/"
#define RS_DEBUG	"/sys/kernel/debug/ramster/"
#define RS_HERE		"127.0.0.1"
#define RS_PORT		20612

/* Two machines: the scenario is the near one. */
#define RS_NEAR		"192.0.2.1"
#define RS_FAR		"192.0.2.2"

/* Pages of a full pool, about: two or three times as many are stored. */
#define RS_POOL		1000UL

/* How long a call may take here, and anyone may wait. */
#define RS_SOFT_MS	300
#define RS_HARD_MS	1000

/**
 * struct rs_peer - another machine, which may be this one
 * @name: of its folder
 * @address: where it is
 * @port: of its lender, 0: the usual one
 * @security: NULL: insecure
 * @quota: MiB that we lend to it
 * @borrow: and it to us
 */
struct rs_peer {
	const char *name;
	const char *address;
	unsigned int port;
	const char *security;
	unsigned int quota;
	bool borrow;
};

extern const struct rs_peer rs_self_peer;	/* that of rs_self() */

void rs_ready(void);			/* network and configfs; counters are 0 */
void rs_reset(void);			/* after a scenario */
void rs_lend(const char *listen);
void rs_lend_no_more(void);
void rs_peer_add(const struct rs_peer *peer);
void rs_peer_remove(const char *name);
bool rs_peer_up(const char *name, double seconds);
void rs_self(void);			/* lends to and borrows from itself */
char *rs_path(const char *folder, const char *file);
void rs_far_begin(void (*fn)(void));	/* runs it in the far machine */
void rs_far_end(void);

long rs_now(const char *counter);
long rs_since(const char *counter);	/* since rs_ready() */
long rs_wait(const char *counter, long atleast, double seconds);
void rs_never_forged(void);
void rs_report(void);			/* all that have changed, to the log */

void rs_pool(unsigned long pages);	/* that zcache may take, about */
void rs_pageout(struct region *r);
void rs_evict(struct file *f);
void rs_push_and_verify(struct region *r);
void rs_nothing_leaves(const char *peer);	/* nor does anybody wait for it */

/* Users of swap, readers and a writer of files; fn() disturbs them meanwhile. */
void rs_loads(double seconds, void (*fn)(unsigned int round));
double rs_slowest(void);		/* seconds that one of them waited for a page */

#endif /* VM_RAMSTER_H */
