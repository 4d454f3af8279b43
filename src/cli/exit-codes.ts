/** Exit codes of all commands; of `run` the first that applies (see the README). */
export const exitCodes = { done: 0, stopped: 1, wrongUse: 2, person: 3, interrupted: 130 } as const
