import type { TestResult } from "../../../core/evidence.ts"
import type { FailureKind } from "../failure.ts"
import type { Line, Tap } from "./lines.ts"

/**
 * What a point of TAP is to those who print it: a test of its own (ava, bats, Perl), or an assertion of the test around it, which
 * is a subtest, or goes from one comment to the next (tape).
 */
export type Dialect = "points" | "assertions"

type Point = Extract<Line, { is: "point" }>

/** One test as TAP tells of it. */
export type Told = {
  names: string[]
  status: TestResult["status"]
  ms?: number
  /** What failed in it: its point or points, and the comments behind each. */
  red: { point: Point; comments: string[] }[]
}

/** The tests of a text of TAP, in order; `isRemark` tells a comment that a test makes from one that names the next test. */
export function testsIn(
  { lines }: Tap,
  dialect: Dialect,
  isRemark: (comment: string) => boolean = () => false,
): Told[] {
  return dialect === "points" ? ofPoints(lines, []) : ofAssertions(withoutRemarks(lines, isRemark), [])
}

function withoutRemarks(lines: readonly Line[], isRemark: (comment: string) => boolean): Line[] {
  return lines.filter((line) => line.is === "point" || !isRemark(line.text))
}

/** The last heading, under which a run that broke off was. */
export function lastHeading({ lines }: Tap, isRemark: (comment: string) => boolean): string | undefined {
  const headings = withoutRemarks(lines, isRemark).flatMap((line) =>
    line.is === "comment" && !isSummary(line.text) && !isSubtest(line.text) ? [line.text] : [],
  )
  return headings.at(-1)?.replace(/^(SKIP|TODO)\s+/, "")
}

function ofPoints(lines: readonly Line[], chain: readonly string[]): Told[] {
  return lines.flatMap((line, index): Told[] => {
    if (line.is === "comment") return []
    const names = [...chain, line.name]
    const inner = line.inside === undefined ? [] : ofPoints(line.inside, names)
    // A subtest is told of by what it holds, but where it is red by itself.
    if (inner.length > 0 && (line.ok || inner.some((test) => test.status === "failed"))) return inner
    return [...inner, { names, ...toldOf([line], behind(lines, index)) }]
  })
}

function ofAssertions(lines: readonly Line[], chain: readonly string[]): Told[] {
  const tests: Told[] = []
  // With subtests, comments are no headings.
  const nested = chain.length > 0 || lines.some((line) => line.is === "point" && line.inside !== undefined)
  let heading: string | undefined
  let own: Point[] = []
  const close = () => {
    const names = heading === undefined ? [...chain] : [...chain, heading]
    if (own.length > 0) tests.push({ names, ...toldOf(own, []) })
    own = []
  }
  for (const [index, line] of lines.entries()) {
    if (line.is === "comment") {
      if (nested || isSubtest(line.text)) continue
      const skipped = /^SKIP\s+(.+)$/.exec(line.text)?.[1]
      close()
      heading = line.text.replace(/^(SKIP|TODO)\s+/, "")
      if (skipped !== undefined) tests.push({ names: [skipped], status: "skipped", red: [] })
      continue
    }
    const before = lines[index - 1]
    const announced = before?.is === "comment" && before.text === `Subtest: ${line.name}`
    if (line.inside === undefined && (announced || (nested && line.mark !== undefined))) {
      tests.push({ names: [...chain, line.name], ...toldOf([line], behind(lines, index)) })
      continue
    }
    if (line.inside === undefined) {
      own.push(line)
      continue
    }
    const names = [...chain, line.name]
    const inner = ofAssertions(line.inside, names)
    tests.push(...inner)
    if (!line.ok && line.mark === undefined && !inner.some((test) => test.status === "failed"))
      tests.push({ names, ...toldOf([line], []) })
  }
  close()
  return tests
}

function toldOf(points: readonly Point[], comments: string[]): Omit<Told, "names"> {
  const red = points.filter((point) => !point.ok && point.mark === undefined)
  const ms = points.length === 1 ? points[0]?.ms : undefined
  const status =
    red.length > 0
      ? "failed"
      : points.some((point) => point.mark === "todo")
        ? "todo"
        : points.every((point) => point.mark === "skip")
          ? "skipped"
          : "passed"
  return { status, ...(ms === undefined ? {} : { ms }), red: red.map((point) => ({ point, comments })) }
}

/** The comments right behind a point, which say why it failed. */
function behind(lines: readonly Line[], index: number): string[] {
  const rest = lines.slice(index + 1)
  const end = rest.findIndex((line) => line.is === "point")
  return (end === -1 ? rest : rest.slice(0, end)).flatMap((line) =>
    line.is === "comment" && !isSummary(line.text) ? [line.text] : [],
  )
}

function isSubtest(text: string): boolean {
  return /^Subtest(:|$)/.test(text)
}

/** What runners and the parser count at the end. */
function isSummary(text: string): boolean {
  return /^(tests?|pass|fail|ok|skip|todo|cancelled|suites|duration_ms|time)\b[\s=:]*[\d.]*(ms)?$|^test count\(|^failed \d+ of|^failed \d+ test|^(todo|skip|time)[:=]|^\{ total:/.test(
    text,
  )
}

/** How a test failed, by the first of its red points; `error` before all else. */
export function worst(kinds: readonly FailureKind[]): FailureKind {
  return kinds.find((kind) => kind === "error") ?? kinds.find((kind) => kind === "thrown") ?? "assertion"
}
