"use strict"

/** A bucket of tokens that fills by itself: `perSecond` tokens a second, and never more than `capacity`. */
function newBucket({ capacity, perSecond }, now) {
  return { capacity, perSecond, tokens: capacity, at: now }
}

/** The bucket as it is by now. */
function refilled(bucket, now) {
  const seconds = Math.max(0, now - bucket.at) / 1000
  return { ...bucket, tokens: bucket.tokens + seconds * bucket.perSecond, at: Math.max(now, bucket.at) }
}

/** Takes so many tokens if they are there: whether they were, and the bucket afterwards. */
function take(bucket, now, cost = 1) {
  const full = refilled(bucket, now)
  if (full.tokens < cost) return { taken: false, bucket: full }
  return { taken: true, bucket: { ...full, tokens: full.tokens - cost } }
}

/** Milliseconds until so many tokens are there. */
function waitFor(bucket, now, cost = 1) {
  const missing = cost - refilled(bucket, now).tokens
  return missing <= 0 ? 0 : Math.ceil((missing / bucket.perSecond) * 1000)
}

module.exports = { newBucket, refilled, take, waitFor }
