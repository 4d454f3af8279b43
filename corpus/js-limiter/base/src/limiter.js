"use strict"
const { newBucket, refilled, take, waitFor } = require("./bucket")

class TooMany extends Error {
  constructor(key, retryAfterMs) {
    super(`too many requests of ${key}`)
    this.name = "TooMany"
    this.retryAfterMs = retryAfterMs
  }
}

/** Limits by key. `now` is the clock, in milliseconds. */
class Limiter {
  constructor(options, now = Date.now) {
    if (!(options.capacity > 0) || !(options.perSecond > 0)) throw new RangeError("capacity and perSecond must be positive")
    this.options = options
    this.now = now
    this.buckets = new Map()
  }

  /** Throws `TooMany` where the key has used up what it may. */
  use(key, cost = 1) {
    const now = this.now()
    const known = this.buckets.get(key) ?? newBucket(this.options, now)
    const { taken, bucket } = take(known, now, cost)
    this.buckets.set(key, bucket)
    if (!taken) throw new TooMany(key, waitFor(bucket, now, cost))
  }

  remaining(key) {
    const known = this.buckets.get(key)
    return known === undefined ? this.options.capacity : Math.floor(refilled(known, this.now()).tokens)
  }

  /** Forgets keys that are full again; returns how many. */
  sweep() {
    const now = this.now()
    const full = [...this.buckets].filter(([, bucket]) => refilled(bucket, now).tokens >= bucket.capacity)
    for (const [key] of full) this.buckets.delete(key)
    return full.length
  }
}

module.exports = { Limiter, TooMany }
