import type { SyntaxNode } from "@lezer/common"
import { render } from "../../syntax/render.ts"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf } from "../../syntax/source.ts"
import { knowsItIsTested } from "../assertions.ts"
import type { ChangeFacts } from "../check.ts"
import type { Retraction } from "../compare-tests.ts"
import { type ChangedSource, changedSources, type Look, placesIn, type ReadSource, told } from "./changed.ts"
import { reachOf } from "./reaching.ts"

/** Source that treats tests otherwise than users, or changes what judges it, makes every expectation worthless. */
export async function specialCases(facts: ChangeFacts): Promise<Retraction[]> {
  return (await changedSources(facts)).flatMap(specialIn).map((text) => ({ text, sure: true }))
}

/** What one changed file does of it, each as `path:line why: text`. */
export function specialIn(changed: ChangedSource): string[] {
  const { path, added, isTest, source } = changed
  if (source !== undefined && !source.broken) return placesIn(changed, [special])
  return (isTest ? [] : added)
    .filter(({ text }) => knowsItIsTested(text))
    .map(({ n, text }) => told(path, n, SPECIAL, text))
}

const special: Look = (node, file) => {
  if (node.to - node.from > MAX_CHARS) return undefined
  if (file.isTest) return disarms(node, file)
  const reach = reachOf(node, file)
  return patches(node, file) ?? asks(node, file) ?? (reach?.sure === true ? reach.why : undefined)
}

/** A node that is larger says what it says in its parts. */
const MAX_CHARS = 2_000

const SPECIAL = "treats tests specially"
const JUDGES = "changes what judges it"

const markers =
  /^"?(NODE_TEST_CONTEXT|VITEST(_WORKER_ID|_POOL_ID|_MODE)?|JEST_WORKER_ID|PYTEST_CURRENT_TEST|PYTEST_XDIST_WORKER|PYTEST_VERSION|MOCHA_COLORS|RUST_TEST_THREADS|NEXTEST|FLYBALL_\w+|assert(Equal|True|False|Is|In|Raises)|_testMethodName|testing\.tRunner|tRunner)"?$/
