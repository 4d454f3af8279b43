import type { SyntaxNode } from "@lezer/common"
import { type Names, render } from "./render.ts"
import { childOf, childrenOf, partsOf, textOf } from "./source.ts"
import type { Claim, Reader } from "./test-reader.ts"

/** What an `assert` statement expects: one claim for each side of an `and`. */
export function claimsOf(reader: Reader, statement: SyntaxNode, names: Names): Claim[] {
  const [, condition] = childrenOf(statement)
  return condition === undefined ? [] : claims(reader, condition, names, false)
}

function claims(reader: Reader, given: SyntaxNode, names: Names, negated: boolean): Claim[] {
  const { source } = reader
  const node = unwrapped(given)
  const say = (each: SyntaxNode) => render(source, each, names)
  const [first, operator, ...rest] = childrenOf(node)
  if (node.name === "UnaryExpression" && first?.name === "not" && operator !== undefined)
    return claims(reader, operator, names, !negated)
  if (node.name !== "BinaryExpression" || first === undefined || operator === undefined)
    return [{ subject: say(node), matcher: "truthy", expected: "", negated }]
  const right = rest.at(-1)
  if (operator.name === "and" && !negated && right !== undefined)
    return [...claims(reader, first, names, negated), ...claims(reader, right, names, negated)]
  // `is not` and `not in` are two words.
  const words = [operator, ...rest.slice(0, -1)].map((each) => textOf(source, each)).join(" ")
  if (right === undefined || !/^(==|!=|<|>|<=|>=|in|is|is not|not in)$/.test(words))
    return [{ subject: say(node), matcher: "truthy", expected: "", negated }]
  return [{ subject: say(first), matcher: words, expected: say(right), negated }]
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  const [inner] = partsOf(node)
  return node.name === "ParenthesizedExpression" && inner !== undefined ? unwrapped(inner) : node
}

const unary = /^assert(True|False|IsNone|IsNotNone|_called\w*|_not_called|_any_call|_has_calls|_awaited\w*)$/i

/** What a call expects: unittest's methods, `pytest.raises`, numpy's and mock's assertions. */
export function pythonClaim(reader: Reader, node: SyntaxNode, names: Names): Claim | undefined {
  const { source } = reader
  const callee = node.firstChild
  const list = childOf(node, "ArgList")
  if (callee === null || list === undefined) return undefined
  const name = textOf(source, callee).replace(/\s+/g, "")
  const method = name.split(".").at(-1) ?? ""
  const args = argumentsOf(reader, list, names)
  if (
    /^pytest\.(raises|warns|deprecated_call)$|(^|\.)(assertRaises|assertRaisesRegex|assertWarns|assertWarnsRegex|assertLogs)$/.test(
      name,
    )
  )
    return { subject: "", matcher: "raises", expected: args.join(", "), negated: false }
  if (/^(self|cls)\.fail$|^pytest\.fail$/.test(name))
    return { subject: "", matcher: "reached", expected: "", negated: false }
  if (!/^assert/.test(method)) return undefined
  if (/^assert_(called|not_called|any_call|has_calls|awaited)/.test(method))
    return { subject: name.slice(0, -method.length - 1), matcher: method, expected: args.join(", "), negated: false }
  const [subject = "", ...rest] = args
  // What follows the two sides is a message, but for tolerances, which are named.
  const expected = unary.test(method)
    ? []
    : rest.filter(
        (arg, index) =>
          index === 0 || /^(places|delta|rtol|atol|rel|abs)=/.test(arg) || (index === 1 && /almost/i.test(method)),
      )
  return { subject, matcher: method, expected: expected.join(", "), negated: false }
}

/** The arguments as text; named ones as `name=value`. */
function argumentsOf({ source }: Reader, list: SyntaxNode, names: Names): string[] {
  const groups: SyntaxNode[][] = [[]]
  for (const part of childrenOf(list).slice(1, -1)) {
    if (part.name === ",") groups.push([])
    else groups.at(-1)?.push(part)
  }
  return groups
    .filter((group) => group.length > 0)
    .map((group) =>
      group
        .map((part, index) => (index === 0 && group.length > 1 ? textOf(source, part) : render(source, part, names)))
        .join(""),
    )
}
