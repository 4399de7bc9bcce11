// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lender seen from here
 *
 * Connections
 * -----------
 * Two for each lender, so that a push of 64 KB never stands in front of a load. Only
 * the heartbeat connects: any other call fails at once when there is no connection, so
 * nobody who waits for a page ever waits for a handshake.
 *
 * The heartbeat is a worker of each lender. It says HELLO until there is a session, and
 * asks for STATUS over both connections then, which also keeps them open. All that is
 * known of a lender comes from it and from how the other calls fare:
 *
 *	connecting --> up <--> short, slow <--> down		any --> stopping
 *
 * Calls
 * -----
 * All are asynchronous, with memory that was there before. The caller waits for a
 * completion, for a limited time, and walks away then: the RPC engine has a reference of
 * its own and may go on with the memory of the call for as long as it likes (it repeats
 * allocations for ever). A call that is given up is cancelled, so it ends soon.
 *
 * After two calls in a row without a good answer a connection is left alone for a while,
 * each time twice as long: a lender that is connected but does not answer, or answers
 * nonsense, costs a time-out now and then and no more.
 *
 * Sessions
 * --------
 * A lender that does not know our session any more has lost all our pages. Their numbers
 * are below the first one of the next session (peer->oldest): loads of them miss here,
 * and the heartbeat lets zcache forget them.
 *
 * Life and death
 * --------------
 * A cookie in zcache is no reference, only a slot of the table and a number; the lender
 * is looked up with it under RCU. ramster_peer_stop() lets nobody in any more, ends the
 * calls, waits for the last reference, and frees the slot at the end. A cookie that
 * comes too late finds another lender there, which has never heard of its number: a
 * miss.
 *
 * Mirrored pages
 * --------------
 * They have a second lender, but nothing else: what may become of the first is looked at
 * in ramster_peer_endangers(). When a lender has not answered for three times its hard
 * limit, has begun a new session, says that it has dropped some or wants its memory
 * back, does not have one that it should have, or gave another in its place, or is to be
 * stopped, then its mirrored pages are strays, and come home (remote.c, writeback.c). Who
 * finds that out wakes the worker. A lender that is stopped answers until they are home,
 * and when it has gone nobody counts on it.
 *
 * Placement
 * ---------
 * Weighted rendezvous hashing: each lender draws a number from the name of the page and
 * its own, scaled by the room that it has; the best gets it. Lenders that come and go
 * change no more than their own share. Neighbours draw the same numbers, so they are
 * together in a batch and can be loaded with one call.
 *
 * Locks: ramster_peers_lock (mutex) covers the table. peer->lock and drops->lock are
 * leaves.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/int_log.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/clnt.h>
#include <linux/sunrpc/xprt.h>
#include <net/net_namespace.h>

#include <trace/events/ramster.h>

#include "../zcache.h"
#include "peer.h"

#define RAMSTER_BEAT		(2 * HZ)
#define RAMSTER_MAX_BEAT	(8 * HZ)

/* TCP gives a silent lender up after this. Less is not possible. */
#define RAMSTER_CONNECT_TIMEOUT	(3 * HZ)
#define RAMSTER_RECONNECT	(5 * HZ)

#define RAMSTER_MAX_BLOCK	(64 * HZ)

/* A lender that was silent for so many times its hard limit is lost. */
#define RAMSTER_LOST		3

/* Neighbours that are placed together: 2^4 pages. */
#define RAMSTER_GROUP_SHIFT	4

/* zcache is told what is gone when it is this many pages, and a quarter. */
#define RAMSTER_TIDY_PAGES	1024
#define RAMSTER_TIDY_PAUSE	(30 * HZ)

struct workqueue_struct *ramster_wq;

static DEFINE_MUTEX(ramster_peers_lock);
static struct ramster_peer __rcu *ramster_peers[RAMSTER_MAX_PEERS];
static DECLARE_BITMAP(ramster_slots, RAMSTER_MAX_PEERS);
static unsigned int ramster_last_slot = RAMSTER_MAX_PEERS - 1;

/* In HELLO. Another one, and a lender drops what it had of us. */
static u64 ramster_epoch;

/*
 * References
 */

/**
 * ramster_peer_find() - the lender of a slot, even if it is being stopped
 * @slot: as in a cookie
 *
 * Context: RCU read side.
 * Return: the lender, or NULL if there is none.
 */
struct ramster_peer *ramster_peer_find(unsigned int slot)
{
	return slot < RAMSTER_MAX_PEERS ? rcu_dereference(ramster_peers[slot]) : NULL;
}

/**
 * ramster_peer_peek() - the lender of a slot, for a moment
 * @slot: as in a cookie
 *
 * Context: RCU read side.
 * Return: the lender, or NULL if there is none or it is being stopped.
 */
struct ramster_peer *ramster_peer_peek(unsigned int slot)
{
	struct ramster_peer *peer = ramster_peer_find(slot);

	if (peer && READ_ONCE(peer->state) == RAMSTER_PEER_STOPPING)
		return NULL;
	return peer;
}

/**
 * ramster_peer_get() - the lender of a slot
 * @slot: as in a cookie
 *
 * Context: Any.
 * Return: the lender with a reference for the caller, or NULL as above.
 */
struct ramster_peer *ramster_peer_get(unsigned int slot)
{
	struct ramster_peer *peer;

	rcu_read_lock();
	peer = ramster_peer_peek(slot);
	if (peer && !refcount_inc_not_zero(&peer->refs))
		peer = NULL;
	rcu_read_unlock();
	return peer;
}

