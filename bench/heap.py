#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A real heap, for those who measure how well memory compresses.

Usage: heap.py FILE MIB

Compiles Python's own library, keeps sources, syntax trees, code and an index of
all names, and then writes its own anonymous memory to FILE, without the pages
that are all zero. See data_heap in bench/data.sh for what makes FILE the same
every time.
"""
import ast
import itertools
import os
import sys
import sysconfig

PAGE = 4096
MIB = 1 << 20


def library():
    """All files of the library, always in the same order."""
    top = sysconfig.get_paths()["stdlib"]
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(set(folders) - {"site-packages", "dist-packages"})
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.join(folder, name)


def anonymous():
    """The address and the length of all private memory that is no file's."""
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            field = line.split()
            if field[1] == "rw-p" and field[4] == "0" and \
                    field[5:] in ([], ["[heap]"]):
                start, end = (int(part, 16) for part in field[0].split("-"))
                yield start, end - start


def grow(size):
    """Compiles until the memory has this size."""
    modules, names = [], {}
    for path in itertools.cycle(list(library())):
        if sum(length for _, length in anonymous()) >= size:
            return modules, names
        try:
            with open(path, encoding="utf-8") as file:
                source = file.read()
            tree = ast.parse(source, path)
            code = compile(tree, path, "exec")
        except (SyntaxError, ValueError):
            continue        # a test of the library wants it so
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                names.setdefault(node.id, []).append((path, node.lineno))
        modules.append((source, tree, code))


def pages():
    """Of the memory, those that are not all zero."""
    zero = bytes(PAGE)
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    for start, length in list(anonymous()):
        for address in range(start, start + length, PAGE):
            page = os.pread(memory, PAGE, address)
            if page != zero:
                yield page


def main():
    path, size = sys.argv[1], int(sys.argv[2]) * MIB
    kept = grow(size + size // 4)
    with open(path, "wb") as out:
        out.writelines(itertools.islice(pages(), size // PAGE))
    del kept


if len(sys.argv) != 3:
    sys.exit(__doc__)
main()
