import { userInfo } from "node:os"
import { expect, test } from "vitest"
import { flyballHome } from "./home.ts"

const own = `${userInfo().homedir}/.local/share/flyball`

test.each<[string, Record<string, string>, string]>([
  ["FLYBALL_HOME", { FLYBALL_HOME: "/data/fb", HOME: "/home/ada" }, "/data/fb"],
  ["XDG_DATA_HOME", { XDG_DATA_HOME: "/data", HOME: "/home/ada" }, "/data/flyball"],
  [
    "a relative XDG_DATA_HOME, which the specification calls invalid",
    { XDG_DATA_HOME: "data", HOME: "/home/ada" },
    "/home/ada/.local/share/flyball",
  ],
  ["an empty XDG_DATA_HOME", { XDG_DATA_HOME: "", HOME: "/home/ada" }, "/home/ada/.local/share/flyball"],
])("data lies where %s says", (_, env, home) => {
  expect(flyballHome(env, "linux")).toBe(home)
})

test.each(["", "relative", undefined])("a HOME that is %j is never a folder inside of the checkout", (HOME) => {
  const before = process.env.HOME
  process.env.HOME = HOME ?? ""
  try {
    expect(flyballHome(HOME === undefined ? {} : { HOME }, "linux")).toBe(own)
  } finally {
    if (before === undefined) delete process.env.HOME
    else process.env.HOME = before
  }
})
