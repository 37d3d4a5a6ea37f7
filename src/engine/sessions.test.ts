import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { sessionById } from '../store/sessions.ts'
import { endIdleSessions } from './session-of-write.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const place = { project: 'acme', directory: '/srv/acme' }

let texts = 0
const save = (more: Partial<Input<'observation.save'>> = {}) =>
  test.engine.call('observation.save', { ...place, title: `T${++texts}`, content: `Content ${texts}`, ...more })
const start = (id: string, more: Partial<Input<'session.start'>> = {}) =>
  test.engine.call('session.start', { id, ...place, ...more })
const end = (id: string, summary?: string) => test.engine.call('session.end', { id, summary })
const row = (id: string) => test.deps.store.read((tx) => sessionById(tx, id))
const sweep = () => test.deps.store.write((tx) => endIdleSessions(tx, test.clock.nowMs(), test.deps.settings))
const codes = (saved: { readonly warnings: readonly { readonly code: string }[] }): string[] =>
  saved.warnings.map((one) => one.code)

describe('a save never fails for lack of a session', () => {
  it('MEM-701 ten agents in one directory, none ends its session: every save answers under its own id', async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `agent-${index}`)
    for (const id of ids) await start(id)
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(ids.map((id) => save({ session_id: id })))
      expect(answers.map((one) => one.session_id)).toEqual(ids)
      expect(answers.flatMap(codes).filter((code) => code !== 'project_created')).toEqual([])
      test.clock.advance(3 * hour)
    }
  })

  it('MEM-701 one candidate is taken; several: the one of the same process, else the last used, with a warning', async () => {
    await start('one')
    expect(await save()).toMatchObject({ session_id: 'one' })
    await start('two', { agent_pid: 7 })
    test.clock.advance(minute)
    await save({ session_id: 'one' })
    expect(await save({ agent_pid: 7 })).toMatchObject({ session_id: 'two', warnings: [] })
    test.clock.advance(minute)
    await save({ session_id: 'one' })
    const ambiguous = await save()
    expect(ambiguous.session_id).toBe('one')
    expect(ambiguous.warnings).toMatchObject([{ code: 'session_ambiguous', details: { candidates: ['one', 'two'] } }])
  })

  it.each<[string, Partial<Input<'observation.save'>>, string]>([
    ['none here', {}, 'manual-save-acme'],
    ['another directory', { directory: '/srv/other' }, 'manual-save-acme'],
    ['no project at all', { project: undefined, directory: undefined }, 'manual-save'],
    ['a trailing slash is no other directory', { directory: '/srv/elsewhere/' }, 'elsewhere'],
  ])('MEM-701 %s', async (_what, more, id) => {
    await start('elsewhere', { directory: '/srv/elsewhere' })
    expect((await save(more)).session_id).toBe(id)
  })

  it('MEM-206 MEM-701 a session made by a save is project_owned, and never a candidate', async () => {
    await save()
    expect(row('manual-save-acme')).toMatchObject({ ownership_mode: 'project_owned', project: 'acme', directory: '' })
    await start('manual-save-mine')
    expect((await save()).session_id).toBe('manual-save-acme')
  })

  it('MEM-702 isolated and ended sessions are no candidates; unleased ones count for seven days', async () => {
    await start('isolated', { isolated: true })
    await start('ended')
    await end('ended')
    expect((await save()).session_id).toBe('manual-save-acme')
    await start('old')
    test.clock.advance(7 * day - minute)
    expect((await save()).session_id).toBe('old')
    test.clock.advance(7 * day)
    expect((await save()).session_id).toBe('manual-save-acme')
  })

  it('MEM-702 a live lease beats a later activity without one', async () => {
    await start('leased')
    await start('unleased')
    await test.deps.store.write((tx) => {
      tx.run('UPDATE sessions SET lease_until_ms = 0, last_activity_ms = last_activity_ms + 5 WHERE id = ?', 'unleased')
    })
    expect(await save()).toMatchObject({ session_id: 'leased', warnings: [] })
  })

  it('MEM-705 an unknown id is created, with a warning; strict refuses', async () => {
    const saved = await save({ session_id: 'new' })
    expect(saved.session_id).toBe('new')
    expect(codes(saved)).toContain('session_created')
    expect(row('new')).toMatchObject({ ownership_mode: 'shared', directory: '/srv/acme' })
    await expect(save({ session_id: 'newer', strict: true })).rejects.toMatchObject({ code: 'unknown_session' })
  })

  it('MEM-705 an ended id is continued under the lowest live number', async () => {
    await start('s')
    await end('s')
    const first = await save({ session_id: 's' })
    expect(first.session_id).toBe('s:resume:2')
    expect(codes(first)).toContain('session_already_ended')
    expect((await save({ session_id: 's' })).session_id).toBe('s:resume:2')
    await end('s:resume:2')
    expect((await save({ session_id: 's' })).session_id).toBe('s:resume:3')
    expect((await save({ session_id: 's:resume:2' })).session_id).toBe('s:resume:3')
    await expect(save({ session_id: 's', strict: true })).rejects.toMatchObject({ code: 'session_already_ended' })
  })

  it('MEM-705 an ended id of the full length is continued under a shorter one', async () => {
    const id = 'é'.repeat(128)
    await start(id)
    await end(id)
    const saved = await save({ session_id: id })
    expect(saved.session_id).toMatch(/^session-[0-9a-f]{32}:resume:2$/)
    expect((await save({ session_id: id })).session_id).toBe(saved.session_id)
  })

  it('MEM-705 a session of another project is not used; strict refuses', async () => {
    await start('theirs', { project: 'beta', ownership_mode: 'project_owned' })
    const saved = await save({ session_id: 'theirs' })
    expect(saved).toMatchObject({ session_id: 'manual-save-acme', project: 'acme' })
    expect(codes(saved)).toContain('session_project_mismatch')
    await expect(save({ session_id: 'theirs', strict: true })).rejects.toMatchObject({
      code: 'session_project_mismatch',
      details: { owner_project: 'beta', requested_project: 'acme' },
    })
  })

  it('MEM-206 a shared session holds records of any project', async () => {
    await start('shared', { project: 'beta' })
    expect(await save({ session_id: 'shared' })).toMatchObject({ session_id: 'shared', project: 'acme' })
  })

  it('MEM-808 a session without a project adopts the write’s, unless it holds rows of another', async () => {
    await start('blank', { project: undefined, directory: undefined })
    expect(row('blank')?.project).toBe('')
    await save({ session_id: 'blank' })
    expect(row('blank')?.project).toBe('acme')
    await test.deps.store.write((tx) => tx.run("UPDATE sessions SET project = '' WHERE id = 'blank'").changes)
    expect(await save({ session_id: 'blank', project: 'beta' })).toMatchObject({ project: 'beta' })
    expect(row('blank')?.project).toBe('')
  })

  it('MEM-701 the session for no project never becomes one of a project', async () => {
    await save({ project: undefined, directory: undefined })
    await save({ session_id: 'manual-save' })
    expect(row('manual-save')?.project).toBe('')
  })
})

