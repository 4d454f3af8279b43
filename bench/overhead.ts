import { execFileSync } from "node:child_process"
import { cpus, release } from "node:os"
import { join, resolve } from "node:path"
import { stopDatabase } from "../src/engine/postgres/launch.ts"
import { type Cost, costOf, databaseCpuMs, median, spread } from "./cost.ts"
import { openLimits } from "./limits.ts"
import { NULL_AGENT, openProject, type Project } from "./project.ts"

/**
 * What Flyball costs beside the bare loop it replaces, all in one run: `npm run bench [-- --quick]`. It measures the
 * build in `dist/`, as a user has it. What is included is told in `bench/README.md`.
 */
export async function main(args: readonly string[]): Promise<void> {
  const rounds = args.includes("--quick") ? 2 : 7
  const cli = resolve(args.find((arg) => arg.endsWith(".js")) ?? "dist/flyball.js")
  await using project = await openProject()
  const flyball: Flyball = (...words) =>
    costOf({ argv: [process.execPath, cli, ...words], cwd: project.root, env: project.env })
  console.log(machine(cli))
  await project.find(1)
  const first = await flyball("status")
  await flyball("run", "null")
  await attempts(project, flyball, rounds)
  await starts(project, flyball, rounds)
  await opening(project, flyball, rounds, first)
  await limits(project, rounds)
}

type Flyball = (...words: string[]) => Promise<Cost & { stdout: string }>

const FEW = 2
const MANY = 22

/** The slope between runs of few and of many findings is the cost of one; what a run costs by itself falls out. */
async function attempts(project: Project, flyball: Flyball, rounds: number): Promise<void> {
  const own: { wallMs: number; cpuMs: number; databaseMs: number }[] = []
  const bare: Cost[] = []
  for (let round = 0; round < rounds; round++) {
    const few = await runOf(project, flyball, FEW)
    const bareFew = await bareLoop(project, FEW)
    const many = await runOf(project, flyball, MANY)
    const bareMany = await bareLoop(project, MANY)
    own.push({
      wallMs: slope(few.wallMs, many.wallMs),
      cpuMs: slope(few.cpuMs, many.cpuMs),
      databaseMs: slope(few.databaseMs, many.databaseMs),
    })
    bare.push({ wallMs: slope(bareFew.wallMs, bareMany.wallMs), cpuMs: slope(bareFew.cpuMs, bareMany.cpuMs) })
  }
  const total = own.map((each) => each.cpuMs + each.databaseMs)
  table("One attempt, found to proposed (ms; median and quartiles)", [
    ["", "wall", "CPU", "of it PostgreSQL"],
    [
      "Flyball, null agent",
      spread(own.map((each) => each.wallMs)),
      spread(total),
      spread(own.map((each) => each.databaseMs)),
    ],
    ["bare loop", spread(bare.map((each) => each.wallMs)), spread(bare.map((each) => each.cpuMs)), ""],
    [
      "ratio",
      (median(own.map((each) => each.wallMs)) / median(bare.map((each) => each.wallMs))).toFixed(1),
      (median(total) / median(bare.map((each) => each.cpuMs))).toFixed(1),
      "",
    ],
  ])
}

function slope(few: number, many: number): number {
  return (many - few) / (MANY - FEW)
}

async function runOf(project: Project, flyball: Flyball, findings: number) {
  await project.find(findings)
  const before = await databaseCpuMs(project.home)
  const { stdout, ...cost } = await flyball("run", "null", "--json")
  const proposed = stdout.match(/"finished": ?"proposed"|"stage": ?"awaiting_review"/g)?.length ?? 0
  if (proposed < findings) throw new Error(`only ${proposed} of ${findings} findings were proposed:\n${stdout}`)
  return { ...cost, databaseMs: (await databaseCpuMs(project.home)) - before }
}

/** `while :; do agent; git add -A; git commit; done`, so many times. */
async function bareLoop({ root, env }: Project, times: number): Promise<Cost> {
  const script = `git checkout -q -B bare; i=0; while [ $i -lt ${times} ]; do sh -c '${NULL_AGENT}'; git add -A; git -c user.name=B -c user.email=b@b commit -qm x; i=$((i+1)); done; git checkout -q main`
  return costOf({ argv: ["sh", "-c", script], cwd: root, env })
}

