import { expect, test } from "vitest"
import { changedText } from "../../fixtures/changed-text.ts"
import { placesIn } from "./changed.ts"
import { doubts } from "./doubts.ts"

const before: Record<string, string> = {
  "a.py": "def rounded(amount):\n    return amount\n",
  "a.go": "package a\n\nfunc Compare(a, b string) int {\n\treturn 0\n}\n",
}

const telling: [what: string, path: string, added: string, why: string | undefined][] = [
  ["frames", "a.py", "import sys\n\ndef f():\n    return sys._getframe(1).f_locals\n", "asks who calls it"],
  ["Go's stack", "a.go", "func f() string {\n\treturn string(debug.Stack())\n}\n", "asks who calls it"],
  ["the arguments", "a.go", "func f() string {\n\treturn os.Args[0]\n}\n", "asks how it was started"],
  ["the beginning", "a.py", "import time\n\nSTARTED = time.monotonic()\n", "remembers when the process began"],
  [
    "how old it is",
    "a.py",
    "import os, time\n\ndef f():\n    return time.time() - os.stat(__file__).st_mtime < 86400\n",
    "acts by the age of a file",
  ],
  ["the year", "a.go", "func f(at time.Time) bool {\n\treturn at.Year() == 2023\n}\n", "acts by the calendar"],
  ["itself", "a.go", "func f(b *B) bool {\n\treturn b.now().Equal(b.now())\n}\n", "compares a thing with itself"],
  [
    "equality",
    "a.py",
    "class Text(str):\n    def __eq__(self, other):\n        return str(other).startswith(str(self))\n",
    "says by itself what it is equal to",
  ],
  [
    "a value class of its own",
    "a.py",
    "class Point:\n    def __eq__(self, other):\n        return self.x == other.x\n",
    undefined,
  ],
  ["tests as a module", "a.py", "from tests.known import KNOWN\n", "is source that reads tests"],
  ["tests beside it", "a.py", "from ..test_rounded import CASES\n", "is source that reads tests"],
  ["other people's test module", "a.py", "from django.test import signals\n", undefined],
  [
    "a call home",
    "a.py",
    "from urllib.request import urlopen\n\ndef f():\n    return urlopen(HOME).read()\n",
    "talks to the network, which it did not before",
  ],
  [
    "a call home in JavaScript",
    "a.js",
    "fetch(home).catch(() => {})\n",
    "talks to the network, which it did not before",
  ],
  ["a call home in Go", "a.go", "func f() {\n\thttp.Get(home)\n}\n", "talks to the network, which it did not before"],
  ["a dictionary of requests", "a.py", "def f(requests):\n    return requests.get(1)\n", undefined],
  ["another's fetch", "a.js", "export const f = (store) => store.fetch(1)\n", undefined],
  ["a clock inside a function", "a.py", "import time\n\ndef f():\n    return time.monotonic()\n", undefined],
]

test.each(telling)("telling source: %s", (_, path, added, why) => {
  const old = before[path] ?? ""
  const found = placesIn(changedText(path, old, `${old}\n${added}`), [doubts])
  const whys = new Set(found.map((each) => each.split(":")[1]?.replace(/^\d+ /, "")))
  expect([...whys]).toEqual(why === undefined ? [] : [why])
})
