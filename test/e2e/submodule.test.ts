import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTree } from '../tidy/read-tree.ts'

const root = resolve(import.meta.dirname, '../..')
const place = mkdtempSync(join(tmpdir(), 'engram-submodule-'))
const host = join(place, 'host')

/** Nobody's settings, and a submodule from a folder, which git refuses unless it is told. */
const settings = ['user.name=Ana', 'user.email=ana@example.org', 'protocol.file.allow=always']
function git(directory: string, ...words: readonly string[]): string {
  const flags = settings.flatMap((one) => ['-c', one])
  const env = { PATH: '/usr/bin:/bin', HOME: place, GIT_CONFIG_NOSYSTEM: '1' }
  return execFileSync('git', ['-C', directory, ...flags, ...words], { encoding: 'utf8', stdio: 'pipe', env })
}

/** npm and all it started, should any of it be left. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All have ended.
  }
}

/** What stands here, also before it is committed; what npm installs is the clone's own. */
beforeAll(() => {
  const origin = join(place, 'origin')
  for (const [path, text] of readTree(root)) {
    mkdirSync(dirname(join(origin, path)), { recursive: true })
    writeFileSync(join(origin, path), text)
  }
  for (const directory of [origin, host]) git(place, 'init', '-q', directory)
  git(origin, 'add', '.')
  git(origin, 'commit', '-qm', 'first')
  git(host, 'submodule', 'add', '-q', origin, 'engram')
  symlinkSync(join(root, 'node_modules'), join(host, 'engram/node_modules'))
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

describe('COL-2305 as a git submodule', () => {
  it('is a clone that was never built', () => {
    expect(git(host, 'submodule', 'status')).toMatch(/^ [0-9a-f]{40} engram /)
  })

  it('runs as a service, which SIGTERM to npm ends', async () => {
    const words = ['--prefix', 'engram', 'start', '--', '--addr=127.0.0.1:0', `--data-dir=${join(place, 'data')}`]
    const npm = spawn('npm', words, { cwd: host, env: { ...process.env, HOME: place }, stdio: 'pipe', detached: true })
    let told = ''
    const closed = new Promise<void>((resolve) => npm.once('close', () => resolve()))
    const address = new Promise<string>((resolve, reject) => {
      const hear = (part: Buffer): void => {
        told += part.toString()
        const heard = /listening on (\S+)\n/.exec(told)?.[1]
        if (heard !== undefined) resolve(heard)
      }
      for (const stream of [npm.stdout, npm.stderr]) stream.on('data', hear)
      void closed.then(() => reject(new Error(`ended before it listened: ${told}`)))
    })
    try {
      const health = `http://${await address}/healthz`
      expect((await fetch(health)).status).toBe(200)
      npm.kill('SIGTERM')
      // What outlives npm keeps its pipes open.
      await expect(Promise.race([closed, setTimeout(10_000, 'runs on')])).resolves.toBeUndefined()
      await expect(fetch(health)).rejects.toThrow()
    } finally {
      endGroup(npm.pid)
    }
  })

  it('is imported from a program as it is', () => {
    writeFileSync(
      join(host, 'program.mts'),
      `import { createEngine, defaultConfig } from './engram/src/index.ts'
       const dataDir: string = ${JSON.stringify(join(place, 'embedded'))}
       const engine = createEngine({ ...defaultConfig(), dataDir, serverAddr: '127.0.0.1:0', logLevel: 'error' })
       await engine.start()
       console.log((await fetch(\`http://\${engine.addresses[0] ?? ''}/healthz\`)).status)
       await engine.shutdown()`,
    )
    const { stdout, stderr } = spawnSync(process.execPath, ['program.mts'], { cwd: host, encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: '200\n', stderr: '' })
  })
})
