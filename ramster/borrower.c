// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/kernel.h>
#include "ramster.h"
#include "proto.h"
bool ramster_wants_pages(void) { return false; }
unsigned int ramster_push(struct ramster_zpage *zpages, unsigned int nr) { return 0; }
int ramster_load(u64 cookie, const u64 *near, unsigned int nr_near, struct ramster_page **page) { return -ENOENT; }
void ramster_page_put(struct ramster_page *page) { }
void ramster_forget(u64 cookie) { }
int ramster_borrower_start(void) { return 0; }
