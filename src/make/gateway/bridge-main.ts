import { spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import { constants } from "node:os"

/*
 * The program that stands inside a network namespace: node bridge.js PORT SOCKET PROGRAM [ARGS…]
 * It listens on 127.0.0.1:PORT, where the agent looks for the gateway, and pipes each connection to the unix socket, which
 * is the only thing of the network that came in. Then it starts the agent, hands signals on, and leaves as the agent left.
 * Where door.pl stands before it, that has done all but the piping: node bridge.js fd:N SOCKET, with the door open as N.
 */

const [port = "", socket = "", program, ...args] = process.argv.slice(2)
const door = /^fd:(\d+)$/.exec(port)?.[1]
if (door === undefined && program === undefined) {
  process.stderr.write("usage: bridge PORT SOCKET PROGRAM [ARGS…]\n")
  process.exit(2)
}

const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (inner) => {
  const outer = connect({ path: socket, allowHalfOpen: true })
  inner.on("error", () => outer.destroy())
  outer.on("error", () => inner.destroy())
  inner.pipe(outer)
  outer.pipe(inner)
})
server.on("error", (error) => {
  process.stderr.write(`bridge: 127.0.0.1:${port}: ${error.message}\n`)
  process.exit(71)
})
server.listen(door === undefined ? { host: "127.0.0.1", port: Number(port) } : { fd: Number(door) }, () => {
  if (program !== undefined) start(program, args)
})

function start(command: string, words: string[]): void {
  // The agent decides what a signal means; this process only ends after it. Listening comes first: an agent that is there
  // must not lose the process that passes its signals on.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const)
    process.on(signal, () => agent.kill(signal))
  const agent = spawn(command, words, { stdio: "inherit" })
  agent.once("error", (error) => {
    process.stderr.write(`bridge: ${command}: ${error.message}\n`)
    process.exit("code" in error && error.code === "EACCES" ? 126 : 127)
  })
  agent.once("exit", (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
  })
}
