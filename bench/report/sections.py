# SPDX-License-Identifier: GPL-2.0
"""The chapters of the page. Each takes Results and returns lines."""
from . import goals as g
from . import remote
from . import runs as r
from . import text
from .stats import ratio

MODE_IS = {
    "none": "page cache and swap as they are",
    "zswap": "zswap with its defaults: 20 % of memory, zsmalloc",
    "zswap-80": "zswap with 80 % of memory, what zcache may take",
    "zram": "swap on zram instead of the disk",
    "zcache": "zcache with its defaults: swap pages and file pages",
    "zcache-nocleancache": "zcache, swap pages only",
    "zcache-nofrontswap": "zcache, file pages only",
    "zcache-net": "zcache in the kernel that the next two have, which has a network",
    "nbd": "swap on a network block device in the memory of a second guest",
    "ramster": "zcache with RAMster, that borrows memory of a second guest",
    "zcache-slow": "zcache with a delay in each store, to see whether a loss "
                   "shows",
}

GUEST_IS = {
    "uml": "User Mode Linux, native speed",
    "kvm": "virtual PC (KVM)",
    "qemu": "emulated PC (QEMU without KVM)",
}

ABOUT = (("kernel", "Kernel"), ("host_cpu", "CPU of the host"), ("mem_mib", "Memory, MiB"),
         ("disks", "Disks"), ("runs", "Runs of each"),
         ("compressor", "Compressor"))

DISK_IS = {"hdd": "hard disk", "ssd": "SSD", "ram": "disk at RAM speed"}


# ---- What all chapters share ----

def guest_is(guest, runs, works=None):
    """In words: what it is, and its CPUs and memory."""
    about = [GUEST_IS.get(guest, guest)]
    records = runs.all(works or runs.works())
    cpus = sorted({run.get("cpus", 1) for run in records})
    about.append("%s CPU%s" % (" or ".join("%d" % n for n in cpus),
                               "" if cpus == [1] else "s"))
    sizes = [run["memory_kib"] / 1024 for run in records
             if r.is_number(run.get("memory_kib"))]
    if works and sizes:
        about.append("%.0f MiB of memory" % r.median(sizes))
    return ", ".join(about)


def where(results, works, disk=None):
    """The line with guest and disk."""
    disks = [disk] if disk else results.runs.disks(works)
    return text.paragraph("Guest: %s. Disk: %s." % (
        guest_is(results.guest, results.runs, works),
        "; ".join(disk_is(results, name) for name in disks) or "none"))


def disk_is(results, disk):
    disks = results.about.get("disks")
    if isinstance(disks, dict) and disk in disks:
        return "%s (%s)" % (disk, disks[disk])
    return "%s (%s)" % (disk, DISK_IS[disk]) if disk in DISK_IS else disk


def again(works, modes=()):
    """How to make these figures."""
    what = [("WORKS", works)] + ([("MODES", modes)] if modes else [])
    return ["Again: `make bench %s`" % " ".join(
        '%s="%s"' % (name, " ".join(words)) for name, words in what), ""]


def outdated(results, part):
    if not results.part_is_older(part):
        return []
    return ["This is of an older version.", ""]


def picture(results, name, alt):
    """If it was drawn."""
    if name not in results.pictures:
        return []
    return ["![%s](benchmarks/%s)" % (alt, name), ""]


def not_measured(title, works, modes=()):
    return ["## " + title, "", "Not measured.", ""] + again(works, modes)


def measured(results, works):
    return [work for work in works if work in results.runs.works()]


def best_cell(results, work, disk, mode, metric):
    """By the best peer, and which that is."""
    peer, figure = results.runs.best_peer(work, disk, metric)
    ours = results.runs.figure(work, disk, mode, metric)
    found = peer and ratio(ours, figure)
    if not found:
        return text.NOTHING
    if figure.is_cut:
        return "%s of all peers" % text.ratio(found)
    return "best peer" if peer == mode else \
        "%s of %s" % (text.ratio(found), peer)


