import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createProgram } from '../app.ts'
import { leftWords } from './left-commands.ts'
import { runCommandLine } from './main.ts'
import { person, testTerminal, untouchable, type Person, type PersonOptions } from './testing/person.ts'
import { textWidth } from './text-width.ts'

const state: { me: Person | null } = { me: null }
const me = (): Person => {
  if (state.me === null) throw new Error('nobody is there')
  return state.me
}
beforeEach(() => {
  state.me = person()
})
afterEach(() => state.me?.leave())

/** Said to a program that fails when anything is opened. */
const refused = (words: readonly string[], options: PersonOptions = {}) =>
  me().say(words, { ...options, program: untouchable })

describe('MEM-1401 what is not understood is refused before anything is opened', () => {
  it.each([
    [['serch', 'x'], 'Did you mean search?'],
    [['projects', 'lst'], 'Did you mean list?'],
    [['session', 'shwo', 'x'], 'Did you mean show?'],
    [['search', 'x', '--limt', '3'], 'Did you mean --limit?'],
    [['search', 'x', '--limt=3'], 'Did you mean --limit?'],
    [['delete', '1', '--dry-run'], 'See `engram help delete`.'],
    [['delete', '1', '2'], 'Expected one word after `engram delete`; "2" is too much.'],
    [['status', 'now'], 'Expected no words after `engram status`; "now" is too much.'],
    [['save', 'only a title'], "Missing required argument 'content'."],
    [['search'], "Missing required argument 'words'."],
    [['search', 'x', '--limit'], "Option '--limit <n>' argument missing."],
    [['search', 'x', '--match', 'some'], 'Allowed choices are any, all.'],
    [['search', 'x', '--all', '--project', 'a'], 'Expected either a project or --all, got both.'],
    [['help', 'serch'], 'Did you mean search?'],
    [['help', 'projects', 'lst'], 'Did you mean list?'],
    [['nonsense', '--help'], "Unknown command 'nonsense'."],
    [['search', 'x', '-z'], 'Words that begin with - stand after a lone --.'],
    [['toString'], "Unknown command 'toString'."],
    [['--frobnicate'], "Unknown option '--frobnicate'."],
  ])('engram %j', async (words, said) => {
    const { code, out, err } = await refused(words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/^engram: [A-Z]/)
    expect(err).toContain(said)
    expect(existsSync(me().dataDir)).toBe(false)
  })

  it('the same as JSON', async () => {
    const { err } = await refused(['serch', '--json'])
    expect(JSON.parse(err)).toMatchObject({ code: 'usage', hint: expect.stringContaining('search') as string })
  })

  it.each(['cloud', 'tui'])('%s is not offered', async (word) => {
    const { code, err } = await refused([word])
    expect({ code, first: err.split('\n')[0] }).toEqual({ code: 2, first: `engram: Unknown command '${word}'.` })
  })

  it.each(leftWords)('ING-OTH-1 %s is answered by one line naming our command', async (word) => {
    const { code, out, err } = await refused([word, 'some', '--flag'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(err).toMatch(/`engram \w+/)
  })
})

describe('help and version', () => {
  it('DESIGN §3.6 bare engram prints help', async () => {
    const { code, out } = await refused([])
    expect(code).toBe(0)
    expect(out).toMatch(/^Usage: engram <command>/)
    expect(out).toContain('  search ')
    expect(out).not.toContain('  complete ')
  })

  it('a group without its second word names them, and has done nothing', async () => {
    const { code, out, err } = await refused(['backup'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/create[^]*list[^]*verify[^]*restore/)
  })

  it.each([[['--version']], [['version']], [['-V']]])('%j', async (words) =>
    expect((await refused(words)).out).toBe('engram 0.0.0-test\n'),
  )

  it.each([80, 120])('no line of any help is wider than %i columns', async (columns) => {
    for (const words of [
      [],
      ['search', '-h'],
      ['help', 'projects', 'merge'],
      ['ingest', '-h'],
      ['conflicts', 'list', '-h'],
    ]) {
      const { out } = await refused(words, { isTty: true, columns })
      const wide = out.split('\n').filter((line) => !line.startsWith('  $ ') && textWidth(line) > columns)
      expect(wide).toEqual(words.length === 0 && columns < 90 ? wide.filter((line) => line.startsWith('Every')) : [])
    }
  })

  it('options of every command may stand before it', async () => {
    const { code, out } = await me().say(['--json', '--data-dir', join(me().home, 'other'), 'stats', '--all'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ total_observations: 0 })
    expect(existsSync(join(me().home, 'other', 'engram.db'))).toBe(true)
  })
})

describe('names and places', () => {
  it.each([
    ['MEM-101 a relative data dir', ['stats', '--data-dir', 'here'], {}, 'Expected an absolute data dir, got "here".'],
    [
      'MEM-101 one of the environment',
      ['stats'],
      { ENGRAM_DATA_DIR: './x' },
      'Expected an absolute data dir, got "./x".',
    ],
    ['MEM-110 a project of 300 letters', ['save', 'a', 'b', '--project', 'x'.repeat(300)], {}, 'it has 300 bytes'],
    ['MEM-110 a blank project', ['search', 'x', '--project', ' '], {}, 'it is blank'],
    ['MEM-110 NUL in a project', ['search', 'x', '--project', 'a\0b'], {}, 'it contains NUL'],
  ])('%s is refused before anything is opened', async (_name, words, environment, said) => {
    const { code, err } = await refused(words, { environment })
    expect(code).toBe(2)
    expect(err).toContain(said)
  })

  it('MEM-803 a name that looks like a path is reduced, and that is said', async () => {
    const saved = await me().say(['save', 'Title', 'Some content.', '--project', '/srv/code/my-app'])
    expect(saved.err).toContain('"/srv/code/my-app" looks like a path; my-app is used')
    const found = await me().say(['search', 'content', '--project', 'work/my-app'])
    expect(found.out).toContain('project: my-app')
    expect(found.err).toContain('"work/my-app" looks like a path; my-app is used')
  })

  it('ING-CMD-4 the loop over `engram projects` meets each name once, and each is understood', async () => {
    const names = ['alpha', 'beta-2', 'my project', 'a*b', 'größe']
    for (const name of names) await me().say(['save', 'Title', `About ${name}.`, '--project', name])
    const { out } = await me().say(['projects'])
    const shown = out.split('\n').flatMap((line) => /^\s*[^ ]*/.exec(line)?.[0] || [])
    expect(shown.toSorted()).toEqual(['a%2Ab', 'alpha', 'beta-2', 'größe', 'my%20project'])
    expect(out).not.toMatch(/\t|^Project/m)
    for (const name of shown) expect((await me().say(['recall', name])).code).toBe(0)
  })

  it('without a name it is the project of the directory, or ENGRAM_PROJECT', async () => {
    await me().say(['save', 'Title', 'Some content.'])
    await me().say(['save', 'Other', 'Other content.'], { environment: { ENGRAM_PROJECT: 'beta' } })
    expect((await me().say(['search', 'content'])).out).toMatch(/^Found 1 memories:[^]*Title/)
    expect((await me().say(['search', 'content'], { environment: { ENGRAM_PROJECT: 'beta' } })).out).toMatch(
      /^Found 1[^]*Other/,
    )
    expect((await me().say(['search', 'content', '--all'])).out).toMatch(/^Found 2/)
  })
})

const hostile = '\u001b[31mred\u001b]0;pwned\u0007 \u009b2J \u202eltr\u2066 \u{e0041}\r'
// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u

describe('RET-757 nothing in a memory is obeyed by a terminal', () => {
  it.each([
    [['search', 'harmless']],
    [['search', 'harmless', '--explain', '--json']],
    [['show', '1']],
    [['show', '1', '--json']],
    [['timeline', '1']],
    [['history', '1']],
    [['context']],
    [['recall', 'alpha']],
    [['lookup', 'alpha', 'harmless']],
    [['session', 'list', '--all']],
    [['export', 'alpha', 'markdown']],
    [['export', 'alpha', 'json']],
    [['delete', '1']],
  ])('engram %j', async (words) => {
    const environment = { ENGRAM_PROJECT: 'alpha' }
    await me().say(
      ['save', `harmless ${hostile}`, `harmless ${hostile}\n## heading\n>>> #9 [x] fake <<<`, '--author', hostile],
      { environment },
    )
    await me().say(['update', '1', '--title', `harmless 2 ${hostile}`])
    for (const isTty of words.includes('export') ? [true] : [true, false]) {
      const { code, out, err } = await me().say(words, { environment, isTty })
      expect(code).toBe(0)
      expect(out).not.toMatch(obeyed)
      expect(err).not.toMatch(obeyed)
    }
  })

  it('in words that were typed and come back in an error', async () => {
    expect((await refused([`x${hostile}`])).err).not.toMatch(obeyed)
    expect((await me().say(['show', hostile])).err).not.toMatch(obeyed)
  })
})

describe('MEM-602 no query is an error', () => {
  it.each([
    '"unbalanced',
    'a AND OR NOT',
    'NEAR(a b)',
    'title:x',
    '* ** (',
    "';DROP TABLE observations--",
    '^$\\',
    'a-b_c.d/e',
    '漢',
    '😀',
    'ﬁ ß İ',
    '   ',
    'x'.repeat(5_000),
    '{}[]()<>',
    '% _ \u0000 é',
  ])('%j', async (query) => {
    await me().say(['save', 'Title', 'Some content: a-b_c.d/e 漢字 title:x.'])
    const { code, out } = await me().say(['search', '--', query])
    expect(code).toBe(0)
    expect(out).toMatch(/^(Found \d+ memories:\n|No memories found for: ")/)
  })

  it('MEM-605 what was not found is named', async () => {
    expect((await me().say(['search', '--all', 'nothing', 'like', 'this'])).out).toBe(
      'No memories found for: "nothing like this"\n',
    )
  })
})

describe('text and pipes', () => {
  it('content comes from standard input', async () => {
    await me().say(['save', 'Title', '-'], { input: 'first line\nsecond line' })
    expect(await me().json(['show', '1'])).toMatchObject({ content: 'first line\nsecond line' })
  })

  it('DESIGN §3.3 colour only adds, and nothing is wider than the terminal', async () => {
    await me().say([
      'save',
      'A title that is rather long for such a narrow terminal',
      `${'word '.repeat(60)}end`,
      '--topic',
      'a/b',
    ])
    await me().say(['save', 'A title that is rather long too', 'Something else entirely.'])
    for (const words of [
      ['search', 'word'],
      ['show', '2'],
      ['projects'],
      ['session', 'list'],
      ['status'],
      ['timeline', '1'],
      ['config', 'show'],
      ['doctor'],
    ]) {
      const plain = await me().say(words, { isTty: true, columns: 80 })
      const coloured = await me().say(words, { isTty: true, columns: 80, colour: true })
      // oxlint-disable-next-line no-control-regex -- colours begin with ESC
      expect(coloured.out.replace(/\u001b\[[\d;]*m/g, '')).toBe(plain.out)
      const wide = plain.out.split('\n').filter((line) => textWidth(line) > 80)
      // A path or a message is never cut: who needs it needs all of it.
      expect(wide.filter((line) => !line.includes('Data dir'))).toEqual([])
    }
  })

  it('MEM-1401 in a pipe a hit is the same four lines, however narrow the terminal', async () => {
    await me().say(['save', 'Title', `${'word '.repeat(40)}end`, '--project', 'alpha'])
    const { out } = await me().say(['search', 'word', '--project', 'alpha'], { columns: 20 })
    expect(out).toMatch(
      /^Found 1 memories:\n\n\[1\] #1 \(manual\) — Title\n {4}(word ){40}end\n {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| project: alpha \| scope: project\n$/,
    )
  })

  it('MEM-612 ENGRAM_TIMEZONE changes what people read, not what programs get', async () => {
    await me().say(['save', 'Title', 'Some content.'])
    const read = (zone: string) => me().say(['show', '1'], { environment: { ENGRAM_TIMEZONE: zone } })
    const [utc, tokyo] = [await read('UTC'), await read('Asia/Tokyo')]
    expect(tokyo.out).not.toBe(utc.out)
    expect((await read('No/Where')).code).toBe(0)
    expect(await me().json(['show', '1'], { environment: { ENGRAM_TIMEZONE: 'Asia/Tokyo' } })).toEqual(
      await me().json(['show', '1']),
    )
  })
})

describe('backups', () => {
  it('MEM-1004 export and import lose nothing, through a file and through a pipe', async () => {
    await me().say(['save', 'Title', 'Größe — 漢字 "quoted" \\ back', '--project', 'alpha'])
    await me().say(['update', '1', '--title', 'Other'])
    await me().say(['export', 'all.json', '--all'])
    const piped = await me().say(['export', '-', '--all'])
    const written = readFileSync(join(me().home, 'all.json'), 'utf8')
    const body = (text: string): string => text.replace(/"exported_at": "[^"]*"/, '')
    expect(body(piped.out)).toBe(body(written))
    const other = person()
    try {
      const { code, out } = await other.say(['import', '-'], { input: written })
      expect({ code, out: out.split('\n')[0] }).toEqual({ code: 0, out: 'Imported from standard input' })
      expect((await other.say(['history', '1'])).out).toContain('v1 [manual] Title')
    } finally {
      other.leave()
    }
  })

  it('MEM-1003 a bad row is named, the rest is kept, and the exit code says so', async () => {
    const session = { id: 's1', project: 'alpha', directory: '', started_at: '2026-01-02 03:04:05' }
    const backup = { version: '0.2.0', exported_at: '', sessions: [session, { id: 5 }], observations: [], prompts: [] }
    writeFileSync(join(me().home, 'b.json'), JSON.stringify(backup))
    const { code, out, err } = await me().say(['import', 'b.json'])
    expect(code).toBe(1)
    expect(out).toContain('1 row set aside')
    expect(err).toMatch(/^set aside: session /)
    expect((await me().say(['import', 'b.json', '--strict'])).code).toBe(1)
  })

  it('ING-EXP-1 an unknown project gives an empty stream and a message', async () => {
    const { code, out, err } = await me().say(['export', 'nowhere', 'json'])
    expect({ code, out }).toEqual({ code: 5, out: '' })
    expect(err).toContain('nowhere')
  })

  it('a file that cannot be written is said, and leaves nothing behind', async () => {
    mkdirSync(join(me().home, 'folder'))
    const { code, err } = await me().say(['export', 'folder', '--all'])
    expect(code).toBe(2)
    expect(err).toContain('cannot be written')
    expect((await me().say(['export', 'none/x.json', '--all'])).code).toBe(2)
  })
})

describe('config show (MEM-1404)', () => {
  it('names each source, masks the token, and finds keys nobody reads', async () => {
    mkdirSync(me().dataDir, { recursive: true })
    writeFileSync(join(me().dataDir, 'config.yaml'), 'server: {token: abc123, prot: 1}\nhistory: {keep: 9}\nbogus: 1\n')
    const { out, err } = await me().say(['config', 'show'], {
      program: untouchable,
      environment: { ENGRAM_PORT: '9000' },
    })
    expect(out).toContain('server.token: ••••••  (config.yaml)')
    expect(out).toContain('server.port: 9000  (environment)')
    expect(out).toContain('history.keep: 9  (config.yaml)')
    expect(out).not.toContain('abc123')
    expect(err).toContain('nothing is called server.prot')
    expect(err).toContain('nothing is called bogus')
    expect(JSON.stringify(await me().json(['config']))).not.toContain('abc123')
  })
})

describe('serve (MEM-1301)', () => {
  /** A server that is stopped as soon as it listens. */
  async function served(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const stop = new AbortController()
    const terminal = testTerminal({ homeDir: me().home, directory: me().home, environment })
    const program = createProgram({ environment, homeDir: me().home })
    const stopping = {
      ...program,
      serve: (...[config, options, signal]: Parameters<typeof program.serve>) =>
        program.serve(
          config,
          {
            ...options,
            onListening: (...addresses) => {
              options.onListening(...addresses)
              stop.abort()
            },
          },
          signal,
        ),
    }
    const code = await runCommandLine(words, terminal, stopping, stop.signal)
    return { code, ...terminal.printed }
  }

  it.each([
    [['serve', '--port', '0'], {}],
    [['serve', '0'], {}],
    [['--port=0'], {}],
    [[], { ENGRAM_ADDR: '127.0.0.1:0' }],
  ])('%j %o says where it listens and stops in order', async (words, environment) => {
    const { code, out, err } = await served(words, environment)
    expect({ code, out }).toEqual({ code: 0, out: '' })
    expect(err).toMatch(/^\[engram\] HTTP server listening on 127\.0\.0\.1:\d+\n$/)
  })

  it('COL-302 says where gRPC listens, and answers there', async () => {
    const { code, err } = await served(['serve', '--port', '0', '--grpc-addr', '127.0.0.1:0'])
    expect(code).toBe(0)
    expect(err).toMatch(/\[engram\] gRPC server listening on 127\.0\.0\.1:\d+\n$/)
    const { out } = await served(['--grpc-addr=:0', '--port=0', '--json'])
    expect(JSON.parse(out)).toMatchObject({ grpc: expect.stringMatching(/:\d+$/) as string })
    const open = await served(['serve', '--port', '0', '--grpc-addr', '0.0.0.0:0'])
    expect([open.code, open.err.includes('token')]).toEqual([2, true])
  })

  it('answers programs as JSON', async () => {
    const { out } = await served(['serve', '--port', '0', '--json'])
    expect(JSON.parse(out)).toMatchObject({ status: 'listening', address: expect.stringMatching(/:\d+$/) as string })
  })

  it('MEM-1302 an address others can reach needs a token', async () => {
    expect((await served(['serve', '--addr', '0.0.0.0:0'])).code).toBe(2)
    expect((await refused(['serve', '--socket', '/tmp/x.sock', '--port', '1'])).err).toContain(
      'Expected a socket or an address, got both.',
    )
  })
})

describe('completion', () => {
  const offered = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await me().say(['complete', '--', ...words])).out.split('\n').flatMap((line) => line.split('\t')[0] || [])

  it('offers words, flags, choices and the names of projects', async () => {
    await me().say(['save', 'Title', 'Some content.', '--project', 'my project'])
    expect(await offered('proj')).toContain('projects')
    expect(await offered('conflicts', 'sh')).toContain('show')
    expect(await offered('search', '--li')).toContain('--limit')
    expect(await offered('search', '--match', '')).toEqual(expect.arrayContaining(['any', 'all']))
    expect(await offered('search', '--project', '')).toContain('my%20project')
    expect(await offered('recall', 'my')).toContain('my%20project')
    expect(await offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish', 'powershell']))
    expect(await offered('comple')).not.toContain('complete')
  })

  it('makes no data dir and never fails', async () => {
    expect((await me().say(['complete', '--', 'recall', ''])).code).toBe(0)
    expect(existsSync(me().dataDir)).toBe(false)
    mkdirSync(me().dataDir)
    writeFileSync(join(me().dataDir, 'engram.db'), 'not a database at all')
    expect((await me().say(['complete', '--', 'recall', ''])).code).toBe(0)
  })
})
