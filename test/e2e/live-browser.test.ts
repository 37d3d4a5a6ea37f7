import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalServer, type LocalServer } from '../contract/http/local-server.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
if (executablePath === undefined) process.stderr.write('skipped: no Chromium is installed, so no browser was asked\n')

let server: LocalServer
beforeAll(async () => {
  server = await startLocalServer()
})
afterAll(() => server.close())

/** Runs in the page: the browser's own clients, nothing of ours. */
async function listenInPage(
  port: number,
): Promise<{ readonly sse: string[]; readonly legacy: string[]; readonly session: string[] }> {
  const heard = { sse: [] as string[], legacy: [] as string[], session: [] as string[] }
  const source = new EventSource('/stream-sse?context=page&encoding=v1')
  source.addEventListener('message', ({ data }: { readonly data: string }) =>
    heard.sse.push((JSON.parse(data) as { payload: string }).payload),
  )
  const legacy = new WebSocket(`ws://127.0.0.1:${port}/stream?context=page&encoding=v1`)
  const session = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ['engram.v1'])
  const ready = [
    new Promise((resolve) => source.addEventListener('connected', resolve, { once: true })),
    new Promise((resolve) => legacy.addEventListener('message', resolve, { once: true })),
    new Promise<void>((resolve) => {
      session.addEventListener('open', () => {
        session.send(JSON.stringify({ op: 'hello', agent_id: 'page' }))
        session.send(JSON.stringify({ op: 'subscribe', id: 1, sub: 's', contexts: ['page'], kinds: ['unit.created'] }))
      })
      session.addEventListener('message', ({ data }: { readonly data: string }) => {
        const frame = JSON.parse(data) as { op: string; data?: { unit: { payload: string } } }
        if (frame.op === 'result') resolve()
        if (frame.op === 'event') heard.session.push(frame.data?.unit.payload ?? '')
      })
    }),
  ]
  legacy.addEventListener('message', ({ data }: { readonly data: string }) => {
    const frame = JSON.parse(data) as { payload?: string }
    if (frame.payload !== undefined) heard.legacy.push(frame.payload)
  })
  await Promise.all(ready)
  const headers = { 'Content-Type': 'application/json', 'X-Agent-ID': 'page' }
  for (let n = 0; n < 20; n++) {
    const body = JSON.stringify({ type: 'MESSAGE', payload: String(n) })
    await fetch('/v1/contexts/page/units', { method: 'POST', headers, body })
  }
  for (let tries = 0; tries < 100; tries++) {
    if (Object.values(heard).every((list) => list.length >= 20)) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return heard
}

describe.runIf(executablePath !== undefined)('a browser', () => {
  it('COL-C1 COL-C2 EventSource and WebSocket of Chromium', { timeout: 60_000 }, async () => {
    await server.caller.call('context.create', { id: 'page', agents: ['page'] })
    const browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${server.port}/healthz`)
      const expected = Array.from({ length: 20 }, (_, n) => String(n))
      expect(await page.evaluate(listenInPage, server.port)).toEqual({
        sse: expected,
        legacy: expected,
        session: expected,
      })
    } finally {
      await browser.close()
    }
  })

  it('COL-809 COL-1502 a page of another site hears nothing', { timeout: 60_000 }, async () => {
    const other = await startLocalServer()
    const browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${other.port}/healthz`)
      const outcome = await page.evaluate(async (port) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/stream`)
        const opened = await new Promise<boolean>((resolve) => {
          socket.addEventListener('open', () => resolve(true))
          socket.addEventListener('error', () => resolve(false))
        })
        const answer = await fetch(`http://127.0.0.1:${port}/workunit`, {
          method: 'POST',
          mode: 'no-cors',
          body: '{"context_id":"evil","agent_id":"a"}',
        }).catch(() => null)
        return { opened, type: answer?.type ?? 'refused' }
      }, server.port)
      expect(outcome.opened).toBe(false)
      expect((await server.send('GET', '/contexts/evil')).status).toBe(404)
    } finally {
      await browser.close()
      await other.close()
    }
  })
})
