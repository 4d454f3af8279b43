#!/bin/sh
# Each case: what goes in, and what has to come out.
cd "$(dirname "$0")/.." || exit 2
[ -f verify/local.sh ] && . verify/local.sh
failed=0
for input in verify/cases/*.in; do
  got=$(sh src/words.sh < "$input")
  if [ "$got" != "$(cat "${input%.in}.out")" ]; then
    echo "not ok ${input##*/}: $got"
    failed=1
  fi
done
exit "$failed"
