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
status=$(cat "$dir/status")
# What failed is tried once more, alone, as tests/e2e/run does; the summary names it as unsteady.
if [ "${failed:-0}" -gt 0 ] && [ "$failed" -le 5 ] && [ "$(grep -c '^FAIL ' "$dir/out")" -eq "$failed" ]; then
        sed -nE 's/^FAIL ([^ ]+) .*/\1/p' "$dir/out" >"$dir/names"
        while read -r name; do
                pattern=$(printf '%s' "$name" | sed 's/\[/[[]/g')
                PYTHONDONTWRITEBYTECODE=1 python3 "$run" "$@" -j 1 --only "$pattern" >"$dir/second" 2>&1 &&
                        grep -q '^ok ' "$dir/second" || continue
                grep -F "FAIL $name " "$dir/out" | sed 's/^FAIL/UNSTEADY/'
                passed=$((passed + 1)) failed=$((failed - 1))
        done <"$dir/names"
        [ "$failed" -gt 0 ] || status=0
fi
grep '^skip ' "$dir/out" | sed 's/^skip  */skipped: /'
tests/tools/close.sh "$passed" "${failed:-1}" "$(grep -c '^skip ' "$dir/out")" && exit "$status"
exit 1
