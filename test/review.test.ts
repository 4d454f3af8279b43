import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { AgentSpec, Layer } from "../src/core/loop.ts"
import type { AgentResult, Agents, AgentTask } from "../src/core/ports.ts"
import { NOTHING_SPENT } from "../src/core/spend.ts"
import { gate } from "../src/verify/gate.ts"
import { fixed, type GateProject, names, of, openGateProject, said } from "./gate-project.ts"

let project: GateProject
beforeAll(async () => {
  project = await openGateProject()
})
afterAll(() => project[Symbol.asyncDispose]())

describe("the reviewer", () => {
  const reviewer: AgentSpec = { name: "reviewer", use: "codex", model: "gpt-5.4", skills: [], from: "loop" }
  const maker: AgentSpec = { name: "implementer", use: "claude", model: "sonnet", skills: [], from: "loop" }
  const layers: Layer[] = [names("tests_pass"), { by: "agent", agent: "reviewer" }]
  const tasks: AgentTask[] = []

  /** The model is the one thing that is played here. */
  function saying(text: string, more: Partial<AgentResult> = {}): Agents {
    return {
      run: async (task) => {
        tasks.push(task)
        return {
          ended: { is: "done" },
          said: text,
          output: "h",
          spend: { ...NOTHING_SPENT, usd: 0.25 },
          model: "gpt-5.4",
          log: "log",
          sandboxed: true,
          ms: 1,
          ...more,
        }
      },
    }
  }

  const reviewed = (agents: Agents, by: AgentSpec = reviewer, ranModel = "claude-sonnet-5") =>
    project.judged(
      { "src/add.js": fixed },
      {
        layers,
        agents: { reviewer: by },
        reviewers: {
          agents,
          maker: { spec: maker, ranModel },
          prompt: ({ diffFile }) => `read ${diffFile}`,
          limits: { timeoutMs: 1000, silenceMs: 1000, outputBytes: 1000 },
        },
      },
    )

  test.each([
    ["accepts", saying('fine\n{"verdict":"accept","reasons":["it is right"]}'), "accept", ""],
    ["rejects", saying('{"verdict":"reject","reasons":["it is slow"]}'), "retry", "it is slow"],
    ["asks", saying('{"verdict":"ask","reasons":["is zero allowed?"]}'), "ask", "is zero allowed?"],
    ["T2: chats after an accept", saying('{"verdict":"accept","reasons":[]}\nDone!'), "ask", "verdict"],
    ["T2: says nothing", saying(""), "ask", "verdict"],
    [
      "T2: crashes after an accept",
      saying('{"verdict":"accept","reasons":[]}', { ended: { is: "failed", code: "crashed", why: "exit 1" } }),
      "ask",
      "gave no verdict (crashed)",
    ],
  ] as const)("%s", async (_name, agents, verdict, sentence) => {
    const result = await reviewed(agents)
    expect(said(result)).toContain(sentence)
    expect(result.verdict.is).toBe(verdict)
    expect(result.spend.usd).toBe(0.25)
  })

  test("it sees the finding, the diff, the evidence, and a checkout of what would land", async () => {
    let seen = ""
    const agents: Agents = {
      run: async (task, aborted) => {
        seen = [
          await readFile(join(task.cwd, "src/add.js"), "utf8"),
          await readFile(task.diffFile ?? "", "utf8"),
          await readFile(task.evidenceFile ?? "", "utf8"),
        ].join("\n---\n")
        return saying('{"verdict":"accept","reasons":[]}').run(task, aborted)
      },
    }
    await reviewed(agents)
    expect(tasks.at(-1)).toMatchObject({ role: "reviewer", finding: { fingerprint: "f" } })
    expect(seen).toContain(fixed)
    expect(seen).toContain("+export const add = (a, b) => a + b")
    expect(seen).toContain('"check": "tests_pass"')
  })

  test.each([
    ["the maker's own agent", { ...reviewer, name: "implementer" }, "claude-sonnet-5"],
    ["another name for the maker's model", { ...reviewer, model: "claude-sonnet-5" }, "claude-sonnet-5"],
    ["a reviewer that turned out to run the maker's model", reviewer, "gpt-5.4"],
  ])("T5: %s is refused", async (_name, by, ranModel) => {
    const result = await reviewed(saying('{"verdict":"accept","reasons":[]}'), by, ranModel)
    expect(result.verdict.is).toBe("ask")
    expect(of(result, "review:reviewer")).toMatchObject({ outcome: "error" })
    expect(said(result)).toContain("The reviewer is the maker")
  })

  test("T5: another model of the same family is a caveat, and an error where the loop is strict", async () => {
    const cousin = { ...reviewer, use: "claude", model: "opus" } as const
    const agents = saying('{"verdict":"accept","reasons":[]}', { model: "claude-opus-5" })
    const result = await reviewed(agents, cousin)
    expect(result.verdict.is).toBe("accept")
    expect(of(result, "review:reviewer")?.caveats.join()).toContain("of one family (Claude)")
    const given = project.input(result.head, {
      layers,
      agents: { reviewer: cousin },
      reviewers: {
        agents,
        maker: { spec: maker },
        prompt: () => "",
        limits: { timeoutMs: 1, silenceMs: 1, outputBytes: 1 },
      },
    })
    const strict = await gate({ ...given, loop: { ...given.loop, strict: true } })
    expect(strict.verdict.is).toBe("ask")
  })

  test("no reviewer is woken for a change whose tests fail", async () => {
    const before = tasks.length
    await project.judged(
      { "README.md": "# x\n" },
      {
        layers,
        agents: { reviewer },
        reviewers: { agents: saying("x"), prompt: () => "", limits: { timeoutMs: 1, silenceMs: 1, outputBytes: 1 } },
      },
    )
    expect(tasks).toHaveLength(before)
  })
})
