#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
How much the best possible cache in LRU order would win for the zipf works, from
what was measured: see ceiling.c for the model.

Reads runs.json and about.json of a folder with results, and writes ceiling.json
beside them: one JSON object a line for each zipf work and disk.

  hit_us, disk_us	from the runs without a cache: the time of a read grows in
			a line with the share of reads that go to the disk; where
			the line meets 0 is the time of a hit
  store_us, load_us	means of the histograms of zcache, all works and disks
  density		pages stored for each page of the pool, its index included
  share, gain, reads_ratio	the best share of memory, and what it gives
  pool_share, pool_gain, pool_reads_ratio
			the same for the share that zcache had at the end
  reads_none, measured_none	disk reads for each read without a cache, by the
			model and as measured: how far the model can be trusted

Usage: ceiling.py CEILING_PROGRAM DIR
"""
import json
import re
import statistics
import subprocess
import sys

WORK = re.compile(r"zipf-([0-9.]+)$")
BUCKET = re.compile(r"(?:(before|after)_)?lat_file_(store|load)_([0-9]+)$")
THETA = 0.99


def die(what):
    sys.exit(f"error: {what}")


def median(values, what):
    values = list(values)
    if not values:
        die(f"the results have no {what}")
    return statistics.median(values)


def read_us(run):
    return run["work_ms"] * 1000 / run["work_reads"]


def misses(run):
    return run["root_reads"] / run["work_reads"]


def hit_us(runs):
    """Of the fastest disk with works that differ: there it counts most."""
    disks = {run["disk"] for run in runs}
    for disk in sorted(disks, key=lambda d: median(
            (read_us(r) for r in runs if r["disk"] == d), d)):
        points = [(misses(r), read_us(r)) for r in runs if r["disk"] == disk]
        if len({r["work"] for r in runs if r["disk"] == disk}) < 2:
            continue
        hit = statistics.linear_regression(*zip(*points)).intercept
        if hit > 0:
            return hit
    # One work only: what the disk was not busy for.
    return median(((r["work_ms"] - r["busy_ms"]) * 1000 / r["work_reads"]
                   for r in runs), "runs of zipf without a cache")


def disk_us(runs, disk, hit):
    """What is left of a read; the disk alone, if hits are not known well enough."""
    runs = [r for r in runs if r["disk"] == disk and r["root_reads"]]
    return max(median(((read_us(r) - hit) / misses(r) for r in runs), "disk reads"),
               median((r["busy_ms"] * 1000 / r["root_reads"] for r in runs), "disk"))


def mean_us(runs, operation):
    """Bucket N holds what took up to N ns, and more than the bucket before."""
    count = {}
    for run in runs:
        for key, value in run.items():
            match = BUCKET.match(key)
            if match and match[2] == operation:
                sign = -1 if match[1] == "before" else 1
                bound = int(match[3])
                count[bound] = count.get(bound, 0) + sign * value
    low, sum_ns = 0, 0
    for bound in sorted(count):
        sum_ns += count[bound] * (low + bound) / 2
        low = bound
    if not sum(count.values()):
        die(f"the results have no histogram of {operation}s (lat_file_{operation}_NS)")
    return sum_ns / sum(count.values()) / 1000


def density(run):
    pages = run["after_zcache_pool_pages"] + run["after_zcache_index_bytes"] / 4096
    return run["after_cleancache_stored_pages"] / pages


def pool_share(run):
    return run.get("after_zcache_pool_pages", 0) * 4 / run["memory_kib"]


def has_pool(run):
    """zcache may have found that the disk is too fast for it."""
    return pool_share(run) > 0.1


def cache_pages(run):
    """What a guest without a cache has for file pages."""
    return run.get("after_nr_file_pages", run["memory_kib"] // 4)


def ceiling(program, *numbers):
    done = subprocess.run([program, *(f"{n:.6g}" for n in numbers)], text=True,
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        die(f"{program} failed, see above")
    return {k: float(v) for k, v in
            (pair.split("=") for pair in done.stdout.split())}


def of_cell(program, mem_mib, none, ours, stored, costs):
    """
    One work on one disk: runs without a cache, and with zcache; density of the
    pool; costs of a hit, a store, a load, and a read of the disk.
    """
    pages = median(map(cache_pages, none), "memory")
    set_pages = round(float(WORK.match(none[0]["work"])[1]) * mem_mib * 256)
    share = median(map(pool_share, ours), "pool")
    numbers = [pages, set_pages, THETA, stored, *costs]
    best = ceiling(program, *numbers)
    at_pool = ceiling(program, *numbers, share)
    names = ["hit_us", "store_us", "load_us", "disk_us"]
    return {"work": none[0]["work"], "disk": none[0]["disk"],
            "gain": best["gain"], "reads_ratio": best["reads_ratio"],
            "share": best["share"], "density": round(stored, 3),
            "pool_share": round(share, 3), "pool_gain": at_pool["gain"],
            "pool_reads_ratio": at_pool["reads_ratio"],
            "reads_none": best["reads_none"],
            "measured_none": round(median(map(misses, none), "reads"), 4),
            **{k: round(v, 2) for k, v in zip(names, costs)}}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip().splitlines()[-1])
    program, folder = sys.argv[1:]
    with open(f"{folder}/about.json", encoding="ascii") as file:
        mem_mib = json.load(file)["mem_mib"]
    with open(f"{folder}/runs.json", encoding="ascii") as file:
        runs = [json.loads(line) for line in file]
    runs = [run for run in runs if WORK.match(run["work"])]
    none = [run for run in runs if run["mode"] == "none"]
    ours = [run for run in runs if run["mode"] == "zcache"]
    costs = [hit_us(none), mean_us(ours, "store"), mean_us(ours, "load")]
    with open(f"{folder}/ceiling.json", "w", encoding="ascii") as out:
        for work, disk in dict.fromkeys((r["work"], r["disk"]) for r in ours):
            cell = [[r for r in which if (r["work"], r["disk"]) == (work, disk)]
                    for which in (none, ours)]
            if cell[0]:
                # The same data on another disk, if nothing was stored here.
                stored = median(map(density, filter(has_pool, cell[1])
                                    if any(map(has_pool, cell[1])) else
                                    filter(has_pool, ours)), "pages in zcache")
                result = of_cell(program, mem_mib, *cell, stored,
                                 [*costs, disk_us(none, disk, costs[0])])
                print(json.dumps(result), file=out)


main()
