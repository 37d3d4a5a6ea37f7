import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../platform/bytes.ts'
import { ancestorsOf, childAncestors, fingerprintOf, versionOf, type VersionedFields } from './version.ts'

const fields: VersionedFields = {
  session_id: 'session-1',
  type: 'decision',
  title: 'One <door>',
  content: 'All routes & one check',
  tool_name: null,
  project: 'acme',
  scope: 'project',
  topic_key: null,
  review_after: null,
  expires_at: null,
  deleted: false,
}

describe('version', () => {
  it('MEM-501 the fingerprint is over the Go-JSON of the fields, in their order', () => {
    const json =
      '{"session_id":"session-1","type":"decision","title":"One \\u003cdoor\\u003e","content":"All routes \\u0026 one check",' +
      '"tool_name":null,"project":"acme","scope":"project","topic_key":null,"review_after":null,"expires_at":null,"deleted":false}'
    expect(fingerprintOf(fields)).toBe(sha256Hex(`engram/observation/1\n${json}`).slice(0, 32))
  })

  it('MEM-501 empty is null', () => {
    expect(fingerprintOf({ ...fields, tool_name: '', topic_key: '' })).toBe(fingerprintOf(fields))
  })

  it.each(Object.keys(fields) as (keyof VersionedFields)[])('MEM-501 %s is in the fingerprint', (key) => {
    expect(fingerprintOf({ ...fields, [key]: key === 'deleted' ? true : 'other' })).not.toBe(fingerprintOf(fields))
  })

  it('MEM-502 the name is over the sorted parents and the fingerprint', () => {
    expect(versionOf(['b', 'a'], 'f')).toBe(sha256Hex('a,b\nf').slice(0, 32))
    expect(versionOf([], 'f')).toBe(sha256Hex('\nf').slice(0, 32))
  })

  it('MEM-502 ancestors are the newest 32, the parent first', () => {
    const names = Array.from({ length: 40 }, (_, index) => `v${index}`)
    expect(ancestorsOf({ version: 'p', ancestors: names })).toEqual(['p', ...names.slice(0, 31)])
  })

  it('MEM-502 of several parents all stand before what stands behind them', () => {
    const parent = fc.record({ version: fc.string(), ancestors: fc.array(fc.string(), { maxLength: 32 }) })
    fc.assert(
      fc.property(fc.uniqueArray(parent, { minLength: 1, maxLength: 5, selector: (one) => one.version }), (parents) => {
        const ancestors = childAncestors(parents)
        expect(ancestors.slice(0, parents.length)).toEqual(parents.map((one) => one.version))
        expect(new Set(ancestors).size).toBe(ancestors.length)
        expect(ancestors.length).toBeLessThanOrEqual(32)
      }),
    )
  })
})
