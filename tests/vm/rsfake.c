// SPDX-License-Identifier: GPL-2.0
/* RAMster: a lender that lies, and clients that want what is not theirs. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ramster.h"
#include "rpc.h"
#include "rsfake.h"

/* ---- A lender in user space ---- */

#define FAKE_PORT	20613
#define CONNECTIONS	16

static const char *const lie_names[NR_LIES] = {
	"honest", "forgets", "other page", "other number", "flipped", "shorter",
	"longer", "wrong count", "too many", "bad status", "no session",
	"garbage", "cut", "wrong call", "huge record", "silent", "hangs up",
};

struct fake *fake;

static const struct kept *find_kept(uint64_t number)
{
	unsigned int i;

	for (i = 0; i < KEPT_PAGES; i++)
		if (fake->kept[i].number == number)
			return &fake->kept[i];
	return NULL;
}

static const struct kept *another(uint64_t number)
{
	const struct kept *page;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		page = &fake->kept[rng_below(&fake->rng, KEPT_PAGES)];
		if (page->number && page->number != number)
			return page;
	}
	return NULL;
}

static void put_page(struct rpc_msg *to, uint64_t number,
		     const unsigned char *data, uint32_t len)
{
	rpc_put64(to, number);
	rpc_put32(to, len);
	rpc_put(to, data, len);
}

/* One page of the answer to a load. */
static void lie_about(struct rpc_msg *to, uint64_t number)
{
	const struct kept *page = find_kept(number), *other = another(number);
	unsigned char data[RPC_MAX_SEALED + 64] = { 0 };
	uint32_t len = page ? page->len : 0;

	if (!page || fake->lie == FORGETS) {
		put_page(to, number, data, 0);
		return;
	}
	memcpy(data, page->data, len);
	switch (fake->lie) {
	case OTHER_PAGE:
		if (other)
			put_page(to, number, other->data, other->len);
		else
			put_page(to, number, data, 0);
		return;
	case OTHER_NUMBER:
		if (other)
			put_page(to, other->number, other->data, other->len);
		else
			put_page(to, number, data, 0);
		return;
	case FLIPPED:
		data[rng_below(&fake->rng, len)] ^= 1 << rng_below(&fake->rng, 8);
		break;
	case SHORTER:
		len -= 1 + rng_below(&fake->rng, len);
		break;
	case LONGER:
		len += 1 + rng_below(&fake->rng, 60);
		break;
	case GARBAGE:
		len = rng_below(&fake->rng, sizeof(data));
		while (len & 7)
			len--;
		for (uint32_t i = 0; i < len; i += 8)
			*(uint64_t *)(data + i) = rng_next(&fake->rng);
		break;
	default:
		break;
	}
	put_page(to, number, data, len);
}

static void answer_load(struct rpc_msg *from, struct rpc_msg *to)
{
	uint32_t nr, i;

	rpc_get(from, RPC_TOKEN);
	nr = rpc_get32(from);
	fake->asked++;
	rpc_put32(to, fake->lie == BAD_STATUS ? rng_next(&fake->rng) :
		      fake->lie == NO_SESSION ? RPC_NO_SESSION : RPC_OK);
	if (fake->lie == BAD_STATUS || fake->lie == NO_SESSION)
		return;
	rpc_put32(to, fake->lie == WRONG_COUNT ? nr / 2 + 99 :
		      fake->lie == TOO_MANY ? nr + 3 : nr);
	for (i = 0; i < nr && !from->bad; i++)
		lie_about(to, rpc_get64(from));
	for (i = 0; i < 3 && fake->lie == TOO_MANY; i++)
		lie_about(to, fake->kept[i].number);
	if (fake->lie == GARBAGE && rng_below(&fake->rng, 2))
		to->len = 28 + rng_below(&fake->rng, to->len - 28) / 4 * 4;
}

/* In the place of an old one, unless all are to be kept. */
static struct kept *place_for(uint32_t proc)
{
	unsigned int i;

	if (proc != RPC_KEEP)
		return &fake->kept[fake->stored % KEPT_PAGES];
	for (i = 0; i < KEPT_PAGES; i++)
		if (!fake->kept[i].number)
			return &fake->kept[i];
	return NULL;
}

