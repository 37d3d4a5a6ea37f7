import { resolve } from 'node:path'
import { type GitConfigValues, readLocalConfig, type RepositoryFound, repositoryByFiles } from './git-files.ts'

/** The system's git as an input. Never a shell; environment cleaned of the variables a git hook sets (EXC-GIT-10). */
export interface Git {
  /** Standard output of `git -C <directory> <args>`, or null when git fails, is missing, or takes too long. */
  run(directory: string, args: readonly string[], timeoutMs: number): Promise<string | null>
  /** The repository a directory lies in, or null. Told by its own files where they leave no doubt: a process less. */
  repositoryOf(directory: string, timeoutMs: number): Promise<RepositoryFound | null>
  /** Values of a clone's own settings, the last of each key; never those of the user or the machine. */
  localConfig(found: RepositoryFound, keys: readonly string[], timeoutMs: number): Promise<GitConfigValues>
}

const fixedArguments = ['-c', 'core.quotePath=false', '-c', 'core.fsmonitor=false', '-c', 'protocol.ext.allow=never']
const outputBytesMax = 16 * 1024 * 1024

/** @param environment the process's variables; those named `GIT_*` are not handed on. */
export function systemGit(environment: Readonly<Record<string, string | undefined>>): Git {
  const run = runner(environment)
  return {
    run,
    repositoryOf: async (directory, timeoutMs) => {
      const told = repositoryByFiles(directory)
      return told === 'ask-git' ? repositoryByGit(run, directory, timeoutMs) : told
    },
    localConfig: async (found, keys, timeoutMs) =>
      readLocalConfig(found.commonDirectory, keys) ?? configByGit(run, found.root, keys, timeoutMs),
  }
}

function runner(environment: Readonly<Record<string, string | undefined>>): Git['run'] {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('GIT_'))
  const env = { ...Object.fromEntries(kept), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
  return (directory, args, timeoutMs) =>
    new Promise((answer) => {
      // Asked for here: it is a tenth of a cold start, and most processes never run git.
      const { execFile } = process.getBuiltinModule('node:child_process')
      execFile(
        'git',
        ['-C', directory, ...fixedArguments, ...args],
        { env, timeout: timeoutMs, maxBuffer: outputBytesMax, windowsHide: true },
        (error, stdout) => answer(error === null ? stdout : null),
      )
    })
}

async function repositoryByGit(run: Git['run'], directory: string, timeoutMs: number): Promise<RepositoryFound | null> {
  const answer = await run(directory, ['rev-parse', '--show-toplevel', '--git-common-dir', '--show-prefix'], timeoutMs)
  const [root = '', common = '', prefix = ''] = (answer ?? '').split('\n')
  if (root === '' || common === '') return null
  // Relative to where git was asked, in the versions that know no other form.
  return { root, commonDirectory: resolve(directory, common), prefix }
}

async function configByGit(
  run: Git['run'],
  root: string,
  keys: readonly string[],
  timeoutMs: number,
): Promise<GitConfigValues> {
  const pattern = `^(${keys.map((key) => key.replaceAll('.', '[.]')).join('|')})$`
  const answer = await run(root, ['config', '--local', '--get-regexp', pattern], timeoutMs)
  return new Map((answer ?? '').split('\n').map((line) => splitOnce(line, ' ')))
}

function splitOnce(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator)
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}
