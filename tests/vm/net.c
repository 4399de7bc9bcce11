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

/* ---- Netlink ---- */

struct message {
	struct nlmsghdr head;
	unsigned char body[1024];
};

static void *add(struct message *msg, const void *data, unsigned int len)
{
	unsigned char *at = (unsigned char *)msg + msg->head.nlmsg_len;

	if (data)
		memcpy(at, data, len);
	msg->head.nlmsg_len += NLMSG_ALIGN(len);
	return at;
}

static struct rtattr *open_attribute(struct message *msg, unsigned int type)
{
	struct rtattr attr = { .rta_len = RTA_LENGTH(0), .rta_type = type };

	return add(msg, &attr, sizeof(attr));
}

static void close_attribute(struct message *msg, struct rtattr *attr)
{
	attr->rta_len = (unsigned char *)msg + msg->head.nlmsg_len -
			(unsigned char *)attr;
}

static void add_attribute(struct message *msg, unsigned int type,
			  const void *data, unsigned int len)
{
	struct rtattr *attr = open_attribute(msg, type);

	add(msg, data, len);
	attr->rta_len = RTA_LENGTH(len);
}

static struct message *new_message(unsigned int type, unsigned int flags)
{
	static struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.head.nlmsg_len = NLMSG_HDRLEN;
	msg.head.nlmsg_type = type;
	msg.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return &msg;
}

static int ask(struct message *msg)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		unsigned char more[1024];
	} answer;

	if (fd < 0 || send(fd, msg, msg->head.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		fail_errno("netlink");
	close(fd);
	check(answer.head.nlmsg_type == NLMSG_ERROR, "netlink answers %u",
	      answer.head.nlmsg_type);
	return answer.err.error;
}

/* Two interfaces that are connected; the other one is in the namespace of @pid. */
void net_pair(const char *here, const char *there, int pid)
{
	struct message *msg = new_message(RTM_NEWLINK,
					  NLM_F_CREATE | NLM_F_EXCL);
	struct rtattr *info, *data, *peer;
	struct ifinfomsg link = { 0 };
	int err;

	add(msg, &link, sizeof(link));
	add_attribute(msg, IFLA_IFNAME, here, strlen(here) + 1);
	info = open_attribute(msg, IFLA_LINKINFO);
	add_attribute(msg, IFLA_INFO_KIND, "veth", 5);
	data = open_attribute(msg, IFLA_INFO_DATA);
	peer = open_attribute(msg, VETH_INFO_PEER);
	add(msg, &link, sizeof(link));
	add_attribute(msg, IFLA_IFNAME, there, strlen(there) + 1);
	add_attribute(msg, IFLA_NET_NS_PID, &pid, sizeof(pid));
	close_attribute(msg, peer);
	close_attribute(msg, data);
	close_attribute(msg, info);
	err = ask(msg);
	check(!err, "cannot make interface %s: %s", here, strerror(-err));
}

/* ---- Links ---- */

static struct message *about_root_queue(const char *interface,
					unsigned int type, unsigned int flags)
{
	struct message *msg = new_message(type, flags);
	struct tcmsg queue = {
		.tcm_ifindex = if_nametoindex(interface),
		.tcm_handle = flags ? 0x10000 : 0,
		.tcm_parent = TC_H_ROOT,
	};

	add(msg, &queue, sizeof(queue));
	return msg;
}

static uint32_t share(unsigned int percent)
{
	return percent * (uint64_t)UINT32_MAX / 100;
}

void net_emulate(const char *interface, const struct link *link)
{
	struct message *msg = about_root_queue(interface, RTM_NEWQDISC,
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

	add_attribute(msg, TCA_KIND, "netem", 6);
	attr = open_attribute(msg, TCA_OPTIONS);
	add(msg, &options, sizeof(options));
	add_attribute(msg, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	add_attribute(msg, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
	if (link->reorder_percent)
		add_attribute(msg, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	if (link->bytes_per_second)
		add_attribute(msg, TCA_NETEM_RATE, &rate, sizeof(rate));
	close_attribute(msg, attr);
	err = ask(msg);
	check(!err, "netem for %s: %s", interface, strerror(-err));
}

void net_plain(const char *interface)
{
	int err = ask(about_root_queue(interface, RTM_DELQDISC, 0));

	check(!err || err == -ENOENT || err == -EINVAL, "no netem for %s: %s",
	      interface, strerror(-err));
}
