import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/slow/**", "**/fixtures/**", "**/node_modules/**", "examples/**"],
    globalSetup: ["test/build.setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // CI's machines are noisy: there a test has a second try, and here none.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: "forks",
    // Most of the time a test waits for processes that it started: two at once are half the time on two cores.
    poolOptions: { forks: { maxForks: Math.max(2, availableParallelism() - 1) } },
  },
})
