import { randomInt } from "node:crypto"
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
 * well compares nothing, or something of the change makes it end so.
 */
export async function exitBelieved(measured: readonly Measured[], input: LayerInput): Promise<Believed> {
  const none: Believed = { forged: [], blind: [], caveats: [] }
  const { check } = measured.find((each) => runsTests(each.check) && exitOf(each) === 0) ?? {}
  if (check === undefined) return none
  const { subject, overlay, measureTree, signal, told } = input
  const tree = await turnedTree(overlay.withoutNewTests?.tree ?? overlay.tree, input)
  if (tree === undefined) return none
  told(`${check.name}: what its tests want turned round`)
  const purpose = `${check.name}-turned-round`
  const seen = await measureTree(check, { tree, definitionsFrom: subject.base, purpose, signal })
  signal.throwIfAborted()
  return seen.result.is === "report" && seen.exitCode === 0 ? { ...none, blind: [check.name] } : none
}

function exitOf({ head }: Measured): number | null | undefined {
  return head.result.is === "report" && head.result.report.kind === "exit" ? head.exitCode : undefined
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
