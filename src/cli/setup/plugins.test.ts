import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { withChange } from './edit.ts'
import { claudeEvents, hookItems } from './hooks.ts'
import { openCodePlugin } from './opencode-plugin.ts'

/** Plug-ins start `engram` from the PATH; but for that they are what set-up writes. */
const started = { executable: ['engram'], dataDirOptions: [] }
const plugin = (path: string): string => readFileSync(resolve(import.meta.dirname, '../../../plugins', path), 'utf8')

it('MEM-1602 the plug-in of Claude Code hears what set-up writes', () => {
  const items = hookItems('claude-code', claudeEvents, started, { kind: 'grouped', perSecond: 1 })
  expect(JSON.parse(plugin('claude-code/hooks/hooks.json'))).toEqual(JSON.parse(items.reduce(withChange, '{}')))
})

it('MEM-1602 the plug-in of OpenCode is what set-up writes', () => {
  expect(plugin('opencode/engram.ts')).toBe(openCodePlugin(started.executable, started.dataDirOptions))
})

it('MEM-1602 a path with blanks, quotes and backslashes stays one word of the plug-in', async () => {
  const words = [`C:\\Program Files\\"o'clock"\\engram.js`, "--data-dir=/home/it's here"]
  const [, program, options] =
    /const program = (.*)\nconst options = (.*)\n/.exec(openCodePlugin(words.slice(0, 1), words.slice(1))) ?? []
  const url = `data:text/javascript,${encodeURIComponent(`export const words = [...${program}, ...${options}]`)}`
  const made = (await import(url)) as { readonly words: readonly string[] }
  expect(made.words).toEqual(words)
})
