import type { SyncStore } from '../model/ports.ts'
import type { KnownChunk, SyncSelection } from '../model/sync.ts'
import { formatTime } from '../model/times.ts'
import { changeSeqNow, originOf } from '../store/change-clock.ts'
import { chunksOf, isHashKnown, putChunk } from '../store/chunk-index.ts'
import { countDeferred } from '../store/deferred.ts'
import { cursorOf, forgetRemote, lastChunksOf, setCursor, setLastChunk } from '../store/remotes.ts'
import type { EngineDeps } from './handler.ts'
import { acceptChunk, acceptPrepared, noteKnown, replayWaiting } from './sync-accept.ts'
import { changesAfter, countUntold } from './sync-changes.ts'

/** Each selection is told for itself: what one leaves out, another may hold (CHK-501). */
const nameOf = ({ project, includePersonal, withAuto }: SyncSelection): string =>
  JSON.stringify([project, includePersonal, withAuto])

/** Memory as whoever carries chunks sees it: one accept path for files, cloud and folders (CHK-306). */
export function createSyncStore(
  deps: Pick<EngineDeps, 'store' | 'clock' | 'redactor' | 'settings' | 'version'>,
): SyncStore {
  const { store } = deps
  const at = (): string => formatTime(deps.clock.nowMs())
  return {
    get origin() {
      return store.read(originOf)
    },
    writer: `engram/${deps.version}`,
    cursor: (remote, selection) =>
      store.read((tx) => ({ cursor: cursorOf(tx, remote, nameOf(selection)), lastChunks: lastChunksOf(tx, remote) })),
    changes: (remote, selection, after, until) =>
      store.read((tx) => changesAfter(tx, deps, remote ?? '', selection, after, until)),
    changeSeqNow: () => store.read(changeSeqNow),
    countUntold: (remote, selection) =>
      store.read((tx) => countUntold(tx, remote, selection, cursorOf(tx, remote, nameOf(selection)) ?? 0)),
    knownChunks: (remote) => store.read((tx) => chunksOf(tx, remote)),
    knownHashes: (hashes) => store.read((tx) => new Set(hashes.filter((hash) => isHashKnown(tx, hash)))),
    accept: (remote, chunk, records, refused) =>
      store.write((tx) => acceptChunk(tx, deps, remote, chunk, records, refused)),
    acceptPrepared: (remote, chunk, prepared) => store.write((tx) => acceptPrepared(tx, deps, remote, chunk, prepared)),
    noteChunks: (remote, chunks) =>
      store.write((tx) => {
        for (const chunk of chunks) noteKnown(tx, remote, chunk, at())
      }),
    noteExport: (remote, selection, cursor, chunk: KnownChunk | null) =>
      store.write((tx) => {
        setCursor(tx, remote, nameOf(selection), cursor)
        if (chunk === null) return
        putChunk(tx, remote, chunk, at())
        setLastChunk(tx, remote, 'written', chunk.id, at())
      }),
    forget: (remote) => store.write((tx) => forgetRemote(tx, remote)),
    replay: (remote) => store.write((tx) => replayWaiting(tx, deps, remote)),
    countDeferred: () => store.read((tx) => countDeferred(tx, 'deferred')),
  }
}