def compare(results, works, disk, metric, columns=(), slow=False):
    """
    A table of a figure, by none and by the best peer; columns: further heads
    and Metrics, of which the medians are shown.
    """
    runs = results.runs
    modes = runs.modes(works, disk, slow)
    has_peers = len([mode for mode in modes if mode in r.PEERS]) > 1
    head = ["work", "mode", "n", metric.unit, "ratio to none"]
    head += ["ratio to the best peer"] if has_peers else []
    head += [name for name, _ in columns]
    rows = []
    for work in works:
        for mode in modes:
            figure = runs.figure(work, disk, mode, metric)
            if not figure:
                continue
            none = runs.figure(work, disk, "none", metric)
            row = [work, mode, len(figure), text.figure(figure),
                   "1" if mode == "none" else text.ratio(ratio(figure, none))]
            if has_peers:
                row.append(best_cell(results, work, disk, mode, metric))
            row += [text.middle(runs.figure(work, disk, mode, column))
                    for _, column in columns]
            rows.append(row)
    return text.table(head, rows)


# ---- First page ----

def beginning(results):
    return [
        "# zcache, measured beside no cache, zswap and zram", "",
        *text.paragraph(
            "`make bench` boots a small guest for each run, on a modelled "
            "disk, and lets it do the same work in different modes, in turn. "
            "This page and its pictures are made of the figures by "
            "`bench/report.py`; every counter of every run is in "
            "`bench/results/runs.json`."),
        *glance(results), *setting(results), *limits(results),
        *modes(results)]


def glance(results):
    rows = [(goal.name, goal.verdict, goal.text, goal.value)
            for goal in g.goals(results)]
    return ["## At a glance", "",
            *text.table(("goal", "verdict", "what", "value"), rows),
            *text.paragraph(
                "Ratios are those of medians. *Open*: only a part was "
                "measured, or too few runs to tell. A kernel build \"thrashes\" "
                "if without any cache swap is read and the disk is busy for "
                "%d %% of the time or more. The best peer is the best of none, "
                "zswap, zswap with more memory and zram, whichever "
                "was measured. `%s`: figures of an older version, see below."
                % (100 * g.THRASH_BUSY, text.OLDER))]


def setting(results):
    about = dict(results.about)
    rows = [("Guest", "; ".join(guest_is(guest, runs) for guest, runs
                                in results.guests.items()))]
    if results.dates:
        rows.append(("Measured", "%s to %s" % results.dates))
    rows += [(label, flat(about.pop(key))) for key, label in ABOUT
            if key in about]
    rows += [(key.replace("_", " "), flat(val))
             for key, val in sorted(about.items())]
    if results.runs.pool_limits():
        rows.append(("Limit of zcache's pool, % of memory", ", ".join(
            "%d" % limit for limit in results.runs.pool_limits())))
    return ["## The guest", "", *text.table(("what", "here"), rows)]


def flat(val):
    if isinstance(val, dict):
        return "; ".join("%s (%s)" % pair for pair in val.items())
    if isinstance(val, list):
        return ", ".join(map(str, val))
    return str(val)


def limits(results):
    lines = ["## What these figures can say, and what not", ""]
    points = [
        "The disk is a model: a program between the guest and a file in "
        "memory, which answers as late as such a disk would. So the figures "
        "say what a mode gains or loses at that cost of a request. They do not "
        "say how fast a certain disk is.",
        "All modes run the same kernel, with the same memory and disk, in "
        "turn, each run in a guest that was just booted. Ratios count; times "
        "in seconds hold for this guest only.",
        "The guest has one CPU, so nothing here is about contention, but what "
        "is said of two CPUs."]
    if results.guest == "uml":
        points.append(
            "In User Mode Linux a page fault or a system call costs ten to a "
            "hundred times what it costs on the bare machine, more than to "
            "decompress a page. So what is saved on a fast disk looks smaller "
            "than it is, and so do losses; the SSD shows above all that "
            "nothing is harmed, the hard disk what is gained. The times of "
            "stores and loads are taken inside the kernel and do not contain "
            "faults.")
    for point in points:
        lines += bullet(point)
    return lines + [""] + text.paragraph(text.READING)


def bullet(point):
    lines = [line for line in text.paragraph(point, 78) if line]
    return ["* " + lines[0]] + ["  " + line for line in lines[1:]]


def modes(results):
    shown = results.runs.modes(results.runs.works(), slow=True)
    return ["## Modes", "", *text.table(
        ("mode", "what it is"),
        [(mode, MODE_IS.get(mode, text.NOTHING)) for mode in shown])]


# ---- Works ----

