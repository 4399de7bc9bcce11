#!/bin/bash
# Tests of the tools themselves: they take good input, refuse bad input with a
# line that says how to go on, and change nothing when they refuse.
#
# The kernel here is a small part of the real one: its top Makefile and the
# files that our patches touch.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

PASSED=0 FAILED=0 SKIPPED=0
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
TREE=$SCRATCH/linux
OUTPUT=$SCRATCH/output

ok() { PASSED=$((PASSED + 1)); echo "ok   $1"; }
fail() {
	FAILED=$((FAILED + 1))
	echo "FAIL $1: $2"
	sed 's/^/     | /' "$OUTPUT"
}

# The parts of the pristine source that the tools look at.
fresh_tree() {
	local file
	rm -rf "$TREE"
	mkdir -p "$TREE"
	(cd "$SRC" && cp --parents Makefile Kconfig mm/Kconfig mm/Makefile "$TREE"
		patched_files "${ALL[@]}" | while read -r file; do
			[ ! -f "$file" ] || cp --parents "$file" "$TREE"
		done)
}

state() { (cd "$TREE" && find . -path ./.git -prune -o -type f -print0 |
	sort -z | xargs -0 sha256sum | sha256sum); }

apply() { "$TOP/tools/apply.sh" "$TREE" >"$OUTPUT" 2>&1 </dev/null; }

# refuses NAME PATTERN: apply fails, says PATTERN and a way on, changes nothing.
refuses() {
	local before
	before=$(state)
	if apply; then
		fail "$1" "it was not refused"
	elif ! grep -qE "^error: .*$2" "$OUTPUT"; then
		fail "$1" "the message is not about '$2'"
	elif ! grep -q '^  ->   ' "$OUTPUT"; then
		fail "$1" "the message does not say how to go on"
	elif [ "$before" != "$(state)" ]; then
		fail "$1" "the tree was changed"
	else
		ok "$1"
	fi
}

git_in_tree() {
	git -C "$TREE" -c user.name=test -c user.email=test@example.org "$@" \
		>"$OUTPUT" 2>&1
}

test_apply() {
	local from to
	fresh_tree
	apply || { fail "apply: a pristine tree" "refused"; return; }
	while read -r from to; do
		cmp -s "$TOP/$from" "$TREE/$to" ||
			{ fail "apply: a pristine tree" "$to is not there"; return; }
	done < <(overlay)
	grep -q 'mm/tmem/Kconfig' "$TREE/mm/Kconfig" ||
		{ fail "apply: a pristine tree" "mm/Kconfig is not patched"; return; }
	[ -z "$(find "$TREE" -name '*.orig' -o -name '*.rej' -o -name '*.tmem-new')" ] ||
		{ fail "apply: a pristine tree" "left-overs"; return; }
	ok "apply: a pristine tree"
	refuses "apply: a patched tree" 'carries mm/tmem already'
}

test_apply_git() {
	fresh_tree
	git_in_tree init -q && git_in_tree add -A && git_in_tree commit -q -m base
	echo "/* mine */" >>"$TREE/mm/memory.c"
	refuses "apply: a dirty git tree" 'uncommitted changes.*mm/memory.c'
	git_in_tree checkout -q mm/memory.c
	if apply; then ok "apply: a clean git tree"; else
		fail "apply: a clean git tree" "refused"
	fi
}

test_apply_bad_trees() {
	local last
	fresh_tree
	sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 13/' "$TREE/Makefile"
	refuses "apply: another version" 'Linux 6\.13\..*patches are for 6\.12'
	fresh_tree
	rm "$TREE/Kconfig"
	refuses "apply: not a kernel" 'not a Linux source tree'
	fresh_tree
	# The last patch fails, all others apply: nothing of them may remain.
	last=$(patched_files "${ALL[-1]}" | head -n 1)
	: >"$TREE/$last"
	refuses "apply: the last patch does not apply" 'does not apply'
	fresh_tree
	mkdir -p "$TREE/include/linux"
	echo mine >"$TREE/include/linux/zcache.h"
	refuses "apply: a stranger's file is in the way" 'zcache.h exists already'
	TREE=$SCRATCH/nothing refuses_no_tree
}

