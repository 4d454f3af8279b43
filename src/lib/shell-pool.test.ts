import { describe, expect, test } from "vitest"
import { runInShell, type ShellCommand } from "./shell-pool.ts"

const plain = (script: string, more: Partial<ShellCommand> = {}): ShellCommand => ({
  script,
  args: [],
  cwd: "/",
  lasting: {},
  env: { PATH: "/usr/bin:/bin" },
  stdin: "",
  timeoutMs: 20_000,
  limitBytes: 1024 * 1024,
  ...more,
})
const ran = async (command: ShellCommand) => {
  const answer = await runInShell(command)
  return { ...answer, stdout: String(answer?.stdout), stderr: String(answer?.stderr) }
}

describe("a command told to a waiting shell", () => {
  test.each([
    ["its exit code", plain("exit 7"), { exitCode: 7, stdout: "", stderr: "" }],
    ["both streams apart", plain("echo out; echo err >&2"), { exitCode: 0, stdout: "out\n", stderr: "err\n" }],
    ["output without a last newline", plain("printf x"), { stdout: "x" }],
    [
      "arguments as they are",
      plain('printf "%s|" "$@"', { args: ["a b", "it's", "$HOME", "`id`", "", "\n"] }),
      {
        stdout: "a b|it's|$HOME|`id`||\n|",
      },
    ],
    ["stdin", plain("cat", { stdin: "one $X `two` '\nEOF\n" }), { stdout: "one $X `two` '\nEOF\n" }],
    [
      "nothing of our environment",
      plain("env | grep -c . | cat; echo $FLYBALL_X", { env: { PATH: "/usr/bin:/bin", FLYBALL_X: "a 'b'" } }),
      {
        stdout: expect.stringMatching(/^\d\na 'b'\n$/),
      },
    ],
    ["its folder", plain("pwd", { cwd: "/usr" }), { stdout: "/usr\n" }],
    ["a folder that is not there", plain("pwd", { cwd: "/nowhere/at all" }), { exitCode: 127 }],
    ["a program that reads no stdin", plain("exec true", { stdin: `${"x".repeat(30_000)}\n` }), { exitCode: 0 }],
    ["a script that fails in the middle", plain("set -e\nfalse\necho no"), { exitCode: 1, stdout: "" }],
  ])("tells %s", async (_what, command, expected) => {
    expect(await ran(command)).toMatchObject({ ended: "exit", ...expected })
  })

  test("what a shell was started with is another command's only where it says the same", async () => {
    const told = (lasting: Record<string, string>, env = {}) => plain("echo $FLYBALL_A-$FLYBALL_B", { lasting, env })
    expect((await ran(told({ FLYBALL_A: "1" }))).stdout).toBe("1-\n")
    expect((await ran(told({ FLYBALL_B: "2" }))).stdout).toBe("-2\n")
    expect((await ran(told({ FLYBALL_A: "1" }, { FLYBALL_A: "3", FLYBALL_B: "4" }))).stdout).toBe("3-4\n")
    expect((await ran(told({ FLYBALL_A: "1" }))).stdout).toBe("1-\n")
    expect((await ran(told({}))).stdout).toBe("-\n")
  })

  test("long output comes whole, and what is over the limit is dropped", async () => {
    const script = "head -c 3000000 /dev/zero | tr '\\0' 'y'"
    expect((await ran(plain(script, { limitBytes: 4_000_000 }))).stdout).toHaveLength(3_000_000)
    const cut = await ran(plain(script, { limitBytes: 1000 }))
    expect(cut.stdout).toHaveLength(1000)
    expect(cut.exitCode).toBe(0)
  })

  test("forty at once each get their own answer", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ran(plain(`echo ${n}`))))
    expect(answers.map((each) => each.stdout)).toEqual(Array.from({ length: 40 }, (_, n) => `${n}\n`))
  })

  test("one that takes too long, and one that is aborted, are ended, and the next is answered", async () => {
    expect(await ran(plain("sleep 60", { timeoutMs: 50 }))).toMatchObject({ ended: "timeout", exitCode: null })
    const abort = new AbortController()
    const waiting = ran(plain("echo begun; sleep 60", { signal: abort.signal }))
    abort.abort()
    expect(await waiting).toMatchObject({ ended: "aborted", exitCode: null })
    expect(await ran(plain("echo on"))).toMatchObject({ stdout: "on\n" })
  })

  test("a command that kills its shell is told as such, and harms no other", async () => {
    expect(await ran(plain("kill -9 $$"))).toMatchObject({ ended: "exit", exitCode: null })
    expect(await ran(plain("echo on"))).toMatchObject({ stdout: "on\n" })
  })

  test.each([
    ["a NUL byte", plain("cat", { stdin: "a\0\n" })],
    ["half a line", plain("cat", { stdin: "a" })],
    ["a very long text", plain("cat", { stdin: `${"x".repeat(100_000)}\n` })],
  ])("%s is not told to a shell", (_what, command) => {
    expect(runInShell(command)).toBeUndefined()
  })
})
