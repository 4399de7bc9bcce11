/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A lender seen from here: what peer.c and borrower.c share. See peer.c.
 */
#ifndef _MM_TMEM_RAMSTER_PEER_H
#define _MM_TMEM_RAMSTER_PEER_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/sunrpc/sched.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "proto.h"
#include "ramster.h"

struct net;
struct rpc_clnt;
struct rpc_rqst;
struct xdr_stream;

/**
 * enum ramster_conn - the connections to a lender
 * @RAMSTER_CONN_LOAD: for what somebody waits for
 * @RAMSTER_CONN_PUSH: for large messages, which must not stand in front of a load
 * @RAMSTER_NR_CONNS: their number
 */
enum ramster_conn {
	RAMSTER_CONN_LOAD,
	RAMSTER_CONN_PUSH,
	RAMSTER_NR_CONNS,
};

/**
 * enum ramster_peer_state - what is known of a lender
 * @RAMSTER_PEER_CONNECTING: nothing yet
 * @RAMSTER_PEER_UP: it answers
 * @RAMSTER_PEER_SHORT: it answers but takes nothing now
 * @RAMSTER_PEER_SLOW: it answers late: it gets less
 * @RAMSTER_PEER_DOWN: it does not answer, or refuses us
 * @RAMSTER_PEER_STOPPING: it is not wanted any more
 */
enum ramster_peer_state {
	RAMSTER_PEER_CONNECTING,
	RAMSTER_PEER_UP,
	RAMSTER_PEER_SHORT,
	RAMSTER_PEER_SLOW,
	RAMSTER_PEER_DOWN,
	RAMSTER_PEER_STOPPING,
};

/**
 * struct ramster_call - a call to a lender
 * @task: of the RPC engine
 * @refs: its caller and the RPC engine, so that the caller may walk away
 * @done: it has ended, the results below are valid
 * @peer: the lender, with a reference
 * @conn: the connection
 * @proc: what is called
 * @token: of the session, as it was at the start
 * @status: what the lender says, if @err is 0
 * @err: how the RPC ended
 * @start: when it was started
 * @release: frees it, called without locks in any context that can take spinlocks
 */
struct ramster_call {
	struct rpc_task task;
	refcount_t refs;
	struct completion done;
	struct ramster_peer *peer;
	enum ramster_conn conn;
	enum ramster_proc proc;
	struct ramster_token token;
	enum ramster_status status;
	int err;
	ktime_t start;
	void (*release)(struct ramster_call *call);
};

/**
 * struct ramster_beat - HELLO or STATUS, one at a time
 * @call: the call
 * @idle: its memory is free
 * @welcome: the answer to HELLO
 * @health: the answer to STATUS
 */
struct ramster_beat {
	struct ramster_call call;
	struct completion idle;
	struct ramster_welcome welcome;
	struct ramster_health health;
};

/* Few enough to come out of the memory reserve of the RPC engine. */
#define RAMSTER_DROP_BATCH	128
#define RAMSTER_DROPS		4096

/* Above the number in @ring: how many more follow it. */
#define RAMSTER_DROP_MORE	BIT_ULL(RAMSTER_NUMBER_BITS)

/**
 * struct ramster_drops - numbers that a lender may drop, and the call that tells it
 * @lock: covers @ring, @head and @nr; a leaf, interrupts off
 * @head: the oldest in @ring
 * @nr: their number
 * @work: tells the lender
 * @call: the call, one at a time
 * @idle: its memory is free
 * @nr_numbers: number of @numbers
 * @numbers: that it carries; until it was answered, they are sent again
 * @ring: runs of numbers that wait
 */
struct ramster_drops {
	spinlock_t lock;	/* ring, head, nr */
	unsigned int head;
	unsigned int nr;
	struct delayed_work work;
	struct ramster_call call;
	struct completion idle;
	unsigned int nr_numbers;
	u64 numbers[RAMSTER_DROP_BATCH];
	u64 ring[RAMSTER_DROPS];
};

/**
 * struct ramster_line - how calls over one connection fare
 * @strikes: calls in a row that had no answer, or a wrong one
 * @blocked: none before this time (jiffies), if @strikes says so
 */
struct ramster_line {
	unsigned int strikes;
	unsigned long blocked;
};