refuses_no_tree() {
	if apply || ! grep -q '^error: there is no folder' "$OUTPUT"; then
		fail "apply: no such folder" "no clear message"
	else
		ok "apply: no such folder"
	fi
}

# The disk fills up, say, when half of the files are there.
test_apply_write_fails() {
	local name="apply: a write that fails" bin=$SCRATCH/bin before
	fresh_tree
	before=$(state)
	mkdir -p "$bin"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\ncase $2 in %s/mm/tmem/zbud.h) exit 1 ;; esac\nexec %s "$@"\n' \
		"$TREE" "$(command -v cp)" >"$bin/cp"
	chmod +x "$bin/cp"
	if PATH=$bin:$PATH apply; then
		fail "$name" "it went unnoticed"
	elif [ "$before" != "$(state)" ]; then
		fail "$name" "the tree was not put back"
	else
		ok "$name"
	fi
}

# Root may write everywhere, so there it has to be somebody else.
test_apply_read_only() {
	local name="apply: a tree that may not be written"
	fresh_tree
	chmod -R a-w,a+rX "$TREE"
	chmod a+rx "$SCRATCH"
	if [ "$(id -u)" -ne 0 ]; then
		refuses "$name" 'cannot be written'
	elif command -v setpriv >/dev/null && as_nobody test -r "$TOP/tools/apply.sh"; then
		apply() { as_nobody "$TOP/tools/apply.sh" "$TREE" >"$OUTPUT" 2>&1; }
		refuses "$name" 'cannot be written'
		apply() { "$TOP/tools/apply.sh" "$TREE" >"$OUTPUT" 2>&1 </dev/null; }
	else
		SKIPPED=$((SKIPPED + 1))
		echo "skip $name (nobody cannot read $TOP)"
	fi
	chmod -R u+w "$TREE"
}

as_nobody() {
	HOME=/nonexistent TMEM_CACHE=/nonexistent/tmem setpriv --reuid=65534 \
		--regid=65534 --clear-groups "$@" </dev/null
}

# An option that does not exist must be named, and nothing may be built.
test_options() {
	local name="config: an option that does not survive is named"
	mkdir -p "$SCRATCH/configs"
	{
		echo "# ARCH=x86_64"
		echo "CONFIG_64BIT=y"
		echo "CONFIG_TMEM_NO_SUCH_OPTION=y"
		# There, but out of reach without networking.
		echo "CONFIG_INET=y"
		echo "# CONFIG_PRINTK is not set"
	} >"$SCRATCH/configs/bogus.config"
	if TMEM_CONFIGS=$SCRATCH/configs "$TOP/tools/kernel.sh" config bogus \
			>"$OUTPUT" 2>&1; then
		fail "$name" "it was accepted"
	elif ! grep -q 'did not survive: CONFIG_INET=y CONFIG_TMEM_NO_SUCH_OPTION=y$' \
			"$OUTPUT"; then
		fail "$name" "not both are named, or others too"
	elif [ -e "$TMEM_CACHE/build/bogus/.config" ]; then
		fail "$name" "the bad configuration was kept"
	else
		ok "$name"
	fi
	rm -rf "$TMEM_CACHE/build/bogus"
}

# complains NAME PATTERN COMMAND...: fails and says PATTERN.
complains() {
	local name=$1 pattern=$2
	shift 2
	if "$@" >"$OUTPUT" 2>&1 </dev/null; then
		fail "$name" "it was accepted"
	elif ! grep -qE "$pattern" "$OUTPUT"; then
		fail "$name" "the message is not about '$pattern'"
	else
		ok "$name"
	fi
}

