import {
  loggedKinds,
  relationshipTypes,
  workUnitTypes,
  type LoggedKind,
  type RelationshipType,
  type WorkUnitType,
} from '../model/live.ts'
import type { LogBounds, LogPage, LogRange, StoredEvent } from '../model/log-store.ts'
import type { SqlValue } from './sql-value.ts'
import type { ReadTx, WriteTx } from './transaction.ts'

/** Rows of the log (COL-203). Nothing here changes or removes one. */

export type NewLogRow = {
  readonly gseq: number
  readonly context: number
  readonly seq: number
  readonly kind: LoggedKind
  readonly tsMs: number
  readonly agentId: string
  readonly unitId: string | null
  readonly unitType: WorkUnitType | null
  readonly body: string
}

export function insertLogRow(tx: WriteTx, row: NewLogRow): void {
  tx.run(
    'INSERT OR FAIL INTO log (gseq, context, seq, kind, ts_ms, agent_id, unit_id, unit_type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    row.gseq,
    row.context,
    row.seq,
    loggedKinds.indexOf(row.kind),
    row.tsMs,
    row.agentId,
    row.unitId,
    row.unitType === null ? null : workUnitTypes.indexOf(row.unitType),
    row.body,
  )
}

/** Where a relationship points is not checked: the unit may be elsewhere, or come later (COL-109). */
export function insertUnitRelation(tx: WriteTx, source: number, ordinal: number, targetId: string, type: number): void {
  tx.run(
    'INSERT INTO unit_relations (source, ordinal, target_id, type) VALUES (?, ?, ?, ?)',
    source,
    ordinal,
    targetId,
    type,
  )
}

/** A row as it is read: `kind` and `unit_type` by their numbers. */
export type LogRow = {
  readonly gseq: number
  readonly context_id: string
  readonly seq: number
  readonly kind: number
  readonly ts_ms: number
  readonly agent_id: string
  readonly unit_type: number | null
  readonly body: string
}

/** @param contextId where the statement did not ask for it, since it is known */
export const storedRow = (row: LogRow, contextId: string = row.context_id): StoredEvent => ({
  kind: loggedKinds[row.kind] ?? 'unit.created',
  contextId,
  seq: row.seq,
  gseq: row.gseq,
  tsMs: row.ts_ms,
  agentId: row.agent_id,
  unitType: row.unit_type === null ? null : (workUnitTypes[row.unit_type] ?? 'UNKNOWN'),
  body: row.body,
})

const columns = 'l.gseq, c.id AS context_id, l.seq, l.kind, l.ts_ms, l.agent_id, l.unit_type, l.body'
const joined = 'log l JOIN contexts c ON c.number = l.context'

export function eventByUnit(tx: ReadTx, unitId: string): StoredEvent | undefined {
  const row = tx.get<LogRow>(`SELECT ${columns} FROM ${joined} WHERE l.unit_id = ?`, unitId)
  return row === undefined ? undefined : storedRow(row)
}

export function eventByGseq(tx: ReadTx, gseq: number): StoredEvent | undefined {
  const row = tx.get<LogRow>(`SELECT ${columns} FROM ${joined} WHERE l.gseq = ?`, gseq)
  return row === undefined ? undefined : storedRow(row)
}

export const lastGseq = (tx: ReadTx): number =>
  tx.get<{ gseq: number | null }>('SELECT max(gseq) AS gseq FROM log')?.gseq ?? 0

/** The global place of an event of one context; the place before the first for `seq` 0. */
export function gseqOf(tx: ReadTx, contextId: string, seq: number): number {
  if (seq === 0) return 0
  const row = tx.get<{ gseq: number }>(
    'SELECT gseq FROM log WHERE context = (SELECT number FROM contexts WHERE id = ?) AND seq = ?',
    contextId,
    seq,
  )
  return row?.gseq ?? 0
}

/** The last place of a context at or before a global place; 0 when there is none. */
export function seqAt(tx: ReadTx, contextId: string, gseq: number): number {
  const row = tx.get<{ seq: number | null }>(
    `SELECT max(seq) AS seq FROM log
     WHERE context = (SELECT number FROM contexts WHERE id = ?) AND gseq <= ?`,
    contextId,
    gseq,
  )
  return row?.seq ?? 0
}

/** The place before the first event that is not older; the end when all are. */
export function beforeTime(tx: ReadTx, contextId: string | undefined, sinceMs: number): number {
  const row = tx.get<{ gseq: number | null }>(
    `SELECT min(gseq) AS gseq FROM log WHERE ts_ms >= ?1
       AND (?2 IS NULL OR context = (SELECT number FROM contexts WHERE id = ?2))`,
    sinceMs,
    contextId ?? null,
  )
  return row?.gseq == null ? lastGseq(tx) : row.gseq - 1
}

