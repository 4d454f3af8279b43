import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const except = ["**/fixtures/**", "**/node_modules/**"]

// `npm test` runs `unit` (what stands beside the code, and tidiness), `npm run test:e2e` whole commands and whole loops.
export default defineConfig({
  test: {
    globalSetup: ["test/build.setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // CI's machines are noisy: there a test has a second try, and here none.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: "forks",
    // Most of the time a test waits for processes that it started: two at once are half the time on two cores.
    poolOptions: { forks: { maxForks: Math.max(2, availableParallelism() - 1) } },
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts", "test/tidy.test.ts"], exclude: except } },
      { extends: true, test: { name: "e2e", include: ["test/*.test.ts"], exclude: [...except, "test/tidy.test.ts"] } },
    ],
  },
})