test_bad_words() {
	complains "make: unknown target" 'unknown target: nonsense' \
		make -C "$TOP" nonsense
	complains "make: unknown variable" 'unknown variable: KDRI' \
		make -C "$TOP" apply KDRI=/tmp
	complains "make: apply without KDIR" 'KDIR is not given' \
		env KDIR= make -C "$TOP" apply
	complains "check: unknown step" "no step 'nonsense'" \
		"$TOP/tools/check.sh" nonsense
	complains "kernel: unknown configuration" 'no such configuration: nonsense' \
		"$TOP/tools/kernel.sh" build nonsense
	complains "source: KSRC is not a kernel" 'KSRC is not a Linux source tree' \
		env KSRC="$SCRATCH" "$TOP/tools/source.sh"
	complains "bench: unknown work" 'there is no work nonsense' \
		env WORKS="stream nonsense" "$TOP/bench/run.sh"
	complains "bench: unknown mode" 'there is no mode zcashe' \
		env MODES=zcashe "$TOP/bench/run.sh"
	complains "bench: unknown disk" 'DISK=floppy is no disk' \
		env DISKS=floppy "$TOP/bench/run.sh"
	complains "bench: an argument" 'takes --quick, not' "$TOP/bench/run.sh" stream
}

test_machine() {
	complains "disk full" 'needs 99999999999 MiB, but only' \
		bash -c ". '$TOP/tools/lib.sh'; need_space / 99999999999 'this test'"
	complains "missing tool" 'missing on this machine: no-such-tool' \
		bash -c ". '$TOP/tools/lib.sh'; need_tool cat no-such-tool"
	complains "a second run" 'make check is already running' \
		env TMEM_CACHE="$SCRATCH/cache" bash -c ". '$TOP/tools/lib.sh'
			try_lock check 'make check'; '$TOP/tools/check.sh' scripts"
}

# A build that was killed leaves its mark, and nothing of it is used again.
test_killed_build() {
	local name="a killed build is started over" dir=$SCRATCH/build
	mkdir -p "$dir"
	touch "$dir/half.o"
	# shellcheck disable=SC2016
	{ bash -c '. "$0/tools/lib.sh"; build_begin "$1" test; kill -KILL $$' \
		"$TOP" "$dir" || true; } >"$OUTPUT" 2>&1
	# shellcheck disable=SC2016
	bash -c '. "$0/tools/lib.sh"; build_begin "$1" test' "$TOP" "$dir" \
		>"$OUTPUT" 2>&1
	if [ -e "$dir/half.o" ]; then
		fail "$name" "the half-made object is still there"
	elif [ -e "$dir/.being-built" ]; then
		fail "$name" "the mark outlived a build that ended well"
	else
		ok "$name"
	fi
}

# Two modes of one work, and of another only what is nothing without the rest.
few_runs() {
	local run
	mkdir -p "$1"
	for run in 1 2 3; do
		echo '{"work":"zipf-2","disk":"hdd","mode":"none","run":'$run',"work_reads":1000,"work_ms":1000,"root_reads":100,"work_wrong":0}'
		echo '{"work":"zipf-2","disk":"hdd","mode":"zcache","run":'$run',"work_reads":2500,"work_ms":1000,"root_reads":100,"work_wrong":0}'
		echo '{"work":"compile-j4","disk":"ssd","mode":"zcache","run":'$run'}'
	done >"$1/runs.json"
}

report() { "$TOP/bench/report.py" "$@"; }

test_report() {
	local name="report: few runs, and what is missing is said" dir=$SCRATCH/results
	if python3 "$TOP/tests/report.py" >"$OUTPUT" 2>&1; then
		ok "report: statistics and verdicts"
	else
		fail "report: statistics and verdicts" "see below"
	fi
	few_runs "$dir"
	# The interpreter itself: what starts it may need more than this PATH has.
	complains "report: no gnuplot" 'missing on this machine: gnuplot' \
		env PATH="$SCRATCH/nothing" \
		"$(python3 -c 'import sys; print(sys.executable)')" \
		"$TOP/bench/report.py" "$dir" "$SCRATCH/doc"
	if ! command -v gnuplot >/dev/null; then
		SKIPPED=$((SKIPPED + 1))
		echo "skip $name (no gnuplot)"
		return
	fi
	if ! report "$dir" "$SCRATCH/doc" >"$OUTPUT" 2>&1; then
		fail "$name" "it failed"
	elif ! grep -q 'zipf-1.5: not measured, zipf-2: 2.50' "$SCRATCH/doc/benchmarks.md"; then
		fail "$name" "the table of goals is wrong"
	elif [ ! -s "$SCRATCH/doc/benchmarks/files-hdd.svg" ]; then
		fail "$name" "there is no picture"
	else
		ok "$name"
	fi
	complains "report: no runs" 'there are no runs in .*/empty' \
		report "$SCRATCH/empty" "$SCRATCH/doc"
	echo '{"work":' >>"$dir/runs.json"
	complains "report: half a line" 'runs.json, line 10 is not JSON' \
		report "$dir" "$SCRATCH/doc"
}