export function logBounds(tx: ReadTx, contextId?: string): LogBounds {
  const row =
    contextId === undefined
      ? tx.get<Bounds>('SELECT (SELECT min(gseq) FROM log) AS earliest, (SELECT max(gseq) FROM log) AS latest')
      : tx.get<Bounds>(
          `SELECT (SELECT min(seq) FROM log WHERE context = c.number) AS earliest,
                  (SELECT max(seq) FROM log WHERE context = c.number) AS latest FROM contexts c WHERE c.id = ?`,
          contextId,
        )
  return { earliest: row?.earliest ?? 0, latest: row?.latest ?? 0 }
}
type Bounds = { readonly earliest: number | null; readonly latest: number | null }

/** The most rows one page looks at when it must leave out most of them: a page is a bounded piece of work. */
const scanRowsMax = 5_000

/** One page of the log. A single context is read by its own index, several by the order of all. */
export function readLog(tx: ReadTx, range: LogRange): LogPage {
  if (range.contexts !== 'all' && range.contexts.length === 1) return readContext(tx, range.contexts[0] ?? '', range)
  return isTail(range) ? readTail(tx, range) : readSeveral(tx, range)
}

/** Everything after a place: what the hub reads after each commit. */
const isTail = ({ contexts, reverse, kinds, types, agents, meta, sinceMs, untilMs }: LogRange): boolean =>
  contexts === 'all' &&
  reverse !== true &&
  [kinds, types, agents, meta, sinceMs, untilMs].every((filter) => filter === undefined)

function readTail(tx: ReadTx, range: LogRange): LogPage {
  const from = range.from ?? 0
  const sql = `SELECT ${columns} FROM ${joined} WHERE l.gseq > ? ORDER BY l.gseq LIMIT ?`
  const { events, isCut } = taken(range, undefined, (last, count) => tx.all<LogRow>(sql, last?.gseq ?? from, count))
  return { events, next: events.at(-1)?.gseq ?? from, isAtEnd: !isCut }
}

function readContext(tx: ReadTx, contextId: string, range: LogRange): LogPage {
  const number = tx.get<{ number: number }>('SELECT number FROM contexts WHERE id = ?', contextId)?.number
  const from = range.from ?? (range.reverse === true ? Number.MAX_SAFE_INTEGER : 0)
  if (number === undefined) return { events: [], next: range.reverse === true ? 0 : from, isAtEnd: true }
  const known = { number, id: contextId }
  return range.reverse === true ? backward(tx, known, range, from) : forward(tx, known, range, from)
}

type KnownContext = { readonly number: number; readonly id: string }

const lastSeq = (tx: ReadTx, { number }: KnownContext): number =>
  tx.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM log WHERE context = ?', number)?.seq ?? 0

// One context: its id is known, so nothing is joined.
const plain = 'gseq, seq, kind, ts_ms, agent_id, unit_type, body'

function forward(tx: ReadTx, context: KnownContext, range: LogRange, from: number): LogPage {
  const filter = logFilter(range, 4)
  const reached = from + scanned(filter)
  const sql = `SELECT ${plain} FROM log WHERE context = ?1 AND seq > ?2 AND seq <= ?3 ${filter.sql} ORDER BY seq LIMIT ?4`
  const { events, isCut } = taken(range, context.id, (last, count) =>
    tx.all<LogRow>(sql, context.number, last?.seq ?? from, reached, count, ...filter.values),
  )
  if (isCut) return { events, next: events.at(-1)?.seq ?? from, isAtEnd: false }
  // The tail as this snapshot has it: what the filter left out is behind the reader too.
  const last = lastSeq(tx, context)
  return { events, next: Math.max(Math.min(reached, last), from), isAtEnd: reached >= last }
}

function backward(tx: ReadTx, context: KnownContext, range: LogRange, from: number): LogPage {
  const filter = logFilter(range, 4)
  const begin = Math.min(from, lastSeq(tx, context) + 1)
  const downTo = Math.max(begin - scanned(filter), 1)
  const sql = `SELECT ${plain} FROM log WHERE context = ?1 AND seq < ?2 AND seq >= ?3 ${filter.sql} ORDER BY seq DESC LIMIT ?4`
  const { events, isCut } = taken(range, context.id, (last, count) =>
    tx.all<LogRow>(sql, context.number, last?.seq ?? begin, downTo, count, ...filter.values),
  )
  if (isCut) return { events, next: events.at(-1)?.seq ?? begin, isAtEnd: false }
  return { events, next: downTo, isAtEnd: downTo <= 1 }
}

