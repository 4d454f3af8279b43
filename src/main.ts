#!/usr/bin/env node
import { version } from "./version.ts"

// The one thing that scripts ask most is answered before anything is loaded.
if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  process.stdout.write(`${version}\n`)
} else {
  const { main } = await import("./cli/main.ts")
  process.exitCode = await main(process.argv.slice(2))
}
