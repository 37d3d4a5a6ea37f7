import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Change } from './edit.ts'
import { claudeEvents, codexEvents, cursorEvents, geminiEvents, hookItems } from './hooks.ts'
import { openCodePlugin } from './opencode-plugin.ts'
import { protocolText } from './protocol.ts'

/** Where a person's agents keep what they read. */
export type Home = {
  readonly homeDir: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** How the program is started: absolute paths, then options such as `--data-dir`. */
  readonly executable: readonly string[]
  readonly dataDirOptions: readonly string[]
}

export type Wish = { readonly path: string; readonly changes: readonly Change[] }

export type Agent = {
  readonly name: string
  readonly title: string
  readonly isInstalled: (home: Home) => boolean
  readonly wishes: (home: Home) => readonly Wish[]
  /** What is left to the person. */
  readonly note?: string
}

export const mcpWords = (home: Home): readonly string[] => [
  ...home.executable,
  'mcp',
  '--tools=core',
  ...home.dataDirOptions,
]

function server(home: Home): { readonly command: string; readonly args: readonly string[] } {
  const [command = 'engram', ...args] = mcpWords(home)
  return { command, args }
}

export const claudeDirectory = ({ environment, homeDir }: Pick<Home, 'environment' | 'homeDir'>): string =>
  environment['CLAUDE_CONFIG_DIR']?.trim() || join(homeDir, '.claude')
const claudeFile = ({ environment, homeDir }: Home): string =>
  join(environment['CLAUDE_CONFIG_DIR']?.trim() || homeDir, '.claude.json')
const codexDirectory = ({ environment, homeDir }: Home): string =>
  environment['CODEX_HOME']?.trim() || join(homeDir, '.codex')
const openCodeDirectory = ({ environment, homeDir }: Home): string =>
  join(environment['XDG_CONFIG_HOME']?.trim() || join(homeDir, '.config'), 'opencode')
const windsurfDirectory = ({ homeDir }: Home): string => join(homeDir, '.codeium', 'windsurf')

function codeDirectory({ environment, homeDir, platform }: Home): string {
  if (platform === 'darwin') return join(homeDir, 'Library', 'Application Support', 'Code', 'User')
  if (platform === 'win32') return join(environment['APPDATA'] ?? join(homeDir, 'AppData', 'Roaming'), 'Code', 'User')
  return join(environment['XDG_CONFIG_HOME']?.trim() || join(homeDir, '.config'), 'Code', 'User')
}

const protocolBlock: Change = { kind: 'block', comment: 'md', text: protocolText }
const mcpServers = (home: Home): Change => ({ kind: 'json', path: ['mcpServers', 'engram'], value: server(home) })

/** JSON strings are TOML strings too. */
const tomlServer = (home: Home): string => {
  const { command, args } = server(home)
  const list = args.map((word) => JSON.stringify(word)).join(', ')
  return `[mcp_servers.engram]\ncommand = ${JSON.stringify(command)}\nargs = [${list}]`
}

/** The first that is there, else the first: `opencode.jsonc` before `opencode.json`. */
const existing = (paths: readonly [string, ...string[]]): string => paths.find((path) => existsSync(path)) ?? paths[0]

export const agents: readonly Agent[] = [
  {
    name: 'claude-code',
    title: 'Claude Code',
    isInstalled: (home) => existsSync(claudeDirectory(home)) || existsSync(claudeFile(home)),
    wishes: (home) => [
      {
        path: claudeFile(home),
        changes: [{ kind: 'json', path: ['mcpServers', 'engram'], value: { type: 'stdio', ...server(home) } }],
      },
      {
        path: join(claudeDirectory(home), 'settings.json'),
        changes: hookItems('claude-code', claudeEvents, home, { kind: 'grouped', perSecond: 1 }),
      },
    ],
  },
  {
    name: 'codex',
    title: 'Codex',
    isInstalled: (home) => existsSync(codexDirectory(home)),
    wishes: (home) => [
      {
        path: join(codexDirectory(home), 'config.toml'),
        changes: [{ kind: 'block', comment: '#', text: tomlServer(home) }],
      },
      { path: join(codexDirectory(home), 'AGENTS.md'), changes: [protocolBlock] },
      {
        path: join(codexDirectory(home), 'hooks.json'),
        changes: hookItems('codex', codexEvents, home, { kind: 'grouped', perSecond: 1 }),
      },
    ],
    // Codex runs no hook of a user that was not looked at.
    note: 'Codex asks you to trust new hooks: type /hooks in it once.',
  },
  {
    name: 'gemini-cli',
    title: 'Gemini CLI',
    isInstalled: (home) => existsSync(join(home.homeDir, '.gemini')),
    wishes: (home) => [
      {
        path: join(home.homeDir, '.gemini', 'settings.json'),
        changes: [
          mcpServers(home),
          ...hookItems('gemini-cli', geminiEvents, home, { kind: 'grouped', perSecond: 1_000 }),
        ],
      },
      { path: join(home.homeDir, '.gemini', 'GEMINI.md'), changes: [protocolBlock] },
    ],
  },
  {
    name: 'opencode',
    title: 'OpenCode',
    isInstalled: (home) => existsSync(openCodeDirectory(home)),
    wishes: (home) => [
      {
        path: existing([
          join(openCodeDirectory(home), 'opencode.json'),
          join(openCodeDirectory(home), 'opencode.jsonc'),
        ]),
        changes: [
          {
            kind: 'json',
            path: ['mcp', 'engram'],
            value: { type: 'local', command: [...mcpWords(home)], enabled: true },
          },
        ],
      },
      { path: join(openCodeDirectory(home), 'AGENTS.md'), changes: [protocolBlock] },
      {
        path: join(openCodeDirectory(home), 'plugins', 'engram.ts'),
        changes: [{ kind: 'file', text: openCodePlugin(home.executable, home.dataDirOptions) }],
      },
    ],
  },
  {
    name: 'cursor',
    title: 'Cursor',
    isInstalled: (home) => existsSync(join(home.homeDir, '.cursor')),
    wishes: (home) => [
      { path: join(home.homeDir, '.cursor', 'mcp.json'), changes: [mcpServers(home)] },
      {
        path: join(home.homeDir, '.cursor', 'hooks.json'),
        changes: [
          { kind: 'json', path: ['version'], value: 1, isDefault: true },
          ...hookItems('cursor', cursorEvents, home, { kind: 'flat', perSecond: 1 }),
        ],
      },
    ],
  },
  {
    name: 'windsurf',
    title: 'Windsurf',
    isInstalled: (home) => existsSync(windsurfDirectory(home)) || existsSync(join(home.homeDir, '.windsurf')),
    wishes: (home) => [
      {
        path: existsSync(windsurfDirectory(home))
          ? join(windsurfDirectory(home), 'mcp_config.json')
          : join(home.homeDir, '.windsurf', 'mcp.json'),
        changes: [mcpServers(home)],
      },
    ],
  },
  {
    name: 'vscode',
    title: 'VS Code',
    isInstalled: (home) => existsSync(codeDirectory(home)),
    wishes: (home) => [
      {
        path: join(codeDirectory(home), 'mcp.json'),
        changes: [{ kind: 'json', path: ['servers', 'engram'], value: { type: 'stdio', ...server(home) } }],
      },
      {
        path: join(codeDirectory(home), 'prompts', 'engram-memory.instructions.md'),
        changes: [{ kind: 'file', text: `---\napplyTo: '**'\n---\n${protocolText}\n` }],
      },
    ],
  },
]
