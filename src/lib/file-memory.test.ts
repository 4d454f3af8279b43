import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { z } from "zod"
import { memoryKey, openMemory } from "./file-memory.ts"

const Answer = z.object({ says: z.string() })
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-memory-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const open = (limits = { entries: 10, bytes: 1_000 }) => openMemory(join(folder, "of", "answers"), Answer, limits)

test("what was put is had again by whoever opens it next, until it is forgotten", async () => {
  const key = memoryKey(["tree", 1])
  expect(await open().get(key), "nothing is there, and nothing is made").toBeUndefined()
  expect(await readdir(folder)).toEqual([])
  await open().put(key, { says: "met" })
  expect(await open().get(key)).toEqual({ says: "met" })
  expect(await open().get(memoryKey(["tree", 2]))).toBeUndefined()
  await open().forget(key)
  expect(await open().get(key)).toBeUndefined()
})

test.each([
  ["half a file", '{"says":"m'],
  ["another shape", '{"said":"met"}'],
  ["nothing", ""],
])("%s is no entry", async (_, text) => {
  await open().put("k", { says: "met" })
  await writeFile(join(folder, "of/answers/k.json"), text)
  expect(await open().get("k")).toBeUndefined()
})

test("what is too large is not kept; of the rest what nobody asked for goes first", async () => {
  const memory = open({ entries: 2, bytes: 30 })
  await memory.put("large", { says: "é".repeat(20) })
  expect(await memory.get("large")).toBeUndefined()
  for (const [key, age] of [
    ["a", 300],
    ["b", 200],
  ] as const) {
    await memory.put(key, { says: key })
    const then = new Date(Date.now() - age * 1_000)
    await utimes(join(folder, "of/answers", `${key}.json`), then, then)
  }
  await memory.get("a")
  await memory.put("c", { says: "c" })
  expect(await Promise.all(["a", "b", "c"].map((key) => memory.get(key)))).toEqual([
    { says: "a" },
    undefined,
    { says: "c" },
  ])
})
