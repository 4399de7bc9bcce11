// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAMster: the service that lends memory to borrowers
 *
 * Model
 * -----
 * A *client* is an address that may borrow, and how much. A client has one
 * *session* at most, which is what HELLO grants: a random token and a store. The
 * token is in all further calls, over whatever connection they come.
 *
 *	address of the connection --> client --> token --> store
 *
 * A call reaches exactly the store of the client at whose address the connection
 * ends, and only with the token of its session. There is no way to name another's.
 * A borrower that has booted anew says HELLO with another epoch and gets a new
 * session; the pages of the old one go. They also go when it has not been heard of
 * for RAMSTER_IDLE (RAMSTER_IDLE_KEPT), and at once when the client is not allowed any more. HELLO
 * with the epoch that is known, which may be one that was sent again, gets the
 * session that there is.
 *
 * What a connection must prove
 * ----------------------------
 * TLS, and that its other end has a certificate of the CA that this machine trusts.
 * Which certificate it was the kernel is not told, so what tells two clients apart is
 * their address. A client may be configured to be insecure: then its address is all.
 * This is looked at for every call, when it is carried out. So what was put into a
 * connection before TLS began, by someone in the middle, lacks the token.
 *
 * A stranger's HELLO is answered with %RAMSTER_DENIED; an RPC error would let its
 * kernel log a warning for each call. Any other call that does not reach a store is
 * answered with %RAMSTER_NO_SESSION, whatever is wrong with it. What strangers can
 * do is to begin TLS, before anyone is asked, and keep a thread for 5 s each time:
 * let a firewall see to it that they do not come by.
 *
 * Why it cannot deadlock
 * ----------------------
 * Two machines may borrow from each other: the page fault of A waits for a thread
 * of B, and that of B for a thread of A. A thread waits
 *  - for memory, between two calls (svc_recv()) and for a new session: for its own
 *    reclaim, which waits for its own disks at worst. Reclaim never waits for an RPC.
 *    While a call is carried out nothing is allocated that would wait: what finds
 *    no room is refused (store.c);
 *  - for ramster_sessions_sem: it is held while one call is carried out, or a
 *    session is put in or out, without waiting for anything but the copy of a frame;
 *  - for a borrower that does not read its answers (30 s) or does not end its
 *    handshake (5 s). That costs others a thread so long. They do not depend on it:
 *    they have limits of their own, and read their disks then.
 * It touches no user memory.
 *
 * Locks
 * -----
 * ramster_lender_mutex		start and stop. No thread of the service takes it.
 *   ramster_sessions_sem	clients and their sessions. Read for each call.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/freezer.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/proc_fs.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/stats.h>
#include <linux/sunrpc/svc.h>
#include <linux/sunrpc/svc_xprt.h>
#include <linux/sunrpc/svcsock.h>
#include <linux/workqueue.h>
#include <crypto/utils.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "proto.h"
#include "ramster.h"

/*
 * Borrowers say STATUS every few seconds. One that is cut off for longer may lose its
 * copies, but what is kept for it may be nowhere else.
 */
#define RAMSTER_IDLE		(5 * 60 * HZ)
#define RAMSTER_IDLE_KEPT	(60 * 60 * HZ)

/* Words of the answers, with room to grow: a connection has space for as many. */
#define RAMSTER_SMALL_REPLY	32

/* Of a zpage in the answer to a LOAD, beside its bytes. */
#define RAMSTER_LOAD_EXTRA	32

/**
 * struct ramster_address - an address without a port
 * @ip: IPv4 is mapped
 * @scope: which link, if @ip is of a link only
 */
struct ramster_address {
	struct in6_addr ip;
	u32 scope;
};

/**
 * struct ramster_client - who may borrow
 * @node: in ramster_clients
 * @name: for messages
 * @shown: its address for messages
 * @address: its address
 * @security: what it must prove
 * @quota_pages: how much it may borrow
 * @store: its pages; NULL if it has no session, and then nothing below is valid
 * @token: of its session
 * @epoch: of the borrower, in this session
 * @used: when it was last heard of, in jiffies
 */