# planned RESULTS COMMAND...: after the plan of two modes, four runs each, of one
# version. What COMMAND says goes to $OUTPUT.
planned() (
	# shellcheck disable=SC2030,SC2034	# of the benchmark
	BENCH=$TOP/bench GUEST=uml SMP=1 SIZE=256 WARM=1 SETTLE=1 SECS=1 TUNE='' RUNS=4 \
		WORKS=zipf-2 DISKS=hdd MODES="none zcache" VERSION=${ZCACHE:-1} PLAIN_VERSION=2 NET_VERSION=3 \
		RESULTS=$1
	# shellcheck source=bench/works.sh
	. "$TOP/bench/works.sh"
	# shellcheck source=bench/plan.sh
	. "$TOP/bench/plan.sh"
	make_plan
	shift
	"$@"
) >"$OUTPUT" 2>&1

# begin_runs RESULTS N: so many runs of each mode, as the plan begins them.
begin_runs() {
	local i
	for ((i = 1; i <= $2; i++)); do
		sed -n '/"work":"zipf-2","disk":"hdd"/s/"runs":.*/"run":'$i',"took":30}/p' "$1/plan.json"
	done >>"$1/runs.json"
}

plan_says() {
	local name=$1 pattern=$2
	shift 2
	if ! planned "$@"; then
		fail "$name" "it failed"
	elif ! grep -qE "$pattern" "$OUTPUT"; then
		fail "$name" "nothing about '$pattern'"
	else
		ok "$name"
	fi
}

# forgotten: of one of the modes; says how many runs are left.
# shellcheck disable=SC2031	# called from there
forgotten() {
	forget_older "zipf-2 hdd none"
	wc -l "$RESULTS/runs.json"
}

# What there is of this version is not measured again; what there is of another
# stays until enough is.
test_plan() {
	local dir=$SCRATCH/plan
	mkdir -p "$dir"
	: >"$dir/runs.json"
	plan_says "plan: nothing there" "Missing 8 runs: .* 8 never timed" "$dir" show_missing
	begin_runs "$dir" 2
	sed -i 's/"code":"/&0/' "$dir/runs.json"
	plan_says "plan: another version does not count" \
		"Missing 8 runs: 8 of about 5 min, 0 never" "$dir" show_missing
	begin_runs "$dir" 3
	plan_says "plan: what is there is kept" "Missing 2 runs" "$dir" show_missing
	plan_says "plan: the older stay while there are few" "^10 " "$dir" \
		forgotten
	begin_runs "$dir" 1
	plan_says "plan: and go then, those of no other" "^10 " "$dir" \
		forgotten
	plan_says "plan: nothing is missing" "Missing 0 runs" "$dir" show_missing
	ZCACHE=2 plan_says "plan: a change of zcache concerns no others" \
		"Missing 4 runs" "$dir" show_missing
}

# shellcheck source=tests/ramsterctl.sh
. "$TOP/tests/ramsterctl.sh"

main() {
	SRC=$("$TOP/tools/source.sh" 2>"$OUTPUT") || { cat "$OUTPUT"; exit 1; }
	mapfile -t ALL < <(series "$PATCHES")
	test_apply
	test_apply_git
	test_apply_bad_trees
	test_apply_write_fails
	test_apply_read_only
	test_options
	test_bad_words
	test_machine
	test_killed_build
	test_report
	test_plan
	test_ramsterctl
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main "$@"
