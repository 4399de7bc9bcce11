# shellcheck shell=bash
# Tests of tools/ramsterctl, part of tests/tools.sh, which sources this file. The
# configfs here is a folder; mkdir and rmdir do there what the kernel does.

RC_DIR=$SCRATCH/ramster
RC_FILES="address= port=20612 security=tls servername= soft_ms=1000 hard_ms=5000"
RC_FILES+=" borrow=0 quota=0 state=off"

ramsterctl() {
	PATH=$RC_DIR/bin:$PATH RAMSTER_CONFIGFS=$RC_DIR/configfs \
		RAMSTER_DEBUGFS=$RC_DIR/debugfs RAMSTER_TLSHD=$RC_DIR/tlshd.conf \
		"$TOP/tools/ramsterctl" "$@"
}

# A kernel without peers, and tlshd as it should be.
rc_fresh() {
	local file
	rm -rf "$RC_DIR"
	mkdir -p "$RC_DIR/bin" "$RC_DIR/configfs/lender" "$RC_DIR/debugfs"
	for file in listen= percent=20 headroom_percent=10 threads=4 enabled=0; do
		echo "${file#*=}" >"$RC_DIR/configfs/lender/${file%%=*}"
	done
	cat >"$RC_DIR/bin/mkdir" <<-END
		#!/bin/sh
		$(command -v mkdir) "\$1" || exit
		for file in $RC_FILES; do echo "\${file#*=}" >"\$1/\${file%%=*}"; done
		[ ! -e "$RC_DIR/full" ] || ln -sf /dev/full "\$1/\$(cat "$RC_DIR/full")"
	END
	# shellcheck disable=SC2016	# it is for the script
	printf '#!/bin/sh\nexec rm -r "$1"\n' >"$RC_DIR/bin/rmdir"
	printf '#!/bin/sh\necho "[ 1.0] ramster: beta: borrow: cannot start: error -12"\n' \
		>"$RC_DIR/bin/dmesg"
	chmod +x "$RC_DIR"/bin/*
	touch "$RC_DIR"/{ca,cert,key}.pem
	cat >"$RC_DIR/tlshd.conf" <<-END
		[authenticate.client]
		x509.truststore = $RC_DIR/ca.pem
		x509.certificate= $RC_DIR/cert.pem
		x509.private_key=$RC_DIR/key.pem
		[authenticate.server]
		x509.truststore= $RC_DIR/ca.pem
		x509.certificate= $RC_DIR/cert.pem
		x509.private_key= $RC_DIR/key.pem
	END
}

rc_state() { (cd "$RC_DIR/configfs" && grep -r . . | sort); }

# Two peers and a lender; what every test starts from.
rc_good() {
	cat <<-END
		# both
		[lender]
		listen = 192.0.2.7   [2001:db8::7]:99
		percent=30
		enabled = 1
		[peer alpha]
		address = 192.0.2.1
		borrow = 1
		; only this way
		[peer beta]
		address = 2001:db8::2
		security = insecure
		quota = 512
	END
}

# rc_refuses NAME PATTERN: load of the standard input fails, says PATTERN, and all
# is as before.
rc_refuses() {
	local before
	before=$(rc_state)
	if ramsterctl load - >"$OUTPUT" 2>&1; then
		fail "$1" "it was accepted"
	elif ! grep -qE "^error: .*$2" "$OUTPUT"; then
		fail "$1" "the message is not about '$2'"
	elif [ "$before" != "$(rc_state)" ]; then
		fail "$1" "something was changed"
	else
		ok "$1"
	fi
}

test_ramsterctl_load() {
	local name="ramsterctl: load" want=(
		./alpha/{address:192.0.2.1,borrow:1,quota:0,security:tls}
		./beta/{address:2001:db8::2,borrow:0,quota:512,security:insecure}
		"./lender/"{enabled:1,"listen:192.0.2.7 [2001:db8::7]:99",percent:30})
	rc_fresh
	if ! rc_good | ramsterctl load - >"$OUTPUT" 2>&1; then
		fail "$name" "refused"
	elif ! diff <(rc_state | grep -vE '/(port|soft_ms|hard_ms|state|servername|threads|headroom_percent):') \
			<(printf '%s\n' "${want[@]}") >"$OUTPUT"; then
		fail "$name" "something else was set"
	else
		ok "$name"
	fi
	name="ramsterctl: what is set up already is not touched"
	touch -d '2000-01-01' "$RC_DIR"/configfs/*/*
	if ! rc_good | ramsterctl load - >"$OUTPUT" 2>&1 ||
			[ -n "$(find "$RC_DIR/configfs" -type f -newermt 2001-01-01)" ]; then
		fail "$name" "it was written"
	else
		ok "$name"
	fi
}

