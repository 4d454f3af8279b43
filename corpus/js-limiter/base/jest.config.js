module.exports = {
  testEnvironment: "node",
  coverageThreshold: { global: { lines: 90, branches: 80 } },
}
