import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { programVersion } from '../src/version.ts'
import { checkCycles } from './tidy/cycles.ts'
import {
  checkBarrels,
  checkDefaultExports,
  checkLength,
  checkNames,
  checkUnfinished,
  linesOf,
} from './tidy/file-rules.ts'
import { checkDoors, checkOnDemand, checkTable } from './tidy/import-rules.ts'
import { moduleOf } from './tidy/imports.ts'
import { checkMachine } from './tidy/machine-rule.ts'
import { readTree } from './tidy/read-tree.ts'
import { linesMax, linesToLookAt, table } from './tidy/table.ts'
import { checkTexts } from './tidy/text-rules.ts'
import { type Finding, type SourceFile, sourcesOf, treeOf } from './tidy/tree.ts'

const format = (one: Finding): string => `${one.path}:${one.line} ${one.message}`

type Rule = {
  readonly name: string
  readonly check: (files: readonly SourceFile[]) => readonly Finding[]
  /** Trees that break the rule, each with a part of what must be said of it. */
  readonly bad: readonly (readonly [files: Readonly<Record<string, string>>, says: string])[]
  /** Trees that look as if they did. */
  readonly good: readonly Readonly<Record<string, string>>[]
}

const rules: readonly Rule[] = [
  {
    name: 'imports follow the table',
    check: checkTable,
    bad: [
      [
        { 'src/store/rows.ts': "import { a } from '../engine/a.ts'", 'src/engine/a.ts': '' },
        'store may not import engine',
      ],
      [
        { 'src/model/a.ts': "import type { B } from '../platform/b.ts'", 'src/platform/b.ts': '' },
        'model may not import',
      ],
      [{ 'src/cli/a.ts': "const a = await import('../store/b.ts')", 'src/store/b.ts': '' }, 'cli may not import store'],
      [
        { 'src/store/a.ts': "export { x } from '../search/b.ts'", 'src/search/b.ts': '' },
        'store may not import search',
      ],
      [{ 'src/engine/a.ts': "type B = import('../sync/b.ts').B", 'src/sync/b.ts': '' }, 'engine may not import sync'],
      [{ 'src/engine/a.ts': "import { Hono } from 'hono'" }, 'may not import the package hono'],
      [{ 'src/engine/a.ts': "import '@octokit/core/x'" }, 'may not import the package @octokit/core'],
      [{ 'src/engine/a.ts': "import { open } from 'node:fs'" }, 'node:fs belongs behind a door'],
      [{ 'src/client/a.ts': "import { join } from 'node:path'" }, 'node:path belongs behind a door'],
      [{ 'src/engine/a.ts': "import fs from 'fs'" }, 'may not import the package fs'],
      [{ 'src/app.ts': "import './bin.ts'", 'src/bin.ts': '' }, 'may not import bin.ts'],
      [{ 'src/model/a.ts': "import './b.ts'" }, 'is not a file of src'],
      [{ 'src/store/a.ts': "import './b.test.ts'", 'src/store/b.test.ts': '' }, 'is for tests alone'],
      [{ 'src/store/a.test.ts': "import './b.test.ts'", 'src/store/b.test.ts': '' }, 'a test imports another test'],
      [{ 'src/stuff/a.ts': '' }, 'no row in the import table for "stuff"'],
      [{ 'src/extra.ts': '' }, 'no row in the import table for "extra.ts"'],
    ],
    good: [
      {
        'src/store/rows.ts': "import { a } from '../model/a.ts'\nimport './b.ts'",
        'src/model/a.ts': '',
        'src/store/b.ts': '',
      },
      { 'src/model/a.ts': "// import x from '../engine/a.ts'\nconst s = `import '${1}' from '../store/x.ts'`" },
      { 'src/model/a.ts': "const r = /import('..\\/store')/; const q = \"import '../store/x.ts'\"; z.import('../x')" },
      { 'src/model/a.test.ts': "import { it } from 'vitest'\nimport { open } from 'node:fs'" },
      { 'src/store/a.test.ts': "import { suite } from '../../test/contract/b.ts'" },
      { 'src/store/driver.ts': "import { statSync } from 'node:fs'" },
      { 'src/engine/a.ts': "import { join } from 'node:path'" },
      { 'src/app.ts': "import './engine/a.ts'\nimport './cli/b.ts'", 'src/engine/a.ts': '', 'src/cli/b.ts': '' },
      { 'src/testing.ts': "export { x } from './store/testing/a.ts'", 'src/store/testing/a.ts': '' },
    ],
  },
  {
    name: 'one door per package',
    check: checkDoors,
    bad: [
      [{ 'src/store/rows.ts': "import type { Database } from 'better-sqlite3'" }, 'by src/store/driver.ts only'],
      [{ 'src/engine/rules/redact.ts': "import { lintSource } from '@secretlint/core'" }, 'secretlint-preset.ts only'],
      [{ 'src/cli/a.ts': "import 'commander'", 'src/cli/b.ts': "import 'commander'" }, 'has its door in src/cli/a.ts'],
      [{ 'src/server/a.ts': "import 'hono'", 'src/server/b.ts': "import('hono')" }, 'has its door in src/server/a.ts'],
    ],
    good: [
      { 'src/model/a.ts': "import { z } from 'zod'", 'src/api/b.ts': "import { z } from 'zod'" },
      { 'src/server/a.ts': "import 'hono'", 'src/cloud/b.ts': "import 'hono'" },
      { 'src/cli/a.ts': "import 'commander'", 'src/cli/a.test.ts': "import 'commander'" },
    ],
  },
  {
    name: 'what is needed on demand is not read at every start',
    check: checkOnDemand,
    bad: [
      [
        { 'src/bin.ts': "import './app.ts'", 'src/app.ts': "import './tui/a.ts'", 'src/tui/a.ts': "import 'ink'" },
        'ink is read at every start',
      ],
    ],
    good: [
      { 'src/bin.ts': "void import('./app.ts')", 'src/app.ts': "import 'ink'" },
      { 'src/bin.ts': "import type { A } from './app.ts'", 'src/app.ts': "import 'ink'" },
    ],
  },
  {
    name: 'no import cycles',
    check: checkCycles,
    bad: [
      [
        { 'src/store/a.ts': "import './b.ts'", 'src/store/b.ts': "import './a.ts'" },
        'a.ts → src/store/b.ts → src/store/a.ts',
      ],
      [
        { 'src/store/a.ts': "import type { B } from './b.ts'", 'src/store/b.ts': "void import('./a.ts')" },
        'import cycle',
      ],
      [{ 'src/store/a.ts': "import './a.ts'" }, 'import cycle'],
    ],
    good: [
      {
        'src/store/a.ts': "import './b.ts'\nimport './c.ts'",
        'src/store/b.ts': "import './c.ts'",
        'src/store/c.ts': '',
      },
    ],
  },
  {
    name: 'clock, chance, environment and process come in as arguments',
    check: checkMachine,
    bad: [
      [{ 'src/engine/a.ts': 'const now = Date.now()' }, 'Date.now'],
      [{ 'src/engine/a.ts': 'const now = new Date()' }, 'new Date()'],
      [{ 'src/engine/a.ts': 'const now = new Date' }, 'new Date()'],
      [{ 'src/engine/a.ts': 'const n = globalThis.Math.random()' }, 'Math.random'],
      [{ 'src/engine/a.ts': 'const t = `${performance.now()}`' }, 'performance.now'],
      [{ 'src/engine/a.ts': 'setTimeout(() => undefined, 5)' }, 'setTimeout'],
      [{ 'src/engine/a.ts': 'const home = process.env.HOME' }, 'process.env'],
      [{ 'src/engine/a.ts': 'const id = crypto.randomUUID()' }, 'crypto.randomUUID'],
      [{ 'src/sync/a.ts': 'const r = await fetch(url)' }, 'fetch'],
      [{ 'src/client/a.ts': 'const now = Date.now()' }, 'Date.now'],
      [{ 'src/store/rows.ts': 'const now = Date.now()' }, 'Date.now'],
    ],
    good: [
      { 'src/engine/a.ts': 'const d = new Date(nowMs); let e: Date; const u = Date.UTC(2026, 0, 1)' },
      { 'src/engine/a.ts': "// Date.now()\nconst s = 'Date.now()'; const t = `new Date()`; clock.setTimeout(3)" },
      {
        'src/engine/a.ts':
          'interface Port { fetch(url: string): Promise<string> }\nconst port = { fetch(url) { return url } }',
      },
      { 'src/engine/a.test.ts': 'const now = Date.now()', 'src/engine/testing/b.ts': 'Math.random()' },
      { 'src/platform/a.ts': 'Date.now()', 'src/cli/a.ts': 'process.exit(1)', 'src/store/driver.ts': 'process.pid' },
      { 'src/client/a.ts': 'setTimeout(() => undefined, 5)' },
    ],
  },
  {
    name: 'files are named after what they hold',
    check: checkNames,
    bad: [
      [{ 'src/store/changeClock.ts': '' }, 'not kebab-case'],
      [{ 'src/Store/a.ts': '' }, 'not kebab-case'],
      [{ 'src/store/utils.ts': '' }, 'says nothing'],
      [{ 'src/store/helpers.test.ts': '' }, 'says nothing'],
      [{ 'src/store/shared/a.ts': '' }, 'says nothing'],
    ],
    good: [
      { 'src/store/change-clock.test.ts': '', 'src/store/migrations/0001-start.ts': '', 'src/store/base64.ts': '' },
    ],
  },
  {
    name: 'no default exports',
    check: checkDefaultExports,
    bad: [
      [{ 'src/store/a.ts': 'export default 1' }, 'default export'],
      [{ 'src/store/a.ts': 'const a = 1\nexport { a as default }' }, 'default export'],
      [{ 'src/store/a.ts': "export { default } from './b.ts'" }, 'default export'],
    ],
    good: [{ 'src/store/a.ts': "import { default as b } from './b.ts'\nexport const c = { default: b }" }],
  },
  {
    name: 'no barrels',
    check: checkBarrels,
    bad: [
      [{ 'src/store/all.ts': "export * from './a.ts'\nexport { b } from './b.ts'" }, 'only re-exports'],
      [{ 'src/store/all.ts': "import { a } from './a.ts'\nexport { a }" }, 'only re-exports'],
      [{ 'src/store/all.ts': "/** All. */\nexport type { A } from './a.ts';" }, 'only re-exports'],
    ],
    good: [
      { 'src/index.ts': "export * from './app.ts'" },
      { 'src/store/a.ts': "export { b } from './b.ts'\nexport const c = 1" },
      { 'src/store/a.ts': "import './b.ts'" },
    ],
  },
  {
    name: `no file over ${linesMax} lines`,
    check: checkLength,
    bad: [[{ 'src/store/a.ts': 'const a = 1\n'.repeat(linesMax + 1) }, `${linesMax + 1} lines`]],
    good: [{ 'src/store/a.ts': 'const a = 1\n'.repeat(linesMax) }],
  },
  {
    name: 'nothing is left to do in the code',
    check: checkUnfinished,
    bad: [
      [{ 'src/store/a.ts': `// ${['TO', 'DO'].join('')}: more` }, 'in src'],
      [{ 'src/store/a.ts': `const a = 1 // ${['FIX', 'ME'].join('')}` }, 'in src'],
    ],
    good: [{ 'src/store/a.ts': 'const todo = 1' }],
  },
]

