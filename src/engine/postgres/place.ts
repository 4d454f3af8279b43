import { createHash } from "node:crypto"
import { chmod, chown, lstat, mkdir, readlink, realpath, stat, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Failure } from "../../core/failure.ts"
import { codeOf, notWritable } from "./errors.ts"

/** Where one user's cluster lives. Everything of it is under `root`, but for sockets when that path is too long for them. */
export type Place = {
  root: string
  /** Folder of the data of one PostgreSQL major version. */
  data: string
  /** Folder of PostgreSQL's socket; libpq's `host`. */
  sockets: string
  /** Folder of the supervisor's own sockets. */
  control: string
  log: string
  supervisorLog: string
  /** PostgreSQL refuses to run as root: then it runs as this one, and the data belong to it. */
  runsAs?: { uid: number; gid: number }
}

export const MAJOR = 18
const NOBODY = { uid: 65534, gid: 65534 }
/** The kernel's limit is 108 bytes on Linux and 104 on macOS, with the closing NUL. */
const SOCKET_PATH_BYTES = 103

/** Finds or makes the folders of the cluster that belongs to `home`. Any number of processes may do so at once. */
export async function findPlace(home: string): Promise<Place> {
  const uid = process.geteuid?.() ?? 0
  const root = await findRoot(home, uid)
  const key = createHash("sha256").update(root).digest("hex").slice(0, 12)
  const short = Buffer.byteLength(join(root, "run", ".s.PGSQL.5432")) > SOCKET_PATH_BYTES
  const sockets = short ? join("/tmp", `flyball-${uid}-${key}`) : root
  const isRoot = uid === 0
  await ensureFolder(root, isRoot ? 0o711 : 0o700, uid)
  await signHome(root, home)
  if (short) await ensureFolder(sockets, isRoot ? 0o711 : 0o700, uid)
  await ensureFolder(join(sockets, "control"), 0o700, uid)
  await ensureFolder(join(sockets, "run"), 0o700, isRoot ? NOBODY.uid : uid)
  return {
    root,
    data: join(root, `data-${MAJOR}`),
    sockets: join(sockets, "run"),
    control: join(sockets, "control"),
    log: join(root, "postgres.log"),
    supervisorLog: join(root, "supervisor.log"),
    ...(isRoot ? { runsAs: NOBODY } : {}),
  }
}

/** Where a cluster says whose it is. */
export function homeFile(root: string): string {
  return join(root, "home")
}

/** Once that home is deleted nothing else leads from the one to the other. */
async function signHome(root: string, home: string): Promise<void> {
  // Without room it goes without: the next one to come by writes it.
  await writeFile(homeFile(root), `${await realpath(home)}\n`, { flag: "wx", mode: 0o600 }).catch(() => {})
}

/**
 * `home/postgres`. For root it is a link to a folder elsewhere where the account that PostgreSQL runs as can't reach
 * `home`; the link keeps the choice, so that later changes of mode never hide the data.
 */
async function findRoot(home: string, uid: number): Promise<string> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw notWritable(home, cause)
  }
  const real = await realpath(home)
  const entry = join(real, "postgres")
  const known = await lstat(entry).catch(() => undefined)
  if (known?.isSymbolicLink()) return await readlink(entry)
  if (known !== undefined || uid !== 0 || (await othersReach(real))) return entry
  const elsewhere = await rootsFolder(createHash("sha256").update(real).digest("hex").slice(0, 12))
  try {
    await symlink(elsewhere, entry)
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw notWritable(entry, error)
  }
  return await readlink(entry).catch(() => entry)
}

/** A folder of root's that every account can pass through: under /var/lib, or /tmp where that is read-only. */
async function rootsFolder(key: string): Promise<string> {
  const parent = "/var/lib/flyball"
  try {
    await ensureFolder(parent, 0o711, 0)
    return join(parent, key)
  } catch (error) {
    if (error instanceof Failure && error.code === "DATABASE_FOLDER_FOREIGN") throw error
    return join("/tmp", `flyball-0-${key}`)
  }
}

async function othersReach(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    const { mode } = await stat(path)
    if ((mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** Makes the folder, or takes it as it is, if it is a folder and belongs to `uid`: nobody can have put theirs there before. */
async function ensureFolder(path: string, mode: number, uid: number): Promise<void> {
  let made = false
  try {
    await mkdir(path, { mode })
    made = true
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw notWritable(path, error)
  }
  if (made && uid !== process.geteuid?.()) await chown(path, uid, uid)
  const found = await lstat(path)
  // Between another process's mkdir and its chown the folder is root's: taking that step for it is harmless.
  if (found.isDirectory() && found.uid === 0 && process.geteuid?.() === 0 && uid !== 0) await chown(path, uid, uid)
  else if (!found.isDirectory() || found.uid !== uid) {
    throw new Failure("DATABASE_FOLDER_FOREIGN", `${path} belongs to another user, or is no folder.`, {
      hint: "Remove it, or set FLYBALL_HOME to a folder of your own.",
      retry: "person",
    })
  }
  if ((found.mode & 0o7777) !== mode) await chmod(path, mode)
}
