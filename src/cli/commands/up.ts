import { up as runUp } from "../../engine/up.ts"
import { runInForeground } from "../foreground.ts"
import { plain, type Terminal, json as toJson } from "../terminal.ts"

/** `flyball up` */
export function up(terminal: Terminal, _options: object): Promise<number> {
  const { color, err, out, json } = terminal
  return runInForeground(terminal, async (signal) => {
    await runUp({
      cwd: process.cwd(),
      signal,
      say: (loop, text) => {
        const at = new Date().toISOString()
        if (json) out(toJson({ at, ...(loop === undefined ? {} : { loop }), text }, 0))
        else if (text.trim() !== "")
          err(`${color.dim(at.slice(11, 19))} ${color.cyan((loop ?? "flyball").padEnd(16))} ${plain(text, 300)}`)
      },
    })
    return 0
  })
}
