import { isDeepStrictEqual } from "node:util"
import { parse as parseToml } from "smol-toml"
import { type Entry, readFileAt } from "../diff.ts"
import { canonicalPath } from "../paths.ts"
import type { ChangeFacts } from "./check.ts"

type Manifest = { parse: (text: string) => unknown; parts: readonly (readonly string[])[] }

/** Of a manifest only these parts are protected: they say what is run and how. The rest may change. */
const manifests: Record<string, Manifest> = {
  "package.json": {
    parse: JSON.parse,
    parts: [
      ..."scripts jest mocha ava tap c8 nyc vitest eslintConfig eslintIgnore xo standard prettier babel swc stylelint biome lint-staged husky simple-git-hooks pre-commit packageManager pnpm overrides resolutions workspaces wireit nx turbo volta devEngines type imports"
        .split(" ")
        .map((key) => [key]),
    ],
  },
  "composer.json": { parse: JSON.parse, parts: [["scripts"], ["config"], ["autoload-dev"]] },
  "pyproject.toml": { parse: parseToml, parts: [["tool"], ["build-system"], ["dependency-groups"]] },
  "cargo.toml": {
    parse: parseToml,
    parts: [
      ["lints"],
      ["profile"],
      ["patch"],
      ["replace"],
      ["test"],
      ["bench"],
      ["workspace"],
      ["lib", "test"],
      ["lib", "doctest"],
      ["lib", "harness"],
      ["package", "build"],
      ["package", "autotests"],
      ["package", "default-run"],
    ],
  },
}

/** Which protected parts of a manifest differ; all of it where one side can't be parsed or the manifest comes or goes. */
export async function protectedParts(entry: Entry, { repo, base, tree, signal }: ChangeFacts): Promise<string[]> {
  const name = canonicalPath(entry.path).split("/").at(-1) ?? ""
  const manifest = manifests[name]
  if (manifest === undefined) return []
  const before = await readFileAt(repo, base, entry.path, signal)
  const after = await readFileAt(repo, tree, entry.path, signal)
  const old = parsed(manifest, before)
  const fresh = parsed(manifest, after)
  if (entry.status === "deleted") return ["whole file (deleted)"]
  if (fresh === undefined || (before !== undefined && old === undefined)) return ["whole file (it can't be parsed)"]
  if (entry.newMode === "120000") return ["whole file (a symbolic link)"]
  return manifest.parts
    .filter((part) => !isDeepStrictEqual(at(old, part), at(fresh, part)))
    .map((part) => part.join("."))
}

function parsed({ parse }: Manifest, text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return parse(text.replace(/^\ufeff/, ""))
  } catch {
    return undefined
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined
    here = Reflect.get(here, key)
  }
  return here
}
