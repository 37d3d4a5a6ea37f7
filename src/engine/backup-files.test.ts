import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMachine, type Machine } from './testing/machine.ts'
import { migrations } from '../store/migrations/index.ts'
import { Store } from '../store/store.ts'
import { backupFileHandlers as handlers } from './backup-files.ts'
import { prepareSave, saveObservation } from './save.ts'

let here: Machine
beforeEach(async () => {
  here = await openMachine(1)
})
afterEach(() => here.close())

const save = (content: string): Promise<unknown> =>
  here.store.write((tx) => {
    const place = {
      project: 'acme',
      source: 'explicit_override' as const,
      path: '',
      available: [],
      known: true,
      warnings: [],
    }
    const context = { place, sessionId: 's', directory: '', agentPid: undefined, strict: false }
    return saveObservation(tx, here.deps, prepareSave(here.deps, { title: 't', content }), context)
  })

const texts = (store: Store): readonly string[] =>
  store.read((tx) =>
    tx.all<{ content: string }>('SELECT content FROM observations ORDER BY id').map((row) => row.content),
  )

describe('copies of the file', () => {
  it('MEM-1004 a copy is whole, listed, and verifies', async () => {
    await save('first')
    const made = await handlers['backup.create'](here.deps, {}, {})
    const second = await handlers['backup.create'](here.deps, {}, {})
    expect(second.path).not.toBe(made.path)
    expect((await handlers['backup.list'](here.deps, {}, {})).map((file) => file.path).sort()).toEqual(
      [made.path, second.path].sort(),
    )
    expect(await handlers['backup.verify'](here.deps, { path: made.path }, {})).toMatchObject({
      path: made.path,
      schema: here.store.stats().schema,
      ok: true,
      problems: [],
    })
  })

  it('MEM-1004 nothing that lies there is overwritten', async () => {
    const path = join(here.deps.dataDir, 'mine.db')
    writeFileSync(path, 'mine')
    await expect((async () => handlers['backup.create'](here.deps, { path }, {}))()).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it.each([
    ['no database', 'this is text, and long enough to be looked at'],
    ['an empty file', ''],
  ])('MEM-1004 %s does not verify and is not restored', async (_name, bytes) => {
    const path = join(here.deps.dataDir, 'broken.db')
    writeFileSync(path, bytes)
    expect((await handlers['backup.verify'](here.deps, { path }, {})).ok).toBe(false)
    await expect(
      (async () => handlers['backup.restore'](here.deps, { path, confirmed: true }, {}))(),
    ).rejects.toMatchObject({ code: 'database_corrupt' })
    await save('still here')
    expect(texts(here.store)).toEqual(['still here'])
  })

  it('MEM-1004 restoring asks first, then puts the copy in place and keeps what was there', async () => {
    await save('first')
    const { path } = await handlers['backup.create'](here.deps, {}, {})
    await save('second')
    await expect((async () => handlers['backup.restore'](here.deps, { path }, {}))()).rejects.toMatchObject({
      code: 'confirmation_required',
    })
    const restored = await handlers['backup.restore'](here.deps, { path, confirmed: true }, {})
    expect(restored.restored_from).toBe(path)
    expect(existsSync(restored.previous)).toBe(true)
    const anew = Store.open({
      dataDir: here.deps.dataDir,
      migrations,
      clock: here.deps.clock,
      random: { hex: () => 'aa' },
    })
    expect(texts(anew)).toEqual(['first'])
    await anew.close()
    expect((await handlers['backup.verify'](here.deps, { path: restored.previous }, {})).ok).toBe(true)
  })

  it('MEM-1004 a database that somebody else has open is left alone', async () => {
    await save('first')
    const { path } = await handlers['backup.create'](here.deps, {}, {})
    await save('second')
    const other = Store.open({
      dataDir: here.deps.dataDir,
      migrations,
      clock: here.deps.clock,
      random: { hex: () => 'bb' },
    })
    expect(texts(other)).toHaveLength(2)
    await expect(
      (async () => handlers['backup.restore'](here.deps, { path, confirmed: true }, {}))(),
    ).rejects.toMatchObject({ code: 'database_in_use' })
    expect(texts(other)).toHaveLength(2)
    await other.close()
  })
})
