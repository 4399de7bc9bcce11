/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_LIMITS_H
#define _TMEM_USER_LIMITS_H

#include <stdint.h>
#include <limits.h>

#ifndef U16_MAX
#define U8_MAX	UINT8_MAX
#define U16_MAX	UINT16_MAX
#define U32_MAX	UINT32_MAX
#define U64_MAX	UINT64_MAX
#endif

#endif
