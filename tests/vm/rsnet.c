// SPDX-License-Identifier: GPL-2.0
/*
 * RAMster between machines: guests on one network (tools/net.sh), each with a role
 * in the same scenario. The host kills, freezes or reboots some of them meanwhile,
 * or cuts the network.
 *
 * Machine N has address 10.77.0.N. It stays for as long as others borrow from it:
 * who has borrowed enough says goodbye to his lenders.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ramster.h"

#define NET		RS " net"
#define NET_UML		NET " uml"	/* where a second is worth more */
#define MACHINES	4U		/* at most, from 1 */
#define GOODBYES	20612
#define INTERFACE	(env.uml ? "vec0" : "eth0")

/**
 * struct machine - one of the group
 * @name: of its folder
 * @address: on the network
 * @borrows: from all that lend
 * @lends: to all that borrow
 * @left: it has said goodbye
 * @knows: it has heard ours
 */
struct machine {
	char name[16];
	char address[16];
	bool borrows;
	bool lends;
	bool left;
	bool knows;
};

static struct machine machines[MACHINES + 1];
static struct machine *self;
static unsigned int count;

/* "2:borrower,lender,both": the second of three. */
static void read_roles(void)
{
	char *roles = strdup(env.net), *role, *at;

	role = strtok_r(roles, ":", &at);
	check(role, "vm.net says nothing of a group");
	self = &machines[strtoul(role, NULL, 10) % (MACHINES + 1)];
	while ((role = strtok_r(NULL, ",", &at)) && count < MACHINES) {
		struct machine *m = &machines[++count];

		snprintf(m->name, sizeof(m->name), "machine%u", count);
		snprintf(m->address, sizeof(m->address), "10.77.0.%u", count);
		m->borrows = strcmp(role, "lender");
		m->lends = strcmp(role, "borrower");
	}
	check(self->name[0], "no machine %s in vm.net", env.net);
	free(roles);
}

static bool lends_to_us(const struct machine *m)
{
	return m != self && m->lends && self->borrows;
}

static bool borrows_from_us(const struct machine *m)
{
	return m != self && m->borrows && self->lends;
}

#define for_each_machine(m) \
	for ((m) = machines + 1; (m) <= machines + count; (m)++)

/* The other machines may still be on their way up, emulated ones for long. */
static void all_up(double seconds)
{
	struct machine *m;

	for_each_machine(m)
		if (lends_to_us(m))
			check(rs_peer_up(m->name, seconds),
			      "lender %s is not used", m->name);
}

static void join_network(void)
{
	struct machine *m;

	read_roles();
	rs_ready();
	net_switch(INTERFACE, true);
	net_address(INTERFACE, self->address, 24);
	if (self->lends)
		rs_lend(self->address);
	for_each_machine(m) {
		struct rs_peer peer = {
			.name = m->name, .address = m->address,
			.quota = borrows_from_us(m) ? 64 : 0,
			.borrow = lends_to_us(m),
		};

		if (m != self)
			rs_peer_add(&peer);
	}
}

/* ---- Goodbye ---- */

static int goodbye_socket(void)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(GOODBYES),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)))
		fail_errno("no socket for goodbyes");
	return fd;
}

static void say_to(int fd, const struct machine *m, char what)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(GOODBYES),
	};

	inet_pton(AF_INET, m->address, &in.sin_addr);
	sendto(fd, &what, 1, MSG_DONTWAIT, (struct sockaddr *)&in, sizeof(in));
}

enum { GOODBYE = 'g', HEARD = 'h' };

static void hear_goodbyes(int fd, int milliseconds)
{
	struct pollfd fds = { .fd = fd, .events = POLLIN };
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	unsigned int nr;
	char what;

	if (poll(&fds, 1, milliseconds) <= 0 ||
	    recvfrom(fd, &what, 1, MSG_DONTWAIT, (struct sockaddr *)&in,
		     &len) != 1)
		return;
	nr = ntohl(in.sin_addr.s_addr) & 255;
	if (!nr || nr > count)
		return;
	if (what == HEARD) {
		machines[nr].knows = true;
	} else {
		machines[nr].left = true;
		say_to(fd, &machines[nr], HEARD);
	}
}

