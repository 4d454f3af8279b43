import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { openReach } from "./reach.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-own-"))
  for (const name of ["ada", "root/app"]) mkdirSync(join(folder, name), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const command = { use: "command" } as const

function reachOf(loop: { network?: string[]; path?: string }, outer: Record<string, string> = {}) {
  const env = { HOME: join(folder, "ada"), PATH: process.env.PATH ?? "", ...outer }
  return openReach({ root: join(folder, "root") }, loop, env)
}

function write(name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

test.each([
  ["a command, the registries of the project, which has none", {}, "command", []],
  ["an agent with a model, nothing besides it", {}, "claude", []],
  ["a command, nothing where the loop says so", { network: [] }, "command", []],
  ["an agent with a model, what the loop says", { network: ["api.example.com"] }, "codex", ["api.example.com"]],
] as const)("%s", async (_, loop, use, hosts) => {
  expect(await reachOf({ ...loop } as { network?: string[] })({ use })).toEqual({ hosts, env: {} })
})

test("the user's own registry may be reached too, and its address is handed on, no credential", async () => {
  write("root/package.json", "{}")
  write(
    "ada/.npmrc",
    "registry=https://ada:hunter2@npm.corp.example:8443/npm/\n//npm.corp.example/:_authToken=hunter2\n",
  )
  const { hosts, env } = await reachOf({ network: ["npm"] })(command)
  expect(hosts).toEqual(["private:npm.corp.example:8443"])
  expect(env).toEqual({ npm_config_registry: "https://npm.corp.example:8443/npm/" })
})

test("the project's .npmrc goes before the user's, in the folder that the loop works in, and scopes have registries of their own", async () => {
  write("ada/.npmrc", "registry=https://npm.corp.example/\n")
  write("root/app/package.json", "{}")
  write("root/app/.npmrc", "registry=https://npm.app.example/\n@corp:registry=https://scoped.example/\n")
  const { hosts } = await reachOf({ path: "app" })(command)
  expect(hosts.slice(-2).sort()).toEqual(["private:npm.app.example", "private:scoped.example"])
})

test.each([
  ["pip's variable", { PIP_INDEX_URL: "https://u:p@pypi.corp.example/simple" }, "private:pypi.corp.example"],
  ["Go's proxies", { GOPROXY: "https://go.corp.example,direct" }, "private:go.corp.example"],
])("%s counts", async (_, outer, host) => {
  const { hosts, env } = await reachOf({ network: ["pypi", "go"] }, outer)(command)
  expect(hosts).toContain(host)
  expect(JSON.stringify(env)).not.toContain("u:p@")
  expect(Object.keys(env)).toEqual(Object.keys(outer))
})

test("pip's file counts where no variable says otherwise", async () => {
  write("ada/.config/pip/pip.conf", "[global]\nindex-url = https://pypi.corp.example/simple\n")
  expect((await reachOf({ network: ["pypi"] })(command)).env).toEqual({
    PIP_INDEX_URL: "https://pypi.corp.example/simple",
  })
})

test("a registry that the loop does not name is not opened by what the user has configured", async () => {
  write("root/package.json", "{}")
  write("ada/.npmrc", "registry=https://npm.corp.example/\n")
  expect(await reachOf({ network: ["api.example.com"] })(command)).toEqual({ hosts: ["api.example.com"], env: {} })
})

test("where nothing is set up, the registry's own client tells its hosts; where nothing is said, the project's manifests tell which", async () => {
  const asked = await reachOf({ network: ["npm"] })(command)
  expect(asked.hosts).toEqual([expect.stringMatching(/^private:[\w.-]+(:\d+)?$/)])
  expect((await reachOf({})(command)).hosts, "no manifest").toEqual([])
  write("root/package.json", "{}")
  expect((await reachOf({})(command)).hosts).toEqual(asked.hosts)
  expect((await reachOf({})({ use: "claude" })).hosts).toEqual([])
})
