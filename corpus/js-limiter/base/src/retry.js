"use strict"
const { TooMany } = require("./limiter")

/** Calls until it is not refused any more, waiting as it is told; other errors are the caller's. */
async function retry(call, { attempts = 3, sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof TooMany) || attempt === attempts) throw error
      await sleep(error.retryAfterMs)
    }
  }
}

module.exports = { retry }
