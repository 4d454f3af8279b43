import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Changes, changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { diffReasonable } from "./diff-reasonable.ts"
import { noSecrets } from "./no-secrets.ts"

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

describe("diff_reasonable", () => {
  const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i}`).join("\n")
  test.each<[string, Files, string]>([
    ["too many lines", { "src/big.js": lines(500) }, "500 lines"],
    ["too many files", Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`src/${i}.js`, "x\n"])), "11 files"],
    ["a binary", { "src/logo.png": Buffer.from([0x89, 0x50, 0, 0, 1, 2, 3]) }, "src/logo.png is a binary file"],
    ["a huge file on one line", { "src/data.json": `"${"x".repeat(1_200_000)}"` }, "src/data.json is 1172 KiB"],
    [
      "a link out of the tree",
      { "src/passwd": { link: "../../etc/passwd" } },
      "src/passwd is a symbolic link that leaves the repository",
    ],
    ["an absolute link", { "src/etc": { link: "/etc" } }, "leaves the repository"],
    ["a link into .git", { "src/hooks": { link: "../.git/hooks" } }, "into .git"],
    ["a file that becomes a link out", { "src/add.js": { link: "../../x.js" } }, "leaves the repository"],
    ["a submodule", { vendor: { gitlink: "a".repeat(40) } }, "vendor is a submodule"],
    ["a mode", { "run.sh": { executable: "echo hi\n" } }, "run.sh changes its mode from 100644 to 100755"],
    ["nothing at all", {}, "Nothing differs from the base"],
    [
      "a secret",
      { "src/key.js": `const key = "AKIA${"ABCDEFGH234567QR"}"\n` },
      "src/key.js:1 has the shape of a secret (AWS access key)",
    ],
    [
      "a secret in what passes for a binary",
      { "src/key.bin": Buffer.from(`\0\nghp_${"a1B2".repeat(9)}\n`) },
      "GitHub token",
    ],
  ])("refuses %s", async (_name, files, said) => {
    const judged = await diffReasonable(await change.facts(files))
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker" })
    expect(judged.feedback).toContain(said)
  })

  test.each<[string, Files]>([
    ["a fix", { "src/add.js": "export const add = (a, b) => a + b\n" }],
    ["a link inside the tree", { "src/sum.js": { link: "add.js" } }],
    ["a lock file of any length", { "src/add.js": "x\n", "package-lock.json": lines(5000) }],
    ["a deleted file", { "src/add.js": null }],
  ])("lets %s be", async (_name, files) => {
    expect(await diffReasonable(await change.facts(files))).toMatchObject({ outcome: "pass" })
  })
})

describe("secrets", () => {
  const b64 = (n: number) => "Ab1cD2eF3gH4".repeat(20).slice(0, n)
  test.each([
    ["private key", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    ["GitHub fine-grained token", `github_pat_${b64(82)}`],
    ["GitLab token", `glpat-${b64(20)}`],
    ["Slack token", `xoxb-${"1234567890-".repeat(2)}${b64(24)}`],
    ["Slack webhook", `https://hooks.slack.com/services/T0000/B0000/${b64(24)}`],
    ["Stripe key", `sk_live_${b64(24)}`],
    ["Anthropic key", `sk-ant-api03-${b64(93)}AA`],
    ["OpenAI key", `sk-proj-${b64(48)}`],
    ["Google API key", `AIza${b64(35)}`],
    ["npm token", `npm_${b64(36)}`],
    ["password in a URL", "postgres://app:Zk83hfQ0ap@db.internal.net/prod"],
  ])("knows the shape of a %s, and never repeats it", async (rule, secret) => {
    const judged = await noSecrets(await change.facts({ "src/config.js": `// first\nconst it = "${secret}"\n` }))
    expect(judged.feedback).toContain(`${rule} in src/config.js:2`)
    expect(JSON.stringify(judged)).not.toContain(secret.slice(0, 40))
  })

  test.each([
    "postgres://user:password@localhost/db",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-something-short",
    "https://example.com/a:b@c",
    "the skill_live_demo",
  ])("lets %s be", async (text) => {
    expect(await noSecrets(await change.facts({ "src/config.js": `const it = "${text}"\n` }))).toMatchObject({
      outcome: "pass",
    })
  })

  test("what the base already holds is not this change's doing", async () => {
    const secret = `AKIA${"ABCDEFGH234567QR"}`
    const leaky = await change.commit({ "old.js": `const key = "${secret}"\nlet a\n` })
    expect(
      await noSecrets(await change.facts({ "old.js": `const key = "${secret}"\nlet b\n` }, {}, leaky)),
    ).toMatchObject({ outcome: "pass" })
  })
})
