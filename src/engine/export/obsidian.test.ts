import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestEngine, type TestEngine } from '../testing/test-engine.ts'

let test: TestEngine
let vault: string

beforeEach(() => {
  test = openTestEngine()
  vault = join(test.directory, 'vault')
  mkdirSync(vault)
  writeFileSync(join(vault, 'own.md'), 'a note of the person')
})

afterEach(() => test.close())

const save = (title: string, more: Readonly<Record<string, string>> = {}) =>
  test.engine.call('observation.save', {
    title,
    content: `About ${title}.`,
    project: 'acme',
    type: 'decision',
    session_id: 's1',
    ...more,
  })

const exportNotes = (more: Readonly<Record<string, unknown>> = {}) =>
  test.engine.call('project.export-obsidian', { vault, project: 'acme', ...more })

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort()

describe('notes for a vault', () => {
  it('MEM-1403 writes notes, session and topic hubs, and only below engram/', async () => {
    await save('Größe der Tabelle', { topic_key: 'architecture/table' })
    await save('日本語の題', { topic_key: 'architecture/names' })
    await save('Alone', { topic_key: 'bug/alone' })
    expect(await exportNotes()).toMatchObject({ written: 5, unchanged: 0, removed: 0 })
    expect(filesBelow(join(vault, 'engram'))).toEqual([
      '.engram-sync-state.json',
      '_sessions/s1.md',
      '_topics/architecture.md',
      'acme/decision/alone-3.md',
      'acme/decision/größe-der-tabelle-1.md',
      'acme/decision/日本語の題-2.md',
    ])
    expect(readFileSync(join(vault, 'own.md'), 'utf8')).toBe('a note of the person')
  })

  it('MEM-1403 every link names a file that exists', async () => {
    await save('One [with] brackets | and bars', { topic_key: 'a/one' })
    await save('Two\nlines', { topic_key: 'a/two' })
    await exportNotes()
    const root = join(vault, 'engram')
    const files = filesBelow(root)
    const links = files.flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/\[\[([^\]|]+)\|/g)].map((match) => `${match[1]}.md`),
    )
    expect(links.length).toBeGreaterThan(4)
    for (const link of links) expect(files).toContain(link)
  })

  it('MEM-1403 untouched files stay untouched, changed ones are written, removed ones go', async () => {
    await save('Stays')
    const gone = await save('Goes')
    await exportNotes()
    const path = join(vault, 'engram/acme/decision/stays-1.md')
    const before = statSync(path, { bigint: true }).mtimeNs
    await test.engine.call('observation.delete', { id: gone.sync_id })
    expect(await exportNotes()).toMatchObject({ unchanged: 1, removed: 1 })
    expect(statSync(path, { bigint: true }).mtimeNs).toBe(before)
    expect(await exportNotes({ force: true })).toMatchObject({ unchanged: 0 })
  })

  it('MEM-1403 an export of one project leaves the notes of others, and pages they share name both', async () => {
    await save('Of acme', { topic_key: 'area/one' })
    await save('Of beta', { topic_key: 'area/two', project: 'beta' })
    await exportNotes({ project: undefined, all_projects: true })
    const root = join(vault, 'engram')
    const before = filesBelow(root)
    const page = readFileSync(join(root, '_topics/area.md'), 'utf8')
    expect(page).toMatch(/of-acme-1[^]*of-beta-2/)
    expect(await exportNotes({ project: 'beta' })).toEqual({ written: 0, unchanged: 3, removed: 0, files: [] })
    expect([filesBelow(root), readFileSync(join(root, '_topics/area.md'), 'utf8')]).toEqual([before, page])
    await test.engine.call('observation.update', { id: 1, title: 'Called anew' })
    await test.engine.call('observation.delete', { id: 2 })
    expect(await exportNotes({ project: 'beta' })).toMatchObject({ removed: 3 })
    expect(filesBelow(root)).toContain('acme/decision/of-acme-1.md')
    await test.engine.call('observation.delete', { id: 1 })
    await save('Later')
    expect(await exportNotes({ since: '1h' })).toMatchObject({ removed: 0 })
    expect(await exportNotes()).toMatchObject({ removed: 1 })
  })

  it('MEM-1403 a state file that was edited leads nowhere outside', async () => {
    await save('One')
    await exportNotes()
    const state = { files: { '../own.md': 'x', '/etc/passwd.md': 'x', 'a/../../own.md': 'x' }, version: 1 }
    writeFileSync(join(vault, 'engram/.engram-sync-state.json'), JSON.stringify(state))
    expect(await exportNotes()).toMatchObject({ removed: 0 })
    expect(readFileSync(join(vault, 'own.md'), 'utf8')).toBe('a note of the person')
  })

  it('MEM-1703 personal memories are not exported; front matter cannot be broken out of', async () => {
    await save('Mine', { scope: 'personal' })
    await save('---\nevil: true\n---')
    await exportNotes()
    const files = filesBelow(join(vault, 'engram'))
    expect(files.join(' ')).not.toContain('mine')
    const note = readFileSync(join(vault, 'engram', files.find((file) => file.includes('evil')) ?? ''), 'utf8')
    expect(note.split('\n').filter((line) => line === '---')).toHaveLength(3)
  })

  it('MEM-1403 a vault that is no folder is refused', async () => {
    await save('One')
    await expect(exportNotes({ vault: join(vault, 'none') })).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
