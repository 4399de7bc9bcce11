// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/kernel.h>
#include "ramster.h"
#include "proto.h"
int ramster_config_start(void) { return 0; }
