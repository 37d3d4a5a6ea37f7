import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { person, type Person } from '../testing/person.ts'

let somebody: Person
beforeEach(() => {
  somebody = person()
})
afterEach(() => somebody.leave())

const at = (name: string): string => join(somebody.home, name)
const run = (script: string, ...options: readonly string[]) =>
  somebody.say(['lock', 'run', '--lock', 'deploy', ...options, '--', 'sh', '-c', script])
const begun = () => expect.poll(() => existsSync(at('begun')), { timeout: 10_000 }).toBe(true)
const taken = () => somebody.say(['lock', 'acquire', 'deploy', '--agent', 'other'])

describe('engram lock run', () => {
  it('COL-2207 holds the lock while the command runs, tells it the token, gives it back and passes its exit code on', async () => {
    const running = run(
      'echo $ENGRAM_LOCK_TOKEN $ENGRAM_AGENT > token; touch begun; sleep 0.5; exit 7',
      '--agent',
      'me',
    )
    await begun()
    expect(await taken()).toMatchObject({ code: 3, err: expect.stringContaining("locked by agent 'me'") })
    expect(await running).toMatchObject({ code: 7, err: '' })
    expect(readFileSync(at('token'), 'utf8')).toBe('1 me\n')
    expect(await taken()).toMatchObject({ code: 0 })
  })

  it('COL-2207 renews a lease that is shorter than the command', async () => {
    const running = run('touch begun; sleep 2.2', '--ttl', '1')
    await begun()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await taken()).toMatchObject({ code: 3 })
    expect(await running).toMatchObject({ code: 0 })
  })

  it('COL-2207 stops the command when the lease is lost', async () => {
    const running = run('touch begun; sleep 30; touch late', '--ttl', '1')
    await begun()
    expect(await somebody.say(['lock', 'release', 'deploy'])).toMatchObject({ code: 0 })
    expect(await running).toMatchObject({ code: 3, err: expect.stringContaining('is lost and the command is stopped') })
    expect(existsSync(at('late'))).toBe(false)
  })

  it('COL-2207 a command that is not there or dies is told as a shell tells it, and the lock is free', async () => {
    const missing = await somebody.say(['lock', 'run', '--lock', 'deploy', '--', 'no-such-command'])
    expect(missing).toMatchObject({ code: 127, err: 'no-such-command: command not found\n' })
    expect(await run('kill -9 $$')).toMatchObject({ code: 137 })
    expect(await taken()).toMatchObject({ code: 0 })
  })

  it('COL-2207 without a lock or a command it is misuse, and a lock somebody holds is refused before anything runs', async () => {
    expect(await somebody.say(['lock', 'run', '--lock', 'deploy'])).toMatchObject({ code: 2 })
    expect(await somebody.say(['lock', 'run', '--', 'true'])).toMatchObject({ code: 2 })
    await taken()
    expect(await run('touch begun')).toMatchObject({ code: 3 })
    expect(existsSync(at('begun'))).toBe(false)
  })
})
