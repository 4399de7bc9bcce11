# SPDX-License-Identifier: GPL-2.0
"""
What was to be reached, and whether it was. A goal has cases (a work on a disk,
say); it is reached if all of them are.
"""
from collections import namedtuple

from . import remote
from . import runs as r
from . import text
from .stats import ENOUGH, percentile, ratio

REACHED, MISSED, OPEN, NONE = "reached", "missed", "open", "not measured"

OURS = "zcache"
HARMLESS = 1.01		# of the time of another, "not slower"
THRASH_BUSY = 0.5	# of the time the disk is busy, from which on it thrashes
CEILING_SHARE = 0.75
META_LIMIT = 40		# bytes for each stored page

Case = namedtuple("Case", "name value verdict")
Goal = namedtuple("Goal", "name text value verdict")
Older = namedtuple("Older", "older")


def judge(name, what, cases):
    """A Goal of its cases. Those without a figure leave it open."""
    found = {case.verdict for case in cases}
    if found <= {NONE}:
        return Goal(name, what, text.NOTHING, NONE)
    value = ", ".join("%s: %s" % case[:2] if case.name else case.value
                      for case in cases)
    verdict = MISSED if MISSED in found else \
        OPEN if found & {OPEN, NONE} else REACHED
    return Goal(name, what, value, verdict)


class Edge:
    """What a figure has to be: at least or at most this."""

    def __init__(self, least=None, most=None):
        self.least = least
        self.at = most if least is None else least

    def verdict(self, x):
        good = x <= self.at if self.least is None else x >= self.at
        return REACHED if good else MISSED


def case(name, value, edge, of=None):
    """Of one value of a Figure or a Ratio; None if it was not measured."""
    if value is None:
        return Case(name, NONE, NONE)
    return Case(name, text.older(text.beside(value, edge.at), of),
                edge.verdict(value))


def ratio_case(name, found, edge):
    if found is None:
        return Case(name, NONE, NONE)
    verdict = edge.verdict(found.value)
    # Behind a bound is a value that may be better, or worse.
    better = "<" if edge.least is None else ">"
    if found.sign and (found.sign == better) == (verdict == MISSED):
        verdict = OPEN
    return Case(name, text.older(text.ratio(found, edge.at), found), verdict)


def compared(results, work, disk, metric, other="none"):
    """zcache by another mode."""
    return ratio(results.runs.figure(work, disk, OURS, metric),
                 results.runs.figure(work, disk, other, metric))


def by_best_peer(results, work, disk, metric):
    _, peer = results.runs.best_peer(work, disk, metric)
    return ratio(results.runs.figure(work, disk, OURS, metric), peer)


# ---- P1: compiling ----

def thrashes(results, work, disk):
    """Without any cache: swap is read, and the disk is what one waits for."""
    runs = results.runs.of(work, disk, "none")
    shares = [r.quotient("busy_ms", "work_ms")(run) for run in runs]
    swapped = results.runs.figure(work, disk, "none", r.SWAP_IO)
    if not shares or None in shares or not swapped:
        return False
    return r.median(shares) >= THRASH_BUSY and swapped.median > 0


def harmless(name, found):
    """Not slower than a peer, with as little doubt as ENOUGH runs leave."""
    if found is None:
        return Case(name, NONE, NONE)
    if found.sure:
        verdict = REACHED if found.low <= HARMLESS else MISSED
    elif found.low > HARMLESS:
        verdict = MISSED
    else:
        verdict = REACHED if found.high <= HARMLESS else OPEN
    return Case(name, text.older(text.ratio(found), found), verdict)


def compile_cases(results):
    """(where it thrashes on a hard disk, everywhere else)"""
    hard, other = [], []
    works = results.runs.compiles()
    for disk in results.runs.disks(works):
        for work in works:
            if not results.runs.figure(work, disk, OURS, r.TIME):
                continue
            found = by_best_peer(results, work, disk, r.TIME)
            name = "%s -%s" % (disk, work.partition("-")[2])
            is_hard = disk == "hdd" and thrashes(results, work, disk)
            if both_cut(results, work, disk):
                found_case = Case(name, "all cut off", OPEN)
            elif is_hard:
                found_case = ratio_case(name, found, Edge(most=0.8))
            else:
                found_case = harmless(name, found)
            (hard if is_hard else other).append(found_case)
    return hard, other


