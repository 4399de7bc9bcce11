# SPDX-License-Identifier: GPL-2.0
"""
Memory of a second guest: what counts of the works remote-*, and what of a kernel
build, with RAMster and without.
"""
from . import runs as r
from .stats import ratio

WORKS = ("remote-heap", "remote-source", "remote-heap-slow")
LINKS = {"remote-heap": "gigabit", "remote-source": "gigabit",
         "remote-heap-slow": "fast-ethernet"}
DISK = "ram"		# of modes with a second guest: it costs nothing
OURS, OTHER = "ramster", "nbd"
ALONE = "zcache-net"	# zcache in the same kernel, without a second guest
BURST = 8

# What is done, the stage before it, the pages that it is about.
STEPS = {
    "out": ("before", "work_pages", 1),
    "singles": ("out", "work_singles", 1),
    "bursts": ("singles", "work_bursts", BURST),
}


def sent(run, step):
    """Bytes in both directions. A counter that is 0 is not in the results."""
    before = STEPS[step][0]
    return sum(run.get("%s_net_%s_bytes" % (step, way), 0) -
               run.get("%s_net_%s_bytes" % (before, way), 0)
               for way in ("in", "out"))


def wire(*steps):
    """Bytes on the wire for each page that was asked for."""
    def of(run):
        pages = sum(run.get(STEPS[step][1], 0) * STEPS[step][2] for step in steps)
        return sum(sent(run, step) for step in steps) / pages \
            if "after_net_in_bytes" in run and pages else None
    return r.Metric(of, "bytes/page", more_is_better=False)


def out_speed(run):
    found = r.numbers(run, "work_pages", "work_out_ms")
    return found[0] * r.PAGE / found[1] / 1000 if found and found[1] else None


def time_of(what, share):
    return r.Metric(r.value("work_%s_%s_ns" % (what, share), 0.001), "us",
                    more_is_better=False)


SINGLE, SINGLE_P99 = time_of("single", "p50"), time_of("single", "p99")
BURSTS, BURSTS_P99 = time_of("burst", "p50"), time_of("burst", "p99")
WIRE = wire(*STEPS)
WIRE_OF = {step: wire(step) for step in STEPS}
OUT = r.Metric(out_speed, "MB/s")


def cells(runs):
    """(work, disk, mode) of those that were measured, in the order of the report."""
    return [(work, disk, mode) for work in WORKS
            for disk in runs.disks([work])
            for mode in runs.modes([work], disk)]


def compared(runs, work, metric):
    """RAMster by NBD."""
    return ratio(runs.figure(work, DISK, OURS, metric),
                 runs.figure(work, DISK, OTHER, metric))


def builds(runs):
    """(work, disk) of kernel builds that were measured with RAMster and without."""
    return [(work, disk) for work in runs.compiles() for disk in runs.disks([work])
            if runs.of(work, disk, OURS) and runs.of(work, disk, ALONE)]
