import { createServer } from "node:http"
import { expect, test } from "vitest"
import { changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { dependenciesOk } from "./dependencies-ok.ts"

/* Real commits; npm itself, against a registry that a test plays where one has to answer. */

type Package = Record<string, unknown>
const manifest = (dependencies: Record<string, string>) => JSON.stringify({ name: "p", version: "1.0.0", dependencies })
const lock = (packages: Record<string, Package>, dependencies: Record<string, string> = {}) =>
  JSON.stringify({
    name: "p",
    version: "1.0.0",
    lockfileVersion: 3,
    packages: {
      "": { name: "p", version: "1.0.0", dependencies },
      ...Object.fromEntries(Object.entries(packages).map(([name, facts]) => [`node_modules/${name}`, facts])),
    },
  })
const from = (name: string, version: string, more: Package = {}): Package => ({
  version,
  resolved: `https://registry.example/${name}/-/${name}-${version}.tgz`,
  integrity: `sha512-${name}${version}`,
  license: "MIT",
  ...more,
})
const ms = from("ms", "2.0.0")
const lodash = from("lodash", "4.17.21")
const base = {
  "package.json": manifest({ ms: "^2.0.0", lodash: "^4.17.0" }),
  "package-lock.json": lock({ ms, lodash }, { ms: "^2.0.0", lodash: "^4.17.0" }),
  // Nobody answers there: advisories can't be looked up, and that is said.
  ".npmrc": "registry=http://127.0.0.1:9/\n",
}

type Case = {
  name: string
  to: Record<string, string>
  source?: string
  outcome: "pass" | "fail"
  blame?: "maker" | "person"
  failing?: string[]
  says?: RegExp
  caveat?: RegExp
}
const with_ = (name: string, spec: string, facts?: Package): Record<string, string> => ({
  "package.json": manifest({ ms: "^2.0.0", lodash: "^4.17.0", [name]: spec }),
  ...(facts === undefined ? {} : { "package-lock.json": lock({ ms, lodash, [name]: facts }) }),
})
const cases: Case[] = [
  { name: "no manifest changes", to: { "a.js": "1\n" }, outcome: "pass", says: /no manifest/ },
  {
    name: "scripts of package.json are another check's",
    to: { "package.json": JSON.stringify({ ...JSON.parse(base["package.json"]), description: "x" }) },
    outcome: "pass",
    says: /nothing comes or moves/,
  },
  {
    name: "a new package is named, with its licence; that nobody could be asked for advisories is said",
    to: with_("nanoid", "^5.0.0", from("nanoid", "5.0.1")),
    outcome: "pass",
    says: /nanoid 5\.0\.1 \(MIT\)/,
    caveat: /Advisories .* were not looked up/,
  },
  {
    name: "a moved version is named",
    to: { "package-lock.json": lock({ ms: from("ms", "2.1.3"), lodash }) },
    outcome: "pass",
    says: /moved: ms 2\.0\.0 → 2\.1\.3/,
  },
  {
    name: "a manifest without its lock",
    to: with_("nanoid", "^5.0.0"),
    source: "outdated_dependencies",
    outcome: "fail",
    blame: "maker",
    failing: ["not locked: nanoid"],
    says: /bring the lock file up to date/,
  },
  {
    name: "a manifest without its lock, where the lock is protected",
    to: with_("nanoid", "^5.0.0"),
    outcome: "fail",
    blame: "maker",
    failing: ["not locked: nanoid"],
    says: /not about dependencies.*do without/,
  },
  {
    name: "a version that the lock does not satisfy",
    to: { "package.json": manifest({ ms: "^3.0.0", lodash: "^4.17.0" }) },
    outcome: "fail",
    blame: "maker",
    failing: ["not locked: ms"],
  },
  {
    name: "an install script",
    to: with_("husky-like", "1.0.0", from("husky-like", "1.0.0", { hasInstallScript: true })),
    outcome: "fail",
    blame: "person",
    failing: ["install script husky-like"],
  },
  {
    name: "a git dependency",
    to: with_(
      "thing",
      "github:someone/thing",
      from("thing", "1.0.0", { resolved: "git+ssh://git@github.com/x/y.git#1" }),
    ),
    outcome: "fail",
    blame: "person",
    failing: ["source thing"],
  },
  {
    name: "a tarball of another host",
    to: with_("thing", "1.0.0", from("thing", "1.0.0", { resolved: "https://evil.example/thing.tgz" })),
    outcome: "fail",
    blame: "person",
    failing: ["source thing"],
  },
  {
    name: "a name like another",
    to: with_("1odash", "1.0.0", from("1odash", "1.0.0")),
    outcome: "fail",
    blame: "person",
    failing: ["name 1odash"],
    says: /looks like lodash/,
  },
  {
    name: "a licence that is not allowed",
    to: with_("gpl-thing", "1.0.0", from("gpl-thing", "1.0.0", { license: "AGPL-3.0-only" })),
    outcome: "fail",
    blame: "person",
    failing: ["licence gpl-thing"],
  },
  {
    name: "no licence at all",
    to: with_("bare-thing", "1.0.0", { ...from("bare-thing", "1.0.0"), license: undefined }),
    outcome: "fail",
    blame: "person",
    failing: ["licence bare-thing"],
  },
  {
    name: "the same version with other contents",
    to: { "package-lock.json": lock({ ms: { ...ms, integrity: "sha512-other" }, lodash }) },
    outcome: "fail",
    blame: "person",
    failing: ["swapped ms"],
  },
  {
    name: "a lock file that can't be read",
    to: { "package-lock.json": "{ <<<<<<<" },
    outcome: "fail",
    blame: "maker",
    failing: ["unreadable package-lock.json"],
  },
]

test.each(cases)("npm: $name", { timeout: 60_000 }, async ({ to, source, outcome, blame, failing, says, caveat }) => {
  await using repository = await changes()
  const onto = await repository.commit(base)
  const judged = await dependenciesOk(await repository.facts(to, source === undefined ? {} : { source }, onto))
  expect(judged).toMatchObject({ outcome, failing: failing ?? [], ...(blame === undefined ? {} : { blame }) })
  expect(judged.summary).toMatch(says ?? /./)
  if (caveat !== undefined) expect(judged.caveats.join("\n")).toMatch(caveat)
})

test.each<[string, Files, Files, object]>([
  [
    "without a lock, another version is named and may come",
    { "requirements.txt": "requests==2.31.0\n" },
    { "requirements.txt": "requests==2.32.0\n" },
    {
      outcome: "pass",
      summary: expect.stringMatching(/requests ==2\.31\.0 → ==2\.32\.0/),
      caveats: [expect.stringMatching(/No lock file pins requests/)],
    },
  ],
  [
    "without a lock, what is new is asked about",
    { "requirements.txt": "requests==2.31.0\n" },
    { "requirements.txt": "requests==2.32.0\nrich>=13  # colours\n" },
    {
      outcome: "fail",
      blame: "person",
      failing: ["unlocked rich"],
      summary: expect.stringMatching(/rich >=13 is new in requirements\.txt, and no lock file/),
    },
  ],
  [
    "without a lock, npm's are asked about likewise",
    { "package.json": manifest({ ms: "^2.0.0" }), "package-lock.json": null },
    { "package.json": manifest({ ms: "^2.0.0", "left-pad": "^1.3.0" }) },
    { outcome: "fail", blame: "person", failing: ["unlocked left-pad"] },
  ],
  [
    "without a lock, what another package of the repository asks for, or is, is not new",
    {
      "package.json": manifest({ ms: "^2.0.0" }),
      "package-lock.json": null,
      "packages/b/package.json": JSON.stringify({ name: "@own/b" }),
      "packages/a/package.json": JSON.stringify({ name: "@own/a" }),
    },
    { "packages/a/package.json": JSON.stringify({ name: "@own/a", dependencies: { "@own/b": "*", ms: "^2.0.0" } }) },
    { outcome: "pass", caveats: expect.arrayContaining([expect.stringMatching(/No lock file pins ms/)]) },
  ],
  [
    "a requirement from git",
    { "requirements.txt": "requests\n" },
    { "requirements.txt": "requests\nthing @ git+https://example.com/x.git\n" },
    { outcome: "fail", blame: "person", failing: ["source thing", "unlocked thing"] },
  ],
  [
    "a name like another, in Python",
    { "requirements.txt": "requests\n" },
    { "requirements.txt": "requests\nreqeusts\n" },
    { outcome: "fail", blame: "person", failing: ["name reqeusts", "unlocked reqeusts"] },
  ],
  [
    "pyproject.toml without its uv.lock",
    {
      "pyproject.toml": '[project]\nname="p"\ndependencies=["attrs"]\n',
      "uv.lock":
        'version = 1\n[[package]]\nname = "attrs"\nversion = "1.0"\nsource = { registry = "https://index.example/simple" }\n',
    },
    { "pyproject.toml": '[project]\nname="p"\ndependencies=["attrs","rich>=13"]\n' },
    { outcome: "fail", blame: "maker", failing: ["not locked: rich"] },
  ],
  [
    "go.mod without go.sum's line",
    { "go.mod": "module m\n\ngo 1.22\n", "go.sum": "" },
    { "go.mod": "module m\n\ngo 1.22\n\nrequire golang.org/x/text v0.3.0\n" },
    { outcome: "fail", blame: "maker", failing: ["not locked: golang.org/x/text"] },
  ],
  [
    "a replaced Go module",
    { "go.mod": "module m\n" },
    { "go.mod": "module m\nreplace golang.org/x/text => github.com/other/text v1.0.0\n" },
    { outcome: "fail", blame: "person" },
  ],
  [
    "Cargo.toml with its lock",
    { "Cargo.toml": '[package]\nname="p"\nversion="0.1.0"\n', "Cargo.lock": "version = 4\n" },
    {
      "Cargo.toml": '[package]\nname="p"\nversion="0.1.0"\n[dependencies]\nserde = "1"\n',
      "Cargo.lock":
        'version = 4\n[[package]]\nname = "serde"\nversion = "1.0.200"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "ab"\n',
    },
    { outcome: "pass", caveats: expect.arrayContaining([expect.stringMatching(/records no licences/)]) },
  ],
  [
    "pnpm's lock, and a package from git in it",
    { "package.json": manifest({}), "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" },
    {
      "package.json": manifest({ thing: "1.0.0" }),
      "pnpm-lock.yaml":
        "lockfileVersion: '9.0'\npackages:\n  thing@1.0.0:\n    resolution: { type: git, repo: 'https://x.example/y', commit: abc }\n",
    },
    { outcome: "fail", blame: "person", failing: ["source thing"] },
  ],
  [
    "yarn's lock",
    { "package.json": manifest({}), "yarn.lock": "# yarn lockfile v1\n", "package-lock.json": "" },
    {
      "package.json": manifest({ "left-pad": "^1.3.0" }),
      "yarn.lock":
        '# yarn lockfile v1\n\n\nleft-pad@^1.3.0:\n  version "1.3.0"\n  resolved "https://registry.example/left-pad/-/left-pad-1.3.0.tgz#5b8a"\n  integrity sha512-XI\n',
    },
    { outcome: "pass", summary: expect.stringMatching(/new: left-pad 1\.3\.0/) },
  ],
])("%s", async (_, before, to, expected) => {
  await using repository = await changes()
  const onto = await repository.commit(before)
  expect(await dependenciesOk(await repository.facts(to, {}, onto))).toMatchObject(expected)
})

test("an advisory on what comes is the maker's to mend, by npm audit itself", { timeout: 60_000 }, async () => {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const bulk = request.url?.endsWith("/-/npm/v1/security/advisories/bulk") === true
      response.writeHead(bulk ? 200 : 404, { "content-type": "application/json" })
      const advisory = {
        id: 1,
        url: "https://example.com/GHSA-1",
        title: "Prototype pollution",
        severity: "high",
        vulnerable_versions: "<1.2.6",
        cwe: [],
        cvss: { score: 0 },
      }
      response.end(JSON.stringify(bulk ? { minimist: [advisory] } : {}))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  try {
    await using repository = await changes()
    const onto = await repository.commit({ ...base, ".npmrc": `registry=http://127.0.0.1:${port}/\n` })
    const to = with_("minimist", "1.2.0", from("minimist", "1.2.0"))
    const judged = await dependenciesOk(await repository.facts(to, {}, onto))
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker", failing: ["advisory minimist"] })
    expect(judged.feedback).toMatch(/Prototype pollution.*outside <1\.2\.6/)
  } finally {
    server.close()
  }
})

test.each<[string, string[] | undefined, string, "pass" | "fail"]>([
  ["the built-in list", undefined, "LGPL-3.0-only", "fail"],
  ["a list that adds to it", ["default", "LGPL-3.0-only"], "LGPL-3.0-only", "pass"],
  ["a list that adds to it, of what is on it", ["default", "LGPL-3.0-only"], "(MIT OR GPL-3.0-only)", "pass"],
  ["a list of its own, of what is not on it", ["Apache-2.0"], "MIT", "fail"],
])("licences by %s: %s for %s is a %s", async (_, licences, license, outcome) => {
  await using repository = await changes()
  const onto = await repository.commit(base)
  const facts = await repository.facts(with_("nanoid", "^5.0.0", from("nanoid", "5.0.1", { license })), {}, onto)
  const guardrails = licences === undefined ? facts.guardrails : { ...facts.guardrails, licences }
  expect(await dependenciesOk({ ...facts, guardrails })).toMatchObject({ outcome })
})
