import { readMeta } from './meta-file.ts'
import { judgePending, settledMeta } from './pending.ts'
import { forEachLine } from './scan.ts'
import { pathsOf, temporaryPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

export type BadLine = {
  /** Raw line number, from 1. */
  readonly line: number
  readonly offset: number
  readonly reason: string
}

/** What a session's files hold, every line read (TRN-1004). */
export type Inspection = {
  readonly key: string
  readonly name: string
  readonly layout: string
  readonly bytes: number
  readonly rawLines: number
  readonly retained: number
  /** Retained and not hidden: what a compaction keeps. */
  readonly visible: number
  /** Raw lines hidden by truncation. */
  readonly hidden: number
  /** The first thousand; `badTotal` counts all. */
  readonly bad: readonly BadLine[]
  readonly badTotal: number
  /** Thoughts alone. */
  readonly transient: number
  /** The file ends within a line: a write in progress, or one a crash cut. The next append closes it. */
  readonly isTorn: boolean
  readonly meta: 'ok' | 'missing' | 'damaged'
  readonly metaReason: string | null
  /** A replacement is under way; the next write finishes it. */
  readonly isPending: boolean
  readonly createdAt: string
  readonly updatedAt: string
}

const badListedMax = 1_000

/** Reads every line of a session and repairs nothing; null when there is no such session. */
export async function inspectSession(store: StoreContext, name: string): Promise<Inspection | null> {
  const paths = pathsOf(store, name)
  const read = await readMeta(store.files, paths.meta)
  const found = read.state === 'ok' ? read.meta : null
  if (found !== null && found.deleting !== null) return null
  const pending = found?.pending ?? null
  const verdict = pending === null ? null : await judgePending(store, paths, pending)
  const meta = found === null || verdict === null ? found : settledMeta(found, verdict)
  const path = pending !== null && verdict === 'take' ? temporaryPath(store.directory, pending.file) : paths.transcript
  const lines = await inspectLines(store, path, meta?.skip ?? 0)
  if (read.state === 'missing' && lines === null) return null
  const {
    isTorn = false,
    bytes = 0,
    rawLines = 0,
    retained = 0,
    visible = 0,
    transient = 0,
    bad = [],
    badTotal = 0,
  } = lines ?? {}
  return {
    key: meta?.key ?? store.layout.keyOf(name) ?? name,
    name,
    layout: store.layout.name,
    bytes,
    rawLines,
    retained,
    visible,
    hidden: Math.min(meta?.skip ?? 0, rawLines),
    bad,
    badTotal,
    transient,
    isTorn,
    meta: read.state,
    metaReason: read.state === 'damaged' ? read.reason : null,
    isPending: pending !== null,
    createdAt: meta?.createdAt ?? '',
    updatedAt: meta?.updatedAt ?? '',
  }
}

type Lines = Pick<Inspection, 'bytes' | 'rawLines' | 'retained' | 'visible' | 'transient' | 'badTotal' | 'isTorn'> & {
  readonly bad: readonly BadLine[]
}

async function inspectLines(store: StoreContext, path: string, skip: number): Promise<Lines | null> {
  const facts = await store.files.facts(path)
  if (facts === null) return null
  if (facts.kind !== 'file') {
    const bad = [{ line: 0, offset: 0, reason: `not a file but a ${facts.kind}` }]
    return { bytes: 0, rawLines: 0, retained: 0, visible: 0, transient: 0, isTorn: false, bad, badTotal: 1 }
  }
  const file = await store.files.open(path, 'read')
  let [rawLines, retained, visible, transient, badTotal, isTorn] = [0, 0, 0, 0, 0, false]
  const bad: BadLine[] = []
  try {
    const { size } = await file.facts()
    await forEachLine(file, { offset: 0, line: 1 }, size, (line) => {
      rawLines++
      if (!line.isEnded) isTorn = true
      const decoded = store.layout.decode(line.bytes)
      if (decoded.kind === 'message') {
        if (decoded.isThought) transient++
        if (decoded.isThought && !store.keepsThoughts) return
        retained++
        if (line.number > skip) visible++
      } else if (line.isEnded) {
        badTotal++
        if (bad.length < badListedMax) bad.push({ line: line.number, offset: line.offset, reason: decoded.reason })
      }
    })
    return { bytes: size, rawLines, retained, visible, transient, isTorn, bad, badTotal }
  } finally {
    await file.close()
  }
}