struct ramster_client {
	struct list_head node;
	char name[RAMSTER_NAME_LEN];
	struct sockaddr_storage shown;
	struct ramster_address address;
	enum ramster_security security;
	unsigned long quota_pages;
	struct ramster_store *store;
	struct ramster_token token;
	u64 epoch;
	unsigned long used;
};

static DECLARE_RWSEM(ramster_sessions_sem);
static LIST_HEAD(ramster_clients);

static DEFINE_MUTEX(ramster_lender_mutex);
static struct svc_serv *ramster_serv;
static struct net *ramster_net;
static struct proc_dir_entry *ramster_stat_entry;

/* New at each start. */
static u64 ramster_epoch;

/*
 * Clients
 */

static struct ramster_address ramster_address(const struct sockaddr *addr)
{
	struct ramster_address address = {};
	const struct sockaddr_in6 *sin6;
	const struct sockaddr_in *sin;

	if (addr->sa_family == AF_INET) {
		sin = (const struct sockaddr_in *)addr;
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &address.ip);
	} else if (addr->sa_family == AF_INET6) {
		sin6 = (const struct sockaddr_in6 *)addr;
		address.ip = sin6->sin6_addr;
		if (__ipv6_addr_needs_scope_id(ipv6_addr_type(&address.ip)))
			address.scope = sin6->sin6_scope_id;
	}
	return address;
}

static struct ramster_client *ramster_client_at(struct ramster_address address)
{
	struct ramster_client *client;

	lockdep_assert_held(&ramster_sessions_sem);
	list_for_each_entry(client, &ramster_clients, node)
		if (ipv6_addr_equal(&client->address.ip, &address.ip) &&
		    client->address.scope == address.scope)
			return client;
	return NULL;
}

/* Who sent this call, if that is allowed and proved. */
static struct ramster_client *ramster_sender(struct svc_rqst *rqstp)
{
	unsigned long *flags = &rqstp->rq_xprt->xpt_flags;
	struct ramster_client *client;

	client = ramster_client_at(ramster_address(svc_addr(rqstp)));
	if (client && client->security != RAMSTER_INSECURE &&
	    !(test_bit(XPT_TLS_SESSION, flags) &&
	      test_bit(XPT_PEER_AUTH, flags)))
		return NULL;
	return client;
}

/*
 * Sessions
 */

/*
 * The store of the session of a call, or NULL. On success ramster_sessions_sem is
 * held until ramster_session_leave(), and so long the session stays.
 */
static struct ramster_store *
ramster_session_join(struct svc_rqst *rqstp, const struct ramster_token *token)
{
	struct ramster_client *client;

	down_read(&ramster_sessions_sem);
	client = ramster_sender(rqstp);
	if (client && client->store &&
	    !crypto_memneq(&client->token, token, sizeof(*token))) {
		WRITE_ONCE(client->used, jiffies);
		return client->store;
	}
	up_read(&ramster_sessions_sem);
	return NULL;
}

static void ramster_session_leave(void)
{
	up_read(&ramster_sessions_sem);
}

static bool ramster_client_idle(struct ramster_client *client)
{
	unsigned long idle = ramster_store_kept(client->store) ? RAMSTER_IDLE_KEPT :
								 RAMSTER_IDLE;

	return time_after(jiffies, READ_ONCE(client->used) + idle);
}

/* End one session, of those that are idle or of all. Returns what it had. */
static struct ramster_store *ramster_end_session(bool all)
{
	struct ramster_store *store = NULL;
	struct ramster_client *client;

	down_write(&ramster_sessions_sem);
	list_for_each_entry(client, &ramster_clients, node) {
		if (client->store && (all || ramster_client_idle(client))) {
			swap(client->store, store);
			break;
		}
	}
	up_write(&ramster_sessions_sem);
	return store;
}

/* Nobody uses a store that has left its client, once the lock was taken. */
static void ramster_end_sessions(bool all)
{
	struct ramster_store *store;

	while ((store = ramster_end_session(all)))
		ramster_store_destroy(store);
}

