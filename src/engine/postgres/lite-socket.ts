import { Duplex } from "node:stream"

/** A PostgreSQL that answers messages of the wire protocol, one at a time, and whose turn it is. */
export type Protocol = { turn: Promise<void>; answer(message: Uint8Array): Promise<Uint8Array> }

/**
 * What `pg` takes for a connection to a server: it speaks to the database in this process. That one has a single
 * session, so these sockets take turns, and who is in a transaction keeps the turn until it ends.
 */
export class LiteSocket extends Duplex {
  readonly #protocol: Protocol
  #heard = Buffer.alloc(0)
  #started = false
  #asked = Promise.resolve()
  #release: (() => void) | undefined

  constructor(protocol: Protocol) {
    super()
    this.#protocol = protocol
  }

  connect(): this {
    queueMicrotask(() => this.emit("connect"))
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#heard = Buffer.concat([this.#heard, chunk])
    const message = this.#take()
    if (message === undefined) {
      done()
      return
    }
    this.#asked = this.#asked.then(() => this.#ask(message))
    this.#asked.then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Who leaves in the middle of a transaction takes it back.
    const left = this.#release === undefined ? Promise.resolve() : this.#leave()
    left.then(
      () => done(error),
      () => done(error),
    )
  }

  async #leave(): Promise<void> {
    await this.#protocol.answer(simpleQuery("rollback")).catch(() => {})
    this.#release?.()
    this.#release = undefined
  }

  /** All that was heard up to the last message that wants an answer; undefined while there is none. */
  #take(): Buffer | undefined {
    let at = this.#started ? 0 : startupLength(this.#heard)
    let until = 0
    if (!this.#started) {
      if (at === 0 || this.#heard.length < at) return undefined
      this.#started = true
      this.#heard = this.#heard.subarray(at)
      this.push(GREETING)
      at = 0
    }
    while (at + 5 <= this.#heard.length) {
      const type = this.#heard[at]
      const end = at + 1 + this.#heard.readUInt32BE(at + 1)
      if (end > this.#heard.length) break
      at = end
      if (type === TERMINATE) this.push(null)
      if (type === QUERY || type === SYNC) until = at
    }
    if (until === 0) return undefined
    const message = this.#heard.subarray(0, until)
    this.#heard = this.#heard.subarray(until)
    return message
  }

  async #ask(message: Buffer): Promise<void> {
    this.#release ??= await takeTurn(this.#protocol)
    const answer = await this.#protocol.answer(message)
    if (!inTransaction(answer)) {
      this.#release()
      this.#release = undefined
    }
    if (!this.destroyed) this.push(Buffer.from(answer))
  }
}

const QUERY = 0x51
const SYNC = 0x53
const TERMINATE = 0x58
/** AuthenticationOk, a ParameterStatus that `pg` looks at, ReadyForQuery: what a server says to one that it knows. */
const GREETING = Buffer.concat([
  framed("R", Buffer.from([0, 0, 0, 0])),
  framed("S", Buffer.from("client_encoding\0UTF8\0")),
  framed("Z", Buffer.from("I")),
])

function framed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, "latin1")
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function simpleQuery(text: string): Buffer {
  return framed("Q", Buffer.from(`${text}\0`))
}

function startupLength(heard: Buffer): number {
  return heard.length < 4 ? 0 : heard.readUInt32BE(0)
}

/** By the last ReadyForQuery: `I` is outside of a transaction, `T` and `E` are in one. */
function inTransaction(answer: Uint8Array): boolean {
  const state = answer.at(-1)
  return state === 0x54 || state === 0x45
}

async function takeTurn(protocol: Protocol): Promise<() => void> {
  const before = protocol.turn
  let release: () => void = () => {}
  protocol.turn = new Promise<void>((resolve) => {
    release = resolve
  })
  await before
  return release
}
