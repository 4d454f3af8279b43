import { expect, test } from "vitest"
import { type Plan, planCheck } from "./script.ts"

const plan = (
  run: string,
  scripts: Record<string, string> = {},
  kind: "tests" | "lint" | "types" | "build" = "tests",
): Plan =>
  planCheck(
    { name: "c", kind, run, timeoutMs: 1, from: "package.json" },
    { read: (path) => (path === "package.json" ? JSON.stringify({ scripts }) : undefined), list: () => [] },
  )

const told = (found: Plan) =>
  found.is === "steps"
    ? found.steps.map((step) => `${step.runner?.name ?? "exit"}: ${step.text}`)
    : `${found.is}: ${found.why}`

test.each<[string, Record<string, string>, string[] | string]>([
  ["npm test", { test: "vitest" }, ["vitest: vitest"]],
  ["npm test", { test: "npm run unit -- --x", unit: "cross-env NODE_ENV=test jest" }, ["jest: jest --x"]],
  ["npm run -s test -- a.test.js", { test: "mocha" }, ["mocha: mocha a.test.js"]],
  [
    "npm test",
    { pretest: "npm run build", build: "tsc -b", test: "tsc --noEmit && vitest run", posttest: "echo done" },
    ["tsc: tsc -b", "tsc: tsc --noEmit", "vitest: vitest run", "exit: echo done"],
  ],
  ["yarn test", { test: "node --test test/" }, ["node:test: node --test test/"]],
  ["yarn jest --ci", {}, ["jest: jest --ci"]],
  ["pnpm run test", { test: "pnpm exec vitest run" }, ["vitest: vitest run"]],
  ["npx --no-install vitest@3 run", {}, ["vitest: vitest run"]],
  [
    "npm test",
    { test: 'NODE_OPTIONS="$NODE_OPTIONS --experimental-vm-modules" node node_modules/jest/bin/jest.js' },
    ["jest: node node_modules/jest/bin/jest.js"],
  ],
  ["npm test", { test: "c8 --reporter text mocha 'test/**/*.js'" }, ["mocha: mocha test/**/*.js"]],
  ["npm test", { test: "nyc --check-coverage mocha" }, ["mocha: mocha"]],
  [
    "npm test",
    { test: "node --import tsx --test test/*.test.ts" },
    ["node:test: node --import tsx --test test/*.test.ts"],
  ],
  ["python -m pytest -q", {}, ["pytest: python -m pytest -q"]],
  ["uv run pytest", {}, ["pytest: uv run pytest"]],
  ["npm test -w api", { test: "vitest" }, "whole: it uses `npm … -w`"],
  ["pnpm -r test", { test: "vitest" }, "whole: it uses `pnpm -r`"],
  ["npm test", { test: "vitest run | tee x" }, "whole: the script uses `|`"],
  ["npm test", { test: "vitest run || true" }, "whole: the script uses `||`"],
  ["npm test", { test: "cd api && vitest run" }, "whole: the script uses `cd`"],
  ["npm test", { test: "vitest run $ARGS" }, "whole: the script uses the variable ARGS"],
  ["npm test", { test: "vitest run `cat x`" }, "whole: the script uses more of the shell than `&&`"],
  ["npm test", { test: "npm test" }, "whole: its scripts call each other without end"],
  ["npm test", { test: "ava" }, ["ava: ava"]],
  ["npm test", { test: "mocha", posttest: "npx npm@'>=10.2' audit --production" }, ["mocha: mocha"]],
  [
    "npm test",
    { pretest: "a $(b)", test: "mocha", posttest: "c | d" },
    ["exit: a $(b)", "mocha: mocha", "exit: c | d"],
  ],
  ["npm audit", {}, "whole: it uses `npm audit`"],
  ["npm test", { test: "xo && nyc tape 'test/*.js' | tap-spec" }, ["exit: xo", "tape: tape test/*.js"]],
  [
    "npm test",
    { test: "node --test --test-reporter=tap | npx faucet" },
    ["node:test: node --test --test-reporter=tap"],
  ],
  ["npm test", { test: "tape 'test/*.js' | tap-spec | tee x" }, "whole: the script uses `|`"],
  ["npm test", { test: "tape 'test/*.js' | tap-spec > x" }, "whole: the script uses `>`"],
  ["npm test", { test: "node build.js | tap-spec" }, "whole: the script uses `|`"],
  ["npm test", { test: "node test.js" }, "whole: no known runner was found in it"],
  ["npm test", { test: "uvu tests" }, "whole: no known runner was found in it"],
  ["vitest bench", {}, "whole: no known runner was found in it"],
  ["npm run nope", {}, 'missing: package.json has no script "nope".'],
])("%s %j is followed to what it runs", (run, scripts, expected) => {
  expect(told(plan(run, scripts))).toEqual(expected)
})

test("variables set in front of a command reach it", () => {
  const found = plan("npm test", { test: "A=1 cross-env B='2 3' vitest run" })
  expect(found.is === "steps" ? found.steps[0]?.env : found).toEqual({ A: "1", B: "2 3" })
})

test.each([
  [
    "npm run lint",
    { lint: "eslint . && prettier --check ." },
    "lint",
    ["eslint: eslint .", "exit: prettier --check ."],
  ],
  ["npm run build", { build: "tsc" }, "build", ["tsc: tsc"]],
  ["npm run build", { build: "tsc && vite build" }, "build", "whole: it is a script of several commands"],
] as const)("%s %j of kind %s", (run, scripts, kind, expected) => {
  expect(told(plan(run, scripts, kind))).toEqual(expected)
})