/**
 * struct ramster_peer - a lender
 * @conf: as configured
 * @slot: its place in the table, part of the cookies of its pages
 * @seed: hash of its name, for placement
 * @refs: the table, and every call
 * @unused: the last reference is gone
 * @born: no lower number was ever pushed to it
 * @net: the network namespace
 * @clnt: the connections
 * @lock: covers @token, @session, @lines, @latency_us and @window where they are
 *	written; a leaf
 * @token: of the session
 * @session: there is a session
 * @state: what is known of it
 * @lines: how calls fare, by connection
 * @latency_us: of small calls, a moving average
 * @window: batches that may be on their way at once
 * @push_ok: the second connection works
 * @epoch: of the lender
 * @oldest: pages with a lower number are not there any more, unless mirrored
 * @home: mirrored pages with a lower number must come home; S64_MAX: all, it is not
 *	trusted in this session
 * @lost: mirrored pages of this session that it says it has dropped
 * @recalls: it wants the memory of mirrored pages back
 * @leaving: it is about to be stopped
 * @leaks: it has mirrored pages of which it was not told that they are not needed
 * @room: bytes that it would still take
 * @entries: pages that zcache believes to be there
 * @kept: those that are mirrored
 * @loads: calls on their way
 * @failures: heartbeats in a row that failed
 * @heard: when one did not, in jiffies
 * @tidied: when zcache was last told what is not there any more, in jiffies
 * @beat_work: the heartbeat
 * @beat: its call
 * @drops: what it may drop
 */
struct ramster_peer {
	struct ramster_peer_conf conf;
	unsigned int slot;
	u32 seed;
	refcount_t refs;
	struct completion unused;
	u64 born;
	struct net *net;
	struct rpc_clnt *clnt[RAMSTER_NR_CONNS];

	spinlock_t lock;	/* see above */
	struct ramster_token token;
	bool session;
	enum ramster_peer_state state;
	struct ramster_line lines[RAMSTER_NR_CONNS];
	unsigned int latency_us;
	unsigned int window;

	bool push_ok;
	u64 epoch;
	atomic64_t oldest;
	atomic64_t home;
	u64 lost;
	bool recalls;
	bool leaving;
	bool leaks;
	atomic64_t room;
	atomic_long_t entries;
	atomic_long_t kept;
	atomic_t loads;

	unsigned int failures;
	unsigned long heard;
	unsigned long tidied;
	struct delayed_work beat_work;
	struct ramster_beat beat;
	struct ramster_drops drops;
};

/* Batches that one push may have on their way to a lender. */
#define RAMSTER_MAX_WINDOW	4

extern struct workqueue_struct *ramster_wq;

/*
 * peer.c
 */

int ramster_peers_init(void);
void ramster_peers_renew(void);
struct ramster_peer *ramster_peer_get(unsigned int slot);
void ramster_peer_put(struct ramster_peer *peer);
struct ramster_peer *ramster_peer_peek(unsigned int slot);
bool ramster_peer_answers(struct ramster_peer *peer, enum ramster_conn conn);
bool ramster_peer_takes(struct ramster_peer *peer);
bool ramster_peers_take(void);
bool ramster_peer_place(const struct zbud_key *key, enum ramster_durability durability,
			unsigned int slots[RAMSTER_COPIES]);
struct ramster_peer *ramster_peer_find(unsigned int slot);
bool ramster_peer_lost(const struct ramster_peer *peer);
bool ramster_peer_endangers(unsigned int slot, u64 number);
void ramster_peer_suspect(struct ramster_peer *peer, u64 below);

void ramster_call_start(struct ramster_call *call, struct ramster_peer *peer,
			enum ramster_conn conn, enum ramster_proc proc,
			void (*release)(struct ramster_call *call));
int ramster_call_wait(struct ramster_call *call, bool killable);
void ramster_call_put(struct ramster_call *call);

/*
 * borrower.c
 */

u64 ramster_last_number(void);
bool ramster_await_home(const atomic_long_t *pages, unsigned int ms);
void ramster_drops_init(struct ramster_peer *peer);
void ramster_drops_kick(struct ramster_peer *peer);
void ramster_drops_clear(struct ramster_peer *peer);

void ramster_xdr_store(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj);
int ramster_xdr_stored(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj);
void ramster_xdr_load(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj);
int ramster_xdr_loaded(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj);
void ramster_xdr_drop(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj);
int ramster_xdr_dropped(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj);

#endif /* _MM_TMEM_RAMSTER_PEER_H */
