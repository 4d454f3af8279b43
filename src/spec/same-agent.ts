import { parse } from "shell-quote"
import { type Independence, independence } from "../core/independence.ts"
import type { AgentSpec } from "../core/loop.ts"

/** How independent a checker is of a maker: the closest pair of rungs of their ladders counts. */
export function ladderIndependence(maker: AgentSpec, checker: AgentSpec): Independence {
  const pairs = rungs(maker).flatMap((a) => rungs(checker).map((b) => compare(a, b)))
  return pairs.find(({ is }) => is === "same") ?? pairs.find(({ is }) => is === "same_family") ?? { is: "independent" }
}

function compare(maker: AgentSpec, checker: AgentSpec): Independence {
  // Nobody has chosen yet what `auto` is: there is nothing to compare.
  if (maker.use === "auto" || checker.use === "auto") return { is: "independent" }
  if (
    maker.use === "replay" &&
    checker.use === "replay" &&
    maker.recording !== undefined &&
    maker.recording === checker.recording &&
    maker.model === checker.model
  )
    return { is: "same", why: `both replay \`${maker.recording}\`` }
  return independence({ spec: plain(maker) }, { spec: plain(checker) })
}

function rungs(agent: AgentSpec): AgentSpec[] {
  return agent.then === undefined ? [agent] : [agent, ...rungs(agent.then)]
}

/** With its command as the words that the shell would see. */
function plain(agent: AgentSpec): AgentSpec {
  return agent.use === "command" && agent.command !== undefined ? { ...agent, command: argv(agent.command) } : agent
}

/** `npm  run 'fix'`, `[npm, run, fix]` and `sh -c "npm run fix"` are one command; so are `node ./a.mjs` and `node a.mjs`. */
function argv(command: string | string[]): string[] {
  if (Array.isArray(command)) {
    const [shell = "", flag = "", line] = command
    const wraps = /(^|\/)(ba|da|z)?sh$/.test(shell) && /^-\w*c$/.test(flag) && command.length === 3
    return wraps && line !== undefined ? argv(line) : withoutDots(command)
  }
  const words = parse(command)
  const texts = words.filter((word) => typeof word === "string")
  // Operators, globs, comments, variables: the line as it stands, but for its spaces.
  if (texts.length !== words.length || command.includes("$")) return [command.trim().replace(/\s+/g, " ")]
  return /^(ba|da|z)?sh$/.test(texts[0] ?? "") && texts.length === 3 ? argv(texts) : withoutDots(texts)
}

function withoutDots(words: readonly string[]): string[] {
  return words.map((word, i) => (i === 0 ? word : word.replace(/^\.\//, "")))
}
