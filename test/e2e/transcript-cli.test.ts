import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { person, type Person } from '../../src/cli/testing/person.ts'
import { JsonlStore } from '../../src/transcript/jsonl-store.ts'

/** `engram transcript …` over a real data dir. */

let ana: Person
const zone = { environment: { ENGRAM_TIMEZONE: 'UTC' } }
const at = (minute: number): string => `2026-03-01T10:0${minute}:00.000Z`

beforeAll(async () => {
  ana = person()
  const store = await JsonlStore.open(join(ana.dataDir, 'transcripts'))
  const talk = [
    { role: 'user', content: 'is the pool\nbig enough?', created_at: at(1) },
    {
      role: 'assistant',
      content: '',
      created_at: at(2),
      model_name: 'model-1',
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":"pool"}' } }],
    },
    { role: 'tool', content: 'ten \u001b[31mred', created_at: at(3), tool_call_id: 'c1' },
    { role: 'assistant', content: 'Yes.', created_at: at(4) },
  ]
  for (const message of talk) await store.addFullMessage('telegram:1', message)
  await store.setSummary('telegram:1', 'about the pool')
  await store.addMessage('cli', 'user', 'hello')
  await store.close()
})
afterAll(() => ana.leave())

describe('engram transcript', () => {
  it('TRN-1501 list: keys, times, sizes, on request counts; empty says where it looked', async () => {
    const plain = await ana.say(['transcript', 'list', '--counts', '--sort', 'key'])
    const lines = plain.out.trim().split('\n')
    expect([plain.code, lines.map((line) => line.split('  ')[0])]).toEqual([0, ['cli', 'telegram:1']])
    expect(lines[1]).toMatch(/^telegram:1 {2}\S+ {2}4 {2}\d+$/)
    const table = await ana.say(['transcript', 'list'], { isTty: true, ...zone })
    expect(table.out).toContain('about the pool')
    const first = (await ana.json(['transcript', 'list', '--limit', '1', '--sort', 'key'])) as { next: string }
    expect(first).toMatchObject({ transcripts: [{ key: 'cli', aliases: [] }] })
    const second = await ana.json(['transcript', 'list', '--limit', '1', '--sort', 'key', '--cursor', first.next])
    expect(second).toMatchObject({ transcripts: [{ key: 'telegram:1', summary: 'about the pool' }], next: null })
    expect(await ana.json(['transcript', 'list', '--prefix', 'tele'])).toMatchObject({
      transcripts: [{ key: 'telegram:1' }],
    })
    const nowhere = await ana.say(['transcript', 'list', '--dir', 'nowhere'])
    expect([nowhere.code, nowhere.err]).toEqual([0, `No transcripts in ${join(ana.directory, 'nowhere')}.\n`])
    expect(existsSync(join(ana.directory, 'nowhere'))).toBe(false)
  })

  it('TRN-1502 show: role, time and text, calls as name(arguments), nothing a terminal would obey', async () => {
    const said = await ana.say(['transcript', 'show', 'telegram:1', '--summary'], zone)
    expect([said.code, said.out]).toEqual([
      0,
      [
        'Summary: about the pool\n',
        'user  2026-03-01 10:01:00\n  is the pool\n  big enough?',
        'assistant  2026-03-01 10:02:00  model-1\n  look({"at":"pool"})',
        'tool  2026-03-01 10:03:00\n  ten \\u{1b}[31mred',
        'assistant  2026-03-01 10:04:00\n  Yes.\n',
      ].join('\n'),
    ])
    const lines = (await ana.say(['transcript', 'show', 'telegram:1', '--last', '2', '--jsonl'])).out.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { role: string }).role)).toEqual(['tool', 'assistant'])
    const raw = (await ana.say(['transcript', 'show', 'telegram:1', '--last', '1', '--raw'])).out
    expect(raw).toMatch(/^\{"role":"assistant","content":"Yes\.",.*"crc":"[0-9a-f]{8}"\}\n$/)
    const range = await ana.json(['transcript', 'show', 'telegram:1', '--after', '1', '--before', '4'])
    expect(range).toMatchObject({ messages: [{ role: 'assistant' }, { role: 'tool' }] })
    const unknown = await ana.say(['transcript', 'show', 'nobody'])
    expect([unknown.code, unknown.err]).toEqual([5, expect.stringContaining('no transcript "nobody"')])
  })

  it('TRN-1502 show --last 0 is all of a long one, page by page', async () => {
    const store = await JsonlStore.open(join(ana.directory, 'long'))
    await store.setHistory(
      'k',
      Array.from({ length: 2_500 }, (_, n) => ({ role: 'user', content: `${n}` })),
    )
    await store.close()
    const words = ['transcript', 'show', 'k', '--dir', 'long', '--last', '0']
    const all = (await ana.json(words)) as { messages: { content: string }[] }
    expect(all.messages.map((one) => Number(one.content))).toEqual(Array.from({ length: 2_500 }, (_, n) => n))
    expect((await ana.say([...words, '--jsonl'])).out.trim().split('\n')).toHaveLength(2_500)
  })

  it('TRN-1503 TRN-1504 truncate and compact: said beforehand, then done', async () => {
    const words = ['--dir', 'long']
    const dry = await ana.say(['transcript', 'truncate', 'k', '--keep', '100', '--dry-run', ...words])
    expect(dry.out).toBe('DRY RUN — would keep 100 of 2500 messages.\n')
    expect((await ana.say(['transcript', 'truncate', 'k', '--keep', '100', ...words])).out).toBe(
      'Kept 100 of 2500 messages.\n',
    )
    expect((await ana.say(['transcript', 'compact', 'k', '--dry-run', ...words])).out).toMatch(
      /^k: 2400 lines would be dropped of \d+\.\d KiB\n$/,
    )
    expect((await ana.say(['transcript', 'compact', '--all', ...words])).out).toMatch(
      /^k: 2400 lines dropped, \d+\.\d KiB → \d\.\d KiB\n$/,
    )
    expect((await ana.say(['transcript', 'compact', 'k', ...words])).out).toBe('Nothing to drop.\n')
    for (const wrong of [['compact'], ['compact', 'k', '--all'], ['truncate', 'k']])
      expect((await ana.say(['transcript', ...wrong, ...words])).code).toBe(2)
    for (const command of [['compact'], ['truncate', '--keep', '1']])
      expect((await ana.say(['transcript', command[0] ?? '', 'nobody', ...command.slice(1), ...words])).code).toBe(5)
    const mismatch = await ana.say(['transcript', 'list', '--layout', 'compat', ...words])
    expect([mismatch.code, mismatch.err]).toEqual([2, expect.stringContaining('found the native one')])
  })

  it('TRN-1505 migrate: old sessions with their outcomes, then a directory into another layout', async () => {
    const old = join(ana.directory, 'old')
    mkdirSync(old)
    const session = (key: string, ...texts: string[]): string =>
      JSON.stringify({ key, messages: texts.map((content) => ({ role: 'user', content })) })
    writeFileSync(join(old, 'a.json'), session('room:a', 'one', 'two'))
    const words = ['transcript', 'migrate', 'old', '--to', 'new']
    expect(await ana.say([...words, '--dry-run'])).toMatchObject({
      code: 0,
      out: '  a.json as room:a: 2 messages\nDRY RUN — 1 session would be migrated.\n',
    })
    expect(await ana.say(words)).toMatchObject({
      code: 0,
      out: '  a.json as room:a: 2 messages\nMigrated 1 session.\n',
    })
    expect(readdirSync(old)).toEqual(['a.json.migrated'])
    writeFileSync(join(old, 'bad.json'), '{')
    expect(await ana.say(words)).toMatchObject({
      code: 1,
      out: expect.stringContaining('Migrated 0 sessions.') as string,
    })
    writeFileSync(join(old, 'b.json'), session('room:a', 'other'))
    expect(await ana.say(words)).toMatchObject({ code: 3, out: expect.stringContaining('conflict') as string })
    const copied = await ana.say(['transcript', 'migrate', 'new', '--to', 'compat', '--to-layout', 'compat'])
    expect([copied.code, readdirSync(join(ana.directory, 'compat'))]).toEqual([
      0,
      ['.engram', 'room_a.jsonl', 'room_a.meta.json'],
    ])
    expect((await ana.say(['transcript', 'migrate', 'new', '--to-layout', 'compat'])).code).toBe(2)
    const shown = await ana.say(['transcript', 'show', 'room:a', '--dir', 'compat', '--jsonl'])
    expect(shown.out.trim().split('\n')).toHaveLength(2)
  })

  it('TRN-1508 TRN-1004 verify: every line read, what is bad named, nothing repaired', async () => {
    expect(await ana.say(['transcript', 'verify'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2 transcripts, 5 lines, .* read: nothing is bad\.\n$/) as string,
    })
    const store = await JsonlStore.open(join(ana.directory, 'hurt'))
    for (const text of ['one', 'two']) await store.addMessage('k', 'user', text)
    await store.close()
    const path = join(ana.directory, 'hurt/s-k.jsonl')
    appendFileSync(path, '{"role":"user","content":"x","crc":"00000000"}\n{"role":"us')
    writeFileSync(join(ana.directory, 'hurt/s-k.meta.json'), Buffer.alloc(64))
    const said = await ana.say(['transcript', 'verify', 'k', '--dir', 'hurt'])
    expect(said.code).toBe(1)
    expect(said.out).toMatch(/line 3, byte \d+: wrong sum/)
    expect(said.out).toContain('meta file: not JSON')
    expect(said.out).toContain('ends within a line')
    expect(said.out).toContain('2 problems')
    // A second look finds the same: nothing was repaired.
    expect((await ana.say(['transcript', 'verify', 'k', '--dir', 'hurt'])).out).toBe(said.out)
    expect(await ana.json(['transcript', 'verify', '--dir', 'hurt'])).toMatchObject({
      problems: 2,
      transcripts: [{ retained: 2, bad: [{ line: 3 }], torn: true, meta: 'damaged' }],
    })
  })

  it('TRN-1507 tail --follow prints what is appended meanwhile, each once, until it is interrupted', async () => {
    const directory = join(ana.directory, 'followed')
    const store = await JsonlStore.open(directory)
    for (let n = 0; n < 5; n++) await store.addMessage('k', 'user', `before ${n}`)
    const program = fileURLToPath(new URL('../../bin/engram.js', import.meta.url))
    const words = ['transcript', 'tail', 'k', '--dir', directory, '--last', '2', '--follow', '--jsonl']
    const running = spawn(process.execPath, [program, ...words], {
      env: { PATH: process.env['PATH'], HOME: ana.home },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    const seen = (): string[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { content: string }).content)
    running.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    await expect.poll(seen, { timeout: 10_000 }).toEqual(['before 3', 'before 4'])
    for (let n = 0; n < 4; n++) await store.addMessage('k', 'user', `after ${n}`)
    const expected = ['before 3', 'before 4', 'after 0', 'after 1', 'after 2', 'after 3']
    await expect.poll(seen, { timeout: 10_000 }).toEqual(expected)
    running.kill('SIGINT')
    await once(running, 'close')
    expect(seen()).toEqual(expected)
    await store.close()
  })

  it('TRN-1506 append from standard input or --content, summary, delete: each says what it did', async () => {
    const at = ['--dir', 'made']
    const append = ['transcript', 'append', 'a:b', ...at, '--role', 'user']
    expect((await ana.say([...append, '--id', 'one'], { input: 'from\nstdin' })).out).toBe('Message 1 of a:b.\n')
    expect((await ana.say([...append, '--content', 'again', '--id', 'one'])).out).toBe(
      'Already there: message 1 of a:b.\n',
    )
    expect(await ana.json([...append, '--content', 'two'])).toMatchObject({ position: 2, stored: true })
    const shown = await ana.json(['transcript', 'show', 'a:b', ...at])
    expect(shown).toMatchObject({ messages: [{ content: 'from\nstdin' }, { content: 'two' }] })
    expect((await ana.say(['transcript', 'append', 'a:b', ...at])).code).toBe(2)
    const summary = ['transcript', 'summary', 'a:b', ...at]
    expect((await ana.say(summary)).out).toBe('No summary.\n')
    expect((await ana.say([...summary, '--set', 'about\u001b[31m it'])).out).toBe('Summary of a:b set.\n')
    expect((await ana.say(summary)).out).toBe('about\\u{1b}[31m it\n')
    expect((await ana.say([...summary, '--set', ''])).out).toBe('Summary of a:b cleared.\n')
    expect((await ana.say(['transcript', 'summary', 'nobody', ...at])).code).toBe(5)
    expect((await ana.say(['transcript', 'delete', 'a:b', ...at, '--purge'])).code).not.toBe(0)
    expect((await ana.say(['transcript', 'delete', 'a:b', ...at])).out).toContain('a:b deleted')
    expect((await ana.say(['transcript', 'delete', 'a:b', ...at])).code).toBe(5)
    await ana.say([...append, '--content', 'PASSPHRASE'])
    expect((await ana.say(['transcript', 'delete', 'a:b', ...at, '--purge', '--yes'])).out).toBe('a:b purged.\n')
    expect(await ana.json(['transcript', 'list', ...at])).toMatchObject({ transcripts: [] })
  })
})
