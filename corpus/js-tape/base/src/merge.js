"use strict"

/** Pairs in order, those that overlap or touch made one. */
function merge(ranges) {
  const ordered = [...ranges].sort((a, b) => a[0] - b[0])
  const merged = []
  for (const [from, to] of ordered) {
    const last = merged[merged.length - 1]
    if (last !== undefined && from <= last[1]) last[1] = to
    else merged.push([from, to])
  }
  return merged
}

/** How many numbers pairs hold, each counted once. */
function count(ranges) {
  return merge(ranges).reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

module.exports = { merge, count }
