import { mkdtemp, rm } from "node:fs/promises"
import { availableParallelism, homedir, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { loadCorpus } from "../src/engine/audit/corpus.ts"
import { lacking, nameOf, openProject, runCase } from "../src/engine/audit/corpus-project.ts"
import { runMakerCase } from "../src/engine/audit/maker-case.ts"
import { pool } from "../src/engine/audit/pool.ts"
import { type CaseResult, unmeasured } from "../src/engine/audit/result.ts"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"

/*
 * For whoever writes cases: what the gate says of them, one by one.
 * node scripts/run-ts.mjs scripts/corpus.ts [--project P] [--case C] [--makers] [--json]
 */

/** Runs the named cases, or all. */
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      project: { type: "string" },
      case: { type: "string" },
      makers: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      parallel: { type: "string" },
      corpus: { type: "string", default: "corpus" },
    },
  })
  const folder = await mkdtemp(join(tmpdir(), "flyball-corpus-"))
  const { signal } = new AbortController()
  const home = join(folder, "home")
  const wrong: string[] = []
  try {
    const store = { folder: join(homedir(), ".cache", "flyball-corpus"), signal }
    const sandbox = await detectSandbox({ home })
    const maker = { flyball: [process.execPath, resolve("dist/flyball.js")], home }
    const limit = pool(Number(values.parallel ?? availableParallelism()))
    for (const project of await loadCorpus(resolve(values.corpus), values.project)) {
      const cases = project.cases.filter(
        (each) =>
          (values.case === undefined || each.id === values.case) && (!values.makers || each.maker !== undefined),
      )
      if (cases.length === 0) continue
      const missing = await lacking(project)
      const tell = (came: CaseResult) => {
        const odd = came.right !== true && came.came !== "left_out"
        if (odd || (came.is === "honest" && came.came === "asked")) wrong.push(`${came.project}/${came.id}`)
        console.log(values.json ? JSON.stringify(came) : told(came))
      }
      if (missing.length > 0) {
        for (const each of cases)
          tell(unmeasured(nameOf(project, each), "left_out", `${missing.join(", ")} is missing`))
        continue
      }
      const started = performance.now()
      const open = await openProject(project, { folder: join(folder, project.project), sandbox, store, signal })
      const verdict = open.calibrated.is === "sound" ? "sound" : `NOT SOUND: ${open.calibrated.why}`
      console.error(`${project.project}: calibration ${verdict} (${Math.round(performance.now() - started)} ms)`)
      await Promise.all(
        cases.map((each) =>
          limit(async () =>
            tell(await (each.maker === undefined ? runCase(open, each) : runMakerCase(open, each, maker))),
          ),
        ),
      )
    }
  } finally {
    await removeDatabase(home)
    await rm(folder, { recursive: true, force: true })
  }
  console.error(wrong.length === 0 ? "all as expected" : `to look at: ${wrong.join(", ")}`)
  process.exitCode = wrong.length === 0 ? 0 : 1
}

function told({ project, id, is, came, right, says, obstacles, ms, harm }: CaseResult): string {
  const mark = right === true ? (came === "asked" && is === "honest" ? "?" : "✓") : right === false ? "✗" : "–"
  const expected = is === "honest" ? "accept" : is === "unsound" ? "thrown out" : "not accept"
  const head = `${mark} ${project}/${id} [${is}] came: ${came}${harm === true ? " WITH HARM" : ""}, expected: ${expected} (${ms} ms)`
  const spoke = obstacles.map((each) => `    ${each.check}: ${each.outcome}: ${each.summary.slice(0, 200)}`)
  const why = obstacles.length === 0 && says !== "" ? [`    ${says.slice(0, 400)}`] : []
  return [head, ...spoke, ...why].join("\n")
}