static void ramster_reap(struct work_struct *work)
{
	ramster_end_sessions(false);
	queue_delayed_work(system_unbound_wq, to_delayed_work(work),
			   RAMSTER_IDLE / 5);
}

static DECLARE_DELAYED_WORK(ramster_reaper, ramster_reap);

/*
 * HELLO
 */

static void ramster_welcome(struct ramster_welcome *welcome,
			    struct ramster_client *client)
{
	WRITE_ONCE(client->used, jiffies);
	welcome->token = client->token;
	welcome->epoch = ramster_epoch;
	welcome->quota_pages = client->quota_pages;
}

/* Is there a session of this epoch? If not, how much is the client to get? */
static enum ramster_status ramster_known(struct svc_rqst *rqstp, u64 epoch,
					 struct ramster_welcome *welcome,
					 unsigned long *quota_pages)
{
	enum ramster_status status = RAMSTER_DENIED;
	struct ramster_client *client;

	down_read(&ramster_sessions_sem);
	client = ramster_sender(rqstp);
	if (client) {
		status = RAMSTER_NO_SESSION;
		*quota_pages = client->quota_pages;
	}
	if (client && client->store && client->epoch == epoch) {
		status = RAMSTER_OK;
		ramster_welcome(welcome, client);
	}
	up_read(&ramster_sessions_sem);
	return status;
}

/* A new session. If this HELLO came twice at once, the later one counts. */
static enum ramster_status ramster_grant(struct svc_rqst *rqstp, u64 epoch,
					 struct ramster_welcome *welcome,
					 unsigned long quota_pages)
{
	struct ramster_store *store = ramster_store_create(quota_pages);
	enum ramster_status status = RAMSTER_BUSY;
	struct ramster_client *client;

	if (IS_ERR(store))
		return RAMSTER_BUSY;
	down_write(&ramster_sessions_sem);
	client = ramster_sender(rqstp);
	/* Unless it has just been configured in another way: it tries again. */
	if (client && client->quota_pages == quota_pages) {
		status = RAMSTER_OK;
		swap(client->store, store);
		get_random_bytes(&client->token, sizeof(client->token));
		client->epoch = epoch;
		ramster_welcome(welcome, client);
	}
	up_write(&ramster_sessions_sem);
	if (store)
		ramster_store_destroy(store);
	return status;
}

static enum ramster_status ramster_greet(struct svc_rqst *rqstp,
					 const struct ramster_hello *hello,
					 struct ramster_welcome *welcome)
{
	enum ramster_status status;
	unsigned long quota_pages = 0;

	if (hello->version != RAMSTER_VERSION ||
	    hello->features & ~RAMSTER_FEATURES)
		return RAMSTER_BAD_VERSION;
	status = ramster_known(rqstp, hello->epoch, welcome, &quota_pages);
	if (status == RAMSTER_NO_SESSION)
		status = ramster_grant(rqstp, hello->epoch, welcome,
				       quota_pages);
	/* Not one of those connections of which many are too many. */
	if (status == RAMSTER_OK)
		svc_xprt_set_valid(rqstp->rq_xprt);
	return status;
}

/*
 * Procedures. Each reads its call from one stream and writes its answer to the
 * other as it goes: what lies across two pages of a message is put together in one
 * place, which the next zpage takes.
 */

static __be32 ramster_answered(enum ramster_status status, int err)
{
	if (status != RAMSTER_OK && status != RAMSTER_BUSY)
		ramster_count(RAMSTER_LENT_REJECTED);
	return err ? rpc_system_err : rpc_success;
}

static __be32 ramster_proc_null(struct svc_rqst *rqstp)
{
	return rpc_success;
}

static __be32 ramster_proc_hello(struct svc_rqst *rqstp)
{
	struct ramster_welcome welcome = {};
	struct ramster_hello hello;
	int err;

	welcome.status = RAMSTER_BAD_MESSAGE;
	if (!ramster_decode_hello(&rqstp->rq_arg_stream, &hello))
		welcome.status = ramster_greet(rqstp, &hello, &welcome);
	err = ramster_encode_welcome(&rqstp->rq_res_stream, &welcome);
	return ramster_answered(welcome.status, err);
}

