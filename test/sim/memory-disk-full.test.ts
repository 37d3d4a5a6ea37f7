import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { toEngramError } from '../../src/model/errors.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { acksOf, type LogLine } from './memory-workers/log-lines.ts'
import { auditMemory, sound } from './memory-workers/memory-audit.ts'
import { serveMemory } from './memory-workers/memory-server.ts'
import { callSave, project, tryLine, wantedSave } from './memory-workers/save-mix.ts'
import { setSchemaNumber } from './memory-workers/schema-number.ts'
import { dice, isLong, seed, tellFigure } from './memory-workers/simulation.ts'
import { mountSmallDisk } from './memory-workers/small-disk.ts'

const fillPoints = isLong ? 500 : 40
const disk = mountSmallDisk(16)
if (disk === null) console.warn('S1 skipped: a tmpfs cannot be mounted here (it needs root).')
afterAll(() => disk?.remove())
afterEach(() => disk?.empty())

/** Saves that are told of as a writer's are. */
class Saver {
  readonly lines: LogLine[] = []
  readonly #opened: OpenedEngine
  readonly #below = dice(seed)
  #n = 0
  #last = ''

  constructor(opened: OpenedEngine) {
    this.#opened = opened
  }

  /** The code of the failure, or ''. */
  async save(): Promise<{ readonly code: string; readonly ms: number }> {
    const wanted = wantedSave(1, ++this.#n, this.#below(1_000) / 1_000, this.#last)
    this.lines.push(tryLine(wanted))
    const fromMs = performance.now()
    try {
      const told = await callSave(this.#opened.caller, 1, wanted)
      const ms = performance.now() - fromMs
      this.lines.push({
        t: 'ack',
        kind: wanted.kind,
        key: wanted.key,
        content: wanted.content,
        ...told,
        ms,
        at: Date.now(),
      })
      if (told.outcome === 'created') this.#last = told.syncId
      return { code: '', ms }
    } catch (error) {
      return { code: toEngramError(error).code, ms: performance.now() - fromMs }
    }
  }

  async untilRefused(): Promise<{ readonly code: string; readonly ms: number }> {
    for (let tries = 0; tries < 2_000; tries++) {
      const answer = await this.save()
      if (answer.code !== '') return answer
    }
    return { code: 'never refused', ms: 0 }
  }
}

describe.runIf(disk !== null)('a full disk under the memory', () => {
  const dataDir = (name: string): string => join(disk?.path ?? '', name)
  const spooled = (name: string): string[] => (existsSync(dataDir(name)) ? readdirSync(dataDir(name)) : [])

  it(`S1 ${fillPoints} fill points: storage_full at once, in process and as 507, nothing acknowledged is lost, reads go on, and so do saves when space returns`, async () => {
    const opened = await openEngine({ dataDir: dataDir('data'), environment: {} })
    const server = await serveMemory(opened)
    const saver = new Saver(opened)
    const below = dice(seed + 1)
    const worst = { refused_ms: 0, http_ms: 0, again_ms: 0 }
    const refusals = new Map<string, number>()
    const statuses = new Map<number, number>()
    const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1)
    let sent = 0
    const post = async (): Promise<{ readonly status: number; readonly ms: number }> => {
      const content = `Sent over HTTP, ${++sent}.`
      const fromMs = performance.now()
      const answer = await fetch(`${server.url}/observations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ title: `Over HTTP ${sent}`, content, project, session_id: 's-http', type: 'discovery' }),
      })
      const body = (await answer.json()) as {
        readonly sync_id: string
        readonly outcome: string
        readonly code: string
      }
      const ms = performance.now() - fromMs
      const { status } = answer
      const told = { syncId: body.sync_id, outcome: body.outcome, count: 1, ms }
      if (status === 201)
        saver.lines.push({ t: 'ack', kind: 'new', key: `http-${sent}`, content, ...told, at: Date.now() })
      else expect(body).toMatchObject({ code: 'storage_full' })
      return { status, ms }
    }
    const postUntilRefused = async (): Promise<{ readonly status: number; readonly ms: number }> => {
      let answer = await post()
      for (let tries = 0; answer.status === 201 && tries < 1_000; tries++) answer = await post()
      return answer
    }
    for (let n = 0; n < 5; n++) expect(await saver.save()).toMatchObject({ code: '' })

    for (let point = 0; point < fillPoints; point++) {
      disk?.leaveFree(below(600_000))
      const refused = await saver.untilRefused()
      count(refusals, refused.code)
      worst.refused_ms = Math.max(worst.refused_ms, refused.ms)
      disk?.leaveFree(0)
      const answer = await postUntilRefused()
      count(statuses, answer.status)
      worst.http_ms = Math.max(worst.http_ms, answer.ms)
      const listed = await opened.caller.call('observation.list', { all_projects: true, limit: 5 })
      expect(listed.length).toBeGreaterThan(0)
      await opened.caller.call('memory.search', { query: 'shared text number', all_projects: true, limit: 3 })
      disk?.empty()
      const again = await saver.save()
      expect(again.code).toBe('')
      worst.again_ms = Math.max(worst.again_ms, again.ms)
    }
    const last = await post()
    const left = readdirSync(dataDir('data')).sort()
    const queued = acksOf(saver.lines).filter((ack) => ack.outcome === 'queued').length
    await server.close()
    const audit = await auditMemory(dataDir('data'), saver.lines)
    tellFigure({
      check: 'S1 memory',
      seed,
      durability: 'disk',
      fill_points: fillPoints,
      ...audit,
      ...worst,
      target_refused_ms: 100,
      refusals: Object.fromEntries(refusals),
      statuses: Object.fromEntries(statuses),
    })
    expect([...refusals.keys(), ...statuses.keys(), last.status, queued]).toEqual(['storage_full', 507, 201, 0])
    expect(audit).toMatchObject(sound)
    expect(worst.refused_ms).toBeLessThan(1_000)
    expect(worst.again_ms).toBeLessThan(1_000)
    expect(left.filter((name) => /tmp|spool/.test(name))).toEqual([])
  })

  it('S1, MEM-111 a save that would be queued on a full disk is an error, never a silent loss', async () => {
    const first = await openEngine({ dataDir: dataDir('newer'), environment: {} })
    await first.caller.call('observation.save', { content: 'Kept before.', project })
    const path = first.deps.store.path
    await first.close()
    setSchemaNumber(path, 99)
    const opened = await openEngine({ dataDir: dataDir('newer'), environment: {} })
    const save = (content: string): Promise<{ readonly outcome: string }> =>
      opened.caller.call('observation.save', { content, project })
    const answers: string[] = []
    for (const freeBytes of [0, 4_096, 8_192, 16_384, 0]) {
      disk?.leaveFree(freeBytes)
      for (let n = 0; n < 4; n++) {
        answers.push(
          await save(`Sent with ${freeBytes} bytes free, ${n}.`).then(
            ({ outcome }) => outcome,
            (error: unknown) => toEngramError(error).code,
          ),
        )
      }
    }
    disk?.empty()
    expect(await save('Sent when space had returned.')).toMatchObject({ outcome: 'queued' })
    await opened.close()
    setSchemaNumber(path, first.deps.store.stats().schema)
    const next = await openEngine({ dataDir: dataDir('newer'), environment: {} })
    await next.tend()
    const stored = await next.caller.call('observation.list', { all_projects: true, limit: 50 })
    await next.close()
    const queued = answers.filter((answer) => answer === 'queued').length
    tellFigure({
      check: 'S1 spool',
      answers: Object.fromEntries(
        Map.groupBy(answers, String)
          .entries()
          .map(([k, v]) => [k, v.length]),
      ),
      stored: stored.length,
    })
    expect(answers.slice(-4)).toEqual(['newer_schema', 'newer_schema', 'newer_schema', 'newer_schema'])
    expect(new Set(answers)).toEqual(new Set(['queued', 'newer_schema']))
    expect(stored.length).toBe(1 + queued + 1)
    expect(spooled('newer/spool')).toEqual([])
  })
})
