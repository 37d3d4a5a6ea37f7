import { describe, expect, it } from 'vitest'
import { networkFilesystemOf, networkKindOf } from './filesystem-kind.ts'

describe('kinds of file systems', () => {
  it.each([
    [0x6969, 'NFS'],
    [0x517b, 'SMB'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 | 0, 'CIFS'],
    [0xfe534d42, 'SMB2'],
    [0xef53, null],
    [0x01021994, null],
    [0, null],
  ])('MEM-107 type %i is %s', (type, kind) => {
    expect(networkKindOf(type)).toBe(kind)
  })

  it('MEM-107 a directory that is not there yet is judged by its nearest parent', () => {
    const asked: string[] = []
    const kind = networkFilesystemOf('/net/home/me/.engram', (path) => {
      asked.push(path)
      if (path !== '/net') throw Object.assign(new Error('none'), { code: 'ENOENT' })
      return 0x6969
    })
    expect({ kind, asked }).toEqual({
      kind: 'NFS',
      asked: ['/net/home/me/.engram', '/net/home/me', '/net/home', '/net'],
    })
  })

  it('MEM-107 this machine’s temporary directory is local', () => {
    expect(networkFilesystemOf('/tmp/not-there')).toBeNull()
  })
})
