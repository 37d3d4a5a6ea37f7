import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { person, type Person } from '../../src/cli/testing/person.ts'

/** One project leaves as a document and arrives elsewhere, whole. */
describe('moving one project as JSON', () => {
  let from: Person
  let to: Person
  beforeAll(() => {
    from = person()
    to = person()
  })
  afterAll(() => {
    from.leave()
    to.leave()
  })

  it('ING-EXP-2 what is exported is imported without loss, and the export says all of it', async () => {
    for (const [title, type] of [
      ['Use tabs', 'decision'],
      ['Fix the parser', 'bugfix'],
      ['Why so slow?', 'question'],
    ] as const) {
      await from.say(['save', title, `About ${title}.`, '--project', 'acme', '--type', type])
    }
    const path = join(from.home, 'acme.json')
    expect(await from.say(['export', 'acme', 'json', '-o', path])).toMatchObject({ code: 0 })
    const document = JSON.parse(readFileSync(path, 'utf8')) as {
      observations: { title: string; ext: { version: string } }[]
    }
    expect(document.observations.map((one) => one.title)).toEqual(['Use tabs', 'Fix the parser', 'Why so slow?'])

    expect(await to.say(['import', path])).toMatchObject({ code: 0 })
    const again = join(to.home, 'acme.json')
    await to.say(['export', 'acme', 'json', '-o', again])
    const arrived = JSON.parse(readFileSync(again, 'utf8')) as typeof document
    expect(arrived.observations).toEqual(document.observations)
  })

  it('ING-EXP-1 categories limit it, and a document says how many there are', async () => {
    const { out } = await from.say(['export', 'acme', 'markdown', '--category', 'decisions'])
    expect(out).toContain('Use tabs')
    expect(out).not.toContain('Fix the parser')
  })
})
