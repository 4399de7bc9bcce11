# SPDX-License-Identifier: GPL-2.0
"""
What is in bench/results: runs.json (one run a line), plan.json (how the runs of
this version begin), about.json, and what other tools may have left there. And
the figures that count, by work.
"""
import json
import math
import os
import re
from collections import defaultdict

from .stats import Figure, median

MODES = ("none", "zswap", "zswap-80", "zram", "zcache", "zcache-nocleancache",
         "zcache-nofrontswap", "zcache-net", "nbd", "ramster", "zcache-slow")
PEERS = ("none", "zswap", "zswap-80", "zram")
SLOW = "zcache-slow"	# zcache made slower on purpose: no candidate
DISKS = ("hdd", "ssd", "ram")
GUESTS = ("kvm", "uml", "qemu")	# the one whose times say most first

ZIPF = ("zipf-1.5", "zipf-2", "zipf-3")
ONCE = ("stream", "noise-zipf", "noise-stream")
HEAP = ("heap-zipf", "heap-uniform")
DENSITY = ("density-source", "density-binaries", "density-heap")
STAGES = ("fill", "churn")
COMPILE = re.compile(r"^compile-j(\d+)$")
OTHERS = ("mixed", "latency", "calibrate")

PAGE = 4096


class Trouble(Exception):
    """What is wrong, and how to go on."""


class Metric:
    """A figure of a run: of(run) is a number, or None if the run has it not."""

    def __init__(self, of, unit, more_is_better=True):
        self.of = of
        self.unit = unit
        self.more_is_better = more_is_better


def is_number(x):
    return isinstance(x, (int, float)) and math.isfinite(x)


def only_numbers(record):
    """Of a record what is a number, also if it came as text."""
    found = {}
    for name, x in record.items():
        if isinstance(x, str):
            try:
                x = float(x)
            except ValueError:
                continue
        if is_number(x):
            found[name] = x
    return found


def numbers(run, *names):
    """Those of the run, or None if one is missing."""
    values = [run.get(name) for name in names]
    return values if all(map(is_number, values)) else None


def quotient(top, bottom, factor=1):
    def of(run):
        pair = numbers(run, top, bottom)
        return factor * pair[0] / pair[1] if pair and pair[1] else None
    return of


def growth(name, bottom=None, factor=1):
    """How much a counter grew while it was measured; for each of bottom."""
    def of(run):
        ends = numbers(run, "before_" + name, "after_" + name)
        count = run.get(bottom) if bottom else 1
        if not ends or not is_number(count) or not count:
            return None
        return factor * (ends[1] - ends[0]) / count
    return of


def value(name, factor=1):
    def of(run):
        found = numbers(run, name)
        return factor * found[0] if found else None
    return of


def seconds(run):
    took = value("work_ms", 0.001)(run)
    return math.inf if took and run.get("work_cut") else took


def pool_share(run):
    found = numbers(run, "after_zcache_pool_pages", "memory_kib")
    return 400 * found[0] / found[1] if found and found[1] else None


def writes(run):
    found = [run[name] for name in ("root_writes", "swap_writes")
             if is_number(run.get(name))]
    return sum(found) if found else None


TIME = Metric(seconds, "s", more_is_better=False)
READS = Metric(quotient("work_reads", "work_ms", 1000), "reads/s")
TOUCHES = Metric(quotient("work_touches", "work_ms", 1000), "touches/s")
DISK_READS = Metric(quotient("root_reads", "work_reads"), "disk reads/page",
                    more_is_better=False)
HITS = Metric(growth("cleancache_hits", "work_reads"), "hits/page")
POOL = Metric(pool_share, "% of memory")
FAULTS = Metric(growth("pgmajfault", "work_touches", 100), "faults/100 touches",
                more_is_better=False)
SWAP_READS = Metric(quotient("swap_reads", "work_touches", 100),
                    "swap reads/100 touches", more_is_better=False)
FILE_IO = Metric(value("root_reads"), "requests", more_is_better=False)
SWAP_IO = Metric(value("swap_reads"), "requests", more_is_better=False)
WRITES = Metric(writes, "requests", more_is_better=False)
BUSY = Metric(value("busy_ms", 0.001), "s", more_is_better=False)
MAJOR_FAULTS = Metric(growth("pgmajfault"), "faults",
                      more_is_better=False)


def metric_of(work):
    """What counts for a work, or None if there is not one figure that does."""
    if work in ("stream", "noise-stream") or COMPILE.match(work):
        return TIME
    if work in ZIPF or work == "noise-zipf":
        return READS
    if work in HEAP:
        return TOUCHES
    return None


def rank(name, order):
    return (order.index(name) if name in order else len(order), name)


# What makes runs of a work, disk and mode comparable, see bench/plan.sh.
CELL = ("work", "disk", "mode")
SETTINGS = ("cpus", "mem", "program", "tune", "code")


def words(record, names):
    return tuple(str(record.get(name)) for name in names)