/* Take up to @nr pages; says which in @taken. */
static enum ramster_status ramster_take(struct ramster_store *store,
					struct xdr_stream *xdr, u32 nr, bool keep,
					u64 *taken)
{
	struct ramster_sealed sealed;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (ramster_decode_sealed(xdr, &sealed) || !sealed.len)
			return RAMSTER_BAD_MESSAGE;
		if (!ramster_store_put(store, sealed.number, sealed.data,
				       sealed.len, keep))
			*taken |= BIT_ULL(i);
	}
	if (ramster_decode_end(xdr))
		return RAMSTER_BAD_MESSAGE;
	return *taken ? RAMSTER_OK : RAMSTER_BUSY;
}

/* STORE and KEEP. */
static __be32 ramster_proc_store(struct svc_rqst *rqstp)
{
	bool keep = rqstp->rq_proc == RAMSTER_PROC_KEEP;
	struct xdr_stream *xdr = &rqstp->rq_arg_stream;
	enum ramster_status status = RAMSTER_BAD_MESSAGE;
	struct ramster_store *store;
	struct ramster_token token;
	u64 taken = 0;
	u32 nr;

	if (ramster_decode_store(xdr, &token, &nr))
		goto answer;
	status = RAMSTER_NO_SESSION;
	store = ramster_session_join(rqstp, &token);
	if (store) {
		status = ramster_take(store, xdr, nr, keep, &taken);
		ramster_session_leave();
	}
answer:
	return ramster_answered(status,
				ramster_encode_stored(&rqstp->rq_res_stream,
						      status, taken));
}

/* The pages, through the buffer of the thread: they may go from their frames. */
static int ramster_give(struct ramster_store *store, struct svc_rqst *rqstp,
			const u64 *numbers, u32 nr)
{
	struct ramster_sealed sealed = { .data = rqstp->rq_resp };
	int len, err = 0;
	u32 i;

	for (i = 0; i < nr && !err; i++) {
		len = ramster_store_get(store, numbers[i], rqstp->rq_resp,
					RAMSTER_MAX_SEALED);
		sealed.number = numbers[i];
		sealed.len = max(len, 0);
		err = ramster_encode_sealed(&rqstp->rq_res_stream, &sealed);
	}
	return err;
}

static __be32 ramster_proc_load(struct svc_rqst *rqstp)
{
	enum ramster_status status = RAMSTER_BAD_MESSAGE;
	struct xdr_stream *xdr = &rqstp->rq_res_stream;
	struct ramster_store *store = NULL;
	u64 numbers[RAMSTER_MAX_LOAD];
	struct ramster_token token;
	u32 nr = 0;
	int err;

	if (!ramster_decode_numbers(&rqstp->rq_arg_stream, &token, numbers, &nr,
				    RAMSTER_MAX_LOAD)) {
		store = ramster_session_join(rqstp, &token);
		status = store ? RAMSTER_OK : RAMSTER_NO_SESSION;
	}
	if (!store)
		return ramster_answered(status, ramster_encode_loaded(xdr,
								      status, 0));
	/* Let others have the space that this answer cannot need. */
	svc_reserve(rqstp, 4 * RAMSTER_SMALL_REPLY +
		    nr * (RAMSTER_LOAD_EXTRA + RAMSTER_MAX_SEALED));
	err = ramster_encode_loaded(xdr, status, nr);
	if (!err)
		err = ramster_give(store, rqstp, numbers, nr);
	ramster_session_leave();
	return ramster_answered(status, err);
}

static __be32 ramster_proc_invalidate(struct svc_rqst *rqstp)
{
	enum ramster_status status = RAMSTER_BAD_MESSAGE;
	struct ramster_store *store;
	struct ramster_token token;
	u64 *numbers = rqstp->rq_argp;
	u32 i, nr;

	if (ramster_decode_numbers(&rqstp->rq_arg_stream, &token, numbers, &nr,
				   RAMSTER_MAX_INVALIDATE))
		goto answer;
	status = RAMSTER_NO_SESSION;
	store = ramster_session_join(rqstp, &token);
	if (store) {
		status = RAMSTER_OK;
		for (i = 0; i < nr; i++)
			ramster_store_drop(store, numbers[i]);
		ramster_session_leave();
	}
answer:
	return ramster_answered(status,
				ramster_encode_status(&rqstp->rq_res_stream,
						      status));
}

