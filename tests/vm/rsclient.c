// SPDX-License-Identifier: GPL-2.0
/* RAMster: clients in user space that want of the lender what is not theirs. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ramster.h"
#include "rpc.h"

#define FIRST	"127.0.0.2"
#define SECOND	"127.0.0.3"
#define STRANGER "127.0.0.9"

/**
 * struct client - a connection
 * @from: its address
 * @fd: its socket
 * @token: of its session
 * @call: what it asks
 * @answer: what it is told
 */
struct client {
	const char *from;
	int fd;
	unsigned char token[RPC_TOKEN];
	struct rpc_msg call;
	struct rpc_msg answer;
};

static struct client one = { .from = FIRST }, two = { .from = SECOND },
	stranger = { .from = STRANGER };

static void connect_client(struct client *c)
{
	if (c->fd > 0)
		close(c->fd);
	c->fd = rpc_connect(c->from, RS_HERE, RS_PORT);
	check(c->fd >= 0, "no connection from %s", c->from);
}

static int ask(struct client *c)
{
	return rpc_result(c->fd, &c->call, &c->answer);
}

/* @epoch: of the borrower, new at each of its boots. */
static int hello(struct client *c, uint32_t version, uint32_t features,
		 uint64_t epoch)
{
	int status;

	rpc_call(&c->call, RPC_HELLO);
	rpc_put32(&c->call, version);
	rpc_put32(&c->call, features);
	rpc_put64(&c->call, epoch);
	status = ask(c);
	if (status == RPC_OK)
		memcpy(c->token, rpc_get(&c->answer, RPC_TOKEN), RPC_TOKEN);
	return status;
}

#define EPOCH 0x5eed

static void begin_session(struct client *c, uint64_t epoch)
{
	int status;

	connect_client(c);
	status = hello(c, RPC_VERSION, 0, epoch);
	check(status == RPC_OK, "HELLO from %s: status %d", c->from, status);
}

/* A call with a token, and a number of things that follow. */
static void begin_call(struct client *c, uint32_t proc,
		       const unsigned char *token)
{
	rpc_call(&c->call, proc);
	rpc_put(&c->call, token, RPC_TOKEN);
}

static void fill_page(unsigned char *page, uint64_t number)
{
	page_make(page, env.seed, number, 0, NOISE);
}

#define PAGE_BYTES 3000U

static int store(struct client *c, const unsigned char *token, uint64_t number,
		 uint64_t *taken)
{
	unsigned char page[PAGE];
	int status;

	fill_page(page, number);
	begin_call(c, RPC_STORE, token);
	rpc_put32(&c->call, 1);
	rpc_put64(&c->call, number);
	rpc_put32(&c->call, PAGE_BYTES);
	rpc_put(&c->call, page, PAGE_BYTES);
	status = ask(c);
	*taken = status == RPC_OK ? rpc_get64(&c->answer) : 0;
	return status;
}

/* Returns how many bytes came; they must be right. */
static int load(struct client *c, const unsigned char *token, uint64_t number,
		uint32_t *len)
{
	unsigned char page[PAGE];
	int status;

	*len = 0;
	begin_call(c, RPC_LOAD, token);
	rpc_put32(&c->call, 1);
	rpc_put64(&c->call, number);
	status = ask(c);
	if (status != RPC_OK)
		return status;
	check(rpc_get32(&c->answer) == 1 && rpc_get64(&c->answer) == number,
	      "the answer is to another load");
	*len = rpc_get32(&c->answer);
	if (!*len)
		return status;
	fill_page(page, number);
	check(*len == PAGE_BYTES &&
	      !memcmp(rpc_get(&c->answer, *len), page, *len),
	      "page %lu came back with other bytes", (unsigned long)number);
	return status;
}

static int about_number(struct client *c, uint32_t proc,
			const unsigned char *token, uint64_t number)
{
	begin_call(c, proc, token);
	rpc_put32(&c->call, 1);
	rpc_put64(&c->call, number);
	return ask(c);
}

static int health(struct client *c, const unsigned char *token)
{
	begin_call(c, RPC_STATUS, token);
	return ask(c);
}

static const struct rs_peer first_peer = {
	.name = "first", .address = FIRST, .quota = 16,
};

static const struct rs_peer second_peer = {
	.name = "second", .address = SECOND, .quota = 16,
};

static void lend_to_clients(void)
{
	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&first_peer);
	rs_peer_add(&second_peer);
}

/* ---- What belongs to whom ---- */

