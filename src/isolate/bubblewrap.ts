import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs"
import { isAbsolute, join, sep } from "node:path"
import type { Bind, Confinement, Door } from "../core/ports.ts"
import { homes } from "../lib/environment.ts"

/** What is the same for each command on this machine. */
export type Profile = {
  system: Mount[]
  /** Folders outside the system's own that programs on PATH need. */
  tools: string[]
  /** Empty for whoever is inside, though a folder around them is visible. */
  hidden: string[]
  /** An empty folder of ours, covered by a tmpfs in the mount namespace of each command that needs scratch copies. */
  stage: string
  /** Whether an overlay can be mounted in a user namespace here. */
  overlay: boolean
  /** The filter of system calls, where the kernel takes one. */
  filter?: string | undefined
  /** How many processes and threads the kernel is to let a sandbox have that may have so many processes; unset: it can't be told. */
  kernelLimit?: ((processes: number) => number) | undefined
}

/** One option of bubblewrap that puts something at `at`. */
export type Mount = { at: string; args: string[] }

/**
 * The argv that runs `argv` in namespaces of its own (pid, ipc, uts; net when it is to have none), in a file system that
 * holds the system, the tools, and what the confinement lists: nothing else of the machine is there to be found.
 * When the caller dies, so does all that is inside, whatever it did to leave.
 */
export function bubblewrapArgv(
  argv: readonly string[],
  cwd: string,
  confinement: Confinement,
  profile: Profile,
): string[] {
  const door = typeof confinement.network === "object" ? confinement.network : undefined
  const overlays = profile.overlay ? (confinement.binds ?? []).filter((bind) => bind.scratch === true) : []
  const mounts = [
    ...profile.system,
    ...(confinement.network === "open" ? networkMounts() : []),
    ...doorMounts(door),
    ...profile.tools.map((tool) => readOnly(tool, tool)),
    ...hide(profile, confinement),
    ...confinement.readable.map((path) => readOnly(path, path)),
    ...privateFolders(confinement),
    ...confinement.writable.map((path) => ({ at: path, args: ["--bind", path, path] })),
    ...(confinement.binds ?? []).flatMap((bind) => bindMounts(bind, profile, overlays.indexOf(bind))),
  ]
  const own = [
    "bwrap",
    "--unshare-user-try",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    ...(confinement.network === "open" ? [] : ["--unshare-net"]),
    "--die-with-parent",
    "--new-session",
    // Started by root it would keep root's powers inside, and with them could undo the mounts below.
    "--cap-drop",
    "ALL",
    ...(profile.filter === undefined ? [] : ["--seccomp", FILTER_FD]),
    ...(overlays.length > 0
      ? ["--unshare-user", "--uid", String(process.getuid?.() ?? 0), "--gid", String(process.getgid?.() ?? 0)]
      : []),
    // A mount covers what was mounted under it before: the outer ones come first.
    ...mounts.sort((a, b) => depth(a.at) - depth(b.at)).flatMap((mount) => mount.args),
    ...(confinement.home === undefined ? ["--setenv", "HOME", PRIVATE_HOME] : ["--setenv", "HOME", confinement.home]),
    ...["--setenv", "TMPDIR", confinement.tmp ?? "/tmp"],
    ...["--remount-ro", "/", "--chdir", cwd, "--"],
    ...limitArgv(confinement, profile),
    ...(door === undefined ? [] : [...door.bridge, String(door.port), door.socket]),
    ...argv,
  ]
  const within = overlays.length === 0 ? own : [...overlayArgv(overlays, profile.stage), ...own]
  // The shell makes itself the first to go, opens the filter, and becomes what it starts.
  if (profile.filter === undefined) return ["/bin/sh", "-c", `${FIRST_TO_GO}; exec "$@"`, "sh", ...within]
  const script = `${FIRST_TO_GO}; exec ${FILTER_FD}<"$1" && shift && exec "$@"`
  return ["/bin/sh", "-c", script, "sh", profile.filter, ...within]
}

const FILTER_FD = "9"

/**
 * Whether bubblewrap, or what stands before it, gave up before the command began. It says so by the exit code of any failing test,
 * and in lines of its own alone. A command that says the same has not passed either.
 */
export function neverBegan({
  exitCode,
  stdout,
  stderr,
}: {
  exitCode: number | null
  stdout: string
  stderr: string
}): boolean {
  if (stdout !== "" || stderr === "") return false
  const lines = stderr.trim().split("\n")
  if (exitCode === 1) return lines.every((line) => line.startsWith("bwrap: ") && !line.startsWith("bwrap: execvp "))
  return exitCode === 125 && lines.every((line) => /^(mount|mkdir|ln|unshare|sh|\/bin\/sh): /.test(line))
}

/** For a shell: when the machine is out of memory, the kernel takes it and what it starts before anything of the user's. */
export const FIRST_TO_GO = "echo 900 2>/dev/null >/proc/self/oom_score_adj"

/** Set inside, where the namespace's own processes are counted: outside all of the user's would be. */
function limitArgv({ limits }: Confinement, { kernelLimit }: Profile): string[] {
  if (limits === undefined || kernelLimit === undefined) return []
  // Shells call it by one letter or the other; both begin with a limit that can't be raised again.
  const most = kernelLimit(limits.processes)
  const script = `ulimit -p ${most} 2>/dev/null || ulimit -u ${most} 2>/dev/null; exec "$@"`
  return ["/bin/sh", "-c", script, "sh"]
}

const PRIVATE_HOME = "/tmp/home"