/**
 * ramster_peer_put() - give a reference back
 * @peer: the lender
 *
 * Context: Any that can take spinlocks.
 */
void ramster_peer_put(struct ramster_peer *peer)
{
	if (refcount_dec_and_test(&peer->refs))
		complete(&peer->unused);
}

/*
 * Calls
 */

static void ramster_xdr_hello(struct rpc_rqst *req, struct xdr_stream *xdr,
			      const void *obj)
{
	const struct ramster_hello hello = {
		.version = RAMSTER_VERSION,
		.epoch = READ_ONCE(ramster_epoch),
	};

	ramster_encode_hello(xdr, &hello);
}

static int ramster_xdr_welcome(struct rpc_rqst *req, struct xdr_stream *xdr,
			       void *obj)
{
	struct ramster_beat *beat = container_of(obj, struct ramster_beat, call);
	int err = ramster_decode_welcome(xdr, &beat->welcome);

	beat->call.status = beat->welcome.status;
	return err;
}

static void ramster_xdr_token(struct rpc_rqst *req, struct xdr_stream *xdr,
			      const void *obj)
{
	const struct ramster_call *call = obj;

	ramster_encode_token(xdr, &call->token);
}

static int ramster_xdr_health(struct rpc_rqst *req, struct xdr_stream *xdr,
			      void *obj)
{
	struct ramster_beat *beat = container_of(obj, struct ramster_beat, call);
	int err = ramster_decode_health(xdr, &beat->health);

	beat->call.status = beat->health.status;
	return err;
}

/* Words of what is encoded; batches and pages that were loaded come on top. */
#define RAMSTER_WORDS_SMALL	16
#define RAMSTER_WORDS_LOAD	(RAMSTER_WORDS_SMALL + 2 * RAMSTER_MAX_LOAD)
#define RAMSTER_WORDS_DROP	(RAMSTER_WORDS_SMALL + 2 * RAMSTER_DROP_BATCH)

#define RAMSTER_PROCEDURE(nr, encode, words, decode)			\
	[RAMSTER_PROC_##nr] = {						\
		.p_proc		= RAMSTER_PROC_##nr,			\
		.p_encode	= encode,				\
		.p_decode	= decode,				\
		.p_arglen	= words,				\
		.p_replen	= RAMSTER_WORDS_SMALL,			\
		.p_statidx	= RAMSTER_PROC_##nr,			\
		.p_name		= #nr,					\
	}

static const struct rpc_procinfo ramster_procs[RAMSTER_NR_PROCS] = {
	[RAMSTER_PROC_NULL] = { .p_name = "NULL" },
	RAMSTER_PROCEDURE(HELLO, ramster_xdr_hello, RAMSTER_WORDS_SMALL,
			  ramster_xdr_welcome),
	RAMSTER_PROCEDURE(STORE, ramster_xdr_store, RAMSTER_WORDS_SMALL,
			  ramster_xdr_stored),
	RAMSTER_PROCEDURE(LOAD, ramster_xdr_load, RAMSTER_WORDS_LOAD,
			  ramster_xdr_loaded),
	RAMSTER_PROCEDURE(INVALIDATE, ramster_xdr_drop, RAMSTER_WORDS_DROP,
			  ramster_xdr_dropped),
	RAMSTER_PROCEDURE(STATUS, ramster_xdr_token, RAMSTER_WORDS_SMALL,
			  ramster_xdr_health),
	RAMSTER_PROCEDURE(KEEP, ramster_xdr_store, RAMSTER_WORDS_SMALL,
			  ramster_xdr_stored),
};

static unsigned int ramster_proc_counts[RAMSTER_NR_PROCS];

static const struct rpc_version ramster_rpc_version = {
	.number		= RAMSTER_VERSION,
	.nrprocs	= RAMSTER_NR_PROCS,
	.procs		= ramster_procs,
	.counts		= ramster_proc_counts,
};

static const struct rpc_version *ramster_rpc_versions[RAMSTER_VERSION + 1] = {
	[RAMSTER_VERSION] = &ramster_rpc_version,
};

static const struct rpc_program ramster_rpc_program;

static struct rpc_stat ramster_rpc_stat = {
	.program	= &ramster_rpc_program,
};

static const struct rpc_program ramster_rpc_program = {
	.name		= "ramster",
	.number		= RAMSTER_PROGRAM,
	.nrvers		= ARRAY_SIZE(ramster_rpc_versions),
	.version	= ramster_rpc_versions,
	.stats		= &ramster_rpc_stat,
};

/* The lender does not know the session of a call: unless there is a newer one. */
static void ramster_session_lost(struct ramster_peer *peer,
				 const struct ramster_token *token)
{
	bool lost;

	spin_lock(&peer->lock);
	lost = peer->session && !memcmp(&peer->token, token, sizeof(*token));
	if (lost)
		peer->session = false;
	spin_unlock(&peer->lock);
	if (lost && READ_ONCE(peer->state) != RAMSTER_PEER_STOPPING)
		mod_delayed_work(ramster_wq, &peer->beat_work, 0);
}

/* That it answers the heartbeat does not mean that it does its work, nor the reverse. */
static bool ramster_call_is_work(const struct ramster_call *call)
{
	return call->proc == RAMSTER_PROC_STORE || call->proc == RAMSTER_PROC_KEEP ||
	       call->proc == RAMSTER_PROC_LOAD;
}

