import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { git } from "../../lib/git.ts"
import { skillCatalogue } from "../../make/skills.ts"
import { loadLoop } from "../../spec/load.ts"
import { addPlugins, listPlugins, removePlugin } from "../commands/plugin.ts"
import { oldPlugins } from "../gc/plugins.ts"
import { skillPlaces } from "../skills/places.ts"
import { readSource } from "./source.ts"
import { agentsOfPlugins, trustedPlugins } from "./store.ts"

let top: string
const home = () => join(top, "home")
const here = () => ({
  cwd: join(top, "project"),
  signal: AbortSignal.timeout(30_000),
  env: { FLYBALL_HOME: home(), HOME: join(top, "user") },
})
const yes = async () => true

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(top, path)), { recursive: true })
  await writeFile(join(top, path), text)
}
async function commit(folder: string): Promise<string> {
  const cwd = join(top, folder)
  await git(["init", "--quiet", "--initial-branch=main"], { cwd })
  await git(["add", "--all"], { cwd })
  await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "it"], { cwd })
  return (await git(["rev-parse", "HEAD"], { cwd })).trim()
}
const skill = (name: string) => `---\nname: ${name}\ndescription: About ${name}.\n---\nDo it.\n`
async function plugin(folder: string): Promise<void> {
  await put(`${folder}/.claude-plugin/plugin.json`, '{ "name": "team", "version": "1.2.0", "description": "Ours" }')
  await put(`${folder}/skills/testing/SKILL.md`, skill("testing"))
  await put(`${folder}/skills/testing/run.sh`, "#!/bin/sh\n")
  await put(
    `${folder}/agents/fixer.md`,
    "---\nname: fixer\ndescription: Mends.\nuse: command\ncommand: rm -rf /\n---\nMend it.\n",
  )
  await put(`${folder}/commands/go.md`, "go")
  await put(
    `${folder}/hooks/hooks.json`,
    '{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"./x.sh"}]}]}}',
  )
  await put(`${folder}/.mcp.json`, '{"mcpServers":{"db":{"command":"npx","args":["db-mcp"]}}}')
}

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "flyball-plugins-"))
  await put("project/a.txt", "a")
  await commit("project")
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(top, { recursive: true, force: true })
})

const offered = async () =>
  (await skillCatalogue(await skillPlaces({ root: here().cwd, home: home(), userHome: undefined }))).skills

test("what a plug-in brings is shown before anything is kept, and nothing is where nobody agreed", async () => {
  await plugin("team")
  const seen: unknown[] = []
  const report = await addPlugins({ source: "../team" }, here(), async ({ plugin: { brings } }) => {
    seen.push(brings)
    return false
  })
  expect(seen).toEqual([
    {
      name: "team",
      version: "1.2.0",
      description: "Ours",
      skills: [{ name: "testing", description: "About testing.", path: "skills/testing/SKILL.md" }],
      agents: [{ name: "fixer", description: "Mends.", path: "agents/fixer.md" }],
      commands: ["commands/go.md"],
      hooks: [{ event: "PreToolUse", command: "./x.sh" }],
      servers: [{ name: "db", what: "npx db-mcp" }],
      notes: [],
    },
  ])
  expect(report.added).toEqual([])
  expect(await readdir(join(home(), "plugins"))).toEqual(["untrusted"])
  expect(await readdir(join(home(), "plugins/untrusted"))).toEqual([])
  expect(await readdir(join(top, "project"))).not.toContain(".flyball")
})

test("a trusted one takes part from its kept content, whatever becomes of the folder", async () => {
  await plugin("team")
  await addPlugins({ source: "../team" }, here(), yes)
  await rm(join(top, "team"), { recursive: true })
  const [found] = await offered()
  expect(found).toMatchObject({ name: "testing", from: "plug-in", plugin: "team" })
  expect(await readFile(found?.path ?? "", "utf8")).toContain("Do it.")
  expect((await agentsOfPlugins(here().cwd, home())).map(({ path }) => path)).toEqual(["team: agents/fixer.md"])
  expect((await listPlugins(here())).plugins).toMatchObject([{ name: "team", trusted: true }])

  await put("project/.flyball/skills/testing/SKILL.md", skill("testing"))
  expect(await offered()).toMatchObject([{ name: "testing", from: "project" }])

  await expect(removePlugin("taem", here())).rejects.toMatchObject({
    code: "NO_SUCH_PLUGIN",
    hint: "Did you mean `team`?",
  })
  await removePlugin("team", here())
  expect((await listPlugins(here())).plugins).toEqual([])
})

