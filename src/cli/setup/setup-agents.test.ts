import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { person, type Person } from '../testing/person.ts'
import { agents } from './agents.ts'

const executable = [process.execPath, resolve(import.meta.dirname, '../../../bin/engram.js')]
const environment = { CLAUDE_CONFIG_DIR: '', CODEX_HOME: '', XDG_CONFIG_HOME: '' }

/** Files of real shape: other servers, comments, other hooks, tabs, CRLF, no last line end. */
const files: Readonly<Record<string, string>> = {
  '.claude.json': `{\n  "numStartups": 12,\n  "mcpServers": {\n    "github": { "type": "http", "url": "https://example.org/mcp" }\n  },\n  "projects": {}\n}`,
  '.claude/settings.json': `{\n\t"model": "opus",\n\t"hooks": {\n\t\t"SessionStart": [\n\t\t\t{ "hooks": [{ "type": "command", "command": "echo hi" }] }\n\t\t]\n\t},\n\t"permissions": { "allow": ["Bash(ls:*)"] }\n}\n`,
  '.codex/config.toml': `# my own\nmodel = "gpt-5"   # fast\n\n[mcp_servers.docs]\ncommand = "docs"\nargs = ["--fast"]\n`,
  '.codex/AGENTS.md': `# Rules\n\nBe brief.\n`,
  '.codex/hooks.json': `{\n  "hooks": {\n    "Stop": [\n      { "hooks": [{ "type": "command", "command": "say done", "timeout": 30 }] }\n    ]\n  }\n}\n`,
  '.gemini/settings.json': `{\r\n    // theme\r\n    "theme": "dark",\r\n    "mcpServers": {},\r\n    "hooks": {\r\n        "BeforeTool": [\r\n            // mine\r\n            { "matcher": "run_shell_command", "hooks": [{ "type": "command", "command": "check" }] }\r\n        ]\r\n    }\r\n}\r\n`,
  '.config/opencode/opencode.json': `{\n  "$schema": "https://example.org/config.json",\n  /* two servers */\n  "mcp": {\n    "a": { "type": "local", "command": ["a"] }, // one\n  },\n}\n`,
  '.cursor/mcp.json': `{"mcpServers":{"x":{"command":"x"}}}`,
  '.cursor/hooks.json': `{\n  "version": 1,\n  "hooks": {\n    "stop": [\n      { "command": "./hooks/done.sh" }\n    ]\n  }\n}\n`,
  '.codeium/windsurf/mcp_config.json': ``,
  '.config/Code/User/settings.json': `{}\n`,
}

const state: { somebody: Person | null } = { somebody: null }
const somebody = (): Person => {
  if (state.somebody === null) throw new Error('nobody is there')
  return state.somebody
}
const at = (path: string): string => join(somebody().home, path)

function lay(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), text)
}

/** Every file of the home but the data dir, with its bytes; folders as such. */
function snapshot(): Readonly<Record<string, string>> {
  const entries = readdirSync(somebody().home, { recursive: true, withFileTypes: true })
  const paths = entries.map((one) => join(one.parentPath, one.name)).filter((path) => !path.startsWith(at('.engram')))
  return Object.fromEntries(
    paths.map((path) => [path, statSync(path).isFile() ? readFileSync(path, 'latin1') : 'folder']),
  )
}

const say = (...words: readonly string[]) => somebody().say(words, { executable, environment })

beforeEach(() => {
  state.somebody = person()
})
afterEach(() => somebody().leave())

