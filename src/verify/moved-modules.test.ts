import { expect, test } from "vitest"
import { withMovedImports } from "./moved-modules.ts"

const moves = (gone: string[], ...there: string[]) => ({ gone: new Set(gone), there: new Set(there) })
const js =
  'import { wrap } from "../src/wrap.js"\nvi.mock("../src/wrap.js")\ntest("far", () => assert.equal(wrap(541), 181))\n'
const weaker = js.replaceAll("../src/wrap.js", "../src/lon.js").replace("181", "541")
const py =
  'from shop.price import total\n\n\ndef test_total():\n    with patch("shop.price.rate"):\n        assert total(2) == 6\n'

test.each<[string, string, string, string, ReturnType<typeof moves>, string | undefined]>([
  [
    "a module that moved, and nothing else of the change",
    "test/a.test.js",
    js,
    weaker,
    moves(["src/wrap.js"], "src/lon.js"),
    js.replaceAll("wrap.js", "lon.js"),
  ],
  [
    "TypeScript's, under its name as JavaScript",
    "test/a.test.ts",
    js,
    weaker,
    moves(["src/wrap.ts"], "src/lon.ts"),
    js.replaceAll("wrap.js", "lon.js"),
  ],
  [
    "Python's",
    "tests/test_a.py",
    py,
    py.replaceAll("shop.price", "shop.pricing"),
    moves(["src/shop/price.py"], "src/shop/pricing.py"),
    py.replaceAll("shop.price", "shop.pricing"),
  ],
  [
    "not where the old one is still there",
    "test/a.test.js",
    js,
    weaker,
    moves([], "src/lon.js", "src/wrap.js"),
    undefined,
  ],
  [
    "not to a test's helper",
    "test/a.test.js",
    js,
    js.replaceAll("../src/wrap.js", "./helpers/lon.js"),
    moves(["src/wrap.js"], "test/helpers/lon.js"),
    undefined,
  ],
  ["not to what is not there", "test/a.test.js", js, weaker, moves(["src/wrap.js"]), undefined],
  [
    "not where other names are taken from it",
    "test/a.test.js",
    js,
    'import { good as wrap } from "../src/lon.js"\n',
    moves(["src/wrap.js"], "src/lon.js"),
    undefined,
  ],
])("imports are led to %s", (_, path, before, after, given, wanted) => {
  expect(withMovedImports(path, before, after, given)).toBe(wanted)
})
