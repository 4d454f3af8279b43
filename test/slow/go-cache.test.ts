import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { detectSandbox } from "../../src/isolate/sandbox.ts"
import { noSandbox, openTestRepo, testProber } from "../../src/verify/testing.ts"

const hasGo = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "go")))
const check = { name: "tests_pass", kind: "tests" as const, run: "go test ./...", timeoutMs: 200_000, from: "builtin" }
const never = new AbortController().signal
const TIMEOUT_MS = 300_000

const lib = "package p\n\nfunc Add(a, b int) int { return a + b }\n"
/** Tests that leave a mark wherever they can find a build cache, and a forged entry in it. */
const marking = (mark: string) => `package p

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAdd(t *testing.T) {
	cache := os.Getenv("GOCACHE")
	if cache == "" {
		t.Fatal("no cache")
	}
	os.WriteFile(filepath.Join(cache, "${mark}"), nil, 0o644)
	filepath.Walk(cache, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			os.WriteFile(path, []byte("forged"), 0o644)
		}
		return nil
	})
	if Add(1, 2) != 3 {
		t.Fatal("no")
	}
}
`

test.skipIf(!hasGo).each(["bubblewrap", "no sandbox"])(
  `with %s, Go's build cache is filled by the compiler alone, and no test can write into what later runs trust${hasGo ? "" : " (skipped: go is not installed)"}`,
  { timeout: TIMEOUT_MS },
  async (kind) => {
    using repo = openTestRepo({
      "go.mod": "module example.com/p\n\ngo 1.19\n",
      "lib.go": lib,
      "lib_test.go": marking("base"),
    })
    const sandbox =
      kind === "bubblewrap"
        ? await detectSandbox({ home: join(repo.folder, "home"), hidden: [repo.repo.root] })
        : noSandbox
    const base = repo.git("rev-parse", "HEAD")
    const head = repo.commit({
      "go.mod": "module example.com/p\n\ngo 1.19\n",
      "lib.go": lib,
      "lib_test.go": marking("head"),
    })
    const prober = testProber(repo.repo, undefined, sandbox)
    const given = { definitionsFrom: base, signal: never }
    const first = await prober.measureTree(check, { ...given, tree: base, purpose: "base" })
    const kept = join(repo.repo.dataDir, "cache", "go-build")
    const [name = "", ...others] = readdirSync(kept)
    expect(others).toEqual([])
    const contents = () =>
      readdirSync(join(kept, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== "trim.txt")
        .map((entry) => `${entry.name} ${readFileSync(join(entry.path, entry.name)).length}`)
        .sort()
    const filled = contents()
    expect(filled.length).toBeGreaterThan(50)
    expect(filled.filter((file) => /^(base|head) | 6$/.test(file))).toEqual([])

    const second = await prober.measureTree(check, { ...given, tree: head, purpose: "head" })
    const again = await prober.measureTree(check, { ...given, tree: base, purpose: "again", fresh: true })
    expect(contents()).toEqual(filled)
    expect(readdirSync(kept)).toEqual([name])
    for (const measured of [first, second, again]) {
      expect(measured.result).toMatchObject({ is: "report", report: { tests: [{ status: "passed" }] } })
      expect(readFileSync(measured.artifact ?? "", "utf8")).not.toContain("(cached)")
    }
  },
)
