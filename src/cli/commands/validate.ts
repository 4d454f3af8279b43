import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { flyballHome } from "../../engine/home.ts"
import { findLoopFile, loadHere } from "../../engine/load.ts"
import { openRepo } from "../../isolate/repo.ts"
import { Diagnostic, hasErrors, renderDiagnostics } from "../../spec/diagnostic.ts"
import { explain } from "../../spec/explain.ts"
import { loopSchema } from "../../spec/json-schema.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { exitCodes } from "../exit-codes.ts"
import { count, print, type Terminal } from "../terminal.ts"

export const ValidateReport = z.object({
  files: z.array(
    z.object({
      file: z.string(),
      valid: z.boolean(),
      diagnostics: z.array(Diagnostic),
      canonical: z.string().optional(),
    }),
  ),
})
export type ValidateReport = z.infer<typeof ValidateReport>

/** `flyball validate [LOOP…] [--strict] [--explain] [--schema]` */
export async function validate(
  terminal: Terminal,
  wanted: string[],
  options: { strict?: boolean; explain?: boolean; schema?: boolean },
): Promise<number> {
  if (options.schema) {
    terminal.out(JSON.stringify(loopSchema(), null, 2))
    return 0
  }
  const repo = await openRepo(process.cwd(), flyballHome(process.env))
  const files =
    wanted.length > 0
      ? await Promise.all(wanted.map((name) => findLoopFile(repo, name, process.cwd())))
      : await loopFiles(checkoutTree(repo.root))
  if (files.length === 0)
    throw new Failure("NO_LOOPS", `There are no loops in ${repo.root}/.flyball/loops.`, {
      hint: "`flyball init` writes a first one.",
    })
  const report: ValidateReport = { files: [] }
  for (const file of files) {
    const { loop, diagnostics } = await loadHere(repo, file, { strict: options.strict === true })
    const canonical = options.explain && loop !== undefined ? { canonical: explain(loop) } : {}
    report.files.push({ file, valid: !hasErrors(diagnostics), diagnostics, ...canonical })
  }
  print(terminal, ValidateReport.parse(report), (shown) => shown.files.map((each) => render(terminal, each)).join("\n"))
  return report.files.every((each) => each.valid) ? exitCodes.done : exitCodes.wrongUse
}

function render({ color }: Terminal, { file, valid, diagnostics, canonical }: ValidateReport["files"][number]): string {
  const problems = diagnostics.filter((each) => each.severity === "error").length
  const rest = diagnostics.length - problems
  const verdict = valid ? color.green(`✓ ${file}`) : color.red(`✗ ${file}: ${count(problems, "error")}`)
  const extra = rest === 0 ? "" : color.dim(`  (${count(rest, "remark")})`)
  const told = renderDiagnostics(diagnostics, { color: color.isColorSupported })
  const judged = told === "" ? `${verdict}${extra}` : `${told}\n${verdict}${extra}`
  // What is explained stays YAML: it can be piped on.
  return canonical === undefined ? judged : `${canonical}\n${judged.replace(/^(?=.)/gm, "# ")}`
}
