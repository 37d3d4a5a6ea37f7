import { crypto } from './crypto.ts'

/** SHA-256 of UTF-8 text or bytes, 64 lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return crypto().hash('sha256', data, 'hex')
}

/** Equality in constant time, over digests, so that neither content nor length shows in the time it takes. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => crypto().createHash('sha256').update(text).digest()
  return crypto().timingSafeEqual(digest(a), digest(b))
}

/** SHA-256 of UTF-8 text in base64, as content policies name inline blocks. */
export function sha256Base64(text: string): string {
  return crypto().createHash('sha256').update(text).digest('base64')
}
