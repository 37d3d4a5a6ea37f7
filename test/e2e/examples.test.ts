import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const examples = resolve(import.meta.dirname, '../../examples')
const programs = readdirSync(examples).filter((name) => name.endsWith('.ts'))

describe('examples', () => {
  it('are there', () => expect(programs).toEqual(expect.arrayContaining(['demo.ts', 'embed.ts'])))

  it.each(programs)('COL-2305 %s runs and holds what it asserts', (name) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, name)], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
      timeout: 60_000,
    })
    expect(stderr).not.toMatch(/Error|failed/)
    expect({ status, said: stdout.length > 0 }).toEqual({ status: 0, said: true })
  })
})
