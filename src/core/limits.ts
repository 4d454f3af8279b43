/** What holds where a loop says nothing else; a loop that was frozen by an older version says nothing. */
export const defaultLimits = {
  /** Of one agent session. */
  outputBytes: 10_000_000,
  promptBytes: 200_000,
  /** Wall clock of one durable step that is no attempt: isolate, verify, ship. */
  stepMs: 2 * 60 * 60_000,
  /** Wall clock of one source of discovery. */
  sourceMs: 60 * 60_000,
  /** Of all processes together that one command started: an agent, or a check. Less where the machine has little. */
  memoryBytes: 8_000_000_000,
  processes: 1_000,
} as const

export type Limits = { outputBytes: number; promptBytes: number; stepMs: number; sourceMs: number }

/** What one command, with all that it starts, may take of the machine. */
export type TreeLimits = { memoryBytes: number; processes: number }

/** Those of a loop on a machine with so much memory: of what nobody set, three quarters are left to be used at most. */
export function treeLimitsOf(
  { limits }: { limits?: Partial<{ [key in keyof TreeLimits]: number | undefined }> | undefined },
  machineBytes: number,
): TreeLimits {
  return {
    memoryBytes: limits?.memoryBytes ?? Math.min(defaultLimits.memoryBytes, Math.floor(machineBytes * 0.75)),
    processes: limits?.processes ?? defaultLimits.processes,
  }
}

/** The limits of a loop, every default filled in. */
export function limitsOf({
  limits,
}: {
  limits?: Partial<{ [key in keyof Limits]: number | undefined }> | undefined
}): Limits {
  return {
    outputBytes: limits?.outputBytes ?? defaultLimits.outputBytes,
    promptBytes: limits?.promptBytes ?? defaultLimits.promptBytes,
    stepMs: limits?.stepMs ?? defaultLimits.stepMs,
    sourceMs: limits?.sourceMs ?? defaultLimits.sourceMs,
  }
}

/** Folders checked out ahead, of large repositories. */
export type PoolSize = { entries: number; bytes: number }

/** What holds unless the project's configuration says otherwise. */
export const defaultPool: PoolSize = { entries: 4, bytes: 4e9 }