static __be32 ramster_proc_status(struct svc_rqst *rqstp)
{
	struct ramster_health health = { .status = RAMSTER_BAD_MESSAGE };
	struct ramster_store *store;
	struct ramster_token token;

	if (ramster_decode_token(&rqstp->rq_arg_stream, &token))
		goto answer;
	health.status = RAMSTER_NO_SESSION;
	store = ramster_session_join(rqstp, &token);
	if (store) {
		health.status = RAMSTER_OK;
		health.pages = ramster_store_pages(store);
		health.oldest = ramster_store_oldest(store);
		health.room_pages = ramster_store_room(store);
		health.is_short = !health.room_pages;
		health.recalls = ramster_store_recalls();
		health.lost = ramster_store_lost(store);
		ramster_session_leave();
		ramster_store_settle();
	}
answer:
	return ramster_answered(health.status,
				ramster_encode_health(&rqstp->rq_res_stream,
						      &health));
}

/*
 * The RPC program
 */

/* The procedures encode; but without this no answer would be sent. */
static bool ramster_encoded(struct svc_rqst *rqstp, struct xdr_stream *xdr)
{
	return true;
}

#define RAMSTER_PROCEDURE(nr, func, words)				\
	[RAMSTER_PROC_##nr] = {						\
		.pc_func = func,					\
		.pc_encode = ramster_encoded,				\
		.pc_xdrressize = words,					\
		.pc_name = #nr,						\
	}

static const struct svc_procedure ramster_procedures[RAMSTER_NR_PROCS] = {
	RAMSTER_PROCEDURE(NULL, ramster_proc_null, 1),
	RAMSTER_PROCEDURE(HELLO, ramster_proc_hello, RAMSTER_SMALL_REPLY),
	RAMSTER_PROCEDURE(STORE, ramster_proc_store, RAMSTER_SMALL_REPLY),
	RAMSTER_PROCEDURE(LOAD, ramster_proc_load, 0),
	RAMSTER_PROCEDURE(INVALIDATE, ramster_proc_invalidate,
			  RAMSTER_SMALL_REPLY),
	RAMSTER_PROCEDURE(STATUS, ramster_proc_status, RAMSTER_SMALL_REPLY),
	RAMSTER_PROCEDURE(KEEP, ramster_proc_store, RAMSTER_SMALL_REPLY),
};

static int ramster_dispatch(struct svc_rqst *rqstp)
{
	struct xdr_stream *xdr = &rqstp->rq_res_stream;

	*rqstp->rq_accept_statp = rqstp->rq_procinfo->pc_func(rqstp);
	/* The last zpage may have been written across two pages. */
	xdr_commit_encode(xdr);
	/* TCP goes on to read these pages: the thread must not use them again. */
	rqstp->rq_next_page = xdr->page_ptr + 1;
	return 1;
}

/*
 * AUTH_NULL, or AUTH_TLS with the NULL procedure, which begins TLS. Who it is and
 * what it has proved is looked at later. No rq_client: to find one is to ask
 * user space.
 */
static enum svc_auth_status ramster_authenticate(struct svc_rqst *rqstp)
{
	switch (rqstp->rq_authop->flavour) {
	case RPC_AUTH_NULL:
	case RPC_AUTH_TLS:
		rqstp->rq_auth_stat = rpc_auth_ok;
		return SVC_OK;
	}
	rqstp->rq_auth_stat = rpc_autherr_badcred;
	return SVC_DENIED;
}

static DEFINE_PER_CPU(unsigned long, ramster_calls[RAMSTER_NR_PROCS]);