# In the middle the kernel refuses: what was set before comes back.
test_ramsterctl_undo() {
	local name="ramsterctl: a refusal by the kernel puts all back" before
	rc_fresh
	rc_good | ramsterctl load - >"$OUTPUT" 2>&1
	before=$(rc_state)
	echo quota >"$RC_DIR/full"
	if { rc_good | sed 's/192.0.2.1/192.0.2.9/'
			printf '[peer gamma]\naddress=192.0.2.3\nquota=5\n'; } |
			ramsterctl load - >"$OUTPUT" 2>&1; then
		fail "$name" "it went unnoticed"
	elif ! grep -q '^error: gamma: the kernel refuses quota = 5' "$OUTPUT" ||
			! grep -q 'its last words: .*error -12' "$OUTPUT"; then
		fail "$name" "no clear message"
	elif [ "$before" != "$(rc_state)" ]; then
		fail "$name" "$(diff <(echo "$before") <(rc_state))"
	else
		ok "$name"
	fi
}

test_ramsterctl_bad_files() {
	local line pattern
	rc_fresh
	rc_good | ramsterctl load - >"$OUTPUT" 2>&1
	while IFS='|' read -r line pattern; do
		# shellcheck disable=SC2059	# its \n are meant
		rc_refuses "ramsterctl: refuses ${line:0:50}" "$pattern" < <(printf "$line\n")
	done <<-'END'
		|there is no section
		percent = 3|line 1: 'percent' stands before the first section
		[lender]\npercent = 0|line 2: percent: '0' is not allowed, 1 to 90 are
		[lender]\npercent = 1e1|percent: '1e1' is not allowed
		[lender]\npercent|'percent' is not allowed, NAME = VALUE is
		[lender]\nspeed = 3|'speed' is not allowed in .lender., listen percent
		[lender]\n[lender]|is there twice
		[lender]\nthreads=1\nthreads=2|line 3: 'threads' is there twice
		[lender]\nenabled = 1|listen does not say where
		[lender]\nlisten = lender.example.org|'lender.example.org' is not allowed, .* no names
		[lender]\nlisten = 192.0.2.1:0|not allowed
		[lender]\nlisten = 192.0.2.1 192.0.2.1:20612|is there twice
		[lender]\nlisten = 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5|up to 4
		[lender]\nlisten = 2001:db8::1:2:3:4:5:6:7|not allowed
		[peer]|'.peer.' is not allowed
		[peer a b]|'.peer a b.' is not allowed
		[peer lender]|cannot be the name
		[peer a/b]|is not allowed, .lender. and
		[peer a]\nborrow = 1|line 1: .peer a. has no address
		[peer a]\naddress = 192.0.2.1:5|'192.0.2.1:5' is not allowed
		[peer a]\naddress = 192.0.2.256|'192.0.2.256' is not allowed
		[peer a]\naddress = 1.2.3.4\n[peer b]\naddress = 1.2.3.4|that of a already
		[peer a]\nsecurity = none|'none' is not allowed, tls and insecure are
		[peer a]\nservername = a b|'a b' is not allowed
		[peer a]\nhard_ms = 500|hard_ms must not be less
		[peer a]\nquota = -1|'-1' is not allowed
	END
	complains "ramsterctl: no such file" 'there is no file /nonexistent' \
		ramsterctl load /nonexistent
	complains "ramsterctl: no file" 'which file' ramsterctl load
}

