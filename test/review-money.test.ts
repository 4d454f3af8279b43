import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { readEvents } from "../src/record/ledger.ts"
import { spentSince } from "../src/record/money.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, look, only, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

/*
 * What a review costs that does not come to its end. Two of a panel answer at once; the third waits for a file that it can't
 * write itself. Each costs $0.40.
 */

sharedHome()
const accepts = `echo '{"verdict":"accept","reasons":["looked at it"]}'`
const waits = `until test -e go; do sleep 0.1; done; ${accepts}`
const member = (name: string, command: string) => ({
  [`.flyball/agents/${name}.md`]: `---\nname: ${name}\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}\ncost: $0.40/attempt\n---\n`,
})
const panel = (check: string, guardrails = "max_iterations: 2, budget: $5/run") => ({
  ...quickProject({
    maker: fixes,
    verify: "{ layers: [ { check: slow AND diff_reasonable }, { agent: [first, second, third] } ] }",
    guardrails,
  }),
  ".flyball/checks.yaml": `n1: { run: grep -q fixed work/n1.txt, kind: exit }\nslow: { run: "${check}", kind: exit }\n`,
  ...member("first", `: first; ${accepts}`),
  ...member("second", `: second; ${accepts}`),
  ...member("third", `: third; ${waits}`),
})

const dataDirOf = (repo: SmallRepo) => look(repo, async (session) => session.repo.dataDir)
const spentIn = (repo: SmallRepo) => look(repo, ({ db, repo: { key } }) => spentSince(db, { repo: key }))
const unsettled = (repo: SmallRepo) =>
  look(repo, ({ db }) => db.selectFrom("money").selectAll().where("settled_usd", "is", null).execute())
const untilTwoSaid = async (dataDir: string) => {
  const given = async () =>
    (await readdir(join(dataDir, "opinions")).catch(() => [])).filter((name) => /json$/.test(name))
  await vi.waitUntil(async () => (await given()).length === 4, { timeout: 40_000, interval: 50 })
}
const letThirdGo = async (dataDir: string) => {
  const checkouts = join(dataDir, "checkouts")
  for (const name of await readdir(checkouts).catch(() => []))
    if (name.includes("reviewer")) await writeFile(join(checkouts, name, "tree", "go"), "").catch(() => {})
}
/** Goes on, and lets the third answer whenever it is asked. */
async function goesOn(repo: SmallRepo) {
  const dataDir = await dataDirOf(repo)
  const letting = setInterval(() => void letThirdGo(dataDir), 300)
  const ran = await runFix(repo).finally(() => clearInterval(letting))
  return { ...ran, view: only(ran) }
}

test("interrupted while checks run, a review costs nothing: nobody was asked", async () => {
  await using repo = await smallRepo(panel("! test -e work/n1.txt || ! grep -q fixed work/n1.txt || sleep 3"))
  const stop = new AbortController()
  const run = runFix(repo, {
    signal: stop.signal,
    progress: ({ text }) => {
      if (text.startsWith("slow")) setTimeout(() => stop.abort(new Error("interrupted")), 300)
    },
  })
  await expect(run).rejects.toThrow()
  expect(await unsettled(repo), "no reserve is left standing").toEqual([])
  expect(await spentIn(repo)).toBe(0)
  const { view, said } = await goesOn(repo)
  expect(view, said.join("\n")).toMatchObject({ outcome: "proposed", usd: expect.closeTo(1.2) })
}, 90_000)

test("interrupted three times in the same place, a review is no attempt that keeps dying", async () => {
  await using repo = await smallRepo(panel("true"))
  const dataDir = await dataDirOf(repo)
  for (let time = 0; time < 3; time++) {
    const stop = new AbortController()
    const run = runFix(repo, {
      signal: stop.signal,
      progress: ({ text }) => {
        const stops = () => stop.abort(new Error("interrupted"))
        if (/third reviews?$/.test(text)) void untilTwoSaid(dataDir).then(() => setTimeout(stops, 1_500))
      },
    })
    await expect(run).rejects.toThrow()
    expect(await unsettled(repo)).toEqual([])
  }
  // All three at first, and then the third alone, each time.
  expect(await spentIn(repo)).toBeCloseTo(1.2 + 0.4 + 0.4)
  const { view, said } = await goesOn(repo)
  expect(view, said.join("\n")).toMatchObject({ outcome: "proposed", usd: expect.closeTo(2.4) })
}, 120_000)

test("killed with -9, it is charged what was set aside; what takes its place sets aside for who is missing alone", async () => {
  // Less than all three cost is left for the second time.
  await using repo = await smallRepo(panel("true", "max_iterations: 2, budget: [$5/run, $1.99/change]"))
  const dataDir = await dataDirOf(repo)
  const first = flyball(repo.root, ["run", "fix"])
  await first.says(/first, second, third review/)
  await untilTwoSaid(dataDir)
  first.child.kill("SIGKILL")
  await first.ended
  const second = flyball(repo.root, ["run", "fix"])
  await second.says("first, second as before; third reviews")
  second.child.kill("SIGKILL")
  await second.ended
  const { view, said } = await goesOn(repo)
  expect(view, said.join("\n")).toMatchObject({ outcome: "stopped", reason: "budget", usd: expect.closeTo(1.6) })
  expect(view.question).toMatch(/\$0\.39 is left, and \$0\.40 was needed/)
  const reserves = await look(repo, async ({ db }) =>
    (await readEvents(db, view.id)).flatMap(({ body }) => (body.type === "verify.started" ? [body.reserveUsd] : [])),
  )
  expect(reserves).toEqual([expect.closeTo(1.2), expect.closeTo(0.4)])
}, 120_000)

test("what was said before and does not stand any more is asked again, with its money", async () => {
  await using repo = await smallRepo(panel("true"))
  const dataDir = await dataDirOf(repo)
  const stop = new AbortController()
  const run = runFix(repo, { signal: stop.signal })
  await untilTwoSaid(dataDir)
  stop.abort(new Error("interrupted"))
  await expect(run).rejects.toThrow()
  // Of each only that it was given is left, as if it was given of other evidence.
  const opinions = join(dataDir, "opinions")
  const seen = new Map<string, { file: string; at: number }>()
  for (const name of await readdir(opinions)) {
    const file = join(opinions, name)
    const [text, { mtimeMs: at }] = [await readFile(file, "utf8"), await stat(file)]
    const twin = seen.get(text)
    if (twin === undefined) seen.set(text, { file, at })
    else await rm(twin.at < at ? twin.file : file)
  }
  const { view, said } = await goesOn(repo)
  expect(view, said.join("\n")).toMatchObject({ outcome: "proposed", usd: expect.closeTo(2.4) })
}, 90_000)
