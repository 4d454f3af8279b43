import { asFailure } from "../core/failure.ts"
import type { Loop } from "../core/loop.ts"
import { readFired } from "../record/fired.ts"
import { loadLoop } from "../spec/load.ts"
import { loopNames } from "../spec/loop-names.ts"
import { checkoutTree } from "../spec/tree.ts"
import { writeTrigger } from "../spec/trigger-text.ts"
import { nextFirings } from "../trigger/schedule.ts"
import { flyballHome } from "./home.ts"
import { agentsOfPlugins } from "./plugins/store.ts"
import type { Session } from "./session.ts"

export type DueFiring = { loop: string; trigger: string; at: string }

/** The loops of the checkout that load; the others are told by `validate`, and here as a line each. */
export async function loadAll({ repo }: Pick<Session, "repo">): Promise<{ loops: Loop[]; broken: string[] }> {
  const tree = checkoutTree(repo.root)
  const loops: Loop[] = []
  const broken: string[] = []
  const plugins = await agentsOfPlugins(repo.root, flyballHome(process.env))
  const siblings = await loopNames(tree)
  for (const { file } of siblings) {
    try {
      const { loop } = await loadLoop({ file }, { repo: repo.root, tree, plugins, siblings })
      if (loop === undefined) broken.push(file)
      else loops.push(loop)
    } catch (thrown) {
      broken.push(`${file}: ${asFailure(thrown).message}`)
    }
  }
  return { loops, broken }
}

/** What the clock fires next, the soonest first, one firing a loop: true while `flyball up` runs. */
export async function dueFirings(session: Session, only: string | undefined): Promise<DueFiring[]> {
  const { loops } = await loadAll(session)
  const fired = await readFired(session.db, session.repo.key)
  const now = new Date()
  return loops
    .filter((loop) => only === undefined || loop.name === only)
    .flatMap((loop) => {
      const last = fired.get(loop.name)
      const [next] = nextFirings(loop.trigger, last !== undefined && last > now ? last : now)
      return next === undefined
        ? []
        : [{ loop: loop.name, trigger: writeTrigger(next.trigger), at: next.at.toISOString() }]
    })
    .sort((a, b) => a.at.localeCompare(b.at))
}