function readSeveral(tx: ReadTx, range: LogRange): LogPage {
  const filter = logFilter(range, 4)
  const ids = range.contexts === 'all' ? null : JSON.stringify(range.contexts)
  const last = lastGseq(tx)
  const isReverse = range.reverse === true
  const from = range.from ?? (isReverse ? last + 1 : 0)
  const span = ids === null ? scanned(filter) : scanRowsMax
  const [low, high] = isReverse ? [Math.max(from - span, 0), Math.min(from, last + 1)] : [from, from + span]
  const sql = `SELECT ${columns} FROM ${joined}
     WHERE l.gseq > ?1 AND l.gseq ${isReverse ? '<' : '<='} ?2
       AND (?3 IS NULL OR c.id IN (SELECT value FROM json_each(?3))) ${filter.sql}
     ORDER BY l.gseq ${isReverse ? 'DESC' : ''} LIMIT ?4`
  const { events, isCut } = taken(range, undefined, (before, count) => {
    const [above, below] = isReverse ? [low, before?.gseq ?? high] : [before?.gseq ?? low, high]
    return tx.all<LogRow>(sql, above, below, ids, count, ...filter.values)
  })
  if (isCut) return { events, next: events.at(-1)?.gseq ?? from, isAtEnd: false }
  if (isReverse) return { events, next: low + 1, isAtEnd: low === 0 }
  return { events, next: Math.max(Math.min(high, last), from), isAtEnd: high >= last }
}

/** Most bytes of one page, unless a range says otherwise: a thousand units may be a gigabyte. */
const pageBytesMax = 16 * 1024 * 1024
/** Rows read at once: enough for most lists, and bounded in memory where every unit is as large as it may be. */
const rowsAtOnce = 128

type Taken = { readonly events: readonly StoredEvent[]; readonly isCut: boolean }

/** Rows until the limit of number or bytes; `isCut` says that more stood there. At least one is taken. */
function taken(
  range: LogRange,
  contextId: string | undefined,
  rowsAfter: (last: StoredEvent | undefined, count: number) => readonly LogRow[],
): Taken {
  const events: StoredEvent[] = []
  let bytes = 0
  for (;;) {
    const count = Math.min(rowsAtOnce, range.limit + 1 - events.length)
    const rows = rowsAfter(events.at(-1), count)
    for (const row of rows) {
      bytes += row.body.length
      const isFull = events.length >= range.limit || bytes > (range.bytesMax ?? pageBytesMax)
      if (isFull && events.length > 0) return { events, isCut: true }
      events.push(storedRow(row, contextId))
    }
    if (rows.length < count) return { events, isCut: false }
  }
}

/** Units of one context as they are stored, and nothing else: the list that is read most. */
export type UnitTexts = { readonly texts: readonly string[]; readonly next: number; readonly isAtEnd: boolean }

export type UnitTextRange = Pick<LogRange, 'from' | 'limit' | 'reverse'>

const textsForward = 'SELECT body FROM log WHERE context = ? AND seq > ? AND kind = 0 ORDER BY seq LIMIT ?'
const textsBackward = 'SELECT body FROM log WHERE context = ? AND seq < ? AND kind = 0 ORDER BY seq DESC LIMIT ?'

/** As `readLog` of units; undefined when there is no such context. */
export function readUnitTexts(tx: ReadTx, contextId: string, range: UnitTextRange): UnitTexts | undefined {
  const context = tx.get<{ number: number }>('SELECT number FROM contexts WHERE id = ?', contextId)
  if (context === undefined) return undefined
  const { number } = context
  const isReverse = range.reverse === true
  const texts: string[] = []
  let next = range.from ?? (isReverse ? Number.MAX_SAFE_INTEGER : 0)
  for (let bytes = 0; ;) {
    const count = Math.min(rowsAtOnce, range.limit + 1 - texts.length)
    const bodies = tx.texts(isReverse ? textsBackward : textsForward, number, next, count)
    const first = texts.length
    for (const body of bodies) {
      bytes += body.length
      const isFull = texts.length >= range.limit || (bytes > pageBytesMax && texts.length > 0)
      if (isFull) return { texts, next: reached(texts.length - first), isAtEnd: false }
      texts.push(body)
    }
    next = reached(bodies.length)
    if (bodies.length < count) break
  }
  return { texts, next: isReverse ? 1 : Math.max(next, lastSeq(tx, { number, id: contextId })), isAtEnd: true }

  /** Where so many units after `next` end: the last of them says so itself. */
  function reached(units: number): number {
    const last = texts.at(-1)
    if (units === 0 || last === undefined) return next
    const said = placeAtEnd.exec(last.slice(-placeCharsMax))?.[1]
    if (said !== undefined) return Number(said)
    // A text that was damaged is not a reason to stop here.
    const [from, to] = isReverse ? ['<', 'DESC'] : ['>', 'ASC']
    const sql = `SELECT seq FROM log WHERE context = ? AND seq ${from} ? AND kind = 0 ORDER BY seq ${to} LIMIT 1 OFFSET ?`
    return tx.get<{ seq: number }>(sql, number, next, units - 1)?.seq ?? next
  }
}

