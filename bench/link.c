// SPDX-License-Identifier: GPL-2.0
/*
 * link: a cable between two guests, with the speed and the delay of a real one.
 *
 * Two guests of User Mode Linux connect to it, each to a socket of its own
 * ("transport=bess" of their network driver: a frame of Ethernet is a message).
 *
 * The model. Each direction is a wire of its own: a frame is on it for as long
 * as its bytes take, behind the frames before it, and arrives after the delay.
 * What an Ethernet adds to a frame (preamble, checksum, gap: 24 bytes) takes its
 * time and is not counted. A wire queues as much as a switch would; what is more
 * is lost, as is what comes while only one guest is there.
 *
 * Usage: link MBIT DELAY_US SOCKET SOCKET
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ENDS		2
#define FRAME_MAX	1600	/* bytes */
#define OVERHEAD	24
#define QUEUE		512	/* frames */
/* A sleep ends about this much late; the rest is spent spinning. */
#define SPIN_NS		20000L
/* A guest that takes nothing is asked again after this time. */
#define FULL_NS		100000L

struct frame {
	int64_t due;
	ssize_t len;
	char data[FRAME_MAX];
};

/* From one end to the other. */
struct wire {
	int from, to;
	int64_t busy_until;
	unsigned int head, nr;
	struct frame queue[QUEUE];
};

static struct wire wires[ENDS];
static int64_t ns_per_byte_1024;	/* ns of 1024 bytes */
static int64_t delay;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	errno = ENAMETOOLONG;
	need(strlen(path) < sizeof(addr.sun_path), path);
	strcpy(addr.sun_path, path);
	need(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	     listen(fd, 1) == 0, path);
	return fd;
}

/* Takes what has come. Returns false if the guest has gone. */
static bool receive(struct wire *wire)
{
	struct frame lost, *frame;
	int64_t start;

	for (;;) {
		frame = wire->nr < QUEUE ?
			&wire->queue[(wire->head + wire->nr) % QUEUE] : &lost;
		frame->len = recv(wire->from, frame->data, FRAME_MAX, MSG_DONTWAIT);
		if (frame->len <= 0)
			return frame->len < 0 && errno == EAGAIN;
		if (frame == &lost)
			continue;
		start = now();
		if (start < wire->busy_until)
			start = wire->busy_until;
		wire->busy_until = start +
			(frame->len + OVERHEAD) * ns_per_byte_1024 / 1024;
		frame->due = wire->busy_until + delay;
		wire->nr++;
	}
}

/* Hands over what is due. Returns when the next frame is, or 0 if there is none. */
static int64_t deliver(struct wire *wire)
{
	struct frame *frame;

	while (wire->nr) {
		frame = &wire->queue[wire->head];
		if (frame->due > now())
			return frame->due;
		if (send(wire->to, frame->data, frame->len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
			frame->due += FULL_NS;
			return frame->due;
		}
		wire->head = (wire->head + 1) % QUEUE;
		wire->nr--;
	}
	return 0;
}

/* Sleeps until a frame comes, or shortly before one is due. */
static void wait_for(struct pollfd *ends, int64_t due)
{
	struct timespec timeout = { 0 };
	int64_t left = due ? due - now() - SPIN_NS : 0;

	if (left > 0) {
		timeout.tv_sec = left / 1000000000L;
		timeout.tv_nsec = left % 1000000000L;
	}
	ppoll(ends, ENDS, due ? &timeout : NULL, NULL);
}

static void run(void)
{
	struct pollfd ends[ENDS];
	int64_t due[ENDS];
	bool there = true;

	for (int i = 0; i < ENDS; i++)
		ends[i] = (struct pollfd) { .fd = wires[i].from, .events = POLLIN };
	while (there) {
		for (int i = 0; i < ENDS; i++)
			due[i] = deliver(&wires[i]);
		if (!due[0] || (due[1] && due[1] < due[0]))
			due[0] = due[1];
		wait_for(ends, due[0]);
		for (int i = 0; i < ENDS; i++)
			there &= receive(&wires[i]);
	}
}

int main(int argc, char **argv)
{
	int listening[ENDS], end[ENDS];
	long mbit;

	if (argc != 3 + ENDS || (mbit = atol(argv[1])) <= 0) {
		fprintf(stderr, "usage: link MBIT DELAY_US SOCKET SOCKET\n");
		return 2;
	}
	ns_per_byte_1024 = 8 * 1024 * 1000 / mbit;
	delay = atol(argv[2]) * 1000;
	prctl(PR_SET_TIMERSLACK, 1UL);
	for (int i = 0; i < ENDS; i++)
		listening[i] = listen_at(argv[3 + i]);
	for (int i = 0; i < ENDS; i++) {
		end[i] = accept(listening[i], NULL, NULL);
		need(end[i] >= 0, "accept");
	}
	for (int i = 0; i < ENDS; i++) {
		wires[i].from = end[i];
		wires[i].to = end[!i];
	}
	run();
	return 0;
}
