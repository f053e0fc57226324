#!/bin/sh
# Run the conformance suite and close with "N passed, N failed[, N skipped]", which it does not say itself.
# A suite that is not there, or ran nothing, has failed. usage: conformance.sh RUN.PY ARGUMENT...
set -u
run=$1
shift
if [ ! -f "$run" ]; then
        echo "conformance: there is no suite at $run"
        exit 1
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
{
        PYTHONDONTWRITEBYTECODE=1 python3 "$run" "$@" 2>&1
        echo $? >"$dir/status"
} | tee "$dir/out" | grep -vE '^[0-9]+ passed, [0-9]+ failed$'
passed=$(grep -c '^ok ' "$dir/out")
failed=$(sed -nE 's/^[0-9]+ passed, ([0-9]+) failed$/\1/p' "$dir/out")
grep '^skip ' "$dir/out" | sed 's/^skip  */skipped: /'
tests/tools/close.sh "$passed" "${failed:-1}" "$(grep -c '^skip ' "$dir/out")" && exit "$(cat "$dir/status")"
exit 1
