import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, equals, fromBinary, toBinary, type DescMessage, type FileRegistry } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engramService, serviceNamed } from '../../src/server/grpc/contract.ts'
import { buf, folders, registryOf } from './grpc/buf.ts'
import { messageArbitrary } from './grpc/message-arbitrary.ts'

let kept: FileRegistry
let ours: FileRegistry
let changed: string
beforeAll(() => {
  kept = registryOf('kept')
  ours = registryOf('ours')
  changed = mkdtempSync(join(tmpdir(), 'engram-proto-'))
})
afterAll(() => rmSync(changed, { recursive: true, force: true }))

const messageOf = (registry: FileRegistry, name: string): DescMessage => {
  const found = registry.getMessage(`engram.v3.${name}`)
  if (found === undefined) throw new Error(`no message ${name}`)
  return found
}

describe('the contract beside the one that is kept', () => {
  it('COL-301 COL-C4 no change that breaks a program', () => {
    expect(buf('breaking', folders.ours, '--against', folders.kept)).toMatchObject({ status: 0, said: '' })
  })

  it.each([
    ['another number', 'bytes payload = 7;', 'bytes payload = 9;'],
    ['another type', 'string lock_id = 4;', 'bytes lock_id = 4;'],
    ['another name', '  FILE_CHANGE = 5;', '  FILE_EDIT = 5;'],
    ['a call less', /^ {2}rpc GetWorkUnit.*$/m, ''],
  ])('COL-301 COL-C4 would be found: %s', (_name, was, becomes) => {
    const text = readFileSync('proto/engram.proto', 'utf8')
    expect(text.replace(was, becomes)).not.toBe(text)
    writeFileSync(join(changed, 'engram.proto'), text.replace(was, becomes))
    expect(buf('breaking', changed, '--against', folders.kept).status).not.toBe(0)
  })

  it('COL-301 COL-C4 is written as such contracts are, but for the listed exceptions', () => {
    expect(buf('lint', folders.ours)).toMatchObject({ status: 0, said: '' })
  })

  it('COL-303 what is ours has numbers from 20 on', () => {
    for (const { name, fields } of messagesOf(kept)) {
      const known = new Set(fields.map(({ number }) => number))
      const added = messageOf(ours, name).fields.filter(({ number }) => !known.has(number))
      expect(added.filter(({ number }) => number < 20)).toEqual([])
    }
  })
})

const messagesOf = (registry: FileRegistry): readonly DescMessage[] =>
  [...registry].filter((one): one is DescMessage => one.kind === 'message' && one.typeName.startsWith('engram.v3.'))

/** Requests and answers as the server reads and writes them. */
type Coding = { readonly read: (bytes: Buffer) => object; readonly write: (message: object) => Buffer }
const codings: ReadonlyMap<string, Coding> = new Map(
  Object.entries(serviceNamed(engramService)).flatMap(([name, call]): [string, Coding][] => [
    [`${name}Request`, { read: call.requestDeserialize, write: call.requestSerialize }],
    [`${name}Response`, { read: call.responseDeserialize, write: call.responseSerialize }],
  ]),
)

describe('bytes of other programs', () => {
  it.each([...codings.keys()])('COL-C4 %s of a program of the Go server is read and written as it was', (name) => {
    const message = messageOf(kept, name)
    const coding = codings.get(name)
    if (coding === undefined) throw new Error(`no call has a ${name}`)
    fc.assert(
      fc.property(messageArbitrary(message), (members) => {
        const sent = create(message, members)
        const read = coding.read(Buffer.from(toBinary(message, sent)))
        expect(equals(message, fromBinary(message, coding.write(read)), sent)).toBe(true)
      }),
    )
  })

  it.each([...codings.keys()])('COL-306 COL-C4 what such a program does not know of a %s it can hand on', (name) => {
    const [known, whole] = [messageOf(kept, name), messageOf(ours, name)]
    fc.assert(
      fc.property(messageArbitrary(whole), (members) => {
        const sent = create(whole, members)
        const handedOn = toBinary(known, fromBinary(known, toBinary(whole, sent)))
        expect(equals(whole, fromBinary(whole, handedOn), sent)).toBe(true)
      }),
    )
  })
})
