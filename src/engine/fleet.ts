import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import { type Diagnostic, hasErrors, renderDiagnostics } from "../spec/diagnostic.ts"
import { readUserConfig } from "../spec/user-config.ts"
import type { Fleet } from "./money.ts"

/** What this user lets all loops spend together, from `config.yaml` in FLYBALL_HOME. Throws CONFIG_INVALID. */
export async function readFleet(home: string): Promise<Fleet> {
  const file = join(home, "config.yaml")
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return ""
    throw new Failure("CONFIG_INVALID", `${file} can't be read: ${error.message}`)
  })
  const diagnostics: Diagnostic[] = []
  const fleet = readUserConfig(file, text, diagnostics)
  // A ceiling that can't be read may not be taken for none.
  if (hasErrors(diagnostics))
    throw new Failure("CONFIG_INVALID", `${file} can't be read.\n${renderDiagnostics(diagnostics, { color: false })}`, {
      hint: "Mend it: it says what all loops may spend together.",
      facts: { diagnostics },
    })
  return fleet
}