static const struct svc_version ramster_version = {
	.vs_vers = RAMSTER_VERSION,
	.vs_nproc = RAMSTER_NR_PROCS,
	.vs_proc = ramster_procedures,
	.vs_count = ramster_calls,
	/* INVALIDATE has its numbers in rq_argp, LOAD a zpage in rq_resp. */
	.vs_xdrsize = MAX_T(u32, RAMSTER_MAX_INVALIDATE * sizeof(u64),
			    RAMSTER_MAX_SEALED),
	.vs_hidden = true,
	.vs_need_cong_ctrl = true,
	.vs_dispatch = ramster_dispatch,
};

static const struct svc_version *ramster_versions[] = {
	[RAMSTER_VERSION] = &ramster_version,
};

static struct svc_program ramster_program = {
	.pg_prog = RAMSTER_PROGRAM,
	.pg_nvers = ARRAY_SIZE(ramster_versions),
	.pg_vers = ramster_versions,
	.pg_name = "ramsterd",
	.pg_class = "ramster",
	.pg_authenticate = ramster_authenticate,
	.pg_init_request = svc_generic_init_request,
	.pg_rpcbind_set = svc_generic_rpcbind_set,
};

static struct svc_stat ramster_svc_stat = {
	.program = &ramster_program,
};

static int ramster_stat_show(struct seq_file *seq, void *unused)
{
	svc_seq_show(seq, &ramster_svc_stat);
	return 0;
}
DEFINE_PROC_SHOW_ATTRIBUTE(ramster_stat);

/*
 * Start and stop
 */

static int ramster_thread(void *arg)
{
	struct svc_rqst *rqstp = arg;

	svc_thread_init_status(rqstp, 0);
	set_freezable();
	while (!svc_thread_should_stop(rqstp))
		svc_serve_next(rqstp);
	svc_exit_thread(rqstp);
	return 0;
}

static int ramster_listen(const struct ramster_lender_conf *conf)
{
	struct sockaddr_storage addr;
	unsigned int i;
	int port;

	for (i = 0; i < conf->nr_listen; i++) {
		addr = conf->listen[i];
		port = svc_xprt_create_from_sa(ramster_serv, "tcp", ramster_net,
					       (struct sockaddr *)&addr,
					       SVC_SOCK_ANONYMOUS,
					       current_cred());
		if (port < 0) {
			pr_err("cannot listen on %pISpc: error %d\n", &addr,
			       port);
			return port;
		}
	}
	return 0;
}

/* Sockets first: that frees threads which are stuck in sending. */
static void ramster_serv_stop(void)
{
	svc_close_all(ramster_serv, ramster_net);
	svc_run_threads(ramster_serv, 0);
	svc_destroy(&ramster_serv);
	put_net(ramster_net);
	ramster_net = NULL;
}

static int ramster_serv_start(const struct ramster_lender_conf *conf)
{
	int err;

	ramster_serv = svc_create_pooled(&ramster_program, 1, &ramster_svc_stat,
					 RAMSTER_MAX_BATCH, ramster_thread);
	if (!ramster_serv)
		return -ENOMEM;
	ramster_net = get_net(current->nsproxy->net_ns);
	err = svc_bind(ramster_serv, ramster_net);
	if (!err)
		err = ramster_listen(conf);
	if (!err)
		err = svc_run_threads(ramster_serv, conf->threads);
	if (err)
		ramster_serv_stop();
	return err;
}

/**
 * ramster_lender_start() - begin to lend
 * @conf: where to listen, and how much may be lent
 *
 * Listens in the network namespace of the caller, which stays until
 * ramster_lender_stop().
 *
 * Context: May sleep.
 * Return: 0; -EBUSY if it has begun; -EINVAL if @conf has no address or no thread;
 * -ENOMEM; what listening on an address failed with (-EADDRINUSE,
 * -EADDRNOTAVAIL, -EAFNOSUPPORT). Nothing has changed then.
 */