/** Every stored unit ends with its place: `,"seq":7,"gseq":9,"cursor":"…"}`. */
const placeAtEnd = /,"seq":(\d{1,16}),"gseq":\d{1,16},"cursor":"\w{1,64}"\}$/
const placeCharsMax = 128

type LogFilter = { readonly sql: string; readonly values: readonly SqlValue[]; readonly isSparse: boolean }

/** Without a filter every row counts, so the limit alone bounds the work; with one, the rows looked at do. */
const scanned = (filter: LogFilter): number => (filter.isSparse ? scanRowsMax : Number.MAX_SAFE_INTEGER / 4)

/** All must hold. `untilGseq`: nothing after this place. */
export type LogFilters = Pick<LogRange, 'kinds' | 'types' | 'agents' | 'meta' | 'sinceMs' | 'untilMs'> & {
  readonly untilGseq?: number
  readonly related?: RelatedFilter
}

/** Units that point at this one (`in`), to which it points (`out`), or either; by one of these types, any when undefined. */
export type RelatedFilter = {
  readonly unitId: string
  readonly direction: 'in' | 'out' | 'both'
  readonly types: readonly RelationshipType[] | undefined
}

/** Conditions as constant SQL; their values are bound behind the `bound` ones of the statement. */
export function logFilter(range: LogFilters, bound: number): LogFilter {
  const conditions = logConditions(range)
  const sql = conditions.map(([condition], at) => `AND ${condition.replace('?', `?${bound + at + 1}`)}`).join(' ')
  return { sql, values: conditions.map(([, value]) => value), isSparse: conditions.length > 0 }
}

/** One condition each, with one mark for its value. */
export type LogCondition = readonly [sql: string, value: SqlValue]

export function logConditions(filters: LogFilters): readonly LogCondition[] {
  const { kinds, types, agents, sinceMs, untilMs, untilGseq, related, meta } = filters
  const numbersOf = <Name extends string>(names: readonly Name[] | undefined, all: readonly Name[]) =>
    names?.map((name) => all.indexOf(name))
  return [
    ...anyOf('kind', numbersOf(kinds, loggedKinds)),
    ...anyOf('unit_type', numbersOf(types, workUnitTypes)),
    ...anyOf('agent_id', agents),
    ...(sinceMs === undefined ? [] : [['ts_ms >= ?', sinceMs] as const]),
    ...(untilMs === undefined ? [] : [['ts_ms < ?', untilMs] as const]),
    ...(untilGseq === undefined ? [] : [['gseq <= ?', untilGseq] as const]),
    ...(related === undefined ? [] : [isRelated(related)]),
    ...Object.entries(meta ?? {}).map(([key, value]) => hasMeta(key, value)),
  ]
}

function anyOf(column: string, list: readonly (string | number)[] | undefined): readonly LogCondition[] {
  if (list === undefined) return []
  const [only] = list
  return only !== undefined && list.length === 1
    ? [[`${column} = ?`, only]]
    : [[`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(list)]]
}

/** A key of meta is a value like any other: it never becomes part of a path (COL-405). */
const hasMeta = (key: string, value: string): LogCondition => [
  `EXISTS (SELECT 1 FROM json_each(body, '$.meta') m, json_each(?) pair
           WHERE m.key = pair.key AND m.value = pair.value)`,
  JSON.stringify(Object.fromEntries([[key, value]])),
]

/** Relations are kept with the unit that states them; the other end may not be there (COL-109). */
function isRelated({ unitId, direction, types }: RelatedFilter): LogCondition {
  const isOfType = '(asked.types IS NULL OR r.type IN (SELECT value FROM json_each(asked.types)))'
  const pointing = `SELECT r.source FROM asked JOIN unit_relations r ON r.target_id = asked.id WHERE ${isOfType}`
  const pointedAt = `SELECT u.gseq FROM asked JOIN log s ON s.unit_id = asked.id
    JOIN unit_relations r ON r.source = s.gseq JOIN log u ON u.unit_id = r.target_id WHERE ${isOfType}`
  const either = { in: pointing, out: pointedAt, both: `${pointing} UNION ${pointedAt}` }[direction]
  const numbers = types === undefined ? {} : { types: types.map((type) => relationshipTypes.indexOf(type)) }
  return [
    `gseq IN (WITH asked AS (SELECT value ->> 'id' AS id, value -> 'types' AS types FROM json_each(?)) ${either})`,
    JSON.stringify([{ id: unitId, ...numbers }]),
  ]
}
