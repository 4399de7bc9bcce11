# SPDX-License-Identifier: GPL-2.0
"""
The pictures, drawn by gnuplot: panels side by side with a common legend below.
A mode has the same colour in all of them (Okabe and Ito's, which people who do
not see all colours can tell apart). Nothing in an SVG depends on the time or
on the version of gnuplot.
"""
import math
import re
import subprocess

from . import goals as g
from . import remote
from . import runs as r
from .stats import ratio

COLOURS = {
    "none": "#999999",
    "zswap": "#56B4E9",
    "zswap-40": "#0072B2",
    "zswap-80": "#0072B2",
    "zram": "#009E73",
    "zcache": "#D55E00",
    "zcache-nocleancache": "#E69F00",
    "zcache-nofrontswap": "#CC79A7",
    "zcache-net": "#8C564B",
    "nbd": "#0072B2",
    "ramster": "#882255",
    "zcache-slow": "#000000",
}
OTHER = "#6A3D9A"
# Each filled one and the open one beside it are close relatives.
POINTS = {"none": 5, "zswap": 7, "zswap-40": 6, "zswap-80": 6, "zram": 9, "zcache": 13,
          "zcache-nocleancache": 12, "zcache-nofrontswap": 11, "zcache-net": 8,
          "nbd": 4, "ramster": 10, "zcache-slow": 3}
OTHER_POINT = 15

WIDTH = 920		# of a picture, and what is around a panel, in pixels
TITLE, LEGEND, GAP = 44, 26, 12
LEFT, RIGHT = 84, 16
ROOM = 30		# above a panel that has a title, below one with a label
EDGE = 38		# below every panel, for the numbers
PANEL = {1: 320, 2: 240}	# height of a panel itself, by columns
GLYPH = 7.6		# width of a letter of the font
FONT = "sans-serif"
DASH = "dt (6,4)"


def colour(mode):
    return COLOURS.get(mode, OTHER)


def quote(words):
    """A string of gnuplot."""
    return '"%s"' % str(words).replace('"', "'")


class Point:
    """Of a bar or a line: a value, from low to high; sign if it is a bound."""

    def __init__(self, y, low, high, sign=""):
        self.y = y
        self.low = low if math.isfinite(low) else y
        self.high = high if math.isfinite(high) else y
        self.sign = sign

    @classmethod
    def of_figure(cls, f):
        return f and cls(f.known, f.at_least, f.high, ">" if f.is_cut else "")

    @classmethod
    def of_ratio(cls, found):
        return found and cls(found.value, found.low, found.high, found.sign)


def top_of(points):
    return max((max(p.y, p.high) for p in points), default=0) or 1


# ---- Panels ----

class Bars:
    """
    Groups of bars, one for each mode. series: mode to a Point or None for each
    group. marks: for each group the height of a line, or None.
    """

    def __init__(self, title, unit, groups, series, marks=(), one=False):
        self.title, self.unit, self.groups = title, unit, groups
        self.series = {mode: points for mode, points in series.items()
                       if any(points)}
        self.marks = marks
        self.one = one		# a line at 1, that to compare with
        self.xlabel = ""

    def __bool__(self):
        return bool(self.series)

    def legend(self):
        return [(mode, colour(mode), "bar") for mode in self.series]

    def script(self, name, width):
        step = 0.84 / len(self.series)
        per_bar = (width - LEFT - RIGHT) / len(self.groups) * step
        points = [p for series in self.series.values() for p in series if p]
        top = max([top_of(points)] + [m for m in self.marks if m])
        marks = dict(enumerate(self.marks))
        lines, plots = [], []
        for i, (mode, series) in enumerate(self.series.items()):
            shift = (i - (len(self.series) - 1) / 2) * step
            lines += block("%s_%d" % (name, i), [
                (group + shift, p.y, p.low, p.high,
                 above(p, marks.get(group), top), label(p, per_bar))
                for group, p in enumerate(series) if p])
            data = "$%s_%d" % (name, i)
            plots += ["%s using 1:2:(%g) with boxes fs solid border lc rgb "
                      "'white' lc rgb '%s'" % (data, step * 0.96, colour(mode)),
                      "%s using 1:3:(0):($4-$3) with vectors heads size screen "
                      "0.004,90 lw 1.2 lc rgb '#333333'" % data,
                      "%s using 1:5:6 with labels offset 0,0.7 font '%s,12'"
                      % (data, FONT)]
        lines += block(name + "_m", [(group - 0.46, m, 0.92) for group, m
                                     in enumerate(self.marks) if m])
        if any(self.marks):
            plots.append("$%s_m using 1:2:3:(0) with vectors nohead lw 2.5 "
                         "%s lc rgb 'black'" % (name, DASH))
        if self.one:
            plots.append("1 with lines lw 2.5 lc rgb '%s'" % colour("none"))
        tics = ", ".join("%s %d" % (quote(group), i)
                         for i, group in enumerate(self.groups))
        return lines + [
            "set xrange [-0.6:%g]" % (len(self.groups) - 0.4),
            "set xtics (%s) scale 0" % tics,
            *y_axis(top),
            "plot " + ", \\\n  ".join(plots)]


