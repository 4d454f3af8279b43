/** How the page looks: light and dark, on paper, and without anything from elsewhere. */
export const STYLE = `
:root { --paper: #fbfaf7; --card: #fff; --ink: #1d1f21; --soft: #5b6167; --line: #dcdad3; --good: #1a6b3c; --bad: #b3261e; --mark: #24558f; --ins: #e4f3e8; --del: #fae6e4; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f24; --ink: #e8e6e1; --soft: #a3a9b1; --line: #343941; --good: #6fce93; --bad: #ff8a80; --mark: #8ab4f0; --ins: #17321f; --del: #3b1d1b; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 3rem 1.25rem 5rem }
h1 { font-size: clamp(1.8rem, 4vw, 2.6rem); line-height: 1.15; letter-spacing: -.02em; margin: .2em 0 }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 0 }
.kicker, .meta, .small { color: var(--soft); font-size: .875rem }
.kicker { margin: 0 } .lead { font-size: 1.125rem; max-width: 46rem }
.name { font-weight: 600 }
.verdict { font-weight: 600; font-size: 1.125rem } .verdict.good { color: var(--good) } .verdict.bad { color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin-top: 2rem }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem }
.tile h3 { color: var(--soft); font-weight: 500; font-size: .9rem }
.big { font-size: 2.4rem; font-weight: 650; line-height: 1.1; margin: .25rem 0; font-variant-numeric: tabular-nums } .big span { font-size: 1rem; font-weight: 400; color: var(--soft) }
.tile.bad .big { color: var(--bad) }
.small { margin: .35rem 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: middle }
thead th { color: var(--soft); font-weight: 500; font-size: .8rem; vertical-align: bottom }
tbody th { font-weight: 500 }
td svg { min-width: 9rem }
tr.attention th, tr.attention td { color: var(--bad) }
svg { display: block; width: 100%; max-width: 16rem; height: 18px; overflow: visible }
.axis { stroke: var(--line); stroke-width: 1 } .interval { stroke: var(--mark); stroke-width: 4; stroke-linecap: round; opacity: .45 } .dot { fill: var(--mark) } .bar { fill: var(--mark) }
svg text { fill: var(--ink); font-size: 11px }
code, pre { font: .85rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin: 0 0 1rem; overflow-wrap: anywhere }
article p, article ul { margin: .4rem 0 }
.came { color: var(--soft); font-weight: 400; font-size: .875rem }
.tag { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: 0 .6rem; font-size: .8rem; color: var(--soft) }
.none { color: var(--good) }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow: auto; max-height: 28rem; white-space: pre; overflow-wrap: normal }
pre .ins { background: var(--ins); display: inline-block; min-width: 100% } pre .del { background: var(--del); display: inline-block; min-width: 100% } pre .meta { color: var(--soft); font-size: inherit }
summary { cursor: pointer; color: var(--soft); font-size: .875rem }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px }
@media print { :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb } body { font-size: 11pt } main { padding: 0; max-width: none } pre { max-height: none; white-space: pre-wrap } article, .tile, tr { break-inside: avoid } h2 { break-after: avoid } }
`
