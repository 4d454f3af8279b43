import { createHash } from "node:crypto"
import type { Finding } from "../../core/finding.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Base, Repo } from "../../core/ports.ts"
import { repositoryPath } from "../../core/untrusted.ts"
import { withoutVolatile } from "../../discover/volatile.ts"
import { git } from "../../lib/git.ts"
import { shownOf, type TriagerFacts, triagerPrompt } from "../../make/triager-prompt.ts"

/**
 * Under which key a triager's word on each finding is kept: the finding and its text (times, addresses and the like aside), the
 * files it points at as the base has them, who is asked, and all that it is told. Whatever of that changes, it is asked again.
 */
export async function triageKeys(
  findings: readonly Finding[],
  {
    agent,
    facts,
    repo,
    base,
    signal,
  }: { agent: AgentSpec; facts: TriagerFacts; repo: Repo; base: Base; signal: AbortSignal },
): Promise<Map<string, string>> {
  const files = new Map(findings.map((finding) => [finding.fingerprint, filesOf(finding)]))
  const blobs = await blobsOf([...new Set([...files.values()].flat())], { repo, base, signal })
  // A change of the prompt's own words is another question.
  const asked = [whoIs(agent), triagerPrompt(facts, [])]
  return new Map(
    findings.map((finding) => {
      const seen = (files.get(finding.fingerprint) ?? []).map((path) => [path, blobs.get(path) ?? ""])
      const parts = [finding.fingerprint, withoutVolatile(shownOf(finding)), seen, asked]
      return [finding.fingerprint, createHash("sha256").update(JSON.stringify(parts)).digest("hex")]
    }),
  )
}

function whoIs({ use, model, effort, command, recording, name, instructions }: AgentSpec): unknown[] {
  return [use, model, effort, command, recording, name, instructions].map((part) => part ?? null)
}

/** The files that a finding points at: its own, those of the tests that show it, and the one it stands in. */
function filesOf({ file, url, reproduce }: Finding): string[] {
  const tests = (reproduce?.ids ?? []).slice(0, MOST_TESTS).map((id) => id.split(" > ")[0])
  const named = [file, ...tests, url].flatMap((path) => repositoryPath(path ?? "") ?? [])
  return [...new Set(named)].filter((path) => !/^[\w+.-]+:/.test(path))
}

const MOST_TESTS = 20

/** What each path is on the base, by the id of its object; what is not there is not in it. */
async function blobsOf(
  paths: readonly string[],
  { repo, base, signal }: { repo: Repo; base: Base; signal: AbortSignal },
): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map()
  const stdin = paths.map((path) => `${base.sha}:${path}\n`).join("")
  const told = (await git(["cat-file", "--batch-check=%(objectname)"], { cwd: repo.gitDir, stdin, signal })).split("\n")
  return new Map(
    paths.flatMap((path, index): [string, string][] => {
      const id = told[index] ?? ""
      return /^[0-9a-f]{40,64}$/.test(id) ? [[path, id]] : []
    }),
  )
}
