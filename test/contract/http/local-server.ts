import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from '../../../src/api/caller.ts'
import type { ServeOptions } from '../../../src/cli/program-port.ts'
import { openEngine, type OpenedEngine } from '../../../src/open-engine.ts'
import type { Log, LogFields } from '../../../src/platform/log.ts'
import type { Embedder } from '../../../src/search/embedder.ts'
import { serve } from '../../../src/serve.ts'

/** A real server on a free port over a real engine in a directory of its own. */
export type LocalServer = {
  readonly port: number
  /** `host:port`; empty unless asked for. */
  readonly grpc: string
  readonly caller: Caller
  readonly dataDir: string
  /** What the program told its log, as text. */
  readonly told: string[]
  /** Sends JSON and reads JSON. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
  close(): Promise<void>
}

export type SendOptions = {
  readonly body?: unknown
  /** Sent as it is, with the type given in `headers`. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly json: Json }

/** Parsed JSON that a test looks into; what is not there reads as undefined and fails the expectation. */
export type Json = Readonly<Record<string, unknown>> & Readonly<Record<number, Readonly<Record<string, unknown>>>>

export async function startLocalServer(
  options: Partial<ServeOptions> & { readonly wrap?: (caller: Caller) => Caller; readonly embedder?: Embedder } = {},
): Promise<LocalServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'engram-http-'))
  const told: string[] = []
  const opened = await openEngine({
    dataDir,
    settings: { durability: 'normal' },
    log: recordingLog(told),
    ...(options.embedder === undefined ? {} : { embedder: options.embedder }),
  })
  const stop = new AbortController()
  const { served, address, grpc } = await listening(wrapped(opened, options.wrap), options, stop.signal)
  const port = Number(address.split(':').at(-1))
  return {
    port,
    grpc,
    caller: opened.caller,
    dataDir,
    told,
    send: (method, path, sent) => send(`http://127.0.0.1:${port}`, method, path, sent),
    close: async () => {
      stop.abort()
      await served
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

const wrapped = (opened: OpenedEngine, wrap: ((caller: Caller) => Caller) | undefined): OpenedEngine =>
  wrap === undefined ? opened : { ...opened, caller: wrap(opened.caller) }

type Places = { readonly address: string; readonly grpc: string }

async function listening(opened: OpenedEngine, options: Partial<ServeOptions>, signal: AbortSignal) {
  let listens: (places: Places) => void = () => undefined
  const places = new Promise<Places>((resolve) => (listens = resolve))
  const served = serve(
    opened,
    {
      host: '127.0.0.1',
      port: 0,
      socket: undefined,
      token: undefined,
      allowedHosts: [],
      projectOverride: undefined,
      onListening: (address, grpc = '') => listens({ address, grpc }),
      ...options,
    },
    signal,
  )
  const failed = served.then(() => Promise.reject(new Error('the server ended before it listened')))
  failed.catch(() => undefined)
  return { served, ...(await Promise.race([places, failed])) }
}

function recordingLog(told: string[]): Log {
  const tell =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void told.push(JSON.stringify({ level, message, ...fields }))
  return { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') }
}

export async function send(base: string, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const { body, raw, headers = {} } = options
  const response = await fetch(`${base}${path}`, {
    method,
    headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
    ...(raw === undefined ? (body === undefined ? {} : { body: JSON.stringify(body) }) : { body: raw as string }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (text === '' ? {} : JSON.parse(text)) as Json,
  }
}
