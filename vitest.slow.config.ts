import { defineConfig } from "vitest/config"

// Suites that kill processes, drive other people's tools, or take their time: `npm run test:slow`.
export default defineConfig({
  test: {
    include: ["test/slow/**/*.test.ts"],
    exclude: ["**/fixtures/**", "**/node_modules/**"],
    globalSetup: ["test/build.setup.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // CI's machines are noisy: there a test has a second try, and here none.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: "forks",
    // Two at once: most of the time each waits for what it started.
    poolOptions: { forks: { maxForks: 2 } },
  },
})