SCENARIO(rs_client, 60, RS,
	 "a client in user space: its pages come back, until it forgets them")
{
	unsigned char token[RPC_TOKEN];
	uint64_t taken, number;
	uint32_t len;
	long stored;

	lend_to_clients();
	begin_session(&one, EPOCH);
	for (number = 1; number <= 200; number++) {
		check(store(&one, one.token, number, &taken) == RPC_OK,
		      "page %lu is refused", (unsigned long)number);
		check(taken == 1, "page %lu is not taken", (unsigned long)number);
	}
	stored = rs_since("lent_stores");
	check(stored == 200, "%ld of 200 pages were counted", stored);
	/* In any order, after a new connection as well. */
	connect_client(&one);
	for (number = 200; number; number--) {
		check(load(&one, one.token, number, &len) == RPC_OK && len,
		      "page %lu is not there", (unsigned long)number);
		shared->verified++;
	}
	check(about_number(&one, RPC_INVALIDATE, one.token, 7) == RPC_OK,
	      "page 7 cannot be forgotten");
	check(load(&one, one.token, 7, &len) == RPC_OK && !len,
	      "a page is there that was forgotten");
	check(load(&one, one.token, 8, &len) == RPC_OK && len,
	      "a page was forgotten with another one");
	check(health(&one, one.token) == RPC_OK, "no STATUS");
	check(rpc_get64(&one.answer) == 199, "not 199 pages are left");
	/* HELLO may come twice. */
	memcpy(token, one.token, RPC_TOKEN);
	begin_session(&one, EPOCH);
	check(!memcmp(token, one.token, RPC_TOKEN), "HELLO twice, two sessions");
	check(load(&one, one.token, 8, &len) == RPC_OK && len,
	      "a second HELLO has cost a page");
	/* The client was booted: its pages are of no use to it. */
	begin_session(&one, EPOCH + 1);
	check(memcmp(token, one.token, RPC_TOKEN), "the same token again");
	check(load(&one, token, 8, &len) == RPC_NO_SESSION,
	      "the token of an older session");
	check(load(&one, one.token, 8, &len) == RPC_OK && !len,
	      "a page is there of an older session");
}

SCENARIO(rs_client_greedy, 60, RS,
	 "a client stores more than its quota: it loses its oldest pages for that")
{
	static const struct rs_peer poor = {
		.name = "first", .address = FIRST, .quota = 1,
	};
	uint64_t nr = 2 * MIB / PAGE_BYTES, number, taken;
	uint32_t len;

	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&poor);
	begin_session(&one, EPOCH);
	for (number = 1; number <= nr; number++)
		check(store(&one, one.token, number, &taken) == RPC_OK,
		      "page %lu is refused", (unsigned long)number);
	check(health(&one, one.token) == RPC_OK, "no STATUS");
	number = rpc_get64(&one.answer);
	check(number * PAGE_BYTES <= MIB, "it has %lu pages of %u bytes for 1 MiB",
	      (unsigned long)number, PAGE_BYTES);
	check(load(&one, one.token, 1, &len) == RPC_OK && !len,
	      "the oldest page is there");
	check(load(&one, one.token, nr, &len) == RPC_OK && len,
	      "the newest page is not there");
}

/* Every call with a token that is not of a session of this address. */
static void gets_nothing(struct client *c, const unsigned char *token,
			 const char *what)
{
	uint64_t taken;
	uint32_t len;
	int status;

	status = load(c, token, 1, &len);
	check(status == RPC_NO_SESSION || status == RPC_DENIED,
	      "%s: LOAD has status %d", what, status);
	status = store(c, token, 1, &taken);
	check(status == RPC_NO_SESSION || status == RPC_DENIED,
	      "%s: STORE has status %d", what, status);
	status = about_number(c, RPC_INVALIDATE, token, 1);
	check(status == RPC_NO_SESSION || status == RPC_DENIED,
	      "%s: INVALIDATE has status %d", what, status);
	status = health(c, token);
	check(status == RPC_NO_SESSION || status == RPC_DENIED,
	      "%s: STATUS has status %d", what, status);
}

SCENARIO(rs_client_tokens, 60, RS,
	 "no pages without a session, nor with the token of another one's")
{
	unsigned char token[RPC_TOKEN];
	struct rng rng;
	uint64_t taken;
	uint32_t len;
	unsigned int i;
	long rejected;

	rng_init(&rng, 60);
	lend_to_clients();
	begin_session(&one, EPOCH);
	check(store(&one, one.token, 1, &taken) == RPC_OK && taken,
	      "a page is refused");
	begin_session(&two, EPOCH);
	check(memcmp(one.token, two.token, RPC_TOKEN), "the same token again");
	rejected = rs_since("lent_rejected");
	check(load(&two, two.token, 1, &len) == RPC_OK && !len,
	      "a page of another session");
	check(about_number(&two, RPC_INVALIDATE, two.token, 1) == RPC_OK,
	      "INVALIDATE is refused");
	gets_nothing(&two, one.token, "the token of another one");
	memset(token, 0, sizeof(token));
	gets_nothing(&two, token, "no token");
	for (i = 0; i < RPC_TOKEN * 8; i += 5) {
		memcpy(token, two.token, sizeof(token));
		token[i / 8] ^= 1 << i % 8;
		gets_nothing(&two, token, "a token with a wrong bit");
	}
	for (i = 0; i < 100; i++) {
		*(uint64_t *)token = rng_next(&rng);
		*(uint64_t *)(token + 8) = rng_next(&rng);
		gets_nothing(&two, token, "a token by chance");
	}
	check(load(&one, one.token, 1, &len) == RPC_OK && len,
	      "the page of the first client is gone");
	check(rs_since("lent_rejected") > rejected, "nothing was counted");
}

