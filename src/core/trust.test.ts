import { describe, expect, test } from "vitest"
import { type Author, defaultTrust, trustedComments, trusts } from "./trust.ts"

const by = (name: string, association?: string): Author => ({
  name,
  ...(association === undefined ? {} : { association }),
})

describe("P5: whose text may become work", () => {
  test.each<[string, Author, readonly string[], boolean]>([
    ["an owner", by("ada", "OWNER"), defaultTrust, true],
    ["a member of the organisation", by("ada", "MEMBER"), defaultTrust, true],
    ["whoever committed the file", by("x", "COMMITTER"), defaultTrust, true],
    ["somebody who once had a change merged", by("eve", "CONTRIBUTOR"), defaultTrust, false],
    ["a stranger", by("eve", "NONE"), defaultTrust, false],
    ["somebody of whom nothing is known", by("eve"), defaultTrust, false],
    ["a name on the list", by("Ada", "NONE"), ["@ada"], true],
    ["a name on the list, written with its @", by("@ada"), ["@Ada"], true],
    ["an address on the list", by("ada@example.com"), ["Ada@example.com"], true],
    ["a stranger who is called like an association", by("member"), defaultTrust, false],
    ["a name that only looks the same", by("аda"), ["@ada"], false],
    ["a name that begins the same", by("ada-evil"), ["@ada"], false],
    ["a member, where only names are listed", by("bob", "MEMBER"), ["@ada"], false],
    ["anybody, where nobody is listed", by("ada", "OWNER"), [], false],
    ["an association in other letters", by("eve", "owner"), defaultTrust, false],
  ])("%s", (_, author, trust, expected) => {
    expect(trusts(trust, author)).toBe(expected)
  })

  test("comments of others are counted, and not kept", () => {
    const comments = [by("ada", "OWNER"), by("eve", "NONE")].map((author) => ({ author, text: author.name }))
    expect(trustedComments(defaultTrust, comments)).toEqual({ comments: comments.slice(0, 1), leftOut: 1 })
  })
})
