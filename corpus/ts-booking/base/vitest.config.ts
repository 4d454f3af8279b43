import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    coverage: { thresholds: { lines: 90, branches: 85 } },
  },
})