/** From the command to the agent's first act, on a warm engine: the agent writes the time into its edit. */
async function starts(project: Project, flyball: Flyball, rounds: number): Promise<void> {
  const toAgent: number[] = []
  const whole: Cost[] = []
  for (let round = 0; round < rounds * 2; round++) {
    await project.find(1)
    const before = Date.now()
    const { stdout, ...cost } = await flyball("run", "clock", "--json")
    const branch = /flyball\/[\w.-]+/.exec(stdout)?.[0] ?? ""
    const text = execFileSync("git", ["show", `${branch}:src/f1.js`], { cwd: project.root, encoding: "utf8" })
    toAgent.push(Number(text.trim().split(" ").at(-1)) / 1e6 - before)
    whole.push(cost)
  }
  table("`flyball run` on a warm engine (ms)", [
    ["", "wall", "CPU"],
    ["command to agent start", spread(toAgent, 0), ""],
    [
      "the whole run of one finding",
      spread(
        whole.map((each) => each.wallMs),
        0,
      ),
      spread(
        whole.map((each) => each.cpuMs),
        0,
      ),
    ],
  ])
}

async function opening(project: Project, flyball: Flyball, rounds: number, first: Cost): Promise<void> {
  const node = (...words: string[]) =>
    costOf({ argv: [process.execPath, ...words], cwd: project.root, env: project.env })
  const costs = { bare: [], version: [], help: [], validate: [], warm: [], cold: [] } satisfies Record<
    string,
    Cost[]
  > as Record<"bare" | "version" | "help" | "validate" | "warm" | "cold", Cost[]>
  for (let round = 0; round < rounds * 2; round++) {
    costs.bare.push(await node("-e", "0"))
    costs.version.push(await flyball("--version"))
    costs.help.push(await flyball("--help"))
    costs.validate.push(await flyball("validate", "null"))
    costs.warm.push(await flyball("status"))
    if (round % 2 === 1) continue
    await stopDatabase(project.home)
    costs.cold.push(await flyball("status"))
  }
  const row = (name: string, found: readonly Cost[]) => [
    name,
    spread(
      found.map((each) => each.wallMs),
      0,
    ),
    spread(
      found.map((each) => each.cpuMs),
      0,
    ),
  ]
  table("Commands (ms)", [
    ["", "wall", "CPU"],
    row("`node -e 0`", costs.bare),
    row("`flyball --version`", costs.version),
    row("`flyball --help`", costs.help),
    row("`flyball validate`", costs.validate),
    row("`flyball status`, database warm", costs.warm),
    row("`flyball status`, database stopped", costs.cold),
    row("`flyball status`, no database yet (once)", [first]),
  ])
}

async function limits(project: Project, rounds: number): Promise<void> {
  await using opened = await openLimits(project)
  const samples = opened.limits.map(({ name, sample }) => ({ name, sample, found: [] as number[] }))
  for (let round = 0; round < rounds * 5; round++) {
    for (const each of samples) each.found.push(await each.sample())
  }
  table("Limits (wall ms)", [["", "wall"], ...samples.map(({ name, found }) => [name, spread(found, 2)])])
}

function machine(cli: string): string {
  const said = (argv: readonly string[]) => {
    try {
      return execFileSync(argv[0] ?? "", argv.slice(1), { encoding: "utf8" }).trim()
    } catch {
      return `no ${argv[0]}`
    }
  }
  const [cpu] = cpus()
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model.trim() ?? "?"}, Linux ${release()}`,
    `Node ${process.versions.node}, ${said(["git", "--version"])}, ${said(["bwrap", "--version"])}, Flyball ${said([process.execPath, cli, "--version"])}`,
    `load ${said(["cut", "-d ", "-f1-3", "/proc/loadavg"])}, ${join("dist", "flyball.js")}`,
  ].join("\n")
}

function table(title: string, rows: readonly (readonly string[])[]): void {
  const [head = [], ...body] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  console.log(`\n### ${title}\n${[line(head), line(head.map(() => "---")), ...body.map(line)].join("\n")}`)
}
