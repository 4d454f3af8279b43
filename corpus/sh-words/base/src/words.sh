#!/bin/sh
# How many words stand on its input.
total=0
while read -r line; do
  set -f
  set -- $line
  total=$((total + $#))
done
echo "$total"