static void ramster_line_bad(struct ramster_peer *peer, enum ramster_conn conn)
{
	struct ramster_line *line = &peer->lines[conn];
	unsigned int strikes = min(line->strikes + 1, 7u);

	/* Calls that go on together fail together: that counts once. */
	if (strikes > 2 && time_before(jiffies, line->blocked))
		return;
	WRITE_ONCE(line->blocked, jiffies + min(HZ << strikes, RAMSTER_MAX_BLOCK));
	WRITE_ONCE(line->strikes, strikes);
	if (conn == RAMSTER_CONN_PUSH)
		peer->window = 1;
}

/* Batches on their way: one more while they take little time, half if they take much. */
static void ramster_window_note(struct ramster_peer *peer, unsigned int us)
{
	unsigned int soft = peer->conf.soft_ms * USEC_PER_MSEC;

	if (us > soft / 2)
		peer->window = max(peer->window / 2, 1u);
	else if (us < soft / 8)
		peer->window = min(peer->window + 1, RAMSTER_MAX_WINDOW);
}

static void ramster_line_good(struct ramster_peer *peer, struct ramster_call *call)
{
	s64 taken = ktime_us_delta(ktime_get(), call->start);
	unsigned int us = clamp_t(s64, taken, 0, 100 * USEC_PER_SEC);

	/* HELLO may have waited for the connection. */
	if (call->conn == RAMSTER_CONN_LOAD && call->proc != RAMSTER_PROC_HELLO)
		WRITE_ONCE(peer->latency_us, (peer->latency_us * 7 + us) / 8);
	if (call->proc == RAMSTER_PROC_STORE || call->proc == RAMSTER_PROC_KEEP)
		ramster_window_note(peer, us);
	if (ramster_call_is_work(call))
		WRITE_ONCE(peer->lines[call->conn].strikes, 0);
}

static void ramster_call_done(struct rpc_task *task, void *data)
{
	struct ramster_call *call = data;
	struct ramster_peer *peer = call->peer;

	call->err = min(task->tk_status, 0);
	spin_lock(&peer->lock);
	if (!call->err)
		ramster_line_good(peer, call);
	else if (ramster_call_is_work(call) && call->err != -ENOTCONN &&
		 call->err != -ERESTARTSYS)
		ramster_line_bad(peer, call->conn);
	spin_unlock(&peer->lock);
	if (!call->err && call->status == RAMSTER_NO_SESSION)
		ramster_session_lost(peer, &call->token);
	complete(&call->done);
}

/**
 * ramster_call_put() - the caller does not need a call any more
 * @call: the call
 *
 * Context: Any that can take spinlocks.
 */
void ramster_call_put(struct ramster_call *call)
{
	if (refcount_dec_and_test(&call->refs))
		call->release(call);
}

static void ramster_call_release(void *data)
{
	ramster_call_put(data);
}

static const struct rpc_call_ops ramster_call_ops = {
	.rpc_call_done	= ramster_call_done,
	.rpc_release	= ramster_call_release,
};

/**
 * ramster_call_start() - send a call
 * @call: its memory; all but the members before @token is filled in here
 * @peer: the lender, the caller has a reference. The call takes another, @release
 *	gives it back.
 * @conn: the connection
 * @proc: what is called
 * @release: frees @call once neither the caller nor the RPC engine needs it
 *
 * Context: Process context. Does not wait, nor allocate, nor take part in reclaim.
 */
void ramster_call_start(struct ramster_call *call, struct ramster_peer *peer,
			enum ramster_conn conn, enum ramster_proc proc,
			void (*release)(struct ramster_call *call))
{
	const struct rpc_message msg = {
		.rpc_proc	= &ramster_procs[proc],
		.rpc_argp	= call,
		.rpc_resp	= call,
	};
	struct rpc_task_setup setup = {
		.task		= &call->task,
		.rpc_client	= peer->clnt[conn],
		.rpc_message	= &msg,
		.callback_ops	= &ramster_call_ops,
		.callback_data	= call,
		.flags		= RPC_TASK_ASYNC | RPC_TASK_SOFT |
				  RPC_TASK_SOFTCONN | RPC_TASK_TIMEOUT,
	};
	unsigned int flags;

	if (proc != RAMSTER_PROC_HELLO && proc != RAMSTER_PROC_STATUS)
		setup.flags |= RPC_TASK_NOCONNECT;
	refcount_inc(&peer->refs);
	refcount_set(&call->refs, 2);
	init_completion(&call->done);
	call->peer = peer;
	call->conn = conn;
	call->proc = proc;
	call->release = release;
	call->err = -EINPROGRESS;
	spin_lock(&peer->lock);
	call->token = peer->token;
	spin_unlock(&peer->lock);
	call->start = ktime_get();

	flags = memalloc_noio_save();
	rpc_put_task(rpc_run_task(&setup));
	memalloc_noio_restore(flags);
}

static int ramster_call_result(const struct ramster_call *call)
{
	if (call->err)
		return call->err;
	switch (call->status) {
	case RAMSTER_OK:
		return 0;
	case RAMSTER_NO_SESSION:
		return -ESTALE;
	case RAMSTER_DENIED:
		return -EACCES;
	case RAMSTER_BAD_VERSION:
		return -EPROTONOSUPPORT;
	case RAMSTER_BUSY:
		return -EBUSY;
	default:
		return -EPROTO;
	}
}

