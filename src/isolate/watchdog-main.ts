import { guard } from "./guard.ts"

/*
 * The watchdog's program: `node watchdog.js <FLYBALL_HOME> <folder of the owner> <stallMs>`, its stdin the owner's pipe.
 * It is small and of its own, so that it works when the engine hangs.
 */
const [home = "", folder = "", stallMs = "30000"] = process.argv.slice(2)
await guard({ home, folder, pipe: process.stdin, stallMs: Number(stallMs) })