def calibrate(results):
    title, works = "The disk, as the guest sees it", ["calibrate"]
    if not measured(results, works):
        return not_measured(title, works)
    columns = (("reads/s", r.Metric(r.value("work_iops"), "")),
               ("p50, us", r.Metric(r.value("work_p50_us"), "")))
    rows = []
    for disk in results.runs.disks(works):
        for mode in results.runs.modes(works, disk):
            rows.append([disk, mode] + [
                text.figure(results.runs.figure("calibrate", disk, mode, column))
                for _, column in columns])
    return ["## " + title, "", *where(results, works),
            *text.paragraph("fio reads pages here and there, past the page "
                            "cache. What the guest itself needs for a request "
                            "is contained."),
            *text.table(["disk", "mode"] + [name for name, _ in columns], rows),
            *again(works)]


def rereads(results):
    title = "File pages, read again and again"
    works = measured(results, r.ZIPF)
    if not works:
        return not_measured(title, r.ZIPF)
    lines = ["## " + title, "", *text.paragraph(
        "Single pages of sources, 1.5, 2 and 3 times the memory, are read by "
        "a Zipf law. The ceiling is what the best compressed cache of the same "
        "density could give if it knew how large to be; it keeps pages in LRU "
        "order. Where hardly anything is read any more it is as uncertain as the "
        "time of a hit, which is extrapolated from runs that do read: a gain may "
        "be above it.")]
    for disk in results.runs.disks(works):
        lines += ["### " + disk, "", *where(results, works, disk)]
        lines += compare(results, works, disk, r.READS, (
            ("disk reads/page", r.DISK_READS), ("from zcache", r.HITS),
            ("pool, % of memory", r.POOL)))
        lines += ceilings(results, works, disk)
        lines += picture(results, "files-%s.svg" % disk,
                         "Throughput and disk reads by those of none, " + disk)
    return lines + again(r.ZIPF)


def ceilings(results, works, disk):
    rows = []
    for work in works:
        ceiling = results.ceilings.get((work, disk))
        reached = g.compared(results, work, disk, r.READS)
        if not ceiling or not reached:
            continue
        reads = g.compared(results, work, disk, r.DISK_READS)
        rows.append([work, text.ratio(reached), text.fixed(ceiling["gain"]),
                     text.fixed(g.of_ceiling(results, work, disk)),
                     text.ratio(reads),
                     *(ceiling_cell(ceiling, name) for name in
                       ("reads_ratio", "share", "density"))])
    if not rows:
        return ["Ceiling: not computed.", ""]
    return text.table(("work", "gain", "its ceiling", "reached/ceiling",
                       "disk reads, ratio", "at the ceiling",
                       "share of memory there", "density there"), rows)


def ceiling_cell(ceiling, name):
    val = ceiling.get(name)
    return text.fixed(val) if r.is_number(val) else text.NOTHING


def once(results):
    title = "Files read once, and files that do not compress"
    works = measured(results, r.ONCE)
    if not works:
        return not_measured(title, r.ONCE)
    lines = ["## " + title, "", *text.paragraph(
        "Nothing can be gained here. `stream` and `noise-stream` read a file "
        "larger than memory once: what counts is the time, less is better. "
        "`noise-zipf` reads random bytes again and again: more is better.")]
    for disk in results.runs.disks(works):
        lines += ["### " + disk, "", *where(results, works, disk)]
        for metric in (r.TIME, r.READS):
            these = [work for work in works if r.metric_of(work) is metric]
            if disk in results.runs.disks(these):
                lines += compare(results, these, disk, metric)
    return lines + again(r.ONCE)


def heap(results):
    title = "Anonymous memory"
    works = measured(results, r.HEAP)
    if not works:
        return not_measured(title, r.HEAP)
    lines = ["## " + title, "", *text.paragraph(
        "A heap of 1.5 times the memory, of data from real heaps, is touched "
        "page by page: by a Zipf law, and every page as often as any other. "
        "More touches are better.")]
    for disk in results.runs.disks(works):
        lines += ["### " + disk, "", *where(results, works, disk)]
        lines += compare(results, works, disk, r.TOUCHES, (
            ("faults/100 touches", r.FAULTS),
            ("swap reads/100 touches", r.SWAP_READS)))
        lines += picture(results, "heap-%s.svg" % disk,
                         "Touches per second by mode, " + disk)
    return lines + again(r.HEAP)


def compiling(results):
    title = "Kernel build"
    works = results.runs.compiles()
    if not works:
        return not_measured(title, ["compile-jN"])
    lines = ["## " + title, "", *text.paragraph(
        "Files of the kernel are compiled with N jobs at once, from a cold "
        "start; compiler, sources and swap lie on the same disk. Less time is "
        "better.")]
    for disk in results.runs.disks(works):
        lines += compile_on(results, works, disk)
    return lines + again(works)


