import assert from "node:assert/strict"
import test from "node:test"
import Queue from "../index.js"

test("gives back in order", () => {
  const queue = new Queue()
  queue.enqueue("a")
  queue.enqueue("b")
  assert.equal(queue.dequeue(), "a")
  assert.equal(queue.dequeue(), "b")
  assert.equal(queue.dequeue(), undefined)
})

test("knows its size", () => {
  const queue = new Queue()
  assert.equal(queue.size, 0)
  queue.enqueue(1)
  queue.enqueue(2)
  queue.dequeue()
  assert.equal(queue.size, 1)
})

test("peeks without taking", () => {
  const queue = new Queue()
  assert.equal(queue.peek(), undefined)
  queue.enqueue(1)
  assert.equal(queue.peek(), 1)
  assert.equal(queue.size, 1)
})

test("can be walked through", () => {
  const queue = new Queue()
  for (const value of [1, 2, 3]) queue.enqueue(value)
  assert.deepEqual([...queue], [1, 2, 3])
})

test("is empty after clear", () => {
  const queue = new Queue()
  queue.enqueue(1)
  queue.clear()
  queue.enqueue(2)
  assert.deepEqual([...queue], [2])
})

test("goes on after it was emptied", () => {
  const queue = new Queue()
  queue.enqueue(1)
  queue.dequeue()
  queue.enqueue(2)
  queue.enqueue(3)
  assert.deepEqual([...queue], [2, 3])
  assert.equal(queue.dequeue(), 2)
  assert.equal(queue.size, 1)
})

test("holds values that are false", () => {
  const queue = new Queue()
  queue.enqueue(0)
  queue.enqueue("")
  assert.equal(queue.dequeue(), 0)
  assert.equal(queue.dequeue(), "")
})
