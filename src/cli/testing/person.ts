import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { createProgram } from '../../app.ts'
import { runCommandLine } from '../main.ts'
import type { ProgramPort } from '../program-port.ts'
import type { Terminal } from '../terminal.ts'

export type PersonOptions = {
  readonly isTty?: boolean
  readonly columns?: number
  readonly colour?: boolean
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly directory?: string
  readonly homeDir?: string
  readonly input?: string | Uint8Array
  readonly executable?: readonly string[]
}

export type Printed = { out: string; err: string }

/** A terminal that keeps what is written on it. */
export function testTerminal(options: PersonOptions = {}): Terminal & { readonly printed: Printed } {
  const printed: Printed = { out: '', err: '' }
  return {
    isTty: options.isTty ?? false,
    isErrorTty: false,
    isInteractive: false,
    columns: options.columns ?? 80,
    colour: options.colour ?? false,
    environment: options.environment ?? {},
    directory: options.directory ?? '/nowhere',
    homeDir: options.homeDir ?? '/nowhere/home',
    executable: options.executable ?? ['/usr/bin/node', '/opt/engram/bin/engram.js'],
    write: (text) => void (printed.out += text),
    writeError: (text) => void (printed.err += text),
    inputParts: async function* () {
      const input = options.input ?? ''
      yield typeof input === 'string' ? new TextEncoder().encode(input) : input
    },
    pipes: { input: Readable.from([]), output: new PassThrough(), agentPid: 1 },
    printed,
  }
}

export type Said = { readonly code: number; readonly out: string; readonly err: string }

/** Somebody at a terminal, with a real engine over a data dir of their own. */
export type Person = {
  readonly home: string
  readonly dataDir: string
  readonly directory: string
  say(words: readonly string[], options?: PersonOptions & { readonly program?: ProgramPort }): Promise<Said>
  /** As {@link say} with `--json`; the answer parsed. */
  json(words: readonly string[], options?: PersonOptions): Promise<unknown>
  leave(): void
}

/** `like`: begins with a copy of what that person has, which is quicker than making it anew. */
export function person(like?: Person): Person {
  const home = mkdtempSync(join(tmpdir(), 'engram-cli-'))
  if (like !== undefined) cpSync(like.home, home, { recursive: true })
  const dataDir = join(home, '.engram')
  const say: Person['say'] = async (words, options = {}) => {
    // Transcripts are looked for in this home alone, never in that of whoever runs the tests.
    const agents = { CLAUDE_CONFIG_DIR: join(home, '.claude'), CODEX_HOME: join(home, '.codex') }
    const environment = { PATH: '/usr/bin:/bin', ...agents, ...options.environment }
    const terminal = testTerminal({ directory: home, homeDir: home, ...options, environment })
    const program = options.program ?? createProgram({ environment, homeDir: '/nowhere/home' })
    const code = await runCommandLine(words, terminal, program, new AbortController().signal)
    return { code, ...terminal.printed }
  }
  return {
    home,
    dataDir,
    directory: home,
    say,
    json: async (words, options) => {
      const said = await say([...words, '--json'], options)
      return JSON.parse(said.out) as unknown
    },
    leave: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** A program that must not be opened: what is refused is refused before. */
export const untouchable: ProgramPort = {
  version: '0.0.0-test',
  open: () => Promise.reject(new Error('the store was opened')),
  serve: () => Promise.reject(new Error('the server was started')),
  mcp: () => Promise.reject(new Error('an agent was served')),
  adopt: () => Promise.reject(new Error('the store was adopted')),
  nowMs: () => 0,
}
