import assert from "node:assert/strict"
import { once } from "node:events"
import test from "node:test"
import { Router } from "../src/router.ts"
import { serve } from "../src/server.ts"

const router = new Router()
  .on("GET", "/hello/:name", ({ name }) => ({ status: 200, body: `hello ${name}` }))
  .on("POST", "/hello/:name", async () => ({ status: 201, body: "made" }))
  .on("GET", "/static/hello", () => ({ status: 200, body: "plain" }))
  .on("GET", "/broken", () => {
    throw new TypeError("oops")
  })

test("answers by method and path", async () => {
  assert.deepEqual(await router.handle("GET", "/hello/ada?x=1"), { status: 200, body: "hello ada" })
  assert.deepEqual(await router.handle("POST", "/hello/ada"), { status: 201, body: "made" })
})

test("greets names with spaces", async () => {
  assert.deepEqual(await router.handle("GET", "/hello/Ada%20L."), { status: 200, body: "hello Ada L." })
})

test("says 404 and 405", async () => {
  assert.equal((await router.handle("GET", "/nothing")).status, 404)
  assert.equal((await router.handle("DELETE", "/hello/ada")).status, 405)
})

test("a handler that throws is 500", async () => {
  assert.deepEqual(await router.handle("GET", "/broken"), { status: 500, body: "internal error" })
})

test("a plain path is not decoded", async () => {
  assert.equal((await router.handle("GET", "/static/hell%6F")).status, 404)
})

test("serves", async (context) => {
  const server = serve(router).listen(0, "127.0.0.1")
  context.after(() => server.close())
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" ? address?.port : 0
  const response = await fetch(`http://127.0.0.1:${port}/hello/ada`)
  assert.equal(await response.text(), "hello ada")
})
