import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  conflictId,
  conflictKindOf,
  headsOf,
  legacyHlc,
  legacyVersion,
  mergeCounters,
  mergeSessions,
  shownHeads,
  stubDirectory,
  topicConflictId,
  type Counters,
  type KnownVersion,
  type SessionState,
} from './merge.ts'
import { sha256Hex } from '../../platform/bytes.ts'

const version = (name: string, hlc: number, more: Partial<KnownVersion> = {}): KnownVersion => ({
  version: name,
  ancestors: [],
  fingerprint: `text of ${name}`,
  hlc: hlc.toString(16).padStart(16, '0'),
  origin: 'one',
  deleted: false,
  updatedAt: '2026-06-01 00:00:00',
  ...more,
})

const names = (versions: readonly KnownVersion[]): readonly string[] => versions.map((one) => one.version)

describe('heads', () => {
  const legacy = { origin: 'legacy' }
  it.each<[string, readonly KnownVersion[], readonly string[], readonly string[]]>([
    ['one version', [version('a', 1)], ['a'], ['a']],
    ['an edit contains its parent', [version('a', 1), version('b', 2, { ancestors: ['a'] })], ['b'], ['b']],
    [
      'two edits of one parent',
      [version('b', 2, { ancestors: ['a'] }), version('c', 3, { ancestors: ['a'] })],
      ['c', 'b'],
      ['c', 'b'],
    ],
    [
      'a settle contains both',
      [version('b', 2), version('c', 3), version('d', 4, { ancestors: ['b', 'c'] })],
      ['d'],
      ['d'],
    ],
    [
      'equal texts join',
      [version('b', 2, { fingerprint: 'x' }), version('c', 3, { fingerprint: 'x' })],
      ['c', 'b'],
      ['c'],
    ],
    ['ties go by origin, then name', [version('b', 2, { origin: 'two' }), version('c', 2)], ['b', 'c'], ['b', 'c']],
    ['a later legacy one takes over', [version('b', 2), version('l', 3, legacy)], ['l', 'b'], ['l']],
    ['an earlier legacy one gives way', [version('b', 2), version('l', 1, legacy)], ['b', 'l'], ['b']],
  ])('MEM-504 %s', (_name, known, heads, shown) => {
    expect(names(headsOf(known))).toEqual(heads)
    expect(names(shownHeads(headsOf(known)))).toEqual(shown)
  })

  it('MEM-504 the order in which versions are known does not matter, and the greatest is always shown', () => {
    const arbitrary = fc.uniqueArray(
      fc.record({
        version: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        ancestors: fc.subarray(['a', 'b', 'c', 'd', 'e']),
        fingerprint: fc.constantFrom('x', 'y', 'z'),
        hlc: fc.constantFrom('01', '02', '03'),
        origin: fc.constantFrom('one', 'two', 'legacy'),
        deleted: fc.boolean(),
        updatedAt: fc.constant(''),
      }),
      { selector: (one) => one.version, minLength: 1 },
    )
    fc.assert(
      fc.property(arbitrary, fc.nat(), (known, turn) => {
        const turned = [...known.slice(turn % known.length), ...known.slice(0, turn % known.length)]
        expect(names(shownHeads(headsOf(turned)))).toEqual(names(shownHeads(headsOf(known))))
        const heads = headsOf(known)
        expect(shownHeads(heads)[0]).toEqual(heads[0])
      }),
    )
  })
})

describe('versions of records that carry none', () => {
  it.each([
    ['whole seconds count as their end', '2026-06-01 10:00:00', '2026-06-01 10:00:00.998Z', 1],
    ['but before the next one', '2026-06-01 10:00:00', '2026-06-01 10:00:01.001Z', -1],
    ['an unreadable time sorts first', 'yesterday', '1970-01-01 00:00:00', -1],
  ])('MEM-505 %s', (_name, a, b, sign) => {
    expect(legacyHlc(a) > legacyHlc(b) ? 1 : -1).toBe(sign)
  })

  it('MEM-505 two spellings of one time give one name', () => {
    const made = legacyVersion('2026-06-01T10:00:00Z', 'f')
    expect(made.version).toBe(sha256Hex('legacy\n2026-06-01 10:00:00\nf').slice(0, 32))
    expect(made).toEqual(legacyVersion('2026-06-01 10:00:00', 'f'))
  })
})