static bool all_have_left(void)
{
	struct machine *m;

	for_each_machine(m)
		if (borrows_from_us(m) && !m->left)
			return false;
	return true;
}

static bool lenders_know(int fd)
{
	struct machine *m;
	bool all = true;

	for_each_machine(m) {
		if (!lends_to_us(m) || m->knows)
			continue;
		all = false;
		say_to(fd, m, GOODBYE);
	}
	return all;
}

/* A lender that is dead hears nothing: nobody waits long for him. */
static void leave_network(void)
{
	struct box box = box_start(5);
	int fd = goodbye_socket();

	while ((!lenders_know(fd) && box_open(&box)) || !all_have_left())
		hear_goodbyes(fd, 100);
	close(fd);
	rs_report();
}

/* ---- Scenarios ---- */

static void borrow_and_lend(void (*fn)(unsigned int round))
{
	join_network();
	if (!self->borrows)
		return;
	all_up(60);
	/* For the host: from now on it may disturb. */
	dprintf(env.verdict, "ready %s\n", env.scenario);
	rs_loads(env.box, fn);
	check(rs_slowest() < 10, "a page took %.1f s", rs_slowest());
}

/* Who leaves before it fails keeps nobody waiting. */
static void expect_hits(long pushed, long hits)
{
	if (!self->borrows)
		return;
	zexpect(rs_since("pushed") > pushed, "only %ld pages were pushed",
		rs_since("pushed"));
	zexpect(rs_since("hits") >= hits, "only %ld hits", rs_since("hits"));
}

static void quiet(unsigned int round)
{
	(void)round;
	nap(100);
}

static void short_of_memory(unsigned int round)
{
	nap(300);
	if (round % 2)
		squeeze(85);
}

static void undisturbed(void (*fn)(unsigned int round))
{
	borrow_and_lend(fn);
	leave_network();
	expect_hits(100, 20);
}

/* All lenders come back, and are used again. */
static void disturbed(void)
{
	long pushed;

	borrow_and_lend(quiet);
	all_up(30);
	pushed = rs_since("pushed");
	if (self->borrows)
		rs_loads(3, quiet);
	leave_network();
	zexpect(!self->borrows || rs_since("pushed") > pushed + 50,
		"only %ld pages are pushed afterwards",
		rs_since("pushed") - pushed);
}

SCENARIO(net_two, 150, NET,
	 "swap and files of one machine, in the memory of another")
{
	undisturbed(quiet);
}

SCENARIO(net_three, 150, NET_UML,
	 "one machine borrows from two")
{
	undisturbed(quiet);
}

SCENARIO(net_host, 150, NET_UML,
	 "two machines borrow from one, as guests do from their host")
{
	undisturbed(quiet);
}

/* For ten minutes in "make stress". */
SCENARIO(net_mutual, 750, NET,
	 "two machines borrow from each other, and both are short of memory")
{
	undisturbed(short_of_memory);
}

SCENARIO(net_kill, 150, NET_UML,
	 "one of two lenders dies and stays dead")
{
	borrow_and_lend(quiet);
	leave_network();
	expect_hits(50, 1);
}

SCENARIO(net_lender_boots, 150, NET_UML,
	 "the lender dies without a word and boots again")
{
	disturbed();
}

SCENARIO(net_borrower_boots, 150, NET_UML,
	 "the borrower dies without a word and boots again")
{
	disturbed();
}

SCENARIO(net_freeze, 150, NET_UML,
	 "one or the other stands still for some seconds, again and again")
{
	disturbed();
}

SCENARIO(net_cut, 150, NET_UML,
	 "nothing gets through for some seconds, then what was on its way comes late")
{
	disturbed();
}