SCENARIO(rs_client_stranger, 60, RS,
	 "a machine that is no peer, or has no quota, gets no session")
{
	static const struct rs_peer poor = {
		.name = "poor", .address = STRANGER,
	};
	int status;

	lend_to_clients();
	begin_session(&one, EPOCH);
	connect_client(&stranger);
	status = hello(&stranger, RPC_VERSION, 0, EPOCH);
	check(status == RPC_DENIED || status == RPC_NOTHING,
	      "HELLO of a stranger has status %d", status);
	connect_client(&stranger);
	gets_nothing(&stranger, one.token, "a stranger with a token");
	rs_peer_add(&poor);
	connect_client(&stranger);
	status = hello(&stranger, RPC_VERSION, 0, EPOCH);
	check(status == RPC_DENIED || status == RPC_NOTHING,
	      "HELLO without a quota has status %d", status);
	/* The peer goes, and its session with it. */
	rs_peer_remove("first");
	connect_client(&one);
	gets_nothing(&one, one.token, "a peer that was removed");
	status = hello(&one, RPC_VERSION, 0, EPOCH);
	check(status == RPC_DENIED || status == RPC_NOTHING,
	      "HELLO of a peer that was removed has status %d", status);
}

SCENARIO(rs_client_plain, 60, RS,
	 "a client without TLS of which TLS is demanded is denied")
{
	static const struct rs_peer secure = {
		.name = "secure", .address = FIRST, .security = "tls",
		.quota = 16,
	};
	int status;

	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&secure);
	connect_client(&one);
	status = hello(&one, RPC_VERSION, 0, EPOCH);
	check(status == RPC_DENIED, "HELLO has status %d", status);
	connect_client(&one);
	gets_nothing(&one, one.token, "without TLS");
	check(rs_since("lent_rejected") > 0, "nothing was counted");
}

/* ---- Calls that are wrong ---- */

static void still_serves(void)
{
	uint64_t taken;
	uint32_t len;

	begin_session(&one, EPOCH);
	check(store(&one, one.token, 99, &taken) == RPC_OK && taken == 1,
	      "a good page is refused afterwards");
	check(load(&one, one.token, 99, &len) == RPC_OK && len,
	      "a good page is gone afterwards");
}

static void refused(struct client *c, const char *what)
{
	int status = ask(c);

	check(status != RPC_OK, "%s was taken", what);
	if (status == RPC_NOTHING)
		connect_client(c);
}

SCENARIO(rs_client_malformed, 60, RS,
	 "calls with numbers that are out of range, and calls cut at each word")
{
	unsigned char page[PAGE] = { 1 };
	unsigned int i, whole;
	int status;

	lend_to_clients();
	begin_session(&one, EPOCH);
	status = hello(&one, RPC_VERSION + 1, 0, EPOCH);
	check(status == RPC_BAD_VERSION, "a later version has status %d", status);
	status = hello(&one, RPC_VERSION, 1, EPOCH);
	check(status == RPC_BAD_VERSION, "a feature has status %d", status);
	begin_session(&one, EPOCH);

	for (i = 0; i < 2; i++) {
		begin_call(&one, RPC_LOAD, one.token);
		rpc_put32(&one.call, i ? 17 : 0);
		for (whole = 0; whole < 17; whole++)
			rpc_put64(&one.call, whole + 1);
		refused(&one, "LOAD of 17 pages or none");
		begin_call(&one, RPC_LOAD, one.token);
		rpc_put32(&one.call, 1);
		rpc_put64(&one.call, i ? 1ULL << 52 : 0);
		refused(&one, "LOAD of an impossible number");
		begin_call(&one, RPC_INVALIDATE, one.token);
		rpc_put32(&one.call, i ? 0xffffffff : 1025);
		for (whole = 0; whole < 1025; whole++)
			rpc_put64(&one.call, whole + 1);
		refused(&one, "INVALIDATE of 1025 pages or more");
		begin_call(&one, RPC_STORE, one.token);
		rpc_put32(&one.call, 1);
		rpc_put64(&one.call, 5);
		rpc_put32(&one.call, i ? RPC_MAX_SEALED + 1 : 0xfffffffd);
		rpc_put(&one.call, page, sizeof(page));
		refused(&one, "STORE of a page that is too long");
		begin_call(&one, RPC_STORE, one.token);
		rpc_put32(&one.call, i ? 65 : 0x80000001);
		for (whole = 0; whole < 65; whole++) {
			rpc_put64(&one.call, whole + 1);
			rpc_put32(&one.call, 4);
			rpc_put32(&one.call, 1);
		}
		refused(&one, "STORE of 65 pages or more");
	}

	/* The same good call, cut everywhere. */
	begin_call(&one, RPC_STORE, one.token);
	rpc_put32(&one.call, 2);
	for (i = 1; i <= 2; i++) {
		rpc_put64(&one.call, i);
		rpc_put32(&one.call, 40);
		rpc_put(&one.call, page, 40);
	}
	whole = one.call.len;
	for (i = 4; i < whole; i += 4) {
		one.call.len = i;
		one.call.at = 4;
		refused(&one, "a call that is cut");
	}
	still_serves();
	check(rs_since("lent_rejected") > 0, "nothing was counted");
}

