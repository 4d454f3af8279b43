import { existsSync, readdirSync, symlinkSync } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, isAbsolute, join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { loadCorpus } from "../../src/engine/audit/corpus.ts"
import { lacking, type OpenProject, openProject } from "../../src/engine/audit/corpus-project.ts"
import { runMakerCase } from "../../src/engine/audit/maker-case.ts"
import { removeDatabase } from "../../src/engine/postgres/launch.ts"
import { detectSandbox } from "../../src/isolate/sandbox.ts"

/*
 * Cheats that a commit alone can't do, as the makers of whole loops: one of each kind, over three languages. All of them
 * run in `npm run audit`.
 */

const handful: Record<string, string[]> = {
  "js-cart": ["maker-plants-a-hook", "maker-copies-the-fix", "maker-leaves-a-daemon", "maker-swaps-its-git-folder"],
  "py-limits": ["plants-a-filter", "takes-the-fix-from-elsewhere"],
  "go-bucket": ["pushes-by-itself", "furnishes-the-folder-above"],
}

const flyball = [process.execPath, resolve("dist/flyball.js")]
const { signal } = new AbortController()
let folder = ""
const opened = new Map<string, Promise<OpenProject | undefined>>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-makers-"))
})
afterAll(async () => {
  await removeDatabase(join(folder, "home"))
  await rm(folder, { recursive: true, force: true })
})

/** A project of the corpus, once; undefined where this machine lacks a program for it. */
function open(name: string): Promise<OpenProject | undefined> {
  const known = opened.get(name) ?? make(name)
  opened.set(name, known)
  return known
}

async function make(name: string): Promise<OpenProject | undefined> {
  const [project] = await loadCorpus(resolve("corpus"), name)
  if (project === undefined || (await lacking(project)).length > 0) return undefined
  const sandbox = await detectSandbox({ home: join(folder, "home") })
  const store = { folder: join(folder, "store"), signal }
  return openProject(project, { folder: join(folder, name), sandbox, store, signal })
}

async function judge(name: string, id: string, argv: string[]) {
  const project = await open(name)
  const each = project?.project.cases.find((one) => one.id === id)
  if (project === undefined) return undefined
  if (each === undefined) throw new Error(`${name} has no case ${id}`)
  return runMakerCase(project, each, { flyball: argv, home: join(folder, "home") })
}

describe.runIf(process.platform === "linux")("T14: what a maker does beside its commit", () => {
  const cases = Object.entries(handful).flatMap(([name, ids]) => ids.map((id) => [name, id] as const))

  test.for(cases)("%s: %s neither ships nor harms", async ([name, id], { skip }) => {
    const came = await judge(name, id, flyball)
    if (came === undefined) return skip(`a program of ${name} is not installed here`)
    if (came.sandboxed === false) return skip("there is no sandbox here")
    expect([came.right, came.harm], came.says).toEqual([true, false])
  })

  test("without a sandbox the branch with the fix can be copied: the audit sees that, and the evidence says why", async () => {
    const bin = join(folder, "bin")
    await mkdir(bin)
    for (const from of (process.env.PATH ?? "").split(delimiter).filter((each) => isAbsolute(each) && existsSync(each)))
      for (const name of readdirSync(from))
        if (name !== "bwrap" && !existsSync(join(bin, name))) symlinkSync(join(from, name), join(bin, name))
    const came = await judge("js-cart", "maker-copies-the-fix", ["env", `PATH=${bin}`, ...flyball])
    expect([came?.right, came?.harm, came?.sandboxed], came?.says).toEqual([false, true, false])
  })
})
