/* SPDX-License-Identifier: GPL-2.0 */
/* In user space nothing interrupts: all kinds of spin_lock() are one. */
#ifndef _TMEM_USER_SPINLOCK_VARIANTS_H
#define _TMEM_USER_SPINLOCK_VARIANTS_H

#define spin_lock_nested(l, subclass)	spin_lock(l)
#define spin_lock_bh(l)			spin_lock(l)
#define spin_unlock_bh(l)		spin_unlock(l)
#define spin_lock_irq(l)		spin_lock(l)
#define spin_unlock_irq(l)		spin_unlock(l)
#define spin_lock_irqsave(l, f)		do { (f) = 0; spin_lock(l); } while (0)
#define spin_lock_irqsave_nested(l, f, subclass) spin_lock_irqsave(l, f)
#define spin_unlock_irqrestore(l, f)	do { (void)(f); spin_unlock(l); } while (0)
#define spin_trylock_irqsave(l, f)	({ (f) = 0; spin_trylock(l); })

#endif
