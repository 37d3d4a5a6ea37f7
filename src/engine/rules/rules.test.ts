import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../platform/bytes.ts'
import type { SessionRow } from '../../store/rows.ts'
import { cutText, titleFromContent } from './cut.ts'
import { normalisedHash } from './dedupe.ts'
import { groupNames } from './name-groups.ts'
import { expiryOf, reviewAfter, stateAt } from './review.ts'
import { chooseSession, continuationId, manualSessionId } from './session-choice.ts'
import { isWithin, similarNames } from './similar-names.ts'
import { normaliseTopicKey, suggestTopicKey } from './topic.ts'

describe('topic keys', () => {
  it.each([
    [' Architecture/Auth  Model ', 'architecture/auth-model'],
    ['a\tb\nc', 'a-b-c'],
    ['   ', null],
    [undefined, null],
  ])('MEM-301 %j becomes %j', (given, key) => {
    expect(normaliseTopicKey(given)).toBe(key)
  })

  it('MEM-110 a key over 120 bytes is cut at a character', () => {
    expect(normaliseTopicKey('é'.repeat(100))).toBe('é'.repeat(60))
  })

  it.each([
    [{ type: 'refactor', title: 'Auth module' }, 'architecture/auth-module'],
    [{ type: 'hotfix', title: 'Bug: login loop' }, 'bug/login-loop'],
    [{ type: 'session_summary', title: 'Session summary: acme' }, 'session/summary-acme'],
    [{ type: 'manual', title: 'Crash in the parser' }, 'bug/crash-in-the-parser'],
    [
      { type: 'manual', content: 'one two three four five six seven eight nine' },
      'topic/one-two-three-four-five-six-seven-eight',
    ],
    [{ type: 'policy', title: '' }, 'policy/general'],
    [{ type: 'decision', title: 'Größe' }, `decision/gr-e-u-${sha256Hex('Größe').slice(0, 12)}`],
    [{ type: 'decision', title: '日本語' }, `decision/u-${sha256Hex('日本語').slice(0, 12)}`],
  ])('MEM-310 %j suggests %s', (memory, key) => {
    expect(suggestTopicKey(memory, sha256Hex)).toBe(key)
  })
})

describe('cutting', () => {
  it('MEM-301 reports what was cut, in bytes', () => {
    expect(cutText('é'.repeat(10), 9)).toEqual({
      text: 'éééé... [truncated]',
      truncation: { original_bytes: 20, limit_bytes: 9, truncated: true },
    })
    expect(cutText('éé', 4)).toEqual({ text: 'éé' })
  })

  it('MEM-302 a title comes from the first line that says something', () => {
    expect(titleFromContent('\n  \n  We use tabs  \nmore')).toBe('We use tabs')
    expect(titleFromContent('😀'.repeat(80))).toBe('😀'.repeat(60))
  })
})

