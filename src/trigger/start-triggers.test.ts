import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { Loop, Trigger } from "../core/loop.ts"
import { type Cause, startTriggers, type TriggersOptions } from "./start-triggers.ts"

function loopOf(name: string, trigger: Trigger[], repo = "/nowhere", writeTo?: string): Loop {
  return {
    name,
    source: { repo, path: `${name}.yaml` },
    hash: name,
    trigger,
    autonomy: "draft",
    isolation: "worktree",
    strict: false,
    agents: {},
    checks: {},
    skills: [],
    steps: { discover: { run: [], ...(writeTo === undefined ? {} : { writeTo }) }, verify: { layers: [] } },
    guardrails: {
      maxIterations: 3,
      budget: {},
      haltOn: { noProgress: 2, sameError: 3 },
      timeoutMs: 1,
      silenceMs: 1,
      reviewWip: 3,
      maxDiff: { files: 1, lines: 1 },
      maxFindings: 10,
      protect: [],
    },
    hooks: {},
  }
}

const hourly: Trigger = { on: "every", everyMs: 60 * 60_000 }
let stop = new AbortController()
let fired: string[] = []
let said: string[] = []
beforeEach(() => {
  stop = new AbortController()
  fired = []
  said = []
})
afterEach(() => {
  stop.abort()
  vi.useRealTimers()
})

const start = (loops: Loop[], more: Partial<TriggersOptions> = {}) =>
  startTriggers({
    loops,
    lastFired: new Map(),
    fire: async (loop, cause) => void fired.push(`${loop.name} by ${cause.by}`),
    say: (loop, text) => said.push(`${loop}: ${text}`),
    signal: stop.signal,
    ...more,
  })

