import { expect, test } from "vitest"
import { explain } from "./explain.ts"
import { loopSchema } from "./json-schema.ts"
import { loadLoop } from "./load.ts"
import { load, loop, nothing } from "./testing.ts"

test.each([
  ["[]", []],
  ["npm", ["npm"]],
  ["[ NPM, npm ]", ["npm"]],
  ["[ pypi, api.example.com ]", ["pypi", "api.example.com"]],
  ["API.Example.com.", ["api.example.com"]],
  ['"*.internal.example:8443"', ["*.internal.example:8443"]],
  ['"*"', ["*"]],
  ["10.1.2.3", ["10.1.2.3"]],
  ['"[2001:4860::8888]:853"', ["[2001:4860::8888]:853"]],
  ['"2001:4860::8888"', ["[2001:4860::8888]"]],
  ['"localhost:5432"', ["localhost:5432"]],
  ['"private:npm.corp.example"', ["private:npm.corp.example"]],
  ['"private:registry:4873"', ["private:registry:4873"]],
  ["bücher.example", ["xn--bcher-kva.example"]],
])("network: %s", async (written, hosts) => {
  const { loop: read, diagnostics } = await load(loop({ more: `network: ${written}` }))
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(read?.network).toEqual(hosts)
})

test.each([
  ["https://api.example.com/v1", 1, "no URL", "api.example.com"],
  ["https://api.example.com:8443", 1, "no URL", "api.example.com:8443"],
  ["api.example.com/v1", 16, "named whole", undefined],
  ["10.0.0.0/8", 1, "no ranges", undefined],
  ["api.*.example.com", 5, "only at its beginning", undefined],
  ["*.*.example.com", 3, "only at its beginning", undefined],
  ["*example.com", 1, "only at its beginning", undefined],
  ["10.0.0.*", 8, "only at its beginning", undefined],
  ["10.0.0.1-10.0.0.9", 1, "", undefined],
  ["169.254.169.254", 1, "clouds give out keys", undefined],
  ["fd00:ec2::254", 1, "clouds give out keys", undefined],
  ["2130706433", 1, "is the address 127.0.0.1", "127.0.0.1"],
  ["localhost", 1, "one port is opened", undefined],
  ["127.0.0.1", 1, "one port is opened", undefined],
  ["private:*.corp.example", 1, "no pattern opens it", undefined],
  ["example.com:99999", 1, "is no port", undefined],
  ["me@example.com", 3, "One host is written here", undefined],
  ["a.example b.example", 10, "One host is written here", undefined],
  ["nmp", 1, "no registry", "npm"],
  ["none", 1, "is no host", undefined],
  ["", 1, "expected here", undefined],
])("network: %j is an error at its place", async (written, column, message, suggestion) => {
  const { loop: read, diagnostics } = await load(loop({ more: `network:\n  - npm\n  - ${JSON.stringify(written)}` }))
  const [error, ...more] = diagnostics.filter(({ severity }) => severity === "error")
  expect(more).toEqual([])
  expect(error).toMatchObject({ code: "BAD_HOST", message: expect.stringContaining(message), line: 11 })
  // Behind the dash and the quote.
  if (written !== "") expect(error?.column).toBe(column + 5)
  expect(error?.suggestion).toBe(suggestion)
  expect(read).toBeUndefined()
})

test("what the loop says takes the place of the project's default, which holds where it says nothing", async () => {
  const config = "defaults: { network: [ pypi ] }\n"
  const tree = { ...nothing, read: async (path: string) => (path === ".flyball/config.yaml" ? config : undefined) }
  const read = async (more: string) =>
    (await loadLoop({ file: "l.yaml", text: loop({ more }) }, { repo: "/repo", tree })).loop?.network
  expect(await read("")).toEqual(["pypi"])
  expect(await read("network: []")).toEqual([])
})

test("a loop that says nothing of the network has the hash it had, and one that does another", async () => {
  const [unsaid, nowhere, npm] = await Promise.all(
    ["", "network: []", "network: npm"].map(async (more) => (await load(loop({ more }))).loop),
  )
  expect(unsaid).not.toHaveProperty("network")
  expect(new Set([unsaid?.hash, nowhere?.hash, npm?.hash]).size).toBe(3)
})

test("--explain shows it, and its output is the same loop", async () => {
  const { loop: read } = await load(loop({ more: 'network: [ go, "*.example.com" ]' }))
  if (read === undefined) throw new Error("the loop can't be read")
  const shown = explain(read)
  for (const host of ["go", "*.example.com"]) expect(shown).toContain(host)
  expect((await load(shown)).loop).toMatchObject({ hash: read.hash, network: read.network })
})

test("the schema for editors knows it", () => {
  expect(JSON.stringify(loopSchema())).toContain('"network":')
})
