import test from "ava"
import { delays } from "../src/index.js"

test("doubles each wait", (t) => {
  t.deepEqual(delays({ tries: 4, first: 30 }), [30, 60, 120])
})

test("waits no longer than the most", (t) => {
  t.deepEqual(delays({ tries: 6, first: 150, max: 700 }), [150, 300, 600, 700, 700])
  t.is(delays({ tries: 9 }).at(-1), 2000)
})

test("one try waits for nothing", (t) => {
  t.deepEqual(delays({ tries: 1 }), [])
})
