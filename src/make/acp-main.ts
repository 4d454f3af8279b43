import { type ChildProcess, spawn } from "node:child_process"
import { Readable, Writable } from "node:stream"
import { setTimeout as wait } from "node:timers/promises"
import { parseArgs } from "node:util"
import {
  type ClientContext,
  client,
  methods,
  type NewSessionResponse,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type ToolKind,
} from "@agentclientprotocol/sdk"
import { version } from "../version.ts"

/*
 * The program behind `use: acp`: it stands where an agent's CLI would stand. It starts the agent's command, speaks the
 * Agent Client Protocol with it, gives it the prompt that came on stdin, answers what it asks leave for, and prints what
 * happens as lines of JSON for `agents/acp.ts`. It offers the agent no files and no terminal: the agent has its own,
 * under the same confinement as this program. It leaves when the turn ends; SIGTERM cancels the turn first.
 */

/** Until what was asked to leave is ended. */
const GRACE_MS = 500
/** As a shell leaves for a program that is not there. */
const NOT_FOUND = 127
/** The protocol's code for "authenticate first". */
const AUTH_REQUIRED = -32_000

await main()

async function main(): Promise<void> {
  const { options, command } = read(process.argv.slice(2))
  const prompt = await all(process.stdin)
  const [program = "", ...args] = command
  const agent = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] })
  const gone = leaving(agent)
  try {
    const app = client({ name: "flyball" })
      .onRequest(methods.client.session.requestPermission, ({ params }) => permit(params, options.may))
      .onNotification(methods.client.session.update, ({ params }) => print({ type: "update", update: params.update }))
    const stream = ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout))
    const turn = app.connectWith(stream, (context) => converse(context, { prompt, ...options }))
    // Where its program left, that says more than a line that went dead.
    const failing = turn.catch(() => Promise.race([gone, wait(GRACE_MS).then(() => turn)]))
    await Promise.race([failing, gone])
  } catch (thrown) {
    const missing = process.exitCode === NOT_FOUND
    print({ type: "failed", why: wordsOf(thrown), missing })
    if (!missing) process.exitCode = 1
  }
  await end(agent, gone)
}

type Options = { may: string; model: string | undefined }

function read(argv: string[]): { options: Options; command: string[] } {
  const { values, positionals } = parseArgs({
    args: argv,
    options: { may: { type: "string" }, model: { type: "string" } },
    allowPositionals: true,
  })
  return { options: { may: values.may ?? "read", model: values.model }, command: positionals }
}

/** One session with one turn, to its end. */
async function converse(context: ClientContext, { prompt, model }: Options & { prompt: string }): Promise<void> {
  const { authMethods, agentInfo } = await context.request(methods.agent.initialize, {
    protocolVersion: PROTOCOL_VERSION,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: "flyball", version },
  })
  print({ type: "started", agent: agentInfo ?? null })
  const session = await openSession(context, authMethods ?? [])
  const { sessionId } = session
  if (model !== undefined) await choose(context, session, model)
  const cancel = () => void context.notify(methods.agent.session.cancel, { sessionId })
  process.once("SIGTERM", cancel)
  print({ type: "prompted" })
  const { stopReason } = await context.request(methods.agent.session.prompt, {
    sessionId,
    prompt: [{ type: "text", text: prompt }],
  })
  print({ type: "stopped", stopReason })
}

/** Where it first wants to know who pays, the way that takes a key from the environment is chosen. */
async function openSession(
  context: ClientContext,
  ways: readonly { id: string; name: string }[],
): Promise<NewSessionResponse> {
  const open = () => context.request(methods.agent.session.new, { cwd: process.cwd(), mcpServers: [] })
  const byKey = ways.find(({ id, name }) => /api.?key/i.test(`${id} ${name}`))
  try {
    return await open()
  } catch (thrown) {
    if (!(thrown instanceof RequestError) || thrown.code !== AUTH_REQUIRED || byKey === undefined) throw thrown
    await context.request(methods.agent.authenticate, { methodId: byKey.id })
    return await open()
  }
}

async function choose(context: ClientContext, session: NewSessionResponse, model: string): Promise<void> {
  const option = session.configOptions?.find(({ category, type }) => category === "model" && type === "select")
  if (option === undefined) return print({ type: "note", text: `the agent lets no model be chosen: ${model} was not` })
  await context.request(methods.agent.session.setConfigOption, {
    sessionId: session.sessionId,
    configId: option.id,
    value: model,
  })
}

/** Never for good: each thing it asks leave for is looked at by itself. */
function permit({ toolCall, options }: RequestPermissionRequest, may: string): RequestPermissionResponse {
  const granted = may === "all" || kindsFor(may).includes(toolCall.kind ?? "other")
  print({ type: "permission", title: toolCall.title ?? toolCall.kind ?? "use a tool", granted })
  const wanted = granted ? (["allow_once", "allow_always"] as const) : (["reject_once", "reject_always"] as const)
  const chosen = wanted.flatMap((kind) => options.filter((option) => option.kind === kind))[0]
  return {
    outcome: chosen === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId: chosen.optionId },
  }
}

function kindsFor(may: string): readonly ToolKind[] {
  return may === "read-and-run" ? ["read", "search", "think", "execute"] : ["read", "search", "think"]
}

/** Resolves never; rejects when the agent's program ends or can't be started, since before its turn's end that is a failure. */
function leaving(agent: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    agent.once("error", (error) => {
      process.exitCode = NOT_FOUND
      reject(error)
    })
    agent.once("exit", (code, signal) => reject(new Error(`the agent's program left (${signal ?? `exit ${code}`})`)))
  })
}

/** Lets it leave by itself for a moment; whoever started us ends what is left of it. */
async function end(agent: ChildProcess, gone: Promise<never>): Promise<void> {
  agent.stdin?.end()
  await Promise.race([gone.catch(() => undefined), wait(GRACE_MS, undefined, { ref: false })])
  agent.kill("SIGTERM")
  await Promise.race([gone.catch(() => undefined), wait(GRACE_MS, undefined, { ref: false })])
  agent.kill("SIGKILL")
  process.exit()
}

function wordsOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const data = thrown instanceof RequestError && thrown.data !== undefined ? ` ${JSON.stringify(thrown.data)}` : ""
  return `${thrown.message}${data}`
}

async function all(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

function print({ type, ...told }: { type: string; [field: string]: unknown }): void {
  process.stdout.write(`${JSON.stringify({ type: `flyball.acp.${type}`, ...told })}\n`)
}
