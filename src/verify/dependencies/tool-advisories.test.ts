import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { Locked } from "./lock.ts"
import type { Ecosystem } from "./manifest.ts"
import { toolAdvisories } from "./tool-advisories.ts"

/*
 * The tools ask the network, so none of them runs here: a program of each one's name notes what it was asked and answers as
 * the tool's own project publishes its answers, shortened to what is read and some of what is not.
 */

const locked = (name: string, version: string): Locked => ({ name, version, installScript: false })

const pipAudit = {
  dependencies: [
    {
      name: "flask",
      version: "0.5",
      vulns: [
        {
          id: "PYSEC-2019-179",
          fix_versions: ["1.0"],
          aliases: ["CVE-2019-1010083"],
          description: "Flask before 1.0 is affected by\nunexpected memory usage.",
        },
      ],
    },
    { name: "jinja2", version: "3.1.6", vulns: [] },
    { name: "inner", skip_reason: "Dependency not found on PyPI and could not be audited: inner (1.0)" },
  ],
  fixes: [],
}
const rustsec = (version: string) => ({
  advisory: {
    id: "RUSTSEC-2020-0071",
    package: "time",
    title: "Potential segfault in the time crate",
    aliases: ["CVE-2020-26235"],
    cvss: "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H",
    informational: null,
  },
  versions: { patched: [">=0.2.23"], unaffected: ["=0.2.0"] },
  affected: null,
  package: { name: "time", version, source: "registry+https://github.com/rust-lang/crates.io-index" },
})
const cargoAudit = {
  database: { "advisory-count": 549, "last-commit": "84c633df", "last-updated": "2023-06-13T13:10:24Z" },
  lockfile: { "dependency-count": 375 },
  settings: { target_arch: null, target_os: null, severity: null, ignore: [] },
  vulnerabilities: { found: true, count: 2, list: [rustsec("0.1.43"), rustsec("0.1.44")] },
  warnings: {},
}
const osv = (id: string, fixed: string) => ({
  osv: {
    schema_version: "1.3.1",
    id,
    aliases: ["CVE-2020-36067"],
    details: "Out of bounds.",
    affected: [
      {
        package: { name: "github.com/tidwall/gjson", ecosystem: "Go" },
        ranges: [{ type: "SEMVER", events: [{ introduced: "0" }, { fixed }] }],
        ecosystem_specific: { imports: [{ path: "github.com/tidwall/gjson", symbols: ["unwrap"] }] },
      },
    ],
  },
})
const govulncheck = [
  { config: { protocol_version: "v1.0.0", scanner_name: "govulncheck", scan_mode: "query" } },
  { progress: { message: "Looking up vulnerabilities in github.com/tidwall/gjson at v1.6.5..." } },
  osv("GO-2021-0054", "1.6.6"),
  osv("GO-2020-0001", "1.6.0"),
]
  .map((message) => `${JSON.stringify(message, null, 2)}\n`)
  .join("")

const cases: {
  ecosystem: Ecosystem
  program: string
  answer: string
  packages: Locked[]
  asked: RegExp
  told: object
}[] = [
  {
    ecosystem: "python",
    program: "pip-audit",
    answer: JSON.stringify(pipAudit),
    packages: [locked("Flask", "0.5"), locked("jinja2", "3.1.6"), locked("inner", "1.0")],
    asked: /--no-deps --disable-pip --format json[\s\S]*Flask==0\.5\njinja2==3\.1\.6\ninner==1\.0/,
    told: {
      by: "pip-audit",
      unseen: ["inner"],
      advisories: [
        {
          name: "Flask",
          version: "0.5",
          title: "PYSEC-2019-179 (CVE-2019-1010083): Flask before 1.0 is affected by unexpected memory usage.",
          fixed: "from 1.0 on",
        },
      ],
    },
  },
  {
    ecosystem: "rust",
    program: "cargo-audit",
    answer: JSON.stringify(cargoAudit),
    packages: [locked("time", "0.1.43"), locked("serde", "1.0.0")],
    asked: /audit --json --file Cargo\.lock[\s\S]*# the lock/,
    told: {
      by: "cargo audit",
      advisories: [
        { name: "time", version: "0.1.43", title: expect.stringMatching(/^RUSTSEC-2020-0071 /), fixed: ">=0.2.23" },
      ],
    },
  },
  {
    ecosystem: "go",
    program: "govulncheck",
    answer: govulncheck,
    packages: [locked("github.com/tidwall/gjson", "v1.6.5")],
    asked: /-mode=query -format=json github\.com\/tidwall\/gjson@v1\.6\.5/,
    told: {
      by: "govulncheck",
      advisories: [{ title: expect.stringMatching(/^GO-2021-0054 /), fixed: "from v1.6.6 on" }],
    },
  },
]

/** A program on a PATH of its own that notes its arguments and files, and prints an answer. */
async function withProgram(
  name: string,
  answer: string,
  exits: number,
  act: (noted: () => Promise<string>) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), "flyball-tools-"))
  const path = process.env.PATH
  try {
    await mkdir(join(folder, "bin"))
    await writeFile(join(folder, "answer"), answer)
    const script = `#!/bin/sh\n{ echo "$@"; cat requirements.txt Cargo.lock 2>/dev/null; } >"${folder}/noted"\ncat "${folder}/answer"\nexit ${exits}\n`
    await writeFile(join(folder, "bin", name), script, { mode: 0o755 })
    process.env.PATH = `${join(folder, "bin")}:/usr/bin:/bin`
    await act(() => readFile(join(folder, "noted"), "utf8"))
  } finally {
    process.env.PATH = path
    await rm(folder, { recursive: true, force: true })
  }
}

const { signal } = new AbortController()

test.each(cases)("$program is asked for what comes alone, and its answer is read", async (given) => {
  const { ecosystem, program, answer, packages, asked, told } = given
  await withProgram(program, answer, 1, async (noted) => {
    expect(await toolAdvisories(ecosystem, { lock: "# the lock\n", packages }, signal)).toMatchObject({
      is: "known",
      ...told,
    })
    expect(await noted()).toMatch(asked)
  })
})

test.each(cases)(
  "$program without an answer is unknown, and never `none known`",
  async ({ ecosystem, program, packages }) => {
    for (const answer of ["", "{}", '{"dependencies": 3', "error: no network"])
      await withProgram(program, answer, 0, async () => {
        expect(await toolAdvisories(ecosystem, { lock: "", packages }, signal)).toMatchObject({ is: "unknown" })
      })
  },
)

test.each(cases)("where $program is not installed, that is said", async ({ ecosystem, packages }) => {
  await withProgram("something-else", "", 0, async () => {
    const asked = await toolAdvisories(ecosystem, { lock: "", packages }, signal)
    expect(asked).toMatchObject({ is: "unknown", why: expect.stringMatching(/is not installed here/) })
  })
})