def compile_on(results, works, disk):
    here = [work for work in works if disk in results.runs.disks([work])]
    hard = [work for work in here if g.thrashes(results, work, disk)]
    return [
        "### " + disk, "", *where(results, here, disk),
        *compare(results, here, disk, r.TIME),
        *text.paragraph("It thrashes with: %s. Without a cache swap is read "
                        "there, and the disk is busy for %d %% of the time or "
                        "more." % (", ".join(hard) or "none of them",
                                   100 * g.THRASH_BUSY)),
        *picture(results, "compile-%s.svg" % disk, "Time over N, " + disk),
        *text.paragraph("The disk meanwhile, medians. Requests are counted; "
                        "of a run that was cut off, those up to the limit."),
        *disk_table(results, here, disk),
        *picture(results, "compile-io-%s.svg" % disk,
                 "Disk requests and busy time, " + disk)]


def disk_table(results, works, disk):
    metrics = (("file reads", r.FILE_IO), ("swap reads", r.SWAP_IO),
               ("writes", r.WRITES), ("disk busy, s", r.BUSY),
               ("major faults", r.MAJOR_FAULTS))
    rows = [[work, mode] + [
        text.middle(results.runs.figure(work, disk, mode, metric))
        for _, metric in metrics]
        for work in works for mode in results.runs.modes([work], disk)]
    return text.table(["work", "mode"] + [name for name, _ in metrics], rows)


def mixed(results):
    title, works = "Files and a heap at once", ["mixed"]
    if not measured(results, works):
        return not_measured(title, works)
    lines = ["## " + title, "", *text.paragraph(
        "Reads as of a data base, beside a heap that is touched: what helps "
        "one at the cost of the other shows here. More is better.")]
    for disk in results.runs.disks(works):
        lines += ["### " + disk, "", *where(results, works, disk)]
        for metric in (r.READS, r.TOUCHES):
            lines += compare(results, works, disk, metric)
    return lines + again(works)


EMULATED = (("file reads", r.FILE_IO), ("swap reads", r.SWAP_IO),
            ("writes", r.WRITES), ("hits of file pages", r.Metric(
                r.growth("cleancache_hits"), "")),
            ("loads of swap pages", r.Metric(r.growth("frontswap_loads"), "")),
            ("major faults", r.MAJOR_FAULTS))


def elsewhere(results):
    """Other guests: what was counted, and no times."""
    lines = []
    for guest, runs in results.guests.items():
        if guest == results.guest:
            continue
        rows = [[work, disk, mode, len(runs.of(work, disk, mode))] +
                [text.middle(runs.figure(work, disk, mode, metric))
                 for _, metric in EMULATED]
                for work in runs.works() for disk in runs.disks([work])
                for mode in runs.modes([work], disk)]
        lines += ["## In another guest: " + guest, "",
                  *text.paragraph("Guest: %s." % guest_is(guest, runs)),
                  *text.table(["work", "disk", "mode", "n"] +
                              [name for name, _ in EMULATED], rows)]
        if guest == "qemu":
            lines += text.paragraph(
                "The CPUs are emulated, ten to thirty times slower than real "
                "ones. So no time says anything here, nor how two CPUs scale: "
                "what is computed costs far too much beside what is read. What "
                "can be read from it: that it works with several CPUs, every "
                "page right, and which way the counters go: how much does not "
                "go to the disk. They are for the same seconds, not for the "
                "same work, and n is small.")
        lines += ["Again: `make bench GUEST=%s WORKS=\"%s\"`" % (
            guest, " ".join(runs.works())), ""]
    return lines


def density(results):
    title = "Density"
    works = measured(results, r.DENSITY)
    if not works:
        return not_measured(title, r.DENSITY)
    lines = ["## " + title, "", *where(results, works), *text.paragraph(
        "Stored bytes by the memory that is used to store them, after a fill "
        "and after churn (pages are dropped and others stored). Counted is, "
        "for zcache: its frames and its index. For zswap: its pool, and the "
        "slabs of entries, handles and zspages where they were recorded. For "
        "zram: what it says it uses, and the same slabs. Not counted is what "
        "would make zswap and zram look worse: nodes of zswap's tree, and "
        "zram's table of its device. A mode may refuse pages that compress "
        "badly, and zram keeps them as they are: see the pages stored.")]
    lines += density_table(results, works)
    return lines + picture(results, "density.svg",
                           "Density by data set, after fill and churn") + \
        again(r.DENSITY)


