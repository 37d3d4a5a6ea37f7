import colours from 'picocolors'

/** Words of style by what they mean; plain text when there is no colour. */
export type Painter = {
  readonly title: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly warn: (text: string) => string
  readonly bad: (text: string) => string
  readonly name: (text: string) => string
  readonly hit: (text: string) => string
}

export function createPainter(colour: boolean): Painter {
  const on = colours.createColors(colour)
  return {
    title: on.bold,
    dim: on.dim,
    good: on.green,
    warn: on.yellow,
    bad: on.red,
    name: on.cyan,
    hit: (text) => on.bold(on.yellow(text)),
  }
}
