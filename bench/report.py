#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
The report of the benchmark, of what bench/run.sh left in bench/results.

Usage: bench/report.py [RESULTS [DOCUMENTATION]]
  RESULTS		folder with runs.json, about.json and, if they were made,
		ceiling.json, profile.md and idle.txt (default: bench/results)
  DOCUMENTATION	folder for benchmarks.md and benchmarks/*.svg (default:
		Documentation)

The same results make the same files, byte by byte.
"""
import os
import shutil
import sys

from report import plots, sections
from report.runs import Results, Trouble

BENCH = os.path.dirname(os.path.abspath(__file__))


def write(path, content):
    """All of it or nothing."""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(content)
    os.replace(path + ".new", path)


def write_all(folder, page, pictures):
    """Pictures of what is not measured any more go."""
    svgs = os.path.join(folder, "benchmarks")
    os.makedirs(svgs, exist_ok=True)
    for name, svg in pictures.items():
        write(os.path.join(svgs, name), svg)
    for name in os.listdir(svgs):
        if name.endswith(".svg") and name not in pictures:
            os.remove(os.path.join(svgs, name))
    write(os.path.join(folder, "benchmarks.md"), page)


def report(results_folder, folder):
    if not shutil.which("gnuplot"):
        raise Trouble("missing on this machine: gnuplot", "run: make deps")
    results = Results(results_folder)
    results.pictures = plots.pictures(results)
    write_all(folder, sections.page(results), results.pictures)
    print("%d runs, %d pictures: %s" % (
        len(results.runs), len(results.pictures),
        os.path.join(folder, "benchmarks.md")))


def main(args):
    if args and args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    if len(args) > 2 or any(arg.startswith("-") for arg in args):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folders = [os.path.join(BENCH, "results"),
               os.path.join(BENCH, "..", "Documentation")]
    folders[:len(args)] = args
    try:
        report(*folders)
    except Trouble as trouble:
        what, how = trouble.args
        print("error: %s\n  ->   %s" % (what, how), file=sys.stderr)
        return 1
    except OSError as error:
        print("error: %s\n  ->   is there room, and may it be written?" % error,
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
