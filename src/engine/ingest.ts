import type { IngestCommitted } from '../api/ingest.ts'
import type { Parsed } from '../api/operations.ts'
import { isBlank } from '../model/text.ts'
import { formatTime } from '../model/times.ts'
import { countToday } from '../store/columns.ts'
import { ensureProject } from '../store/projects.ts'
import { dropSeenOf, knownSource, knownSources, markSeen, putSource, seenElsewhere } from '../store/ingest-sources.ts'
import type { WriteTx } from '../store/transaction.ts'
import type { EngineDeps, Handlers } from './handler.ts'
import { ingestCandidates, withdraw } from './ingest-candidates.ts'
import { ingestPrompts } from './ingest-prompts.ts'
import { ingestSession } from './ingest-session.ts'
import { cleanState, createIngestCleaner } from './ingest-text.ts'
import { placeOfWrite } from './places.ts'

type CommitInput = Parsed<'ingest.commit'>

export const ingestHandlers: Handlers<'ingest.sources' | 'ingest.seen' | 'ingest.commit'> = {
  'ingest.sources': (deps, { agent, path }) =>
    deps.store.read((tx) => {
      if (path === undefined) return knownSources(tx, agent)
      const row = knownSource(tx, path)
      return row === undefined ? [] : [row]
    }),
  'ingest.seen': (deps, input) =>
    deps.store.read((tx) => ({ seen: seenElsewhere(tx, input.agent, input.path, input.ids) })),
  'ingest.commit': async (deps, input, context) => {
    const named = input.session?.project ?? input.source.project
    const place = isBlank(named) ? null : await placeOfWrite(deps, { project: named })
    return deps.store.write((tx) => commit(tx, deps, input, place?.project ?? null), context)
  },
}

/** Session, prompts, observations, seen ids and the manifest row in one transaction (ING-CRS-1). */
function commit(tx: WriteTx, deps: EngineDeps, input: CommitInput, project: string | null): IngestCommitted {
  const at = formatTime(deps.clock.nowMs())
  const cleaner = createIngestCleaner(deps.redactor)
  const session = input.session === null ? null : ingestSession(tx, deps, input.session, project, cleaner)
  const filedUnder = session === null || session.row.project === '' ? project : session.row.project
  if (filedUnder !== null && session !== null) ensureProject(tx, filedUnder, at)
  const filed = session === null ? null : { session: session.row, project: filedUnder }
  const prompts = filed === null ? 0 : ingestPrompts(tx, deps, input, filed, cleaner)
  // First what goes, so that a text filed anew under another name is no repetition of itself.
  const withdrawn = filed === null ? 0 : withdraw(tx, deps, input.withdraw)
  const candidates = filed === null ? [] : ingestCandidates(tx, deps, input.candidates, filed, cleaner)
  const source = putSource(tx, {
    ...input.source,
    project: filedUnder ?? '',
    reader_state: cleanState(input.source.reader_state, deps.redactor),
    updated_at: input.source.updated_at === '' ? at : input.source.updated_at,
  })
  markSeen(tx, input.source.agent, source, input.seen)
  dropSeenOf(tx, input.gone ?? [])
  countToday(tx, 'redactions', at, cleaner.places() + input.redacted)
  return {
    session: session?.outcome ?? 'none',
    project: filedUnder ?? '',
    prompts_saved: prompts,
    candidates,
    withdrawn,
    redacted: cleaner.places(),
  }
}
