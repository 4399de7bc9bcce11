// SPDX-License-Identifier: GPL-2.0
/* See net.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib.h"
#include "net.h"
#include "netlink.h"

/* ---- Interfaces ---- */

static void control(const char *interface, unsigned long request,
		    struct ifreq *req)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, request, req))
		fail_errno("request %lx for interface %s", request, interface);
	close(fd);
}

void net_switch(const char *interface, bool up)
{
	struct ifreq req = { 0 };

	control(interface, SIOCGIFFLAGS, &req);
	if (up)
		req.ifr_flags |= IFF_UP;
	else
		req.ifr_flags &= ~IFF_UP;
	control(interface, SIOCSIFFLAGS, &req);
}

void net_address(const char *interface, const char *address, unsigned int bits)
{
	struct ifreq req = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&req.ifr_addr;

	in->sin_family = AF_INET;
	inet_pton(AF_INET, address, &in->sin_addr);
	control(interface, SIOCSIFADDR, &req);
	in->sin_addr.s_addr = htonl(~0U << (32 - bits));
	control(interface, SIOCSIFNETMASK, &req);
}

/* ---- Pairs ---- */

static int ask_route(struct netlink *msg)
{
	int fd = netlink_socket(NETLINK_ROUTE), err = netlink_ask(fd, msg);

	close(fd);
	return err;
}

/* Two interfaces that are connected; the other one is in the namespace of @pid. */
void net_pair(const char *here, const char *there, int pid)
{
	struct netlink *msg = netlink_begin(RTM_NEWLINK,
					  NLM_F_CREATE | NLM_F_EXCL);
	struct rtattr *info, *data, *peer;
	struct ifinfomsg link = { 0 };
	int err;

	netlink_add(msg, &link, sizeof(link));
	netlink_put(msg, IFLA_IFNAME, here, strlen(here) + 1);
	info = netlink_open(msg, IFLA_LINKINFO);
	netlink_put(msg, IFLA_INFO_KIND, "veth", 5);
	data = netlink_open(msg, IFLA_INFO_DATA);
	peer = netlink_open(msg, VETH_INFO_PEER);
	netlink_add(msg, &link, sizeof(link));
	netlink_put(msg, IFLA_IFNAME, there, strlen(there) + 1);
	netlink_put(msg, IFLA_NET_NS_PID, &pid, sizeof(pid));
	netlink_close(msg, peer);
	netlink_close(msg, data);
	netlink_close(msg, info);
	err = ask_route(msg);
	check(!err, "cannot make interface %s: %s", here, strerror(-err));
}

/* ---- Links ---- */

static struct netlink *about_root_queue(const char *interface,
					unsigned int type, unsigned int flags)
{
	struct netlink *msg = netlink_begin(type, flags);
	struct tcmsg queue = {
		.tcm_ifindex = if_nametoindex(interface),
		.tcm_handle = flags ? 0x10000 : 0,
		.tcm_parent = TC_H_ROOT,
	};

	netlink_add(msg, &queue, sizeof(queue));
	return msg;
}

static uint32_t share(unsigned int percent)
{
	return percent * (uint64_t)UINT32_MAX / 100;
}

void net_emulate(const char *interface, const struct link *link)
{
	struct netlink *msg = about_root_queue(interface, RTM_NEWQDISC,
					       NLM_F_CREATE | NLM_F_REPLACE);
	int64_t delay = link->delay_ms * 1000000LL;
	int64_t jitter = link->jitter_ms * 1000000LL;
	struct tc_netem_qopt options = {
		.limit = 1000,
		.loss = share(link->loss_percent),
		.gap = link->reorder_percent ? 1 : 0,
		.duplicate = share(link->duplicate_percent),
	};
	struct tc_netem_reorder reorder = {
		.probability = share(link->reorder_percent),
	};
	struct tc_netem_rate rate = { .rate = link->bytes_per_second };
	struct rtattr *attr;
	int err;

	netlink_put(msg, TCA_KIND, "netem", 6);
	attr = netlink_open(msg, TCA_OPTIONS);
	netlink_add(msg, &options, sizeof(options));
	netlink_put(msg, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	netlink_put(msg, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
	if (link->reorder_percent)
		netlink_put(msg, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	if (link->bytes_per_second)
		netlink_put(msg, TCA_NETEM_RATE, &rate, sizeof(rate));
	netlink_close(msg, attr);
	err = ask_route(msg);
	check(!err, "netem for %s: %s", interface, strerror(-err));
}

void net_plain(const char *interface)
{
	int err = ask_route(about_root_queue(interface, RTM_DELQDISC, 0));

	check(!err || err == -ENOENT || err == -EINVAL, "no netem for %s: %s",
	      interface, strerror(-err));
}
