import { describe, expect, it } from 'vitest'
import type { WorkUnit } from '../model/live.ts'
import { eventText } from './event-json.ts'
import { eventFrameText } from './frames.ts'
import { parseLegacyFrame } from './legacy-frames.ts'
import { goContext, goLock, goTime, goUnit } from './unit-json.ts'

const base64Of = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
const bare: WorkUnit = {
  id: 'u',
  context_id: 'c',
  agent_id: 'a',
  type: 'UNKNOWN',
  ts: '2026-11-20T10:00:00.123Z',
  meta: {},
  payload: '',
  relationships: [],
  seq: 12,
  gseq: 99,
  cursor: 'c1_x',
}

describe('the encodings', () => {
  it('COL-401, COL-406 v3: numbers for types, seconds and nanos, base64, what is empty left out', () => {
    expect(goUnit(bare, base64Of)).toEqual({
      id: 'u',
      context_id: 'c',
      agent_id: 'a',
      type: 0,
      ts: { seconds: 1_795_168_800, nanos: 123_000_000 },
      seq: 12,
      gseq: 99,
      cursor: 'c1_x',
    })
    const full = goUnit(
      {
        ...bare,
        type: 'SYSTEM',
        payload: 'Hello',
        meta: { k: 'v' },
        relationships: [{ target_id: 't', type: 'RESPONDS_TO', meta: {} }],
      },
      base64Of,
    )
    expect(full).toMatchObject({
      type: 8,
      payload: 'SGVsbG8=',
      meta: { k: 'v' },
      relationships: [{ target_id: 't', type: 5 }],
    })
    expect(goUnit({ ...bare, payload: undefined!, payload_base64: '/w==' }, base64Of)).toMatchObject({
      payload: '/w==',
    })
    expect(goTime('1970-01-01T00:00:00.000Z')).toEqual({})
    expect(goTime('1970-01-01T00:00:01.000Z')).toEqual({ seconds: 1 })
  })

  it('COL-401 contexts and locks have their times so, too', () => {
    const at = '2026-11-20T10:00:00.000Z'
    const context = {
      id: 'c',
      display_name: '',
      agent_ids: [],
      pinned_units: [],
      meta: {},
      created_at: at,
      updated_at: at,
      version: 1,
      status: 'active',
      last_seq: 1,
      earliest_seq: 1,
      created_by: '',
    } as const
    expect(Object.keys(goContext(context))).not.toContain('display_name')
    expect(goContext(context)).toMatchObject({ created_at: { seconds: 1_795_168_800 }, last_seq: 1 })
    const lock = {
      resource_path: 'r',
      holder_agent: 'a',
      lock_id: 'l',
      expires_at: at,
      fencing_token: 3,
      ttl_ms: 1,
      remaining_ms: 1,
      server_time: at,
      acquired_at: at,
      meta: {},
    }
    expect(goLock(lock)).toMatchObject({ expires_at: { seconds: 1_795_168_800 }, fencing_token: 3, lock_id: 'l' })
  })

  it('COL-106 an event is text around the stored text', () => {
    const event = {
      kind: 'unit.created' as const,
      contextId: 'c"',
      seq: 2,
      gseq: 3,
      tsMs: 0,
      agentId: 'a',
      body: '{"id":"u"}',
    }
    expect(JSON.parse(eventText(event, 'g1_x'))).toEqual({
      kind: 'unit.created',
      context_id: 'c"',
      seq: 2,
      gseq: 3,
      cursor: 'g1_x',
      ts: '1970-01-01T00:00:00.000Z',
      agent_id: 'a',
      data: { unit: { id: 'u' } },
    })
    const renewed = eventText({ ...event, kind: 'lock.renewed', gseq: 0, body: '{"lock":{}}' }, 'unused')
    expect(JSON.parse(renewed)).toEqual(expect.not.objectContaining({ seq: expect.anything() }))
    expect(JSON.parse(eventFrameText('s"1', 4, renewed))).toMatchObject({
      op: 'event',
      sub: 's"1',
      n: 4,
      kind: 'lock.renewed',
      data: { lock: {} },
    })
  })

  it.each([
    ['{', 'Invalid message format'],
    ['[]', 'Invalid message format'],
    ['{}', 'Missing or invalid message type'],
    ['{"type":1}', 'Missing or invalid message type'],
    ['{"type":"other"}', 'Unknown message type'],
    ['{"type":"subscribe"}', 'Invalid contexts format for subscribe'],
    ['{"type":"subscribe","contexts":"a"}', 'Invalid contexts format for subscribe'],
    ['{"type":"subscribe","contexts":[1]}', 'Invalid context ID in list'],
  ])('COL-801 %s is answered %j', (text, error) => {
    expect(parseLegacyFrame(text)).toEqual({ kind: 'error', error })
  })

  it('COL-801 takes both ways of subscribing, and pings', () => {
    expect(parseLegacyFrame('{"type":"heartbeat"}')).toEqual({ kind: 'heartbeat' })
    expect(parseLegacyFrame('{"type":"subscribe","contexts":[]}')).toEqual({
      kind: 'subscribe',
      contexts: [],
      wantsAck: true,
    })
    expect(parseLegacyFrame('{"action":"subscribe","context_ids":["a"]}')).toEqual({
      kind: 'subscribe',
      contexts: ['a'],
      wantsAck: false,
    })
    expect(parseLegacyFrame('{"action":"subscribe","context_ids":[]}')).toEqual({ kind: 'nothing' })
    expect(parseLegacyFrame('{"action":"ping"}')).toEqual({ kind: 'nothing' })
  })
})
