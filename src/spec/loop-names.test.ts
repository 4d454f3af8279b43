import { expect, test } from "vitest"
import { loadLoop } from "./load.ts"
import { loopNames, namedLoop } from "./loop-names.ts"
import { loop } from "./testing.ts"
import type { ReadTree } from "./tree.ts"

function treeOf(files: Record<string, string>): ReadTree {
  return {
    read: async (path) => files[path],
    list: async (folder) =>
      Object.keys(files).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : [])),
  }
}

const L = ".flyball/loops"
const resource = "apiVersion: flyball.dev/v1\nkind: Loop\nmetadata: { name: nightly }\nspec: {}\n"

test("a loop is known by the name that it gives itself, in either form, and by its file", async () => {
  const loops = await loopNames(
    treeOf({ [`${L}/a.yaml`]: loop({ name: "name: b" }), [`${L}/b.yaml`]: resource, [`${L}/broken.yml`]: "name: [" }),
  )
  expect(loops.map(({ name }) => name)).toEqual(["b", "nightly", "broken"])
  const meant = (wanted: string) => namedLoop(loops, wanted)?.file
  expect(["b", "nightly", "a", "broken", `./${L}/b.yaml`, "c"].map(meant)).toEqual([
    `${L}/a.yaml`,
    `${L}/b.yaml`,
    `${L}/a.yaml`,
    `${L}/broken.yml`,
    `${L}/b.yaml`,
    undefined,
  ])
})

const beside = (over: Parameters<typeof loop>[0], other: string) => {
  const files = { [`${L}/x.yaml`]: loop(over), [`${L}/y.yaml`]: other }
  return loopNames(treeOf(files)).then((siblings) =>
    loadLoop({ file: `${L}/x.yaml` }, { repo: "/repo", tree: treeOf(files), siblings }),
  )
}

test("two loops of one name would share money, memory and halts: an error at the name", async () => {
  const { loop: read, diagnostics } = await beside({}, loop({}))
  expect(read).toBeUndefined()
  expect(diagnostics).toMatchObject([
    { code: "NAME_TAKEN", severity: "error", line: 1, message: `${L}/y.yaml is called \`x\` too.` },
  ])
  expect((await beside({}, loop({ name: "name: y" }))).diagnostics).toEqual([])
})

test.each([
  ["trigger: after(nightli)", "Did you mean `nightly`?", 1],
  ["trigger: [manual, after(somebody-elses)]", "Here are: x, nightly.", 1],
  ["trigger: after(nightly)", undefined, 0],
  ["trigger: after(goal-green-1a2b3c)", undefined, 0],
])("%s: a loop that is not there never fires it, and that is said", async (trigger, hint, times) => {
  const { loop: read, diagnostics } = await beside({ trigger }, resource)
  expect(read).toBeDefined()
  const told = diagnostics.filter(({ code }) => code === "UNKNOWN_LOOP")
  expect(told.map((each) => each.hint)).toEqual(times === 0 ? [] : [hint])
})
