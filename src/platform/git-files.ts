import { lstatSync, readFileSync, realpathSync, statSync, type Stats } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

/** `prefix`: the path from the root down to where it was asked, `/` at its end; blank at the root itself. */
export type RepositoryFound = { readonly root: string; readonly commonDirectory: string; readonly prefix: string }

export type GitConfigValues = ReadonlyMap<string, string>

const smallBytesMax = 64 * 1024

/**
 * The repository a directory lies in as git's own files tell it, or null where there is none.
 *
 * - Answers only where git could not say otherwise: real paths, a plain `.git` folder or a linked work tree, all owned
 *   by who asks, on one file system. Everything else is `ask-git`.
 * - Two processes less at each start of an agent's hook, and a name also where git is not installed.
 */
export function repositoryByFiles(directory: string): RepositoryFound | null | 'ask-git' {
  try {
    const here = resolve(directory)
    if (process.platform === 'win32' || realpathSync(here) !== here) return 'ask-git'
    const { dev } = statSync(here)
    for (let at = here; ; at = dirname(at)) {
      const entry = lstatSync(join(at, '.git'), { throwIfNoEntry: false })
      if (entry !== undefined) return repositoryIn(at, entry, here)
      // A bare repository, or something like it: its rules are git's own.
      if (lstatSync(join(at, 'HEAD'), { throwIfNoEntry: false }) !== undefined) return 'ask-git'
      if (at === dirname(at)) return null
      if (statSync(dirname(at)).dev !== dev) return 'ask-git'
    }
  } catch {
    return 'ask-git'
  }
}

function repositoryIn(root: string, entry: Stats, here: string): RepositoryFound | 'ask-git' {
  const own = join(root, '.git')
  const common = entry.isDirectory() ? own : entry.isFile() ? commonOfLinked(own) : null
  if (common === null || ![root, own, common].every(isMine) || !looksLikeGit(common)) return 'ask-git'
  // A folder of git's own is no work tree.
  const below = relative(root, here)
  if (below === '.git' || below.startsWith(`.git${sep}`)) return 'ask-git'
  return { root, commonDirectory: common, prefix: below === '' ? '' : `${below}/` }
}

/** `.git` of a linked work tree is a line that names its folder, and that folder names the common one. */
function commonOfLinked(path: string): string | null {
  const named = /^gitdir: (.+)\n?$/.exec(smallText(path) ?? '')?.[1]
  if (named === undefined) return null
  const folder = resolve(dirname(path), named)
  const common = smallText(join(folder, 'commondir'))?.trim()
  return common === undefined || common === '' || !isMine(folder) ? null : resolve(folder, common)
}

/** Git refuses what belongs to somebody else, unless the user allowed it. */
const isMine = (path: string): boolean => statSync(path).uid === process.geteuid?.()

const looksLikeGit = (folder: string): boolean =>
  ['HEAD', 'objects', 'refs', 'config'].every(
    (name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
  ) && sayNoElse(smallText(join(folder, 'config')))

/** Settings that move the work tree, or that older programs must not go on with. */
const sayNoElse = (config: string | null): boolean =>
  config !== null && !/^\s*(worktree|bare\s*($|=(?!\s*false\s*$)))/im.test(config)

function smallText(path: string): string | null {
  const facts = statSync(path, { throwIfNoEntry: false })
  return facts?.isFile() === true && facts.size <= smallBytesMax ? readFileSync(path, 'utf8') : null
}

const headerShape = /^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"([^"\\]*)")?\s*\]\s*(?:[#;].*)?$/
const valueShape = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*?)\s*)?$/

/** The values of these keys in a clone's `config`; null where a line of it needs git's own reading. */
export function readLocalConfig(commonDirectory: string, keys: readonly string[]): GitConfigValues | null {
  try {
    const text = smallText(join(commonDirectory, 'config'))
    return text === null ? null : localConfigIn(text, keys)
  } catch {
    return null
  }
}

/** As {@link readLocalConfig}, of the text. Quotes, escapes and comments behind a value that is asked for are git's. Pure. */
export function localConfigIn(text: string, keys: readonly string[]): GitConfigValues | null {
  const values = new Map<string, string>()
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;].*)?$/.test(line)) continue
    if (/^\s*\[/.test(line)) {
      const [, name, below] = headerShape.exec(line) ?? []
      if (name === undefined) return null
      section = below === undefined ? name.toLowerCase() : `${name.toLowerCase()}.${below}`
      continue
    }
    const [, name = '', value = ''] = valueShape.exec(line) ?? []
    const key = `${section}.${name.toLowerCase()}`
    // A value may go on in the next line, which then looks like anything.
    if (name === '' || line.endsWith('\\')) return null
    if (!keys.includes(key)) continue
    if (/["\\#;]/.test(value)) return null
    values.set(key, value)
  }
  return values
}
