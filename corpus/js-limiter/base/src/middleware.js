"use strict"
const { TooMany } = require("./limiter")

/** For servers in the manner of express: 429 with a Retry-After where a client asks too often. */
function limit(limiter, keyOf = (request) => request.ip) {
  return (request, response, next) => {
    try {
      limiter.use(keyOf(request))
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      response.statusCode = 429
      response.setHeader("Retry-After", String(Math.ceil(error.retryAfterMs / 1000)))
      response.end("Too many requests")
      return
    }
    response.setHeader("X-RateLimit-Remaining", String(limiter.remaining(keyOf(request))))
    next()
  }
}

module.exports = { limit }
