import { hlcMs } from '../model/hlc.ts'
import { limits } from '../model/limits.ts'
import type { Session } from '../model/records.ts'
import type { ChangedRecord, OtherHead, SyncSelection, Tombstone } from '../model/sync.ts'
import { utf8Bytes } from '../model/text.ts'
import { encodeParts } from '../protocol/chunk-document.ts'
import {
  headJson,
  observationText,
  promptText,
  relationText,
  sessionText,
  tombstoneText,
} from '../protocol/chunk-rows.ts'
import { compareUtf8, encodeGoJson, type GoJson } from '../protocol/go-json.ts'
import { TextSlab } from '../protocol/text-slab.ts'

/** A document that is ready to be written, and how far it tells of our changes (CHK-508). */
export type Part = {
  readonly document: Uint8Array
  /** Every change up to here is in this part or one before it. */
  readonly upTo: number
  readonly counts: {
    readonly sessions: number
    readonly observations: number
    readonly prompts: number
    readonly mutations: number
  }
  /** CHK-402. */
  readonly isOwned: boolean
}

export type PartFacts = { readonly writer: string; readonly origin: string; readonly selection: SyncSelection }

type Ordered = { readonly order: readonly [string, string]; readonly text: Uint8Array }

type Stamp = {
  readonly hlc?: string | undefined
  readonly origin?: string | undefined
  readonly author?: string | undefined
}

/** Records that were taken, encoded once; a session stands in it once, however much points to it. */
export class PartBuilder {
  readonly #facts: PartFacts
  readonly #bytesMax: number
  readonly #slab: TextSlab
  readonly #sessions = new Map<string, Ordered>()
  readonly #observations: Ordered[] = []
  readonly #prompts: Ordered[] = []
  readonly #relations: Ordered[] = []
  readonly #tombstones: Ordered[] = []
  readonly #relationStamps = new Map<string, GoJson>()
  readonly #tombstoneStamps = new Map<string, GoJson>()
  readonly #heads: OtherHead[] = []
  #bytes = 0
  #newest = ''
  #isOwned = false

