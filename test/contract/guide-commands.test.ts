import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flagWords, globalOptions, groups } from '../../src/cli/command-groups.ts'
import type { Command } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands/all.ts'

/** What the guides name exists, and what exists stands in the guide. */

const root = resolve(import.meta.dirname, '../..')
const pagesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
const read = (path: string) => ({ path, text: readFileSync(join(root, path), 'utf8') })
const documents = ['README.md', ...pagesIn('docs/guide')].map(read)
const linked = [...documents, ...['docs', 'docs/adr', 'spec'].flatMap(pagesIn).map(read)]

const paths = new Map<string, Command>(
  commands.flatMap((one) => [one.path, ...(one.aliases ?? [])].map((path) => [path, one] as const)),
)
const everywhere = [...globalOptions.flatMap(([flags]) => flagWords(flags)), '--help']
const flagsOf = (command: Command): readonly string[] => [
  ...everywhere,
  ...(command.options ?? []).flatMap(({ flags }) => [...flagWords(flags), ...flags.split(/[ ,]+/)]),
]

type Line = { readonly line: number; readonly text: string }

/** Lines of fenced code as they stand, but for what is refused on purpose, and each piece of code within a paragraph. */
function codeIn(markdown: string): readonly Line[] {
  let isFenced = false
  return markdown.split('\n').flatMap((text, index, all): readonly Line[] => {
    const line = index + 1
    if (text.startsWith('```')) {
      isFenced = !isFenced
      return []
    }
    if (isFenced) return all[index + 1]?.startsWith('engram: ') === true ? [] : [{ line, text }]
    return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({ line, text: code }))
  })
}

/** The words after each `engram` of a line of code, up to a pipe, a closing bracket, a remark or the end. */
const calls = (text: string): readonly (readonly string[])[] =>
  [...text.matchAll(/(?:^|[\s$(])(?:npx )?engram((?: +[^\s|)#;]+)+)/g)].map(([, words = '']) =>
    words
      .trim()
      .split(/ +/)
      .map((word) => word.replace(/^\[|\]$/g, '')),
  )

/** What is wrong with a call; null for nothing. Words in capitals and in angle brackets stand for something. */
function wrongIn(words: readonly string[]): string | null {
  const known = [2, 1].map((length) => words.slice(0, length).join(' ')).find((path) => paths.has(path))
  const command = known === undefined ? undefined : paths.get(known)
  const flags = words.flatMap((word) => /^--?[a-z][a-z-]*/.exec(word)?.[0] ?? [])
  if (command !== undefined) {
    const wrong = flags.filter((flag) => !flagsOf(command).includes(flag))
    return wrong.length === 0 ? null : `engram ${known}: no flag ${wrong.join(', ')}`
  }
  const [first = ''] = words
  // Flags before the command, help, and output such as `engram 0.1.0`.
  if (first.startsWith('--data-dir')) return wrongIn(words.slice(2))
  if (!/^[a-z][a-z-]+$/.test(first) || first === 'help' || (words.length === 1 && first in groups)) return null
  return `engram ${words.slice(0, 2).join(' ')}: no such command`
}

describe('the guides', () => {
  it('cli.md names every command, and shows each in an example', () => {
    const text = documents.find(({ path }) => path.endsWith('/cli.md'))?.text ?? ''
    const shown = codeIn(text)
    const missing = commands
      .filter((one) => one.hidden !== true)
      .flatMap(({ path }) => {
        const isListed = text.includes(`| \`engram ${path}\``) || text.includes(`| \`engram ${path} `)
        const isShown = shown.some((code) => code.text.startsWith(`$ engram ${path}`))
        return [...(isListed ? [] : [`${path}: no row`]), ...(isShown ? [] : [`${path}: no example`])]
      })
    expect(missing, 'docs/guide/cli.md').toEqual([])
  })

  it.each(documents)('$path names only commands and flags there are', ({ path, text }) => {
    const wrong = codeIn(text).flatMap(({ line, text: code }) =>
      calls(code).flatMap((words) => {
        const what = wrongIn(words)
        return what === null ? [] : [`${path}:${line} ${what}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  it.each(linked)('$path: every link leads somewhere', ({ path, text }) => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const broken = targets.filter((target) => !/^https?:/.test(target) && !leads(path, target))
    expect(broken).toEqual([])
  })
})

function leads(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? join(root, from) : join(root, dirname(from), file)
  if (!existsSync(path)) return false
  return anchor === undefined || headings(readFileSync(path, 'utf8')).includes(anchor)
}

const headings = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('reading them', () => {
  it.each([
    ['$ engram search pool --limit 2', null],
    ['npx engram add PROJECT CATEGORY TEXT', null],
    ['engram search WORDS [--explain]', null],
    ['git log | engram save "Why" - --type decision', null],
    ['for p in $(engram projects --names); do engram recall "$p"; done', null],
    ['engram conflicts settle cfl-01 --take 1', null],
    ['engram 0.1.0', null],
    ['engram help search', null],
    ['engram backup', null],
    ['engram serch pool', 'engram serch pool: no such command'],
    ['engram backup creat', 'engram backup creat: no such command'],
    ['engram search pool --colour red', 'engram search: no flag --colour'],
    ['true | engram search --json --fast', 'engram search: no flag --fast'],
  ])('%s', (code, wrong) => {
    expect(
      calls(code)
        .map(wrongIn)
        .find((what) => what !== null) ?? null,
    ).toBe(wrong)
  })
})
