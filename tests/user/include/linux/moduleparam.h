/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_MODULEPARAM_H
#define _TMEM_USER_MODULEPARAM_H

void user_add_param(const char *name, unsigned long *value);

#undef module_param
#define module_param(name, type, perm)					\
static void __attribute__((constructor)) user_param_##name(void)	\
{									\
	user_add_param(#name, &name);					\
}

#define MODULE_PARM_DESC(name, text)	_Static_assert(1, text)
#undef MODULE_LICENSE
#define MODULE_LICENSE(text)		_Static_assert(1, text)
#define MODULE_DESCRIPTION(text)	_Static_assert(1, text)

#endif
