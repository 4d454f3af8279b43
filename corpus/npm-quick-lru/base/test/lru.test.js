import assert from "node:assert/strict"
import { describe, test } from "node:test"
import QuickLRU from "../index.js"

const filled = (maxSize, ...keys) => {
  const lru = new QuickLRU({ maxSize })
  for (const key of keys) lru.set(key, key.toUpperCase())
  return lru
}

test("wants a size", () => {
  assert.throws(() => new QuickLRU(), TypeError)
})

describe("keeps", () => {
  test("what was set", () => {
    assert.equal(filled(2, "a").get("a"), "A")
    assert.equal(filled(2, "a").get("b"), undefined)
  })

  test("what was used last", () => {
    const lru = filled(2, "a", "b")
    lru.get("a")
    lru.set("c", "C")
    lru.set("d", "D")
    assert.equal(lru.has("a"), true)
    assert.equal(lru.has("b"), false)
  })

  test("the newest value of a key", () => {
    const lru = filled(2, "a")
    lru.set("a", "Z")
    assert.equal(lru.get("a"), "Z")
    assert.equal(lru.size, 1)
  })
})

describe("delete", () => {
  test("forgets", () => {
    const lru = filled(2, "a")
    assert.equal(lru.delete("a"), true)
    assert.equal(lru.delete("a"), false)
    assert.equal(lru.has("a"), false)
  })

  test("makes room", () => {
    const lru = filled(2, "a")
    lru.delete("a")
    for (const key of ["b", "c", "d"]) lru.set(key, key)
    assert.equal(lru.has("b"), true)
  })

  test("of what is not there makes no room", () => {
    const lru = filled(2, "a")
    lru.delete("x")
    lru.delete("y")
    for (const key of ["b", "c", "d"]) lru.set(key, key)
    assert.equal(lru.has("a"), false)
  })

  test("of an old key makes no room among the new", () => {
    const lru = filled(2, "a", "b", "c")
    lru.delete("a")
    lru.set("d", "D")
    lru.set("e", "E")
    lru.set("f", "F")
    assert.equal(lru.has("c"), false)
  })
})

test("peeks without use", () => {
  const lru = filled(2, "a", "b")
  assert.equal(lru.peek("a"), "A")
  lru.set("c", "C")
  lru.set("d", "D")
  assert.equal(lru.has("a"), false)
})

test("is empty after clear", () => {
  const lru = filled(2, "a", "b", "c")
  lru.clear()
  assert.equal(lru.size, 0)
})