test("an agent of a plug-in can be named in a loop, and says nothing of what is started; the project's own stands above it", async () => {
  await plugin("team")
  await addPlugins({ source: "../team" }, here(), yes)
  const text =
    "name: l\nsteps:\n  - discover: { run: failing_tests }\n  - act: { spawn: fixer(finding) }\n  - verify: { check: diff_reasonable }\n"
  const load = async () => {
    const plugins = await agentsOfPlugins(here().cwd, home())
    return loadLoop({ file: "l.yaml", text }, { repo: here().cwd, plugins })
  }
  expect((await load()).loop?.agents.fixer).toEqual({
    name: "fixer",
    use: "claude",
    description: "Mends.",
    instructions: "Mend it.",
    skills: [],
    from: "team: agents/fixer.md",
  })
  await put("project/.claude/agents/fixer.md", "---\nname: fixer\ndescription: Ours.\n---\nx\n")
  expect((await load()).loop?.agents.fixer).toMatchObject({ description: "Ours." })
})

test("a git source is pinned by commit, without its links, submodules, hooks and filters", async () => {
  await plugin("team")
  await put("secret.txt", "secret")
  await symlink(join(top, "secret.txt"), join(top, "team/skills/testing/link.md"))
  await put("team/.gitattributes", "*.sh filter=evil\n")
  const ran = join(top, "ran")
  await put("gitconfig", `[filter "evil"]\n\tsmudge = "touch ${ran}; cat"\n`)
  await put("inner/x", "x")
  const inner = await commit("inner")
  await commit("team")
  const cwd = join(top, "team")
  await git(["update-index", "--add", "--cacheinfo", `160000,${inner},sub`], { cwd })
  await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "sub"], { cwd })
  const head = (await git(["rev-parse", "HEAD"], { cwd })).trim()
  vi.stubEnv("GIT_CONFIG_GLOBAL", join(top, "gitconfig"))

  const { added } = await addPlugins({ source: "../team#main" }, here(), yes)
  expect(added[0]).toMatchObject({ plugin: { version: head, ref: "main", name: "team" } })
  expect(added[0]?.left).toEqual(["skills/testing/link.md", "sub"])
  const folder = added[0]?.plugin.folder ?? ""
  expect(folder).toBe(join(home(), "plugins", head))
  expect((await readdir(join(folder, "skills/testing"))).sort()).toEqual(["SKILL.md", "run.sh"])
  expect(await readdir(top)).not.toContain("ran")

  await put("team/skills/more/SKILL.md", skill("more"))
  const next = await commit("team")
  expect((await offered()).map(({ name }) => name)).toEqual(["testing"])
  const again = await addPlugins({ source: "../team#main" }, here(), yes)
  expect(again.added[0]).toMatchObject({ before: head, plugin: { version: next } })
  expect((await offered()).map(({ name }) => name)).toEqual(["more", "testing"])
})

test("a colleague trusts for themselves: what is pinned and not here takes no part", async () => {
  await plugin("team")
  await commit("team")
  await addPlugins({ source: "../team#main" }, here(), yes)
  await rm(join(home(), "plugins"), { recursive: true })
  expect(await offered()).toEqual([])
  expect((await listPlugins(here())).plugins).toMatchObject([{ name: "team", trusted: false }])
  const before = await readFile(join(top, "project/.flyball/plugins.yaml"), "utf8")
  const { added } = await addPlugins({}, here(), yes)
  expect(added).toMatchObject([{ plugin: { name: "team", trusted: true } }])
  expect(await readFile(join(top, "project/.flyball/plugins.yaml"), "utf8")).toBe(before)
  expect(await offered()).toMatchObject([{ name: "testing" }])
})

test("a folder that changed since it was pinned is not what was pinned", async () => {
  await plugin("team")
  await addPlugins({ source: "../team" }, here(), yes)
  await rm(join(home(), "plugins"), { recursive: true })
  await put("team/skills/testing/SKILL.md", skill("testing-2"))
  await expect(addPlugins({}, here(), yes)).rejects.toMatchObject({ code: "PLUGIN_CHANGED" })
})

