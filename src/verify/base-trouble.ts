import { checksOf, evaluate } from "../core/check-expr.ts"
import type { CheckSpec, Layer } from "../core/loop.ts"
import type { Prober } from "../core/ports.ts"
import { changeChecks } from "./checks/index.ts"

export type BaseOptions = {
  layers: readonly Layer[]
  checks: Readonly<Record<string, CheckSpec>>
  prober: Prober
  /** The base commit. */
  base: string
  signal: AbortSignal
}

/**
 * Why no change can pass here: a layer needs a check that can't be measured on the base itself, so that whatever a maker
 * does comes to the same error (catalogue T12). Known before any maker is woken; undefined where every layer can pass.
 */
export async function baseTrouble({ layers, checks, prober, base, signal }: BaseOptions): Promise<string | undefined> {
  for (const layer of layers) {
    if (layer.by !== "check") continue
    const troubles = new Map<string, string>()
    for (const name of checksOf(layer.expr)) {
      if (Object.hasOwn(changeChecks, name)) continue
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined
      // What nobody can run is the gate's to tell, with what would mend it.
      if (check?.run === undefined) continue
      const { result } = await prober.measure(check, base, signal)
      if (result.is === "error") troubles.set(name, `\`${name}\` can't be measured on the base: ${result.why}`)
    }
    const best = evaluate(layer.expr, (name) => (troubles.has(name) ? "unknown" : "pass"))
    const worst = evaluate(layer.expr, (name) => (troubles.has(name) ? "unknown" : "fail"))
    if (troubles.size > 0 && best === "unknown" && worst !== "pass") return [...troubles.values()].join("\n")
  }
  return undefined
}
