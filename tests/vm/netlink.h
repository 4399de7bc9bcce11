/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to the kernel and from it: a header, a struct, and attributes. */
#ifndef VM_NETLINK_H
#define VM_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define NETLINK_ROOM 8192

struct netlink {
	struct nlmsghdr head;
	unsigned char body[NETLINK_ROOM];
};

struct netlink *netlink_begin(unsigned int type, unsigned int flags);
void *netlink_add(struct netlink *msg, const void *data, unsigned int len);
struct rtattr *netlink_open(struct netlink *msg, unsigned int type);
void netlink_close(struct netlink *msg, struct rtattr *attr);
void netlink_put(struct netlink *msg, unsigned int type, const void *data,
		 unsigned int len);

int netlink_socket(int protocol);
void netlink_send(int fd, struct netlink *msg);
void netlink_receive(int fd, struct netlink *msg);
int netlink_ask(int fd, struct netlink *msg);
struct rtattr *netlink_find(struct rtattr *first, int len, unsigned int type);

#endif /* VM_NETLINK_H */
