import { readdir, unlink } from "node:fs/promises"
import { connect, createServer, type Server, type Socket } from "node:net"
import { dirname, join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { codeOf, notWritable } from "./errors.ts"

/*
 * Who looks after the cluster is decided by sockets `s1`, `s2`, … in the control folder. To bind one is to claim it, the
 * kernel refuses connections to one whose process has died, and the highest that answers is the supervisor. A new one claims
 * the number after the highest dead one; so no stale file is ever removed from under somebody who just took it over.
 */

/** What a supervisor tells those who wait for the database, one JSON line each. */
export const Message = z.discriminatedUnion("is", [
  z.object({ is: z.literal("progress"), text: z.string() }),
  z.object({ is: z.literal("ready"), version: z.string(), host: z.string() }),
  z.object({ is: z.literal("failed"), code: z.string(), message: z.string(), hint: z.string().optional() }),
])
export type Message = z.infer<typeof Message>

/** Connects to the supervisor, if one lives. */
export async function dial(control: string): Promise<Socket | undefined> {
  const numbers = await claims(control)
  const highest = numbers[0]
  return highest === undefined ? undefined : await tryConnect(join(control, `s${highest}`))
}

/** Becomes the supervisor; undefined if there is one already. */
export async function claim(control: string): Promise<Server | undefined> {
  for (let tries = 0; tries < 50; tries++) {
    const numbers = await claims(control)
    const mine = (numbers[0] ?? 0) + 1
    if (numbers[0] !== undefined && (await answers(join(control, `s${numbers[0]}`)))) return undefined
    const server = await tryListen(join(control, `s${mine}`))
    if (server === undefined) continue
    const others = (await claims(control)).filter((number) => number !== mine)
    const above = others.some((number) => number > mine)
    const alive = await Promise.all(others.map((number) => answers(join(control, `s${number}`))))
    if (!above && !alive.includes(true)) {
      await Promise.all(others.map((number) => unlink(join(control, `s${number}`)).catch(() => {})))
      return server
    }
    // Two at once: both step back, and the next round has one of them first.
    await new Promise((resolve) => server.close(resolve))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
  }
  return undefined
}

async function claims(control: string): Promise<number[]> {
  const names = await readdir(control).catch(() => [])
  return names
    .filter((name) => /^s\d{1,9}$/.test(name))
    .map((name) => Number(name.slice(1)))
    .sort((a, b) => b - a)
}

async function answers(path: string): Promise<boolean> {
  const socket = await tryConnect(path)
  socket?.destroy()
  return socket !== undefined
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once("connect", () => {
      socket.removeAllListeners("error").on("error", () => {})
      resolve(socket)
    })
    socket.once("error", () => resolve(undefined))
  })
}

function tryListen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", (error) => {
      if (codeOf(error) === "EADDRINUSE") resolve(undefined)
      else reject(noSockets(path, error))
    })
    server.listen(path, () => {
      server.removeAllListeners("error").on("error", () => {})
      resolve(server)
    })
  })
}

function noSockets(path: string, cause: Error): Failure {
  if (codeOf(cause) === "ENOSPC") return notWritable(path, cause)
  return new Failure(
    "DATABASE_NOT_WRITABLE",
    `No unix socket can be made in ${dirname(path)}: ${codeOf(cause) ?? cause.message}.`,
    {
      hint: "Set FLYBALL_HOME to a folder on a local disk.",
      retry: "person",
      cause,
    },
  )
}