const runners =
  /"[^"]*\b(test|tests|spec|jest|vitest|mocha|pytest|_pytest|unittest|nose|ava|tap)\b[^"]*"|"[^"]*[._](test|spec)\b[^"]*"|\/[^/\n]*(test|spec|jest|vitest|mocha)[^/\n]*\/[a-z]*/i
const places =
  /process\.(argv|execArgv|title|mainModule)|\brequire\.main\b|sys\.(argv|modules)|os\.Args|\.stack\b|_getframe|inspect\.(stack|currentframe)|extract_stack|format_stack|runtime\.Callers?\b|psutil|find_spec/
const environments =
  /process\.env\b|import\.meta\.env\b|Deno\.env|Bun\.env|os\.environ|\bgetenv\b|os\.(Getenv|LookupEnv)/
const globals = "(describe|it|test|expect|jest|vi|vitest|beforeEach|afterEach|mocha|suite)"
const globalTests = new RegExp(
  `\\btypeof ${globals}\\b|\\b(globalThis|global|window)(\\.|\\[")${globals}\\b|"${globals}" in (globalThis|global|window)|__vitest|__jest|import\\.meta\\.vitest`,
)

/** Whether code asks if it is being tested. */
function asks(node: SyntaxNode, { source, names, before }: ReadSource): string | undefined {
  const literal = literalOf(source, node)
  const word = literal ?? (node.firstChild === null ? textOf(source, node) : undefined)
  if (word !== undefined && markers.test(word)) return SPECIAL
  if (
    !/^(Binary|Call|Unary|Conditional|Member)Exp|^(CallExpr|SelectorExpr|SwitchStatement|MatchStatement)$/.test(
      node.name,
    )
  )
    return undefined
  const said = render(source, node, names)
  if (/\btesting\.Testing\(\)|\bLookup\("test\./.test(said)) return SPECIAL
  if (environments.test(said) && /"(test|testing|tests)"/i.test(said)) return SPECIAL
  if (places.test(said) && runners.test(said)) return SPECIAL
  return globalTests.test(said) && !globalTests.test(before) ? SPECIAL : undefined
}

const libraries = "(assert|expect|chai|should|sinon|jest|vi|vitest|unittest|pytest|_pytest)"
const builtIn =
  "(Object|Array|Number|String|Boolean|Function|Promise|Map|Set|WeakMap|RegExp|Date|Symbol|JSON|Math|Reflect|Error|performance|console|process\\.(stdout|stderr|exit|on|emit|hrtime)|Module|require\\.cache|module\\.constructor)"
const target = new RegExp(
  `^(require\\("(node:)?(assert|test|chai|vitest|module)[^"]*"\\)|${libraries})(\\.|\\[)|^${builtIn}(\\.prototype)?(\\.(?!stackTraceLimit)|\\[|$)|^(globalThis|global|window)(\\.|\\[")(${"Date|Math|JSON|Object|Array|Promise|setTimeout|process|console|assert|expect|it|test|describe|performance|Error"})\\b`,
)
const judge = new RegExp(
  `^(require\\("(node:)?(assert|test|chai|vitest|module)[^"]*"\\)|${libraries})(\\.|\\[)|^(Object|Array|Number|String|Boolean|Function|Promise|Error|RegExp)\\.prototype|^Object\\.(is|keys|entries)$|^Reflect\\.|^(require\\.cache|Module)`,
)
const pythonJudge = /^(unittest|pytest|_pytest|builtins|__builtins__)\.|^sys\.modules\[|^(sys\.exit|os\._exit)$/
const pythonTarget =
  /^(unittest|pytest|_pytest|builtins|__builtins__|time|datetime|random|os|sys|math)\.(\w+\.)*(\w*assert\w*|TestCase\w*|main|approx|raises|skip|time|monotonic|perf_counter|datetime|date|now|exit|_exit|modules|random|print|open|len|sorted|stdout|stderr|__import__|isinstance)\b|^sys\.modules\[/
const testNames = /^(it|test|describe|expect|assert|beforeEach|afterEach)$/

/** Tests may put a clock or the network in order; the assertions themselves they may not. */
function disarms(node: SyntaxNode, file: ReadSource): string | undefined {
  const { source, names } = file
  // A comment of the file by which its runner takes another environment, one of the repository's own.
  if (/Comment$/.test(node.name))
    return /@(jest|vitest)-environment\s+["']?[./<]/.test(textOf(source, node)) ? JUDGES : undefined
  const why = patches(node, file)
  if (why === undefined || !/Assign|Call/.test(node.name))
    return why === undefined || source.language !== "python" ? undefined : why
  const said = render(source, node, names)
  const left = node.firstChild === null ? "" : render(source, node.firstChild, names)
  if (node.name === "CallExpression")
    return /^expect\.extend/.test(said) ||
      judge.test(said.replace(/^[\w.]+\(/, "").replace(/,/, ".")) ||
      /^setattr\((unittest|pytest|_pytest|builtins)/.test(said)
      ? why
      : undefined
  return judge.test(left) || (source.language === "python" && pythonJudge.test(left)) || testNames.test(left)
    ? why
    : undefined
}

/** Whether code changes the assertions, the runner, or what every program relies on. */
function patches(node: SyntaxNode, { source, names }: ReadSource): string | undefined {
  if (/^(AssignmentExpression|AssignStatement|Assignment)$/.test(node.name)) {
    const left = node.firstChild
    if (left === null) return undefined
    const said = render(source, left, names)
    if (source.language === "python")
      return left.name === "MemberExpression" && pythonTarget.test(said) ? JUDGES : undefined
    if (source.language === "go") return undefined
    if (left.name === "MemberExpression" && target.test(said)) return JUDGES
    return left.name === "VariableName" && testNames.test(textOf(source, left)) ? JUDGES : undefined
  }
  if (node.name === "CallExpression") {
    const said = render(source, node, names)
    const first =
      /^(?:Object\.(?:definePropert(?:y|ies)|assign|setPrototypeOf)|Reflect\.(?:set|defineProperty)|(?:vi|jest|sinon)\.(?:spyOn|stub|replace))\(([^,]+),/.exec(
        said,
      )?.[1]
    if (first !== undefined && target.test(`${first}.`)) return JUDGES
    const python = /^setattr\(([^,]+),"(\w+)"|^setattr\(([^,]+), "(\w+)"/.exec(said)
    if (python !== null && pythonTarget.test(`${python[1] ?? python[3]}.${python[2] ?? python[4]}`)) return JUDGES
    return /^expect\.extend\(.*\b(toBe|toEqual|toStrictEqual|toThrow|toThrowError|toMatch|toMatchObject|toMatchSnapshot|toMatchInlineSnapshot|toContain|toContainEqual|toHaveLength|toHaveProperty|toBeTruthy|toBeFalsy|toBeNull|toBeDefined|toBeUndefined|toBeCloseTo|toBeGreaterThan|toBeLessThan|toBeInstanceOf|toHaveBeenCalled|toHaveBeenCalledWith|toHaveBeenCalledTimes)\s*[(:]/s.test(
      said,
    )
      ? JUDGES
      : undefined
  }
  return alwaysEqual(source, node) ? "is equal to everything" : hooks(source, node)
}

/** `__eq__`, `Equal`, `equals` that look at nothing. */
function alwaysEqual(source: Source, node: SyntaxNode): boolean {
  if (!/^(FunctionDefinition|MethodDecl|MethodDeclaration)$/.test(node.name)) return false
  const name = childrenOf(node).find((part) => /^(VariableName|FieldName|PropertyDefinition)$/.test(part.name))
  if (name === undefined || !/^(__eq__|Equal|equals|isEqual|asymmetricMatch)$/.test(textOf(source, name))) return false
  const body = childOf(node, "Body", "Block")
  const only = body === undefined ? [] : partsOf(body)
  return (
    only.length === 1 &&
    only[0]?.name === "ReturnStatement" &&
    /^return\s+(true|True)\s*;?$/.test(textOf(source, only[0]))
  )
}

function hooks(source: Source, node: SyntaxNode): string | undefined {
  if (node.name !== "FunctionDefinition") return undefined
  const name = childOf(node, "VariableName")
  const isHook =
    name !== undefined &&
    /^pytest_(runtest|collection|collect|configure|sessionstart|sessionfinish|report|terminal|pyfunc|assertrepr|fixture|load|cmdline|exception|warning|plugin)/.test(
      textOf(source, name),
    )
  return isHook ? SPECIAL : undefined
}