const root = resolve(import.meta.dirname, '..')
const tree = readTree(root)
const sources = sourcesOf(tree)

describe('this repository', () => {
  it.each(rules)('$name', ({ check }) => {
    expect(check(sources).map(format)).toEqual([])
  })

  it('no path of a machine and no registry in any file', () => {
    expect(checkTexts(tree).map(format)).toEqual([])
  })

  it('says one version', () => {
    expect(JSON.parse(tree.get('package.json') ?? '{}')).toMatchObject({ version: programVersion() })
  })

  it('was read', () => {
    expect(sources.map((file) => file.path)).toContain('src/model/errors.ts')
    const long = sources.filter((file) => linesOf(file) > linesToLookAt)
    for (const file of long) process.stderr.write(`long file: ${file.path}, ${linesOf(file)} lines\n`)
  })
})

describe('the table', () => {
  it('names only what it knows, and goes down', () => {
    const height = (layer: string, above: readonly string[]): number => {
      if (above.includes(layer)) throw new Error(`goes round: ${[...above, layer].join(' → ')}`)
      const below = table[layer]?.imports.filter((one) => one !== '*')
      if (below === undefined) throw new Error(`not in the table: ${layer}`)
      return 1 + Math.max(0, ...below.map((one) => height(one, [...above, layer])))
    }
    expect(Object.keys(table).map((layer) => height(layer, []))).not.toContain(0)
  })
})

