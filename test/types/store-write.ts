import type { Store } from '../../src/store/store.ts'

/**
 * Never run: `tsc` is the test (`npm run types`). A transaction is synchronous, so a callback that returns a promise
 * must not compile; each expectation below turns red when it does.
 */
export function transactionsAreSynchronous(store: Store): void {
  const written: Promise<number> = store.write(() => 1)
  const read: string = store.read(() => 'a')
  void [written, read]

  // @ts-expect-error a write that is an async function
  void store.write(async () => 1)
  // @ts-expect-error a write that hands on a promise
  void store.write(() => Promise.resolve(1))
  // @ts-expect-error a write that may be a promise
  void store.write((): number | Promise<number> => 1)
  // @ts-expect-error a read that is an async function
  void store.read(async () => 1)
}
