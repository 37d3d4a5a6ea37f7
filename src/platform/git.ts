import { execFile } from 'node:child_process'

/** The system's git as an input. Never a shell; environment cleaned of the variables a git hook sets (EXC-GIT-10). */
export interface Git {
  /** Standard output of `git -C <directory> <args>`, or null when git fails, is missing, or takes too long. */
  run(directory: string, args: readonly string[], timeoutMs: number): Promise<string | null>
}

const fixedArguments = ['-c', 'core.quotePath=false', '-c', 'core.fsmonitor=false', '-c', 'protocol.ext.allow=never']

/** @param environment the process's variables; those named `GIT_*` are not handed on. */
export function systemGit(environment: Readonly<Record<string, string | undefined>>): Git {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('GIT_'))
  const env = { ...Object.fromEntries(kept), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
  return {
    run: (directory, args, timeoutMs) =>
      new Promise((resolve) => {
        execFile(
          'git',
          ['-C', directory, ...fixedArguments, ...args],
          { env, timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024, windowsHide: true },
          (error, stdout) => resolve(error === null ? stdout : null),
        )
      }),
  }
}
