/** What the client asks of the place it runs in, browser or program; nowhere else in it. */
export const nowMs = (): number => performance.now()
export const newKey = (): string => crypto.randomUUID()
/** A pause of about so long, so that many clients do not come back at once. */
export const jittered = (ms: number): number => ms * (0.8 + Math.random() * 0.4)
export const ownFetch: typeof fetch = (...request) => globalThis.fetch(...request)
