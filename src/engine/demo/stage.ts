import { existsSync } from "node:fs"
import { cp, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { basename, dirname, join } from "node:path"
import { stringify } from "yaml"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { entry } from "../../lib/entry.ts"
import { buildEnv } from "../../lib/environment.ts"
import { git } from "../../lib/git.ts"
import { run } from "../../lib/process.ts"
import type { Story } from "./story.ts"

/** Where the demo plays: the example as a repository of its own, with a bare remote beside it. */
export type Stage = { folder: string; project: string; remote: string; story: string }

/** Who makes and who reviews: the replayed sessions, or an agent that is installed here. */
export type Cast = { agent?: string | undefined; reviewer?: string | undefined }

/** The examples that come with the package. */
export function examplesFolder(): string {
  return join(dirname(dirname(entry("flyball.js"))), "examples")
}

/** Builds the stage in an empty folder: the example's history, commit by commit, and its remote. `told` hears of what takes long. */
export async function buildStage(
  folder: string,
  story: Story,
  cast: Cast,
  told: (text: string) => void = () => {},
): Promise<Stage> {
  const examples = examplesFolder()
  const stage = {
    folder,
    project: join(folder, "shop"),
    remote: join(folder, "shop.git"),
    story: join(examples, "shop-demo"),
  }
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) {
    throw new Failure("FOLDER_NOT_EMPTY", `${folder} is not empty.`, {
      hint: "Name a folder that does not exist yet: --keep DIR.",
    })
  }
  try {
    await build(stage, story, cast, told)
  } catch (thrown) {
    // A stage on which nothing can be played is not left behind.
    await rm(stage.project, { recursive: true, force: true })
    await rm(stage.remote, { recursive: true, force: true })
    if (made !== undefined) await rmdir(folder).catch(() => {})
    throw thrown
  }
  return stage
}

async function build(stage: Stage, story: Story, cast: Cast, told: (text: string) => void): Promise<void> {
  await cp(join(examplesFolder(), "shop"), stage.project, {
    recursive: true,
    filter: (path) => basename(path) !== "node_modules",
  })
  // npm packs no `.gitignore`: it stands without its dot.
  await rename(join(stage.project, "gitignore"), join(stage.project, ".gitignore"))
  await writeAgents(stage, story, cast)
  await lendLinter(stage.project, told)
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: stage.project })
  for (const [index, { author, message, paths }] of story.history.entries()) {
    const last = index === story.history.length - 1
    await git(["add", "--", ...(last ? ["."] : paths)], { cwd: stage.project })
    await commit(stage.project, author, message)
  }
  await git(["init", "--quiet", "--bare", "--initial-branch=main", stage.remote], { cwd: stage.folder })
  await git(["remote", "add", "origin", stage.remote], { cwd: stage.project })
  await git(["push", "--quiet", "--set-upstream", "origin", "main"], { cwd: stage.project })
}

/** What a colleague pushes to the remote while the run is under way; the checkout does not see it. */
export async function landOnMain({ folder, remote, story }: Stage, { lands }: Story): Promise<void> {
  const clone = join(folder, "colleague")
  await git(["clone", "--quiet", remote, clone], { cwd: folder })
  await git(["apply", "--index", join(story, lands.patch)], { cwd: clone })
  await commit(clone, lands.author, lands.message)
  await git(["push", "--quiet", "origin", "main"], { cwd: clone })
  await rm(clone, { recursive: true, force: true })
}

async function commit(cwd: string, author: string, message: string): Promise<void> {
  const [, name = author, email = "someone@localhost"] = /^(.*) <(.*)>$/.exec(author) ?? []
  await git(
    ["-c", `user.name=${name}`, "-c", `user.email=${email}`, "commit", "--quiet", "--no-verify", "-m", message],
    { cwd },
  )
}

async function writeAgents({ project, story }: Stage, told: Story, cast: Cast): Promise<void> {
  const folder = join(project, ".flyball", "agents")
  await mkdir(folder, { recursive: true })
  const roles = [
    {
      name: "implementer",
      description: "Makes the change for one finding.",
      live: cast.agent,
      recorded: told.agents.maker,
    },
    {
      name: "reviewer",
      description: "Looks for reasons to reject a change.",
      live: cast.reviewer,
      recorded: told.agents.reviewer,
    },
  ]
  for (const { name, description, live, recorded } of roles) {
    const replayed = { use: "replay", recording: join(story, "sessions"), model: recorded?.model }
    const front = { name, description, ...(live === undefined ? replayed : { use: live }) }
    await writeFile(join(folder, `${name}.md`), `---\n${stringify(front)}---\n`)
  }
}

/** The example's one dependency is the linter that we are checked with ourselves: in a clone of Flyball it is lent, else npm installs it. */
async function lendLinter(project: string, told: (text: string) => void): Promise<void> {
  const own = dirname(examplesFolder())
  const to = join(project, "node_modules")
  // Beside Flyball's source, or beside Flyball where both are installed.
  const from = [join(own, "node_modules"), dirname(own)].find((each) => existsSync(join(each, "@biomejs", "biome")))
  if (from === undefined) return installLinter(project, told)
  await mkdir(join(to, ".bin"), { recursive: true })
  // Hard links where the file system can: a hundred megabytes need not be copied to be looked at.
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" }
  const linked = await run(["cp", "-Rl", join(from, "@biomejs"), to], { cwd: project, env, timeoutMs: 60_000 })
  if (linked.exitCode !== 0) {
    await rm(join(to, "@biomejs"), { recursive: true, force: true })
    await cp(join(from, "@biomejs"), join(to, "@biomejs"), { recursive: true })
  }
  await run(["ln", "-s", "../@biomejs/biome/bin/biome", join(to, ".bin", "biome")], {
    cwd: project,
    env,
    timeoutMs: 10_000,
  })
}

const INSTALL_MS = 3 * 60_000
const Manifest = z.object({ devDependencies: z.object({ "@biomejs/biome": z.string() }) })

/** As the user's npm installs anything: his registry, his cache; no script of a package runs. */
async function installLinter(project: string, told: (text: string) => void): Promise<void> {
  const { devDependencies } = Manifest.parse(JSON.parse(await readFile(join(project, "package.json"), "utf8")))
  const wanted = `@biomejs/biome@${devDependencies["@biomejs/biome"]}`
  told(`installing the example's linter: ${wanted} (some 60 MB, from npm, once)`)
  const quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
  const proxies = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && /^(https?_proxy|no_proxy|npm_config_\w+|node_extra_ca_certs)$/i.test(name)
      ? [[name, value]]
      : [],
  )
  const env = buildEnv({ home: homedir(), tmp: dirname(project), extra: Object.fromEntries(proxies) })
  const ran = await run(["npm", "install", ...quiet, wanted], { cwd: project, env, timeoutMs: INSTALL_MS })
  if (ran.exitCode === 0 && existsSync(join(project, "node_modules", ".bin", "biome"))) return
  const why =
    `${ran.stderr}\n${ran.stdout}`.split("\n").find((line) => /^npm (error|ERR!) \S/.test(line)) ??
    "npm did not install it"
  throw new Failure(
    "DEMO_NEEDS_LINTER",
    `The demo's example is linted with biome, and npm could not install it: ${why.slice(0, 200)}`,
    { hint: "The demo needs npm and its registry once; in a clone of Flyball, after `npm ci`, it needs neither." },
  )
}
