import type { Workspace, Workspaces } from "../core/ports.ts"

/**
 * Hands the workspace that `isolate` has just opened on to `make`, once and for the same question: nobody has worked in
 * it in between, and looking again cost five processes an attempt. Whatever else happens to the folder, and any other
 * process, has it opened for real.
 */
export function handOver(workspaces: Workspaces): Workspaces {
  const fresh = new Map<string, { question: string; workspace: Workspace }>()
  return {
    ...workspaces,
    async open(change, base, head, hooks, signal) {
      const question = JSON.stringify([base, head, hooks.afterIsolate])
      const known = fresh.get(change)
      fresh.delete(change)
      if (known?.question === question) return known.workspace
      const workspace = await workspaces.open(change, base, head, hooks, signal)
      fresh.set(change, { question, workspace })
      return workspace
    },
    capture(workspace, message, signal) {
      fresh.delete(workspace.change)
      return workspaces.capture(workspace, message, signal)
    },
    remove(change, signal) {
      fresh.delete(change)
      return workspaces.remove(change, signal)
    },
  }
}
