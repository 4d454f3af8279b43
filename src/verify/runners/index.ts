import { biome } from "./biome.ts"
import { cargoTest } from "./cargo-test.ts"
import { clippy } from "./clippy.ts"
import { eslint } from "./eslint.ts"
import { goTest } from "./go-test.ts"
import { golangciLint } from "./golangci-lint.ts"
import { jest } from "./jest.ts"
import { mocha } from "./mocha.ts"
import { mypy } from "./mypy.ts"
import { nodeTest } from "./node-test.ts"
import { pyright } from "./pyright.ts"
import { pytest } from "./pytest.ts"
import { ruff } from "./ruff.ts"
import type { Runner } from "./runner.ts"
import { tsc } from "./tsc.ts"
import { vitest } from "./vitest.ts"

/** Every runner whose machine format is read; a command none of them recognises is believed by its exit code alone. */
export const runners = {
  vitest,
  jest,
  "node:test": nodeTest,
  mocha,
  pytest,
  "go test": goTest,
  "cargo test": cargoTest,
  eslint,
  biome,
  ruff,
  "golangci-lint": golangciLint,
  clippy,
  tsc,
  mypy,
  pyright,
} satisfies Record<string, Runner>

/** The runner that this argv starts. */
export function runnerOf(argv: readonly string[]): Runner | undefined {
  return Object.values(runners).find((runner: Runner) => runner.recognise(argv))
}