describe('review dates', () => {
  const now = Date.UTC(2026, 7, 31)
  it.each([
    ['decision', '2027-03-03 00:00:00'],
    ['policy', '2027-08-31 00:00:00'],
    ['preference', '2026-12-01 00:00:00'],
    ['bugfix', null],
    ['constructor', null],
  ])('MEM-305 %s is due at %s', (type, at) => {
    expect(reviewAfter(type, now, { decision: 6, policy: 12, preference: 3 })).toBe(at)
  })

  it('MEM-405 expired wins over due; MEM-404 due from the very second', () => {
    expect(stateAt({ review_after: '2026-08-31 00:00:00', expires_at: null }, now)).toBe('needs_review')
    expect(stateAt({ review_after: '2026-08-31 00:00:01', expires_at: null }, now)).toBe('active')
    expect(stateAt({ review_after: '2020-01-01 00:00:00', expires_at: '2026-08-31 00:00:00' }, now)).toBe('expired')
  })

  it('MEM-305 a ttl is a duration or a date', () => {
    expect(expiryOf({ ttl: '2d' }, now)).toBe('2026-09-02 00:00:00')
    expect(expiryOf({ expires_at: '2030-01-01' }, now)).toBe('2030-01-01 00:00:00')
    expect(() => expiryOf({ ttl: 'soon' }, now)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})

describe('which session', () => {
  const row = (id: string, more: Partial<SessionRow>): SessionRow => ({
    number: 1,
    id,
    project: 'p',
    ownership_mode: 'shared',
    directory: '/d',
    started_at: '2026-01-01 00:00:00',
    ended_at: null,
    summary: null,
    summary_by: null,
    agent: null,
    ended_by: null,
    isolated: 0,
    lease_until_ms: 0,
    agent_pid: null,
    last_activity_ms: 0,
    hlc: '',
    origin: '',
    change_seq: 0,
    ...more,
  })
  const now = { ms: 1_000_000_000, agentPid: 7 }

  it('MEM-702 a live lease beats none; without one the last week counts', () => {
    const leased = row('leased', { lease_until_ms: now.ms + 1 })
    const recent = row('recent', { last_activity_ms: now.ms - 1 })
    const old = row('old', { last_activity_ms: now.ms - 8 * 86_400_000 })
    expect(chooseSession([recent, leased], now)).toEqual({ kind: 'one', row: leased })
    expect(chooseSession([recent, old], now)).toEqual({ kind: 'one', row: recent })
    expect(chooseSession([old], now)).toEqual({ kind: 'none' })
  })

  it('MEM-701 several: the one of the same process, else the last used with a warning', () => {
    const a = row('a', { lease_until_ms: now.ms + 1, last_activity_ms: 1 })
    const b = row('b', { lease_until_ms: now.ms + 1, last_activity_ms: 2 })
    const mine = row('mine', { lease_until_ms: now.ms + 1, agent_pid: 7 })
    expect(chooseSession([a, b, mine], now)).toEqual({ kind: 'one', row: mine })
    expect(chooseSession([b, a], now)).toEqual({ kind: 'ambiguous', row: b, candidates: ['b', 'a'] })
  })

  it('MEM-701 MEM-705 names of sessions made on demand', () => {
    expect(manualSessionId('acme')).toBe('manual-save-acme')
    expect(manualSessionId(null)).toBe('manual-save')
    expect(continuationId('s1', 2)).toBe('s1:resume:2')
  })
})

describe('names that may mean one project', () => {
  it.each([
    ['engram', ['Engram', 'engramm', 'engram-core', 'other'], ['Engram', 'engramm', 'engram-core']],
    ['my_app', ['my-app'], ['my-app']],
    ['ab', ['xy', 'cd'], []],
    ['api', ['app', 'ui', 'zzz'], ['app']],
  ])('MEM-308 %s is close to %j', (name, known, similar) => {
    expect(similarNames(name, known)).toEqual(similar)
  })

  it('MEM-308 the distance is exact within its bound', () => {
    expect(isWithin('kitten', 'sitting', 3)).toBe(true)
    expect(isWithin('kitten', 'sitting', 2)).toBe(false)
    expect(isWithin('', 'abc', 3)).toBe(true)
  })

  it('MEM-807 groups lead with the heaviest name', () => {
    const names = [
      { name: 'my-app', weight: 3 },
      { name: 'my_app', weight: 9 },
      { name: 'billing', weight: 1 },
      { name: 'biling', weight: 0 },
      { name: 'api', weight: 4 },
      { name: 'app', weight: 4 },
    ]
    expect(groupNames(names)).toEqual([
      { canonical: 'my_app', names: ['my-app'], why: 'equal but for case, - and _' },
      { canonical: 'billing', names: ['biling'], why: 'one letter apart' },
    ])
  })
})

describe('the hash of a text', () => {
  it('MEM-301 case and white space do not count, whatever of them a text has', () => {
    const text = fc
      .array(fc.constantFrom('Word', 'ß', 'İ', ' ', '  ', '\t', '\n', '\u00a0', '\u2028', '\ufeff', '.'), {
        maxLength: 8,
      })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (given) => {
        expect(normalisedHash(given)).toBe(sha256Hex(given.toLowerCase().replace(/\s+/g, ' ').trim()))
      }),
      { numRuns: 2_000 },
    )
  })
})
