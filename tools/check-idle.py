#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What our hooks cost while they are switched off, read from x86-64 objects.

A hook is one static branch: a nop that is patched into a jump when frontswap or
cleancache is switched on. For each object this follows every path of the code
with these branches as they are now, not taken, and both sides of everything
else. It fails if a path reaches a call that a branch guards, if a branch is
anything but a nop, or if a key is read from memory. Prints a table of what each
function got.

On the ways out of the page cache (truncation, invalidation, the end of inodes
and of mounts) cleancache tests a bit of the mapping instead of a static branch;
these calls have no leading underscores and are no business of this script.

Usage: check-idle.py OBJECT...
"""
import collections
import re
import subprocess
import sys

KEYS = ("frontswap_key", "cleancache_key")
CALL = re.compile(r"^__(frontswap|cleancache)_\w+$")
# What is guarded there is no call: a counter is read, a cost is not noted.
INLINE = ("mm/page-writeback.o", "mm/workingset.o")
INSN = re.compile(r"^\s*([0-9a-f]+):\t(.*)$")
RELOC = re.compile(r"\t([0-9a-f]+): (R_X86_64_\w+)\t(\S+)")
FUNC = re.compile(r"^([0-9a-f]+) <(.*)>:$")

Insn = collections.namedtuple("Insn", "op target symbol size func")


def objdump(*args):
    return subprocess.run(["objdump", *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()


def place(text):
    """'.text+0x12' -> ('.text', 0x12); a bare symbol -> (symbol, 0)"""
    name, sign, off = re.match(r"^(.+?)(?:([+-])0x([0-9a-f]+))?$", text).groups()
    off = int(off or "0", 16)
    return name, -off if sign == "-" else off


class Object:
    def __init__(self, path):
        self.path = path
        self.code = {}          # (section, address) -> Insn
        self.start = {}         # function -> (section, address)
        self.entries = []       # where control may come in by an exception
        self.keys = []          # static branches: (code, target, symbol, addend)
        self.disassemble()
        self.relocations()

    def disassemble(self):
        section = func = None
        lines = objdump("-drw", "--no-show-raw-insn", self.path)
        found = []
        for line in lines:
            if line.startswith("Disassembly of section "):
                section = line.split()[-1].rstrip(":")
            elif m := FUNC.match(line):
                func = m[2]
                self.start[func] = (section, int(m[1], 16))
            elif m := INSN.match(line):
                found.append((section, int(m[1], 16), func, m[2]))
        for i, (section, addr, func, text) in enumerate(found):
            same = i + 1 < len(found) and found[i + 1][0] == section
            size = found[i + 1][1] - addr if same else 0
            self.code[section, addr] = self.insn(section, func, text, size)

    @staticmethod
    def insn(section, func, text, size):
        reloc = RELOC.search(text)
        words = text.split("\t")[0].split()
        op = next((w for w in words if w not in
                   ("notrack", "bnd", "rep", "repz", "lock", "cs", "ds", "data16")),
                  words[0])
        target = symbol = None
        if reloc:
            symbol, off = place(reloc[3])
            if reloc[2] in ("R_X86_64_PLT32", "R_X86_64_PC32"):
                off += 4
            if symbol.startswith("."):
                target = (symbol, off)
        elif op.startswith(("j", "call")):
            m = re.search(r"\b([0-9a-f]+) <", text)
            target = (section, int(m[1], 16)) if m else None
        return Insn(op, target, symbol, size, func)

    def relocations(self):
        rows, section = collections.defaultdict(list), None
        for line in objdump("-r", self.path):
            if line.startswith("RELOCATION RECORDS FOR"):
                section = line.split("[")[1].rstrip("]:")
            elif m := re.match(r"^([0-9a-f]+) (R_X86_64_\w+)\s+(\S+)$", line):
                rows[section].append(place(m[3]))
        table = rows["__jump_table"]
        for i in range(0, len(table), 3):
            self.keys.append((table[i], table[i + 1], *table[i + 2]))
        self.entries = [p for p in rows["__ex_table"] if p in self.code]

    def resolve(self, insn):
        """Where a jump or a call goes within this object, or None."""
        if insn.target in self.code:
            return insn.target
        return self.start.get(insn.symbol)

    def reach(self, roots, skip):
        """All places that control can get to; @skip: jumps never made."""
        seen, todo = set(), list(roots)
        other = {k[0]: k[1] for k in self.keys if k[2] not in KEYS}
        while todo:
            at = todo.pop()
            if at in seen or at not in self.code:
                continue
            seen.add(at)
            insn = self.code[at]
            if at in other:
                todo.append(other[at])
            if insn.op.startswith(("j", "call")) and at not in skip:
                dest = self.resolve(insn)
                if dest:
                    todo.append(dest)
            if not insn.op.startswith(("jmp", "ret", "ud2", "int3")):
                todo.append((at[0], at[1] + insn.size))
        return seen


def check(path, row):
    obj = Object(path)
    ours = [k for k in obj.keys if k[2] in KEYS]
    sites = {k[0] for k in ours}
    faults = []

    # A part that the compiler split off is entered only from its function.
    roots = [p for f, p in obj.start.items()
             if not re.search(r"\.(cold|part)\b", f)] + obj.entries
    live = obj.reach(roots, sites)
    calls = {at: i for at, i in obj.code.items()
             if i.symbol and CALL.match(i.symbol)}
    for at, insn in calls.items():
        if at in live:
            faults.append(f"{insn.func}: {insn.symbol} is called while off")
    for at, insn in obj.code.items():
        if insn.symbol in KEYS:
            faults.append(f"{insn.func}: reads the key from memory")
    for code, target, _, addend in ours:
        insn = obj.code.get(code)
        if not insn or not (insn.op.startswith("nop") or insn.op == "xchg") \
                or insn.size not in (2, 5) or addend & 1:
            faults.append(f"{code}: the branch is not a nop: {insn}")
        elif path not in INLINE and not calls.keys() & obj.reach([target], set()):
            faults.append(f"{insn.func}: a branch that leads to no hook")

    hooks = collections.defaultdict(lambda: [0, 0, set()])
    for code in sites & obj.code.keys():
        hooks[obj.code[code].func][0] += 1
        hooks[obj.code[code].func][1] += obj.code[code].size
    for insn in calls.values():
        func = re.sub(r"\.(cold|part)\b.*", "", insn.func)
        hooks[func][2].add(insn.symbol)
    for func, (n, size, names) in sorted(hooks.items()):
        row(path, func, n, size, ", ".join(sorted(names)))
    return len(ours), faults


def main():
    total, faults = 0, []

    def row(path, func, n, size, names):
        print(f"{path:<20} {func:<28} {n:>8} {size:>6}  {names}")

    print(f"{'object':<20} {'function':<28} {'branches':>8} {'bytes':>6}  "
          "called only when switched on")
    for path in sys.argv[1:]:
        n, bad = check(path, row)
        total += n
        faults += [f"{path}: {b}" for b in bad]
    for fault in faults:
        print("FAULT", fault)
    if not total:
        print("FAULT no hook found at all")
    print(f"{total} hooks, each one branch that is not taken while off")
    return 1 if faults or not total else 0


if __name__ == "__main__":
    sys.exit(main())
