import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'

/** Where a SQLite file keeps `user_version`: four bytes, most significant first. */
const userVersionAt = 60

/** Marks a closed database as one of another schema, as a newer or older program would have left it (MEM-104). */
export function setSchemaNumber(path: string, schema: number): void {
  const file = openSync(path, 'r+')
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, schema)
  writeSync(file, bytes, 0, 4, userVersionAt)
  fsyncSync(file)
  closeSync(file)
}

export function schemaNumberOf(path: string): number {
  const file = openSync(path, 'r')
  const bytes = new Uint8Array(4)
  readSync(file, bytes, 0, 4, userVersionAt)
  closeSync(file)
  return new DataView(bytes.buffer).getUint32(0)
}