def y_axis(top):
    """From 0, with room for what stands above the highest."""
    return ["set yrange [0:%g]" % (top * 1.14),
            "set format y '%s'" % ("%.0s%c" if top >= 10000 else "%h")]


def above(p, mark, top):
    """Where the value is written: not across the error bar or the mark."""
    if mark and p.high - 0.03 * top < mark < p.high + 0.12 * top:
        return max(mark, p.high)
    return p.high


def label(p, width):
    """The value above a bar, if there is room for it."""
    words = p.sign + short(p.y)
    return '"%s"' % (words if len(words) * GLYPH < width else "")


def short(y):
    if y >= 10000:
        return "%.0fk" % (y / 1000)
    if y >= 1000:
        return "%.1fk" % (y / 1000)
    return "%.0f" % y if y >= 100 else "%.1f" % y if y >= 10 else "%.2f" % y


class Lines:
    """
    Lines over a number. series: mode to [(x, Point)]. A point that was cut off
    is an arrowhead at the limit.
    """

    def __init__(self, title, xlabel, unit, series, limit=None):
        self.title, self.xlabel, self.unit = title, xlabel, unit
        self.series = {mode: points for mode, points in series.items()
                       if points}
        self.limit = limit

    def __bool__(self):
        return bool(self.series)

    def legend(self):
        return [(mode, colour(mode), POINTS.get(mode, OTHER_POINT))
                for mode in self.series]

    def script(self, name, _):
        everything = [xp for points in self.series.values() for xp in points]
        ticks = sorted({x for x, _ in everything})
        gap = min((b - a for a, b in zip(ticks, ticks[1:])), default=1)
        top = top_of([p for _, p in everything])
        lines, plots = [], []
        for i, (mode, points) in enumerate(self.series.items()):
            # Beside each other, so that one does not hide another.
            shift = (i - (len(self.series) - 1) / 2) * 0.05 * gap
            data = "$%s_%d" % (name, i)
            lines += block(data[1:], [(x + shift, p.y, p.low, p.high)
                                      for x, p in points])
            lines += block(data[1:] + "_cut", [(x + shift, p.y)
                                               for x, p in points if p.sign])
            style = "lw 2 lc rgb '%s'" % colour(mode)
            plots += ["%s with lines %s" % (data, style),
                      "%s using 1:2:3:4 with yerrorbars pt %d ps 0.9 %s" % (
                          data, POINTS.get(mode, OTHER_POINT), style)]
            if any(p.sign for _, p in points):
                plots.append("%s_cut using 1:2:(0):(%g) with vectors head "
                             "filled size screen 0.012,20 %s" % (
                                 data, 0.07 * top, style))
        if self.limit:
            plots.append("%g with lines lw 1.5 %s lc rgb '#555555'"
                         % (self.limit, DASH))
        return lines + [
            "set xrange [%g:%g]" % (ticks[0] - 0.4 * gap, ticks[-1] + 0.4 * gap),
            "set xtics (%s)" % ", ".join('"%g" %g' % (x, x) for x in ticks),
            *y_axis(top),
            "plot " + ", \\\n  ".join(plots)]


