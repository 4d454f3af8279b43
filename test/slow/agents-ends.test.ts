import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, isAbsolute, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { listTrees } from "../../src/isolate/watched-trees.ts"
import { type CliRun, flyball } from "../flyball-cli.ts"
import { type ModelServer, type Script, startModelServer, type Turn } from "../model-server/index.ts"
import { quickProject, sharedHome } from "../quick-loop.ts"
import { smallRepo } from "../small-repo.ts"
import {
  type Agent,
  agentsHere,
  aside,
  bin,
  leavesSleepers,
  paying,
  processesOf,
  run,
  say,
  servedBy,
  testFolder,
  told,
  usage,
  usualLimits,
} from "./agents-harness.ts"
import { type Measured, MOST_MS, measured, type TreeWatch, watchTree } from "./process-watch.ts"

/*
 * How each real agent ends when it is made to: the time from the gateway's refusal, from a halt and from the death of
 * Flyball itself to the moment when no process of the attempt is alive. Each has children that would sleep on, one of them in a session of
 * its own. The figures are printed.
 */

const folder = testFolder()
const home = sharedHome()
const figures: string[] = []
afterAll(() => {
  if (figures.length > 0) console.log(["until nobody of the attempt's tree was alive:", ...figures].join("\n"))
})

const probed = mkdtempSync(join(tmpdir(), "flyball-probe-"))
const here = (await detectSandbox({ home: probed })).kind.is === "bubblewrap"
rmSync(probed, { recursive: true, force: true })
const ways = [...(here ? [["bubblewrap", true] as const] : []), ["a supervisor", false] as const]

for (const { agent, there, title } of agentsHere) {
  describe.skipIf(!there)(title, { timeout: 300_000 }, () => {
    test.each(ways)(
      "M1: the ceiling is reached in the middle of a turn: no request goes over it, and all is over within two seconds, under %s",
      async (name, sandboxed) => {
        const { ms, there, said } = await measured(`${agent.kind}, refused for money, under ${name}`, () =>
          untilGoneAfterRefusal(agent, sandboxed),
        )
        figures.push(said)
        if (keepsSleepers(agent, sandboxed)) expect(sleepersIn(there), said).toBeGreaterThan(0)
        expect(ms, said).toBeLessThan(MOST_MS)
      },
    )

    test.each(["directly", "through the gateway"] as const)(
      "stopped while its model is silent, nothing of it is left: %s",
      async (way) => {
        const { ms, said } = await measured(`${agent.kind}, stopped, ${way}`, () => untilGoneAfterStop(agent, way))
        figures.push(said)
        expect(ms, said).toBeLessThan(MOST_MS)
      },
    )

    test.each(ways)(
      "D5: Flyball itself is killed in the middle of a turn: nobody survives it, under %s",
      async (name, sandboxed) => {
        const { ms, there, said } = await measured(`${agent.kind}, \`flyball run\` killed, under ${name}`, () =>
          untilGoneAfterKill(agent, sandboxed, ["run", "fix"]),
        )
        figures.push(said)
        if (keepsSleepers(agent, sandboxed)) expect(sleepersIn(there), said).toBeGreaterThan(0)
        expect(ms, said).toBeLessThan(MOST_MS)
      },
    )

    test.skipIf(!here)("D5: `flyball up` is killed in the middle of a turn: nobody survives it", async () => {
      const { ms, there, said } = await measured(`${agent.kind}, \`flyball up\` killed, under bubblewrap`, () =>
        untilGoneAfterKill(agent, true, ["up"]),
      )
      figures.push(said)
      expect(sleepersIn(there), said).toBeGreaterThan(0)
      expect(ms, said).toBeLessThan(MOST_MS)
    })
  })
}

/** Codex's own sandbox, which stays on without ours, ends what a command of its leaves behind. */
const keepsSleepers = ({ kind }: Agent, sandboxed: boolean) => sandboxed || kind !== "codex"

/** Its sleepers, as their own processes: not the shells that started them. */
const sleepersIn = (there: string[]) => there.filter((each) => /^sleep 701[12]$/.test(each)).length

async function untilGoneAfterRefusal(agent: Agent, sandboxed: boolean): Promise<Measured> {
  const dear: Turn = { tools: leavesSleepers ?? [], usage: { in: 1_000, out: 8_000, cacheRead: 0 }, capped: true }
  await using server = await startModelServer({ turns: [dear], aside })
  const limits = { ...usualLimits(), usd: agent.ceilingUsd }
  const seen: { at?: number; there: string[]; tree?: TreeWatch; gone?: Promise<number> | undefined } = { there: [] }
  rmSync(join(folder.path, "work"), { recursive: true, force: true })
  const result = await run(agent, server, folder.path, {
    way: "through the gateway",
    sandboxed,
    task: { limits },
    onSpawn: (pid) => {
      seen.tree = watchTree(pid, folder.path)
    },
    onRefusal: () => {
      seen.at = performance.now()
      seen.there = seen.tree?.look() ?? []
      seen.gone = seen.tree?.gone()
    },
  })
  expect(result.ended, told(server, folder.path)).toMatchObject({ is: "failed", code: "budget" })
  expect(result.spend.usd).toBeLessThanOrEqual(limits.usd)
  expect(result.spend).toMatchObject({ basis: "metered", tokens: servedBy(server) })
  const gone = await seen.gone
  if (gone === undefined || seen.at === undefined) throw new Error("nothing was refused")
  return { ms: gone - seen.at, there: seen.there }
}