def both_cut(results, work, disk):
    """Neither zcache nor any peer got to the end, so nobody was better."""
    _, peer = results.runs.best_peer(work, disk, r.TIME)
    ours = results.runs.figure(work, disk, OURS, r.TIME)
    return bool(peer) and peer.is_cut and ours.is_cut


def compile_goals(results):
    hard, other = compile_cases(results)
    return [
        judge("P1", "kernel build that thrashes, hard disk: time <= 0.80 of "
              "the best peer", hard),
        judge("P1", "kernel build everywhere else: not slower than the best "
              "peer (95 %% interval reaches <= %.2f, n >= %d)" %
              (HARMLESS, ENOUGH), other)]


# ---- P2, P3: files ----

def file_goals(results):
    return [
        judge("P2", "file pages read again and again, hard disk: 3, 2, 1.4 "
              "times the throughput of `none`",
              [ratio_case(work, compared(results, work, "hdd", r.READS),
                          Edge(least))
               for work, least in zip(r.ZIPF, (3, 2, 1.4))]),
        judge("P2", "disk reads there: <= 0.33, 0.45, 0.65 of `none`",
              [ratio_case(work, compared(results, work, "hdd", r.DISK_READS),
                          Edge(most=most))
               for work, most in zip(r.ZIPF, (0.33, 0.45, 0.65))]),
        judge("P2", ">= %.2f of the ceiling, both disks" % CEILING_SHARE,
              [case("%s %s" % (disk, work), of_ceiling(results, work, disk),
                    Edge(CEILING_SHARE), compared(results, work, disk, r.READS))
               for disk in ("hdd", "ssd") for work in r.ZIPF]),
        judge("P3", "files read once, and files that do not compress: time "
              "<= %.2f of `none`" % HARMLESS,
              [ratio_case("%s %s" % (disk, work), time(results, work, disk),
                          Edge(most=HARMLESS))
               for disk in ("hdd", "ssd") for work in r.ONCE])]


def of_ceiling(results, work, disk):
    """Which share of the most that any pool can give."""
    ceiling = results.ceilings.get((work, disk))
    found = compared(results, work, disk, r.READS)
    return found.value / ceiling["gain"] if ceiling and found else None


def time(results, work, disk):
    """By that of none, also of works that count what is done in a time."""
    metric = r.metric_of(work)
    ours, none = (results.runs.figure(work, disk, mode, metric)
                  for mode in (OURS, "none"))
    return ratio(none, ours) if metric.more_is_better else ratio(ours, none)


# ---- P4: heap ----

def heap_goals(results):
    return [judge(
        "P4", "anonymous memory, 1.5 times what there is: at least the best "
        "peer",
        [ratio_case("%s %s" % (disk, work),
                    by_best_peer(results, work, disk, r.TOUCHES),
                    Edge(1))
         for disk in ("hdd", "ssd") for work in r.HEAP])]


# ---- P5: density ----

def zsmalloc(results, work, disk, metric):
    """The better of those who use it."""
    found = [results.runs.figure(work, disk, mode, metric)
             for mode in ("zswap", "zram")]
    return max(filter(None, found), key=lambda f: f.median, default=None)


def density_goals(results):
    runs = results.runs

    def cases(stage, least):
        return [ratio_case(
            work.partition("-")[2],
            ratio(runs.figure(work, disk, OURS, r.DENSE[stage]),
                  zsmalloc(results, work, disk, r.DENSE[stage])),
            Edge(least))
            for work in r.DENSITY for disk in runs.disks([work]) or ["ram"]]

    def metadata():
        for work in r.DENSITY:
            for disk in runs.disks([work]) or ["ram"]:
                found = [runs.figure(work, disk, OURS, r.META[stage])
                         for stage in r.STAGES]
                worst = max(filter(None, found), key=lambda f: f.median,
                            default=None)
                yield case(work.partition("-")[2], worst and worst.median,
                           Edge(most=META_LIMIT), worst)

    return [
        judge("P5", "stored bytes by memory used, after the fill: >= zsmalloc",
              cases("fill", 1)),
        judge("P5", "the same after churn: >= 1.05 of zsmalloc",
              cases("churn", 1.05)),
        judge("P5", "metadata: <= %d bytes for each stored page" % META_LIMIT,
              list(metadata()))]


# ---- P6 to P9 ----

