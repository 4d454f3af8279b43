import { closeSync, writeSync } from "node:fs"
import type { Server, Socket } from "node:net"
import { asFailure } from "../../core/failure.ts"
import { type Cluster, startCluster } from "./cluster.ts"
import { claim, type Message } from "./control.ts"
import { findPlace, type Place } from "./place.ts"

/*
 * The process that keeps one user's PostgreSQL: starts it, starts it again when it dies while somebody needs it, and stops it
 * a while after the last client hung up. A client is a connection to this process, so the death of one is seen at once.
 * Run as: node postgres-supervisor.js HOME IDLE_MS
 */

const [home = "", idle = "60000"] = process.argv.slice(2)
// The terminal it was started from is not its business.
for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {})
await supervise(home, Number(idle))

async function supervise(home: string, idleMs: number): Promise<void> {
  let place: Place
  let server: Server | undefined
  try {
    place = await findPlace(home)
    server = await claim(place.control)
  } catch (error) {
    tellParent(failed(error))
    process.exit(1)
  }
  if (server === undefined) process.exit(0)
  const desk = receive(server, idleMs)
  tellParent({ is: "progress", text: "listening" })

  let cluster: Cluster | undefined
  const stop = async () => {
    // First no new clients: whoever comes now starts a supervisor of their own, which waits for PostgreSQL to end.
    desk.close()
    await cluster?.stop()
    process.exit(0)
  }
  desk.whenDone(stop)
  process.on("SIGTERM", stop)

  let deaths: number[] = []
  for (;;) {
    try {
      cluster = await startCluster(place, (text) => desk.tell({ is: "progress", text }))
    } catch (error) {
      desk.tell(failed(error))
      desk.close()
      process.exit(1)
    }
    desk.tell({ is: "ready", version: cluster.version, host: place.sockets })
    await cluster.gone
    if (desk.closed()) return
    deaths = [...deaths.filter((at) => at > Date.now() - 60_000), Date.now()]
    if (deaths.length > 20) {
      desk.tell(failed(new Error(`PostgreSQL died ${deaths.length} times within a minute; see ${place.log}`)))
      desk.close()
      process.exit(1)
    }
    desk.forget()
  }
}

/** Counts clients and tells them how things stand; `done` is called when none is left for `idleMs`, or one asks for it. */
function receive(server: Server, idleMs: number) {
  const clients = new Set<Socket>()
  let last: Message | undefined
  let done = () => {}
  let closed = false
  let timer = setTimeout(() => done(), idleMs)
  server.on("connection", (socket) => {
    clients.add(socket)
    clearTimeout(timer)
    socket.on("error", () => {})
    socket.setEncoding("utf8").on("data", (text: string) => {
      if (text.startsWith("stop\n")) done()
    })
    socket.on("close", () => {
      clients.delete(socket)
      if (clients.size > 0) return
      clearTimeout(timer)
      timer = setTimeout(() => done(), idleMs)
    })
    if (last !== undefined) socket.write(`${JSON.stringify(last)}\n`)
  })
  return {
    tell(message: Message) {
      last = message
      for (const socket of clients) socket.write(`${JSON.stringify(message)}\n`)
    },
    forget() {
      last = undefined
    },
    whenDone(act: () => void) {
      done = act
    },
    close() {
      closed = true
      server.close()
    },
    closed: () => closed,
  }
}

/** One line to the process that spawned us, through a pipe of its own that is closed at once. */
function tellParent(message: Message): void {
  try {
    writeSync(3, `${JSON.stringify(message)}\n`)
    closeSync(3)
  } catch {
    // It died, or we were started by hand.
  }
}

function failed(error: unknown): Message {
  const { code, message, hint } = asFailure(error)
  return { is: "failed", code, message, ...(hint === undefined ? {} : { hint }) }
}