static bool ramster_is_task(const struct rpc_task *task, const void *wanted)
{
	return task == wanted;
}

/**
 * ramster_call_wait() - until a call has ended, or the patience has
 * @call: the call
 * @killable: whoever waits may be killed
 *
 * Context: May sleep, for the hard limit of the lender at most.
 * Return: 0 if the results are valid and the lender has done it; -ETIMEDOUT or
 * -ERESTARTSYS if @call still goes on and is none of our business any more; any other
 * error of the RPC engine; -ESTALE, -EACCES, -EPROTONOSUPPORT, -EBUSY or -EPROTO if the
 * lender refuses.
 */
int ramster_call_wait(struct ramster_call *call, bool killable)
{
	unsigned long timeout = msecs_to_jiffies(call->peer->conf.hard_ms);
	long left;
	int err;

	if (killable)
		left = wait_for_completion_killable_timeout(&call->done, timeout);
	else
		left = wait_for_completion_timeout(&call->done, timeout);
	if (left > 0)
		return ramster_call_result(call);
	err = left ? -ERESTARTSYS : -ETIMEDOUT;
	rpc_cancel_tasks(call->peer->clnt[call->conn], err, ramster_is_task,
			 &call->task);
	return err;
}

/*
 * What a lender is good for
 */

/**
 * ramster_peer_answers() - is a call worth trying?
 * @peer: the lender
 * @conn: the connection
 *
 * Context: Any.
 * Return: false if the call would fail, or is likely to.
 */
bool ramster_peer_answers(struct ramster_peer *peer, enum ramster_conn conn)
{
	const struct ramster_line *line = &peer->lines[conn];

	return READ_ONCE(peer->session) &&
	       (READ_ONCE(line->strikes) < 2 ||
		time_after_eq(jiffies, READ_ONCE(line->blocked)));
}

/**
 * ramster_peer_takes() - does it take a batch?
 * @peer: the lender
 *
 * Context: Any.
 * Return: true if it should, as far as is known.
 */
bool ramster_peer_takes(struct ramster_peer *peer)
{
	enum ramster_peer_state state = READ_ONCE(peer->state);

	return (state == RAMSTER_PEER_UP || state == RAMSTER_PEER_SLOW) &&
	       READ_ONCE(peer->push_ok) &&
	       ramster_peer_answers(peer, RAMSTER_CONN_PUSH) &&
	       atomic64_read(&peer->room) >= RAMSTER_MAX_BATCH;
}

/**
 * ramster_peers_take() - is there a lender that takes a batch?
 *
 * Context: Any.
 * Return: true if there is.
 */
bool ramster_peers_take(void)
{
	struct ramster_peer *peer;
	unsigned int slot;
	bool takes = false;

	rcu_read_lock();
	for_each_set_bit(slot, ramster_slots, RAMSTER_MAX_PEERS) {
		peer = ramster_peer_peek(slot);
		takes = peer && ramster_peer_takes(peer);
		if (takes)
			break;
	}
	rcu_read_unlock();
	return takes;
}

/* What a page costs at a lender: the lowest gets it. -log(random) / weight. */
static u64 ramster_peer_cost(struct ramster_peer *peer, const struct zbud_key *key)
{
	u64 weight = max_t(s64, atomic64_read(&peer->room), 1) >> PAGE_SHIFT;
	u64 group = key->index >> RAMSTER_GROUP_SHIFT;
	u32 words[] = {
		lower_32_bits(key->object), upper_32_bits(key->object),
		lower_32_bits(group), upper_32_bits(group), key->pool,
	};
	u32 draw = jhash2(words, ARRAY_SIZE(words), peer->seed);

	if (READ_ONCE(peer->state) == RAMSTER_PEER_SLOW)
		weight /= 4;
	return div64_u64(((32ull << 24) - intlog2(max(draw, 1u))) << 32,
			 max(weight, 1ull));
}

static bool ramster_peer_keeps(const struct ramster_peer *peer)
{
	return !READ_ONCE(peer->recalls) && !READ_ONCE(peer->leaving) &&
	       atomic64_read(&peer->home) != S64_MAX;
}

/* The best one. Not the machine of @other, which may have another address as well. */
static struct ramster_peer *ramster_peer_best(const struct zbud_key *key, bool keeps,
					      const struct ramster_peer *other)
{
	struct ramster_peer *peer, *best = NULL;
	u64 cost, best_cost = U64_MAX;
	unsigned int slot;

	for_each_set_bit(slot, ramster_slots, RAMSTER_MAX_PEERS) {
		peer = ramster_peer_peek(slot);
		if (!peer || !ramster_peer_takes(peer) ||
		    (keeps && !ramster_peer_keeps(peer)) ||
		    (other && READ_ONCE(peer->epoch) == READ_ONCE(other->epoch)))
			continue;
		cost = ramster_peer_cost(peer, key);
		if (cost < best_cost) {
			best_cost = cost;
			best = peer;
		}
	}
	return best;
}

/**
 * ramster_peer_place() - which lenders get a page
 * @key: its owner
 * @durability: whether there should be two
 * @slots: filled in: theirs, twice the same if it is one
 *
 * Context: Any.
 * Return: true if there is one.
 */
