// SPDX-License-Identifier: GPL-2.0
/*
 * RAMster: connections that demand TLS.
 *
 * The agent that does the handshakes for the kernel is one of ours. It only says
 * how they went, nothing is encrypted: what is tested is what the kernel does with
 * what it is told.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "netlink.h"
#include "ramster.h"

/* The generic netlink family "handshake". */
enum { CMD_READY = 1, CMD_ACCEPT, CMD_DONE };
enum { ACCEPT_SOCKET = 1, ACCEPT_CLASS, ACCEPT_TYPE };
enum { DONE_STATUS = 1, DONE_SOCKET, DONE_REMOTE_AUTH };
enum { CLASS_TLSHD = 1 };
enum { SERVER_HELLO = 2 };

/* What the agent says of each handshake. */
enum verdict {
	GOOD,
	NO_CERTIFICATE,	/* the client has shown none */
	REFUSED_BY_CLIENT,
	REFUSED_BY_LENDER,
	NEVER_DONE,
};

/**
 * struct agent - what it shares with the scenario
 * @verdict: what it says
 * @handshakes: how many it did
 * @family: its number
 * @group: that of its events
 */
struct agent {
	volatile enum verdict verdict;
	volatile unsigned long handshakes;
	unsigned int family;
	unsigned int group;
};

static struct agent *agent;

static struct rtattr *attributes(struct netlink *msg, int *len)
{
	*len = msg->head.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	return (struct rtattr *)(msg->body + GENL_HDRLEN);
}

static uint32_t number_of(struct rtattr *attr)
{
	uint32_t value = 0;

	if (attr)
		memcpy(&value, RTA_DATA(attr), sizeof(value));
	return value;
}

static struct netlink *command(unsigned int family, unsigned int cmd)
{
	struct netlink *msg = netlink_begin(family, 0);
	struct genlmsghdr head = { .cmd = cmd, .version = 1 };

	netlink_add(msg, &head, sizeof(head));
	return msg;
}

static void find_family(void)
{
	struct netlink *msg = command(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	int fd = netlink_socket(NETLINK_GENERIC), len;
	struct rtattr *groups, *group, *id, *name;

	netlink_put(msg, CTRL_ATTR_FAMILY_NAME, "handshake", 10);
	netlink_send(fd, msg);
	netlink_receive(fd, msg);
	check(msg->head.nlmsg_type == GENL_ID_CTRL, "no handshakes in this kernel");
	groups = attributes(msg, &len);
	agent->family = (uint16_t)number_of(netlink_find(groups, len,
							 CTRL_ATTR_FAMILY_ID));
	groups = netlink_find(groups, len, CTRL_ATTR_MCAST_GROUPS);
	check(groups, "the family has no groups");
	len = RTA_PAYLOAD(groups);
	for (group = RTA_DATA(groups); RTA_OK(group, len);
	     group = RTA_NEXT(group, len)) {
		name = netlink_find(RTA_DATA(group), RTA_PAYLOAD(group),
				    CTRL_ATTR_MCAST_GRP_NAME);
		id = netlink_find(RTA_DATA(group), RTA_PAYLOAD(group),
				  CTRL_ATTR_MCAST_GRP_ID);
		if (name && !strcmp(RTA_DATA(name), "tlshd"))
			agent->group = number_of(id);
	}
	check(agent->group, "no group for handshakes");
	close(fd);
}

static void done(int fd, int sock, uint32_t status, bool shown)
{
	struct netlink *msg = command(agent->family, CMD_DONE);
	uint32_t peer = -1;

	netlink_put(msg, DONE_STATUS, &status, sizeof(status));
	netlink_put(msg, DONE_SOCKET, &sock, sizeof(sock));
	if (shown)
		netlink_put(msg, DONE_REMOTE_AUTH, &peer, sizeof(peer));
	netlink_ask(fd, msg);
}

/* Returns false if no handshake waits. */
static bool accept_one(int fd)
{
	struct netlink *msg = command(agent->family, CMD_ACCEPT);
	uint32_t class = CLASS_TLSHD;
	enum verdict verdict = agent->verdict;
	struct rtattr *first;
	int len, sock;
	bool server;

	netlink_put(msg, ACCEPT_CLASS, &class, sizeof(class));
	netlink_send(fd, msg);
	netlink_receive(fd, msg);
	if (msg->head.nlmsg_type != agent->family)
		return false;
	first = attributes(msg, &len);
	sock = number_of(netlink_find(first, len, ACCEPT_SOCKET));
	server = number_of(netlink_find(first, len, ACCEPT_TYPE)) == SERVER_HELLO;
	agent->handshakes++;
	if (verdict == NEVER_DONE)
		return true;
	done(fd, sock, verdict == (server ? REFUSED_BY_LENDER : REFUSED_BY_CLIENT) ?
		       EACCES : 0, !server || verdict != NO_CERTIFICATE);
	close(sock);
	return true;
}

/* Until it is killed. Nothing of it may be swapped: it would wait for itself. */
static void serve(void *arg)
{
	int events = netlink_socket(NETLINK_GENERIC);
	int fd = netlink_socket(NETLINK_GENERIC);
	struct netlink event;

	(void)arg;
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail_errno("mlockall");
	if (setsockopt(events, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &agent->group,
		       sizeof(agent->group)))
		fail_errno("cannot hear of handshakes");
	for (;;) {
		netlink_receive(events, &event);
		while (accept_one(fd))
			;
	}
}

static const struct rs_peer secure = {
	.name = "secure", .address = RS_HERE, .security = "tls",
};

static void configure(void)
{
	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&secure);
	write_file(rs_path("secure", "servername"), "localhost");
	write_file(rs_path("secure", "quota"), "64");
	write_file(rs_path("secure", "borrow"), "1");
}

