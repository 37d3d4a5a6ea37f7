import { normalisedHash } from '../src/engine/rules/dedupe.ts'
import { hlcAt } from '../src/model/hlc.ts'
import { formatTime } from '../src/model/times.ts'
import type { OpenedEngine } from '../src/open-engine.ts'
import { nextChangeSeq } from '../src/store/change-clock.ts'
import { insertObservation } from '../src/store/observations.ts'
import { insertSession } from '../src/store/sessions.ts'
import { inventMemory, randomFrom, type InventedMemory } from './invented-text.ts'

const startMs = Date.UTC(2026, 0, 5)
const perTransaction = 5_000
const perSession = 200

/** Fills a store with invented observations of one project, `total` of them, 200 to a session. */
export async function fillStore(opened: OpenedEngine, total: number): Promise<void> {
  const random = randomFrom(7)
  for (let from = 0; from < total; from += perTransaction) {
    await opened.deps.store.write((tx) => {
      for (let number = from; number < Math.min(total, from + perTransaction); number++) {
        const session = `s-${Math.floor(number / perSession)}`
        if (number % perSession === 0) insertSession(tx, sessionRow(session, number, nextChangeSeq(tx)))
        insertObservation(tx, observationRow(inventMemory(random, number), session, number, nextChangeSeq(tx)))
      }
    })
  }
}

const sessionRow = (id: string, number: number, changeSeq: number): Parameters<typeof insertSession>[1] => ({
  id,
  project: 'bench',
  ownership_mode: 'shared',
  directory: '/home/user/bench',
  started_at: formatTime(startMs + number * 1_000),
  ended_at: null,
  summary: null,
  summary_by: null,
  agent: 'ana',
  ended_by: null,
  isolated: 0,
  lease_until_ms: 0,
  agent_pid: null,
  last_activity_ms: startMs,
  hlc: hlcAt(startMs + number * 1_000),
  origin: '0123456789abcdef',
  change_seq: changeSeq,
})

function observationRow(
  memory: InventedMemory,
  session: string,
  number: number,
  changeSeq: number,
): Parameters<typeof insertObservation>[1] {
  const at = formatTime(startMs + number * 1_000)
  return {
    ...memory,
    sync_id: `obs-${number.toString(16).padStart(16, '0')}`,
    session_id: session,
    tool_name: null,
    project: 'bench',
    scope: 'project',
    topic_key: null,
    normalized_hash: normalisedHash(memory.content),
    revision_count: 1,
    duplicate_count: 1,
    last_seen_at: null,
    review_after: null,
    expires_at: null,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    pinned: 0,
    author: 'ana',
    confidence: null,
    provenance: null,
    version: number.toString(16).padStart(32, '0'),
    ancestors: '[]',
    hlc: hlcAt(startMs + number * 1_000),
    origin: '0123456789abcdef',
    change_seq: changeSeq,
  }
}