describe('starting and ending', () => {
  it('MEM-706 starting again completes what is blank and overwrites nothing', async () => {
    await start('s', { directory: undefined, project: undefined })
    const again = await start('s', { agent: 'codex' })
    expect(again).toMatchObject({ id: 's', status: 'created', project: 'acme' })
    expect(row('s')).toMatchObject({ project: 'acme', directory: '/srv/acme', agent: 'codex' })
    await start('s', { project: 'beta', directory: '/srv/beta', agent: 'other' })
    expect(row('s')).toMatchObject({ project: 'acme', directory: '/srv/acme', agent: 'codex' })
  })

  it('MEM-706 starting an ended id is refused; resume gives the continuation', async () => {
    await start('s')
    await end('s')
    await expect(start('s')).rejects.toMatchObject({ code: 'session_already_ended' })
    expect(await start('s', { resume: true })).toMatchObject({ id: 's:resume:2', resumed_from: 's' })
    expect((await start('s:resume:2')).resumed_from).toBeUndefined()
  })

  it('MEM-706 a project_owned session refuses another project, an open one to become isolated', async () => {
    await start('s', { ownership_mode: 'project_owned' })
    await expect(start('s', { project: 'beta' })).rejects.toMatchObject({
      code: 'session_project_conflict',
      details: { session_id: 's', owner_project: 'acme', requested_project: 'beta' },
    })
    await expect(start('s', { isolated: true })).rejects.toMatchObject({ code: 'session_isolation_conflict' })
  })

  it.each(['yesterday', '2026-02-30'])('MEM-202 a start at %s is refused', async (started_at) => {
    await expect(start('s', { started_at })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('MEM-706 ending sets the summary once; ending again changes nothing', async () => {
    await start('s', { started_at: '2025-12-31T23:00:00Z' })
    expect(await end('s', 'All done')).toMatchObject({ status: 'completed', ended_at: '2026-01-01 00:00:00' })
    test.clock.advance(hour)
    expect(await end('s', 'Other')).toMatchObject({ status: 'already_ended', ended_at: '2026-01-01 00:00:00' })
    expect(await test.engine.call('session.get', { id: 's' })).toMatchObject({
      started_at: '2025-12-31 23:00:00',
      summary: 'All done',
    })
    await expect(end('unknown')).rejects.toMatchObject({ code: 'unknown_session' })
  })

  it('MEM-1204 a saved summary is the session’s own, and saving it twice changes it once', async () => {
    const summary = { type: 'session_summary', title: 'Session summary: acme', content: 'Goal: tests' }
    await save({ session_id: 's', ...summary })
    const before = row('s')
    await save({ session_id: 's', ...summary })
    expect(before?.summary).toBe('Goal: tests')
    expect(row('s')?.change_seq).toBe(before?.change_seq)
  })

  it('MEM-708 bulk ending is a dry run unless applied, and ends at the last activity', async () => {
    await start('old')
    test.clock.advance(73 * hour)
    await start('new')
    const stale = { by_age: '72h', project: 'acme' }
    expect(await test.engine.call('session.end-stale', stale)).toMatchObject({ dry_run: true, count: 1 })
    expect(row('old')?.ended_at).toBeNull()
    const done = await test.engine.call('session.end-stale', { ...stale, apply: true })
    expect(done.sessions.map((one) => [one.id, one.last_activity_at])).toEqual([['old', '2026-01-01 00:00:00']])
    expect(row('old')).toMatchObject({ ended_at: '2026-01-01 00:00:00', ended_by: 'bulk' })
    await expect(test.engine.call('session.end-stale', { by_age: 'old' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('MEM-203 sessions are listed newest first, with the number of their live observations', async () => {
    await start('a')
    test.clock.advance(minute)
    await start('b')
    const { id } = await save({ session_id: 'a' })
    await save({ session_id: 'a' })
    await test.engine.call('observation.delete', { id: id ?? 0 })
    await end('b')
    const list = async (more: object) =>
      (await test.engine.call('session.list', { project: 'acme', ...more })).map((one) => [
        one.id,
        one.observation_count,
      ])
    expect(await list({})).toEqual([
      ['b', 0],
      ['a', 1],
    ])
    expect(await list({ open: true })).toEqual([['a', 1]])
  })
})

describe('sessions nobody ended', () => {
  it('MEM-707 21 of them are all closed a day later, and none blocks a save', async () => {
    const ids = Array.from({ length: 21 }, (_, index) => `left-${index}`)
    for (const id of ids) await start(id)
    test.clock.advance(day)
    expect(await sweep()).toBe(0)
    test.clock.advance(minute)
    expect(await sweep()).toBe(21)
    for (const id of ids) {
      expect(row(id)).toMatchObject({ ended_at: '2026-01-01 00:00:00', ended_by: 'idle', summary: null })
    }
    expect((await save()).session_id).toBe('manual-save-acme')
  })

  it('MEM-707 a later write by the same id resumes it, without a warning', async () => {
    await start('s')
    test.clock.advance(2 * day)
    await sweep()
    const saved = await save({ session_id: 's' })
    expect(saved.session_id).toBe('s')
    expect(codes(saved)).not.toContain('session_already_ended')
    expect(row('s')).toMatchObject({ ended_at: null, ended_by: null })
  })

  it('MEM-707 a session kept busy or leased is not closed', async () => {
    await start('s')
    test.clock.advance(23 * hour)
    await save({ session_id: 's' })
    test.clock.advance(23 * hour)
    expect(await sweep()).toBe(0)
  })

  it('MEM-707 the session of saves without one is opened again, day after day', async () => {
    for (let round = 0; round < 4; round++) {
      expect((await save()).session_id).toBe('manual-save-acme')
      test.clock.advance(2 * day)
      await sweep()
    }
    expect((await test.engine.call('session.list', { project: 'acme' })).map((one) => one.id)).toEqual([
      'manual-save-acme',
    ])
  })

  it('MEM-707 a continuation that went idle goes on, too', async () => {
    await start('s')
    await end('s')
    await save({ session_id: 's' })
    test.clock.advance(2 * day)
    await sweep()
    expect((await save({ session_id: 's' })).session_id).toBe('s:resume:2')
  })

  it('MEM-707 a session of another machine is left to that machine', async () => {
    await start('theirs')
    await test.deps.store.write((tx) => tx.run("UPDATE sessions SET origin = 'elsewhere'").changes)
    test.clock.advance(30 * day)
    expect(await sweep()).toBe(0)
  })

  it('MEM-707 ended for a quiet transcript is not ended by its agent: a write goes on', async () => {
    await start('s')
    await test.deps.store.write(
      (tx) => tx.run("UPDATE sessions SET ended_at = '2026-01-01 00:00:00', ended_by = 'ingest'").changes,
    )
    expect((await save({ session_id: 's' })).session_id).toBe('s')
  })
})

describe('deleting', () => {
  it('MEM-407 refused while any observation points to it, even a soft-deleted one; then its prompts go along', async () => {
    const { id } = await save({ session_id: 's' })
    await test.engine.call('prompt.save', { ...place, session_id: 's', content: 'A prompt' })
    const deleteSession = () => test.engine.call('session.delete', { id: 's' })
    await expect(deleteSession()).rejects.toMatchObject({ code: 'session_has_observations', row: { http: 409 } })
    await test.engine.call('observation.delete', { id: id ?? 0 })
    await expect(deleteSession()).rejects.toMatchObject({ code: 'session_has_observations' })
    await test.engine.call('observation.delete', { id: id ?? 0, hard: true })
    expect(await deleteSession()).toEqual({ id: 's', prompts_deleted: 1 })
    await expect(test.engine.call('session.get', { id: 's' })).rejects.toMatchObject({ code: 'unknown_session' })
    const tombstones = test.deps.store.read((tx) =>
      tx.all('SELECT entity FROM tombstones ORDER BY entity').map((one) => (one as { entity: string }).entity),
    )
    expect(tombstones).toEqual(['observation', 'prompt', 'session'])
  })
})

describe('prompts', () => {
  const prompt = (more: Partial<Input<'prompt.save'>> = {}) =>
    test.engine.call('prompt.save', { ...place, session_id: 's', content: 'Do this', ...more })

  it('MEM-311 an inbox id is unique per session', async () => {
    const first = await prompt({ source_inbox_id: 'i1' })
    expect(await prompt({ source_inbox_id: 'i1', content: 'Do that' })).toMatchObject({
      id: first.id,
      status: 'repeated',
    })
    expect((await prompt({ source_inbox_id: 'i1', session_id: 't' })).status).toBe('saved')
    expect((await prompt()).status).toBe('saved')
    expect(await test.engine.call('prompt.list', { project: 'acme' })).toHaveLength(3)
  })

  it('MEM-311 a long prompt is cut and reported, a blank one refused', async () => {
    expect((await prompt({ content: 'w '.repeat(30_000) })).truncation).toEqual({
      original_bytes: 60_000,
      limit_bytes: 50_000,
      truncated: true,
    })
    await expect(prompt({ content: ' \0 ' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it.each<(saved: { id: number; sync_id: string }) => number | string>([
    (saved) => saved.id,
    (saved) => `#${saved.id}`,
    (saved) => saved.sync_id,
  ])('MEM-311 MEM-1205 deleting is hard and leaves a tombstone (%#)', async (reference) => {
    const saved = await prompt()
    expect(await test.engine.call('prompt.delete', { id: reference(saved) })).toMatchObject({ id: saved.id })
    expect(await test.engine.call('prompt.list', {})).toEqual([])
    await expect(test.engine.call('prompt.delete', { id: reference(saved) })).rejects.toMatchObject({
      code: 'not_found',
    })
    const tombstone = test.deps.store.read((tx) => tx.get('SELECT entity_key FROM tombstones'))
    expect(tombstone).toEqual({ entity_key: saved.sync_id })
  })
})
