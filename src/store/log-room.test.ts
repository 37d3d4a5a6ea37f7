import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesFreeBeside } from '../platform/database-files.ts'
import { Connection } from './driver.ts'
import { makeLogReady } from './log-room.ts'

const wanted = 3 * 1024 * 1024 + 5
const open = (): Connection => Connection.open(path, { access: 'read-write', busyTimeoutMs: 2_000 })

let path = ''
let connection: Connection
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'log-room-')), 'a.db')
  writeFileSync(path, '')
  connection = open()
  for (const pragma of ['journal_mode = WAL', 'wal_autocheckpoint = 0']) connection.pragma(pragma)
  connection.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, text)')
})
afterEach(() => {
  connection.close()
  rmSync(join(path, '..'), { recursive: true })
})

const logBytes = (): number => statSync(`${path}-wal`).size
const write = (text: string): unknown => connection.run('INSERT INTO entry (text) VALUES (?)', [text])
const texts = (by: Connection): unknown => by.all<{ text: string }>('SELECT text FROM entry').map(({ text }) => text)

describe('room for the log', () => {
  it('MEM-103 the log is so long at once, holds what it held, and takes what comes without growing', () => {
    write('before')
    const held = readFileSync(`${path}-wal`)
    makeLogReady(connection, path, wanted)
    expect(logBytes()).toBe(wanted)
    expect(readFileSync(`${path}-wal`).subarray(0, held.length).equals(held)).toBe(true)
    write('after')
    expect(logBytes()).toBe(wanted)
    const other = open()
    expect(texts(other)).toEqual(['before', 'after'])
    other.close()
  })

  it('C1 one that reads the log anew, as after a crash, finds what was written and stops at the zeros', () => {
    makeLogReady(connection, path, wanted)
    write('kept')
    const copy = mkdtempSync(join(tmpdir(), 'log-room-copy-'))
    try {
      const crashed = join(copy, 'a.db')
      for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${crashed}${end}`)
      const again = Connection.open(crashed, { access: 'read-write', busyTimeoutMs: 0 })
      expect([texts(again), again.pragma('integrity_check')]).toEqual([['kept'], 'ok'])
      again.close()
    } finally {
      rmSync(copy, { recursive: true })
    }
  })

  it('MEM-103 beside a writer it waits for nobody and changes nothing', () => {
    const writer = open()
    writer.run('BEGIN IMMEDIATE')
    const [before, fromMs] = [logBytes(), performance.now()]
    makeLogReady(connection, path, wanted)
    expect(logBytes()).toBe(before)
    expect(performance.now() - fromMs).toBeLessThan(1_000)
    expect(Number(connection.pragma('busy_timeout'))).toBe(2_000)
    writer.run('ROLLBACK')
    writer.close()
  })

  it('MEM-103 more than a sixteenth of what is free is not taken', () => {
    const before = logBytes()
    makeLogReady(connection, path, Math.ceil(bytesFreeBeside(path) / 16) + 2 ** 26)
    expect(logBytes()).toBe(before)
  })
})