def latencies(results, what, mode):
    """(p50, p99) in ns, or None."""
    all_modes = {mode: results.runs.histogram(mode, what)
                 for mode in results.runs.modes(["latency"], slow=True)}
    bounds = set().union(*all_modes.values())
    histogram = all_modes.get(mode)
    if not histogram or not sum(histogram.values()):
        return None
    return [percentile(histogram, bounds, share) for share in (0.5, 0.99)]


def latency_goal(results):
    cases = []
    of = Older(any(("latency", "ram", mode) in results.runs.older
                   for mode in (OURS, "zswap")))
    for what in ("store", "load"):
        ours, zswap = (latencies(results, what, mode)
                       for mode in (OURS, "zswap"))
        for i, share in enumerate(("p50", "p99")):
            found = ours[i] / zswap[i] if ours and zswap else None
            cases.append(case("%s %s" % (what, share), found, Edge(most=1), of))
    return judge("P6", "time of a store and a load, p50 and p99: <= zswap",
                 cases)


def scaling_goal(results):
    return judge("P7", "stores and loads at once, two CPUs by one: >= 1.9",
                 [case(pool, speedups["together"].median, Edge(1.9),
                       speedups["together"])
                  for pool, speedups in results.scaling.items()])


# 25 % faster.
BUILD_SHARE = 0.8


def remote_goals(results):
    runs = results.runs

    def cases(metric, most):
        return [ratio_case(work, remote.compared(runs, work, metric),
                           Edge(most=most)) for work in remote.WORKS]

    def builds():
        for work, disk in remote.builds(runs):
            found = ratio(*(runs.figure(work, disk, mode, r.TIME)
                            for mode in (remote.OURS, remote.ALONE)))
            if disk == "hdd":
                yield ratio_case("%s -%s" % (disk, work.partition("-")[2]),
                                 found, Edge(most=BUILD_SHARE))

    return [
        judge("P8", "a single page from the memory of a second guest, p50: <= 1.1 "
              "of swap over NBD to it", cases(remote.SINGLE, 1.1)),
        judge("P8", "a burst of %d neighbours, p50: <= 0.5 of that" %
              remote.BURST, cases(remote.BURSTS, 0.5)),
        judge("P8", "bytes on the wire, out and in: <= 0.5 of that",
              cases(remote.WIRE, 0.5)),
        judge("P8", "kernel build, hard disk, where zcache alone drops pages: "
              "time <= %.2f of it" % BUILD_SHARE, list(builds()))]


def idle_goal(results):
    what = "compiled in, not enabled: one branch that is not taken for each hook"
    if not results.idle:
        return Goal("P9", what, text.NOTHING, NONE)
    last = results.idle.split("\n")[-1]
    good = "FAULT" not in results.idle and "hooks, each one branch" in last
    return Goal("P9", what, last, REACHED if good else MISSED)


def wrong_goal(results):
    wrong, runs = results.runs.totals("work_wrong")
    corrupt = sum(results.runs.totals("after_%s_load_corrupt" % side)[0]
                  for side in ("cleancache", "frontswap"))
    what = "wrong bytes and corrupt pages, in all modes and runs: none"
    if not runs:
        return Goal("", what, text.NOTHING, NONE)
    return Goal("", what, "%d in %d runs" % (wrong + corrupt, runs),
                MISSED if wrong + corrupt else REACHED)


def goals(results):
    return [wrong_goal(results), *compile_goals(results), *file_goals(results),
            *heap_goals(results), *density_goals(results),
            latency_goal(results), scaling_goal(results),
            *remote_goals(results),
            idle_goal(results)]


# ---- Can this bench say no? ----

def losses(results):
    """
    (work, disk, zcache, slow, how often faster zcache is, its Ratio is sure)
    of each work in which zcache was also made slower on purpose.
    """
    for work in results.runs.works():
        metric = r.metric_of(work)
        for disk in results.runs.disks([work]) if metric else ():
            ours, slow = (results.runs.figure(work, disk, mode, metric)
                          for mode in (OURS, r.SLOW))
            if ours and slow:
                found = ratio(ours, slow) if metric.more_is_better \
                    else ratio(slow, ours)
                yield work, disk, ours, slow, found


def seen(found):
    """Whether a loss shows; None is none."""
    if found is None:
        return "no"
    return "yes" if found.low > 1 else "within the spread" \
        if found.value > 1 else "no"