def density_table(results, works):
    runs, rows = results.runs, []
    for work in works:
        for disk in runs.disks([work]):
            for mode in runs.modes([work], disk):
                for stage in r.STAGES:
                    rows.append(density_row(results, work, disk, mode, stage))
    return text.table(
        ("data", "mode", "stage", "n", "pages stored", "density",
         "ratio to zsmalloc", "metadata, bytes/page"), [row for row in rows if row])


def density_row(results, work, disk, mode, stage):
    runs = results.runs
    figure = runs.figure(work, disk, mode, r.DENSE[stage])
    if not figure:
        return None
    peer = g.zsmalloc(results, work, disk, r.DENSE[stage])
    return [work.partition("-")[2], mode, stage, len(figure),
            text.middle(runs.figure(work, disk, mode, r.STORED[stage])),
            text.figure(figure),
            "best peer" if figure is peer else text.ratio(ratio(figure, peer)),
            text.figure(runs.figure(work, disk, mode, r.META[stage]))]


def latency(results):
    title, works = "Time of a store and of a load", ["latency"]
    if not measured(results, works):
        return not_measured(title, works)
    rows = []
    for what in ("store", "load"):
        for mode in results.runs.modes(works, slow=True):
            count = sum(results.runs.histogram(mode, what).values())
            found = g.latencies(results, what, mode)
            if found:
                rows.append([what, mode, "%d" % count] +
                            ["%.1f" % (ns / 1000) for ns in found] +
                            [by_zswap(results, what, found)])
    return ["## " + title, "", *where(results, works), *text.paragraph(
        "Taken inside the kernel around each call, of all runs together. A "
        "percentile is interpolated within the bucket of the histogram that "
        "it is in. Less is better."),
        *text.table(("call", "mode", "calls", "p50, us", "p99, us",
                     "ratio to zswap"), rows),
        *picture(results, "latency.svg", "Distribution of the times"),
        *again(works)]


def by_zswap(results, what, found):
    zswap = g.latencies(results, what, "zswap")
    if not zswap:
        return text.NOTHING
    return ", ".join(text.fixed(a / b) for a, b in zip(found, zswap))


def borrowing(results):
    title, runs = "Memory of a second guest", results.runs
    works = measured(results, remote.WORKS)
    if not works:
        return not_measured(title, remote.WORKS)
    rows, traffic = [], []
    for cell in remote.cells(runs):
        work, disk, mode = cell
        figures = [runs.figure(*cell, metric) for metric in
                   (remote.SINGLE, remote.SINGLE_P99, remote.BURSTS, remote.BURSTS_P99)]
        name = [work, mode if disk == remote.DISK else "%s, %s" % (mode, disk)]
        rows.append(name + [len(figures[0]), text.figure(figures[0]),
                            text.middle(figures[1]), by_nbd(runs, cell, remote.SINGLE),
                            text.figure(figures[2]), text.middle(figures[3]),
                            by_nbd(runs, cell, remote.BURSTS)])
        if disk == remote.DISK:
            traffic.append(name + [
                text.middle(runs.figure(*cell, remote.WIRE_OF[step]))
                for step in remote.STEPS] + [
                    by_nbd(runs, cell, remote.WIRE),
                    text.figure(runs.figure(*cell, remote.OUT))])
    return ["## " + title, "", *where(results, works), *text.paragraph(
        "Real data is swapped out to the memory of a second guest, and swapped in "
        "again: single pages here and there without readahead, then bursts of %d "
        "neighbours with the readahead that Linux has by default. Links: %s. "
        "`nbd` is plain swap on a network block device that `nbd-server` offers; "
        "`none, hdd` and the like is swap on the modelled disk. The time is that of "
        "one system call which makes the pages present, in us: less is better."
        % (remote.BURST, "; ".join(
            "%s (%s)" % (link, link_is(results, link)) for link in
            sorted({remote.LINKS[work] for work in works})))),
        *text.table(("work", "mode", "n", "single p50", "p99", "by nbd",
                     "burst p50", "p99", "by nbd"), rows),
        *picture(results, "remote.svg", "Time of a page and of a burst, and bytes"),
        *text.paragraph(
            "Bytes on the wire for each page, both directions with all headers, and "
            "how fast pages went out: from the first until the last was there. With "
            "`ramster` that contains compressing and sealing them. In what comes with "
            "bursts are pages that readahead wanted and nobody else."),
        *text.table(("work", "mode", "out", "singles", "bursts", "all by nbd",
                     "out, MB/s"), traffic),
        *text.paragraph(
            "What to make of it: the server of `nbd` is a program, and in User Mode "
            "Linux system calls cost far more than elsewhere, while lending to RAMster "
            "needs none. But RAMster seals each page, here without instructions for "
            "that. Connections are plain TCP in both."),
        *again(works)]


