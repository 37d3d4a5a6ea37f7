import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import { isatty } from 'node:tty'

/** The person's side of the program as an input, so that tests can be that person. */
export interface Terminal {
  readonly isTty: boolean
  readonly isErrorTty: boolean
  /** Whether answers can be typed. */
  readonly isInteractive: boolean
  readonly columns: number
  readonly colour: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly homeDir: string
  /** How this program is started again: the runtime and the script, absolute paths. */
  readonly executable: readonly string[]
  write(text: string): void
  writeError(text: string): void
  /** Standard input as it comes; waiting for more ends with the signal. */
  inputParts(signal: AbortSignal): AsyncIterable<Uint8Array>
  /** For a program at the other end: raw pipes, and the process that holds them. */
  readonly pipes: { readonly input: Readable; readonly output: Writable; readonly agentPid: number }
}

const columnsDefault = 80
/** Below this nothing can be laid out; the terminal may then break lines itself. */
const columnsMin = 20
/** Its number: to look at the stream itself would open it, and most commands read nothing. */
const standardInput = 0

/** The process's own terminal. Colour obeys NO_COLOR, FORCE_COLOR and whether anybody is there to see it. */
export function processTerminal(process: NodeJS.Process, homeDir: string): Terminal {
  const { env, stdout, stderr } = process
  const isTty = isatty(stdout.fd)
  // Whoever reads the messages may go away before we are done; that is no failure.
  stderr.on('error', () => undefined)
  return {
    isTty,
    isErrorTty: isatty(stderr.fd),
    isInteractive: isTty && isatty(standardInput),
    columns: Math.max(columnsMin, stdout.columns ?? columnsDefault),
    colour: wantsColour(env, isTty),
    environment: env,
    directory: process.cwd(),
    homeDir,
    executable: [process.execPath, ...process.argv.slice(1, 2)],
    write: (text) => void stdout.write(text),
    writeError: (text) => void stderr.write(text),
    // Asked for here: streams are a part of a cold start that most commands do without.
    inputParts: (signal) =>
      process.getBuiltinModule('node:stream').addAbortSignal(signal, process.stdin) as AsyncIterable<Uint8Array>,
    // Standard input is opened by who reads it: a getter, or every command would wait for its end.
    get pipes() {
      return { input: process.stdin, output: stdout, agentPid: process.ppid }
    },
  }
}

/** `isWhole`: every byte of it was UTF-8. */
export type InputText = { readonly text: string; readonly isWhole: boolean }

/** All of standard input as text; a byte order mark is left out, and what is no UTF-8 becomes U+FFFD. */
export async function readInput(terminal: Pick<Terminal, 'inputParts'>, signal: AbortSignal): Promise<InputText> {
  const parts: Uint8Array[] = []
  for await (const part of terminal.inputParts(signal)) parts.push(part)
  const bytes = Buffer.concat(parts)
  return { text: new TextDecoder().decode(bytes), isWhole: isUtf8(bytes) }
}

function wantsColour(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0') return true
  return isTty && env['TERM'] !== 'dumb'
}
