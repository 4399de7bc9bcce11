# SPDX-License-Identifier: GPL-2.0
"""
Medians, spread, ratios and how sure they are.

A run that was cut off at a limit is known to be longer than that and no more:
it counts as infinite. Its median is known as long as the middle is not cut.
"""
import math
import random

NOISE = 0.05		# half of the range, of the median, from which on we say so
ENOUGH = 7		# runs that an interval of 95 % needs
RESAMPLES = 2000


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return (values[middle - 1] + values[middle]) / 2


class Figure:
    """
    One figure of all runs of a mode; limit: what the infinite exceed; older: it
    is of another version.
    """

    def __init__(self, values, limit=None, older=False):
        self.values = sorted(values)
        self.limit = limit
        self.older = older
        self.median = median(values)
        self.low, self.high = self.values[0], self.values[-1]

    def __len__(self):
        return len(self.values)

    @property
    def cut(self):
        """How many runs were cut off."""
        return sum(map(math.isinf, self.values))

    @property
    def is_cut(self):
        return math.isinf(self.median)

    @property
    def known(self):
        """The median, or what it exceeds."""
        return self.limit if self.is_cut else self.median

    @property
    def at_least(self):
        return self.limit if math.isinf(self.low) else self.low

    @property
    def noisy(self):
        if self.is_cut:
            return self.cut < len(self)
        return (self.high - self.low) / 2 > NOISE * abs(self.median)


class Ratio:
    """
    Of two medians. sign says whether value is a bound only ("<", ">"). The
    interval (low, high) is that of 95 % if sure, else that of all runs: the
    lowest of one by the highest of the other, and the other way round. older: one
    of them is.
    """

    def __init__(self, value, sign, interval, sure, older):
        self.older = older
        self.value = value
        self.sign = sign
        self.low, self.high = interval
        self.sure = sure


def divide(top, bottom):
    return top / bottom if bottom else math.inf


def bootstrap(top, bottom):
    """Where 95 % of the ratios lie if the runs are drawn again and again."""
    draw = random.Random(1)
    ratios = sorted(
        divide(median(draw.choices(top, k=len(top))),
               median(draw.choices(bottom, k=len(bottom))))
        for _ in range(RESAMPLES))
    return (ratios[int(RESAMPLES * 0.025)],
            ratios[math.ceil(RESAMPLES * 0.975) - 1])


def ratio(top, bottom):
    """A Ratio, or None where there is none to speak of."""
    if not top or not bottom or not bottom.known:
        return None
    if top.is_cut and bottom.is_cut:
        return None
    sign = ">" if top.is_cut else "<" if bottom.is_cut else ""
    sure = min(len(top), len(bottom)) >= ENOUGH and not top.cut + bottom.cut
    if sure:
        interval = bootstrap(top.values, bottom.values)
    else:
        interval = (divide(top.at_least, bottom.high),
                    divide(top.high, bottom.at_least))
    return Ratio(top.known / bottom.known, sign, interval, sure,
                 top.older or bottom.older)


def percentile(histogram, bounds, share):
    """
    The value below which that share of the counts lies. histogram: upper bound
    of a bucket to count; bounds: of all buckets there are. Even within buckets.
    """
    rank, seen, lower = share * sum(histogram.values()), 0, 0
    for upper in sorted(bounds):
        count = histogram.get(upper, 0)
        if count and seen + count >= rank:
            return lower + (upper - lower) * (rank - seen) / count
        seen, lower = seen + count, upper
    return None
