type Path = readonly string[]

/** Of these files only parts are protected: they say what is run and how. The rest may change. */
export type ManifestParts = {
  format: "json" | "toml"
  /** Parts that no change may touch. */
  guarded: readonly Path[]
  /** Those of them that decide how checks are run: they are the base's whatever the head says. */
  restored: readonly Path[]
  /** Parts whose entries may become more, and may not come to mean something else. */
  grows: readonly Path[]
}

const keys = (text: string): Path[] => text.split(" ").map((key) => [key])

const tools = "jest mocha ava tap c8 nyc vitest eslintConfig eslintIgnore babel biome prettier"
const pythonTools = "pytest ruff mypy pyright basedpyright coverage tox black isort pylint flake8"

const manifests: Readonly<Record<string, ManifestParts>> = {
  "package.json": {
    format: "json",
    guarded: keys(
      `scripts ${tools} tap xo standard swc stylelint lint-staged husky simple-git-hooks pre-commit packageManager pnpm overrides resolutions workspaces wireit nx turbo volta devEngines type imports`,
    ),
    restored: keys(`scripts ${tools}`),
    grows: keys("main module exports browser bin"),
  },
  "composer.json": { format: "json", guarded: keys("scripts config autoload-dev"), restored: [], grows: [] },
  "pyproject.toml": {
    format: "toml",
    guarded: [...keys("tool build-system dependency-groups"), ["project", "entry-points"]],
    restored: pythonTools.split(" ").map((key) => ["tool", key]),
    grows: [],
  },
  "cargo.toml": {
    format: "toml",
    guarded: [
      ...keys("lints profile patch replace test bench workspace"),
      ["lib", "test"],
      ["lib", "doctest"],
      ["lib", "harness"],
      ["package", "build"],
      ["package", "autotests"],
      ["package", "default-run"],
    ],
    restored: [],
    grows: [],
  },
}

/** The parts of a manifest by its file name, lower case; undefined for any other file. */
export function manifestOf(path: string): ManifestParts | undefined {
  const name = path.split("/").at(-1) ?? ""
  return Object.hasOwn(manifests, name) ? manifests[name] : undefined
}
