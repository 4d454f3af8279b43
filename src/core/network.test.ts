import { expect, test } from "vitest"
import { networkInWords } from "./network.ts"

test.each([
  ["claude", undefined, "its model alone"],
  ["claude", [], "its model alone"],
  ["claude", ["npm", "api.example.com"], "its model, npm, api.example.com"],
  ["command", undefined, "the project's package registries"],
  ["command", [], "nothing"],
  ["command", ["*.example.com:8443", "pypi"], "*.example.com:8443, pypi"],
  ["replay", undefined, "nothing"],
] as const)("%s with %j reaches %s", (use, network, words) => {
  expect(networkInWords(network === undefined ? {} : { network: [...network] }, { use })).toBe(words)
})
