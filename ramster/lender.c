// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/kernel.h>
#include "ramster.h"
#include "proto.h"
int ramster_lender_start(const struct ramster_lender_conf *conf) { return -EOPNOTSUPP; }
void ramster_lender_stop(void) { }
struct ramster_client *ramster_client_allow(const char *name, const struct sockaddr_storage *addr, enum ramster_security security, unsigned long quota_pages) { return ERR_PTR(-EOPNOTSUPP); }
void ramster_client_deny(struct ramster_client *client) { }
void ramster_clients_show(struct seq_file *seq) { }
