/*
 * What a line of a test says, told by the idioms of the test libraries: JavaScript, Python, Go and Rust.
 * A heuristic on purpose: it only ever shows an expectation to a maker or a person; it accepts nothing.
 */

const imports = /^\s*(?:import\b|from\b|use\b|(?:const|let|var)\b.*\brequire\()/
const comment = /^\s*(?:\/\/|#(?!\[)|\*|\/\*)/

const assertions = [
  /\bassert\w*\s*[(.!]/,
  /^\s*assert\b/,
  /\bexpect\w*\s*[(.]/,
  /\.should\b/,
  /\bself\.(?:assert|fail)\w*\(/,
  /\b(?:require|assert|is)\.[A-Z]\w*\(/,
  /\bt\.(?:Error|Fatal)f?\(|\bt\.Fail(?:Now)?\(/,
  /\bt\.(?:is|not|deepEqual|notDeepEqual|like|true|false|truthy|falsy|throws|throwsAsync|notThrows|regex|snapshot|plan|equal|ok|same|match|rejects)\(/,
  /\bpytest\.(?:raises|warns|approx)\(/,
]

/** The assertion on a line, if there is one. */
export function assertionIn(line: string): string | undefined {
  if (imports.test(line) || comment.test(line)) return undefined
  return assertions.some((shape) => shape.test(line)) ? line.trim() : undefined
}

const tests = [
  /^\s*(?:it|test|specify|describe|context|suite)(?:\.[\w.]+)*\s*(?:\(|`)/,
  /^\s*(?:async\s+)?def\s+test\w*\s*\(/,
  /^\s*class\s+Test\w*/,
  /^\s*func\s+(?:Test|Fuzz|Example)\w*\s*\(/,
  /^\s*#\[(?:\w+::)*test\b/,
  /\bt\.(?:Run|test)\(/,
  /@pytest\.mark\.parametrize\(/,
]

/** The test that a line opens, if it does. */
export function testIn(line: string): string | undefined {
  return tests.some((shape) => shape.test(line)) ? line.trim() : undefined
}

const markers: readonly (readonly [string, RegExp])[] = [
  [
    "only",
    /\b(?:it|test|describe|suite|context|specify|t)\.(?:[\w.]+\.)?only\b|\bf(?:it|describe)\s*\(|[{,]\s*only:\s*(?!false)/,
  ],
  [
    "skip",
    /\b(?:it|test|describe|suite|context|specify|bench)\.(?:[\w.]+\.)?(?:skip|skipIf|runIf|if)\b|\b(?:this|t|ctx|context)\.skip\(|\bx(?:it|test|describe|specify)\s*\(|[{,]\s*skip:\s*(?!false)/,
  ],
  ["todo", /\b(?:it|test|describe|suite|t)\.todo\b|[{,]\s*todo:\s*(?!false)/],
  ["fails", /\b(?:it|test|describe)\.(?:fails|failing|fixme)\b/],
  [
    "skip",
    /@(?:pytest\.mark|unittest|mark)\.skip(?:if|If|Unless)?\b|\bpytest\.(?:skip|importorskip)\(|\.skipTest\(|\braise\s+(?:unittest\.)?SkipTest|\bpytestmark\s*=/,
  ],
  ["xfail", /\bxfail\b|@(?:unittest\.)?expectedFailure/],
  ["skip", /\bt\.Skip(?:f|Now)?\(|\btesting\.Short\(\)|^\/\/go:build\b/],
  ["ignore", /#\[(?:cfg_attr\([^)]*,\s*)?ignore\b|#\[should_panic\b/],
  ["exit", /\bprocess\.exit\(|\bos\._exit\(|\bsys\.exit\(|\bos\.Exit\(/],
]

/** What on a line turns a test off, or the others. */
export function markersIn(line: string): string[] {
  if (comment.test(line) && !line.startsWith("//go:build")) return []
  return markers.filter(([, shape]) => shape.test(line)).map(([marker]) => marker)
}

const awareness = [
  /\b(?:NODE_TEST_CONTEXT|VITEST(?:_WORKER_ID|_POOL_ID)?|JEST_WORKER_ID|PYTEST_CURRENT_TEST|PYTEST_XDIST_WORKER|MOCHA_COLORS|RUST_TEST_THREADS|NEXTEST)\b/,
  /\bNODE_ENV\b.{0,20}["']test["']|["']test["'].{0,20}\bNODE_ENV\b/,
  /["'](?:pytest|_pytest|unittest)["']\s+in\s+sys\.modules|\btesting\.Testing\(\)|import\.meta\.vitest/,
  /\b(?:globalThis\.)?(?:it|test|describe|expect|beforeEach|afterEach)\s*=(?![=>])\s*(?:\(|function|async|new\b)/,
  /\b(?:assert|expect|chai|should|unittest|pytest|_pytest)(?:\.\w+)+\s*=(?![=>])/,
  /\bsetattr\(\s*(?:unittest|pytest|_pytest)\b|__pytest|\bpytest_(?:runtest|collection|configure|sessionfinish|report)\w*\s*\(/,
]

/** Source that asks whether it is being tested, or changes the tools that test it; tests themselves may do both. */
export function knowsItIsTested(line: string): boolean {
  return !comment.test(line) && awareness.some((shape) => shape.test(line))
}

type Claim = { subject: string; rest: string; rank: number; negated: boolean }

/** Whether an added assertion speaks of the same subject as a deleted one and asks for no less. */
export function isAtLeastAsStrong(deleted: string, added: string): boolean {
  const before = claimOf(deleted)
  const after = claimOf(added)
  if (before === undefined || after === undefined) return false
  if (before.subject !== after.subject || before.negated !== after.negated || after.rank < before.rank) return false
  // Only "is truthy" may give way to any exact value; everything else must keep what it expects.
  return before.rank === 1 ? after.rank > 1 : before.rest === after.rest
}

const ranks: readonly (readonly [number, RegExp])[] = [
  [
    4,
    /^(?:toBe|toEqual|toStrictEqual|strictEqual|deepStrictEqual|deepEqual|is|same|assertEqual|assertEquals|assert_eq|Equal|Exactly)$/,
  ],
  [3, /^(?:equal|equals|eq|eql)$/],
  [1, /^(?:ok|truthy|toBeTruthy|toBeDefined|true|assert|assertTrue|assertIsNotNone|NotNil|True)$/],
]

function claimOf(line: string): Claim | undefined {
  if (assertionIn(line) === undefined) return undefined
  const expecting = /\bexpect\(/.exec(line)
  if (expecting !== null) {
    const [subject, tail] = argument(line, expecting.index + expecting[0].length)
    const matcher = /^\)((?:\.(?:not|resolves|rejects))*)\.(\w+)\((.*?)\)*;?\s*$/.exec(tail)
    if (matcher === null) return undefined
    const [, words = "", name = "", rest = ""] = matcher
    return { subject, rest: bare(rest), rank: rankOf(name), negated: words.includes("not") }
  }
  const call = /\b(?:assert|self|t|require)[.!]?(\w*)\(|\b(assert)\(/.exec(line)
  if (call === null) return undefined
  const [subject, tail] = argument(line, call.index + call[0].length)
  const name = call[1] === "" || call[1] === undefined ? "assert" : call[1]
  return { subject, rest: bare(tail), rank: rankOf(name), negated: /^not/i.test(name) }
}

function rankOf(matcher: string): number {
  return ranks.find(([, names]) => names.test(matcher))?.[0] ?? 2
}

/** The first argument of a call, brackets balanced, and what follows it. */
function argument(line: string, from: number): [string, string] {
  let depth = 0
  for (let i = from; i < line.length; i++) {
    const char = line.charAt(i)
    if ("([{".includes(char)) depth++
    else if (depth === 0 && ",)".includes(char)) return [bare(line.slice(from, i)), line.slice(i)]
    else if (")]}".includes(char)) depth--
  }
  return [bare(line.slice(from)), ""]
}

function bare(text: string): string {
  return text
    .replace(/\s+/g, "")
    .replace(/['`]/g, '"')
    .replace(/^,/, "")
    .replace(/[);,]+$/, "")
}
