import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { consoleLine, openLog, type Log, type LogOptions } from './log.ts'

/** What a log writes to a real file. */
async function linesOf(
  options: Omit<LogOptions, 'component' | 'descriptor'>,
  tell: (log: Log) => void,
): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'engram-log-'))
  const path = join(directory, 'log')
  const descriptor = openSync(path, 'a')
  try {
    const log = await openLog({ ...options, component: 'server', descriptor })
    tell(log)
    await log.close()
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  } finally {
    try {
      closeSync(descriptor)
    } catch {
      // The log has closed it.
    }
    rmSync(directory, { recursive: true })
  }
}

const everything = (log: Log): void => {
  log.debug('a', { path: '/health', status: 200 })
  log.info('b')
  log.warn('c', { retry: true })
  log.error('d', { code: 'internal', at: null })
}

describe('JSON lines', () => {
  it('COL-2003 level, time, component, message, fields', async () => {
    const lines = await linesOf({ level: 'debug', format: 'json' }, everything)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'debug', time, component: 'server', path: '/health', status: 200, message: 'a' },
      { level: 'info', time, component: 'server', message: 'b' },
      { level: 'warn', time, component: 'server', retry: true, message: 'c' },
      { level: 'error', time, component: 'server', code: 'internal', at: null, message: 'd' },
    ])
  })

  it('COL-1805 fields of a person stand in each line, and the place that told it', async () => {
    const options = {
      level: 'info',
      format: 'json',
      fields: { service: 'live', shard: 3 },
      includeCaller: true,
    } as const
    const [line = ''] = await linesOf(options, (log) => log.warn('c', { retry: true }))
    expect(JSON.parse(line)).toMatchObject({
      service: 'live',
      shard: 3,
      component: 'server',
      retry: true,
      message: 'c',
    })
    expect((JSON.parse(line) as { caller: string }).caller).toMatch(/^log\.test\.ts:\d+$/)
  })

  it('one line each, whatever it says', async () => {
    const lines = await linesOf({ level: 'info', format: 'json' }, (log) => log.info('a\nb', { c: '\u2028\n"' }))
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'a\nb', c: '\u2028\n"' })
  })
})

describe('levels', () => {
  it.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
    ['silent', 0],
  ] as const)('COL-2003 %s tells %i of four', async (level, count) => {
    expect(await linesOf({ level, format: 'json' }, everything)).toHaveLength(count)
    expect(await linesOf({ level, format: 'console' }, everything)).toHaveLength(count)
  })
})

describe('sentences for people', () => {
  const line = (fields: object): string =>
    consoleLine(JSON.stringify({ level: 'warn', time: '2026-03-01T10:31:02.123Z', component: 'server', ...fields }))

  it.each([
    [
      { message: 'a save was queued', reason: 'storage_busy' },
      '10:31:02 warn  a save was queued reason=storage_busy\n',
    ],
    [{ message: 'x', error: 'two words', n: 2, none: null }, '10:31:02 warn  x error="two words" n=2 none=null\n'],
    [{ message: 'evil\u001b[2Jline\nnext' }, '10:31:02 warn  evil\\u{1b}[2Jline\\u{a}next\n'],
    [{ message: 'm', a: '\u202eb', empty: '' }, '10:31:02 warn  m a=\\u{202e}b empty=""\n'],
  ])('%j', (fields, expected) => {
    expect(line(fields)).toBe(expected)
  })
})

describe('the way in', () => {
  it('a program that opens no log does not load what is behind it', () => {
    const script = `await import(${JSON.stringify(new URL('log.ts', import.meta.url).href)})
      const loaded = process.getBuiltinModule('module').createRequire(import.meta.url).cache
      process.stdout.write(String(Object.keys(loaded).filter((path) => path.includes('pino')).length))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stdout).toBe('0')
  })

  it('a reader that stands still loses lines and holds nothing up', async () => {
    const script = `const { openLog } = await import(${JSON.stringify(new URL('log.ts', import.meta.url).href)})
      const log = await openLog({ level: 'info', format: 'json', component: 'x' })
      for (let n = 0; n < 20_000; n++) log.info('x'.repeat(1_000))
      process.stdout.write('told')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
    // Nobody reads its messages.
    child.stderr.pause()
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    expect(said.toString()).toBe('told')
    child.kill('SIGKILL')
  })
})