static void start(enum verdict verdict)
{
	agent = mmap(NULL, sizeof(*agent), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (agent == MAP_FAILED)
		fail_errno("mmap");
	agent->verdict = verdict;
	find_family();
	spawn(serve, NULL);
	nap(100);
	configure();
}

SCENARIO(rs_tls, 60, RS,
	 "handshakes go well: pages leave, and come back")
{
	struct region r;

	start(GOOD);
	check(rs_peer_up("secure", 8), "the connection is not used");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, 4 * RS_POOL, TEXT);
	rs_push_and_verify(&r);
	rs_report();
	say("%lu handshakes", agent->handshakes);
	zexpect(rs_since("hits") > 100, "only %ld hits", rs_since("hits"));
	check(agent->handshakes > 0, "without a handshake");
	rs_never_forged();
}

SCENARIO(rs_tls_no_agent, 60, RS,
	 "TLS is demanded and no agent is there: no page leaves, nobody waits")
{
	configure();
	check(!rs_peer_up("secure", 2), "a connection without TLS was used");
	rs_nothing_leaves("secure");
}

SCENARIO(rs_tls_no_certificate, 60, RS,
	 "the borrower has shown no certificate: it is denied")
{
	start(NO_CERTIFICATE);
	check(!rs_peer_up("secure", 3), "a borrower without a certificate is served");
	check(agent->handshakes > 0, "no handshake was tried");
	check(rs_since("lent_rejected") > 0, "nothing was counted");
	rs_nothing_leaves("secure");
}

SCENARIO(rs_tls_bad_borrower, 60, RS,
	 "the lender refuses the certificate of the borrower")
{
	start(REFUSED_BY_LENDER);
	check(!rs_peer_up("secure", 3), "a borrower that was refused is served");
	check(agent->handshakes > 0, "no handshake was tried");
	rs_nothing_leaves("secure");
}

SCENARIO(rs_tls_bad_lender, 60, RS,
	 "the borrower refuses the certificate of the lender")
{
	start(REFUSED_BY_CLIENT);
	check(!rs_peer_up("secure", 3), "a lender that was refused is used");
	check(agent->handshakes > 0, "no handshake was tried");
	rs_nothing_leaves("secure");
}

SCENARIO(rs_tls_never_done, 90, RS,
	 "the agent never says how it went: nobody waits for it")
{
	start(NEVER_DONE);
	check(!rs_peer_up("secure", 3), "without an end of the handshake");
	rs_nothing_leaves("secure");
}
