import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { BadPath, compile } from "../src/pattern.ts"

describe("compile", () => {
  test("fits plain paths", () => {
    assert.deepEqual(compile("/users")("/users/"), {})
    assert.equal(compile("/users")("/user"), undefined)
    assert.equal(compile("/users")("/users/1"), undefined)
  })

  test("names parts", () => {
    assert.deepEqual(compile("/users/:id")("/users/42"), { id: "42" })
  })

  test("takes the rest, decoded", () => {
    assert.deepEqual(compile("/files/*path")("/files/a%20b/c"), { path: "a b/c" })
  })

  test("decodes named parts", () => {
    assert.deepEqual(compile("/tags/:tag")("/tags/caf%C3%A9%2Fbar"), { tag: "café/bar" })
  })

  test("refuses what cannot be decoded", () => {
    assert.throws(() => compile("/files/*path")("/files/%E0%A4%A"), BadPath)
  })
})
