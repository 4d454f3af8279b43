import { cp, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterEach, expect, test } from "vitest"
import { recordDemo } from "../scripts/record-demo.ts"
import { git } from "../src/lib/git.ts"
import { run } from "../src/lib/process.ts"
import { loadRecording } from "../src/make/recording.ts"

/*
 * The demo stands on these: what is broken in examples/shop, what each recorded edit makes of it, and that the two
 * tests of the story fail for the reasons it gives. Real git, the real runner, the real linter.
 */

const shop = resolve("examples/shop")
const patches = resolve("examples/shop-demo/patches")

const bracket = "a parcel of exactly 2 kg still pays the 2 kg rate"
const cent = "no cent is lost when an amount does not divide"
const weekend = "a weekend on the way does not count as working days"
const number = "invoice numbers carry over to the next ten"
const gift = "what has no weight gets no share"
const all = [weekend, number, cent, bracket]

const cases: { name: string; apply: string[]; baseTests?: boolean; red: string[] }[] = [
  { name: "the base has four broken tests, one for each defect", apply: [], red: all },
  {
    name: "the parcel's bracket is mended at once",
    apply: ["parcel-bracket.1"],
    red: all.filter((id) => id !== bracket),
  },
  {
    name: "the first try for the lost cent breaks a neighbour",
    apply: ["lost-cent.1"],
    red: [...all.filter((id) => id !== cent), gift],
  },
  {
    name: "the second try for the lost cent breaks nothing",
    apply: ["lost-cent.1", "lost-cent.2"],
    red: all.filter((id) => id !== cent),
  },
  {
    name: "an edited expectation looks green by itself",
    apply: ["weekend.1"],
    red: all.filter((id) => id !== weekend),
  },
  { name: "an edited expectation is red with the base's tests", apply: ["weekend.1"], baseTests: true, red: all },
  {
    name: "a loosened assertion looks green by itself",
    apply: ["weekend.1", "weekend.2"],
    red: all.filter((id) => id !== weekend),
  },
  {
    name: "a loosened assertion is red with the base's tests",
    apply: ["weekend.1", "weekend.2"],
    baseTests: true,
    red: all,
  },
  {
    name: "the third try goes back to the first",
    apply: ["weekend.1", "weekend.2", "weekend.3"],
    baseTests: true,
    red: all,
  },
  { name: "an honest fix of the weekend exists", apply: ["weekend.honest"], red: all.filter((id) => id !== weekend) },
  {
    name: "the colleague's commit mends the invoice number",
    apply: ["invoice-number.main"],
    red: all.filter((id) => id !== number),
  },
  {
    name: "all good fixes together leave nothing broken",
    apply: ["invoice-number.main", "parcel-bracket.1", "lost-cent.1", "lost-cent.2", "weekend.honest"],
    red: [],
  },
]

let folder: string | undefined

afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

test.each(cases)("$name", async ({ apply, baseTests = false, red }) => {
  const cwd = await copyOfTheShop()
  for (const name of apply) await git(["apply", "--index", join(patches, `${name}.patch`)], { cwd })
  if (baseTests) await git(["checkout", "HEAD", "--", "test"], { cwd })
  expect(await redTests(cwd)).toEqual([...red].sort())
  expect(await lint(cwd)).toEqual({ exitCode: 0, warned: false })
})

test("the recorded sessions are what `npm run record-demo` writes from the patches", async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-example-"))
  const recorded = resolve("examples/shop-demo/sessions")
  const there = (await readdir(recorded)).sort()
  expect(await recordDemo(folder)).toEqual(there)
  for (const file of there) {
    expect(await readFile(join(recorded, file), "utf8"), file).toBe(await readFile(join(folder, file), "utf8"))
  }
})

test("the recording can be loaded, and no session is there twice", async () => {
  const sessions = await loadRecording(resolve("examples/shop-demo/sessions"))
  const keys = sessions.map(({ file }) => `${file.role} ${file.finding} ${file.attempt}`)
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.length).toBe(8)
})

async function copyOfTheShop(): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), "flyball-example-"))
  await cp(shop, folder, { recursive: true, filter: (source) => !source.endsWith("node_modules") })
  await symlink(resolve("node_modules"), join(folder, "node_modules"))
  const cwd = folder
  await git(["init", "--quiet", "--initial-branch=main"], { cwd })
  await git(["add", "--all"], { cwd })
  await git(["-c", "user.name=shop", "-c", "user.email=shop@localhost", "commit", "--quiet", "-m", "base"], { cwd })
  return cwd
}

async function redTests(cwd: string): Promise<string[]> {
  const ran = await run([process.execPath, "--test", "--test-reporter=tap"], { cwd, env: plain(), timeoutMs: 60_000 })
  expect(ran.stdout).toMatch(/^# tests 29$/m)
  return [...ran.stdout.matchAll(/^\s*not ok \d+ - (.+)$/gm)].map(([, name = ""]) => name).sort()
}

async function lint(cwd: string): Promise<{ exitCode: number | null; warned: boolean }> {
  const ran = await run([resolve("node_modules/.bin/biome"), "lint", "."], { cwd, env: plain(), timeoutMs: 60_000 })
  return { exitCode: ran.exitCode, warned: /Found \d+ warning/.test(ran.stdout + ran.stderr) }
}

function plain(): Record<string, string> {
  return { PATH: `${resolve(process.execPath, "..")}:/usr/bin:/bin`, HOME: folder ?? tmpdir(), LC_ALL: "C" }
}
