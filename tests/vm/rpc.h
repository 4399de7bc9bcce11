/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other side of RAMster, in user space: its messages over TCP, as SunRPC
 * frames them. Written from the description of the protocol, not from its code:
 * so that one finds what is wrong with the other.
 */
#ifndef VM_RPC_H
#define VM_RPC_H

#include <stdbool.h>
#include <stdint.h>

#define RPC_ROOM	(80 * 1024)
#define RPC_PROGRAM	0x2b72616dU
#define RPC_VERSION	1

enum {
	RPC_NULL, RPC_HELLO, RPC_STORE, RPC_LOAD, RPC_INVALIDATE, RPC_STATUS, RPC_KEEP,
};

/* Status of an answer; RPC_NOTHING: there was none, or not of this kind. */
enum {
	RPC_NOTHING = -1,
	RPC_OK, RPC_NO_SESSION, RPC_DENIED, RPC_BAD_MESSAGE, RPC_BAD_VERSION,
	RPC_BUSY,
};

#define RPC_TOKEN	16
#define RPC_MAX_SEALED	3584U

/**
 * struct rpc_msg - a message
 * @bytes: the record mark, then the message
 * @len: of both
 * @at: what is read next
 * @bad: more was read than there is
 */
struct rpc_msg {
	unsigned char bytes[RPC_ROOM];
	unsigned int len;
	unsigned int at;
	bool bad;
};

void rpc_put32(struct rpc_msg *msg, uint32_t value);
void rpc_put64(struct rpc_msg *msg, uint64_t value);
void rpc_put(struct rpc_msg *msg, const void *bytes, unsigned int len);
uint32_t rpc_get32(struct rpc_msg *msg);
uint64_t rpc_get64(struct rpc_msg *msg);
const unsigned char *rpc_get(struct rpc_msg *msg, unsigned int len);

void rpc_call(struct rpc_msg *msg, uint32_t proc);	/* begins one */
void rpc_answer(struct rpc_msg *msg, uint32_t xid);
int rpc_connect(const char *from, const char *to, unsigned int port);
bool rpc_send(int fd, struct rpc_msg *msg);
bool rpc_receive(int fd, struct rpc_msg *msg);
int rpc_result(int fd, struct rpc_msg *call, struct rpc_msg *answer);

#endif /* VM_RPC_H */
