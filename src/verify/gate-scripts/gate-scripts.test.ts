import { afterAll, beforeAll, expect, test } from "vitest"
import type { CheckSpec } from "../../core/loop.ts"
import { protectedPaths } from "../checks/protected-paths.ts"
import { type Changes, changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { gateFiles } from "./named.ts"

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

const scripts = (given: Record<string, string>) => ({ "package.json": JSON.stringify({ scripts: given }) })

type Case = {
  run: string | string[]
  edits: string
  says: "refuse" | "ask" | "pass"
  base?: Files
  kind?: CheckSpec["kind"]
  path?: string
  protect?: string[]
  about?: string
}

const monorepo: Files = {
  "package.json": JSON.stringify({
    workspaces: ["packages/*"],
    scripts: { test: "sh unit.sh", all: "npm run test --workspaces" },
  }),
  "packages/web/package.json": JSON.stringify({ name: "@acme/web", scripts: { test: "sh unit.sh" } }),
  "packages/api/package.json": JSON.stringify({ name: "api", scripts: { test: "sh unit.sh" } }),
}

const cases: Case[] = [
  { run: "sh check.sh", edits: "check.sh", says: "refuse" },
  { run: ["bash", "-e", "tools/gate"], edits: "tools/gate", says: "refuse" },
  { run: "./gradlew test", edits: "gradlew", says: "refuse" },
  { run: "CI=1 timeout -k 5 60 ./ok.sh > /dev/null 2>&1", edits: "ok.sh", says: "refuse" },
  { run: "sh check.sh | tee log.txt", edits: "check.sh", says: "refuse" },
  { run: "bash -c 'cd tools && ./gate.sh'", edits: "tools/gate.sh", says: "refuse" },
  {
    run: "make check",
    base: { Makefile: "check: build\n\t@sh a.sh\nbuild:\n\t$(CURDIR)/b.sh\n" },
    edits: "a.sh",
    says: "refuse",
  },
  {
    run: "make check",
    base: { Makefile: "check: build\n\t@sh a.sh\nbuild:\n\t$(CURDIR)/b.sh\n" },
    edits: "b.sh",
    says: "refuse",
  },
  {
    run: "make",
    base: { Makefile: "PY = python3\nall:\n\t$(PY) checks/all.py\n" },
    edits: "checks/all.py",
    says: "refuse",
  },
  {
    run: "make check",
    base: { Makefile: "check:\n\ttrue\ndeploy:\n\tsh deploy.sh\n" },
    edits: "deploy.sh",
    says: "pass",
  },
  {
    run: "npm test",
    base: scripts({ pretest: "node scripts/a.mjs", test: "npm run -s unit", unit: "sh unit.sh" }),
    edits: "unit.sh",
    says: "refuse",
  },
  {
    run: "npm test",
    base: scripts({ pretest: "node scripts/a.mjs", test: "true" }),
    edits: "scripts/a.mjs",
    says: "refuse",
  },
  {
    run: "npm test",
    base: {
      ...scripts({ test: "sh run.sh" }),
      "run.sh": '#!/bin/sh\nset -e\n. "$(dirname "$0")/lib/asserts.sh"\nok\n',
    },
    edits: "lib/asserts.sh",
    says: "refuse",
  },
  {
    run: "sh run.sh",
    base: { "run.sh": "[ -f env.local ] && . ./env.local\nexit 1\n" },
    edits: "env.local",
    says: "refuse",
  },
  { run: "mocha -r ./helpers/boot.js", edits: "helpers/boot.js", says: "refuse" },
  { run: "node --import=./boot.mjs --test", edits: "boot.mjs", says: "refuse" },
  { run: "npx eslint --config config/rules.js src", edits: "config/rules.js", says: "refuse", kind: "lint" },
  { run: "python3 -m checks.style", edits: "checks/style.py", says: "refuse", kind: "lint" },
  { run: "sh check.sh", path: "services/a", edits: "services/a/check.sh", says: "refuse" },
  {
    run: "make -j 4 -C sub check",
    base: { "sub/Makefile": "check:\n\tsh ok.sh\n" },
    edits: "sub/ok.sh",
    says: "refuse",
  },
  { run: "make -f ci/rules all", edits: "ci/rules", says: "refuse" },
  {
    run: "npm --prefix web test",
    base: { "web/package.json": JSON.stringify({ scripts: { test: "sh unit.sh" } }) },
    edits: "web/unit.sh",
    says: "refuse",
  },
  ...[
    "npm -w web test",
    "npm test -w=@acme/web",
    "npm run test --workspace ./packages/web",
    "npm --workspace=packages run test",
    "npm test --workspaces --if-present",
    "npm run -ws test",
    "npm run test -w api && npm test -w web -- --bail",
    "pnpm --filter web test",
    "pnpm -F @acme/web run test",
    "pnpm run --filter={packages/web} test",
    "pnpm test --filter web",
    "pnpm -r test",
    "pnpm recursive run test",
    "pnpm --filter web exec sh unit.sh",
    "npm exec -w web -c 'sh unit.sh'",
    "yarn workspace @acme/web test",
    "yarn workspace @acme/web run test",
    "yarn workspaces run test",
    "yarn workspaces foreach -A --exclude api run test",
    "bun run --filter web test",
    "npx turbo run test --filter=web",
    "turbo test",
    "lerna run test --scope @acme/web",
    "nx run web:test",
    "nx test web",
    "nx run-many -t test",
    "npm run all",
  ].map((run): Case => ({ run, base: monorepo, edits: "packages/web/unit.sh", says: "refuse" })),
  // Which package it is can't be read: that is asked.
  ...[
    "npm -w $PACKAGE test",
    "pnpm --filter '...[origin/main]' test",
    "pnpm --filter '@acme/*' test",
    "nx test shop",
  ].map((run): Case => ({ run, base: monorepo, edits: "packages/web/unit.sh", says: "ask" })),
  { run: "npm -w api test", base: monorepo, edits: "packages/web/unit.sh", says: "pass" },
  { run: "npm -w api test", base: monorepo, edits: "unit.sh", says: "pass" },
  { run: "npm -w web test", base: monorepo, edits: "packages/web/src/page.ts", says: "pass" },
  { run: "pnpm -w test", base: monorepo, edits: "unit.sh", says: "refuse", path: "packages/web" },
  ...[
    "run-s unit",
    "npm-run-all -p 'unit'",
    "npx run-p 'un*' lint",
    "concurrently 'npm:unit'",
    "concurrently -n a 'sh unit.sh'",
  ].map(
    (run): Case => ({
      run: "npm test",
      base: scripts({ test: run, unit: "sh unit.sh" }),
      edits: "unit.sh",
      says: "refuse",
    }),
  ),
  ...[
    "node --run unit",
    "bun run unit",
    "bun unit",
    "deno task unit",
    "npm --loglevel silent run unit",
    "npm exec -- sh unit.sh",
    "pnpm exec sh unit.sh",
    "npm run 'unit'",
  ].map((run): Case => ({ run, base: scripts({ unit: "sh unit.sh" }), edits: "unit.sh", says: "refuse" })),
  // It may be the subject: only a person can tell.
  { run: "node main.js --self-test", edits: "main.js", says: "ask" },
  { run: "node src/self-check.js", edits: "src/self-check.js", says: "refuse" },
  { run: "node --check main.js && bash -n run.sh", edits: "main.js", says: "pass" },
  { run: "node src/main.js", edits: "src/main.js", says: "pass" },
  { run: "node build.mjs", kind: "build", edits: "build.mjs", says: "ask" },
  { run: "sh check.sh", about: "check.sh", edits: "check.sh", says: "ask" },
  { run: "node greet.js | diff - expected.txt", edits: "expected.txt", says: "ask" },
  {
    run: "sh run.sh",
    base: { "run.sh": ". ./words.sh\nwords a b | grep 2\n" },
    edits: "words.sh",
    says: "ask",
  },
  { run: "sh run.sh", base: { "run.sh": "./words.sh || exit 1\n" }, edits: "words.sh", says: "ask" },
  // The subject.
  {
    run: "sh run.sh",
    base: { "run.sh": "for i in *.in; do sh src/words.sh < $i > out; cmp out $i.out; done\n" },
    edits: "src/words.sh",
    says: "pass",
  },
  {
    run: "sh run.sh",
    base: { "run.sh": 'got=$(./src/words.sh 2>&1)\n[ "$got" = 2 ]\n' },
    edits: "src/words.sh",
    says: "pass",
  },
  { run: "node greet.js | diff - expected.txt", edits: "greet.js", says: "pass" },
  { run: "./greet.sh | grep -q hello", edits: "greet.sh", says: "pass" },
  { run: 'test "$(sh greet.sh)" = hello', edits: "greet.sh", says: "pass" },
  { run: "grep -q hello greet.txt", edits: "greet.txt", says: "pass" },
  { run: 'test "$(wc -c dist.js)" -lt 9', edits: "dist.js", says: "pass" },
  { run: "npx eslint src/add.js", edits: "src/add.js", says: "pass", kind: "lint" },
  { run: "mypy app.py", edits: "app.py", says: "pass", kind: "types" },
  { run: "npx vitest run", edits: "src/add.js", says: "pass", kind: "tests" },
  { run: "sh check.sh", protect: ["!check.sh"], edits: "check.sh", says: "pass" },
  // Tests have a rule of their own: the base's copies are run.
  { run: "node --test test/add.test.js", edits: "test/add.test.js", says: "pass", kind: "tests" },
  // Nothing that a shell could make of it may be an error.
  {
    run: 'for f in tests/*.sh; do sh "$f" || exit 1; done; case $x in a) ;; esac; echo "$(a:-"b)',
    edits: "src/add.js",
    says: "pass",
  },
]

test.each(cases)("T3: $run, and the change edits $edits: $says", async (given) => {
  const { run, edits, says, base = {}, kind = "exit", path, protect = [], about } = given
  const onto = await commitOf({ ...(edits === "env.local" ? {} : { [edits]: "old\n" }), ...base })
  const facts = await change.facts({ [edits]: "exit 0\n" }, { protect }, onto)
  const check: CheckSpec = { name: "c", kind, run, timeoutMs: 1, from: "loop", ...(path === undefined ? {} : { path }) }
  const files = await gateFiles(facts, [check])
  const finding = about === undefined ? undefined : { ...facts.finding, ...aFinding, file: about }
  const judged = await protectedPaths({ ...facts, finding: finding ?? facts.finding, gateFiles: files })
  const shown = judged.outcome === "pass" ? "pass" : judged.blame === "person" ? "ask" : "refuse"
  expect({ shown, judged }).toMatchObject({ shown: says })
  if (says === "refuse") expect(judged.feedback).toContain(`${edits} (`)
})

const commits = new Map<string, Promise<string>>()

/** The same files are the same commit. */
function commitOf(files: Files): Promise<string> {
  const key = JSON.stringify(files)
  const known = commits.get(key) ?? change.commit(files)
  commits.set(key, known)
  return known
}

const aFinding = {
  fingerprint: "f",
  source: "t",
  title: "t",
  body: "",
  severity: "low",
  attemptable: true,
} as const