describe('engram setup', () => {
  it('MEM-1501 MEM-1503 MEM-1504 every agent: set up, proved, again without a change, and taken back byte for byte', async () => {
    for (const [path, text] of Object.entries(files)) lay(path, text)
    const before = snapshot()
    const done = await say('setup', '--yes')
    expect(done).toMatchObject({ code: 0 })
    for (const one of agents) expect(done.out).toMatch(new RegExp(`Installed ${one.name} plugin \\(\\d files?\\)`))
    const after = snapshot()
    expect(Object.keys(after).filter((path) => after[path] !== before[path]).length).toBeGreaterThanOrEqual(14)

    for (const [path, text] of Object.entries(files)) {
      // Every line of the person still stands there as it was, but for a comma at its end.
      const lines = new Set(
        readFileSync(at(path), 'utf8')
          .split('\n')
          .map((line) => line.replace(/,?\r?$/, '')),
      )
      if (path.startsWith('.cursor/mcp')) continue
      for (const line of text.split('\n')) {
        const isKept = lines.has(line.replace(/,?\r?$/, '')) || /\{\}|\[\s*$/.test(line)
        expect({ path, line, isKept }).toMatchObject({ isKept: true })
      }
    }
    expect(readFileSync(at('.gemini/settings.json'), 'utf8').replaceAll('\r\n', '')).not.toContain('\n')

    expect(await say('setup', '--yes')).toMatchObject({ code: 0, out: 'Nothing to change.\n' })
    expect(snapshot()).toEqual(after)

    // The proof leaves nothing in memory.
    expect(await somebody().json(['projects', 'list'])).toEqual([])
    expect(await somebody().json(['session', 'list'])).toEqual([])

    expect(await say('uninstall', '--dry-run')).toMatchObject({ code: 0 })
    expect(snapshot()).toEqual(after)
    expect(await say('uninstall', '--yes')).toMatchObject({ code: 0 })
    expect(snapshot()).toEqual(before)
    expect(existsSync(at('.engram/setup/journal.jsonl'))).toBe(false)
  })

  it('MEM-1501 --dry-run shows each line that would come and changes nothing', async () => {
    lay('.cursor/mcp.json', '{\n  "mcpServers": {}\n}\n')
    const before = snapshot()
    const { code, out } = await say('setup', '--dry-run')
    expect(code).toBe(0)
    expect(out).toContain('+     "engram": {')
    expect(out).toContain('DRY RUN')
    expect(snapshot()).toEqual(before)
  })

  it('MEM-1501 nobody to ask: nothing is written without --yes', async () => {
    lay('.cursor/mcp.json', '{}')
    expect(await say('setup')).toMatchObject({ code: 2 })
    expect(readFileSync(at('.cursor/mcp.json'), 'utf8')).toBe('{}')
  })

  it.each([
    ['.cursor/mcp.json', '{ "mcpServers": { "x": ', 'it is not valid JSON'],
    ['.cursor/mcp.json', '[]', 'it is not valid JSON with an object at its root'],
    ['.cursor/mcp.json', '{ "mcpServers": "none" }', 'it is not valid JSON with an object at mcpServers'],
    [
      '.cursor/hooks.json',
      '{ "version": 1, "hooks": { "stop": "none" } }',
      'it is not valid JSON with a list at hooks.stop',
    ],
    ['.codex/hooks.json', '{ "hooks": [', 'it is not valid JSON'],
    ['.codex/config.toml', 'model = \n[', 'it is not valid TOML'],
    ['.codex/config.toml', '[mcp_servers.engram]\ncommand = "mine"\n', 'it already has its own [mcp_servers.engram]'],
  ])('MEM-1503 %s of %j is left alone, and that is said', async (path, text, reason) => {
    lay(path, text)
    const { code, err } = await say('setup', '--yes')
    expect(code).toBe(1)
    expect(err).toContain(`left alone: ${at(path)}: ${reason}`)
    expect(readFileSync(at(path), 'utf8')).toBe(text)
  })

  it('MEM-1503 a file that cannot be written is left alone, the others are set up', async () => {
    lay('.cursor/mcp.json', '{}\n')
    lay('.gemini/settings.json', '{}\n')
    // A folder in the way of the file's temporary neighbour would do too; a folder as the file itself works for root.
    rmSync(at('.cursor/mcp.json'))
    mkdirSync(at('.cursor/mcp.json'))
    chmodSync(at('.cursor'), 0o500)
    const { code, err } = await say('setup', '--yes')
    chmodSync(at('.cursor'), 0o700)
    expect(code).toBe(1)
    expect(err).toContain(`left alone: ${at('.cursor/mcp.json')}: it is no file`)
    expect(readFileSync(at('.gemini/settings.json'), 'utf8')).toContain('engram')
  })

  it('MEM-1504 what the person changed since stays; only ours goes', async () => {
    lay('.cursor/mcp.json', '{\n  "mcpServers": {\n    "x": { "command": "x" }\n  }\n}\n')
    lay('.codex/config.toml', 'model = "a"\n')
    lay('.claude/settings.json', files['.claude/settings.json'] ?? '')
    await say('setup', '--yes')
    const edit = (path: string, from: string, to: string): void =>
      writeFileSync(at(path), readFileSync(at(path), 'utf8').replace(from, to))
    edit('.cursor/mcp.json', '"x": {', '"y": { "command": "y" },\n    "x": {')
    edit('.codex/config.toml', 'model = "a"', 'model = "b"')
    edit('.claude/settings.json', '"opus"', '"haiku"')
    const { out } = await say('uninstall', '--yes')
    expect(out).toContain(`cleaned   ${at('.cursor/mcp.json')}`)
    const cursor = JSON.parse(readFileSync(at('.cursor/mcp.json'), 'utf8')) as unknown
    expect(cursor).toEqual({ mcpServers: { y: { command: 'y' }, x: { command: 'x' } } })
    expect(readFileSync(at('.codex/config.toml'), 'utf8')).toBe('model = "b"\n')
    const settings = JSON.parse(readFileSync(at('.claude/settings.json'), 'utf8')) as unknown
    expect(settings).toEqual({ ...(JSON.parse(files['.claude/settings.json'] ?? '') as object), model: 'haiku' })
  })

  it.each([
    ['with servers of its own', '"mcpServers": {\n    "x": { "command": "x" }\n  },\n  '],
    ['without any', ''],
  ])('MEM-1504 a file with a long history, %s, gets its very bytes back too', async (_, servers) => {
    const history = JSON.stringify('a long conversation '.repeat(100_000))
    const text = `{\n  ${servers}"history": ${history}\n}\n`
    lay('.claude.json', text)
    expect(await say('setup', 'claude-code', '--yes')).toMatchObject({ code: 0 })
    expect(readFileSync(at('.claude.json'), 'utf8')).toContain('"engram"')
    expect((await say('uninstall', '--yes')).out).toContain(`restored  ${at('.claude.json')}`)
    expect(readFileSync(at('.claude.json'), 'utf8') === text).toBe(true)
  })

  it('MEM-1501 one agent may be named, an unknown one is refused', async () => {
    expect(await say('setup', 'cursor', '--yes')).toMatchObject({ code: 0, out: expect.stringContaining('cursor') })
    expect(await say('setup', 'emacs', '--yes')).toMatchObject({ code: 2 })
  })

  it('ING-HOK-2 engram hooks install, status and uninstall are set-up for Claude Code', async () => {
    expect((await say('hooks', 'status')).out).toContain('claude-code is not set up')
    expect(await say('hooks', 'install', '--yes')).toMatchObject({ code: 0 })
    expect((await say('hooks', 'status')).out).toContain('claude-code is set up')
    expect(readFileSync(at('.claude/settings.json'), 'utf8')).toContain('session-start')
    expect(await say('hooks', 'uninstall', '--yes')).toMatchObject({ code: 0 })
    expect(existsSync(at('.claude/settings.json'))).toBe(false)
  })
})
