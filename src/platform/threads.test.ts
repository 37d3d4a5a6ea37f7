import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { startThread } from './threads.ts'

const fileOf = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`)

const slow = `
import { parentPort } from 'node:worker_threads'
parentPort.on('message', (message) => {
  const until = performance.now() + 50
  while (performance.now() < until);
  parentPort.postMessage(message)
})`

it('MEM-103 a thread is ended when it has told what it was asked, never in the midst of it', async () => {
  const [told, ends]: [string[], number[]] = [[], []]
  const options = { onTold: (text: string) => void told.push(text), onEnd: () => void ends.push(1), heapMaxMiB: 32 }
  const thread = startThread<string, string>(fileOf(slow), options)
  thread.ask('one')
  thread.ask('two')
  await thread.stop()
  expect([told, ends.length]).toEqual([['one', 'two'], 1])
})

it('MEM-103 one that cannot begin, and one that was asked nothing, are ended at once', async () => {
  const options = { onTold: () => undefined, onEnd: () => undefined, heapMaxMiB: 32 }
  const broken = startThread<string, string>(fileOf('throw new Error("no")'), options)
  broken.ask('anything')
  const idle = startThread<string, string>(fileOf(slow), options)
  await expect(Promise.all([broken.stop(), idle.stop()])).resolves.toHaveLength(2)
})

it('CHK-613 a process stays alive for what a thread has yet to tell, and not for one that rests', () => {
  const code = `
    import { startThread } from ${JSON.stringify(new URL('./threads.ts', import.meta.url).href)}
    const start = (onTold) => startThread(new URL(${JSON.stringify(fileOf(slow).href)}), { onTold, onEnd: () => {}, heapMaxMiB: 32 })
    start(() => {})
    const thread = start((text) => console.log(text))
    thread.ask('one')
    thread.ask('two')`
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect(told).toBe('one\ntwo\n')
})
