# SPDX-License-Identifier: GPL-2.0
"""Tables and numbers as Markdown that reads well as plain text, too."""
from .stats import ENOUGH, NOISE

MARK = "!"	# behind a figure whose runs lie far apart
OLDER = "*"	# behind one that is not of this version
NOTHING = "-"

READING = (
    "Each figure is the median of n runs, the lowest and the highest in "
    "brackets. `%s` behind it: half of that range is more than %.0f %% of the "
    "median, so the figure itself is not sure to %.0f %%. A ratio is one of "
    "medians; with %d runs or more its 95 %% interval (bootstrap) stands in "
    "square brackets. `>`: the run in the middle was cut off at the limit. "
    "`%s`: not measured. `%s`: with a version, of what takes part, that is before "
    "the last one that was measured, or with other settings, and not yet again."
    % (MARK, 100 * NOISE, 100 * NOISE, ENOUGH, NOTHING, OLDER))


def number(x):
    """Three digits, no exponent; what was counted as it is."""
    if not x or isinstance(x, int):
        return "%d" % x
    for least, form in ((100, "%.0f"), (10, "%.1f"), (1, "%.2f")):
        if abs(x) >= least:
            return form % x
    return "%.3f" % x


def bound(x, limit):
    return ">" + number(limit) if x == float("inf") else number(x)


def figure(f):
    if f is None:
        return NOTHING
    text = middle(f)
    if len(f) > 1 and f.low < float("inf"):
        text += " (%s-%s)" % (bound(f.low, f.limit), bound(f.high, f.limit))
    return text + (" " + MARK if f.noisy else "") + (
        " " + OLDER if f.older else "")


def middle(f):
    """The median alone."""
    if f is None:
        return NOTHING
    return bound(f.median, f.limit)


def fixed(x):
    return "%.0f" % x if x >= 100 else "%.2f" % x


def beside(x, edge):
    """As fixed(), but what differs from the edge does not look the same."""
    return "%.3f" % x if x != edge and fixed(x) == fixed(edge) else fixed(x)


def interval(r):
    """The 95 % interval of a ratio, if there is one."""
    return " [%s-%s]" % (fixed(r.low), fixed(r.high)) if r and r.sure else ""


def ratio(r, edge=None):
    if r is None:
        return NOTHING
    value = fixed(r.value) if edge is None else beside(r.value, edge)
    return r.sign + value + interval(r)


def older(words, of):
    """Marked, where the figures that it is of are not beside it."""
    return words + (OLDER if of and of.older else "")


def table(head, rows):
    """head: names of columns; those after the first of numbers go right."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = [max(3, *map(len, column)) for column in zip(head, *rows)]
    right = [i > 0 and all(row[i][:1] in "-0123456789><" for row in rows)
             for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(
            cell.rjust(w) if r else cell.ljust(w)
            for cell, w, r in zip(cells, width, right)).rstrip() + " |"

    rule = ["-" * (w - r) + ":" * r for w, r in zip(width, right)]
    return [line(head), line(rule)] + [line(row) for row in rows] + [""]


def paragraph(text, width=80):
    """Lines of at most that width, and an empty one."""
    lines, now = [], ""
    for word in text.split():
        if now and len(now) + 1 + len(word) > width:
            lines.append(now)
            now = word
        else:
            now = (now + " " + word).strip()
    return lines + [now, ""] if now else lines
