import { accessSync, constants, readdirSync, realpathSync } from "node:fs"
import { homedir, userInfo } from "node:os"
import { dirname, isAbsolute, join, sep } from "node:path"

export type EnvironmentParts = {
  home: string
  tmp: string
  /** What this command needs besides; it wins over everything else. */
  extra?: Record<string, string>
}

/**
 * The whole environment of a command that Flyball starts: built, never inherited. Of the user's own, PATH alone goes on,
 * and where the tools on it look for themselves.
 */
export function buildEnv({ home, tmp, extra = {} }: EnvironmentParts): Record<string, string> {
  return {
    PATH: toolPath().join(":"),
    HOME: home,
    TMPDIR: tmp,
    USER: userName(),
    LOGNAME: userName(),
    SHELL: "/bin/sh",
    LANG: process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8",
    TERM: "dumb",
    NO_COLOR: "1",
    PAGER: "cat",
    GIT_PAGER: "cat",
    GIT_EDITOR: "true",
    GIT_TERMINAL_PROMPT: "0",
    // No runner may wait for a person, watch files, or send home what it saw.
    CI: "true",
    DO_NOT_TRACK: "1",
    npm_config_update_notifier: "false",
    npm_config_fund: "false",
    npm_config_audit: "false",
    ...toolHomes(),
    ...extra,
  }
}

/**
 * The folders of PATH that are absolute and that we may look into. A relative one would mean another program in each
 * folder; one that is closed to us makes shells say "permission denied" for a tool that is missing.
 */
function toolPath(): string[] {
  const found = (process.env.PATH ?? "").split(":").filter((entry) => isAbsolute(entry) && isOpen(entry))
  return found.length > 0 ? [...new Set(found)] : ["/usr/local/bin", "/usr/bin", "/bin"]
}

function isOpen(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Folders outside the system's own that the programs on PATH need to run: `~/.nvm/versions/node/v20`, `~/.pyenv`, … */
export function toolRoots(): string[] {
  const roots = new Set<string>()
  for (const entry of [...toolPath(), dirname(process.execPath)]) {
    for (const root of rootsOf(entry)) roots.add(root)
  }
  for (const folder of Object.values(toolHomes())) roots.add(folder)
  return [...roots].filter((root) => realPath(root) !== undefined)
}

/** Under these lie, beside programs, things of the user's own (`~/.local/share/keyrings`, `~/.cargo/credentials.toml`). */
const MIXED_FOLDERS = [".local", ".cargo", ".config", "Library"]

function rootsOf(entry: string): string[] {
  const parent = dirname(entry)
  // The system's own, which hold hundreds of links: to follow them all took 70 ms of every start.
  if (/^\/s?bin$/.test(entry)) return [entry]
  const inItsOwnTree = /[/](s?bin|shims)$/.test(entry) && !isPersonal(parent)
  if (inItsOwnTree) return [parent]
  if (isHome(entry)) return []
  // The programs in a shared `bin` are often links: `~/.local/bin/claude` into `~/.local/share/claude/versions/…`.
  const targets: string[] = []
  for (const name of listFolder(entry)) {
    const target = realPath(join(entry, name))
    if (target === undefined || target.startsWith(entry + sep)) continue
    const folder = dirname(target)
    const root = folder.endsWith("/bin") && !isPersonal(dirname(folder)) ? dirname(folder) : folder
    if (!isPersonal(root)) targets.push(root)
  }
  return [entry, ...targets]
}

function isPersonal(folder: string): boolean {
  return isHome(folder) || homes().some((home) => MIXED_FOLDERS.some((name) => folder === join(home, name)))
}

function isHome(folder: string): boolean {
  return folder === "/" || homes().some((home) => home === folder || home.startsWith(folder + sep))
}

/** The user's home as the environment says, and as the system does. */
export function homes(): string[] {
  const found = ACCOUNT === undefined ? [homedir()] : [homedir(), ACCOUNT.homedir]
  return [...new Set(found.flatMap((home) => [home, realPath(home) ?? home]))].filter((home) => home !== "/")
}

/** Where tools that keep their programs in the home look for them, since HOME is another one now. */
const TOOL_HOMES = {
  RUSTUP_HOME: ".rustup",
  PYENV_ROOT: ".pyenv",
  NVM_DIR: ".nvm",
  VOLTA_HOME: ".volta",
  ASDF_DATA_DIR: ".asdf",
  RBENV_ROOT: ".rbenv",
  GOMODCACHE: "go/pkg/mod",
} as const

function toolHomes(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, folder] of Object.entries(TOOL_HOMES)) {
    const path = process.env[name] ?? join(homedir(), folder)
    if (isAbsolute(path) && realPath(path) !== undefined) found[name] = path
  }
  return found
}

function userName(): string {
  return ACCOUNT?.username ?? "flyball"
}

/** Looked up once: it reads the system's list of users, and each command that is started needs it several times. */
const ACCOUNT = account()

function account(): { username: string; homedir: string } | undefined {
  try {
    return userInfo()
  } catch {
    // a user without an entry in the system's list
    return undefined
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
