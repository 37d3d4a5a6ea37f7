import { afterAll, describe, expect, it } from 'vitest'
import { act, emptyMachine, mixer, type Deed } from '../../src/engine/testing/deeds.ts'
import { decodeManifest, encodeManifest } from '../../src/protocol/manifest.ts'
import { pullChunks } from '../../src/sync/pull.ts'
import { pushChanges } from '../../src/sync/push.ts'
import { closeMachines, everything, freshPeople, memoryOf, preparingHere, type Person } from './chunk-world.ts'

/** `npm run test:long`: as many orders as Y4 asks for. */
const isLong = process.env['ENGRAM_LONG'] !== undefined
const orders = isLong ? 1_000 : 40
const chunks = 30

afterAll(closeMachines)

const kinds: readonly Deed['do'][] = [
  ...(['save', 'save', 'save', 'edit', 'edit', 'edit', 'edit'] as const),
  ...(['judge', 'judge', 'delete', 'restore', 'settle', 'destroy'] as const),
]

/** Two people who hear of each other now and then; each chunk is what one of them did meanwhile. */
async function thirtyChunks(ana: Person, bo: Person): Promise<void> {
  const mix = mixer(7)
  const push = ({ store, branch, machine }: Person) =>
    pushChanges(store, branch, machine.deps.clock, { createdBy: 'somebody', selection: everything })
  for (let number = 0; ana.branch.files.size < chunks; number++) {
    const who = number % 2
    const person = who === 0 ? ana : bo
    person.machine.deps.clock.advance(1_000)
    const deeds = mix(kinds).slice(0, 3)
    for (const [index, kind] of [...deeds, 'save' as const].entries())
      await person.machine.store.write((tx) => act(tx, person.machine, who, { do: kind, pick: index, text: number }))
    await push(person)
    ana.branch.mergeFrom(bo.branch)
    bo.branch.mergeFrom(ana.branch)
    if (number % 5 === 4) await pullChunks(person.store, person.branch, {})
  }
}

describe('Y4', () => {
  it(
    `Y4, CHK-603, CHK-602, CHK-613, CHK-1206 thirty chunks in ${orders} orders, some twice, one late: one memory, and nothing is fatal`,
    async () => {
      const [ana, bo, cy] = await freshPeople(3)
      if (ana === undefined || bo === undefined || cy === undefined) throw new Error('nobody is here')
      await thirtyChunks(ana, bo)
      const files = [...ana.branch.files]
      const { manifest } = decodeManifest(ana.branch.text)
      let first: string | null = null
      for (let order = 0; order < orders; order++) {
        const mix = mixer(order)
        const preparer = order % 2 === 0 ? undefined : preparingHere(cy.machine.deps)
        const listed = mix(manifest.chunks)
        const [late] = mix(files)
        if (late === undefined) throw new Error('there are no chunks')
        await emptyMachine(cy.machine)
        cy.branch.files.clear()
        for (const [id, packed] of files) if (id !== late[0]) cy.branch.files.set(id, packed)
        cy.branch.text = encodeManifest({ version: 1, chunks: [...listed, ...mix(listed).slice(0, 10)] })
        expect(await pullChunks(cy.store, cy.branch, { preparer })).toMatchObject({
          chunks_imported: chunks - 1,
          chunks_missing: 1,
          chunks_quarantined: 0,
          rows_quarantined: 0,
        })
        cy.branch.files.set(...late)
        expect(await pullChunks(cy.store, cy.branch, { preparer })).toMatchObject({
          chunks_imported: 1,
          chunks_missing: 0,
        })
        const memory = await memoryOf(cy)
        first ??= memory
        expect(memory).toBe(first)
      }
    },
    isLong ? 1_200_000 : 120_000,
  )
})
