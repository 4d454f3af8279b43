import { inspect } from "node:util"

/** A key. It shows itself to nobody but who asks with `reveal()`: not to a log, not to JSON, not to an error's text. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }

  [inspect.custom](): string {
    return hidden
  }
}

const hidden = "[key]"