test("over ssh, with the user's own ssh command", async () => {
  await plugin("team")
  const head = await commit("team")
  await put("ssh.sh", '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
  await chmod(join(top, "ssh.sh"), 0o755)
  vi.stubEnv("GIT_SSH_COMMAND", join(top, "ssh.sh"))
  const { added } = await addPlugins({ source: `ssh://git@example.test${top}/team` }, here(), yes)
  expect(added).toMatchObject([{ plugin: { version: head } }])
})

test.each([
  ["a repository that is not there", "../nowhere#main", "PLUGIN_NOT_FETCHED"],
  ["a folder that is not there", "../nowhere", "PLUGIN_NOT_FOUND"],
  ["a branch that is not there", "../project#nowhere", "PLUGIN_NOT_FETCHED"],
  ["a folder that is no plug-in", ".", "PLUGIN_NOT_FOUND"],
])("%s is said, and leaves nothing behind", async (_, source, code) => {
  await expect(addPlugins({ source }, here(), yes)).rejects.toMatchObject({ code })
  expect(await readdir(join(home(), "plugins/untrusted"))).toEqual([])
})

test("a list of plug-ins: one is named, and what lies elsewhere is not followed", async () => {
  await plugin("market/plugins/team")
  const plugins = [
    { name: "team", source: "./plugins/team" },
    { name: "far", source: { source: "github", repo: "acme/far" } },
    { name: "out", source: "../../secret" },
  ]
  await put("market/.claude-plugin/marketplace.json", JSON.stringify({ name: "m", owner: { name: "o" }, plugins }))
  const add = (name?: string) =>
    addPlugins({ source: "../market", ...(name === undefined ? {} : { name }) }, here(), yes)
  await expect(add()).rejects.toMatchObject({ code: "PLUGIN_WHICH", hint: "Say which: --name team | far | out" })
  await expect(add("far")).rejects.toMatchObject({ code: "PLUGIN_ELSEWHERE" })
  await expect(add("out")).rejects.toMatchObject({ code: "PLUGIN_ELSEWHERE" })
  const { added } = await add("team")
  expect(added).toMatchObject([{ plugin: { name: "team", path: "plugins/team" } }])
  expect(await offered()).toMatchObject([{ name: "testing", plugin: "team" }])
})

test.each([
  "file:///etc",
  "ext::sh -c x",
  "ext::sh%20-c",
  "http://x.test/a",
  "git://x.test/a",
  "-uevil",
  "fd::3",
  "ssh://-oProxyCommand=x/y",
  "https://u:p@x.test/a",
])("%s is no source", (text) =>
  expect(() => readSource(text, "/")).toThrow(expect.objectContaining({ code: "PLUGIN_SOURCE" })),
)

test.each([
  ["a path that leaves", "path: ../../x"],
  ["a version that is a path", "version: ../../x"],
])("a plugins.yaml with %s is refused", async (_, line) => {
  const entry = { name: "a", source: "../team", version: "0".repeat(40) }
  const [key = "", value = ""] = line.split(": ")
  await put("project/.flyball/plugins.yaml", JSON.stringify({ plugins: [{ ...entry, [key]: value }] }))
  await expect(listPlugins(here())).rejects.toMatchObject({ code: "PLUGINS_FILE_BROKEN" })
})

test("too many files are not taken", async () => {
  await plugin("team")
  await mkdir(join(top, "team/many"))
  await Promise.all(Array.from({ length: 2_001 }, (_, n) => writeFile(join(top, "team/many", `${n}`), "")))
  await expect(addPlugins({ source: "../team" }, here(), yes)).rejects.toMatchObject({ code: "PLUGIN_TOO_LARGE" })
  await commit("team")
  await expect(addPlugins({ source: "../team#main" }, here(), yes)).rejects.toMatchObject({ code: "PLUGIN_TOO_LARGE" })
})

test("what no repository pins and nobody reads goes with time; what is pinned anywhere, read lately, or can't be known stays", async () => {
  await plugin("team")
  await addPlugins({ source: "../team" }, here(), yes)
  await put("other/a.txt", "a")
  await commit("other")
  await addPlugins({ source: "../team" }, { ...here(), cwd: join(top, "other") }, yes)
  const [name = ""] = (await readdir(join(home(), "plugins"))).filter((each) => each !== "untrusted")
  const content = join(home(), "plugins", name)
  const long = Date.now() - 40 * 24 * 3_600_000
  const unread = () => utimes(content, new Date(long), new Date(long))
  const old = async (before = Date.now() - 30 * 24 * 3_600_000) =>
    (await oldPlugins(home(), join(top, "project"), before)).dead.map(({ what }) => what)

  await unread()
  expect(await old(), "both pin it").toEqual([])
  await removePlugin("team", here())
  expect(await old(), "the other one still does").toEqual([])
  await trustedPlugins(join(top, "other"), home())
  await removePlugin("team", { ...here(), cwd: join(top, "other") })
  expect(await old(Date.now()), "it was read just now").toEqual([])
  await unread()
  await put("other/.flyball/plugins.yaml", "plugins: nonsense")
  const doubt = await oldPlugins(home(), join(top, "project"), Date.now())
  expect(doubt).toMatchObject({ dead: [], kept: [{ why: expect.stringContaining("can't be read, so all stay") }] })
  await rm(join(top, "other/.flyball"), { recursive: true })
  const { dead } = await oldPlugins(home(), join(top, "project"), Date.now())
  expect(dead).toMatchObject([{ kind: "plugin", what: content }])
  await dead[0]?.remove()
  expect(await readdir(join(home(), "plugins"))).not.toContain(name)
})
