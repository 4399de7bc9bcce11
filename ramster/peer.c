// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/kernel.h>
#include "ramster.h"
#include "proto.h"
struct ramster_peer *ramster_peer_start(const struct ramster_peer_conf *conf) { return ERR_PTR(-EOPNOTSUPP); }
void ramster_peer_stop(struct ramster_peer *peer) { }
void ramster_peer_show(struct ramster_peer *peer, struct seq_file *seq) { }
const char *ramster_peer_state(struct ramster_peer *peer) { return "off"; }
void ramster_peers_show(struct seq_file *seq) { }
