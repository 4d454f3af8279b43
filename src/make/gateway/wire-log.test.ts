import { mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { MeteredRequest } from "./metered.ts"
import { openWireLog } from "./wire-log.ts"

const line: MeteredRequest = {
  at: "2026-11-21T12:00:00.000Z",
  change: "c1",
  attempt: 1,
  agent: "implementer",
  role: "maker",
  is: "connection",
  host: "registry.example",
  port: 443,
  ms: 3,
  sent: 1,
  received: 2,
}

test("a wire log holds a line for each request, for its owner alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "flyball-wire-log-"))
  const file = join(folder, "wire.jsonl")
  for (let n = 0; n < 2; n++) {
    await using log = openWireLog(file)
    log.write(line)
  }
  expect(await readFile(file, "utf8")).toBe(`${JSON.stringify(line)}\n`.repeat(2))
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await rm(folder, { recursive: true })
})

test("a log that can't be written stops nothing", async () => {
  const log = openWireLog("/nowhere/at/all/wire.jsonl")
  log.write(line)
  await log[Symbol.asyncDispose]()
  log.write(line)
})
