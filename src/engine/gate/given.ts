import { createHash } from "node:crypto"
import { readFile, stat } from "node:fs/promises"
import { resolve } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { Finding, Severity } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { CHECK_TIMEOUT_MS } from "../../spec/definitions.ts"
import { commitTree } from "../../spec/tree.ts"
import { stepsBehind } from "../../verify/script.ts"

/** A command of the command line as a check: read by the machine format of the runner behind it, if there is one. */
export async function checkOf(command: string, repo: Repo, base: string): Promise<CheckSpec> {
  const run = command.trim()
  if (run === "") throw new Failure("CHECK_EMPTY", "`--check` names no command.", { hint: '--check "npm test"' })
  const manifest = await commitTree(repo.gitDir, base).read("package.json")
  const files = { read: (path: string) => (path === "package.json" ? manifest : undefined), list: () => [] }
  const runner = stepsBehind(run, files).find((step) => step.runner !== undefined)?.runner
  return {
    name: run.slice(0, 200),
    kind: runner?.kind ?? "exit",
    run,
    timeoutMs: CHECK_TIMEOUT_MS,
    from: "builtin",
    decides: true,
  }
}

/** A finding as people write one down: its title and how it shows; the rest has defaults. */
const WrittenFinding = z.looseObject({
  title: z.string().min(1),
  fingerprint: z.string().optional(),
  source: z.string().optional(),
  body: z.string().optional(),
  severity: Severity.optional(),
  file: z.string().optional(),
  line: z.number().int().optional(),
  reproduce: z.looseObject({ check: z.string(), ids: z.array(z.string()).optional() }).optional(),
})

/** What `--finding` may say before anybody looks into the ledger: a JSON file, or `CHECK:ID`. Undefined: neither. */
export async function writtenFinding(
  wanted: string,
  cwd: string,
  checks: Readonly<Record<string, CheckSpec>>,
): Promise<Finding | undefined> {
  const path = resolve(cwd, wanted)
  const facts = await stat(path).catch(() => undefined)
  if (facts?.isFile()) return fromFile(path, wanted, facts.size)
  const colon = wanted.indexOf(":")
  const check = wanted.slice(0, colon)
  // As pytest itself writes them.
  const id = wanted
    .slice(colon + 1)
    .trim()
    .replace(/^[^:]*\.py::.*/, (node) => node.replaceAll("::", " > "))
  if (colon < 1 || id === "") return undefined
  if (!Object.hasOwn(checks, check))
    throw new Failure("NO_SUCH_CHECK", `There is no check \`${check}\` on the base.`, {
      hint:
        Object.keys(checks).length === 0
          ? "Nothing was found in the project that could judge: name a command with `--check`."
          : `There are: ${Object.keys(checks).join(", ")}.`,
    })
  return findingOf({ title: `${id} is red`, source: check, reproduce: { check, ids: [id] } })
}

const MAX_FILE_BYTES = 1024 * 1024

async function fromFile(path: string, shown: string, bytes: number): Promise<Finding> {
  if (bytes > MAX_FILE_BYTES) throw notAFinding(shown, `it is larger than ${MAX_FILE_BYTES / 1024} KiB`)
  const read = z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch (error) {
        context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "no JSON" })
        return z.NEVER
      }
    })
    .pipe(WrittenFinding)
    .safeParse(await readFile(path, "utf8"))
  if (read.success) return findingOf(read.data)
  const [first] = read.error.issues
  const at = first === undefined || first.path.length === 0 ? "" : `${first.path.join(".")}: `
  throw notAFinding(shown, `${at}${first?.message ?? "unreadable"}`)
}

function findingOf(written: z.infer<typeof WrittenFinding>): Finding {
  const { title, fingerprint, source = "gate", body = "", severity = "medium", file, line, reproduce } = written
  return Finding.parse({
    title,
    source,
    body,
    severity,
    attemptable: true,
    fingerprint: fingerprint ?? createHash("sha256").update(`${source}\0${title}`).digest("hex").slice(0, 16),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    // A file's text never becomes a command: what reproduces a finding is a check of the base.
    ...(reproduce === undefined ? {} : { reproduce: { check: reproduce.check, ids: reproduce.ids ?? [] } }),
  })
}

function notAFinding(path: string, why: string): Failure {
  return new Failure("FINDING_INVALID", `${path} is no finding: ${why}.`, {
    hint: '{ "title": "…", "reproduce": { "check": "tests_pass", "ids": ["test/cart.test.js > adds up"] } }',
  })
}
