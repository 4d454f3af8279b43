import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { announceTo } from "../src/cli/commands/run.ts"
import { openTerminal } from "../src/cli/terminal.ts"
import { fixes, only, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

sharedHome()

let site: Server
let asked = 0
let port = 0
beforeAll(async () => {
  site = createServer((_, response) => {
    asked++
    response.end("served")
  })
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve))
  const address = site.address()
  port = typeof address === "object" && address !== null ? address.port : 0
})
afterAll(() => void site.close())

test.each([
  ["what the loop lists is reached", () => `network: [ "127.0.0.1:${port}" ]`, 1, () => `127.0.0.1:${port}`],
  ["with an empty list nothing is", () => "network: []", 0, () => "nothing"],
  ["where nothing is said, a command reaches registries alone", () => "", 0, () => "the project's package registries"],
])("in a run, %s, and its table says so", async (_, top, times, words) => {
  asked = 0
  const dial = readFileSync(join(import.meta.dirname, "reach/dial.mjs"), "utf8")
  const maker = `node dial.mjs get http://127.0.0.1:${port}/ >&2; ${fixes}`
  await using repo = await smallRepo({ ...quickProject({ maker, top: top() }), "dial.mjs": dial })
  const told: string[] = []
  const terminal = { ...openTerminal(false), err: (line: string) => void told.push(line) }
  const ran = await runFix(repo, { announce: announceTo(terminal) })
  expect(only(ran)).toMatchObject({ outcome: expect.stringMatching(/propos/) })
  expect(asked).toBe(times)
  expect(told.join("\n")).toContain(`network implementer reaches ${words()}`)
})
