import { type Attempt, type Change, spentOn } from "../core/change.ts"
import type { Effect } from "../core/event.ts"
import type { Evidence } from "../core/evidence.ts"
import type { Accept } from "../core/judge.ts"
import type { Loop } from "../core/loop.ts"
import type { Base, Repo } from "../core/ports.ts"
import { actions, unconnected } from "./actions/index.ts"
import { dropBranch, holds, land, squash } from "./branch.ts"
import { describeProposal, type ProposalText } from "./proposal.ts"

export type Shipping = {
  repo: Repo
  base: Base
  loop: Loop
  change: Change
  /** For this very commit: nothing else can be shipped. */
  accept: Accept
  signal: AbortSignal
}

export type Shipped = { commit: string; branch: string; effects: Effect[]; text: ProposalText }

/** Proposes an accepted head: one squashed commit on `flyball/<change>`, then every action of `ship.run` in order. */
export async function propose(shipping: Shipping): Promise<Shipped> {
  const { repo, base, loop, change, signal } = shipping
  const { commit, branch, text } = await squashed(shipping)
  const effects: Effect[] = []
  for (const call of loop.steps.ship?.run ?? []) {
    const action = actions[call.name]
    if (action === undefined) {
      effects.push({ action: call.name, outcome: "skipped", detail: unconnected[call.name] ?? "not available yet" })
      continue
    }
    effects.push(
      await action.perform(
        {
          repo,
          base,
          loop,
          change: change.id,
          finding: change.finding,
          commit,
          branch,
          title: text.title,
          body: text.body,
          evidence: evidenceOf(shipping),
          signal,
          ...(change.proposal === undefined ? {} : { replaces: change.proposal.commit }),
        },
        call.args,
      ),
    )
  }
  return { commit, branch, effects, text }
}

export type Merged = ({ is: "landed" } & Shipped) | { is: "base_moved" }

/** Lands an approved head on the default branch. A base that moved since it was verified is verified again first. */
export async function mergeApproved(shipping: Shipping): Promise<Merged> {
  const { repo, base, change, signal } = shipping
  const { commit, branch, text, parent } = await squashed(shipping)
  const landed = await land({ repo, base, commit, parent, signal })
  // It may have moved by our own doing: landed by a process that died before it could say so (catalogue D6).
  if (landed.is === "base_moved" && !(await holds({ repo, tip: base.sha, commit, signal }))) return landed
  if (change.proposal !== undefined) await dropBranch({ repo, base, branch, commit: change.proposal.commit, signal })
  return {
    is: "landed",
    commit,
    branch,
    text,
    effects: [{ action: "merge", outcome: "done", detail: `${base.branch} is now ${commit.slice(0, 10)}` }],
  }
}

async function squashed(
  shipping: Shipping,
): Promise<{ commit: string; branch: string; text: ProposalText; parent: string }> {
  const { repo, loop, change, accept, signal } = shipping
  const attempt = acceptedAttempt(shipping)
  const text = describeProposal({
    change,
    loopName: loop.name,
    // Another run may ship it again, after one that never learned whether it had: it must be the same commit.
    runId: attempt?.verifiedIn ?? change.run,
    evidence: evidenceOf(shipping),
    spend: spentOn(change),
  })
  const { message } = text
  const commit = await squash({ repo, tree: accept.tree, parent: accept.base, message, at: change.startedAt, signal })
  return { commit, branch: `flyball/${change.id}`, text, parent: accept.base }
}

function evidenceOf(shipping: Shipping): Evidence[] {
  const { accept } = shipping
  const all = acceptedAttempt(shipping)?.evidence ?? []
  return all.filter((each) => each.head === accept.head && each.base === accept.base)
}

function acceptedAttempt({ change, accept }: Shipping): Attempt | undefined {
  return change.attempts.findLast((each) => each.made?.is === "commit" && each.made.head === accept.head)
}
