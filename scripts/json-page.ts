import { writeFileSync } from "node:fs"
import { z } from "zod"
import { ValidateReport } from "../src/cli/commands/validate.ts"
import { AuditReport } from "../src/engine/audit/report.ts"
import { DoctorReport } from "../src/engine/commands/doctor.ts"
import { GcReport } from "../src/engine/commands/gc.ts"
import { HaltReport } from "../src/engine/commands/halt.ts"
import { InboxItem, InboxReport } from "../src/engine/commands/inbox.ts"
import { InitReport } from "../src/engine/commands/init.ts"
import { LoginForgetReport, LoginReport, LoginsReport } from "../src/engine/commands/login.ts"
import { LogReport } from "../src/engine/commands/logs.ts"
import { PluginAddReport, PluginRemoveReport, PluginsReport } from "../src/engine/commands/plugin.ts"
import { ProveReport } from "../src/engine/commands/prove.ts"
import { ResumeReport } from "../src/engine/commands/resume.ts"
import { SkillReport, SkillsLintReport, SkillsReport } from "../src/engine/commands/skills.ts"
import { StatusReport } from "../src/engine/commands/status.ts"
import { TraceReport } from "../src/engine/commands/trace.ts"
import { DemoReport } from "../src/engine/demo/demo.ts"
import { GateReport } from "../src/engine/gate/report.ts"
import { RunReport } from "../src/engine/report.ts"
import { ChangeView } from "../src/engine/view.ts"

/* Writes docs/json.md from the zod schemas that every command's `--json` goes through. */

/** A shape that several commands print, and the name under which the page explains it once. */
const named: readonly (readonly [name: string, schema: z.ZodType])[] = [
  ["Change", ChangeView],
  ["Run", RunReport],
]

const commands: readonly (readonly [command: string, schema: z.ZodType])[] = [
  ["flyball init", InitReport],
  ["flyball demo", DemoReport],
  ["flyball run", RunReport],
  ["flyball status", StatusReport],
  ["flyball gc", GcReport],
  ["flyball halt", HaltReport],
  ["flyball resume", ResumeReport],
  ["flyball logs", LogReport],
  ["flyball inbox", InboxReport],
  ["flyball inbox show", InboxItem],
  ["flyball inbox approve", ChangeView],
  ["flyball inbox reject", ChangeView],
  ["flyball inbox answer", ChangeView],
  ["flyball gate", GateReport],
  ["flyball gate --prove", ProveReport],
  ["flyball audit", AuditReport],
  ["flyball trace", TraceReport],
  ["flyball skills list", SkillsReport],
  ["flyball skills show", SkillReport],
  ["flyball skills lint", SkillsLintReport],
  ["flyball plugin add", PluginAddReport],
  ["flyball plugin list", PluginsReport],
  ["flyball plugin remove", PluginRemoveReport],
  ["flyball login", LoginsReport],
  ["flyball login TOOL --use", LoginReport],
  ["flyball login TOOL --forget", LoginForgetReport],
  ["flyball validate", ValidateReport],
  ["flyball doctor", DoctorReport],
]

/** Called by scripts/run-ts.mjs. */
export function main(): void {
  writeFileSync("docs/json.md", jsonPage())
}

/** The whole page. */
export function jsonPage(): string {
  const shapes = named.map(([name, schema]) => section(name, shapeOf(schema, true)))
  const lines = commands.map(([command, schema]) => section(`\`${command} --json\``, shapeOf(schema, false)))
  return `${head}\n${[...lines, "## Shapes that are named above\n", ...shapes].join("\n")}`
}

const head = `# What \`--json\` prints

Written from the source by \`npm run docs\`. One JSON value on stdout; progress and errors go to stderr. \`?\` marks a key that may be
absent. Keys may be added; none changes its meaning.
`

function section(title: string, shape: string): string {
  return `## ${title}\n\n\`\`\`\n${shape}\n\`\`\`\n`
}

function shapeOf(schema: z.ZodType, expand: boolean): string {
  const known = named.find(([, each]) => each === schema)
  if (known !== undefined && !expand) return known[0]
  return write(schema, "", expand)
}

/** A schema as a reader would write the value: \`{ key: type }\`. */
function write(schema: unknown, indent: string, top = false): string {
  const known = top ? undefined : named.find(([, each]) => each === schema)
  if (known !== undefined) return known[0]
  if (schema instanceof z.ZodObject) {
    const inner = `${indent}  `
    const rows = Object.entries(schema.shape).map(([key, value]) => {
      const optional = value instanceof z.ZodOptional
      return `${inner}${key}${optional ? "?" : ""}: ${write(optional ? value.unwrap() : value, inner)}`
    })
    return rows.length === 0 ? "{}" : `{\n${rows.join("\n")}\n${indent}}`
  }
  if (schema instanceof z.ZodArray) return `[ ${write(schema.element, indent)}, … ]`
  if (schema instanceof z.ZodUnion) return schema.options.map((each) => write(each, indent)).join(" | ")
  if (schema instanceof z.ZodEnum) return schema.options.map((each) => JSON.stringify(each)).join(" | ")
  if (schema instanceof z.ZodLiteral) return [...schema.values].map((each) => JSON.stringify(each)).join(" | ")
  if (schema instanceof z.ZodNullable) return `${write(schema.unwrap(), indent)} | null`
  if (schema instanceof z.ZodRecord) return `{ NAME: ${write(schema.valueType, indent)}, … }`
  if (schema instanceof z.ZodString) return "text"
  if (schema instanceof z.ZodNumber) return "number"
  if (schema instanceof z.ZodBoolean) return "true | false"
  return "any"
}