class Distribution:
    """Shares of calls over their time. series: mode to [(us, percent)]."""

    unit = "calls that took no longer, %"
    xlabel = "time, us"

    def __init__(self, title, series):
        self.title = title
        self.series = {mode: points for mode, points in series.items()
                       if points}

    def __bool__(self):
        return bool(self.series)

    def legend(self):
        return [(mode, colour(mode), self.kind(mode)) for mode in self.series]

    @staticmethod
    def kind(mode):
        """What is the last and may lie on another line lets it be seen."""
        return "dash" if mode == r.SLOW else "line"

    def script(self, name, _):
        xs = [x for points in self.series.values() for x, _ in points]
        lines, plots = [], []
        for i, (mode, points) in enumerate(self.series.items()):
            lines += block("%s_%d" % (name, i), points)
            plots.append("$%s_%d with lines lw 2.5 %s lc rgb '%s'" % (
                name, i, DASH if self.kind(mode) == "dash" else "",
                colour(mode)))
        tics = [f * 10.0 ** e for e in range(-3, 6) for f in (1, 2, 5)]
        return lines + [
            "set logscale x",
            "set xtics (%s) scale 1" % ", ".join('"%g" %g' % (x, x)
                                                 for x in tics),
            "set xrange [%g:%g]" % (min(xs) * 0.9, max(xs) * 1.1),
            "set yrange [0:104]",
            "set format y '%h'",
            "plot " + ", \\\n  ".join(plots), "unset logscale x"]


def block(name, rows):
    """Data for gnuplot. A block must not be empty."""
    rows = [" ".join("%.8g" % x if r.is_number(x) else x for x in row)
            for row in rows]
    return ["$%s << EOD" % name, *(rows or ["NaN NaN NaN NaN NaN"]), "EOD"]


# ---- A picture ----

def legend_rows(entries):
    """Entries with their place, in as many rows as they need."""
    rows, x = [[]], LEFT
    for entry in entries:
        width = 34 + GLYPH * len(entry[0]) + 18
        if x + width > WIDTH and rows[-1]:
            rows.append([])
            x = LEFT
        rows[-1].append((x, entry))
        x += width
    return rows


class Layout:
    """Where the panels of a picture are, in pixels from its top left."""

    def __init__(self, panels, legend):
        self.columns = min(2, len(panels))
        self.rows = math.ceil(len(panels) / self.columns)
        self.width = WIDTH / self.columns
        self.panel = PANEL[self.columns]
        self.above = ROOM if any(panel.title for panel in panels) else 0
        self.below = EDGE + (ROOM if any(panel.xlabel for panel in panels)
                             else 0)
        self.row = self.above + self.panel + self.below
        self.legend = legend
        self.height = TITLE + self.rows * self.row + GAP + LEGEND * len(legend)

    def y(self, pixels):
        """For gnuplot, which counts from the bottom."""
        return 1 - pixels / self.height

    def place(self, i, panel):
        """Margins of a panel, and what is written around it."""
        left = i % self.columns * self.width + LEFT
        right = (i % self.columns + 1) * self.width - RIGHT
        top = TITLE + i // self.columns * self.row + self.above
        # Of its own, since gnuplot would put it where it thinks the numbers end.
        return ["set lmargin at screen %.5f" % (left / WIDTH),
                "set rmargin at screen %.5f" % (right / WIDTH),
                "set tmargin at screen %.5f" % self.y(top),
                "set bmargin at screen %.5f" % self.y(top + self.panel),
                "set title %s offset 0,-0.3" % quote(panel.title),
                "set xlabel %s offset 0,0.2" % quote(panel.xlabel),
                "set label 900 %s at screen %.5f,%.5f center rotate by 90" % (
                    quote(panel.unit), (left - LEFT + 16) / WIDTH,
                    self.y(top + self.panel / 2))]

    def legend_script(self):
        """Drawn by hand: the legend of a panel does not know the others."""
        lines = []
        for i, row in enumerate(self.legend):
            y = self.y(self.height - LEGEND * (len(self.legend) - i - 0.4))
            for x, entry in row:
                lines += self.legend_entry(x, y, *entry)
        return lines

    def legend_entry(self, x, y, words, shade, kind):
        left, right, half = x / WIDTH, (x + 26) / WIDTH, 6 / self.height
        lines = ["set label %s at screen %.5f,%.5f left"
                 % (quote(words), (x + 34) / WIDTH, y)]
        if kind == "bar":
            return lines + [
                "set object rectangle from screen %.5f,%.5f to screen "
                "%.5f,%.5f fs solid noborder fc rgb '%s'"
                % (left, y - half, right, y + half, shade)]
        lines.append("set arrow from screen %.5f,%.5f to screen %.5f,%.5f "
                     "nohead lw 2.5 %s lc rgb '%s'" % (
                         left, y, right, y, DASH if kind == "dash" else "",
                         shade))
        if r.is_number(kind):
            lines.append("set label '' at screen %.5f,%.5f point pt %d ps 0.9 "
                         "lw 2 lc rgb '%s'" % ((left + right) / 2, y, kind,
                                               shade))
        return lines


