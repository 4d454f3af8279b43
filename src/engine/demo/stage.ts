import { existsSync } from "node:fs"
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { stringify } from "yaml"
import { Failure } from "../../core/failure.ts"
import { entry } from "../../lib/entry.ts"
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

/** Builds the stage in an empty folder: the example's history, commit by commit, and its remote. */
export async function buildStage(folder: string, story: Story, cast: Cast): Promise<Stage> {
  const examples = examplesFolder()
  const stage = {
    folder,
    project: join(folder, "shop"),
    remote: join(folder, "shop.git"),
    story: join(examples, "shop-demo"),
  }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) {
    throw new Failure("FOLDER_NOT_EMPTY", `${folder} is not empty.`, {
      hint: "Name a folder that does not exist yet: --keep DIR.",
    })
  }
  await cp(join(examples, "shop"), stage.project, { recursive: true, filter: (path) => !path.includes("node_modules") })
  await writeAgents(stage, story, cast)
  await lendLinter(stage.project)
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: stage.project })
  for (const [index, { author, message, paths }] of story.history.entries()) {
    const last = index === story.history.length - 1
    await git(["add", "--", ...(last ? ["."] : paths)], { cwd: stage.project })
    await commit(stage.project, author, message)
  }
  await git(["init", "--quiet", "--bare", "--initial-branch=main", stage.remote], { cwd: folder })
  await git(["remote", "add", "origin", stage.remote], { cwd: stage.project })
  await git(["push", "--quiet", "--set-upstream", "origin", "main"], { cwd: stage.project })
  return stage
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

/** The example's one dependency is the linter that we are checked with ourselves: it is lent, not installed. */
async function lendLinter(project: string): Promise<void> {
  const from = join(dirname(examplesFolder()), "node_modules")
  const to = join(project, "node_modules")
  if (!existsSync(join(from, "@biomejs", "biome"))) {
    throw new Failure(
      "DEMO_NEEDS_LINTER",
      "The demo's example is linted with biome, which is not installed beside Flyball.",
      {
        hint: "Run the demo in a clone of Flyball, after `npm ci`.",
      },
    )
  }
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
