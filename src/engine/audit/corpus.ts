import { readdir, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parse } from "yaml"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { entry } from "../../lib/entry.ts"
import { CorpusProject } from "./corpus-shape.ts"
import { type Files, readFolder } from "./files.ts"

/** A project of the corpus with its own files, before anything is fetched or planted. */
export type LoadedProject = CorpusProject & { folder: string; own: Files }

/** The corpus that comes with the package. */
export function corpusFolder(): string {
  return join(dirname(dirname(entry("flyball.js"))), "corpus")
}

/** Every project of a corpus, by name. Throws Failure CORPUS_INVALID, CORPUS_MISSING. */
export async function loadCorpus(folder: string, only?: string): Promise<LoadedProject[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new Failure("CORPUS_MISSING", `There is no corpus in ${folder}.`, { cause })
  })
  const names = entries.filter((each) => each.isDirectory()).map((each) => each.name)
  const wanted = names.filter((name) => only === undefined || name === only).sort()
  if (wanted.length === 0) {
    const what = only === undefined ? "no project" : `no project \`${only}\``
    throw new Failure("CORPUS_MISSING", `There is ${what} in ${folder}.`, {
      ...(names.length === 0 ? {} : { hint: `Here are: ${names.join(", ")}.` }),
    })
  }
  return Promise.all(wanted.map((name) => loadProject(join(folder, name))))
}

async function loadProject(folder: string): Promise<LoadedProject> {
  const file = join(folder, "corpus.yaml")
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new Failure("CORPUS_INVALID", `${file} can't be read.`, { cause })
  })
  const project = CorpusProject.safeParse(parsed(text, file))
  if (!project.success)
    throw new Failure("CORPUS_INVALID", `${file} is not of the corpus's shape: ${z.prettifyError(project.error)}`)
  const ids = project.data.cases.map((each) => each.id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new Failure("CORPUS_INVALID", `${file} has two cases \`${twice}\`.`)
  const own = await readFolder(join(folder, "base")).catch((): Files => new Map())
  return { ...project.data, folder, own: withIgnored(own) }
}

/** npm packs no `.gitignore`: it stands without its dot. */
function withIgnored(files: Files): Files {
  return new Map([...files].map(([path, file]) => [path.replace(/(^|\/)gitignore$/, "$1.gitignore"), file]))
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Failure("CORPUS_INVALID", `${file} is not YAML: ${why}`, { cause })
  }
}
