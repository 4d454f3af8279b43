import { constants } from "node:fs"
import { open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { parse } from "yaml"
import { z } from "zod"
import { Failure } from "../core/failure.ts"
import type { AgentKind } from "../core/loop.ts"
import { writeWhole } from "../lib/write-whole.ts"
import { adapterOf, programKinds } from "./agents/index.ts"
import { ghAccounts, type LoginFile } from "./agents/logins.ts"
import type { Outer } from "./environment.ts"

/*
 * Logins that agents keep for their user. None is used before the user said so, once for each; then a session of that very agent
 * gets a copy that can't renew itself. The yes stands in `logins.json` of FLYBALL_HOME, and holds for the account it was said of.
 */

/** A login that is on this machine. `listed`: Flyball shows it, and hands it to nobody. */
export type FoundLogin = {
  tool: string
  file: string
  account?: string
  plan?: string
  /** When what is there ends by itself; its agent renews it whenever it is started. */
  expiresAt?: Date
  state: "used" | "offered" | "listed"
  /** Since when it is used. */
  since?: string
  /** It may be used, and this is why it is not: another account than the yes was said of, or what to do instead. */
  why?: string
}

/** What one session gets of its agent's login: the file for its HOME, and the hosts that it must reach; or why it gets nothing. */
export type Lent =
  | { is: "lent"; file: string; text: string; secrets: readonly string[]; hosts: readonly string[] }
  | { is: "withheld"; why: string }

const Consents = z.record(z.string(), z.object({ file: z.string(), account: z.string().optional(), since: z.string() }))
type Consents = z.infer<typeof Consents>

const FILE = "logins.json"
const MOST_BYTES = 256 * 1024
/** Claude Code keeps more than its settings in the file that names the account. */
const MOST_SETTINGS_BYTES = 16 * 1024 * 1024
/** A login that ends sooner is of no use to a session. */
const LEAST_MS = 5 * 60_000

/** The tools whose logins are known here at all. */
export function loginTools(): string[] {
  return [...programKinds().filter((kind) => adapterOf(kind)?.access?.login !== undefined), "gh"]
}

/** Every login that this user's agents and `gh` keep, and which of them Flyball may use. */
export async function findLogins(outer: Outer, home: string): Promise<FoundLogin[]> {
  const consents = await readConsents(home)
  const found = await Promise.all(programKinds().map((kind) => findLogin(kind, outer, consents)))
  return [...found, await findGh(outer)].filter((each) => each !== undefined)
}

/** Writes down that sessions of this tool may have the login that it has now. Throws LOGIN_NOT_USABLE. */
export async function useLogin(tool: string, outer: Outer, home: string): Promise<FoundLogin> {
  const known = (await findLogins(outer, home)).find((each) => each.tool === tool)
  if (known === undefined || known.state === "listed")
    throw new Failure("LOGIN_NOT_USABLE", `There is no login of \`${tool}\` here that Flyball could use.`, {
      hint: known?.why ?? "`flyball login` shows what there is.",
      retry: "person",
    })
  const { file, account } = known
  const since = new Date().toISOString()
  const consents = await readConsents(home)
  await writeConsents(home, { ...consents, [tool]: { file, ...(account === undefined ? {} : { account }), since } })
  return { ...known, state: "used", since }
}

/** Takes the word back; says whether there was one. */
export async function forgetLogin(tool: string, home: string): Promise<boolean> {
  const { [tool]: known, ...rest } = await readConsents(home)
  if (known === undefined) return false
  await writeConsents(home, rest)
  return true
}

/** What a session of this agent gets of its login now; undefined where it has none. */
export async function lend(kind: AgentKind, outer: Outer, home: string): Promise<Lent | undefined> {
  const consents = await readConsents(home)
  const found = await findLogin(kind, outer, consents)
  const facts = adapterOf(kind)?.access?.login
  if (consents[kind] === undefined) {
    if (found?.state !== "offered") return undefined
    const ways = `\`flyball login ${kind} --use\`, or ${facts?.instead ?? "a key"}`
    return { is: "withheld", why: `${kind} has no key here, and nobody said that its login may be used: ${ways}` }
  }
  const read = found === undefined ? undefined : await readLogin(kind, found.file)
  if (found === undefined || read === undefined || facts?.lend === undefined)
    return { is: "withheld", why: `the login of ${kind} that you let Flyball use is gone: log in to ${kind} again` }
  if (found.state !== "used") return { is: "withheld", why: `${kind}: ${found.why ?? "its login is not used"}` }
  if (read.expiresAt !== undefined && read.expiresAt.getTime() - Date.now() < LEAST_MS)
    return {
      is: "withheld",
      why: `the login of ${kind} ${endedAt(read.expiresAt)}: start ${kind} once, which renews it; or ${facts.instead}`,
    }
  return { is: "lent", file: facts.file, text: read.text, secrets: read.secrets, hosts: facts.lend.hosts }
}

async function findLogin(kind: AgentKind, outer: Outer, consents: Consents): Promise<FoundLogin | undefined> {
  const facts = adapterOf(kind)?.access?.login
  const file = facts === undefined ? undefined : placeOf(facts, outer)
  if (facts === undefined || file === undefined || (await readOwn(file, MOST_BYTES)) === undefined) return undefined
  const login = await readLogin(kind, file)
  if (login === undefined) return { tool: kind, file, state: "listed", why: facts.instead }
  const settings = facts.lend?.account
  const place = settings === undefined ? undefined : placeOf({ ...facts, file: settings.file }, outer)
  const text = place === undefined ? undefined : await readOwn(place, MOST_SETTINGS_BYTES)
  const account = login.account ?? (text === undefined ? undefined : settings?.read(text))
  const consent = consents[kind]
  const same = consent?.file === file && consent.account === account
  return {
    tool: kind,
    file,
    ...(account === undefined ? {} : { account }),
    ...(login.plan === undefined ? {} : { plan: login.plan }),
    ...(login.expiresAt === undefined ? {} : { expiresAt: login.expiresAt }),
    state: same ? "used" : "offered",
    ...(same ? { since: consent.since } : {}),
    ...(consent === undefined || same ? {} : { why: "it is another login than the one that you let Flyball use" }),
  }
}

/** `gh` keeps its token for the connectors; its text is read for the account alone. */
async function findGh(outer: Outer): Promise<FoundLogin | undefined> {
  const folder = outer.GH_CONFIG_DIR || (outer.HOME ? join(outer.HOME, ".config", "gh") : undefined)
  const file = folder === undefined ? undefined : join(folder, "hosts.yml")
  const text = file === undefined ? undefined : await readOwn(file, MOST_BYTES)
  if (file === undefined || text === undefined) return undefined
  const accounts = ghAccounts(yamlOf(text))
  return {
    tool: "gh",
    file,
    ...(accounts.length === 0 ? {} : { account: accounts.join(", ") }),
    state: "listed",
    why: "no agent ever gets it; connectors to GitHub will ask for it",
  }
}

type Place = { file: string; folderVariable?: string }

function placeOf({ file, folderVariable }: Place, outer: Outer): string | undefined {
  const folder = folderVariable === undefined ? undefined : outer[folderVariable]
  // The variable names the folder that holds the file, whatever the folder is called in a home.
  if (folder) return join(folder, file.slice(file.lastIndexOf("/") + 1))
  return outer.HOME ? join(outer.HOME, file) : undefined
}

async function readLogin(kind: AgentKind, file: string): Promise<LoginFile | undefined> {
  const text = await readOwn(file, MOST_BYTES)
  return text === undefined ? undefined : adapterOf(kind)?.access?.login?.lend?.read(text)
}

/** A file of this very user; undefined for anything else. */
async function readOwn(path: string, mostBytes: number): Promise<string | undefined> {
  // Not to hang on a pipe that somebody put there.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const facts = await file.stat()
    const own = process.getuid === undefined || facts.uid === process.getuid()
    return facts.isFile() && own && facts.size <= mostBytes ? await file.readFile("utf8") : undefined
  } finally {
    await file.close()
  }
}

async function readConsents(home: string): Promise<Consents> {
  const file = join(home, FILE)
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}"
    throw error
  })
  try {
    return Consents.parse(JSON.parse(text))
  } catch (cause) {
    // What can't be read says yes to nothing.
    throw new Failure("LOGINS_UNREADABLE", `${file} can't be read, and says which logins may be used.`, {
      hint: "Remove it, and say it again with `flyball login`.",
      retry: "person",
      cause,
    })
  }
}

async function writeConsents(home: string, consents: Consents): Promise<void> {
  await writeWhole(join(home, FILE), `${JSON.stringify(consents, null, 2)}\n`)
}

function endedAt(at: Date): string {
  const when = at.toLocaleString("sv-SE").slice(0, 16)
  return at.getTime() < Date.now() ? `ended at ${when}` : `ends at ${when}`
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 })
  } catch {
    return undefined
  }
}
