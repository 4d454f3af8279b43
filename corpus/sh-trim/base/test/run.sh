#!/bin/sh
cd "$(dirname "$0")/.." || exit 2
. lib/text.sh
. lib/list.sh
status=0
check() {
  if [ "$1" != "$2" ]; then
    echo "not ok: got '$1', want '$2'"
    status=1
  fi
}
check "$(upper abc)" ABC
check "$(trim '  a b  ')" "a b"
check "$(trim "x ")" x
check "$(printf 'a\nb\n' | join ,)" a,b
exit "$status"
