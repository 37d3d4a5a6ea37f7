import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Input, Output } from '../../src/api/operations.ts'
import type { IngestDoors } from '../../src/ingest/doors.ts'
import { runIngest } from '../../src/ingest/run.ts'
import { createRedactor } from '../../src/engine/rules/redact.ts'
import type { CallContext } from '../../src/model/operation.ts'
import { openEngine, type OpenedEngine } from '../../src/open-engine.ts'
import { SimulatedClock } from '../../src/platform/clock.ts'
import { systemLocks } from '../../src/platform/file-lock.ts'
import { systemFiles, type Files } from '../../src/platform/files.ts'
import { silentLog } from '../../src/platform/log.ts'
import { JsonlStore } from '../../src/transcript/jsonl-store.ts'

/** Everything below is read at this time; files are old unless a test says otherwise. */
export const worldNowMs = Date.UTC(2026, 5, 1, 12)
export const longAgoMs = worldNowMs - 10 * 24 * 3_600_000

/** A home of agents and a data dir, both in one temporary folder. */
export type Places = {
  readonly folder: string
  readonly dataDir: string
  readonly claude: string
  readonly codex: string
  readonly home: string
}

export function makePlaces(): Places {
  const folder = mkdtempSync(join(tmpdir(), 'engram-ingest-'))
  const places = {
    folder,
    dataDir: join(folder, 'data'),
    claude: join(folder, 'claude-config'),
    codex: join(folder, 'codex-home'),
    home: join(folder, 'home'),
  }
  for (const path of Object.values(places)) mkdirSync(path, { recursive: true })
  return places
}

export const dropPlaces = (places: Places): void => rmSync(places.folder, { recursive: true, force: true })

/** A program over the places: real store, real archive, real files; only the clock stands still. */
export type World = {
  readonly places: Places
  readonly opened: OpenedEngine
  readonly transcripts: JsonlStore
  readonly clock: SimulatedClock
  readonly doors: IngestDoors
  run(input?: Input<'ingest.run'>, context?: CallContext): Promise<Output<'ingest.run'>>
  close(): Promise<void>
}

export async function openWorld(
  places: Places,
  options: { readonly files?: Files; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<World> {
  const clock = new SimulatedClock(worldNowMs)
  const environment = {
    PATH: process.env['PATH'] ?? '',
    CLAUDE_CONFIG_DIR: places.claude,
    CODEX_HOME: places.codex,
    ...options.environment,
  }
  const opened = await openEngine({ dataDir: places.dataDir, clock, environment, homeDir: places.home })
  const redactor = createRedactor()
  const transcripts = await JsonlStore.open(join(places.dataDir, 'transcripts'), {
    clock,
    redact: (text) => {
      const cleaned = redactor.clean(text)
      return { text: cleaned.text, places: cleaned.kinds.length + cleaned.privateBlocks }
    },
  })
  const doors: IngestDoors = {
    caller: opened.caller,
    transcripts: { open: () => Promise.resolve(transcripts) },
    files: options.files ?? systemFiles,
    locks: systemLocks,
    clock,
    environment,
    homeDir: places.home,
    dataDir: places.dataDir,
    log: silentLog,
  }
  return {
    places,
    opened,
    transcripts,
    clock,
    doors,
    run: (input = {}, context = {}) => runIngest(doors, input as Parameters<typeof runIngest>[1], context),
    close: async () => {
      await transcripts.close()
      await opened.close()
    },
  }
}

/** Runs once over the places and closes again. */
export async function withWorld<T>(places: Places, work: (world: World) => Promise<T>): Promise<T> {
  const world = await openWorld(places)
  try {
    return await work(world)
  } finally {
    await world.close()
  }
}

export function writeOld(path: string, content: string | Uint8Array, mtimeMs = longAgoMs): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  touch(path, mtimeMs)
}

export const touch = (path: string, mtimeMs = longAgoMs): void => utimesSync(path, mtimeMs / 1_000, mtimeMs / 1_000)

/** Published sessions, not part of this repository. */
export const publishedFolder = '../shared/data/transcripts'
export const isPublishedHere = existsSync(publishedFolder)

export function copyPublished(places: Places): void {
  cpSync(join(publishedFolder, 'claude-code/projects'), join(places.claude, 'projects'), { recursive: true })
  cpSync(join(publishedFolder, 'codex/sessions'), join(places.codex, 'sessions'), { recursive: true })
  for (const root of [places.claude, places.codex]) {
    for (const path of filesBelow(root)) touch(path)
  }
}

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

export type Snapshot = {
  readonly sessions: readonly unknown[]
  readonly prompts: readonly unknown[]
  readonly observations: readonly { readonly provenance: Readonly<Record<string, unknown>> }[]
  readonly transcripts: readonly unknown[]
}

/** All that ingest made, in a form two runs can be compared by: times of writing and counters left out. */
export async function snapshotOf(world: World): Promise<Snapshot> {
  const { store } = world.opened.deps
  const rows = store.read((tx) => ({
    sessions: tx.all('SELECT id, project, directory, started_at, ended_at, summary, agent FROM sessions ORDER BY id'),
    prompts: tx.all(
      'SELECT session_id, source_inbox_id, content, project, created_at FROM prompts ORDER BY session_id, source_inbox_id',
    ),
    observations: tx
      .all<{ provenance: string }>(
        `SELECT sync_id, session_id, type, title, content, tool_name, project, confidence, created_at, provenance
         FROM observations WHERE deleted_at IS NULL ORDER BY sync_id`,
      )
      .map((row) => ({ ...row, provenance: lasting(row.provenance) })),
  }))
  const { sessions } = await world.transcripts.listSessions({ limit: 1_000, sort: 'key' })
  const transcripts = []
  for (const { key } of sessions) {
    const history = await world.transcripts.getHistory(key)
    transcripts.push({ key, history, notes: await world.transcripts.notes(key) })
  }
  return { ...rows, transcripts }
}

/** Without when it was extracted, and by which version of the row it is known. */
function lasting(provenance: string): Readonly<Record<string, unknown>> {
  const { extracted_at: _at, version: _version, ...kept } = JSON.parse(provenance) as Record<string, unknown>
  return kept
}

/** The change clock: it stands still when nothing that travels changed. */
export const changesIn = (world: World): number =>
  world.opened.deps.store.read((tx) =>
    Number(tx.get<{ value: string }>(`SELECT value FROM meta WHERE key = 'change_seq'`)?.value),
  )
