import type { Finding } from "../core/finding.ts"
import type { Found } from "../core/ports.ts"
import { inert, inertLine, repositoryPath } from "../core/untrusted.ts"
import { bodyOf, oneLine, titleOf } from "./text.ts"

const MOST_IDS = 2_000
const ID_CHARS = 2_000

/**
 * What a source found, as data: whatever the source did or forgot, no text of it holds what can't be seen or has no end, and
 * no path of it leads out of the repository. Every finding passes here, so that a new source can't be the one that forgets.
 */
export function asData(found: Found, source: string): Found {
  const pathless = found.findings.filter(({ file }) => named(file) && placeOf(file) === undefined).length
  const left = `${source}: ${pathless === 1 ? "a finding names a file that" : `${pathless} findings name files that`} can be none of the repository's; the name was left out.`
  return {
    findings: found.findings.map(findingAsData),
    context: found.context.map((line) => oneLine(line, 400)),
    notes: [...found.notes.map((note) => oneLine(note, 800)), ...(pathless === 0 ? [] : [left])],
  }
}

/** One finding as data. */
export function findingAsData(finding: Finding): Finding {
  const { module, file, line, commit, url, suggested, reproduce, reason, author, lessons: _none, ...rest } = finding
  const path = file === "" ? "" : placeOf(file)
  const part = module === undefined ? undefined : oneLine(module, 80)
  const address = url === undefined ? undefined : addressOf(url)
  const title = titleOf(rest.title)
  return {
    ...rest,
    title: title === "" ? "(without a title that can be shown)" : title,
    body: bodyOf(rest.body),
    ...(part === undefined || part === "" || part.split(/[\\/]/).includes("..") ? {} : { module: part }),
    ...(path === undefined ? {} : { file: path }),
    ...(path === undefined || line === undefined ? {} : { line }),
    ...(commit === undefined || !/^[0-9a-f]{7,64}$/.test(commit) ? {} : { commit }),
    ...(address === undefined ? {} : { url: address }),
    ...(suggested === undefined ? {} : { suggested: inert(suggested, 2_000).trim() }),
    ...(reason === undefined ? {} : { reason: oneLine(reason, 600) }),
    ...(author === undefined ? {} : { author: { ...author, name: inertLine(author.name, 100) } }),
    ...(reproduce === undefined
      ? {}
      : { reproduce: { ...reproduce, ids: reproduce.ids.filter(isId).slice(0, MOST_IDS) } }),
  }
}

function named(file: string | undefined): boolean {
  return file !== undefined && file !== ""
}

function placeOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : repositoryPath(file)
}

/** An address that people open, or a file of the repository; a scheme that runs something is neither. */
function addressOf(url: string): string | undefined {
  const line = oneLine(url, 300)
  if (/^https?:\/\//i.test(line)) return line
  return repositoryPath(line) === undefined || /^[\w+.-]+:/.test(line) ? undefined : line
}

/** Ids are compared with what reports say, letter by letter, and handed to runners as arguments. */
function isId(id: string): boolean {
  return id.length <= ID_CHARS && !id.includes("\0")
}
