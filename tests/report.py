#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of bench/report: statistics on known input, and honest verdicts."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "bench"))
# pylint: disable=wrong-import-position
from report import goals, runs, sections, stats, text	# noqa: E402

INF = float("inf")


class Results(runs.Results):
    """Of records, not of files."""

    def __init__(self, records, plan=None, **more):
        # pylint: disable=super-init-not-called
        self.runs = runs.Runs(records, records if plan is None else plan)
        self.guest, self.guests = "uml", {"uml": self.runs}
        self.about, self.ceilings, self.pictures = {}, {}, {}
        self.versions, self.scaling, self.dates = {}, {}, None
        self.profile = self.idle = ""
        self.__dict__.update(more)


def many(work, disk, mode, values, **more):
    """A record for each of the times in s; inf is one cut off at 180 s."""
    return [dict(more, work=work, disk=disk, mode=mode, work_cut=int(x == INF),
                 work_ms=180000 if x == INF else x * 1000) for x in values]


def verdict(results, name, part):
    return next(goal.verdict for goal in goals.goals(results)
                if goal.name == name and part in goal.text)


class Statistics(unittest.TestCase):
    def test_figure(self):
        figure = stats.Figure([4, 1, 3, 2])
        self.assertEqual((figure.median, figure.low, figure.high), (2.5, 1, 4))
        self.assertTrue(figure.noisy)
        self.assertFalse(stats.Figure([100, 104, 96]).noisy)

    def test_cut_off(self):
        known = stats.Figure([100, INF, 110], 180)
        self.assertEqual((known.median, known.cut), (110, 1))
        unknown = stats.Figure([100, INF, INF], 180)
        self.assertEqual(text.figure(unknown), ">180 (100->180) !")
        bound = stats.ratio(known, unknown)
        self.assertEqual((bound.sign, bound.value), ("<", 110 / 180))
        self.assertIsNone(stats.ratio(unknown, unknown))

    def test_interval(self):
        a, b = stats.Figure([10] * 7), stats.Figure([5] * 7)
        found = stats.ratio(a, b)
        self.assertEqual((found.low, found.value, found.high), (2, 2, 2))
        self.assertTrue(found.sure)
        wide = stats.Figure([9, 9.5, 10, 10, 10, 10.5, 11])
        found = stats.ratio(wide, b)
        self.assertTrue(1.8 <= found.low < 2 < found.high <= 2.2)
        self.assertEqual(text.ratio(found), text.ratio(stats.ratio(wide, b)))

    def test_few_runs(self):
        found = stats.ratio(stats.Figure([9, 10, 11]), stats.Figure([4, 5, 6]))
        self.assertFalse(found.sure)
        self.assertEqual((found.low, found.high), (9 / 6, 11 / 4))

    def test_percentile(self):
        bounds = [100, 200, 400]
        self.assertEqual(stats.percentile({200: 10}, bounds, 0.5), 150)
        self.assertEqual(stats.percentile({100: 50, 400: 50}, bounds, 0.5), 100)
        self.assertEqual(stats.percentile({100: 50, 400: 50}, bounds, 1), 400)

    def test_histogram_since_before(self):
        results = Results([dict(work="latency", disk="ram", mode="zswap",
                                before_lat_store_256=3, after_lat_store_256=10,
                                lat_load_512=4)])
        self.assertEqual(results.runs.histogram("zswap", "store"), {256: 7})
        self.assertEqual(results.runs.histogram("zswap", "load"), {512: 4})

    def test_density(self):
        run = dict(mode="zcache", fill_frontswap_stored_pages=100,
                   fill_zcache_pool_pages=40, fill_zcache_index_bytes=1000,
                   fill_zcache_metadata_bytes=3000)
        self.assertEqual(runs.density(run, "fill"), 409600 / (163840 + 1000))
        self.assertEqual(runs.metadata_per_page(run, "fill"), 30)
        run["fill_slab_tmem_kib"] = 2
        self.assertEqual(runs.metadata_per_page(run, "fill"), 40.48)
        self.assertIsNone(runs.density(run, "churn"))


