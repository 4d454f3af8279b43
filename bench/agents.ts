import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AgentResult, Sandbox } from "../src/core/ports.ts"
import { openAgents } from "../src/make/run-agent.ts"

const AGENTS = 1_000

/** A thousand agents that are alive at once under this one process: how many fail, and what memory it takes. */
export async function liveAgents(): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "flyball-agents-")))
  const gate = new AbortController()
  try {
    const before = await ownMegabytes()
    let spawned = 0
    let allSpawned = () => {}
    const everyone = new Promise<void>((resolve) => {
      allSpawned = resolve
    })
    const agents = openAgents({
      sandbox: UNCONFINED,
      outer: { PATH: process.env.PATH },
      home: join(folder, "sessions"),
      root: folder,
      replayArgv: [],
      watch: {
        spawned: () => {
          spawned += 1
          if (spawned === AGENTS) allSpawned()
        },
      },
    })
    const started = performance.now()
    const running = Array.from({ length: AGENTS }, (_, n) => agents.run(taskOf(folder, n), gate.signal))
    const failing = Promise.all(running).then(() => {})
    await Promise.race([everyone, failing])
    const alive = performance.now() - started
    const at = await ownMegabytes()
    // They end by themselves, each with what a real one leaves: an exit code, a log, a summary.
    await readdir(folder)
    const results = await Promise.all(running)
    const failed = results.filter((result: AgentResult) => result.ended.is !== "done").length
    console.log(`\n${AGENTS} agents alive at once: ${failed} failed`)
    console.log(
      `all started after ${Math.round(alive)} ms; all over after ${Math.round(performance.now() - started)} ms`,
    )
    console.log(`memory (resident): ${before} MB before, ${at} MB with all alive, ${await ownMegabytes()} MB after`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The processes themselves are what is measured; a bubblewrap around each would be as many more. */
const UNCONFINED: Sandbox = {
  kind: { is: "none", why: "it is not what is measured" },
  wrap: (argv) => ({ argv, sandboxed: false }),
}

function taskOf(folder: string, n: number): Parameters<ReturnType<typeof openAgents>["run"]>[0] {
  return {
    role: "maker",
    agent: { name: "sleeper", use: "command", command: ["sleep", "60"], skills: [], from: "loop" },
    cwd: folder,
    prompt: "Sleep.",
    finding: {
      fingerprint: `bench/${n}`,
      source: "bench",
      title: `piece ${n}`,
      body: "",
      severity: "low",
      attemptable: true,
    },
    attempt: 1,
    limits: { timeoutMs: 300_000, silenceMs: 300_000, outputBytes: 1024 * 1024 },
    artifactDir: join(folder, "artefacts", String(n)),
    change: `change-${n}`,
  }
}

async function ownMegabytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8")
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024)
}