test_ramsterctl_tlshd() {
	rc_fresh
	sed -i '0,/truststore/s/x509.truststore/#&/' "$RC_DIR/tlshd.conf"
	rc_refuses "ramsterctl: no truststore for a lender" \
		'alpha has security tls, but .authenticate.client. in .* no x509.truststore' \
		< <(rc_good)
	rc_fresh
	sed -i '/server/,$s/x509.truststore/#&/' "$RC_DIR/tlshd.conf"
	if rc_good | ramsterctl load - >"$OUTPUT" 2>&1; then
		ok "ramsterctl: an insecure borrower needs no truststore"
	else
		fail "ramsterctl: an insecure borrower needs no truststore" "refused"
	fi
	rc_refuses "ramsterctl: no truststore for a borrower" 'beta .*.authenticate.server.' \
		< <(rc_good | sed 's/insecure/tls/')
	rm "$RC_DIR/key.pem"
	rc_refuses "ramsterctl: no key" 'x509.private_key: there is no ' < <(rc_good)
	rm "$RC_DIR/tlshd.conf"
	rc_refuses "ramsterctl: no tlshd.conf" 'tlshd is not configured' < <(rc_good)
}

# rc_does NAME PATTERN COMMAND...: succeeds, and afterwards PATTERN is all there
# is of peers and switches that are on.
rc_does() {
	local name=$1 pattern=$2
	shift 2
	if ! ramsterctl "$@" >"$OUTPUT" 2>&1; then
		fail "$name" "refused"
	elif [ "$(rc_state | grep -E '/address:|/(borrow|quota|enabled):[1-9]' |
			cut -d: -f1 | tr '\n' ' ')" != "$pattern" ]; then
		fail "$name" "left are: $(rc_state | tr '\n' ' ')"
	else
		ok "$name"
	fi
}

test_ramsterctl_others() {
	rc_fresh
	rc_good | ramsterctl load - >"$OUTPUT" 2>&1
	echo 12 >"$RC_DIR/debugfs/pushed"
	if ramsterctl show >"$OUTPUT" 2>&1 &&
			grep -qE '^alpha +192.0.2.1 +tls +yes +off +0$' "$OUTPUT" &&
			grep -qE '^beta +2001:db8::2 +insecure +no +off +512$' "$OUTPUT" &&
			grep -qE 'lends up to 30%' "$OUTPUT" &&
			grep -qE ' 12  pages sent away' "$OUTPUT"; then
		ok "ramsterctl: show"
	else
		fail "ramsterctl: show" "not all is there"
	fi
	complains "ramsterctl: drain of nobody" "no peer 'gamma'" ramsterctl drain gamma
	complains "ramsterctl: remove the lender" "no peer 'lender'" ramsterctl remove lender
	complains "ramsterctl: no peer named" 'which peer' ramsterctl drain
	complains "ramsterctl: unknown command" "no command 'halt'" ramsterctl halt
	rc_does "ramsterctl: drain" "./alpha/address ./beta/address ./beta/quota ./lender/enabled " \
		drain alpha
	rc_does "ramsterctl: remove" "./alpha/address ./lender/enabled " remove beta
	rc_does "ramsterctl: stop" "" stop
	rc_does "ramsterctl: stop again" "" stop
	rm -rf "$RC_DIR/configfs"
	complains "ramsterctl: no ramster" "there is no $RC_DIR/configfs" ramsterctl show
	if ramsterctl --help >"$OUTPUT" 2>&1 && grep -q 'load FILE' "$OUTPUT"; then
		ok "ramsterctl: help"
	else
		fail "ramsterctl: help" "there is none"
	fi
}

test_ramsterctl() {
	test_ramsterctl_load
	test_ramsterctl_undo
	test_ramsterctl_bad_files
	test_ramsterctl_tlshd
	test_ramsterctl_others
}
