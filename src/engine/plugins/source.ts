import { resolve } from "node:path"
import { Failure } from "../../core/failure.ts"

/** Where a plug-in comes from, as a person wrote it. */
export type PluginSource =
  | { is: "git"; url: string; ref?: string; protocols: string }
  /** Taken as it stands. */
  | { is: "folder"; path: string }

/** `URL[#REF]` or `FOLDER[#REF]`. Throws Failure PLUGIN_SOURCE: only https, ssh and folders of this machine are taken. */
export function readSource(text: string, cwd: string): PluginSource {
  const hash = text.lastIndexOf("#")
  const [where, ref] = hash === -1 ? [text, undefined] : [text.slice(0, hash), text.slice(hash + 1)]
  if (where === "" || where.startsWith("-") || /[\u0000-\u0020\u007f]/.test(where)) throw notASource(text)
  if (ref !== undefined && (!/^[A-Za-z0-9][\w./+-]{0,199}$/.test(ref) || ref.includes("..")))
    throw new Failure("PLUGIN_SOURCE", `\`${ref.slice(0, 80)}\` is not a branch, a tag or a commit.`, {
      hint: "flyball plugin add https://github.com/acme/skills.git#v2",
    })
  const at = ref === undefined ? {} : { ref }
  if (/^https:\/\//i.test(where)) {
    if (/^https:\/\/[^/]*:[^/]*@/i.test(where))
      throw new Failure("PLUGIN_SOURCE", "The URL holds a password, which would be written to plugins.yaml.", {
        hint: "Let git's own credential helper give it, or use ssh.",
      })
    return { is: "git", url: where, ...at, protocols: "https" }
  }
  if (/^ssh:\/\/[^-]/i.test(where)) return { is: "git", url: where, ...at, protocols: "ssh" }
  if (/^[\w.-]+@[\w][\w.-]*:(?!:)/.test(where)) return { is: "git", url: where, ...at, protocols: "ssh" }
  if (/^[\w+.-]+:/.test(where)) throw notASource(text)
  const path = resolve(cwd, where)
  return ref === undefined ? { is: "folder", path } : { is: "git", url: path, ref, protocols: "file" }
}

function notASource(text: string): Failure {
  return new Failure("PLUGIN_SOURCE", `\`${text.slice(0, 120)}\` is not a place that plug-ins are taken from.`, {
    hint: "https://…, ssh://…, git@HOST:PATH or a folder; with #REF for a branch, a tag or a commit.",
  })
}
