import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import { javascriptFailure } from "./failure.ts"
import { repoPath, testId } from "./ids.ts"
import { error, jsonOf, noReport, testsReport } from "./outcome.ts"
import type { Parsed, RunnerOutput } from "./runner.ts"

const Assertion = z.object({
  ancestorTitles: z.array(z.string()),
  title: z.string(),
  status: z.string(),
  duration: z.number().nullish(),
  failureMessages: z.array(z.string()).nullish(),
})

const JestJson = z.object({
  numTotalTests: z.number(),
  success: z.boolean(),
  wasInterrupted: z.boolean().optional(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().nullish(),
      assertionResults: z.array(Assertion),
    }),
  ),
})

/** Reads the JSON that jest made and vitest took over. */
export function parseJestJson(output: RunnerOutput, runner: string): Parsed {
  const json = output.report === undefined ? undefined : jsonOf(output.report)
  if (json === undefined) return noReport(output, runner)
  const parsed = JestJson.safeParse(json)
  if (!parsed.success)
    return error("unreadable", `${runner}'s report has another shape than expected: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.wasInterrupted === true) return error("unfinished", `${runner} was interrupted before its end.`)
  const tests = parsed.data.testResults.flatMap((file) => resultsOf(file, output.root))
  return testsReport(tests, output, runner)
}

type File = z.infer<typeof JestJson>["testResults"][number]

function resultsOf(suite: File, root: string): TestResult[] {
  const file = repoPath(root, suite.name)
  const tests = suite.assertionResults.map((test): TestResult => {
    const message = (test.failureMessages ?? []).join("\n\n")
    return {
      id: testId([file, ...test.ancestorTitles, test.title]),
      file,
      name: [...test.ancestorTitles, test.title].join(" > "),
      status: statusOf(test.status),
      ...(test.status === "failed" ? { failure: javascriptFailure(message, file, root) } : {}),
      ...(message === "" ? {} : { message }),
      ...(typeof test.duration === "number" ? { ms: test.duration } : {}),
    }
  })
  // A file that is red by itself (it did not import, or a hook failed) is a failed result of the file.
  const redByItself = suite.status === "failed" && !tests.some((test) => test.status === "failed")
  if (!redByItself) return tests
  return [
    ...tests,
    {
      id: file,
      file,
      name: file,
      status: "failed",
      failure: "error",
      message: suite.message ?? "The file failed to run.",
    },
  ]
}

function statusOf(status: string): TestResult["status"] {
  if (status === "passed" || status === "failed" || status === "todo") return status
  return "skipped"
}
