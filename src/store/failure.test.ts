import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { EngramError } from '../model/errors.ts'
import { Connection } from './driver.ts'
import { isDistrusted, storageFailure } from './failure.ts'
import { isVersionAtLeast } from './open-database.ts'

const directory = mkdtempSync(join(tmpdir(), 'failure-'))
const path = join(directory, 'engram.db')
writeFileSync(path, '')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A real error of the driver, given another code. */
function sqlite(code: string): Error {
  const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
  try {
    connection.exec('not SQL')
    throw new Error('That should have failed.')
  } catch (error) {
    return Object.assign(error as Error, { code })
  } finally {
    connection.close()
  }
}

const node = (code: string): Error => Object.assign(new Error('it said no'), { code })

describe('failures of the ground', () => {
  it.each([
    [sqlite('SQLITE_FULL'), 'storage_full'],
    [sqlite('SQLITE_IOERR'), 'storage_failed'],
    [sqlite('SQLITE_IOERR_FSYNC'), 'storage_failed'],
    [sqlite('SQLITE_IOERR_WRITE'), 'storage_failed'],
    [sqlite('SQLITE_READONLY'), 'read_only'],
    [sqlite('SQLITE_READONLY_DIRECTORY'), 'read_only'],
    [sqlite('SQLITE_READONLY_DBMOVED'), 'database_generation_changed'],
    [sqlite('SQLITE_PERM'), 'read_only'],
    [sqlite('SQLITE_NOTADB'), 'not_a_database'],
    [sqlite('SQLITE_CORRUPT'), 'database_corrupt'],
    [sqlite('SQLITE_CORRUPT_VTAB'), 'database_corrupt'],
    [sqlite('SQLITE_BUSY'), 'storage_busy'],
    [sqlite('SQLITE_BUSY_RECOVERY'), 'storage_busy'],
    [sqlite('SQLITE_LOCKED'), 'storage_busy'],
    [sqlite('SQLITE_CANTOPEN'), 'storage_failed'],
    [sqlite('SQLITE_NOMEM'), 'storage_failed'],
    [sqlite('SQLITE_TOOBIG'), 'payload_too_large'],
    [sqlite('SQLITE_CONSTRAINT_UNIQUE'), 'internal'],
    [sqlite('SQLITE_ERROR'), 'internal'],
    [node('ENOSPC'), 'storage_full'],
    [node('EDQUOT'), 'storage_full'],
    [node('EACCES'), 'read_only'],
    [node('EROFS'), 'read_only'],
    [node('EPERM'), 'read_only'],
    [node('EMFILE'), 'storage_failed'],
    [node('EIO'), 'storage_failed'],
    [node('ENOTDIR'), 'storage_failed'],
  ])('S1–S3 %s is %s', (error, code) => {
    const failure = storageFailure(error, path)
    expect(failure).toBeInstanceOf(EngramError)
    expect(failure).toMatchObject({ code, cause: error, details: { path } })
  })

  it.each([
    new Error('mine'),
    new TypeError('mine'),
    node('ERR_INVALID_ARG'),
    'text',
    undefined,
    new EngramError('not_found', 'x'),
  ])('S2 what a callback throws of its own comes back as it was: %s', (error) => {
    expect(storageFailure(error, path)).toBe(error)
  })

  it('S2 only failures of the disk cost the connection', () => {
    expect(['SQLITE_IOERR_FSYNC', 'SQLITE_FULL', 'SQLITE_BUSY'].map((code) => isDistrusted(sqlite(code)))).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('versions', () => {
  it.each([
    ['3.51.3', true],
    ['3.51.2', false],
    ['3.52', true],
    ['3.9.9', false],
    ['4', true],
    ['3.51', false],
    ['3.51.10', true],
  ])('P6 %s against 3.51.3: %s', (version, isEnough) => {
    expect(isVersionAtLeast(version, '3.51.3')).toBe(isEnough)
  })
})
