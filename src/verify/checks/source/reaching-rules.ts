/*
 * What new JavaScript takes hold of, by how it reads. A rule says nothing of what the file did before.
 */

/** One construct, and how it looks. */
export type Rule = {
  why: string
  /** Of the node, as it reads once aliases are resolved. */
  shape: RegExp
  /** In the base's text: the file did it already. */
  known: RegExp
  sure?: true
  /** A program may: it is started by people. */
  programs?: true
}

/** Why it is told; `detects` and `judges` are the sure ones. */
export const runtime = "reaches into what runs it"
export const detects = "treats tests specially"
export const judges = "changes what judges it"
export const itself = "says by itself how it is compared or read"

const libraries =
  "(?:@?vitest(?:/[\\w/-]+)?|@vitest/[\\w/-]+|@?jest(?:[-/][\\w/-]+)?|mocha|chai|sinon|@sinonjs/[\\w-]+|ava|tap|uvu|expect|(?:node:)?test)"
const inner =
  "(?:node:)?(?:child_process|worker_threads|vm|inspector|cluster|module|v8|repl|trace_events|process|perf_hooks|diagnostics_channel)(?:/promises)?"
const loads = '^(?:import|require|process\\.getBuiltinModule|module\\.require)\\("'

/** Calls, members and what else is no literal. */
export const expressions: readonly Rule[] = [
  {
    why: runtime,
    sure: true,
    shape: /^process\.(reallyExit|binding|_linkedBinding|dlopen|_\w+)\b/,
    known: /reallyExit|\bprocess\.(binding|dlopen|_)/,
  },
  {
    why: runtime,
    sure: true,
    shape: /^([\w.]+\.)?(executionAsyncResource|setFlagsFromString)\(|\bModule\._|^require\("(node:)?module"\)\._/,
    known: /executionAsyncResource|setFlagsFromString|\bModule\._/,
  },
  {
    why: judges,
    sure: true,
    shape:
      /\.extend\(\{.*\b(toBe|toEqual|toStrictEqual|toThrow\w*|toMatch\w*|toContain\w*|toHave\w+|toBe\w+)\s*[(:]|\.(overwriteMethod|overwriteProperty|overwriteChainableMethod)\(/s,
    known: /\.extend\(\{|overwrite(Method|Property|ChainableMethod)/,
  },
  {
    why: detects,
    sure: true,
    shape: /^import\.meta\.env\b.*"(test|testing)"|"(test|testing)".*\bimport\.meta\.env\b/,
    known: /import\.meta\.env\b/,
  },
  { why: judges, sure: true, shape: /^Error\.prepareStackTrace$/, known: /prepareStackTrace/ },
  { why: runtime, shape: /^require\.(cache|extensions)\b|^require\.main$/, known: /require\.(cache|extensions|main)/ },
  {
    why: runtime,
    shape: /^module\.(children|parent|parents|paths|constructor)$/,
    known: /\bmodule\.(children|parent)/,
  },
  { why: runtime, shape: new RegExp(`${loads}${inner}"`), known: new RegExp(`["']${inner}["']`), programs: true },
  {
    why: "is source that uses a test library",
    shape: new RegExp(`${loads}${libraries}"`),
    known: new RegExp(`["']${libraries}["']`),
  },
  {
    why: "loads what it is told to",
    shape: /^(import|require)\((?!["`])[^)]/,
    known: /\b(import|require)\((?!\s*["'`)])/,
  },
  {
    why: runtime,
    programs: true,
    shape:
      /^process\.(argv|argv0|execArgv|execPath|title|mainModule|ppid|getBuiltinModule|emit|listeners|removeAllListeners|uptime|report|getActiveResourcesInfo|stdin|emitWarning|umask|chdir)\b|^process\[/,
    known:
      /\bprocess\.(argv|execArgv|execPath|title|mainModule|ppid|getBuiltinModule|emit|listeners|removeAllListeners|uptime|report|getActiveResourcesInfo|stdin|emitWarning|umask|chdir)\b|\bprocess\[|\bfrom ["'](node:)?process["']/,
  },
  {
    why: runtime,
    shape: /^os\.(hostname|userInfo|uptime|loadavg|networkInterfaces)\(/,
    known: /\bos\.(hostname|userInfo|uptime|loadavg)/,
  },
  {
    why: "looks at the environment",
    programs: true,
    shape: /^process\.env$|^(Deno|Bun)\.env\b/,
    known: /\bprocess\.env\b|\benv\b.*from ["'](node:)?process|\b(Deno|Bun)\.env\b/,
  },
  { why: "looks at the environment", shape: /^process\.env\[/, known: /\bprocess\.env\[(?!["'])/ },
  {
    why: "looks at the environment",
    shape:
      /^process\.env\.(npm_\w+|CI|HOME|PWD|OLDPWD|INIT_CWD|USER|LOGNAME|SHELL|TMPDIR|NODE_(?!ENV\b)\w+|_|SHLVL|HOSTNAME|GITHUB_\w+)$/,
    known:
      /process\.env\.(npm_|CI\b|HOME\b|PWD\b|INIT_CWD|USER\b|LOGNAME|SHELL\b|TMPDIR|NODE_(?!ENV\b)|HOSTNAME|GITHUB_)/,
  },
  {
    why: "looks at the environment",
    shape: /^import\.meta(\[|\.(env|vitest|jest|main|hot|require)\b)/,
    known: /import\.meta\.(env|vitest|jest|main|hot)\b/,
  },
  {
    why: detects,
    sure: true,
    shape:
      /^(Object\.(keys|getOwnPropertyNames|entries)|Reflect\.(ownKeys|has))\((globalThis|global|window|self)\b.*(vitest|jest|mocha|test|expect|describe)/,
    known: /globalThis/,
  },
  {
    why: "looks for globals that it doesn't name",
    shape:
      /^(Object\.(keys|getOwnPropertyNames|entries|values|getOwnPropertySymbols|getOwnPropertyDescriptors?|defineProperty)|Reflect\.\w+)\((globalThis|global|window|self)\b|^(globalThis|global)\[| in (globalThis|global)$/,
    known: /\b(globalThis|global)\[|\((globalThis|global|window|self)\b|\bin (globalThis|global)\b/,
  },
  {
    why: "looks at who calls it",
    shape:
      /\bError\([^()]*\)\.stack$|\.stack\.(split|includes|match|indexOf|search|slice|replace|startsWith|lastIndexOf)\(|^Error\.captureStackTrace\((?!this\b)|\.(caller|callee)$/,
    known: /\.stack\b|captureStackTrace|\.calle[er]\b/,
  },
  {
    why: "runs text as code",
    shape:
      /^\(0, ?eval\)\(|\b(globalThis|global|window)\.(eval|Function)\(|\.constructor\.constructor\(|\.constructor\("|^import\([`"]data:|^WebAssembly\.\w+\(/,
    known: /\beval\b|constructor\.constructor|data:text|WebAssembly/,
  },
  {
    why: runtime,
    programs: true,
    shape:
      /^process\.std(out|err)\.(isTTY|fd|_\w+)$|^performance\.(timeOrigin|nodeTiming)$|^performance\.getEntries|^navigator\.userAgent$/,
    known: /\bisTTY\b|\btimeOrigin\b|nodeTiming|getEntries|userAgent/,
  },
  {
    why: "leaves it to chance",
    shape: /^(Math\.random\(\)[^()]*[<>=]|.*[<>=] ?Math\.random\(\)$)/,
    known: /Math\.random|random(Bytes|Int|UUID)/,
  },
  { why: itself, shape: /^new Proxy\(/, known: /\bnew Proxy\(/ },
  {
    why: itself,
    shape: /^(Object\.setPrototypeOf|Reflect\.setPrototypeOf|Object\.create)\((?!(null|[\w.]+\.prototype)\b)/,
    known: /setPrototypeOf\(|Object\.create\(/,
  },
  {
    why: itself,
    shape:
      /^(Object|Reflect)\.definePropert(y|ies)\([^,]+,.*"?(toJSON|valueOf|toString|equals|then|length|reduce|map|filter|every|some|join|at|concat|indexOf|includes|forEach|find|sort|slice|entries|keys|values|constructor|asymmetricMatch)"?\b/s,
    known: /definePropert(y|ies)\(/,
  },
  {
    why: "waits, or shares memory with another",
    shape: /^Atomics\.|^new SharedArrayBuffer/,
    known: /\bAtomics\.|SharedArrayBuffer/,
  },
  {
    why: "reads or writes files, which it did not before",
    programs: true,
    shape: new RegExp(`${loads}(?:node:)?fs(?:/promises)?"`),
    known: /["'](node:)?fs(\/promises)?["']/,
  },
]

/** Import and export declarations, as they are written. */
export const imports: readonly Rule[] = [
  {
    why: "is source that uses a test library",
    shape: new RegExp(`from\\s*["']${libraries}["']`),
    known: new RegExp(`["']${libraries}["']`),
  },
  {
    why: runtime,
    shape: new RegExp(`from\\s*["']${inner}["']|^import\\s*["']${inner}["']`),
    known: new RegExp(`["']${inner}["']`),
    programs: true,
  },
  {
    why: runtime,
    sure: true,
    shape: /\bexecutionAsyncResource\b|\bcreateHook\b/,
    known: /executionAsyncResource|createHook/,
  },
  {
    why: "reads or writes files, which it did not before",
    programs: true,
    shape: /["'](node:)?fs(\/promises)?["']/,
    known: /["'](node:)?fs(\/promises)?["']/,
  },
]
