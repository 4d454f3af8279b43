import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { liveAgents } from "./agents.ts"
import { costOf, databaseCpuMs, spread } from "./cost.ts"
import { large } from "./large.ts"
import { openProject } from "./project.ts"

const FINDINGS = 100
const PARALLEL = 8

/**
 * `npm run bench:scale [-- findings|agents|large] [--quick]`: a hundred findings in one run, a thousand agents under one
 * process, a repository of 50,000 files; all of them unless one is named.
 */
export async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick")
  const wanted = (part: string) => args.includes(part) || !args.some((arg) => !arg.startsWith("--"))
  if (wanted("agents")) await liveAgents()
  if (wanted("large")) await large(quick ? 3 : 9)
  if (wanted("findings")) await findings(quick ? 1 : 3)
}

/**
 * A hundred findings in one run with eight at a time, each isolated, made by a null agent, verified in a fresh checkout
 * and proposed. Prints what one of them costs, of everything Flyball does.
 */
async function findings(rounds: number): Promise<void> {
  await using project = await openProject()
  const cli = join(process.cwd(), "dist", "flyball.js")
  const run = () =>
    costOf({ argv: [process.execPath, cli, "run", "null", "--json"], cwd: project.root, env: project.env })
  const loop = join(project.root, ".flyball/loops/null.yaml")
  await writeFile(loop, (await readFile(loop, "utf8")).replace("max_parallel: 1", `max_parallel: ${PARALLEL}`))
  await project.find(1)
  await run()
  const wallMs: number[] = []
  const cpuMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    await project.find(FINDINGS)
    const before = await databaseCpuMs(project.home)
    const { stdout, ...cost } = await run()
    const proposed = stdout.match(/"finished": ?"proposed"|"stage": ?"awaiting_review"/g)?.length ?? 0
    if (proposed < FINDINGS) throw new Error(`only ${proposed} of ${FINDINGS} findings were proposed`)
    wallMs.push(cost.wallMs / FINDINGS)
    cpuMs.push((cost.cpuMs + (await databaseCpuMs(project.home)) - before) / FINDINGS)
  }
  console.log(`${FINDINGS} findings in one run, ${PARALLEL} at a time: all proposed, each round.`)
  console.log(`each: ${spread(wallMs)} ms wall, ${spread(cpuMs)} ms CPU (PostgreSQL's included)`)
}