def samples(records):
    """Of each cell the runs of each version and settings."""
    cells = defaultdict(lambda: defaultdict(list))
    for record in records:
        run = only_numbers(record)
        run["mode"] = str(record.get("mode"))
        cells[words(record, CELL)][words(record, SETTINGS)].append(run)
    return cells


class Runs:
    """
    Of one guest. Of a cell only one sample is shown: that of the version and
    settings of the plan, or else the largest of those before it.
    """

    def __init__(self, records, plan):
        wanted = {words(line, CELL): words(line, SETTINGS) for line in plan}
        self.by = {}
        self.older = set()
        for cell, found in samples(records).items():
            now = wanted.get(cell)
            if now not in found:
                self.older.add(cell)
                now = max(found, key=lambda settings: len(found[settings]))
            self.by[cell] = found[now]
        self.figures = {}

    def __len__(self):
        return sum(map(len, self.by.values()))

    def of(self, work, disk, mode):
        return self.by.get((work, disk, mode), [])

    def all(self, works):
        return [run for key, runs in self.by.items() if key[0] in works
                for run in runs]

    def pool_limits(self):
        """Of zcache, in percent of memory: not all may be of one version."""
        name = "after_zcache_max_pool_percent"
        return sorted({run[name] for (_, _, mode), runs in self.by.items()
                       if mode == "zcache" for run in runs if name in run})

    def works(self):
        return sorted({work for work, _, _ in self.by})

    def disks(self, works):
        return sorted({disk for work, disk, _ in self.by if work in works},
                      key=lambda disk: rank(disk, DISKS))

    def modes(self, works, disk=None, slow=False):
        """That took part, in the order in which they are shown."""
        return sorted({mode for work, its, mode in self.by if work in works
                       and disk in (None, its) and (slow or mode != SLOW)},
                      key=lambda mode: rank(mode, MODES))

    def compiles(self):
        """The works that compile, by the number of jobs."""
        found = (COMPILE.match(work) for work in self.works())
        return [m[0] for m in sorted(filter(None, found),
                                     key=lambda m: int(m[1]))]

    def figure(self, work, disk, mode, metric):
        """A Figure of all runs, or None if none of them has it."""
        key = work, disk, mode, metric
        if key not in self.figures:
            self.figures[key] = self.make_figure(*key)
        return self.figures[key]

    def make_figure(self, work, disk, mode, metric):
        runs = self.of(work, disk, mode)
        found = [x for x in map(metric.of, runs) if x is not None]
        if not found:
            return None
        limits = [run["work_ms"] / 1000 for run in runs
                  if run.get("work_cut") and is_number(run.get("work_ms"))]
        return Figure(found, max(limits, default=None),
                      (work, disk, mode) in self.older)

    def best_peer(self, work, disk, metric):
        """(mode, Figure) of the best that is not ours, or (None, None)."""
        peers = [(mode, self.figure(work, disk, mode, metric))
                 for mode in PEERS]
        peers = [(mode, f) for mode, f in peers if f]
        if not peers:
            return None, None
        choose = max if metric.more_is_better else min
        return choose(peers, key=lambda peer: peer[1].median)

    def totals(self, name):
        """The sum of a number over all runs, and how many runs have it."""
        found = [run[name] for runs in self.by.values() for run in runs
                 if is_number(run.get(name))]
        return sum(found), len(found)

    def histogram(self, mode, what):
        """Of "store" or "load": upper bound in ns to count, of all runs."""
        sums = defaultdict(int)
        for run in [run for key, runs in self.by.items()
                    if key[0] == "latency" and key[2] == mode for run in runs]:
            for bound, count in buckets(run, what):
                sums[bound] += count
        return dict(sums)


def buckets(run, what):
    """Counts since the measurement began, where they are kept from the boot."""
    pattern = re.compile(r"^(?:after_)?lat_%s_(\d+)$" % what)
    for name, count in run.items():
        found = pattern.match(name)
        if found and is_number(count):
            before = run.get(name.replace("after_", "before_", 1), 0)
            if not name.startswith("after_") or not is_number(before):
                before = 0
            yield int(found[1]), count - before


# ---- Density ----

def stored_pages(run, stage):
    swap, files = (run.get("%s_%s_stored_pages" % (stage, side))
                   for side in ("frontswap", "cleancache"))
    if run["mode"].startswith("zcache"):
        return (swap or 0) + (files or 0) or None
    if run["mode"] == "zram":
        return (run.get(stage + "_zram_orig_data_size") or 0) / PAGE or None
    return run.get(stage + "_zswap_stored_pages") or None


def slabs(run, stage, *names):
    """Bytes of the slabs whose names begin so, None if there are no such."""
    begin = tuple("%s_slab_%s" % (stage, name) for name in names)
    found = [val for name, val in run.items() if name.startswith(begin)
             and name.endswith("_kib") and is_number(val)]
    return 1024 * sum(found) if found else None


