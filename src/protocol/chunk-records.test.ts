import { describe, expect, it } from 'vitest'
import { decodeDocument } from './chunk-document.ts'
import { recordsOf } from './chunk-records.ts'
import { relationText, tombstoneText } from './chunk-rows.ts'

const read = (document: object, createdAt = '2026-01-01T00:00:00Z') => {
  const reading = decodeDocument(new TextEncoder().encode(`\n ${JSON.stringify(document)}\n`))
  if (!reading.ok) throw new Error(reading.reason)
  return recordsOf(reading.document, createdAt)
}

const named = ({ records }: ReturnType<typeof read>) => records.map(({ entity, key }) => `${entity} ${key}`)
const upsert = (entity: string, key: string, payload: unknown) => ({ entity, entity_key: key, op: 'upsert', payload })
const remove = (entity: string, key: string, payload: object, more: object = {}) => ({
  entity,
  entity_key: key,
  op: 'delete',
  payload: JSON.stringify(payload),
  ...more,
})
const prompt = { sync_id: 'p', session_id: 's', content: 'text' }

describe('reading a chunk', () => {
  it('CHK-205, CHK-300 a list that is null, empty or missing is the same', () => {
    for (const document of [
      { sessions: null },
      { sessions: [] },
      { prompts: [] },
      { sessions: null, mutations: null },
    ]) {
      expect(read(document)).toEqual({ records: [], refused: [] })
    }
  })

  it.each([
    ['{}', 'bad_schema'],
    ['[]', 'bad_schema'],
    ['null', 'bad_schema'],
    ['{"sessions":{}}', 'bad_schema'],
    ['{"sessions":[', 'not_json'],
    ['', 'not_json'],
    [`{"sessions":[${'['.repeat(40)}${']'.repeat(40)}]}`, 'too_large'],
    ['{"sessions":["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\""]}', undefined],
  ])('CHK-701 %s is %s', (text, reason) => {
    const reading = decodeDocument(new TextEncoder().encode(text))
    expect(reading.ok ? undefined : reading.reason).toBe(reason)
  })

  it('CHK-303 a payload is text, text in text, or the object itself', () => {
    const json = JSON.stringify(prompt)
    for (const payload of [json, JSON.stringify(json), prompt]) {
      expect(read({ mutations: [upsert('prompt', 'p', payload)] }).records).toEqual([
        { entity: 'prompt', key: 'p', value: prompt },
      ])
    }
    expect(read({ mutations: [upsert('prompt', 'p', JSON.stringify(JSON.stringify(json)))] }).refused).toHaveLength(1)
  })

  it('CHK-304 a mutation wins over the row, which lends it what it does not say', () => {
    const row = { sync_id: 'o', session_id: 's', content: 'old', review_after: '2026-02-02', ext: { version: 'v' } }
    const { records } = read({
      observations: [row],
      mutations: [upsert('observation', 'o', '{"sync_id":"o","review_after":null}')],
    })
    expect(records.map(({ value }) => value)).toEqual([{ ...row, review_after: null }])
  })

  it('CHK-305, CHK-607 a hard delete takes the place of the row, at the time that is said anywhere', () => {
    const gone = { sync_id: 'o', hard_delete: true }
    const at = (mutation: object) => read({ observations: [{ sync_id: 'o' }], mutations: [mutation] }).records[0]?.value
    expect(at(remove('observation', 'o', { ...gone, deleted_at: 'A' }, { occurred_at: 'B' }))).toMatchObject({
      deleted_at: 'A',
    })
    expect(at(remove('observation', 'o', gone, { occurred_at: 'B' }))).toMatchObject({ deleted_at: 'B' })
    expect(at(remove('observation', 'o', gone))).toMatchObject({ deleted_at: '2026-01-01T00:00:00Z' })
    expect(named(read({ observations: [{ sync_id: 'o' }], mutations: [remove('observation', 'o', gone)] }))).toEqual([
      'tombstone observation:o',
    ])
    const soft = read({
      observations: [{ sync_id: 'o', content: 'x' }],
      mutations: [remove('observation', 'o', { sync_id: 'o' })],
    })
    expect(soft.records[0]).toMatchObject({
      entity: 'observation',
      value: { content: 'x', deleted_at: '2026-01-01T00:00:00Z' },
    })
  })

  it('CHK-607 a session that is deleted and made again in one chunk lives', () => {
    const session = { id: 's', directory: '/' }
    const deleted = remove('session', 's', { id: 's', hard_delete: true })
    const again = upsert('session', 's', JSON.stringify(session))
    expect(named(read({ mutations: [deleted, again] }))).toEqual(['session s'])
    expect(named(read({ sessions: [session], mutations: [deleted] }))).toEqual(['tombstone session:s'])
  })

  it('CHK-301, CHK-306 relations come from mutations, with their stamp from the document', () => {
    const row = {
      sync_id: 'rel-1',
      source_id: 'a',
      target_id: 'b',
      relation: 'related' as const,
      judgment_status: 'pending' as const,
      created_at: 'T',
      updated_at: 'T',
    }
    const mutation: unknown = JSON.parse(relationText(row, 'acme'))
    const { records } = read({ mutations: [mutation], ext: { relations: { 'rel-1': { hlc: 'h', origin: 'o' } } } })
    expect(records).toEqual([
      {
        entity: 'relation',
        key: 'rel-1',
        value: {
          ...row,
          marked_by_actor: 'engram',
          marked_by_kind: 'system',
          project: 'acme',
          ext: { hlc: 'h', origin: 'o' },
        },
      },
    ])
  })

  it('CHK-302 a mutation in the order of keys that Go has', () => {
    const text = tombstoneText({
      entity: 'prompt',
      entity_key: 'prompt-cccccccccccccccc',
      project: 'acme-api',
      session_id: 'ses-11aa',
      deleted_at: '2026-09-22 10:00:30',
      hlc: '',
      origin: '',
    })
    expect(text).toBe(
      '{"seq":0,"target_key":"","entity":"prompt","entity_key":"prompt-cccccccccccccccc","op":"delete","payload":"{\\"deleted\\":true,' +
        '\\"deleted_at\\":\\"2026-09-22 10:00:30\\",\\"hard_delete\\":true,\\"project\\":\\"acme-api\\",\\"session_id\\":\\"ses-11aa\\",' +
        '\\"sync_id\\":\\"prompt-cccccccccccccccc\\"}","source":"","project":"acme-api","occurred_at":"2026-09-22 10:00:30","disposition":""}',
    )
  })
})
