/**
 * The durable workflow of a change. A change that waited for a person goes on in a new one; its id holds the number of
 * events it begins after, so that the same continuation is the same workflow, whoever starts it.
 */
export function workflowId(change: string, events: number): string {
  return `${change}.${events}`
}

/** The change that a workflow is of. */
export function changeOfWorkflow(id: string): string {
  return id.slice(0, id.lastIndexOf("."))
}