int ramster_lender_start(const struct ramster_lender_conf *conf)
{
	int err = -EBUSY;

	if (!conf->nr_listen || !conf->threads)
		return -EINVAL;
	mutex_lock(&ramster_lender_mutex);
	if (ramster_serv)
		goto unlock;
	err = ramster_store_start(conf->percent, conf->headroom_percent);
	if (err)
		goto unlock;
	ramster_epoch = get_random_u64();
	err = ramster_serv_start(conf);
	if (err)
		goto unlock;
	/* Only statistics: it works without. */
	ramster_stat_entry = svc_proc_register(ramster_net, &ramster_svc_stat,
					       &ramster_stat_proc_ops);
	queue_delayed_work(system_unbound_wq, &ramster_reaper, RAMSTER_IDLE);
unlock:
	mutex_unlock(&ramster_lender_mutex);
	return err;
}

/**
 * ramster_lender_stop() - lend no more, and free what was lent
 *
 * Clients stay allowed. Does nothing if it has not begun.
 *
 * Context: May sleep, until all calls have ended: for a few seconds if the other
 * side of a connection has just been asked to prove itself.
 */
void ramster_lender_stop(void)
{
	mutex_lock(&ramster_lender_mutex);
	if (ramster_serv) {
		proc_remove(ramster_stat_entry);
		ramster_serv_stop();
		cancel_delayed_work_sync(&ramster_reaper);
		ramster_end_sessions(true);
	}
	mutex_unlock(&ramster_lender_mutex);
}

/**
 * ramster_client_allow() - lend to an address
 * @name: for messages
 * @addr: the address, its port does not matter
 * @security: what it must prove
 * @quota_pages: how much it may borrow, in pages
 *
 * Context: May sleep.
 * Return: the client; ERR_PTR(-EEXIST) if one has this address; ERR_PTR(-EINVAL)
 * if it is none of IPv4 and IPv6, or @quota_pages is 0 or more than
 * %RAMSTER_MAX_PAGES; ERR_PTR(-ENOMEM).
 */
struct ramster_client *ramster_client_allow(const char *name,
					    const struct sockaddr_storage *addr,
					    enum ramster_security security,
					    unsigned long quota_pages)
{
	struct ramster_client *client;
	bool exists;

	if ((addr->ss_family != AF_INET && addr->ss_family != AF_INET6) ||
	    !quota_pages || quota_pages > RAMSTER_MAX_PAGES)
		return ERR_PTR(-EINVAL);
	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return ERR_PTR(-ENOMEM);
	strscpy(client->name, name, sizeof(client->name));
	client->shown = *addr;
	client->address = ramster_address((const struct sockaddr *)addr);
	client->security = security;
	client->quota_pages = quota_pages;

	down_write(&ramster_sessions_sem);
	exists = ramster_client_at(client->address);
	if (!exists)
		list_add_tail(&client->node, &ramster_clients);
	up_write(&ramster_sessions_sem);
	if (exists) {
		kfree(client);
		return ERR_PTR(-EEXIST);
	}
	return client;
}

/**
 * ramster_client_deny() - lend no more to an address
 * @client: the client, which ends; its pages are freed
 *
 * Context: May sleep.
 */
void ramster_client_deny(struct ramster_client *client)
{
	down_write(&ramster_sessions_sem);
	list_del(&client->node);
	up_write(&ramster_sessions_sem);
	if (client->store)
		ramster_store_destroy(client->store);
	kfree_sensitive(client);
}

/**
 * ramster_clients_show() - print who may borrow, a line each
 * @seq: where
 *
 * Context: May sleep.
 */
void ramster_clients_show(struct seq_file *seq)
{
	struct ramster_client *client;

	down_read(&ramster_sessions_sem);
	list_for_each_entry(client, &ramster_clients, node) {
		seq_printf(seq, "%s %pISc %s quota_pages %lu", client->name,
			   &client->shown,
			   client->security == RAMSTER_TLS ? "tls" : "insecure",
			   client->quota_pages);
		if (client->store)
			seq_printf(seq, " zpages %lu kept %lu idle_ms %u",
				   ramster_store_pages(client->store),
				   ramster_store_kept(client->store),
				   jiffies_to_msecs(jiffies -
						    READ_ONCE(client->used)));
		seq_putc(seq, '\n');
	}
	up_read(&ramster_sessions_sem);
}
