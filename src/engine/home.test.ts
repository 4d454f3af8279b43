import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { flyballHome, openHome } from "./home.ts"

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

test
  .skipIf(process.platform !== "linux")
  .each(["/proc/flyball", "/proc/self", "/sys/kernel/flyball/home", "/dev/null", "/dev/null/home"])(
  "%s is refused at once: in some of these a folder would be tried for ever",
  (FLYBALL_HOME) => {
    expect(() => flyballHome({ FLYBALL_HOME })).toThrow(expect.objectContaining({ code: "HOME_NOT_WRITABLE" }))
  },
)

test("a folder that can be made is made for its owner alone, and one that can't is told of in one way", () => {
  const folder = mkdtempSync(join(tmpdir(), "flyball-home-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  openHome(join(folder, "a", "b"))
  openHome(join(folder, "a", "b"))
  expect(statSync(join(folder, "a", "b")).mode & 0o777).toBe(0o700)
  writeFileSync(join(folder, "file"), "")
  symlinkSync("nowhere", join(folder, "link"))
  for (const at of ["file", "file/home", "link"])
    expect(() => openHome(join(folder, at)), at).toThrow(expect.objectContaining({ code: "HOME_NOT_WRITABLE" }))
})