async function untilGoneAfterStop(agent: Agent, way: "directly" | "through the gateway"): Promise<Measured> {
  await using server = await startModelServer(silent)
  const stop = new AbortController()
  rmSync(join(folder.path, "work"), { recursive: true, force: true })
  let tree: TreeWatch | undefined
  const running = run(agent, server, folder.path, {
    way,
    signal: stop.signal,
    onSpawn: (pid) => {
      tree = watchTree(pid, folder.path)
    },
  })
  await asksTheSecondTime(server, running)
  const there = tree?.look() ?? []
  const at = performance.now()
  stop.abort(new Error("enough"))
  const gone = await tree?.gone()
  await expect(running).rejects.toMatchObject({ code: "ABORTED" })
  expect(processesOf(folder.path)).toEqual([])
  return { ms: (gone ?? Number.NaN) - at, there }
}

/** A session that gets as far as its second request, and is left without an answer in the middle of it. */
const silent: Script = {
  turns: [
    { tools: leavesSleepers ?? [], usage },
    { text: "Half of a story", fault: { is: "hang", afterEvents: 3 } },
    say,
  ],
  aside,
}

async function asksTheSecondTime(server: ModelServer, running: Promise<unknown>): Promise<void> {
  let over = false
  const ended = () => {
    over = true
  }
  running.then(ended, ended)
  const until = Date.now() + 120_000
  while (!server.asked().some(({ turn }) => turn === 1)) {
    if (over || Date.now() > until) throw new Error(`it never asked a second time:\n${told(server, folder.path)}`)
    await wait(20)
  }
}

async function untilGoneAfterKill(agent: Agent, sandboxed: boolean, command: string[]): Promise<Measured> {
  await using server = await startModelServer(silent)
  await using repo = await smallRepo(projectOf(agent))
  const cli = flyball(repo.root, command, {
    ...paying(server),
    PATH: `${bin}:${sandboxed ? process.env.PATH : withoutBubblewrap}`,
  })
  await asksTheSecondTime(server, cli.ended).catch((error: Error) => {
    throw new Error(`${error.message}\n${cli.printed()}`)
  })
  const tree = watchTree(...agentOf(cli))
  const there = keepsSleepers(agent, sandboxed) ? await asleep(tree) : tree.look()
  const at = performance.now()
  cli.child.kill("SIGKILL")
  const gone = await tree.gone()
  await cli.ended
  return { ms: gone - at, there }
}

/** Who is there once both sleep: a shell that was started may not have come to it. */
async function asleep(tree: TreeWatch): Promise<string[]> {
  const until = Date.now() + 10_000
  for (;;) {
    const there = tree.look()
    if (sleepersIn(there) >= 2 || Date.now() > until) return there
    await wait(20)
  }
}

/** The session's leader and its marker, as the run told its watchdog. */
function agentOf(cli: CliRun): [pid: number, mark?: string] {
  const runs = join(home.path, "run")
  const trees = readdirSync(runs).flatMap((name) => listTrees(join(runs, name)))
  const [agent] = trees.map(({ tree }) => tree).filter(({ change }) => change !== "")
  if (agent === undefined) throw new Error(`the watchdog knows of nobody:\n${cli.printed()}`)
  return agent.marker === undefined ? [agent.pid] : [agent.pid, agent.marker]
}

function projectOf({ kind, spec }: Agent): Record<string, string> {
  const { model, command } = spec
  const yaml = [
    "name: implementer",
    "description: a real agent",
    `use: ${kind}`,
    ...(model === undefined ? [] : [`model: ${model}`]),
    ...(command === undefined ? [] : [`command: ${JSON.stringify(command)}`]),
  ]
  return {
    ...quickProject({
      maker: "",
      top: "trigger: [ every(1s), manual ]",
      guardrails: "max_iterations: 1, budget: $5/run",
    }),
    ".flyball/agents/implementer.md": `---\n${yaml.join("\n")}\n---\n`,
  }
}

/** A folder of all programs of the PATH but the one. */
let withoutBubblewrap = ""
beforeAll(() => {
  withoutBubblewrap = mkdtempSync(join(tmpdir(), "flyball-path-"))
  mkdirSync(withoutBubblewrap, { recursive: true })
  for (const from of (process.env.PATH ?? "").split(delimiter).filter((each) => isAbsolute(each) && existsSync(each)))
    for (const name of readdirSync(from))
      if (name !== "bwrap" && !existsSync(join(withoutBubblewrap, name)))
        symlinkSync(join(from, name), join(withoutBubblewrap, name))
})
afterAll(() => rmSync(withoutBubblewrap, { recursive: true, force: true }))