bool ramster_peer_place(const struct zbud_key *key, enum ramster_durability durability,
			unsigned int slots[RAMSTER_COPIES])
{
	struct ramster_peer *first = NULL, *second = NULL;

	rcu_read_lock();
	if (durability == RAMSTER_MIRROR)
		first = ramster_peer_best(key, true, NULL);
	if (first)
		second = ramster_peer_best(key, true, first);
	if (!second)
		first = ramster_peer_best(key, false, NULL);
	if (first) {
		slots[0] = first->slot;
		slots[1] = second ? second->slot : first->slot;
	}
	rcu_read_unlock();
	return first;
}

/**
 * ramster_peer_lost() - is a lender past hope?
 * @peer: the lender
 *
 * Context: Any.
 * Return: true if it has not answered for long.
 */
bool ramster_peer_lost(const struct ramster_peer *peer)
{
	return READ_ONCE(peer->failures) &&
	       time_after(jiffies, READ_ONCE(peer->heard) +
			  msecs_to_jiffies(RAMSTER_LOST * peer->conf.hard_ms));
}

/**
 * ramster_peer_endangers() - may a lender soon not have a page that it is to keep?
 * @slot: of the lender
 * @number: of the page
 *
 * Context: Any.
 * Return: true if nobody should count on it.
 */
bool ramster_peer_endangers(unsigned int slot, u64 number)
{
	struct ramster_peer *peer;
	bool endangers;

	rcu_read_lock();
	peer = ramster_peer_peek(slot);
	endangers = !peer || number < atomic64_read(&peer->home) ||
		    READ_ONCE(peer->recalls) || READ_ONCE(peer->leaving) ||
		    ramster_peer_lost(peer);
	rcu_read_unlock();
	return endangers;
}

/**
 * ramster_peer_suspect() - a lender does not keep what it should
 * @peer: the lender
 * @below: mirrored pages with a lower number must come home
 *
 * Context: Any but interrupt context.
 */
void ramster_peer_suspect(struct ramster_peer *peer, u64 below)
{
	s64 home = atomic64_read(&peer->home);

	while (home < (s64)below && !atomic64_try_cmpxchg(&peer->home, &home, below))
		;
	if (atomic_long_read(&peer->kept) > 0)
		zcache_writeback_strays(false);
}

/*
 * Heartbeat
 */

static const char *const ramster_state_names[] = {
	[RAMSTER_PEER_CONNECTING]	= "connecting",
	[RAMSTER_PEER_UP]		= "up",
	[RAMSTER_PEER_SHORT]		= "short",
	[RAMSTER_PEER_SLOW]		= "slow",
	[RAMSTER_PEER_DOWN]		= "down",
	[RAMSTER_PEER_STOPPING]		= "stopping",
};

/* Changes are logged, once. Nothing changes any more while it is stopped. */
static void ramster_peer_set_state(struct ramster_peer *peer,
				   enum ramster_peer_state state, int err)
{
	enum ramster_peer_state old;

	spin_lock(&peer->lock);
	old = peer->state;
	if (old == RAMSTER_PEER_STOPPING)
		state = old;
	WRITE_ONCE(peer->state, state);
	spin_unlock(&peer->lock);
	if (state == old)
		return;
	trace_ramster_peer_state(peer->slot, peer->conf.name, ramster_state_names[state]);
	if (err)
		pr_info("%s is %s: %pe\n", peer->conf.name,
			ramster_state_names[state], ERR_PTR(err));
	else
		pr_info("%s is %s\n", peer->conf.name, ramster_state_names[state]);
}

static void ramster_beat_release(struct ramster_call *call)
{
	struct ramster_beat *beat = container_of(call, struct ramster_beat, call);
	struct ramster_peer *peer = call->peer;

	complete(&beat->idle);
	ramster_peer_put(peer);
}

/* One at a time: what was given up earlier may still need the memory. */
static int ramster_beat_call(struct ramster_peer *peer, enum ramster_conn conn,
			     enum ramster_proc proc)
{
	struct ramster_beat *beat = &peer->beat;
	int err;

	if (READ_ONCE(peer->state) == RAMSTER_PEER_STOPPING)
		return -ESHUTDOWN;
	if (!wait_for_completion_timeout(&beat->idle,
					 msecs_to_jiffies(peer->conf.hard_ms)))
		return -ETIMEDOUT;
	ramster_call_start(&beat->call, peer, conn, proc, ramster_beat_release);
	err = ramster_call_wait(&beat->call, false);
	ramster_call_put(&beat->call);
	return err;
}

static bool ramster_is_gone(u64 cookie, void *arg)
{
	struct ramster_peer *peer = arg;

	return ramster_cookie_is_at(cookie, peer->slot) &&
	       ramster_cookie_number(cookie) < atomic64_read(&peer->oldest);
}

static bool ramster_is_there(u64 cookie, void *arg)
{
	struct ramster_peer *peer = arg;

	return ramster_cookie_is_at(cookie, peer->slot);
}

/* Let zcache forget what the lender does not have any more. */
static void ramster_peer_tidy(struct ramster_peer *peer)
{
	unsigned long forgotten;

	if (atomic_long_read(&peer->entries) <= 0)
		return;
	forgotten = zcache_forget_remote(ramster_is_gone, peer);
	peer->tidied = jiffies;
	pr_debug("%s has dropped %lu pages\n", peer->conf.name, forgotten);
}