class Verdicts(unittest.TestCase):
    def compile(self, ours, peer, disk="hdd"):
        thrashes = dict(swap_reads=9, busy_ms=100000)
        return Results(many("compile-j4", disk, "none", [150] * len(peer),
                            **thrashes) +
                       many("compile-j4", disk, "zram", peer) +
                       many("compile-j4", disk, "zcache", ours))

    def test_thrashing(self):
        for ours, peer, want in (
                ([70, 72, 71], [100, 101, 99], goals.REACHED),
                ([85, 86, 84], [100, 101, 99], goals.MISSED),
                ([INF] * 3, [100, 101, 99], goals.MISSED)):
            self.assertEqual(verdict(self.compile(ours, peer), "P1", "thrashes"),
                             want)

    def test_bound_leaves_it_open(self):
        """Faster than what was cut off, and nobody knows by how much."""
        results = Results(
            many("compile-j4", "hdd", "none", [INF] * 3, swap_reads=9,
                 busy_ms=170000) +
            many("compile-j4", "hdd", "zcache", [160, 161, 162]))
        self.assertEqual(verdict(results, "P1", "thrashes"), goals.OPEN)

    def test_harmless(self):
        near = [99, 100, 101]
        for ours, peer, want in (
                (near * 3, near * 3, goals.REACHED),
                (near, near, goals.OPEN),
                ([90, 91, 92], near, goals.REACHED),
                ([110, 111, 112], near, goals.MISSED),
                ([105] * 7, [100] * 7, goals.MISSED)):
            self.assertEqual(verdict(self.compile(ours, peer, "ssd"), "P1",
                                     "everywhere"), want)

    def test_wrong_bytes(self):
        results = Results([dict(work="heap-zipf", disk="hdd", mode="zram",
                                work_wrong=1)])
        self.assertEqual(verdict(results, "", "wrong"), goals.MISSED)

    def test_a_part_is_open(self):
        results = Results([
            dict(work="zipf-2", disk="hdd", mode=mode, work_reads=reads,
                 work_ms=1000) for mode, reads in (("none", 10), ("zcache", 30))])
        self.assertEqual(verdict(results, "P2", "throughput"), goals.OPEN)

    def test_self_test_sees_a_loss(self):
        records = [dict(work="heap-zipf", disk="hdd", mode=mode,
                        work_touches=touches, work_ms=1000)
                   for mode, touches in (("zcache", 100), ("zcache", 101),
                                         (runs.SLOW, 70), (runs.SLOW, 71))]
        self.assertIn("| yes |", sections.page(Results(records)))
        for record in records:
            record["work_touches"] = 100
        self.assertIn("| no |", sections.page(Results(records)))


class Versions(unittest.TestCase):
    new, old = {"code": "new"}, {"code": "old"}
    plan = [dict(code="new", work="stream", disk="hdd", mode=mode)
            for mode in ("none", "zcache")]

    def times(self, **values):
        records = [record for mode, (version, seconds) in values.items()
                   for record in many("stream", "hdd", mode, seconds, **version)]
        return Results(records, self.plan)

    def test_never_mixed(self):
        """One run of this version is shown, not three of another with it."""
        results = Results(many("stream", "hdd", "none", [9, 9, 9], **self.old) +
                          many("stream", "hdd", "none", [5], **self.new),
                          self.plan)
        figure = results.runs.figure("stream", "hdd", "none", runs.TIME)
        self.assertEqual((figure.median, len(figure), figure.older), (5, 1, False))

    def test_older_is_marked(self):
        results = self.times(none=(self.new, [10]), zcache=(self.old, [9, 9]))
        self.assertIn("| 9.00 (9.00-9.00) * |", sections.page(results))
        self.assertIn("hdd stream: 0.90*", next(
            goal.value for goal in goals.goals(results) if goal.name == "P3"))

    def test_this_version_is_not_marked(self):
        results = self.times(none=(self.new, [10]), zcache=(self.new, [9, 9]))
        self.assertIn("| 9.00 (9.00-9.00) |", sections.page(results))
        self.assertNotIn("0.90*", sections.page(results))


class Missing(unittest.TestCase):
    def test_names_alone(self):
        """Runs without a single figure, of every work and mode."""
        works = (*runs.ZIPF, *runs.ONCE, *runs.HEAP, *runs.DENSITY,
                 *runs.OTHERS, "compile-j2", "of-another-time")
        for mode in runs.MODES + ("new-mode",):
            page = sections.page(Results([
                dict(work=work, disk="hdd", mode=mode) for work in works]))
            self.assertIn("of-another-time", page)
            self.assertNotIn("| reached", page)

    def test_zeros(self):
        """Nothing was done in no time."""
        names = ("work_reads", "work_touches", "work_ms", "root_reads",
                 "swap_reads", "memory_kib", "fill_zcache_pool_pages",
                 "fill_zswap_pool_total_size", "after_lat_store_100")
        sections.page(Results([
            dict(dict.fromkeys(names, 0), work=work, disk="hdd", mode=mode)
            for work in (*runs.ZIPF, *runs.HEAP, *runs.DENSITY, "stream",
                         "latency", "compile-j2")
            for mode in runs.MODES]))


if __name__ == "__main__":
    unittest.main()
