import { Failure } from "../../core/failure.ts"
import type { Loop } from "../../core/loop.ts"
import type { Sandbox } from "../../core/ports.ts"
import { unavailable } from "../../spec/availability.ts"

/** `isolation: sandbox` is a demand, not a wish. */
export function refuseUnconfined({ isolation, source }: Loop, { kind }: Sandbox): void {
  if (isolation !== "sandbox" || kind.is !== "none") return
  throw new Failure(
    "NO_SANDBOX",
    `${source.path} demands \`isolation: sandbox\`, and there is none here: ${kind.why}.`,
    {
      hint: "Install bubblewrap (`apt install bubblewrap`), or say `isolation: worktree` and accept that a hostile agent can reach what you can reach.",
      retry: "person",
    },
  )
}

/** A loop that demands what no version delivers yet is refused before anything starts. */
export function refuseUnavailable(loop: Loop): void {
  const refused = unavailable(loop).filter((each) => each.effect === "refused")
  const [first] = refused
  if (first === undefined) return
  throw new Failure(
    "NOT_AVAILABLE_YET",
    `${loop.source.path}: \`${first.feature}\` is not available yet: it needs ${first.needs}.`,
    {
      hint: first.instead ?? "Take it out of the loop; `flyball validate` lists everything of the kind.",
    },
  )
}
