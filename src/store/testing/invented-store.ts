import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hlcAt } from '../../model/hlc.ts'
import { formatTime } from '../../model/times.ts'
import { SimulatedClock } from '../../platform/clock.ts'
import { seededRandom } from '../../platform/random.ts'
import { nextChangeSeq } from '../change-clock.ts'
import { migrations } from '../migrations/index.ts'
import { insertObservation } from '../observations.ts'
import { insertPrompt } from '../prompts.ts'
import type { ObservationRow, PromptRow } from '../rows.ts'
import { insertSession, sessionById } from '../sessions.ts'
import { Store } from '../store.ts'
import type { WriteTx } from '../transaction.ts'

/** A real store in a folder of its own. */
export type InventedStore = {
  readonly store: Store
  readonly clock: SimulatedClock
  readonly directory: string
  close(): Promise<void>
}

export const inventedStartMs = Date.UTC(2026, 0, 5, 9)

export function openInventedStore(): InventedStore {
  const directory = mkdtempSync(join(tmpdir(), 'engram-index-'))
  const clock = new SimulatedClock(inventedStartMs)
  const store = Store.open({ dataDir: directory, migrations, clock, random: seededRandom(3), durability: 'normal' })
  return {
    store,
    clock,
    directory,
    close: async () => {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A row as a save writes it; minutes after {@link inventedStartMs} unless a time is given. */
export type InventedObservation = Partial<ObservationRow> & { readonly minute?: number }

export function addObservation(tx: WriteTx, given: InventedObservation): ObservationRow {
  const { minute = 0, ...fields } = given
  const changeSeq = nextChangeSeq(tx)
  const atMs = inventedStartMs + minute * 60_000
  const at = formatTime(atMs)
  const session = fields.session_id ?? 's-1'
  addSession(tx, session, at)
  return insertObservation(tx, {
    sync_id: `obs-${changeSeq.toString(16).padStart(16, '0')}`,
    session_id: session,
    type: 'discovery',
    title: '',
    content: '',
    tool_name: null,
    project: 'alpha',
    scope: 'project',
    topic_key: null,
    normalized_hash: '',
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    review_after: null,
    expires_at: null,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    pinned: 0,
    author: null,
    confidence: null,
    provenance: null,
    version: '',
    ancestors: '[]',
    hlc: hlcAt(atMs),
    origin: 'invented',
    change_seq: changeSeq,
    ...fields,
  })
}

export function addPrompt(tx: WriteTx, given: Partial<PromptRow> & { readonly minute?: number }): PromptRow {
  const { minute = 0, ...fields } = given
  const changeSeq = nextChangeSeq(tx)
  const atMs = inventedStartMs + minute * 60_000
  const session = fields.session_id ?? 's-1'
  addSession(tx, session, formatTime(atMs))
  return insertPrompt(tx, {
    sync_id: `prompt-${changeSeq.toString(16).padStart(16, '0')}`,
    session_id: session,
    content: '',
    project: 'alpha',
    source_inbox_id: null,
    author: null,
    created_at: formatTime(atMs),
    hlc: hlcAt(atMs),
    origin: 'invented',
    change_seq: changeSeq,
    ...fields,
  })
}

function addSession(tx: WriteTx, id: string, at: string): void {
  if (sessionById(tx, id) !== undefined) return
  insertSession(tx, {
    id,
    project: 'alpha',
    ownership_mode: 'shared',
    directory: '',
    started_at: at,
    ended_at: null,
    summary: null,
    summary_by: null,
    agent: null,
    ended_by: null,
    isolated: 0,
    lease_until_ms: 0,
    agent_pid: null,
    last_activity_ms: 0,
    hlc: hlcAt(0),
    origin: 'invented',
    change_seq: nextChangeSeq(tx),
  })
}
