import type { Expectation } from "../syntax/test-model.ts"

/** Whether an expectation asks for no less than another did, of the same subject and under no more conditions. */
export function keeps(before: Expectation, after: Expectation): boolean {
  return before.subject === after.subject && isFree(before, after) && asksNoLess(before, after)
}

/** Whether it stands under no condition that the other one did not stand under. */
export function isFree(before: Expectation, after: Expectation): boolean {
  return after.guards.every((guard) => before.guards.includes(guard))
}

export function asksNoLess(before: Expectation, after: Expectation): boolean {
  if (before.negated !== after.negated) return false
  const same = bare(before.expected) === bare(after.expected)
  const [was, is] = [rankOf(before), rankOf(after)]
  if (same && (before.matcher === after.matcher || (is >= was && was >= EXACT_LOOSE))) return true
  if (before.matcher === after.matcher) return tightens(before, after)
  // "Is truthy" and "contains" give way to an exact value; an exact value only to itself.
  return was < is && was < EXACT_LOOSE && is >= EXACT_LOOSE && !isPartial(after) && !isFalsy(after)
}

const EXACT_LOOSE = 3

const ranks: readonly (readonly [number, RegExp])[] = [
  [
    4,
    /^(toBe|toEqual|toStrictEqual|strictEqual|deepStrictEqual|deepEqual|deep\.equal|eql|is|same|assertEqual|assertEquals|assertStrictEquals|assertIs|assertDictEqual|assertListEqual|==|Equal|EqualValues|Exactly|equal|equals|eq|fails if !=|output|toMatchInlineSnapshot)$/,
  ],
  [
    EXACT_LOOSE,
    /^(toBeNull|toBeUndefined|toBeTrue|toBeFalse|isNull|null|undefined|isUndefined|assertIsNone|Nil|NoError|true|false|isTrue|isFalse)$/,
  ],
  [
    1,
    /^(ok|truthy|toBeTruthy|toBeDefined|assert|assertTrue|assertIsNotNone|NotNil|True|exist|exists|isOk|isDefined|toHaveBeenCalled|reached)$/,
  ],
]

function rankOf({ matcher, expected }: Expectation): number {
  const rank = ranks.find(([, names]) => names.test(matcher.replace(/^(resolves|rejects)\./, "")))?.[0] ?? 2
  return rank === 4 && /\bexpect\.\w+|\bmock\.ANY\b|\bANY\b/.test(expected) ? 2 : rank
}

function isPartial({ expected }: Expectation): boolean {
  return /\bexpect\.\w+|\bANY\b/.test(expected)
}

function isFalsy({ expected, matcher }: Expectation): boolean {
  return /^(false|False|null|undefined|None|nil|0|"")$/.test(expected) || /False|Null|Undefined|None|Nil$/.test(matcher)
}

/** The same way of looking with another bound, tolerance or number of arguments: tighter, or the same. */
function tightens(before: Expectation, after: Expectation): boolean {
  const { matcher } = before
  const [was, is] = [numbersIn(before.expected), numbersIn(after.expected)]
  const shape = (text: string) => bare(text).replace(/-?\d+(\.\d+)?(e[-+]?\d+)?/gi, "#")
  if (/toBeCloseTo|closeTo|assertAlmostEqual|approximately/i.test(matcher)) return tighterTolerance(before, after)
  if (/^(==|!=|assertEqual)$/.test(matcher) && /\bapprox\(/.test(before.expected) && /\bapprox\(/.test(after.expected))
    return tighterApprox(before.expected, after.expected)
  if (matcher === "plan") return (is[0] ?? 0) >= (was[0] ?? 0)
  if (shape(before.expected) === shape(after.expected) && is.length === 1 && was.length === 1) {
    const [a = 0, b = 0] = [was[0], is[0]]
    if (
      /GreaterThan|^>=?$|isAbove|isAtLeast|^(above|least|gt|gte)$|^assertGreater|^fails if <=?$|^Greater/.test(matcher)
    )
      return b >= a
    if (/LessThan|^<=?$|isBelow|isAtMost|^(below|most|lt|lte)$|^assertLess|^fails if >=?$|^Less/.test(matcher))
      return b <= a
  }
  // `raises(ValueError)` may become `raises(ValueError, match=…)`, and `toThrow()` may say what.
  return (
    /throw|raise|rejects|CalledWith|HaveProperty|toMatch|contain/i.test(matcher) &&
    (before.expected === "" || bare(after.expected).startsWith(`${bare(before.expected)},`))
  )
}

function tighterTolerance(before: Expectation, after: Expectation): boolean {
  const split = (text: string) => text.split(",").map((part) => part.trim())
  const [[was = "", ...wasBy], [is = "", ...isBy]] = [split(before.expected), split(after.expected)]
  if (was !== is) return false
  const a = numbersIn(wasBy.join(","))[0]
  const b = numbersIn(isBy.join(","))[0]
  const isDigits =
    /^toBeCloseTo$/.test(before.matcher) ||
    (/AlmostEqual/.test(before.matcher) && !/delta/.test(wasBy.join() + isBy.join()))
  const standard = before.matcher === "toBeCloseTo" ? 2 : 7
  if (isDigits) return (b ?? standard) >= (a ?? standard)
  return a !== undefined && b !== undefined && b <= a
}

function tighterApprox(before: string, after: string): boolean {
  const read = (text: string) => ({
    value: /\bapprox\(\s*([^,)]*)/.exec(text)?.[1]?.trim(),
    rel: Number(/\brel\s*=\s*([\d.e+-]+)/i.exec(text)?.[1] ?? (/\babs\s*=/.test(text) ? 0 : 1e-6)),
    abs: Number(/\babs\s*=\s*([\d.e+-]+)/i.exec(text)?.[1] ?? 1e-12),
  })
  const [a, b] = [read(before), read(after)]
  return a.value === b.value && b.rel <= a.rel && b.abs <= a.abs
}

function numbersIn(text: string): number[] {
  return [...text.matchAll(/-?\d+(\.\d+)?(e[-+]?\d+)?/gi)].map((match) => Number(match[0]))
}

function bare(text: string): string {
  return text.replace(/\\n|\s+/g, "")
}
