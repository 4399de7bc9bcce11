#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
A part of the report, in Markdown, from what bench/profile.sh has collected.

Usage: profile.py DIR
"""
import collections
import os
import re
import sys

OPERATIONS = {
    "store_file": "store, file", "load_file": "load, file",
    "miss_file": "miss, file", "evict_file": "evict, file",
    "store_swap": "store, swap", "load_swap": "load, swap",
    "free_swap": "free, swap",
}
TOP = 10

# "1,234 ( 1.00%)  file:function [object]", inlined code under its own file.
COST = re.compile(r"^ *([0-9,]+) \( *[0-9.]+%\)  (.+?):(\S+)")
# Files whose code is the test bed's: locks, RCU, slab, the table of objects.
TEST_BED = re.compile(r"(shim\.c|spinlock\.h|rcupdate\.h|bug\.h)$")
CORE = re.compile(r"(zbud|tmem)_|_?xas?_|_find_next_bit")
# What is not the core, by the names of functions.
PARTS = [
    ("lzo", re.compile(r"lzo")),
    ("xxhash", re.compile(r"xxh64")),
    ("copies", re.compile(r"__mem(cpy|move)|op_store_file")),
]

# What the guest's kernel does, by the names of functions; the first match.
KERNEL = [
    ("decompression (lzo)", re.compile(r"lzo.*decompress")),
    ("compression (lzo)", re.compile(r"lzo")),
    ("checksum (xxhash)", re.compile(r"xxh")),
    ("copying and clearing", re.compile(r"mem(cpy|move|set)|copy|clear_page")),
    ("zbud", re.compile(r"zbud_")),
    ("tmem, zcache, front ends",
     re.compile(r"tmem_|zcache_|frontswap|cleancache|rht_|rhashtable")),
    ("XArray: the index, the page cache", re.compile(r"_*xas?_")),
    ("page cache, reclaim, allocator", re.compile(
        r"folio|filemap|lru|shrink|workingset|rmqueue|page|isolate|readahead")),
    ("everything else", re.compile(r"")),
]
LZO = ("compression (lzo)", "decompression (lzo)")
OURS = ("zbud", "tmem, zcache, front ends", "XArray: the index, the page cache")
PROGRAMS = "programs of the guest, of all samples"
HOST = "host, for their system calls and faults, of all samples"

WORKS = {"files": "reads of files, twice its memory",
         "heap": "touches of a heap, 1.5 times its memory"}

# "ip function (object)", as perf script prints it
SAMPLE = re.compile(r"^ *[0-9a-f]+ (\S+) \((.*)\)$")


def per_operation(folder):
    """{operation: Counter of function or part: instructions for one of it}"""
    costs = {}
    with open(f"{folder}/counts", encoding="ascii") as file:
        times = {k: int(v) for k, v in (line.split() for line in file)}
    for operation in OPERATIONS:
        sums = collections.Counter()
        with open(f"{folder}/{operation}.callgrind", encoding="utf-8") as file:
            for match in filter(None, map(COST.match, file)):
                name = name_of(match[2], match[3].split(".")[0])
                if name:
                    sums[name] += int(match[1].replace(",", ""))
        costs[operation] = collections.Counter(
            {k: v / times[operation] for k, v in sums.items()})
    return costs, times


def name_of(path, function):
    """Of the part or function that the instructions are counted for."""
    for part, pattern in PARTS:
        if pattern.search(function):
            return part
    if TEST_BED.search(path) or not CORE.match(function):
        return None
    return function


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def row(name, costs, pick):
    values = (sum(v for k, v in costs[o].items() if pick(k)) for o in OPERATIONS)
    return [name, *(f"{value:,.0f}" for value in values)]


def is_core(name):
    return name not in dict(PARTS)


def instructions(folder):
    if not os.path.exists(f"{folder}/counts"):
        print("Instructions were not counted.")
        return
    costs, times = per_operation(folder)
    total = collections.Counter()
    for counter in costs.values():
        total.update({k: v for k, v in counter.items() if is_core(k)})
    top = [name for name, _ in total.most_common(TOP)]
    rows = [row(part, costs, lambda k, part=part: k == part)
            for part, _ in PARTS]
    rows += [row(f"`{name}`", costs, lambda k, name=name: k == name)
             for name in top]
    rows += [row("others of tmem, zbud, XArray", costs,
                 lambda k: is_core(k) and k not in top),
             row("**sum of tmem, zbud, XArray**", costs, is_core)]
    print("Instructions for one operation, counted by callgrind in a user-space")
    print("build, on pages of kernel sources; locks, RCU, slab and the table of")
    print("objects are replaced there and left out.\n")
    print(table(["", *OPERATIONS.values()], rows))
    print()
    print(sentence(costs, times))


def sentence(costs, times):
    def share(operation, pick):
        counter = costs[operation]
        part = sum(v for k, v in counter.items() if pick(k))
        return 100 * part / sum(counter.values())

    holes = 100 * times["closed_holes"] / (times["store_file"] +
                                           times["store_swap"])
    return ("Compression is {:.0f} % of a store and {:.0f} % of a load of a file "
            "page, the checksum {:.0f} % and {:.0f} %, tmem, zbud and the XArray "
            "{:.0f} % and {:.0f} %. In {:.0f} of 100 stores the holes of a frame "
            "are closed.").format(
                *(share(o, pick)
                  for pick in (lambda k: k == "lzo", lambda k: k == "xxhash",
                               is_core)
                  for o in ("store_file", "load_file")), holes)


def group_of(function, path):
    # Their code lies in the file that is the memory of the guest.
    if path.endswith(" (deleted)"):
        return PROGRAMS
    if not path.endswith("/kernel"):
        return HOST
    return next(name for name, pattern in KERNEL if pattern.search(function))


def of_work(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return collections.Counter(
            group_of(*match.groups()) for match in map(SAMPLE.match, file) if match)


def in_kernel(groups, names):
    kernel = sum(groups[name] for name, _ in KERNEL)
    return 100 * sum(groups[name] for name in names) / kernel


def samples(folder):
    paths = [f"{folder}/samples-{work}" for work in WORKS]
    if not all(map(os.path.exists, paths)):
        print("Samples of a guest were not taken: perf cannot do it on this machine,"
              " or was not asked to.")
        return
    works = [of_work(path) for path in paths]
    print("Where a guest (User Mode Linux) with zcache spends its time, by samples.")
    print("Its disk is as fast as memory.\n")
    rows = [[f"kernel: {name}", *(f"{in_kernel(groups, [name]):.1f} %"
                                  for groups in works)] for name, _ in KERNEL]
    rows += [["kernel, of all samples", *(
        f"{100 - 100 * (g[PROGRAMS] + g[HOST]) / sum(g.values()):.1f} %"
        for g in works)]]
    rows += [[name, *(f"{100 * g[name] / sum(g.values()):.1f} %" for g in works)]
             for name in (PROGRAMS, HOST)]
    rows += [["samples", *(f"{sum(groups.values()):,}" for groups in works)]]
    print(table(["", *WORKS.values()], rows))
    print()
    print("Of the time of the guest's kernel compression and decompression take "
          "{:.0f} % and {:.0f} %, zbud, tmem and all use of the XArray "
          "{:.0f} % and {:.0f} %.".format(*(in_kernel(groups, names)
                               for names in (LZO, OURS) for groups in works)))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: profile.py DIR")
    instructions(sys.argv[1])
    print()
    samples(sys.argv[1])


main()
