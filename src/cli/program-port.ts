import type { Readable, Writable } from 'node:stream'
import type { AdoptResult } from '../api/backup.ts'
import type { Caller } from '../api/caller.ts'
import type { ServerSettings } from '../model/server-settings.ts'
import type { Config } from './config.ts'

/** What the composition root offers the command line beyond single operations. */
export interface ProgramPort {
  readonly version: string
  /** The engine over the data dir of the config. Throws EngramError. */
  open(config: Config): Promise<OpenedProgram>
  /** Serves until the signal aborts; resolves when everything is closed. */
  serve(config: Config, options: ServeOptions, signal: AbortSignal): Promise<ServeOutcome>
  /** Serves one agent over its pipes until it goes or the signal aborts. */
  mcp(config: Config, options: McpOptions, signal: AbortSignal): Promise<void>
  /**
   * Moves a database of the Go program in (MEM-106). Not an operation of the engine, because such a data dir cannot be
   * opened before. `path`: the database to read, by default the one in the data dir.
   */
  adopt(config: Config, options: { readonly dryRun: boolean; readonly path: string | undefined }): Promise<AdoptResult>
  /** Wall time, milliseconds since 1970. */
  nowMs(): number
}

export type OpenedProgram = { readonly caller: Caller; close(): Promise<void> }

export type ServeOptions = {
  readonly host: string
  readonly port: number
  readonly socket: string | undefined
  /** Where gRPC listens too; nowhere when left out. */
  readonly grpc?: { readonly host: string; readonly port: number } | undefined
  readonly token: string | undefined
  readonly allowedHosts: readonly string[]
  /** `--project` or ENGRAM_PROJECT: what reads without a project are about. */
  readonly projectOverride: string | undefined
  /** What else may be set; the defaults when left out. */
  readonly server?: ServerSettings
  /** How long running requests may take once the server is told to stop; 5 s when left out. */
  readonly stopTimeoutMs?: number
  readonly onListening: (address: string, grpcAddress?: string) => void
}

export type McpOptions = {
  /** Profiles and names of tools; `core` when left out. */
  readonly tools: string | undefined
  readonly directory: string
  readonly projectOverride: string | undefined
  readonly timezone: string | undefined
  readonly agentPid: number
  readonly input: Readable
  readonly output: Writable
}

/** `already`: the same data dir is served there by another process (MEM-1301). */
export type ServeOutcome = 'stopped' | 'already'
