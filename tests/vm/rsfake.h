/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A lender in user space, which does what it is told to. See rsfake.c.
 */
#ifndef VM_RSFAKE_H
#define VM_RSFAKE_H

#include "lib.h"
#include "rpc.h"

#define KEPT_PAGES	4096

/* What it does when it is asked for pages. */
enum lie {
	HONEST,
	FORGETS,	/* it has nothing */
	OTHER_PAGE,	/* the bytes of another page */
	OTHER_NUMBER,	/* another page, with its own number */
	FLIPPED,	/* a bit is wrong */
	SHORTER,
	LONGER,
	WRONG_COUNT,	/* more pages than it says */
	TOO_MANY,	/* than were asked for */
	BAD_STATUS,
	NO_SESSION,
	GARBAGE,	/* anything */
	CUT,		/* the record ends in the middle of a page */
	WRONG_CALL,	/* the answer is to another call */
	HUGE_RECORD,
	SILENT,
	HANGS_UP,
	NR_LIES,
};

struct kept {
	uint64_t number;
	uint32_t len;
	unsigned char data[RPC_MAX_SEALED];
};

/**
 * struct fake - a lender in user space
 * @lie: what it does
 * @epoch: it says that it is another one if this changes
 * @recalls: it wants the memory of pages back that it is to keep
 * @lost: pages that it says it has not kept
 * @stored: pages that it took
 * @asked: calls that wanted pages
 * @refused: calls that it did not understand
 * @rng: for what is random
 * @kept: the last pages
 */
struct fake {
	volatile enum lie lie;
	volatile uint64_t epoch;
	volatile bool recalls;
	volatile unsigned long lost;
	volatile unsigned long stored;
	volatile unsigned long asked;
	volatile unsigned long refused;
	struct rng rng;
	struct kept kept[KEPT_PAGES];
};

extern struct fake *fake;

int fake_start(void);		/* and borrow from it, as peer "fake" */
unsigned long fake_keeps(void);	/* how many pages it has */

#endif /* VM_RSFAKE_H */
