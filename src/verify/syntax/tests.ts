import { readGoTests } from "./go-tests.ts"
import { readJavaScriptTests } from "./javascript-tests.ts"
import { readPythonTests } from "./python-tests.ts"
import { readSource } from "./source.ts"
import type { TestFile } from "./test-model.ts"

const readers = { javascript: readJavaScriptTests, python: readPythonTests, go: readGoTests }

/** The tests of a file as its tree has them; undefined where there is no tree that can be trusted. */
export function readTests(path: string, text: string): TestFile | undefined {
  const source = readSource(path, text)
  return source === undefined || source.broken ? undefined : readers[source.language](source)
}