/* No number that was given out before is of this session. */
static void ramster_session_begin(struct ramster_peer *peer,
				  const struct ramster_welcome *welcome)
{
	bool again = peer->epoch != 0;

	ramster_drops_clear(peer);
	spin_lock(&peer->lock);
	peer->token = welcome->token;
	peer->epoch = welcome->epoch;
	atomic64_set(&peer->oldest, ramster_last_number() + 1);
	atomic64_set(&peer->home, ramster_last_number() + 1);
	peer->lost = 0;
	WRITE_ONCE(peer->leaks, false);
	WRITE_ONCE(peer->session, true);
	spin_unlock(&peer->lock);
	if (again)
		pr_info("%s begins a new session: what it had of us is gone\n",
			peer->conf.name);
	ramster_peer_tidy(peer);
	ramster_peer_suspect(peer, 0);
}

/* HELLO if there is no session, and STATUS. */
static int ramster_peer_ask(struct ramster_peer *peer)
{
	unsigned int tries;
	int err;

	for (tries = 0; tries < 2; tries++) {
		if (!READ_ONCE(peer->session)) {
			err = ramster_beat_call(peer, RAMSTER_CONN_LOAD,
						RAMSTER_PROC_HELLO);
			if (err)
				return err;
			ramster_session_begin(peer, &peer->beat.welcome);
		}
		err = ramster_beat_call(peer, RAMSTER_CONN_LOAD, RAMSTER_PROC_STATUS);
		if (err != -ESTALE)
			return err;
	}
	return err;
}

static void ramster_peer_learn(struct ramster_peer *peer,
			       const struct ramster_health *health)
{
	u64 entries = max(atomic_long_read(&peer->entries), 0L);
	u64 oldest = min(health->oldest, ramster_last_number() + 1);
	u64 room = min_t(u64, health->room_pages, S64_MAX >> PAGE_SHIFT);

	atomic64_set(&peer->room, health->is_short ? 0 : room << PAGE_SHIFT);
	WRITE_ONCE(peer->recalls, health->recalls);
	if (health->lost > peer->lost)
		ramster_peer_suspect(peer, ramster_last_number() + 1);
	peer->lost = health->lost;
	if (oldest <= atomic64_read(&peer->oldest))
		return;
	atomic64_set(&peer->oldest, oldest);
	if (health->pages + entries / 4 + RAMSTER_TIDY_PAGES < entries &&
	    time_after(jiffies, peer->tidied + RAMSTER_TIDY_PAUSE))
		ramster_peer_tidy(peer);
}

static bool ramster_peer_is_slow(struct ramster_peer *peer)
{
	unsigned int limit = peer->conf.soft_ms * USEC_PER_MSEC / 4;

	/* Fast again only well below. */
	if (peer->state == RAMSTER_PEER_SLOW)
		limit /= 2;
	return READ_ONCE(peer->latency_us) > limit ||
	       READ_ONCE(peer->lines[RAMSTER_CONN_LOAD].strikes) >= 2;
}

static void ramster_peer_beat(struct ramster_peer *peer)
{
	enum ramster_peer_state state = RAMSTER_PEER_UP;
	int err = ramster_peer_ask(peer);

	if (err) {
		WRITE_ONCE(peer->failures, peer->failures + 1);
		ramster_peer_set_state(peer, RAMSTER_PEER_DOWN, err);
		return;
	}
	WRITE_ONCE(peer->heard, jiffies);
	WRITE_ONCE(peer->failures, 0);
	ramster_peer_learn(peer, &peer->beat.health);
	if (atomic64_read(&peer->room) < RAMSTER_MAX_BATCH)
		state = RAMSTER_PEER_SHORT;
	else if (ramster_peer_is_slow(peer))
		state = RAMSTER_PEER_SLOW;
	WRITE_ONCE(peer->push_ok, !ramster_beat_call(peer, RAMSTER_CONN_PUSH,
						     RAMSTER_PROC_STATUS));
	ramster_peer_set_state(peer, state, 0);
	ramster_drops_kick(peer);
}

/*
 * It keeps pages that nobody wants, and was not told. So all that are wanted come home,
 * and then a new session begins: it drops what is left.
 */
static void ramster_peer_end_leak(struct ramster_peer *peer)
{
	if (atomic_long_read(&peer->kept) > 0) {
		ramster_peer_suspect(peer, S64_MAX);
		return;
	}
	WRITE_ONCE(ramster_epoch, get_random_u64());
	ramster_session_lost(peer, &peer->token);
}

static void ramster_beat_fn(struct work_struct *work)
{
	struct ramster_peer *peer = container_of(to_delayed_work(work),
						 struct ramster_peer, beat_work);

	ramster_peer_beat(peer);
	if (ramster_peer_lost(peer) || READ_ONCE(peer->recalls))
		ramster_peer_suspect(peer, 0);
	if (READ_ONCE(peer->leaks))
		ramster_peer_end_leak(peer);
	if (READ_ONCE(peer->state) != RAMSTER_PEER_STOPPING)
		queue_delayed_work(ramster_wq, &peer->beat_work,
				   min(RAMSTER_BEAT << min(peer->failures, 3u),
				       RAMSTER_MAX_BEAT));
}

/*
 * Start and stop
 */

