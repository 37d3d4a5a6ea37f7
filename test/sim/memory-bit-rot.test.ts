import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngramError } from '../../src/model/errors.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { callSave, titleOf, wantedSave } from './memory-workers/save-mix.ts'
import { dice, isLong, newPlace, seed, tellFigure, type Place } from './memory-workers/simulation.ts'

const flips = isLong ? 10_000 : 120

let place: Place
beforeEach(() => {
  place = newPlace('memory-rot')
})
afterEach(() => place.remove())

const open = (dataDir: string): Promise<OpenedEngine> =>
  openEngine({ dataDir, environment: {}, settings: { durability: 'normal' } })

/** What a caller sees: `failed CODE` where it is told of trouble. Anything but an EngramError is a defect. */
async function seen(work: () => Promise<unknown>, defects: string[]): Promise<string> {
  try {
    return JSON.stringify(await work()) ?? ''
  } catch (error) {
    if (!(error instanceof EngramError)) defects.push(String(error))
    return `failed ${error instanceof EngramError ? error.code : 'defect'}`
  }
}

const contentsSeen = (one: OpenedEngine, defects: string[]): Promise<string> =>
  seen(async () => {
    const { observations } = await one.caller.call('backup.export', { all_projects: true })
    return observations.map((row) => [
      row.sync_id,
      row.title,
      row.content,
      row.type,
      row.scope,
      row.project,
      row.topic_key,
    ])
  }, defects)

const doctorSees = (one: OpenedEngine, defects: string[]): Promise<string> =>
  seen(async () => {
    const report = await one.caller.call('doctor.report', { check: 'integrity', all_projects: true })
    return report.checks[0]?.result
  }, defects)

describe('rotten bits in the file', () => {
  it(
    `S4 ${flips} flipped bytes, one at a time: no crash, every failure has its code, and no memory says something else unseen`,
    async () => {
      const original = join(place.root, 'original')
      const first = await open(original)
      for (let n = 1; n <= 60; n++) await callSave(first.caller, 1, wantedSave(1, n, (n % 11) / 11, ''))
      const expected = await contentsSeen(first, [])
      await first.close()
      const bytes = readFileSync(join(original, 'engram.db'))
      const below = dice(seed)
      const defects: string[] = []
      const figures = { changed: 0, told: 0, silent: 0, refused_at_open: 0, rebuilt: 0 }
      for (let round = 0; round < flips; round++) {
        rmSync(place.dataDir, { recursive: true, force: true })
        mkdirSync(place.dataDir)
        const rotten = Uint8Array.from(bytes)
        const at = below(rotten.length)
        rotten[at] = (rotten[at] ?? 0) ^ (1 << below(8))
        writeFileSync(join(place.dataDir, 'engram.db'), rotten)
        copyFileSync(join(original, 'instance_id'), join(place.dataDir, 'instance_id'))
        const opening: OpenedEngine[] = []
        const answer = await seen(async () => void opening.push(await open(place.dataDir)), defects)
        const [one] = opening
        if (one === undefined) {
          figures.refused_at_open++
          expect(answer).toMatch(/^failed /)
          continue
        }
        const contents = await contentsSeen(one, defects)
        await seen(() => one.caller.call('memory.search', { query: 'shared text number', all_projects: true }), defects)
        await seen(() => callSave(one.caller, 1, wantedSave(9, round, 0, '')), defects)
        const doctor = await doctorSees(one, defects)
        if (contents !== expected) {
          figures.changed++
          if (contents.startsWith('failed') || doctor !== '"ok"') figures.told++
          else figures.silent++
        } else if (doctor !== '"ok"') figures.rebuilt += await rebuilds(one, defects)
        await one.close()
      }
      tellFigure({ check: 'S4 memory', seed, flips, bytes: bytes.length, ...figures, defects: defects.length })
      expect([...new Set(defects)]).toEqual([])
      // What a memory says never changes unseen. Prompts have nothing but SQLite's own check.
      expect(figures.silent).toBe(0)
    },
    isLong ? 1_800_000 : 60_000,
  )

  it('S4 the search index is damaged as a whole: the doctor tells, and its repair builds it anew from the rows', async () => {
    const one = await open(place.dataDir)
    const wanted = Array.from({ length: 30 }, (_, at) => wantedSave(1, at, 0, ''))
    for (const each of wanted) await callSave(one.caller, 1, each)
    const title = titleOf(wanted[1]?.content ?? '')
    await one.deps.store.write((tx) => {
      tx.run('DELETE FROM observation_fts WHERE rowid % 2 = 0')
    })
    const defects: string[] = []
    expect(await doctorSees(one, defects)).toBe('"error"')
    await one.caller.call('doctor.repair', { check: 'integrity', mode: 'apply', all_projects: true })
    expect([await doctorSees(one, defects), defects]).toEqual(['"ok"', []])
    const { hits } = await one.caller.call('memory.search', { query: title, all_projects: true, limit: 5 })
    expect(hits.map((hit) => hit.title)).toContain(title)
    await one.close()
  })
})

/** 1 when the doctor's repair made the index whole again. */
async function rebuilds(one: OpenedEngine, defects: string[]): Promise<number> {
  await seen(() => one.caller.call('doctor.repair', { check: 'integrity', mode: 'apply', all_projects: true }), defects)
  return (await doctorSees(one, defects)) === '"ok"' ? 1 : 0
}
