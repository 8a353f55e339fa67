# SPDX-License-Identifier: GPL-2.0
# kunit.sh [MODULE…]: load the modules of KUnit tests and print the results that they leave in
# debugfs, as one KTAP document. Without modules, or where they were built in: the results of all
# tests that have run when the kernel booted.
results=${KUNIT_RESULTS:-/sys/kernel/debug/kunit}
list() { [ -d "$results" ] && ls "$results"; }

echo "KTAP version 1"
before=$(list)
for module; do
	said=$(modprobe "$module" 2>&1) && continue
	echo "Bail out! $module cannot be loaded: $said"
	exit 1
done
suites=
for suite in $(list); do
	case " $(echo $before) " in
	*" $suite "*) ;;
	*) suites="$suites $suite" ;;
	esac
done
[ "$suites" ] || suites=$before
set -- $suites
if [ $# -eq 0 ]; then
	echo "Bail out! the kernel has no results of KUnit tests in $results"
	exit 1
fi
echo "1..$#"
number=0 failed=0
for suite; do
	number=$((number + 1))
	# Each file is a document with one result; here it is one of several.
	sed -e '/^KTAP version/d' -e '/^TAP version/d' -e '/^1\.\.1$/d' \
		-e "s/^\(not \)\{0,1\}ok 1 /\1ok $number /" "$results/$suite/results" >/tmp/kunit.$$
	cat /tmp/kunit.$$
	grep -q '^not ok' /tmp/kunit.$$ && failed=1
done
rm -f /tmp/kunit.$$
exit $failed
