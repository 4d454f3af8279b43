import { ava } from "./ava.ts"
import { bandit } from "./bandit.ts"
import { bats } from "./bats.ts"
import { biome } from "./biome.ts"
import { cargoTest } from "./cargo-test.ts"
import { clippy } from "./clippy.ts"
import { dependencyCruiser } from "./dependency-cruiser.ts"
import { eslint } from "./eslint.ts"
import { goArchLint } from "./go-arch-lint.ts"
import { goBench } from "./go-bench.ts"
import { goTest } from "./go-test.ts"
import { golangciLint } from "./golangci-lint.ts"
import { gosec } from "./gosec.ts"
import { hyperfine } from "./hyperfine.ts"
import { importLinter } from "./import-linter.ts"
import { jest } from "./jest.ts"
import { mocha } from "./mocha.ts"
import { mypy } from "./mypy.ts"
import { nodeTap } from "./node-tap.ts"
import { nodeTest } from "./node-test.ts"
import { prove } from "./prove.ts"
import { pyright } from "./pyright.ts"
import { pytest } from "./pytest.ts"
import { pytestBenchmark } from "./pytest-benchmark.ts"
import { ruff } from "./ruff.ts"
import type { Runner, TreeFiles } from "./runner.ts"
import { sarif } from "./sarif.ts"
import { semgrep } from "./semgrep.ts"
import { tap } from "./tap.ts"
import { tape } from "./tape.ts"
import { tsc } from "./tsc.ts"
import { unittest } from "./unittest.ts"
import { vitest } from "./vitest.ts"
import { vitestBench } from "./vitest-bench.ts"

/** Every runner whose machine format is read; a command none of them recognises is believed by its exit code alone. */
export const runners = {
  // Benchmarks first: they are started through the same programs as tests.
  "vitest bench": vitestBench,
  "go bench": goBench,
  "pytest-benchmark": pytestBenchmark,
  hyperfine,
  vitest,
  jest,
  "node:test": nodeTest,
  mocha,
  pytest,
  unittest,
  "go test": goTest,
  "cargo test": cargoTest,
  ava,
  "node-tap": nodeTap,
  tape,
  prove,
  bats,
  tap,
  eslint,
  biome,
  ruff,
  "golangci-lint": golangciLint,
  clippy,
  tsc,
  mypy,
  pyright,
  bandit,
  gosec,
  semgrep,
  "dependency-cruiser": dependencyCruiser,
  "import-linter": importLinter,
  "go-arch-lint": goArchLint,
  // Last: a tool that is known by its own format is read by that.
  sarif,
} satisfies Record<string, Runner>

/** The runner that this argv starts. */
export function runnerOf(argv: readonly string[], tree?: TreeFiles): Runner | undefined {
  return Object.values(runners).find((runner: Runner) => runner.recognise(argv, tree))
}
