import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
beforeEach(() => {
  test = openTestEngine()
})
afterEach(() => test.close())

let texts = 0
const save = (project: string, more: Partial<Input<'observation.save'>> = {}) =>
  test.engine.call('observation.save', { project, title: `T${++texts}`, content: `Content ${texts}`, ...more })
const prompt = (project: string, session_id = `s-${project}`) =>
  test.engine.call('prompt.save', { project, session_id, content: `Prompt ${++texts}` })
const list = () => test.engine.call('project.list', {})
const names = async (): Promise<string[]> => (await list()).map((one) => one.name)
const titles = async (project: string) =>
  (await test.engine.call('observation.list', { project })).map((one) => one.title)
const merge = (from: string[], to: string, more: Partial<Input<'project.merge'>> = {}) =>
  test.engine.call('project.merge', { from, to, ...more })
const codes = (saved: { readonly warnings: readonly { readonly code: string }[] }): string[] =>
  saved.warnings.map((one) => one.code)
const tombstones = (): { entity: string; project: string | null }[] =>
  test.deps.store.read((tx) => tx.all('SELECT entity, project FROM tombstones ORDER BY entity'))

describe('names', () => {
  it.each([
    ['acme', 'acme', []],
    ['Acme', 'acme', ['project_normalized']],
    [' ac--me ', 'ac-me', ['project_normalized']],
    ['/home/user/code/Acme/', 'acme', ['project_reduced']],
    ['C:\\work\\acme', 'acme', ['project_reduced']],
    ['.acme', 'acme', ['project_reduced']],
  ])('MEM-801 MEM-803 %s is filed under %s', async (given, name, told) => {
    const saved = await save(given)
    expect(saved.project).toBe(name)
    expect(codes(saved).filter((code) => code !== 'project_created')).toEqual(told)
  })

  it.each(['my-app', 'MY_APP', 'my__app', 'myapp'])('MEM-805 %s means the one known name', async (given) => {
    await save('my_app')
    const saved = await save(given)
    expect([saved.project, codes(saved)]).toEqual(['my_app', ['project_normalized']])
  })

  it('MEM-801 where both are known, - is never _', async () => {
    await test.deps.store.write((tx) => {
      for (const name of ['my-app', 'my_app']) {
        tx.run(`INSERT INTO projects (name, created_at) VALUES (?, '2026-01-01 00:00:00')`, name)
      }
    })
    await save('my-app', { title: 'dash' })
    await save('my_app', { title: 'underscore' })
    expect([await titles('my-app'), await titles('my_app')]).toEqual([['dash'], ['underscore']])
  })

  it('ING-CMD-4 percent-encoded names are decoded, unless a project is literally called so', async () => {
    await save('my project', { title: 'spaced' })
    await save('größe', { title: 'size' })
    expect(await titles('my%20project')).toEqual(['spaced'])
    expect(await titles('gr%C3%B6%C3%9Fe')).toEqual(['size'])
    expect((await save('100%25')).project).toBe('100%')
    await test.deps.store.write((tx) =>
      tx.run(`INSERT INTO projects (name, created_at) VALUES ('my%20project', '2026-01-01 00:00:00')`),
    )
    expect((await save('my%20project', { title: 'literal' })).project).toBe('my%20project')
    expect(await titles('my%20project')).toEqual(['literal'])
    expect((await save('50%')).project).toBe('50%')
  })

  it.each<(project: string) => Promise<unknown>>([
    (project) => test.engine.call('observation.list', { project }),
    (project) => test.engine.call('prompt.list', { project }),
    (project) => test.engine.call('session.list', { project }),
    (project) => test.engine.call('memory.context', { project }),
    (project) => test.engine.call('memory.recall', { project }),
    (project) => test.engine.call('memory.lookup', { project, query: 'x' }),
    (project) => test.engine.call('memory.stats', { project }),
    (project) => test.engine.call('project.export', { project, format: 'markdown' }),
    (project) => test.engine.call('doctor.report', { project }),
    (project) => test.engine.call('project.delete', { project }),
    (project) => test.engine.call('memory.forget', { project }),
  ])('MEM-806 reading an unknown project lists the known and the similar ones (%#)', async (read) => {
    await save('acme-web')
    await save('billing')
    await expect(read('acme-wed')).rejects.toMatchObject({
      code: 'unknown_project',
      row: { http: 404, exit: 5 },
      details: { project: 'acme-wed', available_projects: ['acme-web', 'billing'], similar: ['acme-web'] },
      hint: 'Did you mean acme-web?',
    })
  })

  it('MEM-806 a directory whose project holds nothing yet is simply empty; one name and all at once is refused', async () => {
    const directory = join(test.directory, 'empty')
    mkdirSync(directory)
    expect(await test.engine.call('observation.list', { directory })).toEqual([])
    const both = test.engine.call('observation.list', { project: 'acme', all_projects: true })
    await expect(both).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('MEM-804 explicit, then the session’s, then the process’s, then the directory’s', async () => {
    const directory = join(test.directory, 'here')
    mkdirSync(directory)
    await test.engine.call('session.start', { id: 's', project: 'owned' })
    const all = { project: 'named', session_id: 's', project_override: 'process', directory }
    const order: readonly (readonly [keyof typeof all, string, string])[] = [
      ['project', 'named', 'explicit_override'],
      ['session_id', 'owned', 'session_project'],
      ['project_override', 'process', 'process_override'],
      ['directory', 'here', 'dir_basename'],
    ]
    for (const [index, [, project, project_source]] of order.entries()) {
      const given = Object.fromEntries(order.slice(index).map(([key]) => [key, all[key]]))
      const saved = await test.engine.call('observation.save', { content: `Content ${++texts}`, ...given })
      expect(saved).toMatchObject({ project, project_source })
    }
  })
})

describe('merging', () => {
  it('MEM-807 moves observations, sessions and prompts; the old name leads to the new one from then on', async () => {
    await save('my_app', { title: 'new' })
    await test.deps.store.write((tx) =>
      tx.run(`INSERT INTO projects (name, created_at) VALUES ('my-app', '2026-01-01 00:00:00')`),
    )
    await save('my-app', { title: 'old' })
    const gone = await save('my-app')
    await test.engine.call('observation.delete', { id: gone.id ?? 0 })
    await prompt('my-app')
    const counts = { observations: 2, sessions: 2, prompts: 1 }
    expect(await merge(['my-app'], 'my_app', { dry_run: true })).toEqual({
      from: ['my-app'],
      to: 'my_app',
      dry_run: true,
      ...counts,
    })
    expect(await titles('my-app')).toEqual(['old'])
    expect(await merge(['my-app'], 'my_app')).toEqual({ from: ['my-app'], to: 'my_app', dry_run: false, ...counts })
    expect((await titles('my_app')).sort()).toEqual(['new', 'old'])
    expect(await titles('my-app')).toEqual(await titles('my_app'))
    const late = await save('my-app', { title: 'late' })
    expect([late.project, codes(late)]).toEqual(['my_app', []])
    expect((await prompt('my-app', 's-late')).project).toBe('my_app')
    expect((await test.engine.call('session.start', { id: 'late', project: 'my-app' })).project).toBe('my_app')
    expect(await list()).toMatchObject([{ name: 'my_app', aliases: ['my-app'] }])
  })

  it('MEM-403 a relation is listed where the observation it starts from is filed', async () => {
    await save('acme', { title: 'Parser cache rule' })
    const { id } = await save('acme', { title: 'Parser cache rule again' })
    const listed = async (project: string) => (await test.engine.call('relation.list', { project })).total
    await save('beta')
    expect([await listed('acme'), await listed('beta')]).toEqual([1, 0])
    await test.engine.call('observation.move', { ids: [id ?? 0], to: 'beta' })
    expect([await listed('acme'), await listed('beta')]).toEqual([0, 1])
    await test.engine.call('observation.update', { id: id ?? 0, project: 'acme', expected_project: 'beta' })
    expect([await listed('acme'), await listed('beta')]).toEqual([1, 0])
  })

  it('MEM-807 a merge is a version of every observation, so that it travels', async () => {
    const { id } = await save('old')
    await merge(['old'], 'new', { force: true })
    const { versions } = await test.engine.call('observation.history', { id: id ?? 0 })
    expect(versions.map((one) => one.project)).toEqual(['old'])
  })

  it('MEM-807 strangers need force; nothing goes into inbox', async () => {
    await save('acme')
    await save('billing')
    await expect(merge(['billing'], 'acme')).rejects.toMatchObject({ code: 'project_name_collision' })
    for (const force of [true, false]) {
      await expect(merge(['acme'], 'inbox', { force })).rejects.toMatchObject({ code: 'invalid_project' })
    }
    const rename = test.engine.call('project.migrate', { old_project: 'acme', new_project: 'Inbox' })
    await expect(rename).rejects.toMatchObject({ code: 'invalid_project' })
    expect(await merge(['billing'], 'acme', { force: true })).toMatchObject({ observations: 1 })
  })

  it('MEM-807 merging back makes the old name the project again', async () => {
    await save('a', { title: 'one' })
    await merge(['a'], 'b', { force: true })
    await merge(['b'], 'a', { force: true })
    expect(await list()).toMatchObject([{ name: 'a', aliases: ['b'], observation_count: 1 }])
    expect((await save('b')).project).toBe('a')
  })

  it('MEM-807 a chain of twenty merges leads to its end', async () => {
    await save('p0')
    for (let index = 0; index < 20; index++) await merge([`p${index}`], `p${index + 1}`, { force: true })
    expect((await save('p0')).project).toBe('p20')
    expect((await list())[0]?.aliases).toHaveLength(20)
  })

  it('MEM-807 merging a name into itself, or one nobody knows, moves nothing', async () => {
    await save('acme')
    expect(await merge(['acme', 'ACME'], 'acme')).toMatchObject({ from: [], observations: 0 })
    expect(await merge(['ac-me'], 'acme')).toMatchObject({ from: ['ac-me'], observations: 0, sessions: 0 })
    expect(await titles('acme')).toHaveLength(1)
  })

  it('MEM-807 tombstones of the old name are told under the new one, after what was told before', async () => {
    const { id } = await save('old')
    await test.engine.call('observation.delete', { id: id ?? 0, hard: true })
    const seq = () =>
      test.deps.store.read((tx) => tx.get<{ n: number }>('SELECT max(change_seq) AS n FROM tombstones')?.n ?? 0)
    const before = seq()
    await merge(['old'], 'new', { force: true })
    expect(tombstones()).toEqual([{ entity: 'observation', project: 'new' }])
    expect(seq()).toBeGreaterThan(before)
  })

  it('MEM-1303 a rename as v1.14 asks for it says when there was nothing to do', async () => {
    await save('old')
    const migrate = (old_project: string, new_project: string) =>
      test.engine.call('project.migrate', { old_project, new_project })
    expect(await migrate('old', 'new')).toMatchObject({ status: 'migrated', observations: 1, sessions: 1, prompts: 0 })
    expect(await migrate('old', 'new')).toMatchObject({ status: 'skipped', reason: 'no records found' })
    expect(await migrate('new', 'NEW')).toMatchObject({ status: 'skipped', reason: 'the names are the same' })
  })

  it('MEM-807 names that are likely one project are proposed as groups', async () => {
    await test.deps.store.write((tx) => {
      for (const name of ['my-app', 'my_app', 'billing']) {
        tx.run(`INSERT INTO projects (name, created_at) VALUES (?, '2026-01-01 00:00:00')`, name)
      }
    })
    await save('my_app')
    expect(await test.engine.call('project.consolidate', {})).toMatchObject([
      { canonical: 'my_app', names: ['my-app'] },
    ])
  })
})

describe('deleting and pruning', () => {
  it('MEM-407 soft: observations are hidden and can come back, prompts are gone', async () => {
    const { id } = await save('acme')
    await prompt('acme')
    expect(await test.engine.call('project.delete', { project: 'acme' })).toEqual({
      project: 'acme',
      observations_deleted: 1,
      prompts_deleted: 1,
      sessions_deleted: 0,
      hard_delete: false,
    })
    expect(await titles('acme')).toEqual([])
    await test.engine.call('observation.restore', { id: id ?? 0 })
    expect(await titles('acme')).toHaveLength(1)
    expect(tombstones().map((one) => one.entity)).toEqual(['prompt'])
  })

  it('MEM-407 hard: observations for ever, sessions left empty, the name; nothing of other projects', async () => {
    await save('acme', { session_id: 'mine' })
    const gone = await save('acme', { session_id: 'mine' })
    await test.engine.call('observation.delete', { id: gone.id ?? 0 })
    await test.engine.call('session.start', { id: 'both', project: 'acme' })
    await save('acme', { session_id: 'both' })
    await save('beta', { session_id: 'both' })
    const deleted = await test.engine.call('project.delete', { project: 'acme', hard: true })
    expect(deleted).toMatchObject({ observations_deleted: 3, sessions_deleted: 1, hard_delete: true })
    expect(await titles('beta')).toHaveLength(1)
    expect(tombstones().map((one) => one.entity)).toEqual(['observation', 'observation', 'observation', 'session'])
  })

  it('MEM-407 only projects without a live observation are pruned, never one somebody works in', async () => {
    await save('full')
    await prompt('prompts')
    const { id } = await save('deleted')
    await test.engine.call('observation.delete', { id: id ?? 0 })
    await test.engine.call('session.start', { id: 'busy', project: 'busy' })
    const prune = (apply: boolean) => test.engine.call('project.prune', { apply })
    expect(await prune(false)).toMatchObject({ dry_run: true, projects: ['deleted'] })
    test.clock.advance(3_600_000)
    const preview = await prune(false)
    expect(preview).toEqual({
      dry_run: true,
      projects: ['busy', 'deleted', 'prompts'],
      removed: [
        { project: 'busy', observations: 0, sessions: 1, prompts: 0 },
        { project: 'deleted', observations: 1, sessions: 1, prompts: 0 },
        { project: 'prompts', observations: 0, sessions: 1, prompts: 1 },
      ],
    })
    expect((await names()).sort()).toEqual(['busy', 'deleted', 'full', 'prompts'])
    expect(await prune(true)).toEqual({ ...preview, dry_run: false })
    expect(await names()).toEqual(['full'])
  })
})

describe('pruning', () => {
  it('MEM-407 a preview counts what goes: not the session that records of another project stand in', async () => {
    await test.engine.call('session.start', { id: 'both', project: 'gone' })
    const { id } = await save('gone', { session_id: 'both' })
    await save('full', { session_id: 'both' })
    await test.engine.call('observation.delete', { id: id ?? 0 })
    test.clock.advance(3_600_000)
    const removed = [{ project: 'gone', observations: 1, sessions: 0, prompts: 0 }]
    expect(await test.engine.call('project.prune', {})).toMatchObject({ removed })
    expect(await test.engine.call('project.prune', { apply: true })).toMatchObject({ removed })
  })
})

describe('listing', () => {
  it('ING-CMD-4 every project memory knows, whatever made it, most observations first', async () => {
    await save('few')
    await save('many', { directory: '/srv/many' })
    await save('many', { session_id: 'x', directory: '/srv/other/' })
    await prompt('prompts')
    await test.engine.call('session.start', { id: 's', project: 'sessions', directory: '/srv/s' })
    // As a record that arrives may leave it.
    await test.deps.store.write((tx) => tx.run(`DELETE FROM projects WHERE name = 'few'`))
    expect((await list()).map((one) => [one.name, one.observation_count, one.session_count, one.prompt_count])).toEqual(
      [
        ['many', 2, 2, 0],
        ['few', 1, 1, 0],
        ['prompts', 0, 1, 1],
        ['sessions', 0, 1, 0],
      ],
    )
    expect((await list())[0]?.directories).toEqual(['/srv/other'])
  })
})

describe('rescuing and naming', () => {
  it('MEM-808 rows no project owns are given to one; rows of others are named and left', async () => {
    const unowned = await test.engine.call('observation.save', { content: 'Unowned' })
    const theirs = await save('beta')
    const asked = await test.engine.call('prompt.save', { content: 'Unowned prompt' })
    const input = {
      target_project: 'Acme',
      session_ids: ['manual-save', 'unknown'],
      observation_ids: [`#${unowned.id}`, theirs.sync_id],
      prompt_ids: [asked.sync_id],
    }
    expect(await test.engine.call('project.rescue', input)).toMatchObject({
      status: 'partially_rescued',
      target_project: 'acme',
      rescued_observations: 1,
      rescued_sessions: 1,
      rescued_prompts: 1,
      conflicting_records: 1,
      blocked: [
        { kind: 'session', id: 'unknown', reason: 'not_found', owned_by: '' },
        { kind: 'observation', id: theirs.sync_id, reason: 'owned_by_other_project', owned_by: 'beta' },
      ],
    })
    const again = await test.engine.call('project.rescue', {
      target_project: 'acme',
      observation_ids: [unowned.id ?? 0],
    })
    expect(again).toMatchObject({ status: 'rescued', skipped_records: 1, rescued_observations: 0 })
  })

  it('MEM-809 init writes the name once, and refuses to replace another', async () => {
    const directory = join(test.directory, 'Acme')
    mkdirSync(directory)
    const path = join(directory, '.engram', 'config.json')
    const init = (more: object = {}) => test.engine.call('project.init', { directory, ...more })
    expect(await init()).toEqual({ path, project: 'acme', written: true })
    expect(readFileSync(path, 'utf8')).toBe('{"project_name":"acme"}\n')
    writeFileSync(path, '{\n  "project_name": "acme"\n}')
    expect(await init()).toEqual({ path, project: 'acme', written: false })
    await expect(init({ name: 'other' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await init({ name: 'Other', force: true })).toMatchObject({ project: 'other', written: true })
    const nowhere = join(test.directory, 'nowhere')
    await expect(test.engine.call('project.init', { directory: nowhere })).rejects.toMatchObject({ code: 'not_found' })
    expect(existsSync(nowhere)).toBe(false)
  })
})