describe("by the clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: new Date("2026-11-20T08:30:00Z"), toFake: ["setTimeout", "clearTimeout", "Date"] })
  })

  test("a loop fires when it is due, again and again, and not before", async () => {
    const triggers = await start([loopOf("a", [hourly])])
    expect(triggers.due()).toEqual([{ loop: "a", at: new Date("2026-11-20T09:00:00Z") }])
    await vi.advanceTimersByTimeAsync(29 * 60_000)
    expect(fired).toEqual([])
    await vi.advanceTimersByTimeAsync(61 * 60_000)
    expect(fired).toEqual(["a by every", "a by every"])
    expect(said).toEqual([])
  })

  test("what was missed while nothing ran is caught up once, and said", async () => {
    await start([loopOf("a", [hourly])], { lastFired: new Map([["a", new Date("2026-11-19T08:30:00Z")]]) })
    await vi.advanceTimersByTimeAsync(0)
    expect(fired).toEqual(["a by every"])
    expect(said).toEqual(["a: 24 firings fell due since it last fired; they are caught up with one run"])
  })

  test("a firing during a run is skipped, said, and not made up for", async () => {
    let end = () => {}
    const running = new Promise<void>((resolve) => {
      end = resolve
    })
    const causes: Cause[] = []
    await start([loopOf("a", [hourly])], {
      fire: async (_loop, cause) => {
        causes.push(cause)
        if (causes.length === 1) await running
      },
    })
    await vi.advanceTimersByTimeAsync(150 * 60_000)
    expect(causes).toHaveLength(1)
    expect(said).toEqual([
      "a: skipped (due 2026-11-20T10:00:00.000Z): its last run is still going on",
      "a: skipped (due 2026-11-20T11:00:00.000Z): its last run is still going on",
    ])
    end()
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    expect(causes).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60 * 60_000)
    expect(causes).toHaveLength(2)
  })

  test("a firing further off than any timer reaches is not fired at once", async () => {
    await start([loopOf("a", [{ on: "cron", expression: "0 0 1 6 *", timeZone: "UTC" }])])
    await vi.advanceTimersByTimeAsync(30 * 24 * 60 * 60_000)
    expect(fired).toEqual([])
  })

  test("a machine that slept is noticed within the hour, and fires once", async () => {
    let skew = 0
    await start([loopOf("a", [{ on: "cron", expression: "0 6 * * *", timeZone: "UTC" }])], {
      now: () => new Date(Date.now() + skew),
    })
    skew = 3 * 24 * 60 * 60_000
    await vi.advanceTimersByTimeAsync(60 * 60_000)
    expect(fired).toEqual(["a by cron"])
  })

  test("a clock that was set back far does not silence a loop", async () => {
    let skew = 10 * 365 * 24 * 60 * 60_000
    await start([loopOf("a", [hourly])], { now: () => new Date(Date.now() + skew) })
    skew = 0
    await vi.advanceTimersByTimeAsync(3 * 60 * 60_000)
    expect(fired.length).toBeGreaterThanOrEqual(1)
  })

  test("a run that fails is said, and the loop goes on", async () => {
    let runs = 0
    await start([loopOf("a", [hourly])], {
      fire: async () => {
        runs += 1
        throw new Error("no disk")
      },
    })
    await vi.advanceTimersByTimeAsync(120 * 60_000)
    expect(runs).toBe(2)
    expect(said[0]).toBe("a: failed: no disk")
  })

  test("when it is stopped nothing fires any more, and it waits for what still runs", async () => {
    let end = () => {}
    const triggers = await start([loopOf("a", [hourly])], {
      fire: () =>
        new Promise<void>((resolve) => {
          fired.push("a")
          end = resolve
        }),
    })
    await vi.advanceTimersByTimeAsync(31 * 60_000)
    stop.abort()
    let done = false
    void triggers.done.then(() => {
      done = true
    })
    await vi.advanceTimersByTimeAsync(5 * 60 * 60_000)
    expect([fired, done]).toEqual([["a"], false])
    end()
    await triggers.done
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("after another loop", () => {
  test("the end of one starts the next", async () => {
    const triggers = await start([loopOf("a", [{ on: "manual" }]), loopOf("b", [{ on: "after", loop: "a" }])])
    triggers.ended("a")
    expect(fired).toEqual(["b by after"])
    expect(triggers.due()).toEqual([])
  })

  test("M3: loops in a ring do not wake each other for ever", async () => {
    const ring = [loopOf("a", [{ on: "after", loop: "b" }]), loopOf("b", [{ on: "after", loop: "a" }])]
    const triggers = await start(ring, {
      fire: async (loop, cause) => {
        fired.push(loop.name)
        await Promise.resolve()
        triggers.ended(loop.name, cause.by === "after" ? cause.chain : [])
      },
    })
    triggers.ended("a")
    await vi.waitFor(() => expect(said).toEqual(["a: not started after b: it is what led there (a → b → a)"]))
    expect(fired).toEqual(["b"])
  })
})

describe("when files change", () => {
  let repo = ""
  beforeEach(async () => {
    repo = await mkdtemp(join(tmpdir(), "flyball-watch-"))
    await mkdir(join(repo, "inbox", "deep"), { recursive: true })
    await mkdir(join(repo, ".flyball", "state"), { recursive: true })
    await mkdir(join(repo, "node_modules"))
  })
  afterEach(() => rm(repo, { recursive: true, force: true }))
  const watching = async (glob: string, writeTo?: string) => {
    const causes: Cause[] = []
    await start([loopOf("a", [{ on: "file", glob }], repo, writeTo)], {
      fire: async (_loop, cause) => void causes.push(cause),
    })
    return causes
  }

  test("a burst of changes fires once, with the files that match", async () => {
    const causes = await watching("inbox/**/*.md")
    await Promise.all(
      ["inbox/a.md", "inbox/deep/b.md", "inbox/c.txt", "d.md"].map((file) => writeFile(join(repo, file), "x")),
    )
    await vi.waitFor(() => expect(causes).toEqual([{ by: "file", paths: ["inbox/a.md", "inbox/deep/b.md"] }]), 5_000)
  })

  test("files in a folder made later are seen", async () => {
    const causes = await watching("inbox/**/*.md")
    await mkdir(join(repo, "inbox", "new", "deeper"), { recursive: true })
    await writeFile(join(repo, "inbox", "new", "deeper", "a.md"), "x")
    await vi.waitFor(() => expect(causes).toEqual([{ by: "file", paths: ["inbox/new/deeper/a.md"] }]), 5_000)
  })

  test("a folder that the glob names but that is not there yet is waited for", async () => {
    const causes = await watching("later/on/*.md")
    await mkdir(join(repo, "later", "on"), { recursive: true })
    await writeFile(join(repo, "later", "on", "a.md"), "x")
    await vi.waitFor(() => expect(causes).toEqual([{ by: "file", paths: ["later/on/a.md"] }]), 5_000)
  })

  test("M3: what Flyball writes itself never fires a loop", async () => {
    const causes = await watching("**/*.md", "triage.md")
    for (const own of ["triage.md", ".flyball/state/other.md", "node_modules/x.md", "inbox/.a.md.1.tmp"])
      await writeFile(join(repo, own), "x")
    await writeFile(join(repo, "inbox", "theirs.md"), "x")
    await vi.waitFor(() => expect(causes).toEqual([{ by: "file", paths: ["inbox/theirs.md"] }]), 5_000)
  })
})
