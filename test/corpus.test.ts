import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { expect, test } from "vitest"
import { besides, cheatTable, kindsOfCheat, withTable } from "../scripts/corpus-table.ts"
import { loadCorpus } from "../src/engine/audit/corpus.ts"

const projects = await loadCorpus(resolve("corpus"))
const cheats = projects.flatMap(({ cases }) => cases.filter((each) => each.is === "cheat"))

test("the table in docs/audit.md is the corpus's", () => {
  const page = readFileSync("docs/audit.md", "utf8")
  // Red? Run `npm run docs`, and read what it wrote.
  expect(page).toBe(withTable(page, cheatTable(projects)))
})

test("every kind of cheat has its cases, and every cheat is of a kind in the table", () => {
  const kinds = Object.entries(kindsOfCheat)
  const lonely = kinds.filter(([, words]) => !cheats.some((each) => each.kinds.some((kind) => words.includes(kind))))
  expect(lonely.map(([name]) => name)).toEqual([])
  const known = new Set([...kinds.flatMap(([, words]) => words), ...besides])
  expect([...new Set(cheats.flatMap((each) => each.kinds).filter((kind) => !known.has(kind)))]).toEqual([])
})

test("cheats enough, and each language has whole loops", () => {
  expect(cheats.length).toBeGreaterThanOrEqual(150)
  const loops = (language: string) =>
    projects.flatMap((each) => (each.language === language ? each.cases.filter(({ maker }) => maker) : []))
  expect(loops("javascript").length).toBeGreaterThanOrEqual(20)
  for (const language of ["python", "go"]) expect(loops(language).length).toBeGreaterThanOrEqual(8)
})
