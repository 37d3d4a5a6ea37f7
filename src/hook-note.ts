import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { noteName, notesDirectory, type NotedTranscript } from './engine/noted-transcripts.ts'

/** Events after which a conversation holds something new; what compaction drops is still in the file then (ING-HOK-1). */
const growing: ReadonlySet<string> = new Set(['stop', 'subagent-stop', 'pre-compact', 'session-end'])
/** Agents whose conversations are read. */
const readAgents: ReadonlySet<string> = new Set(['claude-code', 'codex'])

export type Grown = {
  readonly agent: string
  /** The event's name as hooks are set up by it. */
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
}

/**
 * Notes that a conversation has grown, for whoever has time to read it on. Not fsynced: a note that is lost costs nothing,
 * since what grew is found without one too.
 */
export function noteTranscript(dataDir: string, { agent, name, input }: Grown, at: string): void {
  const path = input['transcript_path']
  if (!growing.has(name) || !readAgents.has(agent) || typeof path !== 'string' || !isAbsolute(path)) return
  // A hook that keeps nothing must not make the data dir.
  if (!existsSync(dataDir)) return
  const directory = notesDirectory(dataDir)
  const file = join(directory, noteName(path))
  const note: NotedTranscript = { agent, path, event: name, at }
  const next = `${file}.${process.pid}`
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(next, JSON.stringify(note), { mode: 0o600 })
  renameSync(next, file)
}
