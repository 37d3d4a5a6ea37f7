import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** The real program in processes of its own: pipes, signals, terminals and exit codes. */
const program = fileURLToPath(new URL('../../bin/engram.js', import.meta.url))

const state = { home: '' }
beforeEach(() => {
  state.home = mkdtempSync(join(tmpdir(), 'engram-e2e-'))
})
afterEach(() => rmSync(state.home, { recursive: true, force: true }))

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: state.home,
  CLAUDE_CONFIG_DIR: join(state.home, '.claude'),
  CODEX_HOME: join(state.home, '.codex'),
})

function engram(words: readonly string[], input = '') {
  const done = spawnSync(process.execPath, [program, ...words], {
    cwd: state.home,
    env: environment(),
    input,
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { code: done.status, out: done.stdout, err: done.stderr }
}

/** A line of a POSIX shell in which `engram` is the program. */
function shell(line: string) {
  const text = `engram() { "${process.execPath}" "${program}" "$@"; }\n${line}`
  const done = spawnSync('bash', ['-c', `set -o pipefail\n${text}`], {
    cwd: state.home,
    env: environment(),
    encoding: 'utf8',
  })
  return { code: done.status, out: done.stdout, err: done.stderr }
}

describe('engram as a process', () => {
  it('MEM-1401 saves, finds, edits, deletes, and says so by exit codes', () => {
    expect(engram(['save', 'Pool size', 'Ten connections.', '--project', 'alpha'])).toMatchObject({
      code: 0,
      out: 'Memory saved: #1 "Pool size" (manual)\n',
    })
    expect(engram(['search', 'connections', '--project', 'alpha']).out).toMatch(
      /^Found 1 memories:\n\n\[1\] #1 \(manual\) — Pool size\n/,
    )
    expect(engram(['delete', '1']).out).toContain('soft-deleted')
    expect(engram(['search', 'connections', '--project', 'alpha']).out).toBe('No memories found for: "connections"\n')
    expect(engram(['show', '99']).code).toBe(5)
    expect(engram(['delete', '1', '--dry-run']).code).toBe(2)
    expect(engram(['search', 'x', '--project', 'nowhere', '--json'])).toMatchObject({ code: 5, out: '' })
  })

  it('a reader that goes away is no failure', () => {
    for (let n = 0; n < 3; n++) engram(['save', `Memory ${n}`, 'word '.repeat(3_000), '--project', 'alpha'])
    const { code, err } = shell(
      'engram export - --all | head -c 10; echo; engram search word --project alpha | head -n 1',
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })

  it('ING-CMD-4 the loop of the guide meets every project', () => {
    for (const name of ['alpha', 'my project', 'a*b', 'größe'])
      engram(['save', 'Title', `About ${name}.`, '--project', name])
    const { code, out } = shell(
      "for project in $(engram projects | grep -o '^\\s*[^ ]*'); do engram context \"$project\" | grep -c 'About'; done",
    )
    expect({ code, out }).toEqual({ code: 0, out: '1\n1\n1\n1\n' })
  })

  it('MEM-1004 a backup goes from one data dir to another through a pipe', () => {
    engram(['save', 'Title', 'Größe — "quoted"', '--project', 'alpha'])
    const { code, out } = shell('engram export - --all | engram import - --data-dir "$HOME/other"')
    expect(code).toBe(0)
    expect(out).toMatch(/^Imported from standard input\n {2}Sessions: +1\n {2}Observations: +1\n/)
    expect(engram(['show', '1', '--data-dir', join(state.home, 'other')]).out).toContain('Größe — "quoted"')
  })

  it('the file of a backup is for its owner alone', () => {
    engram(['save', 'Title', 'Some content.'])
    expect(engram(['export', 'out.json', '--all']).code).toBe(0)
    expect(JSON.parse(readFileSync(join(state.home, 'out.json'), 'utf8'))).toMatchObject({ version: '0.2.0' })
    expect(shell('stat -c %a out.json').out).toBe('600\n')
  })

  it('MEM-1401 what is refused makes no data dir', () => {
    expect(engram(['serch', 'x']).code).toBe(2)
    expect(engram(['stats', '--data-dir', 'here']).code).toBe(2)
    expect(engram(['help']).code).toBe(0)
    expect(existsSync(join(state.home, '.engram'))).toBe(false)
  })

  it.each([
    ['import', ['import', '-']],
    ['save', ['save', 'Title', '-']],
  ])('MEM-1401 one Ctrl-C ends a wait for standard input: %s', async (_name, words) => {
    const waiting = spawn(process.execPath, [program, ...words], { cwd: state.home, env: environment() })
    const ended = new Promise((resolve) => waiting.on('exit', resolve))
    waiting.stdin.write('{"version": ')
    await new Promise((resolve) => setTimeout(resolve, 700))
    const fromMs = performance.now()
    waiting.kill('SIGINT')
    expect(await ended).toBe(130)
    expect(performance.now() - fromMs).toBeLessThan(2_000)
  })

  it('MEM-1301 serves until it is stopped, and ends in order', async () => {
    const server = spawn(process.execPath, [program, 'serve', '--port', '0'], { cwd: state.home, env: environment() })
    const said = await new Promise<string>((resolve, reject) => {
      server.on('error', reject)
      server.on('exit', (code) => reject(new Error(`it ended with ${code}`)))
      server.stderr.setEncoding('utf8').on('data', (text: string) => resolve(text))
    })
    const address = /listening on (\S+)/.exec(said)?.[1] ?? ''
    const health = await fetch(`http://${address}/health`)
    expect(await health.json()).toMatchObject({ status: 'ok', service: 'engram' })
    server.removeAllListeners('exit')
    const ended = new Promise((resolve) => server.on('exit', resolve))
    server.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('engram test finds nothing wrong with the program itself', () => {
    const { code, out } = engram(['test', '--json'])
    expect({ code, report: JSON.parse(out) as unknown }).toMatchObject({ code: 0, report: { ok: true, failed: 0 } })
  })

  const hasGpg = spawnSync('gpg', ['--version']).status === 0
  it.skipIf(!hasGpg)('ING-EXP-4 a project goes encrypted from hand to hand, and secrets do not (gpg wanted)', () => {
    const secret = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_')
    engram([
      'save',
      'Pool size',
      `Ten. <private>the plan</private> ${secret}`,
      '--project',
      'alpha',
      '--type',
      'decision',
    ])
    const { code, err } = shell(`
      export GNUPGHOME="$HOME/keys"; mkdir -m 700 "$GNUPGHOME"
      gpg --batch --quiet --passphrase '' --quick-generate-key me@example.org default default never
      engram export alpha json | tee plain.json | gpg --batch --quiet --trust-model always -e -r me@example.org | base64 > knowledge.enc
      base64 -d knowledge.enc | gpg --batch --quiet -d > back.json
      gpgconf --kill gpg-agent
      cmp back.json plain.json && ! grep -q json knowledge.enc`)
    expect({ code, err: /error|failed/i.test(err) }).toEqual({ code: 0, err: false })
    const back = readFileSync(join(state.home, 'back.json'), 'utf8')
    expect(back).toContain('Pool size')
    expect([back.includes('the plan'), back.includes(secret)]).toEqual([false, false])
  })
})