/* Something like a call, changed at random. */
static void random_call(struct client *c, struct rng *rng)
{
	unsigned int i, changes = rng_below(rng, 6);

	begin_call(c, rng_below(rng, 8), rng_below(rng, 4) ? c->token :
					 (unsigned char *)"0123456789abcdef");
	rpc_put32(&c->call, rng_below(rng, 70));
	for (i = rng_below(rng, 300); i; i--) {
		if (rng_below(rng, 3))
			rpc_put32(&c->call, rng_below(rng, 100));
		else
			rpc_put64(&c->call, rng_next(rng));
	}
	while (changes--)
		c->call.bytes[8 + rng_below(rng, c->call.len - 8)] =
			rng_next(rng);
	if (!rng_below(rng, 3))
		c->call.len = 4 + rng_below(rng, c->call.len - 4) / 4 * 4;
}

static void random_bytes(struct client *c, struct rng *rng)
{
	unsigned char bytes[512];
	unsigned int i, len = 1 + rng_below(rng, sizeof(bytes));

	for (i = 0; i < len; i++)
		bytes[i] = rng_next(rng);
	/* A record that goes on for longer, or one of impossible length. */
	if (rng_below(rng, 2))
		memcpy(bytes, rng_below(rng, 2) ? "\x80\0\x40" : "\xff\xff\xff", 3);
	send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whatever comes back: nobody reads it. */
static bool drained(struct client *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };
	char bytes[4096];

	while (poll(&fd, 1, 0) > 0)
		if (recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			return false;
	return true;
}

SCENARIO(rs_client_random, 90, RS,
	 "random calls and bytes, while another client borrows")
{
	struct box box = box_default();
	struct region r;
	unsigned int calls = 0;
	struct rng rng;

	rng_init(&rng, 61);
	lend_to_clients();
	rs_peer_add(&rs_self_peer);
	check(rs_peer_up("self", 5), "the lender does not come up");
	swap_start(disk0);
	rs_pool(RS_POOL / 2);
	region_map(&r, 3 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	begin_session(&two, EPOCH);
	do {
		if (rng_below(&rng, 20)) {
			random_call(&two, &rng);
			rpc_send(two.fd, &two.call);
		} else {
			random_bytes(&two, &rng);
		}
		if (calls++ % 16 == 0)
			region_verify_page(&r, rng_below(&rng, r.nr));
		if (!drained(&two) || calls % 500 == 0) {
			if (rng_below(&rng, 4))
				connect_client(&two);
			else
				begin_session(&two, EPOCH);
		}
	} while (box_open(&box));
	say("%u calls", calls);
	still_serves();
	region_verify(&r);
	rs_report();
	rs_never_forged();
	zexpect(rs_since("hits") > 20, "the other client had only %ld hits",
		rs_since("hits"));
	check(rs_peer_up("self", 5), "the other client lost its lender");
}

SCENARIO(rs_client_crowd, 60, RS,
	 "many connections that say nothing, or half of something")
{
	unsigned int i, open = 0;
	int many[120];

	lend_to_clients();
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = rpc_connect(i % 2 ? STRANGER : SECOND, RS_HERE,
				      RS_PORT);
		if (many[i] < 0)
			continue;
		open++;
		if (i % 3)
			send(many[i], "\x80\0\1\0half", 8, MSG_NOSIGNAL);
	}
	say("%u connections", open);
	still_serves();
	for (i = 0; i < ARRAY_SIZE(many); i++)
		if (many[i] >= 0)
			close(many[i]);
	still_serves();
}
