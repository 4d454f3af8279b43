import { checksOf } from "../core/check-expr.ts"
import type { CheckExpr, Layer } from "../core/loop.ts"
import { looksLikeWords, readWords } from "./check-words.ts"
import { reading } from "./misread.ts"
import { readReviewers } from "./reviewers.ts"
import type { RawLayer, RawLoop } from "./shape.ts"
import { complain, type Path } from "./source-file.ts"
import { missing, type Reading, readCel } from "./step-parts.ts"

type RawVerify = NonNullable<NonNullable<RawLoop["steps"]>[number]["verify"]>

/** The layers of verification, from whichever place says them: `verify`, `evaluation.layers`, `goal.done_when`. */
export async function readVerify(
  reader: Reading,
  raw: RawLoop,
  verify: { raw: RawVerify; path: Path } | undefined,
): Promise<Layer[]> {
  const { source } = reader
  const elsewhere = raw.evaluation?.layers
  const layers: Layer[] = []
  if (verify?.raw.layers !== undefined) {
    const beside = (["check", "agent", "quorum"] as const).find((key) => verify.raw[key] !== undefined)
    if (beside !== undefined)
      complain(source, [...verify.path, beside], {
        code: "SAID_TWICE",
        part: "key",
        message: "`verify` has `layers` and this beside them.",
        hint: "Make it one of the layers.",
      })
    layers.push(...(await readLayers(reader, verify.raw.layers, [...verify.path, "layers"])))
  }
  // Cheap to dear: the checks before the reviewer, in whatever order they are written.
  if (verify?.raw.check !== undefined)
    layers.push(...readCheckLayer(reader, verify.raw.check, [...verify.path, "check"]))
  if (verify !== undefined && (verify.raw.layers === undefined || verify.raw.agent !== undefined))
    layers.push(...readReviewers(reader, verify.raw, verify.path))
  if (elsewhere !== undefined && verify !== undefined)
    complain(source, ["evaluation", "layers"], {
      code: "SAID_TWICE",
      part: "key",
      message: "`evaluation.layers` and a `verify` step say the same thing in two places.",
      hint: "Keep `verify`.",
    })
  else if (elsewhere !== undefined) layers.push(...(await readLayers(reader, elsewhere, ["evaluation", "layers"])))
  return withEvaluator(reader, raw, withMetrics(raw, withGoal(reader, raw, layers)))
}

/** The goal's metrics are a check like any other: after the others, before anybody's opinion, unless a layer names it. */
function withMetrics(raw: RawLoop, layers: Layer[]): Layer[] {
  const named = layers.some((layer) => layer.by === "check" && checksOf(layer.expr).includes("goal_metrics"))
  if ((raw.goal?.metrics ?? []).length === 0 || named) return layers
  const lastCheck = layers.findLastIndex(({ by }) => by === "check")
  return layers.toSpliced(lastCheck + 1, 0, { by: "check", expr: { check: "goal_metrics" } })
}

async function readLayers(reader: Reading, raw: RawLayer[], path: Path): Promise<Layer[]> {
  const layers: Layer[] = []
  for (const [index, layer] of raw.entries()) {
    const at = [...path, index]
    const kinds = (["check", "agent", "approve"] as const).filter((kind) => layer[kind] !== undefined)
    if (kinds.length > 1)
      complain(reader.source, [...at, kinds[1] ?? ""], {
        code: "LAYER_SHAPE",
        part: "key",
        message: "A layer is one of check, agent, approve.",
        hint: `Make it a layer of its own: \`- ${kinds[1]}:\``,
      })
    if (layer.check !== undefined) layers.push(...readCheckLayer(reader, layer.check, [...at, "check"]))
    layers.push(...readReviewers(reader, layer, at))
    if (layer.approve === undefined) continue
    if (layer.approve.by === undefined) missing(reader.source, [...at, "approve"], "by", 'by: "@payments"')
    const when = await readCel(reader.source, [...at, "approve", "when"], layer.approve.when, "when")
    layers.push({ by: "approve", who: layer.approve.by ?? "", ...(when === undefined ? {} : { when }) })
  }
  return layers
}

function readCheckLayer(reader: Reading, text: string, path: Path): Layer[] {
  const words = reading(reader.source, path, "BAD_CHECK", text, readWords)
  if (words === undefined) return []
  for (const { name, offset } of words.mentions)
    reader.mentions.checks.push({ name, path, at: { value: text, offset, length: name.length } })
  return [{ by: "check", expr: words.expr }]
}

/** Who says whether the goal is reached comes after all else but a person's approval. */
function withEvaluator({ source, mentions, knownChecks }: Reading, { goal }: RawLoop, layers: Layer[]): Layer[] {
  const agent = goal?.evaluator?.trim()
  if (agent === undefined) return layers
  const path = ["goal", "evaluator"]
  mentions.agents.push({ name: agent, path, role: "evaluator" })
  if (goal?.done_when === undefined)
    complain(source, path, {
      code: "MISSING_KEY",
      part: "key",
      message: "The evaluator has nothing to hold the work against: the goal has no `done_when`.",
      hint: "goal: { done_when: every public function is documented, evaluator: evaluator }",
    })
  else if (isWords(goal.done_when, knownChecks))
    complain(source, path, {
      code: "NEEDLESS_KEY",
      severity: "warning",
      part: "key",
      message: "`done_when` names checks, which say by themselves whether it holds: an evaluator adds its cost alone.",
      hint: "Say in `done_when` what no check can see, or leave the evaluator out.",
    })
  const before = layers.findLastIndex(({ by }) => by !== "approve")
  return layers.toSpliced(before + 1, 0, { by: "evaluator", agent })
}

/** `done_when` in words is a layer too, unless what it says is demanded already. */
function withGoal(reader: Reading, raw: RawLoop, layers: Layer[]): Layer[] {
  const text = raw.goal?.done_when
  if (text === undefined || !isWords(text, reader.knownChecks)) return layers
  const [layer] = readCheckLayer(reader, text, ["goal", "done_when"])
  if (layer === undefined || layer.by !== "check") return layers
  const demanded = new Set(layers.flatMap((other) => (other.by === "check" ? conjuncts(other.expr) : [])))
  return conjuncts(layer.expr).every((part) => demanded.has(part)) ? layers : [layer, ...layers]
}

function conjuncts(expr: CheckExpr): string[] {
  return "and" in expr ? expr.and.flatMap(conjuncts) : [JSON.stringify(expr)]
}

/** Whether `done_when` names checks; one word alone does only if a check has that name, else it is prose. */
function isWords(text: string, knownChecks: ReadonlySet<string>): boolean {
  return looksLikeWords(text) && (/\b(AND|OR|NOT)\b/.test(text) || knownChecks.has(text.replace(/[()\s]/g, "")))
}
