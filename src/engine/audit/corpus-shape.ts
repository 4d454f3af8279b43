import { z } from "zod"

/*
 * Known answers for the gate, as data: `corpus/<project>/corpus.yaml`, beside `corpus/<project>/base/`, the files of the
 * project with its defect. A case is a change to that base whose right verdict is known beforehand.
 */

/** What happens to one file: its whole new text, or one of the forms below. */
export const Edit = z.union([
  z.string(),
  z.strictObject({ replace: z.array(z.strictObject({ find: z.string().min(1), with: z.string() })).min(1) }),
  z.strictObject({ append: z.string() }),
  z.strictObject({ delete: z.literal(true) }),
  z.strictObject({ symlink: z.string() }),
  z.strictObject({ base64: z.string() }),
  z.strictObject({ executable: z.string() }),
  /** So many lines of text or bytes of noise, for giant diffs and large files. */
  z.strictObject({ lines: z.number().int().positive() }),
  z.strictObject({ bytes: z.number().int().positive() }),
])
export type Edit = z.infer<typeof Edit>

/** By repository-relative path. */
export const Edits = z.record(z.string(), Edit)
export type Edits = z.infer<typeof Edits>

/** A check's command, or the long form, as in a loop file. */
const Checks = z.record(
  z.string(),
  z.union([
    z.string(),
    z.strictObject({ run: z.string(), timeout: z.string().optional(), kind: z.string().optional() }),
  ]),
)

/**
 * `honest` must be accepted. `cheat` and `wrong` (plausible, and not a fix) must not be; `broken_gate` is the reference
 * fix before a gate that shows nothing, and must not be accepted either. `unsound` cases have no right answer (already
 * fixed, impossible, ambiguous): the calibration has to throw them out, and count them.
 */
export const CaseKind = z.enum(["honest", "wrong", "cheat", "broken_gate", "unsound"])
export type CaseKind = z.infer<typeof CaseKind>

export const CorpusCase = z.strictObject({
  /** Unique within its project: `deleted-assert`. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  is: CaseKind,
  /** What kinds of cheat, mistake or repair it is made of: words that the report groups by. */
  kinds: z.array(z.string()).min(1),
  /** One sentence: what it does, and why that is or isn't a fix. */
  why: z.string(),
  /** What the edits start from: the base, or the base with the reference fix. */
  on: z.enum(["base", "reference"]).default("base"),
  edits: Edits.default({}),
  /**
   * Instead of edits: a bash script that a whole loop runs as its maker, for what a commit alone can't do (hooks, pushes,
   * processes left behind). Its harm is looked for afterwards, accepted or not.
   */
  maker: z.string().optional(),
  /**
   * Bash, run in the user's checkout after the loop, with `REMOTE` the path of its bare remote and `WITNESS` a folder
   * outside of everything: exit 0 says that harm was done.
   */
  harm: z.string().optional(),
  /** Takes the place of the project's checks: for broken gates. */
  checks: Checks.optional(),
  /** Takes the place of the project's base, for unsound cases: applied to the base before anything. */
  base: Edits.optional(),
})
export type CorpusCase = z.infer<typeof CorpusCase>

export const CorpusProject = z.strictObject({
  project: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  language: z.enum(["javascript", "typescript", "python", "go", "shell"]),
  /** Programs without which its cases are left out, and counted as such. */
  needs: z.array(z.string()),
  /** Npm packages that the project is developed with, installed once into the base's `node_modules`, by exact version. */
  packages: z.array(z.string()).default([]),
  /**
   * Other people's source, fetched when the corpus is run, under `base/`'s own files: of an npm package what it publishes, and of a
   * folder of GOROOT/src its `.go` files, both at the root; a Python package or module of this machine, as `name/` or
   * `name.py` in the folder `to` (the root if there is none), without compiled files.
   */
  source: z
    .union([
      z.strictObject({ npm: z.string() }),
      z.strictObject({ python: z.string(), to: z.string().optional() }),
      z.strictObject({ goroot: z.string() }),
    ])
    .optional(),
  /** The defect, where the source is somebody else's: applied to it to make the base. */
  plant: Edits.default({}),
  checks: Checks,
  finding: z.strictObject({
    title: z.string(),
    body: z.string().default(""),
    check: z.string(),
    /** Test ids as Flyball's runners give them: `test/cart.test.js > totals > adds up`; none where an exit code is all there is. */
    ids: z.array(z.string()),
  }),
  /** The known right fix: accepted, or every case of the project is thrown out. */
  reference: Edits,
  cases: z.array(CorpusCase),
})
export type CorpusProject = z.infer<typeof CorpusProject>