def index_bytes(run, stage):
    """As slabs where these are known: they round up."""
    found = slabs(run, stage, "tmem", "zcache")
    return max(found or 0, run.get(stage + "_zcache_index_bytes") or 0)


def metadata(run, stage):
    """Bytes that are not the pages themselves, or None if not known."""
    if run["mode"].startswith("zcache"):
        known = numbers(run, stage + "_zcache_metadata_bytes",
                        stage + "_zcache_index_bytes")
        return known and known[0] - known[1] + index_bytes(run, stage)
    return slabs(run, stage, "zs")


def memory_used(run, stage):
    """Bytes of all that is needed to store the pages."""
    if run["mode"].startswith("zcache"):
        pool = numbers(run, stage + "_zcache_pool_pages")
        return pool and pool[0] * PAGE + index_bytes(run, stage)
    name = "zram_mem_used_total" if run["mode"] == "zram" \
        else "zswap_pool_total_size"
    pool = numbers(run, "%s_%s" % (stage, name))
    return pool and pool[0] + (slabs(run, stage, "zs") or 0)


def of_stage(function, stage):
    return Metric(lambda run: function(run, stage), "")


def density(run, stage):
    pages, used = stored_pages(run, stage), memory_used(run, stage)
    return pages * PAGE / used if pages and used else None


def metadata_per_page(run, stage):
    pages, used = stored_pages(run, stage), metadata(run, stage)
    return used / pages if pages and used is not None else None


STORED = {stage: of_stage(stored_pages, stage) for stage in STAGES}
DENSE = {stage: of_stage(density, stage) for stage in STAGES}
META = {stage: of_stage(metadata_per_page, stage) for stage in STAGES}


# ---- Files ----

def parse(text, path, line=1):
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Trouble("%s, line %d is not JSON: %s" % (path, line, error),
                      "remove the line, or measure again: make bench") from None
    if not isinstance(found, dict):
        raise Trouble("%s, line %d is no JSON object" % (path, line),
                      "each line has to be {\"name\": value, ...}")
    return found


class Results:
    """All that there is to report."""

    def __init__(self, folder):
        self.folder = folder
        self.guests = self.read_runs()
        if not self.guests:
            raise Trouble("there are no runs in " +
                          os.path.join(folder, "runs.json"),
                          "measure first: make bench")
        # What was measured most is the report, others are a chapter of it.
        self.guest = max(self.guests, key=lambda guest: len(self.guests[guest]))
        self.runs = self.guests[self.guest]
        text = self.text("about.json")
        self.about = parse(text, os.path.join(folder, "about.json")) \
            if text else {}
        self.ceilings = self.read_ceilings()
        self.profile = self.text("profile.md")
        self.idle = self.text("idle.txt")
        self.versions = dict(line.split() for line in
                             self.text("versions").split("\n") if line)
        self.scaling = self.read_scaling()
        self.dates = self.read_dates()

    def read_runs(self):
        """Guest to its Runs."""
        records, plan = self.lines("runs.json"), self.lines("plan.json")
        found = {str(record.get("guest")) for record in records}

        def of(guest, lines):
            return [line for line in lines if str(line.get("guest")) == guest]
        return {guest: Runs(of(guest, records), of(guest, plan))
                for guest in sorted(found, key=lambda x: rank(x, GUESTS))}

    def read_dates(self):
        """The first and the last day of all runs; None if it is not known."""
        days = sorted({str(record["date"]) for record in self.lines("runs.json")
                       if "date" in record})
        return (days[0], days[-1]) if days else None

    def text(self, name):
        """What is in a file, "" if it is not there."""
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as f:
                return f.read().strip("\n")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise Trouble("%s cannot be read: %s" % (name, error),
                          "see " + self.folder) from None

    def lines(self, name):
        path = os.path.join(self.folder, name)
        return [parse(line, path, i)
                for i, line in enumerate(self.text(name).split("\n"), 1)
                if line.strip()]

    def part_is_older(self, name):
        """Of a part that takes no guests of ours, see bench/plan.sh."""
        return self.versions.get(name) != self.versions.get("now")

    def read_scaling(self):
        """
        Of each pool the Figures of two CPUs by one: together, and apart, with a
        pool each; and waits, for a lock of the other, for each operation.
        """
        found = defaultdict(lambda: defaultdict(list))
        for line in self.lines("scaling.json"):
            for name in ("together", "apart"):
                found[line["pool"]][name].append(line[name] / line["one"])
            found[line["pool"]]["waits"].append(line["waits"])
        return {pool: {name: Figure(values, older=self.part_is_older("scaling"))
                       for name, values in speedups.items()}
                for pool, speedups in found.items()}

    def read_ceilings(self):
        """Of each work and disk the best: the user sets no share of memory."""
        best = {}
        for line in self.lines("ceiling.json"):
            key, line = (line.get("work"), line.get("disk")), only_numbers(line)
            if line.get("gain", 0) > best.get(key, {}).get("gain", 0):
                best[key] = line
        return best
