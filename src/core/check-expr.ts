import type { CheckExpr } from "./loop.ts"

/** What is known of a check: an error, a skip and a missing answer are all `unknown`, which nothing turns into a pass. */
export type Known = "pass" | "fail" | "unknown"

/** `AND`, `OR` and `NOT` in three-valued logic; an empty list of operands is `unknown`, never vacuously true. */
export function evaluate(expr: CheckExpr, knownOf: (check: string) => Known): Known {
  if ("check" in expr) return knownOf(expr.check)
  if ("not" in expr) return opposite(evaluate(expr.not, knownOf))
  const operands = ("and" in expr ? expr.and : expr.or).map((operand) => evaluate(operand, knownOf))
  if (operands.length === 0) return "unknown"
  const decisive = "and" in expr ? "fail" : "pass"
  if (operands.includes(decisive)) return decisive
  return operands.includes("unknown") ? "unknown" : opposite(decisive)
}

/** A check that an expression names; `wanted` is false under an odd number of NOTs. */
export type Leaf = { check: string; wanted: "pass" | "fail" }

/** The checks that keep an expression from passing: those that would have to change for it to pass. */
export function obstacles(expr: CheckExpr, knownOf: (check: string) => Known, wanted: Leaf["wanted"] = "pass"): Leaf[] {
  if ("check" in expr) return knownOf(expr.check) === wanted ? [] : [{ check: expr.check, wanted }]
  if ("not" in expr) return obstacles(expr.not, knownOf, wanted === "pass" ? "fail" : "pass")
  const operands = "and" in expr ? expr.and : expr.or
  if (evaluate(expr, knownOf) === wanted) return []
  return operands.flatMap((operand) => obstacles(operand, knownOf, wanted))
}

/** The names an expression holds, each once, in the order written. */
export function checksOf(expr: CheckExpr): string[] {
  if ("check" in expr) return [expr.check]
  if ("not" in expr) return checksOf(expr.not)
  return [...new Set(("and" in expr ? expr.and : expr.or).flatMap(checksOf))]
}

function opposite(known: Known): Known {
  if (known === "unknown") return "unknown"
  return known === "pass" ? "fail" : "pass"
}
