import { describe, expect, it } from 'vitest'
import type { Origin } from './entries.ts'
import { messageIdOf, observationIdOf, seenIdOf, sessionIdOf, transcriptKey } from './identity.ts'

const origin: Origin = {
  uuid: '0190f0f0-0000-4000-8000-000000000001',
  parent: null,
  line: 3,
  offset: 77,
  at: '2026-04-01T09:00:00.000Z',
  cwd: null,
  branch: null,
  sidechain: false,
  agentId: null,
}

describe('names', () => {
  it.each([
    [null, 'claude-code:s1'],
    ['a8813', 'claude-code:s1:agent:a8813'],
  ])('ING-ARC-1 a transcript is named by agent and session, never by project or path (%s)', (agentId, key) => {
    expect(transcriptKey('claude-code', 's1', agentId)).toBe(key)
  })

  it.each([
    ['', 32],
    ['x'.repeat(257), 32],
    ['a\nb', 32],
    ['\ud800', 32],
    ['plain-id', 8],
  ])('ING-SES-1 an id that can be none is named by its hash (%j)', (id, length) => {
    expect(sessionIdOf({ sessionId: id })).toHaveLength(length)
  })

  it('ING-ARC-2 a message is named by its record, further ones of its line by their part', () => {
    expect(messageIdOf('codex', origin)).toBe(`codex:${origin.uuid}`)
    expect(messageIdOf('codex', { ...origin, part: 2 })).toBe(`codex:${origin.uuid}#2`)
    expect(messageIdOf('codex', origin, 'left-out')).toBe(`codex:${origin.uuid}#left-out`)
  })

  it('ING-ARC-2 equal lines without a time are two messages, with one they are one', () => {
    const hash = '0123456789abcdef0123456789abcdef'
    const bare = { ...origin, uuid: hash, at: null }
    expect(messageIdOf('codex', bare)).not.toBe(messageIdOf('codex', { ...bare, offset: 99 }))
    const timed = { ...origin, uuid: hash }
    expect(messageIdOf('codex', timed)).toBe(messageIdOf('codex', { ...timed, offset: 99 }))
  })

  it('ING-ARC-2 a hostile id fits all the same', () => {
    for (const uuid of ['ü'.repeat(300), '\ud800\ud800']) {
      const id = messageIdOf('codex', { ...origin, uuid })
      expect(id.isWellFormed() && Buffer.byteLength(id) <= 256).toBe(true)
    }
  })

  it('ING-EXT-9 an observation has the same name on every machine, and each part of it counts', () => {
    const identity = { agent: 'codex', sessionId: 's', rule: 'X-FIX', anchorUuid: 'u', ordinal: 0 }
    expect(observationIdOf(identity)).toBe('obs-a1933d37a38253ce')
    const others = [{ agent: 'x' }, { sessionId: 't' }, { rule: 'X-CMD' }, { anchorUuid: 'v' }, { ordinal: 1 }].map(
      (change) => observationIdOf({ ...identity, ...change }),
    )
    const all = new Set([observationIdOf(identity), ...others])
    expect(all.size).toBe(6)
    for (const id of all) expect(id).toMatch(/^obs-[0-9a-f]{16}$/)
  })

  it('ING-INC-5 a seen record takes 16 bytes', () => {
    expect(seenIdOf('anything')).toMatch(/^[0-9a-f]{32}$/)
    expect(seenIdOf(origin.uuid)).toBe('0190f0f0000040008000000000000001')
    expect(seenIdOf(origin.uuid.toUpperCase())).not.toBe(seenIdOf(origin.uuid))
  })
})