describe('conflicts', () => {
  it('MEM-509 ids are over the sorted sides', () => {
    expect(conflictId('obs-1', ['b', 'a'])).toBe(`cfl-${sha256Hex('obs-1\na\nb').slice(0, 16)}`)
    expect(topicConflictId('obs-2', 'obs-1')).toBe(`cfl-${sha256Hex('same_topic\nobs-1\nobs-2').slice(0, 16)}`)
  })

  it.each([
    [[false, false], 'edit'],
    [[true, false], 'edit_delete'],
    [[true, true], 'edit'],
  ])('MEM-509 deleted %j is %s', (deleted, kind) => {
    expect(conflictKindOf(deleted.map((one) => ({ deleted: one })))).toBe(kind)
  })
})

const laws = <T>(arbitrary: fc.Arbitrary<T>, merge: (a: T, b: T) => T): void => {
  fc.assert(
    fc.property(arbitrary, arbitrary, arbitrary, (a, b, c) => {
      expect(merge(a, b)).toEqual(merge(b, a))
      expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
      expect(merge(a, a)).toEqual(a)
    }),
    { numRuns: 500 },
  )
}

const time = fc.constantFrom('2026-06-01 00:00:00', '2026-06-02 00:00:00', 'yesterday', '2026-06-03 00:00:00')

describe('what is not versioned', () => {
  it('MEM-506 counters: commutative, associative, idempotent', () => {
    laws<Counters>(
      fc.record({
        revision_count: fc.nat(9),
        duplicate_count: fc.nat(9),
        last_seen_at: fc.option(time),
        created_at: time,
        updated_at: time,
      }),
      mergeCounters,
    )
  })

  const session: fc.Arbitrary<SessionState> = fc.record({
    project: fc.constantFrom('', 'acme', 'beta'),
    ownership_mode: fc.constantFrom('shared' as const, 'project_owned' as const),
    directory: fc.constantFrom('', '/a', '/b', stubDirectory),
    started_at: time,
    ended_at: fc.option(time),
    summary: fc.option(fc.constantFrom('s', 't')),
    agent: fc.option(fc.constantFrom('x', 'y')),
    ended_by: fc.constant(null),
    summary_by: fc.constant(null),
    hlc: fc.constantFrom('01', '02', '03'),
    origin: fc.constantFrom('one', 'two'),
  })

  it('MEM-506 sessions: commutative, associative, idempotent', () => {
    laws(session, mergeSessions)
  })

  const base: SessionState = {
    project: 'acme',
    ownership_mode: 'shared',
    directory: '/a',
    started_at: '2026-06-02 00:00:00',
    ended_at: null,
    summary: null,
    summary_by: null,
    agent: null,
    ended_by: null,
    hlc: '02',
    origin: 'one',
  }
  it.each<[string, Partial<SessionState>, Partial<SessionState>]>([
    [
      'a stub is completed',
      { directory: stubDirectory, project: 'zeta', started_at: '1970-01-01 00:00:00', hlc: '00' },
      base,
    ],
    ['blank is completed', { project: '', directory: '', hlc: '01' }, base],
    ['the later summary stays', { summary: 's', hlc: '03' }, { ...base, summary: 's', hlc: '03' }],
    [
      'an idle end elsewhere takes no summary away',
      { ...base, summary: 's', hlc: '01' },
      { ...base, summary: 's', hlc: '01' },
    ],
    ['a resume opens it again', { ended_at: '2026-06-02 00:00:00', hlc: '01' }, base],
  ])('MEM-506 %s', (_name, other, wanted) => {
    expect(mergeSessions(base, { ...base, ...other })).toEqual({ ...base, ...wanted })
  })
})
