#!/bin/bash
# For scenarios with real certificates: the tlshd of Debian 13 with its libraries,
# and machines that are set up for it just as the admin guide of RAMster says: its
# commands and its tlshd.conf are taken from there.
#
# Usage: tools/tlshd.sh fetch		get the packages, unless they are here, and
#					print the folder that they were unpacked to
#        tools/tlshd.sh root DIR	make a root folder for guests
#
# The packages come from the archive of Debian by apt, which verifies them, with
# lists and a cache of its own: nothing is installed or changed on this machine.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

GUIDE=$TOP/Documentation/admin-guide/mm/ramster.rst
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MIRROR=http://deb.debian.org/debian
RELEASE=trixie
UNPACKED=$TMEM_CACHE/tlshd

# apt with the settings of this machine (it may need a proxy), but for what it has
# installed and where that came from.
private_apt() {	# DIR ARGUMENT...
	local dir=$1
	shift
	apt-get -q -y -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
		-o APT::Default-Release= -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::State::Status="$dir/status" \
		-o Dir::Cache="$dir/cache" "$@"
}

download() {	# DIR
	mkdir -p "$1"/{state/lists,cache/archives}/partial
	: >"$1/status"
	echo "deb [signed-by=$KEYRING] $MIRROR $RELEASE main" >"$1/sources.list"
	private_apt "$1" --error-on=any update &&
		private_apt "$1" --no-install-recommends --download-only install ktls-utils
}

# Nothing is configured, so what base-files would do is done here.
unpack() {	# DIR ROOT
	local package dir
	for package in "$1"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$2"
	done
	for dir in bin sbin lib lib64; do
		mkdir -p "$2/usr/$dir"
		ln -s "usr/$dir" "$2/$dir"
	done
	rm -rf "${2:?}"/usr/{share,lib/x86_64-linux-gnu/gconv}
}

fetch() {
	local work=$UNPACKED.new
	lock tlshd
	if [ ! -e "$UNPACKED" ]; then
		need_tool apt-get dpkg-deb
		[ -r "$KEYRING" ] || die "the keys of Debian's archive are not here" \
			"install the package debian-archive-keyring"
		rm -rf "$work"
		mkdir -p "$work/root"
		run_logged "$TMEM_CACHE/log/tlshd.log" "fetching tlshd" download "$work" ||
			die "tlshd of Debian 13 cannot be fetched from $MIRROR" \
				"is there a network? See $TMEM_CACHE/log/tlshd.log"
		unpack "$work" "$work/root"
		mv "$work/root" "$UNPACKED"
		rm -rf "$work"
	fi
	echo "$UNPACKED"
}

# ---- The recipe ----

# recipe SECTION N: the Nth literal block of a section of the guide, without the
# prompts.
recipe() {
	awk -v section="$1" -v n="$2" '
		/^[=-]+$/ { here = last == section }
		{ last = $0 }
		here && /::$/ { block++ }
		here && block == n && sub(/^\t/, "") { sub(/^# /, ""); print; got = 1 }
		END { exit !got }' "$GUIDE" ||
		die "$GUIDE has no block $2 in its section \"$1\"" \
			"tools/tlshd.sh runs what is written there: adapt both"
}

follow() { bash -euo pipefail -s >>"$LOG" 2>&1 || die "what the admin guide says fails" "see $LOG"; }

authority() { recipe "1. Certificates" 1 | follow; }

# machine FOLDER NAME ADDRESS AUTHORITY [DAYS]: what belongs into /etc/ramster of
# a machine, and its tlshd.conf. It trusts the good authority, whichever it is of.
machine() (
	mkdir -p "$ROOT/$1"
	cd "$AUTHORITIES/$4"
	recipe "1. Certificates" 2 |
		sed "s/beta/$2/g; s/192\.0\.2\.2/$3/g; s/-days [0-9]*/-days ${5:-365}/" | follow
	cp "$2.pem" "$2.key" "$AUTHORITIES/good/ca.pem" "$ROOT/$1"
	{ recipe "2. tlshd" 1; recipe "If it does not work" 1; } |
		sed "s/beta/$2/g; s|/etc/ramster|/$1|" >"$ROOT/$1/tlshd.conf"
)

# Names are looked up in /etc/hosts alone: a resolver that cannot be reached would
# take longer than the lender waits.
make_root() {
	ROOT=$1
	LOG=$1.log
	AUTHORITIES=$(mktemp -d)
	trap 'rm -rf "$AUTHORITIES"' EXIT
	umask 022
	need_tool openssl
	cp -a "$(fetch)/." "$ROOT"
	mkdir -p "$ROOT"/{etc,proc,dev,tmp} "$AUTHORITIES"/{good,other}
	echo "hosts: files" >"$ROOT/etc/nsswitch.conf"
	printf '%s\n' '127.0.0.1 localhost' '192.0.2.1 alpha' '192.0.2.2 beta' >"$ROOT/etc/hosts"
	(cd "$AUTHORITIES/good" && authority)
	(cd "$AUTHORITIES/other" && authority)
	machine alpha alpha 192.0.2.1 good
	machine beta beta 192.0.2.2 good
	machine alpha-other alpha 192.0.2.1 other
	machine beta-other beta 192.0.2.2 other
	machine alpha-expired alpha 192.0.2.1 good 1
	machine beta-expired beta 192.0.2.2 good 1
	machine gamma gamma 192.0.2.3 good
	machine alpha-nothing alpha 192.0.2.1 good
	machine beta-nothing beta 192.0.2.2 good
	sed -i '/certificate\|private_key/d' "$ROOT"/*-nothing/tlshd.conf
}

main() {
	case ${1:-}-$# in
	fetch-1) fetch ;;
	root-2) mkdir -p "$2"; make_root "$(readlink -f "$2")" ;;
	*) sed -n '/^# Usage/,/^# The packages/{/^# The/d;s/^# \?//p}' "$0" >&2; exit 2 ;;
	esac
}

main "$@"