static void answer_store(struct rpc_msg *from, struct rpc_msg *to, uint32_t proc)
{
	struct kept *page;
	uint64_t number, taken = 0;
	uint32_t nr, i, len;

	rpc_get(from, RPC_TOKEN);
	nr = rpc_get32(from);
	for (i = 0; i < nr && !from->bad; i++) {
		number = rpc_get64(from);
		len = rpc_get32(from);
		check(len && len <= RPC_MAX_SEALED && number,
		      "the borrower sends %u bytes as page %lu", len,
		      (unsigned long)number);
		page = place_for(proc);
		if (!page) {
			rpc_get(from, len);
			continue;
		}
		fake->stored++;
		page->number = number;
		page->len = len;
		memcpy(page->data, rpc_get(from, len), len);
		taken |= 1ULL << i;
	}
	check(!from->bad, "the borrower sends less than it says");
	check(from->at == from->len, "the borrower sends more than it says");
	rpc_put32(to, RPC_OK);
	rpc_put64(to, taken);
}

static void answer_invalidate(struct rpc_msg *from, struct rpc_msg *to)
{
	uint32_t nr, i;

	rpc_get(from, RPC_TOKEN);
	nr = rpc_get32(from);
	for (i = 0; i < nr && !from->bad; i++) {
		const struct kept *page = find_kept(rpc_get64(from));

		if (page)
			fake->kept[page - fake->kept].number = 0;
	}
	rpc_put32(to, RPC_OK);
}

unsigned long fake_keeps(void)
{
	unsigned long i, nr = 0;

	for (i = 0; i < KEPT_PAGES; i++)
		nr += !!fake->kept[i].number;
	return nr;
}

static void answer_hello(struct rpc_msg *from, struct rpc_msg *to)
{
	unsigned char token[RPC_TOKEN];

	check(rpc_get32(from) == RPC_VERSION && rpc_get32(from) == 0,
	      "the borrower is of another version");
	memset(token, 0x5a, sizeof(token));
	rpc_put32(to, RPC_OK);
	rpc_put(to, token, sizeof(token));
	rpc_put32(to, 0);
	rpc_put64(to, fake->epoch);
	rpc_put64(to, PAGES(64));
}

static void answer_health(struct rpc_msg *to)
{
	rpc_put32(to, RPC_OK);
	rpc_put64(to, 100);
	rpc_put64(to, 0);
	rpc_put64(to, PAGES(32));
	rpc_put32(to, 0);
	rpc_put32(to, fake->recalls);
	rpc_put64(to, fake->lost);
}

/* Returns false if the connection is to be closed. */
static bool send_answer(int fd, struct rpc_msg *to, uint32_t proc)
{
	if (proc == RPC_LOAD && fake->lie == HANGS_UP) {
		send(fd, to->bytes, to->len / 2, MSG_NOSIGNAL);
		return false;
	}
	if (proc == RPC_LOAD && fake->lie == HUGE_RECORD) {
		memset(to->bytes, 0x7f, 4);
		return send(fd, to->bytes, to->len, MSG_NOSIGNAL) > 0;
	}
	if (proc == RPC_LOAD && fake->lie == CUT)
		to->len = 28 + (to->len - 28) * 2 / 3 / 4 * 4;
	return rpc_send(fd, to);
}

static bool answer_call(int fd)
{
	static struct rpc_msg from, to;
	uint32_t xid, proc, i;

	if (!rpc_receive(fd, &from))
		return false;
	xid = rpc_get32(&from);
	for (i = 0; i < 4; i++)
		rpc_get32(&from);
	proc = rpc_get32(&from);
	for (i = 0; i < 4; i++)
		rpc_get32(&from);
	if (proc == RPC_LOAD && fake->lie == WRONG_CALL)
		xid += 77;
	rpc_answer(&to, xid);
	if (proc == RPC_HELLO)
		answer_hello(&from, &to);
	else if (proc == RPC_STORE || proc == RPC_KEEP)
		answer_store(&from, &to, proc);
	else if (proc == RPC_LOAD)
		answer_load(&from, &to);
	else if (proc == RPC_INVALIDATE)
		answer_invalidate(&from, &to);
	else if (proc == RPC_STATUS)
		answer_health(&to);
	else if (proc != RPC_NULL)
		fake->refused++;
	if (proc == RPC_LOAD && fake->lie == SILENT)
		return true;
	return send_answer(fd, &to, proc);
}

static int listen_at(const char *address, unsigned int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, address, &in.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (void *)&in, sizeof(in)) || listen(fd, 8))
		fail_errno("cannot listen at %s", address);
	return fd;
}

