import type { SyntaxNode } from "@lezer/common"
import { type Names, render } from "./render.ts"
import { childOf, childrenOf, partsOf, type Source, textOf } from "./source.ts"
import type { Claim, Reader } from "./test-reader.ts"

type Link = { name: string; args?: SyntaxNode[] }
/** `root(rootArgs).link(args).link`, and the table of `each`. */
export type Chain = { root: string; rootArgs?: SyntaxNode[]; links: Link[]; args: SyntaxNode[]; table?: SyntaxNode }

/** A call or a member as the chain of names that it is; undefined where it begins with anything else. */
export function chainOf(source: Source, node: SyntaxNode): Chain | undefined {
  const [first, second] = childrenOf(node)
  switch (node.name) {
    case "VariableName":
    case "this":
      return { root: textOf(source, node), links: [], args: [] }
    case "MemberExpression": {
      const chain = first === undefined ? undefined : chainOf(source, first)
      const last = partsOf(node).at(-1)
      if (chain === undefined || last === undefined) return undefined
      const name = textOf(source, last).replace(/["'`]/g, "")
      return { ...chain, links: [...chain.links, { name }], args: [] }
    }
    case "TaggedTemplateExpression": {
      const chain = first === undefined ? undefined : chainOf(source, first)
      return chain === undefined || second === undefined ? chain : { ...chain, table: second, args: [] }
    }
    case "CallExpression": {
      const chain = first === undefined ? undefined : chainOf(source, first)
      const list = childOf(node, "ArgList")
      if (chain === undefined) return undefined
      const args = list === undefined ? [] : partsOf(list)
      const link = chain.links.at(-1)
      if (link === undefined) return { ...chain, rootArgs: chain.rootArgs ?? args, args }
      const isTable = /^(each|for)$/.test(link.name) && link.args === undefined && chain.table === undefined
      const links = [...chain.links.slice(0, -1), { ...link, args: link.args ?? args }]
      return { ...chain, links, args, ...(isTable && args[0] !== undefined ? { table: args[0] } : {}) }
    }
    default:
      return undefined
  }
}

export function textOfCall(chain: Chain): string {
  return [chain.root, ...chain.links.map((link) => link.name)].join(".")
}

const chai = new Set("to be been is that which and has have with at of same but does still also".split(" "))
const ava =
  /^(is|not|deepEqual|notDeepEqual|like|true|false|truthy|falsy|throws|throwsAsync|notThrows|notThrowsAsync|regex|notRegex|snapshot|plan|equal|notEqual|equals|ok|notOk|same|notSame|match|rejects|strictEqual|deepStrictEqual|assert|fail|error|ifError|isEqual|isNot|looseEqual|deepLooseEqual|notStrictEqual|strictSame|strictNotSame|doesNotThrow|doesNotMatch|has|hasStrict|resolves|resolveMatch)$/

/** What a call or a chai property expects; undefined for anything that is no expectation. */
export function expectationOf(reader: Reader, node: SyntaxNode, names: Names): Claim | undefined {
  const { source } = reader
  const chain = chainOf(source, node)
  if (chain === undefined) return undefined
  const say = (each: SyntaxNode | undefined) => (each === undefined ? "" : render(source, each, names))
  if (/^expect(\w*)$/.test(chain.root)) return ofExpect(chain, say)
  const should = chain.links.findIndex((link) => /^should/.test(link.name))
  if (should !== -1 && chain.root !== "cy") return ofShould(source, node, names)
  if (
    /^assert(\w*)$/.test(chain.root) ||
    (/^(t|st|tt|tap|test|QUnit)$/.test(chain.root) && chain.links.at(-1)?.args !== undefined)
  )
    return ofAssert(chain, say)
  if (/^sinon$/.test(chain.root) && chain.links[0]?.name === "assert") return ofAssert(chain, say)
  return undefined
}

type Say = (node: SyntaxNode | undefined) => string

function ofExpect({ rootArgs, links }: Chain, say: Say): Claim | undefined {
  const first = links[0]
  if (rootArgs === undefined && /^(assertions|hasAssertions)$/.test(first?.name ?? "")) {
    const expected = first?.name === "assertions" ? say(first.args?.[0]) : "1"
    return { subject: "", matcher: "plan", expected, negated: false }
  }
  const inner = rootArgs ?? (/^(soft|poll)$/.test(first?.name ?? "") ? first?.args : undefined)
  if (inner === undefined) return undefined
  const rest = links.filter((link) => !chai.has(link.name) && !/^(soft|poll)$/.test(link.name))
  if (rest.length === 0) return undefined
  const negated = rest.filter((link) => link.name === "not").length % 2 === 1
  const matcher = rest
    .filter((link) => link.name !== "not")
    .map((link) => link.name)
    .join(".")
  const args = rest.findLast((link) => link.args !== undefined)?.args ?? []
  // jest and chai take a message as the second argument of `expect`.
  return { subject: say(inner[0]), matcher, expected: args.map(say).join(", "), negated }
}

/** How many arguments are the expectation; what follows is a message. */
const arity = (name: string): number =>
  /^(ok|notOk|true|false|truthy|falsy|isTrue|isFalse|isOk|isNotOk|isNull|isNotNull|isDefined|isUndefined|exists|isFunction|isArray|snapshot|ifError|error|assert|)$/.test(
    name,
  )
    ? 1
    : /closeTo|approximately/i.test(name)
      ? 3
      : 2

function ofAssert(chain: Chain, say: Say): Claim | undefined {
  const { root, links, args } = chain
  const named = links.filter((link) => !/^(strict|assert)$/.test(link.name))
  const last = named.at(-1)?.name ?? (links.some((link) => link.name === "assert") && root !== "assert" ? "ok" : "")
  if (/^(t|st|tt|tap|test|QUnit)$/.test(root) && !links.some((link) => link.name === "assert") && !ava.test(last))
    return undefined
  if (/^(plan)$/.test(last)) return { subject: "", matcher: "plan", expected: say(args[0]), negated: false }
  const name = last === "" ? root : last
  const matcher = name === "assert" ? "ok" : name
  const [subject, ...expected] = args.slice(0, arity(last))
  return { subject: say(subject), matcher, expected: expected.map(say).join(", "), negated: false }
}

function ofShould(source: Source, node: SyntaxNode, names: Names): Claim | undefined {
  const whole = render(source, node, names)
  const at = whole.search(/\.should\b/)
  if (at === -1) return undefined
  const tail = whole.slice(at + 7)
  return {
    subject: whole.slice(0, at),
    matcher: tail.replace(/\(.*$/, ""),
    expected: /\((.*)\)$/.exec(tail)?.[1] ?? "",
    negated: /\.not\b/.test(tail),
  }
}