describe.each(rules)('the rule "$name"', ({ check, bad, good }) => {
  it.each(bad)('refuses %j', (files, says) => {
    expect(
      check(sourcesOf(treeOf(files)))
        .map(format)
        .join('\n'),
    ).toContain(says)
  })

  it.each(good.map((files) => [files]))('lets %j pass', (files) => {
    expect(check(sourcesOf(treeOf(files))).map(format)).toEqual([])
  })
})

describe('the rule on texts', () => {
  const at = (...parts: readonly string[]): string => `see /${parts.join('/')}/file`
  const found = (text: string): number => checkTexts(treeOf({ 'docs/a.md': text })).length

  it.each([
    at('work', 'main'),
    at('root'),
    at('home', 'jane'),
    at('Users', 'jane'),
    ['https://registry', 'npmjs', 'org/x'].join('.'),
  ])('refuses %j', (text) => expect(found(text)).toBe(1))

  it.each(['/home/user/app', '~/.engram', 'network/main', '/rooted', 'a/root/b', 'https://www.npmjs.com/package/x'])(
    'lets %j pass',
    (text) => expect(found(text)).toBe(0),
  )
})

describe('the reader of imports', () => {
  it.each([
    ["import a, { b as c } from 'x'", ['static x']],
    ["import type A from 'x'", ['type x']],
    ["import type from 'x'", ['static x']],
    ["import type, { a } from 'x'", ['static x']],
    ["import * as a from 'x'\nimport b from 'y'", ['static x', 'static y']],
    ["import { type A } from 'x' with { type: 'json' }", ['static x']],
    ["export type { A } from 'x'; export * as b from 'y'", ['type x', 'static y']],
    ["export { a }\nexport const b = from\nconst c = 'x'", []],
    ["export type A = { from: 'x' }\nexport function f(from = 'y') {}", []],
    ['const a = await import(`x`), b = import(name)', ['dynamic x']],
    ["const at = import.meta.url, o = { import: 'x' }, p = o.import('y')", []],
    ["const a = b / c; import 'x'; const d = e / f", ['static x']],
    ["const a = `${{ a: `}` }} import 'n'`; import 'x'", ['static x']],
    ["const r = /[/'\"`]/; import 'x'", ['static x']],
    ["/* import 'n' */ import /* a */ 'x' // import 'm'", ['static x']],
    ["const open = \"unclosed\nimport 'x'", ['static x']],
  ])('%j', (source, expected) => {
    const read = moduleOf(source).imports.map((one) => `${one.typeOnly ? 'type' : one.kind} ${one.specifier}`)
    expect(read).toEqual(expected)
  })
})
