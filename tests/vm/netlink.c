// SPDX-License-Identifier: GPL-2.0
/* See netlink.h. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib.h"
#include "netlink.h"

/* One at a time. */
struct netlink *netlink_begin(unsigned int type, unsigned int flags)
{
	static struct netlink msg;

	memset(&msg, 0, sizeof(msg));
	msg.head.nlmsg_len = NLMSG_HDRLEN;
	msg.head.nlmsg_type = type;
	msg.head.nlmsg_flags = NLM_F_REQUEST | flags;
	return &msg;
}

void *netlink_add(struct netlink *msg, const void *data, unsigned int len)
{
	unsigned char *at = (unsigned char *)msg + msg->head.nlmsg_len;

	check(msg->head.nlmsg_len + len <= NETLINK_ROOM, "a message is too long");
	memcpy(at, data, len);
	msg->head.nlmsg_len += NLMSG_ALIGN(len);
	return at;
}

struct rtattr *netlink_open(struct netlink *msg, unsigned int type)
{
	struct rtattr attr = { .rta_len = RTA_LENGTH(0), .rta_type = type };

	return netlink_add(msg, &attr, sizeof(attr));
}

void netlink_close(struct netlink *msg, struct rtattr *attr)
{
	attr->rta_len = (unsigned char *)msg + msg->head.nlmsg_len -
			(unsigned char *)attr;
}

void netlink_put(struct netlink *msg, unsigned int type, const void *data,
		 unsigned int len)
{
	struct rtattr *attr = netlink_open(msg, type);

	netlink_add(msg, data, len);
	attr->rta_len = RTA_LENGTH(len);
}

/* With a name, or events of groups would not find it. */
int netlink_socket(int protocol)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)))
		fail_errno("no netlink");
	return fd;
}

void netlink_send(int fd, struct netlink *msg)
{
	if (send(fd, msg, msg->head.nlmsg_len, 0) < 0)
		fail_errno("cannot send to the kernel");
}

void netlink_receive(int fd, struct netlink *msg)
{
	ssize_t n = recv(fd, msg, sizeof(*msg), 0);

	if (n < (ssize_t)sizeof(msg->head))
		fail_errno("nothing from the kernel");
}

/* Returns 0 or -errno. */
int netlink_ask(int fd, struct netlink *msg)
{
	struct nlmsgerr err;

	msg->head.nlmsg_flags |= NLM_F_ACK;
	netlink_send(fd, msg);
	netlink_receive(fd, msg);
	check(msg->head.nlmsg_type == NLMSG_ERROR, "the kernel answers with %u",
	      msg->head.nlmsg_type);
	memcpy(&err, msg->body, sizeof(err));
	return err.error;
}

struct rtattr *netlink_find(struct rtattr *first, int len, unsigned int type)
{
	struct rtattr *attr;

	for (attr = first; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	return NULL;
}
