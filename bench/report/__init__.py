# SPDX-License-Identifier: GPL-2.0
"""
The report of the benchmark, bottom up:

stats		medians, spread, ratios and how sure they are
runs		what is in bench/results, and the figures of a work
goals		what was to be reached, and whether it was
text		tables and numbers as Markdown that reads well as plain text
sections	the chapters of the page
plots		its pictures, drawn by gnuplot
"""
