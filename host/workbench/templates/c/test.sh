#!/bin/sh
# Tries the program: test.sh PROGRAM
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
printf '# hello\na = b\nc=d\n' > "$here/good.props"
"$1" "$here/good.props" "$here/good.json"
test "$(cat "$here/good.json")" = "$(printf '{\n  "a": "b",\n  "c": "d"\n}')"
printf 'a = b\nc\n' > "$here/bad.props"
if "$1" "$here/bad.props" "$here/bad.json" 2> "$here/told"; then echo "a wrong file was taken"; exit 1; fi
grep -q 'bad.props:2:1: error: ' "$here/told"
echo "2 passed, 0 failed"