/** The system's own folders, links among them as links, and none of its secrets: what is known for one, and what is `closed`. */
export function systemMounts(closed: readonly string[] = []): Mount[] {
  const folders = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
  ]
  const mounts = folders.flatMap((path): Mount[] => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return []
    return [found.isSymbolicLink() ? { at: path, args: ["--symlink", readlinkSync(path), path] } : readOnly(path, path)]
  })
  return [
    ...mounts,
    { at: "/proc", args: ["--proc", "/proc"] },
    { at: "/dev", args: ["--dev", "/dev"] },
    { at: "/tmp", args: ["--tmpfs", "/tmp"] },
    { at: PRIVATE_HOME, args: ["--dir", PRIVATE_HOME] },
    { at: "/run", args: ["--tmpfs", "/run"] },
    { at: "/var/tmp", args: ["--tmpfs", "/var/tmp"] },
    readOnly("/sys/devices/system/cpu", "/sys/devices/system/cpu"),
    ...[...new Set([...SECRETS, ...closed])].filter((path) => existsSync(path)).map(mask),
  ]
}

/** The tool folders that no system folder, and no other of them, shows anyway: each mount costs time at each start. */
export function toolsBeside(system: readonly Mount[], tools: readonly string[]): string[] {
  const shown = system
    .filter(({ args: [option] }) => option === "--ro-bind-try" || option === "--symlink")
    .map(({ at }) => at)
  const isWithin = (path: string, outer: string) => path === outer || path.startsWith(outer + sep)
  return tools.filter((tool) => {
    const elsewhere = [...shown, ...tools.filter((other) => other !== tool)]
    return !elsewhere.some((outer) => isWithin(tool, outer))
  })
}

/** As root we could read these, and so could an agent. */
const SECRETS = [
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/ssh",
  "/etc/ssl/private",
  "/etc/NetworkManager",
  "/etc/docker",
  "/etc/kubernetes",
]

function mask(path: string): Mount {
  const isFolder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  return { at: path, args: isFolder ? ["--tmpfs", path] : ["--ro-bind", "/dev/null", path] }
}

/** Names must resolve: `/etc/resolv.conf` is often a link into `/run`. */
function networkMounts(): Mount[] {
  const target = realPath("/etc/resolv.conf")
  return target === undefined || target.startsWith("/etc/") ? [] : [readOnly(target, target)]
}

/** The socket, and the files of the program that leads to it. A socket can be used through a read-only mount. */
function doorMounts(door: Door | undefined): Mount[] {
  if (door === undefined) return []
  const files = door.bridge.filter((part) => isAbsolute(part) && existsSync(part))
  return [door.socket, ...files].map((path) => readOnly(path, path))
}

/** Covers the user's home, FLYBALL_HOME and the repository where a visible folder holds them; elsewhere they are not there at all. */
function hide(profile: Profile, confinement: Confinement): Mount[] {
  const visible = [
    ...profile.system.filter((mount) => mount.args[0] === "--ro-bind-try").map((mount) => mount.at),
    ...profile.tools,
    ...confinement.readable,
  ]
  const inside = (path: string) => visible.some((outer) => path.startsWith(outer + sep))
  return [...homes(), ...profile.hidden]
    .filter((path) => existsSync(path) && inside(path))
    .map((path) => ({ at: path, args: ["--tmpfs", path] }))
}

function privateFolders({ home, tmp }: Confinement): Mount[] {
  return [home, tmp].flatMap((path) => (path === undefined ? [] : [{ at: path, args: ["--bind", path, path] }]))
}

function bindMounts(bind: Bind, { stage, overlay }: Profile, index: number): Mount[] {
  if (bind.scratch !== true) return [readOnly(bind.from, bind.to)]
  if (overlay) return [{ at: bind.to, args: ["--bind", join(stage, String(index), "merged"), bind.to] }]
  // Without overlays: a folder in memory whose entries are the real ones. What is in them can't be changed, but new
  // entries can be made beside them, which is what caches do. A cache that is there already is left out.
  const entries = readdirSync(bind.from).filter((name) => !/^\.(cache|vite|vite-temp|vitest|nyc_output)$/.test(name))
  return [
    { at: bind.to, args: ["--tmpfs", bind.to] },
    ...entries.map((name) => {
      const from = join(bind.from, name)
      const link = lstatSync(from).isSymbolicLink()
      return {
        at: join(bind.to, name),
        args: link ? ["--symlink", readlinkSync(from), join(bind.to, name)] : ["--ro-bind", from, join(bind.to, name)],
      }
    }),
  ]
}

/**
 * Mounts, in a mount namespace of its own, one overlay per scratch bind with its upper layer in memory, then starts the
 * rest of the argv there. `unshare` and `sh` replace themselves, so it is one process still.
 */
function overlayArgv(overlays: Bind[], stage: string): string[] {
  const script = [
    'stage=$1; shift; mount -t tmpfs -o mode=0700 tmpfs "$stage" || exit 125',
    'i=0; while [ "$1" != -- ]; do',
    '  mkdir -p "$stage/$i/upper" "$stage/$i/work" "$stage/$i/merged"; ln -s "$1" "$stage/$i/lower"',
    // Through a link and a relative path: names with commas and colons would be read as options.
    '  (cd "$stage/$i" && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged) || exit 125',
    "  i=$((i+1)); shift",
    'done; shift; exec "$@"',
  ].join("\n")
  const asRoot = process.getuid?.() === 0
  const enter = asRoot ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"]
  return [...enter, "/bin/sh", "-c", script, "sh", stage, ...overlays.map((bind) => bind.from), "--"]
}

function readOnly(from: string, to: string): Mount {
  return { at: to, args: ["--ro-bind-try", from, to] }
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
