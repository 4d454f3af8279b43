import { list, object, text } from "../json.ts"

/*
 * Tools that the provider runs: searching and fetching the web, running code, calling other servers. They cost more than
 * the tokens, by an amount that nobody knows before, and they are a way out of the sandbox that no allow-list sees. A tool
 * that the agent itself runs has another type, or none.
 */

const hosted = /^(web_search|web_fetch|code_execution|code_interpreter|file_search|image_generation|mcp|advisor)/

/** Names the first tool that the provider would run, as a reason; undefined where there is none. */
export function hostedTool(tools: unknown): string | undefined {
  for (const tool of list(tools)) {
    const { type } = object(tool)
    const found = text(type)
    if (found !== undefined && hosted.test(found)) return `the tool \`${found.slice(0, 40)}\` is run by the provider`
  }
  return undefined
}
