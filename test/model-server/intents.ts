import type { Call, Intent, OfferedTool } from "./script.ts"

/** The call of an offered tool that does what is meant; by the shell where no tool of its own is offered. */
export function callOf(intent: Intent, offered: readonly OfferedTool[], id: string): Call {
  if (intent.do === "call") {
    const namespace = offered.find(({ name }) => name === intent.name)?.namespace
    return { id, name: intent.name, input: intent.input, ...(namespace === undefined ? {} : { namespace }) }
  }
  for (const [names, values] of ways(intent)) {
    const tool = offered.find(({ name }) => names.includes(name))
    if (tool === undefined) continue
    if (tool.custom)
      return { id, name: tool.name, input: {}, custom: tool.name === "exec" ? codeOf(values) : patchOf(intent) }
    return { id, name: tool.name, input: inputOf(tool, values) }
  }
  throw new Error(`no tool for "${intent.do}" among: ${offered.map(({ name }) => name).join(", ") || "none"}`)
}

/** Tools that could do it, best first, each with what it is told; a value goes under whichever of its names is a parameter. */
function ways(intent: Exclude<Intent, { do: "call" }>): [names: string[], values: Value[]][] {
  const path = { names: ["file_path", "filePath", "absolute_path", "path"], value: "path" in intent ? intent.path : "" }
  switch (intent.do) {
    case "read":
      return [[["Read", "read", "read_file"], [path]], shell(`cat -- ${quoted(intent.path)}`)]
    case "write": {
      const text = `cat > ${quoted(intent.path)} <<'FLYBALL_END'\n${intent.content}\nFLYBALL_END`
      const values = [path, { names: ["content"], value: intent.content }]
      return [[["Write", "write", "write_file"], values], [["apply_patch"], []], shell(text)]
    }
    case "edit": {
      const { before, after } = intent
      const values = [
        path,
        { names: ["edits"], value: [{ oldText: before, newText: after }] },
        { names: ["old_string", "oldString", "oldText"], value: before },
        { names: ["new_string", "newString", "newText"], value: after },
      ]
      const script = `let f=process.argv[1],s=require("fs");s.writeFileSync(f,s.readFileSync(f,"utf8").replace(process.argv[2],()=>process.argv[3]))`
      const line = ["node", "-e", script, intent.path, before, after].map(quoted).join(" ")
      return [[["Edit", "edit", "replace"], values], [["apply_patch"], []], shell(line)]
    }
    case "run":
      return [shell(intent.command)]
  }
}

type Value = { names: string[]; value: unknown }

function shell(command: string): [string[], Value[]] {
  const tools = ["Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell", "exec"]
  return [tools, [{ names: ["command", "cmd"], value: command }]]
}

function inputOf({ name, parameters, required }: OfferedTool, values: readonly Value[]): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const { names, value } of values) {
    const parameter = names.find((each) => parameters.includes(each))
    // Codex's older shell takes an argv list.
    if (parameter !== undefined) input[parameter] = name === "shell" ? ["bash", "-lc", value] : value
  }
  // Some want a word of explanation with each call.
  for (const each of required) input[each] ??= "as the script says"
  return input
}

/** Codex's newer models write a program that calls the tools. */
function codeOf([command]: readonly Value[]): string {
  return `const done = await tools.exec_command({ cmd: ${JSON.stringify(command?.value)} })\ntext(done)\n`
}

function patchOf(intent: Exclude<Intent, { do: "call" }>): string {
  const lines = (text: string, mark: string) =>
    text
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => `${mark}${line}`)
  if (intent.do === "write")
    return ["*** Begin Patch", `*** Add File: ${intent.path}`, ...lines(intent.content, "+"), "*** End Patch"].join(
      "\n",
    )
  if (intent.do !== "edit") throw new Error(`a patch can't ${intent.do}`)
  const change = [...lines(intent.before, "-"), ...lines(intent.after, "+")]
  return ["*** Begin Patch", `*** Update File: ${intent.path}`, "@@", ...change, "*** End Patch"].join("\n")
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
