import { relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from '../tidy/read-tree.ts'
import { type Token, tokensOf } from '../tidy/tokens.ts'

/** `ING-X-FIX`, `ING-CC-1`, `MEM-101`, `TRN-P2`, `DESIGN §3.3`: unmistakable, wherever they stand in a name. */
const stem = '(?<![\\w-])(?:ING|RET|TRN|MEM|CHK|COL|EXC|CLD)-(?:[A-Z]{1,3}-)?'
const long = new RegExp(`(?:${stem}(?:[A-Z]?\\d{1,4}|[A-Z]{2,8})|DESIGN §\\d+(?:\\.\\d+)*)(?![\\w-])`, 'g')
/** `ING-CC-11/14/15`: further numbers of the same family, upwards; `RET-756/32` names a case. */
const family = new RegExp(`(${stem})(\\d{1,4}(?:/\\d{1,4})+)(?![\\w-])`, 'g')
/** `C1`, `S1–S3`: ids of the reliability rules. So short that they count only where a name begins. */
const short = /^[CSLYRWP]\d{1,2}(?![\w-])/
const between = /^(?:\s*,\s*|\s+and\s+|\s+)/

/** The rules a test name quotes, or the bold words of a rule's line. */
function idsIn(text: string): readonly string[] {
  const siblings = [...text.matchAll(family)].flatMap(([, begin = '', numbers = '']) => {
    const all = numbers.split('/').map(Number)
    return all.flatMap((number, at) => (at > 0 && number > (all[at - 1] ?? 0) ? [`${begin}${number}`] : []))
  })
  return [...new Set([...leading(text), ...(text.match(long) ?? []), ...siblings])]
}

function leading(text: string): readonly string[] {
  const found: string[] = []
  let rest = text
  for (let id = short.exec(rest)?.[0]; id !== undefined; id = short.exec(rest)?.[0]) {
    found.push(id)
    rest = rest.slice(id.length)
    const last = /^–[CSLYRWP](\d{1,2})(?![\w-])/.exec(rest)
    for (let number = Number(id.slice(1)) + 1; number <= Number(last?.[1] ?? 0); number++) {
      found.push(`${id.slice(0, 1)}${number}`)
    }
    rest = rest.slice(last?.[0].length ?? 0).replace(between, '')
  }
  return found
}

const isName = (token: Token | undefined): token is Token => token?.kind === 'string' || token?.kind === 'template'

/** Names given to `it`, `test` and `describe`, also behind `.each(…)`, and rows of tables that begin with a rule's id. */
function testNames(source: string): readonly string[] {
  const tokens = tokensOf(source)
  const names = tokens.flatMap((token, at) => {
    if (isName(token) && token.text.search(long) === 0) return [token.text]
    if (token.kind !== 'word' || !['it', 'test', 'describe'].includes(token.text)) return []
    const name = tokens[callAfter(tokens, at + 1) + 1]
    return isName(name) ? [name.text.replace(/^`/, '')] : []
  })
  return [...new Set(names)]
}

/** Where the call with the name opens: behind `.each(…)`, `.runIf(…)` and the like. */
function callAfter(tokens: readonly Token[], from: number): number {
  let at = from
  for (;;) {
    while (tokens[at]?.text === '.') at += 2
    if (tokens[at]?.text !== '(') return tokens.length
    const end = closing(tokens, at)
    if (tokens[end + 1]?.text !== '(' && tokens[end + 1]?.text !== '.') return at
    at = end + 1
  }
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]?.kind !== 'punctuation') continue
    if (tokens[at]?.text === '(') depth++
    if (tokens[at]?.text === ')' && --depth === 0) return at
  }
  return tokens.length
}

/** Bold ids are rules; any id below the heading `Not yet tested` is said to be proved by no test. */
type Mention = { readonly id: string; readonly place: string; readonly isRule: boolean; readonly isUntested: boolean }

function mentionsIn(path: string, text: string): readonly Mention[] {
  let isUntested = false
  return text.split('\n').flatMap((line, index) => {
    if (line.startsWith('## ')) isUntested = line === '## Not yet tested'
    const place = `${path}:${index + 1}`
    const bold = [...line.matchAll(/\*\*([^*]+)\*\*/g)].flatMap(([, words = '']) => idsIn(words))
    const listed = isUntested ? line.split(/[\s,*`]+/).flatMap(idsIn) : []
    return [...new Set([...bold, ...listed])].map((id) => ({ id, place, isRule: bold.includes(id), isUntested }))
  })
}

const root = resolve(import.meta.dirname, '../..')
const own = relative(root, import.meta.filename)
const tree = readTree(root)
const mentions = [...tree]
  .filter(([path]) => /^spec\/[^/]+\.md$/.test(path))
  .flatMap(([path, text]) => mentionsIn(path, text))
const rules = mentions.filter(({ isRule }) => isRule)
const untested = new Map(mentions.flatMap(({ id, place, isUntested }) => (isUntested ? [[id, place] as const] : [])))
const quoted = [...tree]
  .filter(([path, text]) => /^(?:src|test)\/.*\.ts$/.test(path) && path !== own && text.includes("from 'vitest'"))
  .flatMap(([path, text]) => testNames(text).flatMap((name) => idsIn(name).map((id) => ({ id, path }))))
const tests = Map.groupBy(quoted, ({ id }) => id)
const filesOf = (id: string): string => [...new Set(tests.get(id)?.map(({ path }) => path))].join(', ')
const byNumber = new Intl.Collator('en', { numeric: true }).compare

describe('the numbered rules', () => {
  it('every rule a test name quotes stands in spec/', () => {
    const known = new Set(rules.map(({ id }) => id))
    const missing = [...tests.keys()].filter((id) => !known.has(id)).sort(byNumber)
    const told = missing.map((id) => `${id}: ${filesOf(id)}`)
    expect(told, 'quoted by the name of a test, and no file of spec/ has a line for it').toEqual([])
  })

  it('each has one line', () => {
    const places = Map.groupBy(rules, ({ id }) => id)
    const doubled = [...places].filter(([, all]) => all.length > 1)
    const told = doubled.map(([id, all]) => `${id}: ${all.map(({ place }) => place).join(', ')}`)
    expect(told, 'one rule, one line, in one file').toEqual([])
  })

  it('what no test is named after is listed as such, and nothing else is', () => {
    const unlisted = rules.filter(({ id }) => !tests.has(id) && !untested.has(id))
    const stale = [...untested].filter(([id]) => tests.has(id))
    const told = [
      ...unlisted.map(({ id, place }) => `${place} ${id}: no test is named after it; list it under "Not yet tested"`),
      ...stale.map(([id, place]) => `${place} ${id}: quoted by ${filesOf(id)}; take it off "Not yet tested"`),
    ]
    expect(told).toEqual([])
  })
})

describe('reading them', () => {
  it.each([
    ['MEM-101 makes the directory', ['MEM-101']],
    ['ING-RED-2/${kind} ${title}', ['ING-RED-2']],
    ['ING-X-FIX/changes between', ['ING-X-FIX']],
    ['ING-CC-10/titles, ING-PRJ-1/directory', ['ING-CC-10', 'ING-PRJ-1']],
    ['ING-CC-11/14/15: progress', ['ING-CC-11', 'ING-CC-14', 'ING-CC-15']],
    ['RET-756/32 words', ['RET-756']],
    ['TRN-P2 TRN-807 twenty times', ['TRN-P2', 'TRN-807']],
    ['S1–S3 %s is %s', ['S1', 'S2', 'S3']],
    ['C6, MEM-105 killed while migrating', ['C6', 'MEM-105']],
    ['R5 and R6 sizes', ['R5', 'R6']],
    ['tables (DESIGN §3.3)', ['DESIGN §3.3']],
    ['lies in S3 and on W3C pages', []],
    ['0.2.0 comes in whole, as UTF-8', []],
  ])('in %j', (name, ids) => {
    expect([...idsIn(name)].sort()).toEqual([...ids].sort())
  })

  it.each([
    ["it('A-1 b', () => 0)", ['A-1 b']],
    ["it.each([['x', f(1)]])('MEM-1 %s', (a) => 0)", ['MEM-1 %s']],
    ["describe.each(one.map((two) => [two] as const))('S1 %s', () => 0)", ['S1 %s']],
    ["it.runIf(on)('L1', () => 0)", ['L1']],
    ['it(`RET-1 ${x}: y`, () => 0)', ['RET-1 ${']],
    ["const rows = [['RET-757 colours', 1], ['plain', 2]]", ['RET-757 colours']],
    ["expect(text).toBe('x') // it('MEM-2 no')", []],
  ])('names in %s', (source, names) => {
    expect(testNames(source)).toEqual(names)
  })
})