/* Until it is killed. Nothing of it may be swapped: it would wait for itself. */
static void serve(void *arg)
{
	struct pollfd fds[CONNECTIONS + 1] = { { .events = POLLIN } };
	unsigned int i;

	(void)arg;
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail_errno("mlockall");
	fds[0].fd = listen_at(RS_HERE, FAKE_PORT);
	for (i = 1; i <= CONNECTIONS; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	for (;;) {
		poll(fds, CONNECTIONS + 1, -1);
		for (i = 1; i <= CONNECTIONS; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			if (answer_call(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
		}
		for (i = 1; i <= CONNECTIONS && fds[i].fd >= 0; i++)
			;
		if (fds[0].revents && i <= CONNECTIONS)
			fds[i].fd = accept(fds[0].fd, NULL, NULL);
	}
}

static const struct rs_peer fake_peer = {
	.name = "fake", .address = RS_HERE, .port = FAKE_PORT, .borrow = true,
};

static void use_fake(void)
{
	rs_peer_add(&fake_peer);
	check(rs_peer_up("fake", 5), "the lender in user space is not used");
}

int fake_start(void)
{
	int pid;

	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (fake == MAP_FAILED)
		fail_errno("mmap");
	rng_init(&fake->rng, 50);
	fake->epoch = 0x1234567;
	pid = spawn(serve, NULL);
	nap(100);
	use_fake();
	return pid;
}

/* With each lie in turn: fill, push, read. */
static void lied_to(struct region *r, enum lie lie)
{
	long forged = rs_since("forged"), hits = rs_since("hits");
	double start = now();
	unsigned long i;

	/* It is forgiven what it did before. */
	fake->lie = HONEST;
	rs_peer_remove("fake");
	use_fake();
	for (i = 0; i < r->nr; i++)
		region_write(r, i);
	rs_pageout(r);
	nap(50);
	fake->lie = lie;
	for (i = 0; i < r->nr && now() - start < 3; i++)
		region_verify_page(r, i);
	hits = rs_since("hits") - hits;
	forged = rs_since("forged") - forged;
	say("%s: %ld hits, %ld forged, %.1f s", lie_names[lie], hits, forged,
	    now() - start);
	/* Of these each page is refused because it does not open, not later. */
	if (lie == OTHER_PAGE || lie == FLIPPED || lie == SHORTER || lie == LONGER)
		zexpect(forged > 0 && !hits, "%s: %ld hits, %ld forged",
			lie_names[lie], hits, forged);
	fake->lie = HONEST;
	region_verify(r);
}

static void believe(enum lie first, enum lie last)
{
	struct region r;
	enum lie lie;

	rs_ready();
	fake_start();
	swap_start(disk0);
	rs_pool(RS_POOL / 4);
	region_map(&r, 3 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	for (lie = first; lie <= last; lie++)
		lied_to(&r, lie);
	rs_report();
	say("it took %lu pages, was asked %lu times", fake->stored, fake->asked);
	check(!fake->refused, "%lu calls of no known sort", fake->refused);
	rs_peer_remove("fake");
	region_verify(&r);
	zexpect(fake->asked > 20, "it was asked only %lu times", fake->asked);
}

SCENARIO(rs_fake_honest, 60, RS,
	 "a lender in user space that does as it should: the protocol is what it is said to be")
{
	believe(HONEST, HONEST);
	rs_never_forged();
	zexpect(rs_since("hits") > 20, "only %ld hits", rs_since("hits"));
}

SCENARIO(rs_fake_pages, 120, RS,
	 "a lender that answers with other, changed, cut and longer pages: never a wrong byte")
{
	believe(FORGETS, LONGER);
	zexpect(rs_since("forged") > 0, "no page was noticed");
}

SCENARIO(rs_fake_messages, 120, RS,
	 "a lender whose messages are wrong, random, cut, late or none")
{
	believe(WRONG_COUNT, NR_LIES - 1);
}

/* The same for files, where a wrong page would stay in the page cache. */
SCENARIO(rs_fake_files, 120, RS,
	 "a lender that lies about pages of files")
{
	const struct fs *fs;
	struct file f;
	enum lie lie;

	rs_ready();
	fake_start();
	fs = fs_start("ext4");
	rs_pool(RS_POOL / 4);
	file_create_large(&f, fs, "large", 3 * RS_POOL, HEAP | TEXT);
	for (lie = OTHER_PAGE; lie <= LONGER; lie++) {
		fake->lie = HONEST;
		rs_peer_remove("fake");
		use_fake();
		file_verify(&f, READ);
		rs_evict(&f);
		nap(50);
		fake->lie = lie;
		file_verify(&f, lie % 2 ? MMAP : READ);
	}
	rs_report();
	zexpect(rs_since("forged") > 0, "no page was noticed");
	file_delete(&f);
	fs_umount(fs);
}
