import { homedir } from 'node:os'
import { createProgram } from './app.ts'
import { runCommandLine } from './cli/main.ts'
import { processTerminal } from './cli/terminal.ts'

/** SIGINT and SIGTERM end work in order; a second one ends it at once (COL-2105). */
const abort = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (abort.signal.aborted) process.exit(130)
    abort.abort()
  })
}
// A reader that went away (`engram search … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const terminal = processTerminal(process, homedir())
process.exitCode = await runCommandLine(
  process.argv.slice(2),
  terminal,
  createProgram({ environment: process.env, homeDir: homedir(), isErrorTty: process.stderr.isTTY }),
  abort.signal,
)
