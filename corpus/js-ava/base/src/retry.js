import { delays } from "./delays.js"

/** Calls a function until it gives something, waiting longer each time; what the last try throws is thrown. */
export async function retry(call, options, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))) {
  const waits = delays(options)
  for (let at = 0; ; at++) {
    try {
      return await call(at)
    } catch (error) {
      if (at === waits.length) throw error
      await wait(waits[at])
    }
  }
}
