import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** What bin/engram.js starts, in a clone of two files that only say which of them runs. */
const bin = fileURLToPath(new URL('../../bin/engram.js', import.meta.url))
const built = 1_000
const files = {
  'package.json': '{"type": "module", "version": "0.0.0"}',
  'src/bin.ts': 'const what: string = "sources"; console.log(what)',
  'src/engine/part.ts': '',
  'src/engine/part.test.ts': '',
  'dist/bin.js': 'console.log("built")',
}

let clone = ''
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'engram-clone-'))
  cpSync(bin, join(clone, 'bin/engram.js'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(clone, name)), { recursive: true })
    writeFileSync(join(clone, name), text)
  }
  for (const name of ['src', 'src/engine', ...Object.keys(files)]) touch(name, built)
})
afterEach(() => rmSync(clone, { recursive: true, force: true }))

const touch = (name: string, seconds: number): void => utimesSync(join(clone, name), seconds, seconds)
const started = (): string =>
  spawnSync(process.execPath, [join(clone, 'bin/engram.js'), 'search', 'x'], { encoding: 'utf8' }).stdout.trim()

describe('what a clone runs', () => {
  it.each([
    ['built after the last change: what was built', () => undefined, 'built'],
    ['a source was changed since: the sources', () => touch('src/engine/part.ts', built + 1), 'sources'],
    ['a source was removed since: the sources', () => rmSync(join(clone, 'src/engine/part.ts')), 'sources'],
    ['only a test was changed since: what was built', () => touch('src/engine/part.test.ts', built + 1), 'built'],
    ['it was never built: the sources', () => rmSync(join(clone, 'dist'), { recursive: true }), 'sources'],
    ['it has no sources, as a package: what was built', () => rmSync(join(clone, 'src'), { recursive: true }), 'built'],
  ])('%s', (_name, change, wanted) => {
    change()
    expect(started()).toBe(wanted)
  })
})
