import test from "ava"
import { retry } from "../src/index.js"

test("gives what the first good try gives", async (t) => {
  const waited = []
  const got = await retry((at) => (at < 2 ? Promise.reject(new Error("not yet")) : `try ${at}`), { tries: 5, first: 7 }, async (ms) => void waited.push(ms))
  t.is(got, "try 2")
  t.deepEqual(waited, [7, 14])
})

test("throws what the last try threw", async (t) => {
  const error = await t.throwsAsync(retry((at) => Promise.reject(new Error(`failed ${at}`)), { tries: 3, first: 1 }))
  t.is(error.message, "failed 2")
})
