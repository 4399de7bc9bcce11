#!/bin/bash
# Are the tests worth anything? Breaks tmem.c, zbud.c and proto.c in one place at a time,
# in a copy, and expects the user-space tests to notice each time.
#
# Usage: KTREE=/path/to/linux tests/user/mutate.sh [NAME...]
set -euo pipefail

TOP=$(cd "$(dirname "$0")/../.." && pwd)
KTREE=${KTREE:?is not set: give a Linux 6.12 tree, KTREE=/path/to/linux}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# name | file | perl expression that breaks it (over the whole file)
mutations() {
	cat <<'EOF'
store-keeps-old|tmem.c|s/if \(old\) \{\n\t\tpool->ops->free\(pool, xa_to_value\(old\)\);/if (old) {/
failed-store-keeps-copy|tmem.c|s/invalidate:\n\ttmem_invalidate\(pool, key, 1\);/invalidate:/
erase-ignores-identity|tmem.c|s/same = entry == xa_mk_value\(old\)/same = entry/
range-one-too-many|tmem.c|s/key->index \+ nr - 1 < key->index/key->index + nr < key->index/; s/: *\n*\s*key->index \+ nr - 1;/: key->index + nr;/
range-overflow|tmem.c|s/key->index \+ nr - 1 < key->index \? ULONG_MAX :\s*/0 ? 0 : /
object-stays|tmem.c|s/bool last = !obj->nr_pages/bool last = false/
object-freed-at-once|tmem.c|s/(static void tmem_object_unlock.*?)kfree_rcu\(obj, rcu\)/$1kfree(obj)/s
dead-object-used|tmem.c|s/(xa_lock\(&obj->pages\);\n\t\tif \()!obj->dead/$1true/
dead-object-in-table|tmem.c|s/\t\trhashtable_remove_fast\(&pool->objects, &obj->node,\n\s*tmem_object_params\);\n//
one-batch-only|tmem.c|s/(sum \+= dropped;\n\t\} while \()dropped == TMEM_BATCH/$1false/
pin-after-unlock|tmem.c|s/\t\terr = pool->ops->pin\(pool, \*handle\);\n\t\}\n\ttmem_object_unlock\(pool, obj\);/\t\terr = 0;\n\t}\n\ttmem_object_unlock(pool, obj);\n\tif (!err)\n\t\terr = pool->ops->pin(pool, *handle);/
handle-unchecked|tmem.c|s/ \|\| handle >> TMEM_HANDLE_BITS//
index-unchecked|tmem.c|s/key->index >> TMEM_INDEX_BITS \|\| //
pages-miscounted|tmem.c|s/\tobj->nr_pages--;\n//
replace-frees-old|tmem.c|s/(		)xas_store\(&xas, new\);
/$1xas_store(\&xas, new), pool->ops->free(pool, old);
/
preload-leaks|tmem.c|s/\txas_destroy\(&xas\);\n//
all-misses-behind-emptied|tmem.c|s/(while \(through && .*?\n)(.*?)\t\t\*sum \+= tmem_invalidate_object\(pool, obj->id\);/$1$2\t\tu64 id = obj->id;\n\t\trhashtable_walk_stop(&iter);\n\t\t*sum += tmem_invalidate_object(pool, id);\n\t\trhashtable_walk_start(&iter);/s
all-ends-early|tmem.c|s/while \(!tmem_invalidate_walk\(pool, &sum\)\)/if (!tmem_invalidate_walk(pool, &sum))/
all-miscounts|tmem.c|s/\*sum \+= tmem_invalidate_object/*sum = tmem_invalidate_object/
slot-reused-under-pin|zbud.c|s/if \(frame->pins\) \{\n(\t\tWRITE_ONCE)/if (false) {\n$1/
holes-closed-under-pin|zbud.c|s/if \(place->chunk \|\| !zbud_frame\(first\)->pins\)/if (true)/
moves-from-start|zbud.c|s/for \(; nr; nr -= run\) \{/for (; nr; nr -= run, to += run, from += run) {/; s/zbud_run\(to \+ nr\), zbud_run\(from \+ nr\)/ZBUD_PAGE_CHUNKS - to % ZBUD_PAGE_CHUNKS, ZBUD_PAGE_CHUNKS - from % ZBUD_PAGE_CHUNKS/; s/zbud_chunk\(first, to \+ nr - run\)/zbud_chunk(first, to)/; s/zbud_chunk\(first, from \+ nr - run\)/zbud_chunk(first, from)/
second-page-wrong|zbud.c|s/page_address\(zbud_next_page\(page\)\)/page_address(page)/
frame-stays-after-unpin|zbud.c|s/!--zbud_frame\(first\)->pins && zbud_frame\(first\)->dead/!--zbud_frame(first)->pins \&\& false/
frame-leaves-pinned|zbud.c|s/if \(!frame->pins && !frame->used\)/if (frame->used == frame->dead)/
lru-by-arrival|zbud.c|s/\telse\n\t\tzbud_lru_touch\(node, place->first\);\n//
evict-sees-dead|zbud.c|s/live = zbud_slot_live\(zbud_frame\(first\), slot\);/live = slot < zbud_frame(first)->nr_slots \&\& zbud_frame(first)->slot[slot] != ZBUD_SLOT_FREE;/
evict-not-coldest|zbud.c|s/zbud_take_coldest\(node, node->lru\.head\)/zbud_take_coldest(node, node->lru.tail)/
evict-takes-pinned|zbud.c|s/while \(first && zbud_frame\(first\)->pins\)/while (false)/
evict-without-pin|zbud.c|s/(state = ZBUD_EVICTING;\n)\t\tzbud_frame\(first\)->pins\+\+;\n/$1/; s/(state = ZBUD_NORMAL;\n)\tzbud_frame\(first\)->pins--;\n(\treturn zbud_settle)/$1$2/
evict-other-handle|zbud.c|s/evict\(&key, handle, arg\)/evict(\&key, handle ^ 1, arg)/
evict-stays-oldest|zbud.c|s/\tif \(!gone\)\n\t\tzbud_lru_touch\(node, eviction\.first\);\n//
evicted-takes-no-stores|zbud.c|s/\tzbud_frame\(first\)->state = ZBUD_NORMAL;\n(\tzbud_frame\(first\)->pins--;)/$1/
round-forgets-place|zbud.c|s/\tif \(!gone\)\n\t\tnode->passed = first;\n//
round-never-ends|zbud.c|s/\tif \(!first\)\n\t\tnode->passed = NULL;\n//
round-stands-at-gone|zbud.c|s/\tif \(node->passed == first\)\n\t\tnode->passed = zbud_get_link\(first, ZBUD_LRU \+ 1\);\n//
round-loses-moved|zbud.c|s/\tif \(node->passed == from\)\n\t\tnode->passed = to;\n//
frame-of-last-instance|zbud.c|s/zbud->id << ZBUD_ID_SHIFT \|/(pages[i]->private \& BIT(ZBUD_ID_SHIFT) ?: zbud->id << ZBUD_ID_SHIFT) |/; s/WRITE_ONCE\(pages\[i\]->private, 0\)/WRITE_ONCE(pages[i]->private, zbud_page_word(pages[i]) \& BIT(ZBUD_ID_SHIFT))/
frame-keeps-directory|zbud.c|s/\*frame = \(struct zbud_frame\) \{\n(.*?)\n\t\};/if (frame->state)\n\t\tframe->nr_slots = 0;\n\tframe->free = ZBUD_CHUNKS - zbud_dir_chunks(0);\n\tframe->state = ZBUD_NORMAL;/s
header-not-counted|zbud.c|s/return 1 \+ wide \+ DIV_ROUND_UP/return wide + DIV_ROUND_UP/
move-loses-dead-mark|zbud.c|s/\(frame->slot\[slot\] & ~ZBUD_SLOT_CHUNK\) \| chunk/(frame->slot[slot] \& ~ZBUD_SLOT_CHUNK \& ~ZBUD_SLOT_DEAD) | chunk/
move-tells-too-early|zbud.c|s/(\t\tzbud_copy_chunks\(first, to, from, nr\);\n)(\t\tzbud_relocate\(node, frame, slot, to\);\n)/$2$1/
payer-is-not-kept|zbud.c|s/\t\t\.payer = key->payer,\n//
pin-while-moving|zbud.c|s/state >= ZBUD_MOVING\)\n\t\terr = -EAGAIN/state > ZBUD_MOVING)\n\t\terr = -EAGAIN/
store-while-evicting|zbud.c|s/\tzbud_unlist\(node, first\);\n(\tzbud_frame\(first\)->state = ZBUD_EVICTING;)/$1/
worst-fit|zbud.c|s/for_each_set_bit_from\(room, node->nonempty, ZBUD_CHUNKS\) \{/for (room = ZBUD_CHUNKS - 1; room >= chunks; room--) {/
directory-not-counted|zbud.c|s/\tframe->free -= grow;\n//
hole-off-by-one|zbud.c|s/if \(begin - end >= chunks\)/if (begin + 1 - end >= chunks)/
index-cut|zbud.c|s/\t\tkey->index = zbud_wide\(first, slot\)->index;\n//
wide-not-told|zbud.c|s/\(zbud_key_is_wide\(key\) \? ZBUD_SLOT_WIDE : 0\)/0/
wide-by-object|zbud.c|s/return \(key->object \| key->index\) >> 32/return key->object >> 32/
wide-on-one-page|zbud.c|s/return zbud_chunk\(first, zbud_slot_chunk\(zbud_frame\(first\), slot\) \+ 1\)/return (void *)(zbud_header(first, slot) + 1)/
zpages-unsorted|zbud.c|s/if \(zbud_slot_chunk\(frame, order->slot\[at - 1\]\) < chunk\)/if (true)/
zpage-in-the-way|zbud.c|s/\tif \(zbud_begin\(frame, &order, 0\) < end\)\n\t\treturn;\n//
holes-not-filled|zbud.c|s/(\tfor \(nr = 0; nr <=) order.nr/$1 0/
free-without-lock|zbud.c|s/(\t\treturn charge;\n)\tspin_lock\(&node->lock\);(\n\t\/\* Not ours.*?unlock:\n)\tspin_unlock\(&node->lock\);/$1$2/s
pin-while-page-moves|zbud.c|s/state >= ZBUD_MOVING\)\n\t\terr = -EAGAIN/state == ZBUD_MOVING)\n\t\terr = -EAGAIN/
move-under-pin|zbud.c|s/if \(frame->pins\) \{\n(\t\tspin_unlock\(&node->lock\);\n\t\treturn -EAGAIN;)/if (false) {\n$1/
move-without-pin|zbud.c|s/(state = ZBUD_MIGRATING;\n\tframe->pins) = 1;/$1 = 0;/; s/(frame->state = ZBUD_NORMAL;\n)\tframe->pins--;\n(\tif \(frame->used\))/$1$2/
move-takes-stores|zbud.c|s/\tzbud_unlist\(node, first\);\n(\tframe->state = ZBUD_MIGRATING;)/$1/
move-of-what-has-left|zbud.c|s/if \(zbud_page_node\(zbud, from\) != node\) \{/if (false) {/
move-finds-half-a-frame|zbud.c|s/\tspin_lock\(&node->lock\);\n(\tfor \(i = 0; i < ZBUD_FRAME_PAGES; i\+\+\) \{\n\t\tWRITE_ONCE.*?\n\t\}\n)/$1\tspin_lock(&node->lock);\n/s
move-copies-marks|zbud.c|s/\t\t\tframe->slot\[slot\] \|= ZBUD_SLOT_DEAD;\n\tframe->dead = frame->used;/\t\t\t;/
move-without-copy|zbud.c|s/\tzbud_copy_page\(to, from, first\);\n//
move-revives-late|zbud.c|s/\t\tzbud_revive_slot\(node, to, slot\);\n(.*?;\n)/$1\t\tzbud_revive_slot(node, to, slot);\n/s
move-keeps-what-was-freed|zbud.c|s/(\t\tif \(!replace\(&key, zbud_handle\(from, slot\),\n.*?\n)\t\t\tzbud_free\(zbud, zbud_handle\(to, slot\)\);/$1\t\t\t;/
move-forgets-unknown|zbud.c|s/all = frame->dead == frame->used;/all = true;/
move-stops-halfway|zbud.c|s/WARN_ON_ONCE\(!zbud_move_handles\(zbud, node, from, to, replace\)\);//
move-loses-age|zbud.c|s/\tif \(zbud_frame\(to\)->used\)\n\t\tzbud_list_insert\(&node->lru, ZBUD_LRU,\n.*?;\n//s
move-loses-link|zbud.c|s/\tto->index = from->index;\n//
move-leaves-ring|zbud.c|s/\tzbud_set_next\(prev, to\);\n//
moved-page-is-known|zbud.c|s/\tWRITE_ONCE\(from->private, 0\);\n//
unmoved-page-is-known|zbud.c|s/\telse\n\t\tWRITE_ONCE\(to->private, 0\);\n//
move-releases-empty|zbud.c|s/\tif \(frame->used\)\n(\t\treturn zbud_settle)/$1/
move-of-empty-unlocked|zbud.c|s/if \(frame->used\) \{\n(\t\tspin_unlock)/if (true) {\n$1/
validate-blind|zbud.c|s/return errors;/return 0;/
proto-count-unchecked|ramster/proto.c|s/!\*nr \|\| \*nr > max \|\|/!*nr ||/
proto-nothing-counts|ramster/proto.c|s/!\*nr \|\| \*nr > max \|\|/*nr > max ||/
proto-length-unchecked|ramster/proto.c|s/sealed->len\) \|\|\n\t    sealed->len > RAMSTER_MAX_SEALED/sealed->len)/
proto-length-one-more|ramster/proto.c|s/sealed->len\) \|\|\n\t    sealed->len > RAMSTER_MAX_SEALED/sealed->len) || sealed->len > RAMSTER_MAX_SEALED + 1/
proto-batch-unchecked|ramster/proto.c|s/\*used > size \|\| bytes > size - \*used/0/
proto-batch-padding-left|ramster/proto.c|s/\tmemset\(\(u8 \*\)p \+ len, 0, xdr_pad_size\(len\)\);\n//
proto-padding-unchecked|ramster/proto.c|s/\t\tif \(p\[i\]\)\n/\t\tif (0)\n/
proto-padding-not-there|ramster/proto.c|s/xdr_inline_decode\(xdr, xdr_align_size\(sealed->len\)\)/xdr_inline_decode(xdr, sealed->len \& ~3U)/
proto-number-unchecked|ramster/proto.c|s/xdr_stream_decode_u64\(xdr, n\) \|\| \*n > max \?/xdr_stream_decode_u64(xdr, n) ?/
proto-number-0|ramster/proto.c|s/RAMSTER_MAX_NUMBER\) \|\| !\*number/RAMSTER_MAX_NUMBER)/
proto-end-unchecked|ramster/proto.c|s/return xdr_stream_remaining\(xdr\) \?/return 0 ?/
proto-status-unchecked|ramster/proto.c|s/ \|\| n >= RAMSTER_NR_STATUS/ || 0/
proto-refusal-goes-on|ramster/proto.c|s/if \(\*status != RAMSTER_OK\)\n\t\treturn ramster_decode_end/if (0)\n\t\treturn ramster_decode_end/
proto-store-unlimited|ramster/proto.c|s/(RAMSTER_MAX_STORE, RAMSTER_SEALED_FIELDS\)) \|\|\n\t    xdr_stream_remaining\(xdr\) > RAMSTER_MAX_BATCH/$1/
proto-feature-unchecked|ramster/proto.c|s/\t    res->features & ~RAMSTER_FEATURES \|\|\n\t    xdr_stream_decode/\t    xdr_stream_decode/
proto-bool-unchecked|ramster/proto.c|s/ \|\| n > 1\)/)/
EOF
}

# try NAME FILE EXPRESSION: "caught", or why not.
try() {
	local tree=$WORK/tree
	rm -rf "$tree" && mkdir -p "$tree"/{tests,ramster}
	cp -p "$TOP"/*.[ch] "$tree" && cp -p "$TOP"/tests/*.[ch] "$tree/tests"
	cp -p "$TOP"/ramster/*.[ch] "$tree/ramster"
	cp -pr "$TOP/tests/user" "$tree/tests"
	# All that is not made from the three files is built only once.
	rm -f "$WORK"/build/*/{tmem,zbud,proto}.o
	perl -0pi -e "$3" "$tree/$2"
	if cmp -s "$tree/$2" "$TOP/$2"; then
		echo "does not apply: $2 has changed"
	elif ! make -C "$tree/tests/user" O="$WORK/build" build \
			>"$WORK/log" 2>&1; then
		echo "does not compile: $(grep -m1 error "$WORK/log")"
	elif timeout 120 make -C "$tree/tests/user" O="$WORK/build" SEEDS=3 \
			check >"$WORK/log" 2>&1; then
		echo "NOT NOTICED"
	else
		echo caught
	fi
}

# What noticed: the first complaint of the run.
witness() {
	grep -m1 -oE 'not ok .*|WARNING at .*|ERROR: AddressSanitizer: [a-z-]*|runtime error: .*|WARNING: ThreadSanitizer: [a-z ]*|freed twice|does not exist|without rcu_read_lock|Killed|Terminated' \
		"$WORK/log" || echo "it did not end"
}

main() {
	local name file expression result missed=0
	export KTREE
	# What fails unbroken proves nothing.
	result=$(try unbroken tmem.c 's/\z/\n/')
	[ "$result" = "NOT NOTICED" ] || {
		echo "the tests fail without any mutation: $(witness)" >&2
		exit 1
	}
	while IFS='|' read -r name file expression; do
		[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
		result=$(try "$name" "$file" "$expression")
		if [ "$result" = caught ]; then
			printf '%-26s caught: %s\n' "$name" "$(witness)"
		else
			printf '%-26s %s\n' "$name" "$result"
			missed=$((missed + 1))
		fi
	done < <(mutations)
	[ "$missed" -eq 0 ] || { echo "$missed not caught" >&2; exit 1; }
}

main "$@"
