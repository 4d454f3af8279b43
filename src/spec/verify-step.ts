import { checksOf } from "../core/check-expr.ts"
import type { CheckExpr, Layer } from "../core/loop.ts"
import { looksLikeWords, readWords } from "./check-words.ts"
import { reading } from "./misread.ts"
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
    if (verify.raw.check !== undefined || verify.raw.agent !== undefined)
      complain(source, [...verify.path, verify.raw.check === undefined ? "agent" : "check"], {
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
  if (verify?.raw.agent !== undefined) layers.push(readAgentLayer(reader, verify.raw.agent, [...verify.path, "agent"]))
  if (elsewhere !== undefined && verify !== undefined)
    complain(source, ["evaluation", "layers"], {
      code: "SAID_TWICE",
      part: "key",
      message: "`evaluation.layers` and a `verify` step say the same thing in two places.",
      hint: "Keep `verify`.",
    })
  else if (elsewhere !== undefined) layers.push(...(await readLayers(reader, elsewhere, ["evaluation", "layers"])))
  return withMetrics(raw, withGoal(reader, raw, layers))
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
    if (layer.agent !== undefined) layers.push(readAgentLayer(reader, layer.agent, [...at, "agent"]))
    if (layer.approve === undefined) continue
    if (layer.approve.by === undefined) missing(reader.source, [...at, "approve"], "by", 'by: "@payments"')
    const when = await readCel(reader.source, [...at, "approve", "when"], layer.approve.when, "when")
    layers.push({ by: "approve", who: layer.approve.by ?? "", ...(when === undefined ? {} : { when }) })
  }
  return layers
}

function readAgentLayer(reader: Reading, agent: string, path: Path): Layer {
  reader.mentions.agents.push({ name: agent.trim(), path, role: "reviewer" })
  return { by: "agent", agent: agent.trim() }
}

function readCheckLayer(reader: Reading, text: string, path: Path): Layer[] {
  const words = reading(reader.source, path, "BAD_CHECK", text, readWords)
  if (words === undefined) return []
  for (const { name, offset } of words.mentions)
    reader.mentions.checks.push({ name, path, at: { value: text, offset, length: name.length } })
  return [{ by: "check", expr: words.expr }]
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
