import { randomInt } from "node:crypto"
import type { Measurement } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { tryGit } from "../../lib/git.ts"
import { treeWithText } from "../edit-tree.ts"
import { type Measured, runsTests } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { isCode } from "../paths.ts"
import { readTexts } from "../texts.ts"
import type { Believed } from "./believed.ts"
import { turnedOutput, turnedProgram } from "./turn-text.ts"

const MAX_FILES = 20
const MAX_CHARS = 200_000

/**
 * Whether an exit code can be believed: what its tests want is made wrong all at once, on the change. A check that still ends
 * well compares nothing, or something of the change makes it end so; but one that ends well on the turned base too has
 * nothing to do with the tests, and neither has what is no test by its name and words: a build, a linter, a search.
 */
export async function exitBelieved(measured: readonly Measured[], input: LayerInput): Promise<Believed> {
  const none: Believed = { forged: [], blind: [], caveats: [] }
  const { check, base } = measured.find((each) => saysTests(each.check) && exitOf(each.head) === 0) ?? {}
  if (check === undefined) return none
  const { subject, overlay, measureTree, signal, told } = input
  const endsWell = async (tree: string, purpose: string) => {
    const turned = await turnedTree(tree, input)
    if (turned === undefined) return false
    const asked = { tree: turned, definitionsFrom: subject.base, purpose: `${check.name}-${purpose}`, signal }
    const seen = await measureTree(check, asked)
    signal.throwIfAborted()
    return exitOf(seen) === 0
  }
  told(`${check.name}: what its tests want turned round`)
  if (!(await endsWell(overlay.withoutNewTests?.tree ?? overlay.tree, "turned-round"))) return none
  if (exitOf(base) === 0 && (await endsWell(`${subject.base}^{tree}`, "base-turned-round")))
    return { ...none, caveats: [`${check.name} ends well whatever the tests want, without the change too.`] }
  return { ...none, blind: [check.name] }
}

/** Whether a check that is known by its exit code is there to run tests. */
function saysTests(check: CheckSpec): boolean {
  if (!runsTests(check)) return false
  return /(?:^|[^a-z])(?:tests?|specs?|prove|bats|busted|phpunit|pest|ctest|tox|nox|make check)(?:[^a-z]|$)/i.test(
    `${check.name} ${"run" in check ? check.run : ""}`.replace(/_/g, " "),
  )
}

function exitOf(measured: Measurement | undefined): number | null | undefined {
  return measured?.result.is === "report" && measured.result.report.kind === "exit" ? measured.exitCode : undefined
}

/** The tree with every test file and expected output turned; undefined where there is none that could be. */
async function turnedTree(tree: string, { facts }: LayerInput): Promise<string | undefined> {
  const { repo, isTest, gateFiles, signal } = facts
  const listed = await tryGit(["ls-tree", "-r", "-z", "--full-tree", tree], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  const files = listed.stdout.split("\0").flatMap((line): { mode: string; id: string; path: string }[] => {
    const [, mode, id, path] = /^(100\d+) blob ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? []
    if (mode === undefined || id === undefined || path === undefined) return []
    const isScript = gateFiles.some((file) => file.as === "script" && file.shell && file.is(path))
    return isTest(path) || isScript ? [{ mode, id, path }] : []
  })
  const chosen = files.slice(0, MAX_FILES)
  const texts = await readTexts(
    repo,
    chosen.map(({ id }) => id),
    signal,
  )
  let turned: string | undefined
  for (const { mode, id, path } of chosen) {
    const text = texts.get(id) ?? ""
    const isProgram = isCode(path) || /^#!/.test(text) || /\.(pl|t|lua|bats|tcl|r|jl)$/i.test(path)
    if (text.length > MAX_CHARS || text.includes("\0")) continue
    const isOutput = /expect|golden|want|\.(out|exp|ok|snap)$/i.test(path)
    const after = isProgram
      ? turnedProgram(path, text, { random })
      : isOutput
        ? turnedOutput(text, { random })
        : undefined
    if (after !== undefined) turned = await treeWithText(turned ?? tree, { path, mode, text: after }, facts)
  }
  return turned
}

const random = () => randomInt(2 ** 32) / 2 ** 32
