import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { Tree } from './tree.ts'

const notOurs = /^(?:node_modules|dist|dist-package|coverage|\.git|\.engram)\//

/** The repository's text files: what git tracks, and what it would (new files count before they are added). */
export function readTree(root: string): Tree {
  const tree = new Map<string, string>()
  for (const path of pathsOf(root)) {
    const text = textOf(join(root, path))
    if (text !== null) tree.set(path, text)
  }
  return tree
}

function pathsOf(root: string): readonly string[] {
  try {
    const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: 'pipe' } as const
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options)
    return listed.split('\0').filter((path) => path !== '')
  } catch {
    // An unpacked archive: no git, or no repository.
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((path) => !notOurs.test(path))
  }
}

function textOf(path: string): string | null {
  try {
    const bytes = readFileSync(path)
    return bytes.includes(0) ? null : bytes.toString('utf8')
  } catch {
    // Deleted since git listed it, or a link to nowhere.
    return null
  }
}
