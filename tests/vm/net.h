/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Networks for scenarios: interfaces, pairs of them between two namespaces, and
 * links that are slow, lossy or dead.
 */
#ifndef VM_NET_H
#define VM_NET_H

#include <stdbool.h>
#include <stdint.h>

#define LOOPBACK "lo"

/**
 * struct link - what an interface does to the packets that it sends
 * @delay_ms: each waits so long
 * @jitter_ms: more or less by up to so much
 * @loss_percent: so many are lost
 * @reorder_percent: so many are sent at once, before those that wait
 * @duplicate_percent: so many are sent twice
 * @bytes_per_second: 0: no limit
 */
struct link {
	unsigned int delay_ms;
	unsigned int jitter_ms;
	unsigned int loss_percent;
	unsigned int reorder_percent;
	unsigned int duplicate_percent;
	unsigned int bytes_per_second;
};

void net_switch(const char *interface, bool up);
void net_address(const char *interface, const char *address, unsigned int bits);
void net_pair(const char *here, const char *there, int pid);
void net_emulate(const char *interface, const struct link *link);
void net_plain(const char *interface);	/* as before net_emulate() */

#endif /* VM_NET_H */