static struct rpc_clnt *ramster_connection(struct ramster_peer *peer)
{
	const struct rpc_timeout timeout = {
		.to_initval	= msecs_to_jiffies(peer->conf.soft_ms),
		.to_maxval	= msecs_to_jiffies(peer->conf.soft_ms),
	};
	bool tls = peer->conf.security == RAMSTER_TLS;
	struct rpc_create_args args = {
		.net		= peer->net,
		.protocol	= tls ? XPRT_TRANSPORT_TCP_TLS : XPRT_TRANSPORT_TCP,
		.address	= (struct sockaddr *)&peer->conf.addr,
		.addrsize	= peer->conf.addr.ss_family == AF_INET6 ?
				  sizeof(struct sockaddr_in6) :
				  sizeof(struct sockaddr_in),
		.timeout	= &timeout,
		.servername	= tls ? peer->conf.servername : NULL,
		.program	= &ramster_rpc_program,
		.version	= RAMSTER_VERSION,
		.authflavor	= RPC_AUTH_NULL,
		.cred		= current_cred(),
		.flags		= RPC_CLNT_CREATE_NOPING |
				  RPC_CLNT_CREATE_NONPRIVPORT |
				  RPC_CLNT_CREATE_NO_IDLE_TIMEOUT |
				  RPC_CLNT_CREATE_QUIET |
				  RPC_CLNT_CREATE_INFINITE_SLOTS,
		.xprtsec	= {
			.policy	= tls ? RPC_XPRTSEC_TLS_X509 : RPC_XPRTSEC_NONE,
		},
	};
	struct rpc_clnt *clnt = rpc_create(&args);

	if (!IS_ERR(clnt))
		rpc_set_connect_timeout(clnt, RAMSTER_CONNECT_TIMEOUT,
					RAMSTER_RECONNECT);
	return clnt;
}

static int ramster_peer_connect(struct ramster_peer *peer)
{
	struct rpc_clnt *clnt;
	unsigned int conn;

	for (conn = 0; conn < RAMSTER_NR_CONNS; conn++) {
		clnt = ramster_connection(peer);
		if (IS_ERR(clnt))
			return PTR_ERR(clnt);
		peer->clnt[conn] = clnt;
	}
	return 0;
}

static void ramster_peer_disconnect(struct ramster_peer *peer)
{
	unsigned int conn;

	for (conn = 0; conn < RAMSTER_NR_CONNS; conn++)
		if (peer->clnt[conn])
			rpc_shutdown_client(peer->clnt[conn]);
}

static struct ramster_peer *ramster_peer_alloc(const struct ramster_peer_conf *conf)
{
	struct ramster_peer *peer = kvzalloc(sizeof(*peer), GFP_KERNEL);

	if (!peer)
		return NULL;
	peer->conf = *conf;
	peer->seed = jhash(conf->name, strnlen(conf->name, sizeof(conf->name)), 0);
	refcount_set(&peer->refs, 1);
	init_completion(&peer->unused);
	spin_lock_init(&peer->lock);
	peer->window = 1;
	peer->born = ramster_last_number() + 1;
	atomic64_set(&peer->home, peer->born);
	peer->heard = jiffies;
	INIT_DELAYED_WORK(&peer->beat_work, ramster_beat_fn);
	init_completion(&peer->beat.idle);
	complete(&peer->beat.idle);
	ramster_drops_init(peer);
	peer->net = get_net(current->nsproxy->net_ns);
	return peer;
}

static void ramster_peer_free(struct ramster_peer *peer)
{
	ramster_peer_disconnect(peer);
	put_net(peer->net);
	kvfree(peer);
}

/* In turn, so that a slot is not used again soon. */
static int ramster_peer_publish(struct ramster_peer *peer)
{
	unsigned int slot;

	mutex_lock(&ramster_peers_lock);
	slot = find_next_zero_bit(ramster_slots, RAMSTER_MAX_PEERS,
				  ramster_last_slot + 1);
	if (slot >= RAMSTER_MAX_PEERS)
		slot = find_first_zero_bit(ramster_slots, RAMSTER_MAX_PEERS);
	if (slot < RAMSTER_MAX_PEERS) {
		peer->slot = slot;
		ramster_last_slot = slot;
		rcu_assign_pointer(ramster_peers[slot], peer);
		set_bit(slot, ramster_slots);
	}
	mutex_unlock(&ramster_peers_lock);
	return slot < RAMSTER_MAX_PEERS ? 0 : -ENOSPC;
}

static void ramster_peer_withdraw(struct ramster_peer *peer)
{
	mutex_lock(&ramster_peers_lock);
	rcu_assign_pointer(ramster_peers[peer->slot], NULL);
	clear_bit(peer->slot, ramster_slots);
	mutex_unlock(&ramster_peers_lock);
	synchronize_rcu();
}

/**
 * ramster_peer_start() - borrow from a lender
 * @conf: the lender, in the network namespace of the caller
 *
 * Does not wait for a connection: the heartbeat makes it, now or later.
 *
 * Context: Process context, may sleep.
 * Return: the lender, or an ERR_PTR: -EOPNOTSUPP if RAMster was not asked for on the
 * boot line, -EINVAL if the limits make no sense or there is
 * no name to verify, -ENOSPC if there are
 * %RAMSTER_MAX_PEERS already, -ENOMEM, or an error of the RPC engine.
 */
struct ramster_peer *ramster_peer_start(const struct ramster_peer_conf *conf)
{
	struct ramster_peer *peer;
	int err;

	if (!ramster_wq)
		return ERR_PTR(-EOPNOTSUPP);
	if (!conf->soft_ms || conf->hard_ms < conf->soft_ms ||
	    (conf->security == RAMSTER_TLS && !conf->servername[0]))
		return ERR_PTR(-EINVAL);
	peer = ramster_peer_alloc(conf);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	err = ramster_peer_connect(peer);
	if (!err)
		err = ramster_peer_publish(peer);
	if (err) {
		ramster_peer_free(peer);
		return ERR_PTR(err);
	}
	queue_delayed_work(ramster_wq, &peer->beat_work, 0);
	return peer;
}

