/* SPDX-License-Identifier: GPL-2.0 */
/* Folios as swap has them when it writes or reads them. */
#ifndef _MM_TMEM_TESTS_FOLIOS_H
#define _MM_TMEM_TESTS_FOLIOS_H

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swap.h>

static void drop_swap_folio(void *ptr)
{
	struct folio *folio = ptr;

	folio->swap.val = 0;
	folio_clear_dirty(folio);
	folio_clear_swapcache(folio);
	folio_clear_swapbacked(folio);
	folio_unlock(folio);
	folio_put(folio);
}

/* Locked and marked as in the swap cache, until the end of the test. */
static struct folio *make_swap_folio(struct kunit *test, unsigned int order)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, order);

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_lock(folio);
	folio_set_swapbacked(folio);
	folio_set_swapcache(folio);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, drop_swap_folio,
							   folio));
	return folio;
}

#endif /* _MM_TMEM_TESTS_FOLIOS_H */
