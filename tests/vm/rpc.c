// SPDX-License-Identifier: GPL-2.0
/* See rpc.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "lib.h"
#include "rpc.h"

#define LAST_FRAGMENT 0x80000000U

/* ---- XDR ---- */

void rpc_put(struct rpc_msg *msg, const void *bytes, unsigned int len)
{
	unsigned int padded = (len + 3) & ~3U;

	check(msg->len + padded <= RPC_ROOM, "a message is too long");
	memcpy(msg->bytes + msg->len, bytes, len);
	memset(msg->bytes + msg->len + len, 0, padded - len);
	msg->len += padded;
}

void rpc_put32(struct rpc_msg *msg, uint32_t value)
{
	value = htobe32(value);
	rpc_put(msg, &value, sizeof(value));
}

void rpc_put64(struct rpc_msg *msg, uint64_t value)
{
	value = htobe64(value);
	rpc_put(msg, &value, sizeof(value));
}

/* Zeros if there is not so much. */
const unsigned char *rpc_get(struct rpc_msg *msg, unsigned int len)
{
	static const unsigned char zeros[RPC_ROOM];
	const unsigned char *bytes = msg->bytes + msg->at;

	if (len > msg->len - msg->at) {
		msg->bad = true;
		return zeros;
	}
	msg->at += (len + 3) & ~3U;
	if (msg->at > msg->len)
		msg->at = msg->len;
	return bytes;
}

uint32_t rpc_get32(struct rpc_msg *msg)
{
	uint32_t value;

	memcpy(&value, rpc_get(msg, sizeof(value)), sizeof(value));
	return be32toh(value);
}

uint64_t rpc_get64(struct rpc_msg *msg)
{
	uint64_t value;

	memcpy(&value, rpc_get(msg, sizeof(value)), sizeof(value));
	return be64toh(value);
}

/* ---- RPC ---- */

static void begin(struct rpc_msg *msg, uint32_t xid, uint32_t direction)
{
	msg->len = 4;
	msg->at = 4;
	msg->bad = false;
	rpc_put32(msg, xid);
	rpc_put32(msg, direction);
}

void rpc_call(struct rpc_msg *msg, uint32_t proc)
{
	static uint32_t xid;
	unsigned int i;

	begin(msg, ++xid, 0);
	rpc_put32(msg, 2);
	rpc_put32(msg, RPC_PROGRAM);
	rpc_put32(msg, RPC_VERSION);
	rpc_put32(msg, proc);
	/* No credentials, no verifier. */
	for (i = 0; i < 4; i++)
		rpc_put32(msg, 0);
}

void rpc_answer(struct rpc_msg *msg, uint32_t xid)
{
	unsigned int i;

	begin(msg, xid, 1);
	/* Accepted, no verifier, success. */
	for (i = 0; i < 4; i++)
		rpc_put32(msg, 0);
}

/* ---- TCP ---- */

static struct sockaddr_in address_of(const char *address, unsigned int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

int rpc_connect(const char *from, const char *to, unsigned int port)
{
	struct sockaddr_in source = address_of(from, 0);
	struct sockaddr_in target = address_of(to, port);
	struct timeval patience = { .tv_sec = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&source, sizeof(source)))
		fail_errno("a socket at %s", from);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (void *)&target, sizeof(target))) {
		close(fd);
		return -1;
	}
	return fd;
}

bool rpc_send(int fd, struct rpc_msg *msg)
{
	uint32_t mark = htobe32(LAST_FRAGMENT | (msg->len - 4));

	memcpy(msg->bytes, &mark, sizeof(mark));
	return send(fd, msg->bytes, msg->len, MSG_NOSIGNAL) == (ssize_t)msg->len;
}

bool rpc_receive(int fd, struct rpc_msg *msg)
{
	uint32_t mark;

	msg->at = 4;
	msg->len = 4;
	msg->bad = false;
	if (recv(fd, &mark, sizeof(mark), MSG_WAITALL) != sizeof(mark))
		return false;
	mark = be32toh(mark) & ~LAST_FRAGMENT;
	if (mark > RPC_ROOM - 4 ||
	    recv(fd, msg->bytes + 4, mark, MSG_WAITALL) != (ssize_t)mark)
		return false;
	msg->len += mark;
	return true;
}

/*
 * Send a call and return the status that answers it. RPC_NOTHING stands for
 * silence, a closed connection, or a refusal by the RPC layer.
 */
int rpc_result(int fd, struct rpc_msg *call, struct rpc_msg *answer)
{
	uint32_t xid, reply, accepted, flavor, result, status;

	if (!rpc_send(fd, call) || !rpc_receive(fd, answer))
		return RPC_NOTHING;
	xid = rpc_get32(answer);
	reply = rpc_get32(answer);
	accepted = rpc_get32(answer);
	flavor = rpc_get32(answer);
	rpc_get(answer, rpc_get32(answer));
	result = rpc_get32(answer);
	status = rpc_get32(answer);
	if (answer->bad || reply != 1 || accepted || flavor || result)
		return RPC_NOTHING;
	call->at = 4;
	check(xid == rpc_get32(call), "an answer to another call");
	return status;
}