static void ramster_peer_end_calls(struct ramster_peer *peer)
{
	unsigned int conn;

	for (conn = 0; conn < RAMSTER_NR_CONNS; conn++)
		rpc_killall_tasks(peer->clnt[conn]);
}

/* Bring home what it keeps: from it, or else from the other one. */
static void ramster_peer_empty(struct ramster_peer *peer)
{
	if (!ramster_await_home(&peer->kept, RAMSTER_LOST * peer->conf.hard_ms))
		pr_err("%s: %ld swap pages could not be brought home and may be lost\n",
		       peer->conf.name, atomic_long_read(&peer->kept));
}

/**
 * ramster_peer_stop() - borrow no more from a lender
 * @peer: the lender, gone when this returns
 *
 * Mirrored pages come home. What else it has of us is forgotten: file pages are read
 * again, swap pages are on the swap device. Whoever waits for it stops waiting.
 *
 * Context: Process context, may sleep: while mirrored pages come home, and for a few
 * seconds, as any call ends within the hard limit.
 */
void ramster_peer_stop(struct ramster_peer *peer)
{
	WRITE_ONCE(peer->leaving, true);
	ramster_peer_empty(peer);
	ramster_peer_set_state(peer, RAMSTER_PEER_STOPPING, 0);
	/* From here on nobody finds it. */
	synchronize_rcu();
	ramster_peer_end_calls(peer);
	cancel_delayed_work_sync(&peer->beat_work);
	cancel_delayed_work_sync(&peer->drops.work);
	ramster_peer_put(peer);
	/* Who came before may only now begin a call. */
	do
		ramster_peer_end_calls(peer);
	while (!wait_for_completion_timeout(&peer->unused, HZ / 10));
	/* The end of a call may have queued them once more. */
	cancel_delayed_work_sync(&peer->beat_work);
	cancel_delayed_work_sync(&peer->drops.work);
	/* A push may have ended meanwhile: the other lender has those. */
	ramster_peer_empty(peer);
	zcache_forget_remote(ramster_is_there, peer);
	/* Should it be started again, nobody knows what it has. */
	WRITE_ONCE(ramster_epoch, get_random_u64());
	ramster_peer_withdraw(peer);
	ramster_peer_free(peer);
}

/*
 * For people
 */

/**
 * ramster_peer_state() - what is known of a lender
 * @peer: the lender
 *
 * Context: Any.
 * Return: a word.
 */
const char *ramster_peer_state(struct ramster_peer *peer)
{
	return ramster_state_names[READ_ONCE(peer->state)];
}

/**
 * ramster_peer_show() - a line about a lender
 * @peer: the lender
 * @seq: where to
 *
 * Context: Any.
 */
void ramster_peer_show(struct ramster_peer *peer, struct seq_file *seq)
{
	seq_printf(seq, "%s state=%s security=%s pages=%ld kept=%ld room_kib=%lld latency_us=%u loads=%d window=%u oldest=%lld\n",
		   peer->conf.name, ramster_peer_state(peer),
		   peer->conf.security == RAMSTER_TLS ? "tls" : "insecure",
		   max(atomic_long_read(&peer->entries), 0L),
		   max(atomic_long_read(&peer->kept), 0L),
		   max_t(s64, atomic64_read(&peer->room), 0) >> 10,
		   READ_ONCE(peer->latency_us), atomic_read(&peer->loads),
		   READ_ONCE(peer->window), atomic64_read(&peer->oldest));
}

/**
 * ramster_peers_show() - a line about each lender
 * @seq: where to
 *
 * Context: May sleep.
 */
void ramster_peers_show(struct seq_file *seq)
{
	struct ramster_peer *peer;
	unsigned int slot;

	mutex_lock(&ramster_peers_lock);
	for_each_set_bit(slot, ramster_slots, RAMSTER_MAX_PEERS) {
		peer = rcu_dereference_protected(ramster_peers[slot],
						 lockdep_is_held(&ramster_peers_lock));
		ramster_peer_show(peer, seq);
	}
	mutex_unlock(&ramster_peers_lock);
}

/**
 * ramster_peers_renew() - this machine is another one now
 *
 * It has new sessions from now on, and shares none with the machine that it was.
 *
 * Context: May sleep.
 */
void ramster_peers_renew(void)
{
	struct ramster_peer *peer;
	unsigned int slot;

	WRITE_ONCE(ramster_epoch, get_random_u64());
	mutex_lock(&ramster_peers_lock);
	for_each_set_bit(slot, ramster_slots, RAMSTER_MAX_PEERS) {
		peer = rcu_dereference_protected(ramster_peers[slot],
						 lockdep_is_held(&ramster_peers_lock));
		ramster_session_lost(peer, &peer->token);
	}
	mutex_unlock(&ramster_peers_lock);
}

/**
 * ramster_peers_init() - before the first lender
 *
 * Context: May sleep, at boot.
 * Return: 0, or -ENOMEM.
 */
int ramster_peers_init(void)
{
	ramster_epoch = get_random_u64();
	ramster_wq = alloc_workqueue("ramster", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!ramster_wq)
		return -ENOMEM;
	rpc_proc_register(&init_net, &ramster_rpc_stat);
	return 0;
}