def picture_script(title, panels, extra=()):
    """Of gnuplot, for its standard output."""
    entries = []
    for panel in panels:
        entries += [entry for entry in panel.legend() if entry not in entries]
    entries.sort(key=lambda entry: r.rank(entry[0], r.MODES))
    layout = Layout(panels, legend_rows(entries + list(extra)))
    script = [
        "set terminal svg size %d,%d dynamic noenhanced font '%s,13' "
        "background '#ffffff'" % (WIDTH, layout.height, FONT),
        "set multiplot",
        "set label 1 %s at screen 0.5,%.5f center font '%s,16'"
        % (quote(title), layout.y(20), FONT),
        "unset key", "set border 3 lc rgb '#444444'",
        "set tics nomirror out", "set grid ytics lc rgb '#dddddd' lt 1 lw 1",
        "set style fill solid",
        *layout.legend_script()]
    for i, panel in enumerate(panels):
        script += layout.place(i, panel) + panel.script("p%d" % i, layout.width)
        # What belongs to the whole picture is drawn once.
        script += ["unset label", "unset object", "unset arrow"]
    return "\n".join(script + ["unset multiplot", ""])


def draw(script, title):
    """An SVG by gnuplot, without what names its version."""
    done = subprocess.run(["gnuplot", "-d", "-"], input=script, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode or not done.stdout.rstrip().endswith("</svg>"):
        raise r.Trouble("gnuplot failed (%s): %s" % (title, done.stderr.strip()),
                        "is it version 5.4 or later? (make deps)")
    svg = re.sub(r"<title>.*?</title>", "<title>%s</title>" % title, done.stdout,
                 count=1, flags=re.S)
    svg = re.sub(r"\s*<desc>.*?</desc>", "", svg, flags=re.S)
    return "\n".join(line.rstrip() for line in svg.split("\n"))


# ---- Which there are ----

def figures_of(results, works, disk, metric):
    return {mode: [Point.of_figure(results.runs.figure(work, disk, mode, metric))
                   for work in works]
            for mode in results.runs.modes(works, disk)}


def ratios_of(results, works, disk, metric):
    """By those of none, which is a line and no bar."""
    runs = results.runs
    return {mode: [Point.of_ratio(ratio(runs.figure(work, disk, mode, metric),
                                        runs.figure(work, disk, "none", metric)))
                   for work in works]
            for mode in runs.modes(works, disk) if mode != "none"}


def file_plots(results, disk):
    works = [work for work in r.ZIPF if disk in results.runs.disks([work])]
    ceilings = [results.ceilings.get((work, disk), {}) for work in works]
    gains, reads = ([ceiling.get(name) for ceiling in ceilings]
                    for name in ("gain", "reads_ratio"))
    extra = [("none", colour("none"), "line")]
    if any(gains):
        extra.append(("ceiling", "black", "dash"))
    return "File pages read again and again, " + disk, [
        Bars("throughput", "times that of none", works,
             ratios_of(results, works, disk, r.READS), gains, True),
        Bars("disk reads for each page read", "times those of none", works,
             ratios_of(results, works, disk, r.DISK_READS), reads, True)], extra


def heap_plots(results, disk):
    return "Anonymous memory, " + disk, [
        Bars("", "touches/s", [work], figures_of(results, [work], disk,
                                                 r.TOUCHES))
        for work in r.HEAP], ()


def compile_plots(results, disk):
    works = results.runs.compiles()
    series = {}
    limits = set()
    for mode in results.runs.modes(works, disk):
        figures = [(int(r.COMPILE.match(work)[1]),
                    results.runs.figure(work, disk, mode, r.TIME))
                   for work in works]
        series[mode] = [(n, Point.of_figure(f)) for n, f in figures if f]
        limits |= {f.limit for _, f in figures if f and f.cut}
    limit = max(limits, default=None)
    extra = [("limit, where runs were cut off", "#555555", "dash")]
    return "Kernel build, " + disk, [
        Lines("", "jobs at once (N)", "time, s", series, limit)], \
        extra if limit else ()


def io_plots(results, disk):
    works = [work for work in results.runs.compiles()
             if disk in results.runs.disks([work])]
    panels = []
    for title, metric in (
            ("file reads", r.FILE_IO), ("swap reads", r.SWAP_IO),
            ("writes", r.WRITES), ("disk busy", r.BUSY)):
        panel = Bars(title, metric.unit,
                     ["-" + work.partition("-")[2] for work in works],
                     figures_of(results, works, disk, metric))
        panel.xlabel = "jobs at once (N)"
        panels.append(panel)
    return "Kernel build: what the disk did, " + disk, panels, ()


def density_plots(results):
    runs = results.runs
    sets = [(work, disk) for work in r.DENSITY for disk in runs.disks([work])]
    panels = [
        Bars("after " + ("the fill" if stage == "fill" else stage),
             "stored bytes by memory used",
             [work.partition("-")[2] for work, _ in sets],
             {mode: [Point.of_figure(runs.figure(work, disk, mode,
                                                 r.DENSE[stage]))
                     for work, disk in sets]
              for mode in runs.modes(r.DENSITY)})
        for stage in r.STAGES]
    return "Density", panels, ()


def distribution(results, what):
    """mode to the cumulative shares, up to the bucket that completes them."""
    series = {}
    for mode in results.runs.modes(["latency"], slow=True):
        histogram = results.runs.histogram(mode, what)
        total, seen, points = sum(histogram.values()), 0, []
        for bound in sorted(histogram):
            seen += histogram[bound]
            if total and seen and (not points or points[-1][1] < 100):
                points.append((max(bound, 1) / 1000, 100 * seen / total))
        series[mode] = points
    return series


def latency_plots(results):
    return "Time of a store and of a load", [
        Distribution(what, distribution(results, what))
        for what in ("store", "load")], ()


def remote_plots(results):
    runs = results.runs
    works = [work for work in remote.WORKS if runs.of(work, remote.DISK, remote.OURS)]
    panels = [
        Bars(title, metric.unit, [work.partition("-")[2] for work in works],
             {mode: [Point.of_figure(runs.figure(work, remote.DISK, mode, metric))
                     for work in works] for mode in (remote.OTHER, remote.OURS)})
        for title, metric in (("a page", remote.SINGLE),
                              ("a burst of %d" % remote.BURST, remote.BURSTS),
                              ("on the wire", remote.WIRE), ("swapping out", remote.OUT))]
    return "Swap in the memory of a second guest", panels, ()


def wanted(results):
    """(name of the file, what draws it) of all that there could be."""
    runs = results.runs
    for name, works, plots in (("files", r.ZIPF, file_plots),
                               ("heap", r.HEAP, heap_plots),
                               ("compile", runs.compiles(), compile_plots),
                               ("compile-io", runs.compiles(), io_plots)):
        for disk in runs.disks(works):
            yield "%s-%s.svg" % (name, disk), plots(results, disk)
    yield "density.svg", density_plots(results)
    yield "latency.svg", latency_plots(results)
    yield "remote.svg", remote_plots(results)


def pictures(results):
    """Name to SVG, of those for which there is something to show."""
    found = {}
    for name, (title, panels, extra) in wanted(results):
        panels = [panel for panel in panels if panel]
        if panels:
            found[name] = draw(picture_script(title, panels, extra), title)
    return found