def by_nbd(runs, cell, metric):
    nbd = runs.figure(cell[0], remote.DISK, remote.OTHER, metric)
    return "1" if cell[2] == remote.OTHER else \
        text.ratio(ratio(runs.figure(*cell, metric), nbd))


def link_is(results, link):
    return results.about.get("link_" + link, text.NOTHING)


def scaling(results):
    title = "Two CPUs"
    if not results.scaling:
        return ["## " + title, "", "Not measured.", ""]
    rows = [[pool, len(speedups["together"]), text.figure(speedups["together"]),
             text.figure(speedups["apart"]), text.middle(speedups["waits"])]
            for pool, speedups in results.scaling.items()]
    return ["## " + title, "", *text.paragraph(
        "Stores and loads in user space, of a thread on each of two CPUs of the "
        "host, by those of one thread: our tmem and zbud, with the kernel's "
        "XArray, lzo and xxhash, and spinlocks that spin. It shows what our "
        "locks and cache lines cost a second CPU. It does not show what the "
        "kernel around them costs it: page tables, the page cache, reclaim, "
        "slab. To compare with: threads that share nothing."),
        *text.table(("pool", "n", "two CPUs by one, one pool",
                     "a pool for each CPU", "waits/operation, one pool"), rows),
        *text.paragraph("What both want most is the lock of zbud's lists of "
                        "frames, of which there is one for each NUMA node.")]


def idle(results):
    title = "Compiled in, not enabled"
    if not results.idle:
        return ["## " + title, "", "Not measured.", ""]
    return ["## " + title, "", *text.paragraph(
        "Read from the machine code (x86-64): what is on the paths of the "
        "kernel while zcache is off. `make check STEP=idle` makes it anew."),
        *outdated(results, "idle"),
        "```", results.idle, "```", ""]


def profile(results):
    if not results.profile:
        return ["## Where the time goes", "", "Not measured.", ""]
    title = [] if results.profile.startswith("#") else \
        ["## Where the time goes", ""]
    return [*title, results.profile, "", *outdated(results, "profile")]


def says_no(results):
    title = "Can this bench say no?"
    rows = [[work, disk, r.metric_of(work).unit, text.figure(ours),
             text.figure(slow), text.ratio(found), g.seen(found)]
            for work, disk, ours, slow, found in g.losses(results)]
    both = g.OURS, r.SLOW
    if not rows:
        return not_measured(title, r.HEAP, both)
    works = sorted({row[0] for row in rows})
    return ["## " + title, "", *where(results, works), *text.paragraph(
        "`zcache-slow` is zcache with a delay in each store. If the bench is "
        "worth anything, that has to show as a loss wherever pages are stored. "
        "A loss is seen if the whole interval is above 1: that of 95 %, or "
        "with few runs that of all runs."),
        *text.table(("work", "disk", "unit", "zcache", "zcache-slow",
                     "zcache is better by", "loss seen"), rows),
        *again(works, both)]


def ending(results):
    known = {*r.ZIPF, *r.ONCE, *r.HEAP, *r.DENSITY, *r.OTHERS, *remote.WORKS,
             *results.runs.compiles()}
    others = [work for work in results.runs.works() if work not in known]
    lines = ["## All of it again", "",
             "    make bench", "",
             *text.paragraph("or a part:"),
             "    make bench WORKS=\"zipf-1.5 heap-zipf\" "
             "MODES=\"none zcache\" DISKS=hdd RUNS=7", ""]
    if others:
        lines += text.paragraph("In runs.json, and not on this page: %s."
                                % ", ".join(others))
    return lines


CHAPTERS = (beginning, compiling, rereads, once, heap, mixed, density, latency,
            borrowing, scaling, elsewhere, idle, profile, calibrate, says_no, ending)


def page(results):
    lines = [line for chapter in CHAPTERS for line in chapter(results)]
    return "\n".join(lines).rstrip("\n") + "\n"