  /** @param slab memory for its rows, which another builder may use when this one has built; its own when left out */
  constructor(facts: PartFacts, bytesMax: number = limits.chunkPartBytes, slab = newSlab()) {
    this.#facts = facts
    this.#bytesMax = bytesMax
    this.#slab = slab
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** False when it does not fit any more; what is alone in its part always fits. */
  add(record: ChangedRecord): boolean {
    const row = ordered(record, this.#slab)
    const session = sessionOf(record)
    // A session that changed by itself is newer than the one some row brought along.
    const isNeeded = session !== null && (record.entity === 'session' || !this.#sessions.has(session.id))
    const parent = isNeeded ? orderedSession(session, this.#slab) : null
    const heads = record.entity === 'observation' ? record.heads : []
    const more = bytesOf(row?.text) + bytesOf(parent?.text) + heads.reduce((sum, head) => sum + headBytes(head), 0)
    if (!this.isEmpty && this.#bytes + more + frameBytes > this.#bytesMax) return false
    this.#bytes += more
    if (session !== null && parent !== null) this.#addSession(session, parent)
    if (row !== null) this.#addRow(record, row)
    this.#heads.push(...heads)
    return true
  }

  #addSession(session: Session, row: Ordered): void {
    this.#sessions.set(session.id, row)
    this.#isOwned ||= session.ownership_mode === 'project_owned'
    this.#see(session.ext)
  }

  #addRow(record: ChangedRecord, row: Ordered): void {
    switch (record.entity) {
      case 'session':
        return
      case 'observation':
        this.#observations.push(row)
        return this.#see(record.row.ext)
      case 'prompt':
        this.#prompts.push(row)
        return this.#see(record.row.ext)
      case 'relation':
        this.#relations.push(row)
        this.#relationStamps.set(record.row.sync_id, stamp(record.row.ext ?? {}))
        return this.#see(record.row.ext)
      case 'tombstone':
        this.#tombstones.push(row)
        this.#tombstoneStamps.set(`${record.row.entity}:${record.row.entity_key}`, stamp(record.row))
        return this.#see(record.row)
    }
  }

  #see(given: Stamp | undefined): void {
    if (given?.hlc !== undefined && given.hlc > this.#newest) this.#newest = given.hlc
  }

  /** The last call of a builder: the memory of its rows is given back. */
  build(upTo: number): Part {
    const mutations = [...inOrder(this.#relations), ...inOrder(this.#tombstones)]
    const sessions = inOrder(this.#sessions.values())
    const document = encodeParts({
      sessions,
      observations: inOrder(this.#observations),
      prompts: inOrder(this.#prompts),
      mutations,
      ext: encodeGoJson(this.#ext()),
    })
    this.#slab.clear()
    return {
      document,
      upTo,
      counts: {
        sessions: sessions.length,
        observations: this.#observations.length,
        prompts: this.#prompts.length,
        mutations: mutations.length,
      },
      isOwned: this.#isOwned,
    }
  }

  /** CHK-301. The time is that of the newest change, so that the same changes make the same document (CHK-507). */
  #ext(): GoJson {
    const heads = this.#heads.toSorted(
      (a, b) => compareUtf8(a.sync_id, b.sync_id) || compareUtf8(b.hlc, a.hlc) || compareUtf8(a.version, b.version),
    )
    return {
      format: 1,
      writer: this.#facts.writer,
      origin: this.#facts.origin,
      written_at: new Date(this.#newest === '' ? 0 : hlcMs(this.#newest)).toISOString(),
      project: this.#facts.selection.project,
      ...(this.#relationStamps.size === 0 ? {} : { relations: this.#relationStamps }),
      ...(this.#tombstoneStamps.size === 0 ? {} : { tombstones: this.#tombstoneStamps }),
      ...(heads.length === 0 ? {} : { versions: heads.map(headJson) }),
    }
  }
}

/** Rows are encoded into pieces of this size. */
const slabBytes = 256 * 1024

export const newSlab = (): TextSlab => new TextSlab(slabBytes)

/** Room for what stands around the rows, and for a stamp of each. */
const frameBytes = 1_024
const stampBytes = 120

const bytesOf = (text: Uint8Array | undefined): number => (text === undefined ? 0 : text.length + 1 + stampBytes)

const headBytes = (head: OtherHead): number => utf8Bytes(encodeGoJson(headJson(head))) + 1

const stamp = ({ hlc, origin, author }: Stamp): GoJson => ({ hlc, origin, author })

function sessionOf(record: ChangedRecord): Session | null {
  if (record.entity === 'session') return record.row
  return record.entity === 'observation' || record.entity === 'prompt' ? record.session : null
}

/** Null for a session: it stands among the parents. */
function ordered(record: ChangedRecord, slab: TextSlab): Ordered | null {
  switch (record.entity) {
    case 'session':
      return null
    case 'observation':
      return { order: [record.row.created_at, record.row.sync_id], text: slab.add(observationText(record.row)) }
    case 'prompt':
      return { order: [record.row.created_at, record.row.sync_id], text: slab.add(promptText(record.row)) }
    case 'relation':
      return { order: [record.row.sync_id, ''], text: slab.add(relationText(record.row, record.project)) }
    case 'tombstone':
      return {
        order: [deleteOrder[record.row.entity], record.row.entity_key],
        text: slab.add(tombstoneText(record.row)),
      }
  }
}

/** Deletes of observations, then of prompts, then of sessions (CHK-507). */
const deleteOrder: Readonly<Record<Tombstone['entity'], string>> = { observation: '1', prompt: '2', session: '3' }

const orderedSession = (row: Session, slab: TextSlab): Ordered => ({
  order: [row.started_at, row.id],
  text: slab.add(sessionText(row)),
})

const inOrder = (rows: Iterable<Ordered>): readonly Uint8Array[] =>
  [...rows]
    .sort((a, b) => compareUtf8(a.order[0], b.order[0]) || compareUtf8(a.order[1], b.order[1]))
    .map(({ text }) => text)
